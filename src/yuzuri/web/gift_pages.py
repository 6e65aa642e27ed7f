"""What came in, what is still open, and what has been; and the answers to it."""

from collections.abc import Mapping

from litestar import Response, get, post
from litestar.response import Redirect

from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import GiftId, parse_id
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.account import GiftInView, load_gift, load_gift_list
from yuzuri.sharing.gifts import (
    MESSAGE_LENGTH_MAX,
    AcceptGift,
    CancelGift,
    DeclineGift,
    GiftDone,
    GiftOutcome,
    GiftRefused,
)
from yuzuri.sharing.thanks import thank
from yuzuri.subscribers.lines import Person
from yuzuri.web.arrivals import load_arrivals
from yuzuri.web.evidence_views import Told, tell_reason, tell_refusal
from yuzuri.web.forms import Form
from yuzuri.web.gift_views import GiftView, view_gift
from yuzuri.web.instants import Reader
from yuzuri.web.rendering import page, see_other
from yuzuri.web.sending import new_key, submit
from yuzuri.web.visits import AnyRequest, Visit, yuzuri_of

Answer = type[AcceptGift] | type[DeclineGift] | type[CancelGift]

ANSWERS: Mapping[str, Answer] = {"accept": AcceptGift, "decline": DeclineGift, "cancel": CancelGift}
DONE = {"offered", "taken", "filled", "thanked", *ANSWERS}


@get("/gifts")
async def show_gifts(request: AnyRequest, visit: Visit, person: Person) -> Response[str]:
    """Show the gifts in and out."""
    yuzuri = yuzuri_of(request)
    at = yuzuri.clock()
    show = request.query_params.get("show", "all")
    async with yuzuri.database.connection() as connection:
        seen = await load_gift_list(connection, person.id, at)
    gifts = [view_gift(gift, yuzuri.profiles, visit.language, at) for gift in seen]
    waiting = [gift for gift in gifts if gift.is_open and not gift.is_mine]
    arrivals = {}
    for gift, view in zip(seen, gifts, strict=True):
        if view in waiting:
            arrivals[view.id] = await load_arrivals(yuzuri, gift, visit.language)
    return page(
        visit,
        "gifts.html",
        show=show if show in {"in", "out"} else "all",
        waiting=waiting,
        arrivals=arrivals,
        open=[gift for gift in gifts if gift.is_open and gift.is_mine],
        past=[
            gift
            for gift in gifts
            if not gift.is_open and show in {"all", "out" if gift.is_mine else "in"}
        ],
        key=new_key(),
    )


@get("/gifts/{gift:str}")
async def show_gift(request: AnyRequest, visit: Visit, person: Person, gift: str) -> Response[str]:
    """Show a gift and what has happened to it."""
    yuzuri = yuzuri_of(request)
    seen = await _load(yuzuri, person, gift)
    done = request.query_params.get("done", "")
    return await _gift_page(yuzuri, visit, seen, done=done if done in DONE else "")


@post("/gifts/{gift:str}/{answer:str}")
async def answer_gift(
    request: AnyRequest, visit: Visit, person: Person, form: Form, gift: str, answer: str
) -> Response[str] | Redirect:
    """Accept or decline a gift, or take one's own back."""
    yuzuri = yuzuri_of(request)
    if answer not in ANSWERS:
        raise DomainError(Code.PATH_UNKNOWN)
    seen = await _load(yuzuri, person, gift)
    command = ANSWERS[answer](person=person.id, gift=seen.gift.id)
    outcome: GiftOutcome | Refusal
    try:
        outcome = await submit(
            yuzuri, person, f"{answer}-{seen.gift.id}", form.text("key"), command
        )
    except DomainError as error:
        outcome = error.refusal
    if isinstance(outcome, GiftDone):
        return see_other(visit, f"/gifts/{seen.gift.id}?done={answer}")
    reader = Reader(visit.language, yuzuri.profiles[seen.line.operator].zone, yuzuri.clock())
    if isinstance(outcome, GiftRefused):
        problems = tuple(tell_reason(reason, reader) for reason in outcome.reasons)
    else:
        problems = (tell_refusal(outcome, reader),)
    seen = await _load(yuzuri, person, gift)
    return await _gift_page(yuzuri, visit, seen, problems=problems, status=409)


@post("/gifts/{gift:str}/thank")
async def thank_giver(
    request: AnyRequest, visit: Visit, person: Person, form: Form, gift: str
) -> Response[str] | Redirect:
    """Say thank you for a gift; it can be said once."""
    yuzuri = yuzuri_of(request)
    seen = await _load(yuzuri, person, gift)
    try:
        async with yuzuri.database.connection() as connection:
            await thank(connection, person.id, seen.gift.id, form.text("thanks"))
    except DomainError as error:
        zone = yuzuri.profiles[seen.line.operator].zone
        told = tell_refusal(error.refusal, Reader(visit.language, zone, yuzuri.clock()))
        return await _gift_page(yuzuri, visit, seen, problems=(told,), status=409)
    return see_other(visit, f"/gifts/{seen.gift.id}?done=thanked")


async def _load(yuzuri: Yuzuri, person: Person, text: str) -> GiftInView:
    gift_id = GiftId(parse_id(text, Code.GIFT_UNKNOWN))
    async with yuzuri.database.connection() as connection:
        return await load_gift(connection, person.id, gift_id, yuzuri.clock())


async def _gift_page(
    yuzuri: Yuzuri,
    visit: Visit,
    seen: GiftInView,
    *,
    done: str = "",
    problems: tuple[Told, ...] = (),
    status: int = 200,
) -> Response[str]:
    view: GiftView = view_gift(seen, yuzuri.profiles, visit.language, yuzuri.clock())
    return page(
        visit,
        "gift.html",
        status=status,
        gift=view,
        arrives=await load_arrivals(yuzuri, seen, visit.language) if view.is_open else (),
        done=done,
        problems=problems,
        message_max=MESSAGE_LENGTH_MAX,
        key=new_key(),
    )
