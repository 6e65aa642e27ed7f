"""The pools of a person: opening one, putting in, handing over, closing."""

from dataclasses import dataclass

from litestar import Response, get, post
from litestar.response import Redirect

from yuzuri.kernel.errors import Code, Refusal
from yuzuri.kernel.ids import HolderId, parse_id
from yuzuri.sharing.pool_views import load_invitations_to, load_pool_views
from yuzuri.sharing.pools import (
    NAME_LENGTH_MAX,
    ClosePool,
    HandOverPool,
    Invite,
    Invited,
    JoinPool,
    OpenPool,
    TakeOverPool,
    pool_of_key,
)
from yuzuri.subscribers.lines import Person, lines_of
from yuzuri.web.evidence_views import Told, tell_refusal
from yuzuri.web.forms import Form
from yuzuri.web.instants import Reader
from yuzuri.web.pool_views import view_invited, view_pool
from yuzuri.web.pool_visits import (
    go_to_pool,
    offers_pools,
    say_done,
    submit_pool,
)
from yuzuri.web.rendering import page, see_other
from yuzuri.web.sending import form_key, new_key
from yuzuri.web.visits import AnyRequest, Visit, yuzuri_of
from yuzuri.words.translations import translate

# ---------------------------------------------------------------- all of them


@get("/pools")
async def show_pools(request: AnyRequest, visit: Visit, person: Person) -> Response[str]:
    """Show the pools that a person owns, manages or draws on, and to which they are invited."""
    yuzuri = yuzuri_of(request)
    at, profiles = yuzuri.clock(), yuzuri.profiles
    async with yuzuri.database.connection() as connection:
        seen = await load_pool_views(connection, profiles, person.id, at)
        invitations = await load_invitations_to(connection, person.id, at)
        lines = await lines_of(connection, person.id)

    def reader(operator: str) -> Reader:
        return Reader(visit.language, profiles[operator].zone, at)

    pools = [view_pool(one, person, profiles, reader(one.pool.operator)) for one in seen]
    return page(
        visit,
        "pools.html",
        pools=[pool for pool in pools if not pool.closed],
        past=[pool for pool in pools if pool.closed],
        invitations=[
            view_invited(one, profiles[one.pool.operator], reader(one.pool.operator))
            for one in invitations
        ],
        can_open=any(offers_pools(line, profiles) for line in lines),
        done=say_done(request.query_params.get("done", ""), visit.language),
    )


# ---------------------------------------------------------------- opening


@dataclass(frozen=True, slots=True)
class OpeningTyped:
    """The form as it was filled in."""

    name: str = ""
    line: str = ""
    fills: str = "all"


@get("/pools/new")
async def show_opening(request: AnyRequest, visit: Visit, person: Person) -> Response[str]:
    """Show the form that opens a pool."""
    return await _opening_page(request, visit, person, OpeningTyped())


@post("/pools")
async def open_pool(
    request: AnyRequest, visit: Visit, person: Person, form: Form
) -> Response[str] | Redirect:
    """Open a pool; the same form sent twice opens one."""
    typed = OpeningTyped(form.text("name"), form.text("line"), form.text("fills"))
    if not typed.name:
        said = translate(visit.language, "Give it a name.")
        return await _opening_page(request, visit, person, typed, problems={"name": Told(said)})
    line = HolderId(parse_id(typed.line, Code.LINE_UNKNOWN))
    key = form.text("key")
    pool = pool_of_key(person.id, form_key("open-pool", key))
    command = OpenPool(
        person=person.id,
        pool=pool,
        name=typed.name,
        line=line,
        members_fill=typed.fills != "owner",
    )
    outcome = await submit_pool(yuzuri_of(request), person, "open-pool", key, command)
    if isinstance(outcome, Refusal):
        return await _opening_page(request, visit, person, typed, refusal=outcome)
    return see_other(visit, f"/pools/{pool}?done=opened")


async def _opening_page(
    request: AnyRequest,
    visit: Visit,
    person: Person,
    typed: OpeningTyped,
    *,
    problems: dict[str, Told] | None = None,
    refusal: Refusal | None = None,
) -> Response[str]:
    yuzuri = yuzuri_of(request)
    async with yuzuri.database.connection() as connection:
        lines = await lines_of(connection, person.id)
    language, profiles = visit.language, yuzuri.profiles
    by_operator = {line.operator: line for line in reversed(lines) if offers_pools(line, profiles)}
    if not by_operator:
        return see_other(visit, "/pools")
    choices = [
        (str(line.id), profiles[line.operator].name.in_language(language), "")
        for line in reversed(by_operator.values())
    ]
    reader = Reader.of_world(language, yuzuri.clock())
    return page(
        visit,
        "pool_new.html",
        status=422 if problems or refusal else 200,
        typed=typed if typed.line else OpeningTyped(typed.name, choices[0][0], typed.fills),
        choices=choices,
        name_max=NAME_LENGTH_MAX,
        problems=problems or {},
        refusal=tell_refusal(refusal, reader) if refusal else None,
        key=new_key(),
    )


# ---------------------------------------------------------------- one of them


@get("/pools/{pool:str}")
async def show_pool(request: AnyRequest, visit: Visit, person: Person, pool: str) -> Response[str]:
    """Show a pool to one of its people."""
    here = await go_to_pool(request, visit, person, pool)
    return here.show(done=request.query_params.get("done", ""))


@get("/pools/{pool:str}/close")
async def review_closing(
    request: AnyRequest, visit: Visit, person: Person, pool: str
) -> Response[str]:
    """Show what would go back to whom."""
    here = await go_to_pool(request, visit, person, pool)
    view = here.view()
    if not view.is_owner or view.closed:
        return here.show()
    return page(visit, "pool_close.html", pool=view, key=new_key())


@post("/pools/{pool:str}/close")
async def close_pool(
    request: AnyRequest, visit: Visit, person: Person, form: Form, pool: str
) -> Response[str] | Redirect:
    """Close a pool."""
    here = await go_to_pool(request, visit, person, pool)
    command = ClosePool(person=person.id, pool=here.id)
    return here.answer(await here.submit("close", form.text("key"), command), "closed")


@post("/pools/{pool:str}/hand-over")
async def hand_over_pool(
    request: AnyRequest, visit: Visit, person: Person, form: Form, pool: str
) -> Response[str] | Redirect:
    """Offer a pool to a member, or to nobody any more."""
    here = await go_to_pool(request, visit, person, pool)
    line = form.text("line")
    heir = HolderId(parse_id(line, Code.POOL_MEMBER_UNKNOWN)) if line else None
    command = HandOverPool(person=person.id, pool=here.id, line=heir)
    outcome = await here.submit("hand-over", form.text("key"), command)
    return here.answer(outcome, "offered" if line else "kept")


@post("/pools/{pool:str}/take-over")
async def take_over_pool(
    request: AnyRequest, visit: Visit, person: Person, form: Form, pool: str
) -> Response[str] | Redirect:
    """Become the owner of a pool."""
    here = await go_to_pool(request, visit, person, pool)
    command = TakeOverPool(person=person.id, pool=here.id)
    return here.answer(await here.submit("take-over", form.text("key"), command), "taken-over")


@post("/pools/{pool:str}/join")
async def join_own_pool(
    request: AnyRequest, visit: Visit, person: Person, form: Form, pool: str
) -> Response[str] | Redirect:
    """Let a line of one's own join a pool that one manages: invited and accepted at once."""
    here = await go_to_pool(request, visit, person, pool)
    wanted, key = form.text("line"), form.text("key")
    line = next((line for line in here.lines if str(line.id) == wanted), None)
    if line is None:
        return here.show(refusal=Refusal(Code.LINE_NOT_YOURS))
    invitation = Invite(person=person.id, pool=here.id, number=line.number)
    outcome = await here.submit(f"join-invite-{line.id}", key, invitation)
    if isinstance(outcome, Invited):
        command = JoinPool(person=person.id, line=line.id, invitation=outcome.invitation)
        outcome = await here.submit(f"join-{line.id}", key, command)
    return here.answer(outcome, "joined")
