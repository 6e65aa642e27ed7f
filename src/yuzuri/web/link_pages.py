"""One's own links and requests in a list, and a link as it goes: who takes what, and its end."""

from collections.abc import Sequence
from dataclasses import dataclass

from litestar import Response, get, post
from litestar.response import Redirect

from yuzuri.kernel.errors import DomainError
from yuzuri.kernel.quantities import Quantity
from yuzuri.runtime.draws import draw_command
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.gifts import GiftRefused
from yuzuri.sharing.link_draws import share_sizes
from yuzuri.sharing.link_views import (
    LinkInView,
    ShareInView,
    load_left,
    load_link_list,
    load_own_link,
    load_shares,
)
from yuzuri.sharing.links import Link, LinkDone, RevokeLink, Split
from yuzuri.sharing.request_views import load_request_list
from yuzuri.subscribers.lines import Person
from yuzuri.web.evidence_views import Told, tell_reason, tell_refusal
from yuzuri.web.forms import Form
from yuzuri.web.instants import Reader
from yuzuri.web.link_views import LinkView, view_link
from yuzuri.web.offers import say_arrivals
from yuzuri.web.poster_pages import read_link_id
from yuzuri.web.rendering import page, see_other
from yuzuri.web.request_views import view_request
from yuzuri.web.sending import new_key, submit
from yuzuri.web.share_pictures import FRUITS_MAX, Taken
from yuzuri.web.visits import AnyRequest, Visit, yuzuri_of
from yuzuri.words.formats import say_quantity
from yuzuri.words.translations import translate

SHARES_SHOWN = 50
"""How many of those who took a share are named, the last ones first."""

SIZES_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Posted:
    """A link or a request in a list."""

    id: str
    is_open: bool
    icon: str
    title: str
    said: str
    bar: int


@dataclass(frozen=True, slots=True)
class TakerView:
    """Who took a share; `name` is empty where they hide it."""

    gift: str
    name: str
    amount: str
    when: str
    thanks: str


@dataclass(frozen=True, slots=True)
class Draw:
    """What proves a draw once it is over."""

    seed: str
    command: str
    sizes: str


@get("/links")
async def show_links(request: AnyRequest, visit: Visit, person: Person) -> Response[str]:
    """Show one's own links and requests."""
    yuzuri, language = yuzuri_of(request), visit.language
    at = yuzuri.clock()
    async with yuzuri.database.connection() as connection:
        links = await load_link_list(connection, person.id, at)
        asked = await load_request_list(connection, person.id, at)
    posted = [
        Posted(
            view.id,
            view.is_open,
            "dice" if view.is_random else "qr",
            f"{view.amount} · {view.division}",
            f"{view.state_text} · {view.until if view.is_open else view.taken_said}",
            view.bar,
        )
        for view in (_view(yuzuri, visit, seen) for seen in links)
    ]
    requests = [
        Posted(
            view.id,
            view.is_open,
            "hand",
            translate(language, "{amount} for {line}", amount=view.amount, line=view.line),
            f"{view.state_text} · {view.filled_said}",
            view.bar,
        )
        for seen in asked
        for profile in (yuzuri.profiles[seen.line.operator],)
        for view in (
            view_request(seen.request, seen.line, profile, Reader(language, profile.zone, at)),
        )
    ]
    return page(visit, "links.html", links=posted, requests=requests)


@get("/links/{link:str}")
async def show_link(request: AnyRequest, visit: Visit, person: Person, link: str) -> Response[str]:
    """Show a link of one's own: its page asks again while somebody looks."""
    yuzuri = yuzuri_of(request)
    return await _link_page(yuzuri, visit, person, link)


@post("/links/{link:str}/revoke")
async def revoke_link(
    request: AnyRequest, visit: Visit, person: Person, form: Form, link: str
) -> Response[str] | Redirect:
    """Take back what is left of a link."""
    yuzuri = yuzuri_of(request)
    link_id, reader = read_link_id(link), Reader.of_world(visit.language, yuzuri.clock())
    command = RevokeLink(person=person.id, link=link_id)
    try:
        outcome = await submit(yuzuri, person, f"revoke-{link_id}", form.text("key"), command)
    except DomainError as error:
        problems: tuple[Told, ...] = (tell_refusal(error.refusal, reader),)
    else:
        if isinstance(outcome, LinkDone):
            return see_other(visit, f"/links/{link_id}")
        assert isinstance(outcome, GiftRefused)
        problems = tuple(tell_reason(reason, reader) for reason in outcome.reasons)
    return await _link_page(yuzuri, visit, person, link, problems=problems, status=409)


async def _link_page(
    yuzuri: Yuzuri,
    visit: Visit,
    person: Person,
    text: str,
    *,
    problems: tuple[Told, ...] = (),
    status: int = 200,
) -> Response[str]:
    at = yuzuri.clock()
    async with yuzuri.database.connection() as connection:
        seen = await load_own_link(connection, person.id, read_link_id(text))
        shares = await load_shares(connection, seen.link, max(FRUITS_MAX, SHARES_SHOWN))
        left = await load_left(connection, seen.link, at) if seen.link.is_open(at) else ()
    reader = _reader(yuzuri, visit, seen.line.operator)
    return page(
        visit,
        "link.html",
        status=status,
        link=_view(yuzuri, visit, seen, shares),
        remains=say_arrivals(left, reader),
        takers=[_view_taker(share, reader) for share in shares[:SHARES_SHOWN]],
        more_takers=max(0, seen.link.taken - SHARES_SHOWN),
        draw=_show_draw(seen.link, reader),
        problems=problems,
        key=new_key(),
    )


def _reader(yuzuri: Yuzuri, visit: Visit, operator: str) -> Reader:
    return Reader(visit.language, yuzuri.profiles[operator].zone, yuzuri.clock())


def _view(
    yuzuri: Yuzuri, visit: Visit, seen: LinkInView, shares: Sequence[ShareInView] = ()
) -> LinkView:
    profile = yuzuri.profiles[seen.line.operator]
    # The oldest first, as the picture fills.
    taken = [
        Taken(share.gift.amount, share.other.nickname[:1] if share.other else "")
        for share in reversed(shares)
    ]
    return view_link(
        seen.link, seen.line, profile, _reader(yuzuri, visit, seen.line.operator), taken
    )


def _view_taker(share: ShareInView, reader: Reader) -> TakerView:
    return TakerView(
        gift=str(share.gift.id),
        name=share.other.nickname if share.other else "",
        amount=say_quantity(share.gift.quantity, reader.language, exact=True),
        when=reader.past(share.gift.ended_at or share.gift.offered_at),
        thanks=share.gift.thanks,
    )


def _show_draw(link: Link, reader: Reader) -> Draw | None:
    """Return what proves a draw; None before it has ended, and where nothing was drawn."""
    if link.split is not Split.RANDOM or link.is_open(reader.at):
        return None
    sizes = share_sizes(link)
    said = [
        say_quantity(Quantity(size, link.unit), reader.language, exact=True)
        for size in sizes[:SIZES_SHOWN]
    ]
    more = [] if len(sizes) <= SIZES_SHOWN else ["…"]
    return Draw(link.seed.hex(), draw_command(link), " · ".join([*said, *more]))
