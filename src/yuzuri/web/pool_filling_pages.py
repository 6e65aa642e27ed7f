"""Putting something into a pool: how much can be put in, and what becomes of it."""

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
from yuzuri.sharing.pools import FillPool
from yuzuri.subscribers.lines import Person
from yuzuri.web.amounts import UnitChoice, example_of, read_amount, round_amounts, say_chips
from yuzuri.web.evidence_views import Told
from yuzuri.web.forms import Form
from yuzuri.web.line_views import kind_name, view_line
from yuzuri.web.pool_visits import PoolVisit, go_to_pool
from yuzuri.web.rendering import page, see_other
from yuzuri.web.sending import new_key
from yuzuri.web.visits import AnyRequest, Visit
from yuzuri.words.formats import say_quantity


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
