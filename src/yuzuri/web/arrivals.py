"""What an open gift would bring if it were accepted now, by the rules that will decide it."""

from yuzuri.feasibility.arrival import arrivals
from yuzuri.feasibility.question import Holding
from yuzuri.kernel.ids import HOME
from yuzuri.kernel.names import Language
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.account import GiftInView, load_offer_facts
from yuzuri.sharing.gifts import OfferGift
from yuzuri.web.instants import Reader
from yuzuri.web.offers import Part, say_arrivals


async def load_arrivals(yuzuri: Yuzuri, seen: GiftInView, language: Language) -> tuple[Part, ...]:
    """Return what would arrive of an open gift and until when it could be used."""
    gift, at = seen.gift, yuzuri.clock()
    both = OfferGift(
        person=seen.line.person,
        from_line=gift.from_line,
        to_line=gift.to_line,
        unit=gift.unit,
        amount=gift.amount,
    )
    async with yuzuri.database.connection() as connection:
        facts = await load_offer_facts(connection, HOME, yuzuri.profiles, both, at)
    question = facts.question(facts.lines[gift.from_line], facts.lines[gift.to_line], gift.quantity)
    parts = (
        (Holding(facts.book.allowances[hold.allowance], hold.amount), hold.amount)
        for hold in facts.book.open_holds(gift.id)
    )
    zone = yuzuri.profiles[seen.line.operator].zone
    return say_arrivals(arrivals(question, parts), Reader(language, zone, at))
