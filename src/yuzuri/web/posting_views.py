"""What would come of posting a link, in words, by the rules that will decide it."""

from dataclasses import dataclass, replace

from yuzuri.feasibility.arrival import arrivals
from yuzuri.feasibility.question import Holding, Party
from yuzuri.feasibility.verdict import Effect
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.quantities import Quantity
from yuzuri.ledger.changes import OpenHold
from yuzuri.ledger.store import read_book
from yuzuri.runtime.posters import say_shares
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.gift_facts import GiftFacts
from yuzuri.sharing.gift_store import load_gift_facts
from yuzuri.sharing.gifts import GiftRefused
from yuzuri.sharing.link_decisions import decide_link
from yuzuri.sharing.link_draws import share_sizes
from yuzuri.sharing.link_facts import LinkFacts
from yuzuri.sharing.links import Link, LinkDone, PostLink, Split
from yuzuri.subscribers.lines import load_lines
from yuzuri.web.evidence_views import InsteadView, Told, tell_instead, tell_reason, tell_refusal
from yuzuri.web.instants import Reader
from yuzuri.web.link_views import say_audience
from yuzuri.web.offers import Part, say_arrivals, unclaimed
from yuzuri.words.formats import say_quantity
from yuzuri.words.translations import translate


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPreview:
    """What would come of a post."""

    feasible: bool
    amount: str = ""
    title: str = ""
    audience: str = ""
    each: tuple[Part, ...] = ()
    note: str = ""
    """What one should know of `each`."""
    until: str = ""
    deadline: str = ""
    """The same instant for the form that follows."""
    returns: tuple[Part, ...] = ()
    lost: str = ""
    left: str = ""
    notes: tuple[Told, ...] = ()
    reasons: tuple[Told, ...] = ()
    instead: tuple[InsteadView, ...] = ()


async def preview_posting(yuzuri: Yuzuri, post: PostLink, reader: Reader) -> LinkPreview:
    """Say what would come of a post; nothing is changed."""
    async with yuzuri.database.connection() as connection:
        lines = await load_lines(connection, [post.line])
        book = await read_book(connection, list(lines), reader.at)
        gifts = await load_gift_facts(connection, book, yuzuri.profiles, lines)
    try:
        decision = decide_link(LinkFacts(gifts), post)
    except DomainError as error:
        return LinkPreview(feasible=False, reasons=(tell_refusal(error.refusal, reader),))
    match decision.outcome:
        case LinkDone(link, notes):
            holds = [change for change in decision.ledger if isinstance(change, OpenHold)]
            parts = [(Holding(book.allowances[h.allowance], h.amount), h.amount) for h in holds]
            told = [r for r in notes if r.effect is Effect.NOTES]
            shown = _open_preview(gifts, link, parts, reader)
            # Where a part of it would come back, `lost` says exactly what would not.
            hidden = {Code.GIFT_EXPIRES_UNCLAIMED} if shown.returns else set()
            said = tuple(tell_reason(r, reader) for r in told if r.code not in hidden)
            return replace(shown, notes=said)
        case GiftRefused() as refused:
            return refused_posting(refused, post, reader)
        case _:
            raise AssertionError(decision.outcome)


def refused_posting(refused: GiftRefused, post: PostLink, reader: Reader) -> LinkPreview:
    """Say why a post is not possible, and what would be."""
    return LinkPreview(
        feasible=False,
        reasons=tuple(tell_reason(reason, reader) for reason in refused.reasons),
        instead=tuple(tell_instead(instead, post.unit, reader) for instead in refused.instead),
    )


def _open_preview(
    gifts: GiftFacts, link: Link, parts: list[tuple[Holding, int]], reader: Reader
) -> LinkPreview:
    language, giver = reader.language, gifts.lines[link.line]
    profile = gifts.profiles[giver.operator]
    asked = gifts.question(giver, giver, Quantity(link.amount, link.unit))
    anybody = replace(asked, receiver=Party(profile), receiver_has=None, received=())
    arriving = say_arrivals(arrivals(anybody, parts), reader)
    returns, lost = unclaimed(parts, link.deadline)

    def say(amount: int) -> str:
        return say_quantity(Quantity(amount, link.unit), language, exact=True)

    size = _say_size(link, reader)
    is_one_end = len(arriving) == 1
    return LinkPreview(
        feasible=True,
        amount=say(link.amount),
        title=say_shares(link, language),
        audience=say_audience(link.audience, profile, language),
        each=(replace(arriving[0], amount=size),) if is_one_end else arriving,
        note=""
        if is_one_end
        else translate(language, "Each is {size}. What ends first is taken first.", size=size),
        until=reader.until(link.deadline),
        deadline=link.deadline.isoformat(),
        returns=tuple(
            Part(say(amount), reader.until(end), hours) for (end, hours), amount in returns.items()
        ),
        lost=say(lost) if lost and returns else "",
        left=say_quantity(
            Quantity(sum(h.available for h in asked.usable()) - link.amount, link.unit), language
        ),
    )


def _say_size(link: Link, reader: Reader) -> str:
    """Say how large a share is; of a draw only what is told before it is open."""

    def say(amount: int) -> str:
        return say_quantity(Quantity(amount, link.unit), reader.language, exact=True)

    if link.split is Split.RANDOM and link.shares > 1:
        mean = say_quantity(Quantity(link.amount // link.shares, link.unit), reader.language)
        return translate(
            reader.language,
            "at least {least}, {mean} on average",
            least=say(link.least),
            mean=mean,
        )
    sizes = share_sizes(link)
    smallest, largest = min(sizes), max(sizes)
    if smallest == largest:
        return say(largest)
    return translate(reader.language, "{least} to {most}", least=say(smallest), most=say(largest))
