"""What of tanks is decided without a database: who opens one, what goes in, and who draws."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.ids import numbered
from tests.model.world import ISSUED, OPEN_RULES, known, named, operator

from yuzuri.catalog.purchases import Purchase, decide_purchase
from yuzuri.feasibility.holdings import split
from yuzuri.feasibility.question import Holding
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import HolderId, HoldId, Home, PersonId, PoolId, PurchaseId, new_id
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.ledger.book import Book, HomeState
from yuzuri.ledger.changes import HOUSE, House, OpenHold
from yuzuri.operators.plans import AllowanceClass
from yuzuri.operators.profile import Profile
from yuzuri.operators.profiles import Profiles
from yuzuri.operators.services import Tank as TankService
from yuzuri.sharing.gifts import GiftRefused
from yuzuri.sharing.moves import move
from yuzuri.sharing.tank_decisions import apply_tank_decision, decide_tank
from yuzuri.sharing.tank_facts import TankFacts
from yuzuri.sharing.tanks import (
    CloseTank,
    DrawFromTank,
    ExtendTank,
    GiveToTank,
    OpenTank,
    TankCommand,
    TankDone,
)
from yuzuri.subscribers.lines import Line

TOKYO = ZoneInfo("Asia/Tokyo")
TICK = timedelta(microseconds=1)
OPENS = datetime(2026, 11, 20, 15, tzinfo=UTC)
"""When the 21st begins in Tokyo."""
VOLUME, DRAWS, LEFT = 300, 2, 50


def data(amount: int) -> Quantity:
    return Quantity(amount, Unit.DATA)


ORDINARY = TankService(
    name=named("tank"),
    source="s",
    draw_per_month=data(VOLUME),
    draws_per_month=DRAWS,
    opens_on_day=21,
    only_when_left_at_most=data(LEFT),
    left_limit_for_net_takers=True,
)
EMERGENCY = TankService(
    name=named("help"),
    source="s",
    only_when_left_at_most=data(LEFT),
    open_days=14,
    extendable=True,
    in_area=True,
)


def offering(name: str, *services: TankService, rules: object = OPEN_RULES) -> Profile:
    base = operator(name, rules)  # type: ignore[arg-type] # rules on gifts
    return msgspec.structs.replace(base, services=services, timezone="Asia/Tokyo")


BONUS_ONLY = msgspec.structs.replace(OPEN_RULES, sources=known((AllowanceClass.BONUS,)))

PROFILES = Profiles(
    {
        "open": offering("open", ORDINARY, EMERGENCY),
        "brief": offering("brief", msgspec.structs.replace(EMERGENCY, extendable=False)),
        "bonus": offering("bonus", ORDINARY, rules=BONUS_ONLY),
        "none": operator("none"),
    }
)


def line(name: str = "open", home: int = 0) -> Line:
    return Line(
        id=HolderId(new_id(Home(home))),
        person=PersonId(new_id(Home(home))),
        operator=name,
        plan="plan",
        number="+81000000000",
        label="a line",
        activated_at=OPENS,
    )


def facts_of(*lines: Line, at: datetime = OPENS) -> TankFacts:
    book = Book(at, locked={Home(home): HomeState() for home in range(2)}, homes=2)
    return TankFacts(book, PROFILES, {one.id: one for one in lines})


def do(facts: TankFacts, command: TankCommand) -> object:
    decision = decide_tank(facts, command)
    apply_tank_decision(facts, decision)
    return decision.outcome


def new_tank() -> PoolId:
    return PoolId(HolderId(new_id()))


def opened(
    facts: TankFacts, name: str = "open", area: str | None = None, until: datetime | None = None
) -> PoolId:
    tank = new_tank()
    command = OpenTank(tank=tank, operator=name, name="ours", area=area, until=until)
    assert do(facts, command) == TankDone(tank)
    return tank


def bought(facts: TankFacts, buyer: Line, *top_ups: str | None) -> None:
    for top_up in top_ups:
        purchase = Purchase(id=PurchaseId(new_id()), line=buyer.id, top_up=top_up)
        facts.book.apply(decide_purchase(facts.book, facts.lines, PROFILES, purchase)[1])


def giving(giver: Line, tank: PoolId, amount: int, unit: Unit = Unit.DATA) -> GiveToTank:
    return GiveToTank(person=giver.person, line=giver.id, tank=tank, unit=unit, amount=amount)


def drawing(taker: Line, tank: PoolId, amount: int) -> DrawFromTank:
    return DrawFromTank(person=taker.person, line=taker.id, tank=tank, amount=amount)


def codes(outcome: object) -> list[Code]:
    assert isinstance(outcome, GiftRefused), outcome
    return [reason.code for reason in outcome.reasons]


def has(facts: TankFacts, holder: HolderId) -> int:
    return sum(bucket.available for bucket, _ in facts.book.holdings(holder, Unit.DATA))


# ---------------------------------------------------------------- opened by the operator


@pytest.mark.parametrize(
    ("name", "area", "days", "refused"),
    [
        pytest.param("open", None, None, None, id="an ordinary tank"),
        pytest.param("open", "JP-17", 14, None, id="for as long as is published"),
        pytest.param("open", "JP-17", 15, Code.TANK_OPEN_DAYS, id="for longer than that"),
        pytest.param("open", "JP-17", 0, Code.TANK_OPEN_DAYS, id="until now"),
        pytest.param("none", None, None, Code.TANK_NOT_OFFERED, id="where nothing is published"),
        pytest.param("bonus", "JP-17", None, Code.TANK_NOT_OFFERED, id="for no emergency"),
    ],
)
def test_a_tank_opens_as_its_operator_publishes(
    name: str, area: str | None, days: int | None, refused: Code | None
) -> None:
    facts, tank = facts_of(), new_tank()
    until = None if days is None else OPENS + timedelta(days=days)
    command = OpenTank(tank=tank, operator=name, name="ours", area=area, until=until)
    outcome = do(facts, command)
    assert outcome == TankDone(tank) if refused is None else codes(outcome) == [refused]


def test_an_emergency_tank_has_an_end_that_can_be_put_off() -> None:
    facts = facts_of()
    tank = opened(facts, area="JP-17")
    assert facts.tanks[tank].until == OPENS + timedelta(days=14)
    facts.book.at += timedelta(days=10)
    later = facts.book.at + timedelta(days=14)
    assert codes(do(facts, ExtendTank(tank=tank, until=later + TICK))) == [Code.TANK_OPEN_DAYS]
    assert do(facts, ExtendTank(tank=tank, until=later)) == TankDone(tank)
    facts.book.at = later
    assert codes(do(facts, ExtendTank(tank=tank, until=later + TICK))) == [Code.TANK_CLOSED]


@pytest.mark.parametrize(
    ("name", "area"), [("open", None), ("brief", "JP-17")], ids=["without an end", "by its rule"]
)
def test_what_is_not_extendable_stays_as_it_is(name: str, area: str | None) -> None:
    facts = facts_of()
    tank = opened(facts, name, area)
    later = facts.at + timedelta(days=14)
    assert codes(do(facts, ExtendTank(tank=tank, until=later))) == [Code.TANK_NOT_EXTENDABLE]


def test_an_operator_has_one_such_tank_open_at_a_time() -> None:
    facts = facts_of()
    tank = opened(facts)
    again = OpenTank(tank=new_tank(), operator="open", name="more")
    assert codes(do(facts, again)) == [Code.TANK_OPEN_ALREADY]
    opened(facts, area="JP-17")
    opened(facts, area="JP-16")
    assert do(facts, CloseTank(tank=tank)) == TankDone(tank)
    assert codes(do(facts, CloseTank(tank=tank))) == [Code.TANK_CLOSED]
    assert do(facts, again) == TankDone(again.tank)


def test_nobodys_holdings_become_a_tanks() -> None:
    friend = line()
    facts = facts_of(friend)
    for taken in (friend.id, opened(facts)):
        command = OpenTank(tank=PoolId(taken), operator="bonus", name="mine")
        assert codes(do(facts, command)) == [Code.KEY_REUSED]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": " "}, Code.REQUEST_INVALID),
        ({"name": "x" * 41}, Code.MESSAGE_TOO_LONG),
        ({"area": "Noto"}, Code.AREA_UNREADABLE),
        ({"area": "XX-17"}, Code.AREA_UNREADABLE),
        ({"tank": PoolId(HolderId(numbered(9, Home(1))))}, Code.REQUEST_INVALID),
        ({"operator": "nobody"}, Code.OPERATOR_UNKNOWN),
    ],
    ids=["no name", "a long name", "no area", "no country", "another home", "no operator"],
)
def test_what_cannot_be_understood_opens_nothing(change: dict[str, object], code: Code) -> None:
    command = OpenTank(tank=PoolId(HolderId(numbered(9))), operator="open", name="ours")
    with pytest.raises(DomainError) as raised:
        decide_tank(facts_of(), msgspec.structs.replace(command, **change))
    assert raised.value.refusal.code is code


# ---------------------------------------------------------------- given and drawn


def test_what_goes_through_a_tank_ends_when_it_would_have_ended() -> None:
    giver, taker = line(), line(home=1)
    facts = facts_of(giver, taker)
    tank = opened(facts)
    bought(facts, giver, "week", "day")
    assert do(facts, giving(giver, tank, 2 * ISSUED)) == TankDone(tank)
    outcome = do(facts, drawing(taker, tank, VOLUME))
    assert isinstance(outcome, TankDone)
    (part,) = outcome.arrives
    assert (part.quantity.amount, part.expires_at) == (VOLUME, OPENS + timedelta(days=1))
    facts.book.at += timedelta(days=1)
    assert (has(facts, taker.id), has(facts, tank)) == (0, ISSUED)


def test_what_ends_soonest_is_drawn_first() -> None:
    giver, taker = line(), line()
    facts = facts_of(giver, taker)
    tank = opened(facts)
    bought(facts, giver, "week", "day")
    do(facts, giving(giver, tank, ISSUED + VOLUME))
    do(facts, drawing(taker, tank, VOLUME - 1))
    facts.book.at += timedelta(days=1)
    assert has(facts, tank) == VOLUME


def test_what_is_set_aside_for_a_gift_is_still_left_on_the_line() -> None:
    taker = line()
    facts = facts_of(taker)
    tank = opened(facts)
    bought(facts, taker, "month")
    do(facts, giving(taker, tank, 2))
    facts.account(taker, facts.tanks[tank]).drawn = 3
    (bucket, _) = facts.book.holdings(taker.id, Unit.DATA)[0]
    hold = OpenHold(
        id=HoldId(new_id()),
        holder=taker.id,
        allowance=bucket.allowance,
        amount=bucket.available,
        cause=new_id(),
        expires_at=OPENS + timedelta(days=1),
    )
    facts.book.apply([hold])
    assert codes(do(facts, drawing(taker, tank, 1))) == [Code.TANK_NET_TAKER]
    assert codes(do(facts, giving(taker, tank, 1))) == [Code.BALANCE_NOT_ENOUGH]


def test_what_may_not_be_given_to_one_may_not_be_given_to_all() -> None:
    giver = line("bonus")
    facts = facts_of(giver)
    tank = opened(facts, "bonus")
    bought(facts, giver, "month")
    assert codes(do(facts, giving(giver, tank, 1))) == [Code.GIFT_SOURCE]


def test_a_tank_for_an_area_is_given_to_by_anyone_and_drawn_on_there() -> None:
    far, near, moved = line(), line(), line()
    facts = facts_of(far, near, moved)
    facts.areas = {near.id: "JP-17", moved.id: "JP-16"}
    tank = opened(facts, area="JP-17")
    bought(facts, far, "month")
    assert do(facts, giving(far, tank, 500)) == TankDone(tank)
    assert isinstance(do(facts, drawing(near, tank, 400)), TankDone)
    assert codes(do(facts, drawing(moved, tank, 1))) == [Code.TANK_OUT_OF_AREA]
    assert codes(do(facts, drawing(near, tank, 1))) == [Code.TANK_LEFT]
    facts.book.at += timedelta(days=14)
    for late in (giving(far, tank, 1), drawing(near, tank, 1)):
        assert codes(do(facts, late)) == [Code.TANK_CLOSED]


def test_nobody_acts_for_another_nor_at_a_strange_tank() -> None:
    mine, yours, other = line(), line(), line("none")
    facts = facts_of(mine, yours, other)
    tank = opened(facts)
    thief = msgspec.structs.replace(drawing(mine, tank, 1), person=yours.person)
    assert codes(do(facts, thief)) == [Code.LINE_NOT_YOURS]
    assert codes(do(facts, drawing(line(), tank, 1))) == [Code.LINE_UNKNOWN]
    assert codes(do(facts, drawing(mine, new_tank(), 1))) == [Code.TANK_UNKNOWN]
    assert codes(do(facts, giving(other, tank, 1))) == [Code.TANK_OTHER_OPERATOR]


def test_only_data_goes_in_and_something_does() -> None:
    giver = line()
    facts = facts_of(giver)
    tank = opened(facts)
    bought(facts, giver, None)
    assert codes(do(facts, giving(giver, tank, 1, Unit.SMS))) == [Code.GIFT_UNIT_NOT_OFFERED]
    for command in (giving(giver, tank, 0), drawing(giver, tank, 0)):
        with pytest.raises(DomainError):
            decide_tank(facts, command)


def test_a_month_lets_one_draw_so_often_and_so_much_and_the_next_one_anew() -> None:
    giver, taker = line(), line()
    facts = facts_of(giver, taker)
    tank = opened(facts)
    bought(facts, giver, "never")
    do(facts, giving(giver, tank, ISSUED))
    for amount in (20, 30):
        assert isinstance(do(facts, drawing(taker, tank, amount)), TankDone)
    assert codes(do(facts, drawing(taker, tank, 1))) == [Code.TANK_DRAWS_PER_MONTH]
    facts.book.at += timedelta(days=30)
    assert codes(do(facts, drawing(taker, tank, VOLUME + 1))) == [Code.TANK_VOLUME_PER_MONTH]
    assert isinstance(do(facts, drawing(taker, tank, VOLUME)), TankDone)
    assert facts.account(taker, facts.tanks[tank]).in_month_of(facts.at, TOKYO) == (1, VOLUME)


def test_where_the_clock_goes_back_the_later_month_goes_on() -> None:
    giver, taker = line(), line()
    facts = facts_of(giver, taker)
    tank = opened(facts)
    bought(facts, giver, "never")
    do(facts, giving(giver, tank, ISSUED))
    facts.book.at += timedelta(days=30)
    for amount in (20, 30):
        do(facts, drawing(taker, tank, amount))
    facts.book.at -= timedelta(days=30)
    assert codes(do(facts, drawing(taker, tank, 1))) == [Code.TANK_DRAWS_PER_MONTH]


# ---------------------------------------------------------------- a small model


@dataclass
class Modelled:
    """What a line has, gave and drew, counted as a child would; draws by month."""

    left: int = 0
    given: int = 0
    draws: list[tuple[str, int]] = field(default_factory=list)

    def may_draw(self, amount: int, inside: int, at: datetime) -> bool:
        local = at.astimezone(TOKYO)
        this_month = [drawn for month, drawn in self.draws if month == f"{local:%Y-%m}"]
        is_net_taker = sum(drawn for _, drawn in self.draws) > self.given
        return (
            local.day >= 21
            and len(this_month) < DRAWS
            and sum(this_month) + amount <= VOLUME
            and amount <= inside
            and not (is_net_taker and self.left > LEFT)
        )


class TankMachine(RuleBasedStateMachine):
    """Lines of two homes give and draw while time goes on; nothing that they have ever ends."""

    @initialize()
    def begin(self) -> None:
        self.lines = [line(home=home) for home in (0, 1, 1)]
        self.facts = facts_of(*self.lines)
        self.tank = opened(self.facts)
        self.modelled = {one.id: Modelled() for one in self.lines}
        self.inside = 0
        for one in range(3):
            self.buys(one)
        self.gives(0, ISSUED)

    who = st.integers(0, 2)
    amounts = st.sampled_from([1, 49, 50, 51, 150, 299, 300, 301, 1_000])
    draw_amounts = st.sampled_from([1, 20, 30, 49, 150, 299, 300, 301])

    @rule(who=who)
    def buys(self, who: int) -> None:
        bought(self.facts, self.lines[who], "never")
        self.modelled[self.lines[who].id].left += ISSUED

    @rule(who=who, amount=amounts)
    def uses(self, who: int, amount: int) -> None:
        model = self.modelled[self.lines[who].id]
        if amount <= model.left:
            taker = self.lines[who].id
            parts = (Holding(a, b.available) for b, a in self.facts.book.holdings(taker, Unit.DATA))
            used = HOUSE[House.USED]
            self.facts.book.apply(move(split(parts, amount), taker, used, new_id()))
            model.left -= amount

    @rule(who=who, amount=amounts)
    def gives(self, who: int, amount: int) -> None:
        model = self.modelled[self.lines[who].id]
        outcome = do(self.facts, giving(self.lines[who], self.tank, amount))
        if amount <= model.left:
            assert outcome == TankDone(self.tank)
            model.left -= amount
            model.given += amount
            self.inside += amount
        else:
            assert codes(outcome) == [Code.BALANCE_NOT_ENOUGH]

    @rule(who=who, amount=draw_amounts)
    def draws(self, who: int, amount: int) -> None:
        model = self.modelled[self.lines[who].id]
        may = model.may_draw(amount, self.inside, self.facts.at)
        outcome = do(self.facts, drawing(self.lines[who], self.tank, amount))
        assert isinstance(outcome, TankDone) is may, outcome
        if may:
            model.left += amount
            model.draws.append((f"{self.facts.at.astimezone(TOKYO):%Y-%m}", amount))
            self.inside -= amount

    @rule(
        by=st.sampled_from(
            [timedelta(hours=1), timedelta(days=10) - TICK, timedelta(days=21), TICK]
        )
    )
    def goes_on(self, by: timedelta) -> None:
        self.facts.book.at += by

    @invariant()
    def all_is_as_counted(self) -> None:
        if not hasattr(self, "tank"):
            return
        assert has(self.facts, self.tank) == self.inside
        for one in self.lines:
            model = self.modelled[one.id]
            account = self.facts.account(one, self.facts.tanks[self.tank])
            assert has(self.facts, one.id) == model.left
            assert (account.given, account.drawn) == (
                model.given,
                sum(drawn for _, drawn in model.draws),
            )


TankMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
test_lines_at_a_tank = TankMachine.TestCase
