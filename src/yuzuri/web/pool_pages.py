"""The pools of a person: opening one, putting in, handing over, closing."""

from dataclasses import dataclass

from litestar import Response, get, post
from litestar.response import Redirect

from yuzuri.feasibility.pool import may_be_put_in
from yuzuri.feasibility.question import Party
from yuzuri.feasibility.services import services_of
from yuzuri.kernel.amounts import parse_unit
from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import HolderId, parse_id
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.operators.profiles import find_plan
from yuzuri.operators.services import Pool as PoolService
from yuzuri.runtime.pool_words import say_filling, say_returns
from yuzuri.sharing.account import LineAccount, load_accounts
from yuzuri.sharing.pool_views import load_invitations_to, load_pool_views
from yuzuri.sharing.pools import (
    NAME_LENGTH_MAX,
    ClosePool,
    FillPool,
    HandOverPool,
    Invite,
    Invited,
    JoinPool,
    OpenPool,
    TakeOverPool,
    pool_of_key,
)
from yuzuri.subscribers.lines import Person, lines_of
from yuzuri.web.amounts import UnitChoice, example_of, read_amount, round_amounts, say_chips
from yuzuri.web.evidence_views import Told, tell_refusal
from yuzuri.web.forms import Form
from yuzuri.web.instants import Reader
from yuzuri.web.line_views import kind_name, view_line
from yuzuri.web.pool_views import view_invited, view_pool
from yuzuri.web.pool_visits import (
    PoolVisit,
    go_to_pool,
    offers_pools,
    say_done,
    submit_pool,
)
from yuzuri.web.rendering import page, see_other
from yuzuri.web.sending import form_key, new_key
from yuzuri.web.visits import AnyRequest, Visit, yuzuri_of
from yuzuri.words.formats import say_quantity
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


# ---------------------------------------------------------------- putting in


@dataclass(frozen=True, slots=True)
class FillTyped:
    """The form as it was filled in."""

    line: str = ""
    unit: str = Unit.DATA.value
    amount: str = ""


@get("/pools/{pool:str}/fill")
async def show_filling(
    request: AnyRequest, visit: Visit, person: Person, pool: str
) -> Response[str]:
    """Show what can be put in, and what becomes of it."""
    here = await go_to_pool(request, visit, person, pool)
    return await _filling_page(here, FillTyped(line=request.query_params.get("line", "")))


@post("/pools/{pool:str}/fill")
async def fill_pool(
    request: AnyRequest, visit: Visit, person: Person, form: Form, pool: str
) -> Response[str] | Redirect:
    """Put something in; the same form sent twice does it once."""
    here = await go_to_pool(request, visit, person, pool)
    unit = form.text("unit") or Unit.DATA.value
    amount = form.text("amount") or form.text(f"chip-{unit}")
    typed = FillTyped(form.text("line"), unit, amount)
    try:
        if not amount:
            raise DomainError(Code.AMOUNT_UNREADABLE)  # noqa: TRY301 - one way to say it
        quantity = read_amount(amount, parse_unit(unit))
    except DomainError as error:
        return await _filling_page(here, typed, problems={"amount": here.tell(error.refusal)})
    command = FillPool(
        person=person.id,
        line=HolderId(parse_id(typed.line, Code.LINE_UNKNOWN)),
        pool=here.id,
        unit=quantity.unit,
        amount=quantity.amount,
    )
    outcome = await here.submit("fill", form.text("key"), command)
    if isinstance(outcome, Refusal):
        return await _filling_page(here, typed, refusal=outcome)
    return see_other(visit, f"{here.path}?done=filled")


async def _filling_page(
    here: PoolVisit,
    typed: FillTyped,
    *,
    problems: dict[str, Told] | None = None,
    refusal: Refusal | None = None,
) -> Response[str]:
    yuzuri, visit, at = here.yuzuri, here.visit, here.reader.at
    language, pool = visit.language, here.seen.pool
    filling = say_filling(pool, yuzuri.profiles[pool.operator], language)
    async with yuzuri.database.connection() as connection:
        own = {one.line.id: one for one in await load_accounts(connection, here.person.id, at)}
    accounts = [own[line.id] for line in here.fills_from()]
    if not accounts:
        return here.show(refusal=Refusal(Code.POOL_OWNER_FILLS))
    account = next((a for a in accounts if str(a.line.id) == typed.line), accounts[0])
    lines = [view_line(one, yuzuri.profiles, language, at) for one in accounts]
    units = _what_can_be_put_in(here, account)
    held = {unit.unit for unit in units}
    return page(
        visit,
        "pool_fill.html",
        status=422 if problems or refusal else 200,
        pool=here.view(),
        points=(*say_returns(language), filling),
        filling=filling,
        lines=lines,
        line=next(line for line in lines if line.id == str(account.line.id)),
        units=units,
        chosen_unit=typed.unit if typed.unit in held or not units else units[0].unit,
        typed=typed,
        problems=problems or {},
        refusal=here.tell(refusal) if refusal else None,
        key=new_key(),
    )


def _what_can_be_put_in(here: PoolVisit, account: LineAccount) -> list[UnitChoice]:
    """Return how much of each kind the operator lets a line put in."""
    reader, language = here.reader, here.reader.language
    profile = here.yuzuri.profiles[account.line.operator]
    party = Party(profile, find_plan(profile, account.line.plan))
    most: dict[Unit, int] = {}
    for service in services_of(party, PoolService)[:1]:
        for balance in account.balances:
            if may_be_put_in(service, balance.allowance, reader.at, reader.zone):
                unit = balance.allowance.unit
                most[unit] = most.get(unit, 0) + balance.bucket.available
    return [
        UnitChoice(
            unit.value,
            kind_name(unit, language),
            say_quantity(Quantity(amount, unit), language),
            example_of(unit, language),
            say_chips(round_amounts(amount, unit), unit, language),
        )
        for unit, amount in sorted(most.items(), key=lambda found: list(Unit).index(found[0]))
        if amount
    ]
