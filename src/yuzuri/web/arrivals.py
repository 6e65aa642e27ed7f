"""What an open gift would bring if it were accepted now, by the rules that will decide it."""

from yuzuri.kernel.names import Language
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.account import GiftInView, load_offer_facts
from yuzuri.sharing.gift_decisions import preview_acceptance
from yuzuri.web.instants import Reader
from yuzuri.web.offers import Part, say_arrivals


async def load_arrivals(yuzuri: Yuzuri, seen: GiftInView, language: Language) -> tuple[Part, ...]:
    """Return what would arrive of an open gift and until when it could be used."""
    at = yuzuri.clock()
    async with yuzuri.database.connection() as connection:
        facts = await load_offer_facts(connection, yuzuri.profiles, seen.gift, at)
    zone = yuzuri.profiles[seen.line.operator].zone
    return say_arrivals(preview_acceptance(facts, seen.gift), Reader(language, zone, at))
