"""What of pools is decided without a database: who may draw on one, how much, and what goes in."""

from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.ids import numbered
from tests.model.world import ISSUED, named, operator

from yuzuri.catalog.purchases import Purchase, decide_purchase
from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import HolderId, Home, PersonId, PoolId, PurchaseId, home_of, new_id
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.ledger.book import Book, HomeState
from yuzuri.ledger.changes import HOUSE, House, TransferKind
from yuzuri.operators.gift_rules import Recipients
from yuzuri.operators.plans import AllowanceClass
from yuzuri.operators.profile import Profile
from yuzuri.operators.profiles import Profiles
from yuzuri.operators.services import Pool as PoolService
from yuzuri.sharing.pool_decisions import apply_pool_decision, decide_pool
from yuzuri.sharing.pool_facts import PoolFacts
from yuzuri.sharing.pools import (
    AddMember,
    ChangeMember,
    FillPool,
    Member,
    OpenPool,
    Pool,
    PoolCommand,
    PoolDone,
    RemoveMember,
)
from yuzuri.subscribers.lines import Line

TOKYO = ZoneInfo("Asia/Tokyo")
TICK = timedelta(microseconds=1)
MIDNIGHT = datetime(2026, 11, 10, 15, tzinfo=UTC)
"""When Wednesday begins in Tokyo."""
MONTH_END = datetime(2026, 11, 30, 15, tzinfo=UTC)
"""When December begins in Tokyo."""
START = MIDNIGHT - timedelta(hours=12)


def offering(name: str, **terms: object) -> Profile:
    service = PoolService(name=named("pool"), source="s", **terms)  # type: ignore[arg-type] # its fields
    return msgspec.structs.replace(operator(name), services=(service,), timezone="Asia/Tokyo")


PROFILES = Profiles(
    {
        "open": offering("open", lines_max=3),
        "account": offering("account", recipients=Recipients.SAME_ACCOUNT),
        "carry": offering("carry", sources=(AllowanceClass.CARRIED_OVER,)),
        "none": operator("none"),
    }
)


def line(name: str = "open", home: int = 0, account: str | None = None) -> Line:
    return Line(
        id=HolderId(new_id(Home(home))),
        person=PersonId(new_id(Home(home))),
        operator=name,
        plan="plan",
        number="+81000000000",
        label="a line",
        activated_at=START,
        account=account,
    )


def facts_of(*lines: Line, at: datetime = START) -> PoolFacts:
    known = {one.id: one for one in lines}
    book = Book(at, locked={Home(home): HomeState() for home in range(2)}, homes=2)
    return PoolFacts(book, PROFILES, known, {one.person: [one] for one in lines})


def do(facts: PoolFacts, command: PoolCommand) -> object:
    decision = decide_pool(facts, command)
    apply_pool_decision(facts, decision)
    return decision.outcome


def opened(facts: PoolFacts, owner: Line) -> PoolId:
    pool = PoolId(HolderId(new_id(home_of(owner.person))))
    assert do(
        facts, OpenPool(person=owner.person, pool=pool, name="us", line=owner.id)
    ) == PoolDone(pool)
    return pool


def bought(facts: PoolFacts, buyer: Line, *top_ups: str | None) -> None:
    for top_up in top_ups:
        purchase = Purchase(id=PurchaseId(new_id()), line=buyer.id, top_up=top_up)
        facts.book.apply(decide_purchase(facts.book, facts.lines, PROFILES, purchase)[1])


def added(facts: PoolFacts, owner: Line, pool: PoolId, *members: Line) -> None:
    for member in members:
        assert do(facts, AddMember(person=owner.person, pool=pool, line=member.id)) == PoolDone(
            pool
        )


def member(**terms: object) -> Member:
    base = Member(
        line=HolderId(numbered(50)),
        pool=PoolId(HolderId(numbered(60))),
        joined_at=START,
        day=MIDNIGHT - timedelta(days=1),
        month=datetime(2026, 10, 31, 15, tzinfo=UTC),
    )
    return msgspec.structs.replace(base, **terms)


def code_of(outcome: object) -> Code:
    assert isinstance(outcome, Refusal), outcome
    return outcome.code


# ---------------------------------------------------------------- how much a member may take


def test_a_member_without_caps_may_take_all_there_is() -> None:
    free = member()
    free.take(Unit.DATA, 10**15, START, TOKYO)
    assert free.may_take(Unit.DATA, START, TOKYO) is None


def test_a_cap_lets_the_last_byte_pass_and_nothing_after_it() -> None:
    capped = member(cap_per_day=100)
    capped.take(Unit.DATA, 99, START, TOKYO)
    assert capped.may_take(Unit.DATA, START, TOKYO) == 1
    capped.take(Unit.DATA, 1, START, TOKYO)
    assert capped.may_take(Unit.DATA, START, TOKYO) == 0


def test_the_smaller_of_what_two_caps_leave_decides() -> None:
    capped = member(cap_per_day=100, cap_per_month=150)
    capped.take(Unit.DATA, 60, START, TOKYO)
    assert capped.may_take(Unit.DATA, START, TOKYO) == 40
    assert capped.may_take(Unit.DATA, START + timedelta(days=1), TOKYO) == 90
    capped.take(Unit.DATA, 80, START + timedelta(days=1), TOKYO)
    assert capped.may_take(Unit.DATA, START + timedelta(days=2), TOKYO) == 10


def test_a_cap_that_was_lowered_below_what_was_taken_leaves_nothing() -> None:
    assert member(cap_per_day=10, taken_today=11).may_take(Unit.DATA, START, TOKYO) == 0


@pytest.mark.parametrize(
    ("caps", "border"), [({"cap_per_day": 100}, MIDNIGHT), ({"cap_per_month": 100}, MONTH_END)]
)
def test_a_day_and_a_month_begin_anew_by_the_operators_clock(
    caps: Mapping[str, int], border: datetime
) -> None:
    capped = member(**caps)
    capped.take(Unit.DATA, 100, border - TICK, TOKYO)
    assert capped.may_take(Unit.DATA, border - TICK, TOKYO) == 0
    assert capped.may_take(Unit.DATA, border, TOKYO) == 100
    capped.take(Unit.DATA, 30, border, TOKYO)
    assert capped.may_take(Unit.DATA, border, TOKYO) == 70


def test_a_clock_that_goes_back_makes_no_room() -> None:
    capped = member(cap_per_day=100)
    capped.take(Unit.DATA, 100, MIDNIGHT, TOKYO)
    assert capped.may_take(Unit.DATA, MIDNIGHT - TICK, TOKYO) == 0
    capped.take(Unit.DATA, 1, MIDNIGHT - TICK, TOKYO)
    assert (capped.day, capped.taken_today) == (MIDNIGHT, 101)


def test_what_is_given_back_may_be_taken_again_and_no_more() -> None:
    capped = member(cap_per_day=100, cap_per_month=1_000)
    capped.take(Unit.DATA, 100, START, TOKYO)
    capped.give_back(Unit.DATA, 40, START, TOKYO)
    assert capped.may_take(Unit.DATA, START, TOKYO) == 40
    capped.give_back(Unit.DATA, 1_000, START, TOKYO)
    assert (capped.taken_today, capped.taken_this_month) == (0, 0)


def test_what_was_taken_yesterday_makes_no_room_today_but_does_this_month() -> None:
    capped = member(cap_per_day=100)
    capped.take(Unit.DATA, 50, MIDNIGHT - TICK, TOKYO)
    capped.take(Unit.DATA, 30, MIDNIGHT, TOKYO)
    capped.give_back(Unit.DATA, 50, MIDNIGHT - TICK, TOKYO)
    assert (capped.taken_today, capped.taken_this_month) == (30, 30)
    assert capped.may_take(Unit.DATA, MIDNIGHT, TOKYO) == 70


def test_what_was_taken_last_month_makes_no_room_in_this_one() -> None:
    capped = member(cap_per_month=100)
    capped.take(Unit.DATA, 50, MONTH_END - TICK, TOKYO)
    capped.take(Unit.DATA, 30, MONTH_END, TOKYO)
    capped.give_back(Unit.DATA, 50, MONTH_END - TICK, TOKYO)
    assert capped.may_take(Unit.DATA, MONTH_END, TOKYO) == 70


@pytest.mark.parametrize("unit", [Unit.VOICE, Unit.SMS])
def test_caps_are_of_data_alone(unit: Unit) -> None:
    capped = member(cap_per_day=1, cap_per_month=1, taken_today=1, taken_this_month=1)
    before = msgspec.structs.replace(capped)
    assert capped.may_take(unit, START, TOKYO) is None
    capped.take(unit, 5, START, TOKYO)
    capped.give_back(unit, 5, START, TOKYO)
    assert capped == before


@pytest.mark.parametrize("unit", Unit)
def test_a_paused_member_may_take_nothing_of_any_kind(unit: Unit) -> None:
    assert member(is_paused=True, cap_per_day=100).may_take(unit, START, TOKYO) == 0


# ---------------------------------------------------------------- who may open, add, change


def test_a_pool_is_of_the_operator_of_the_line_it_is_opened_with() -> None:
    owner = line()
    facts = facts_of(owner)
    pool = opened(facts, owner)
    assert facts.opened == [
        Pool(id=pool, owner=owner.person, name="us", operator="open", opened_at=START)
    ]
    assert facts.members == {}


def test_nobodys_holdings_become_a_pools() -> None:
    owner, victim, newcomer = line(), line(), line()
    facts = facts_of(owner, victim, newcomer)
    bought(facts, victim, "month")
    pool = opened(facts, owner)
    for taken in (victim.id, newcomer.id, pool):
        command = OpenPool(person=owner.person, pool=PoolId(taken), name="us", line=owner.id)
        assert code_of(do(facts, command)) is Code.KEY_REUSED
    facts.lines = {owner.id: owner}  # the holder is known by what it holds, too
    command = OpenPool(person=owner.person, pool=PoolId(victim.id), name="us", line=owner.id)
    assert code_of(do(facts, command)) is Code.KEY_REUSED
    house = OpenPool(
        person=owner.person, pool=PoolId(HOUSE[House.ISSUED]), name="us", line=owner.id
    )
    assert code_of(do(facts, house)) is Code.KEY_REUSED


@pytest.mark.parametrize(
    ("name", "home", "code"),
    [
        ("", 0, Code.REQUEST_INVALID),
        ("  ", 0, Code.REQUEST_INVALID),
        ("a\0b", 0, Code.REQUEST_INVALID),
        ("x" * 41, 0, Code.MESSAGE_TOO_LONG),
        ("us", 1, Code.REQUEST_INVALID),
    ],
)
def test_a_pool_without_a_proper_name_or_home_is_not_opened(
    name: str, home: int, code: Code
) -> None:
    owner = line()
    pool = PoolId(HolderId(new_id(Home(home))))
    command = OpenPool(person=owner.person, pool=pool, name=name, line=owner.id)
    with pytest.raises(DomainError) as raised:
        decide_pool(facts_of(owner), command)
    assert raised.value.refusal.code is code


def test_a_pool_is_opened_only_with_a_line_of_ones_own_whose_operator_offers_it() -> None:
    owner, other, without = line(), line(), line("none")
    facts = facts_of(owner, other, without)
    pool = PoolId(HolderId(new_id()))
    for person, used, code in (
        (owner.person, HolderId(new_id()), Code.LINE_UNKNOWN),
        (owner.person, other.id, Code.LINE_NOT_YOURS),
        (without.person, without.id, Code.POOL_NOT_OFFERED),
    ):
        command = OpenPool(person=person, pool=pool, name="us", line=used)
        assert code_of(do(facts, command)) is code


def test_who_joins_has_taken_nothing_and_every_line_that_changes_is_told() -> None:
    owner, friend = line(), line()
    facts = facts_of(owner, friend)
    pool = opened(facts, owner)
    command = AddMember(
        person=owner.person, pool=pool, line=friend.id, cap_per_day=5, pool_first=True
    )
    assert do(facts, command) == PoolDone(pool)
    assert facts.members == {
        friend.id: member(line=friend.id, pool=pool, cap_per_day=5, pool_first=True)
    }
    assert facts.changed == facts.touched_lines == {friend.id}
    assert facts.supplied_lines == set()


def test_a_line_draws_on_one_pool_only_and_the_operators_number_of_lines_is_the_last() -> None:
    owner, *friends = (line() for _ in range(5))
    facts = facts_of(owner, *friends)
    pool, other = opened(facts, owner), opened(facts, owner)
    added(facts, owner, pool, *friends[:3])
    full = do(facts, AddMember(person=owner.person, pool=pool, line=friends[3].id))
    assert isinstance(full, Refusal)
    assert (full.code, full.fields["limit"]) == (Code.POOL_FULL, 3)
    again = AddMember(person=owner.person, pool=other, line=friends[0].id)
    assert code_of(do(facts, again)) is Code.POOL_MEMBER_ALREADY
    do(facts, RemoveMember(person=owner.person, pool=pool, line=friends[0].id))
    assert do(facts, again) == PoolDone(other)


def test_only_lines_of_the_pools_operator_may_join() -> None:
    owner, stranger = line(), line("account")
    facts = facts_of(owner, stranger)
    pool = opened(facts, owner)
    refusal = do(facts, AddMember(person=owner.person, pool=pool, line=stranger.id))
    assert code_of(refusal) is Code.POOL_OTHER_OPERATOR


@pytest.mark.parametrize(("account", "joins"), [("A", True), ("B", False), (None, False)])
def test_where_the_operator_says_so_only_lines_of_the_owners_account_may_join(
    account: str | None, *, joins: bool
) -> None:
    owner, friend = line("account", account="A"), line("account", account=account)
    facts = facts_of(owner, friend)
    pool = opened(facts, owner)
    outcome = do(facts, AddMember(person=owner.person, pool=pool, line=friend.id))
    assert outcome == PoolDone(pool) if joins else code_of(outcome) is Code.POOL_OTHER_ACCOUNT


@pytest.mark.parametrize("command", [AddMember, ChangeMember])
@pytest.mark.parametrize("cap", [0, -1])
def test_a_cap_is_more_than_nothing(
    command: type[AddMember] | type[ChangeMember], cap: int
) -> None:
    for per_day, per_month in ((cap, None), (None, cap)):
        owner = line()
        asked = command(
            person=owner.person,
            pool=PoolId(owner.id),
            line=owner.id,
            cap_per_day=per_day,
            cap_per_month=per_month,
        )
        with pytest.raises(DomainError) as raised:
            decide_pool(facts_of(owner), asked)
        assert raised.value.refusal.code is Code.AMOUNT_NOT_POSITIVE


def test_a_change_keeps_what_was_taken() -> None:
    owner, friend = line(), line()
    facts = facts_of(owner, friend)
    pool = opened(facts, owner)
    added(facts, owner, pool, friend)
    facts.members[friend.id].take(Unit.DATA, 70, START, TOKYO)
    change = ChangeMember(
        person=owner.person, pool=pool, line=friend.id, cap_per_month=100, is_paused=True
    )
    assert do(facts, change) == PoolDone(pool)
    changed = facts.members[friend.id]
    assert (changed.cap_per_month, changed.is_paused, changed.taken_this_month) == (100, True, 70)


def test_a_pool_of_strangers_is_unknown_and_a_member_decides_nothing_but_to_leave() -> None:
    owner, friend, stranger = line(), line(), line()
    facts = facts_of(owner, friend, stranger)
    pool = opened(facts, owner)
    added(facts, owner, pool, friend)
    for command in (AddMember, ChangeMember, RemoveMember):
        for target in (friend, stranger):
            asked = command(person=stranger.person, pool=pool, line=target.id)
            assert code_of(do(facts, asked)) is Code.POOL_UNKNOWN
    change = ChangeMember(person=friend.person, pool=pool, line=friend.id)
    assert code_of(do(facts, change)) is Code.POOL_NOT_YOURS
    unknown = RemoveMember(person=owner.person, pool=PoolId(stranger.id), line=friend.id)
    assert code_of(do(facts, unknown)) is Code.POOL_UNKNOWN
    facts.touched_lines.clear()
    assert do(facts, RemoveMember(person=friend.person, pool=pool, line=friend.id)) == PoolDone(
        pool
    )
    assert facts.members == {}
    assert facts.touched_lines == {friend.id}
    gone = RemoveMember(person=owner.person, pool=pool, line=friend.id)
    assert code_of(do(facts, gone)) is Code.POOL_MEMBER_UNKNOWN
    assert code_of(do(facts, ChangeMember(person=owner.person, pool=pool, line=friend.id))) is (
        Code.POOL_MEMBER_UNKNOWN
    )


def test_nobody_joins_or_fills_a_pool_that_is_closed() -> None:
    owner, friend = line(), line()
    facts = facts_of(owner, friend)
    pool = opened(facts, owner)
    facts.pools[pool] = msgspec.structs.replace(facts.pools[pool], closed_at=START)
    bought(facts, owner, "month")
    for command in (
        AddMember(person=owner.person, pool=pool, line=friend.id),
        FillPool(person=owner.person, line=owner.id, pool=pool, unit=Unit.DATA, amount=1),
    ):
        assert code_of(do(facts, command)) is Code.POOL_UNKNOWN


# ---------------------------------------------------------------- what goes in


def fill(giver: Line, pool: PoolId, amount: int, unit: Unit = Unit.DATA) -> FillPool:
    return FillPool(person=giver.person, line=giver.id, pool=pool, unit=unit, amount=amount)


@pytest.mark.parametrize("home", [0, 1])
def test_what_ends_soonest_goes_in_first_as_it_is_whichever_home_it_comes_from(home: int) -> None:
    owner, friend = line(), line(home=home)
    facts = facts_of(owner, friend)
    pool = opened(facts, owner)
    added(facts, owner, pool, friend)
    bought(facts, friend, "never", "month", "day")
    assert do(facts, fill(friend, pool, ISSUED + 5)) == PoolDone(pool)
    inside = facts.book.holdings(pool, Unit.DATA)
    assert [(b.balance, a.expires_at, a.hops) for b, a in inside] == [
        (ISSUED, START + timedelta(days=1), 0),
        (5, START + timedelta(days=30), 0),
    ]
    outside = facts.book.holdings(friend.id, Unit.DATA)
    assert [bucket.balance for bucket, _ in outside] == [ISSUED - 5, ISSUED]
    filled = [t for t in facts.book.transfers if t.kind is not TransferKind.ISSUE]
    assert {t.cause for t in filled} == {pool}
    assert facts.book.entered_transit == []
    on_the_way = [t for t in filled if HOUSE[House.TRANSIT] in (t.source, t.target)]
    assert len(on_the_way) == 4 * home
    assert all((Home(0), a.id) in facts.book.recorded for _, a in inside)
    assert facts.supplied_lines == {friend.id}


@pytest.mark.parametrize("unit", Unit)
def test_anything_may_be_put_in_to_the_last_unit(unit: Unit) -> None:
    owner = line()
    facts = facts_of(owner)
    pool = opened(facts, owner)
    bought(facts, owner, None)
    too_much = do(facts, fill(owner, pool, ISSUED + 1, unit))
    assert isinstance(too_much, Refusal)
    assert (too_much.code, too_much.fields["available"]) == (
        Code.BALANCE_NOT_ENOUGH,
        Quantity(ISSUED, unit),
    )
    assert facts.book.buckets_of(pool) == []
    assert do(facts, fill(owner, pool, ISSUED, unit)) == PoolDone(pool)


def test_only_members_and_the_owner_put_something_in_and_only_of_their_own() -> None:
    owner, friend, stranger, elsewhere = line(), line(), line(), line("carry")
    elsewhere = replace(elsewhere, person=owner.person)
    facts = facts_of(owner, friend, stranger, elsewhere)
    pool = opened(facts, owner)
    added(facts, owner, pool, friend)
    for one in (owner, friend, stranger, elsewhere):
        bought(facts, one, "month")
    assert code_of(do(facts, fill(stranger, pool, 1))) is Code.POOL_UNKNOWN
    assert code_of(do(facts, fill(elsewhere, pool, 1))) is Code.POOL_OTHER_OPERATOR
    theirs = replace(friend, person=stranger.person)
    assert code_of(do(facts, fill(theirs, pool, 1))) is Code.LINE_NOT_YOURS
    do(facts, RemoveMember(person=owner.person, pool=pool, line=friend.id))
    assert code_of(do(facts, fill(friend, pool, 1))) is Code.POOL_UNKNOWN


def test_where_the_operator_says_so_only_some_kinds_may_be_put_in() -> None:
    owner = line("carry")
    facts = facts_of(owner)
    pool = opened(facts, owner)
    bought(facts, owner, "month")
    refusal = do(facts, fill(owner, pool, 1))
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.fields["classes"], refusal.fields["available"]) == (
        Code.POOL_SOURCE,
        ("carried_over",),
        Quantity(0, Unit.DATA),
    )


@pytest.mark.parametrize("amount", [0, -1])
def test_nothing_is_no_amount_to_put_in(amount: int) -> None:
    owner = line()
    with pytest.raises(DomainError) as raised:
        decide_pool(facts_of(owner), fill(owner, PoolId(HolderId(new_id())), amount))
    assert raised.value.refusal.code is Code.AMOUNT_NOT_POSITIVE


def test_a_decision_changes_nothing_by_itself() -> None:
    owner, friend = line(), line()
    facts = facts_of(owner, friend)
    pool = opened(facts, owner)
    added(facts, owner, pool, friend)
    bought(facts, owner, "month")
    before = (dict(facts.pools), dict(facts.members), len(facts.book.transfers))
    for command in (
        fill(owner, pool, 1),
        ChangeMember(person=owner.person, pool=pool, line=friend.id, is_paused=True),
        RemoveMember(person=owner.person, pool=pool, line=friend.id),
    ):
        assert decide_pool(facts, command).outcome == PoolDone(pool)
    assert (dict(facts.pools), dict(facts.members), len(facts.book.transfers)) == before


# ---------------------------------------------------------------- members that take as they may


CAPS = st.one_of(st.none(), st.integers(1, 60))
WHO = st.integers(0, 2)


class MembersMachine(RuleBasedStateMachine):
    """Three members who take, give back and are changed, while days and months pass.

    A shadow keeps each taking with its moment, and knows by that alone what a cap leaves.
    """

    @initialize()
    def open(self) -> None:
        self.owner = line()
        self.lines = [line() for _ in range(3)]
        self.facts = facts_of(self.owner, *self.lines)
        self.pool = opened(self.facts, self.owner)
        self.taken: list[list[tuple[datetime, int]]] = [[], [], []]
        added(self.facts, self.owner, self.pool, *self.lines)

    def member(self, who: int) -> Member | None:
        return self.facts.members.get(self.lines[who].id)

    def others(self, who: int) -> list[Member]:
        """The other members as they stand."""
        return [copy(m) for m in self.facts.members.values() if m.line != self.lines[who].id]

    def sums(self, who: int) -> tuple[int, int]:
        now = self.facts.at.astimezone(TOKYO)
        local = [(at.astimezone(TOKYO), amount) for at, amount in self.taken[who]]
        return (
            sum(amount for at, amount in local if at.date() == now.date()),
            sum(amount for at, amount in local if (at.year, at.month) == (now.year, now.month)),
        )

    @rule(who=WHO, wanted=st.integers(1, 80))
    def take(self, who: int, wanted: int) -> None:
        others = self.others(who)
        taker = self.member(who)
        if taker is not None:
            may = taker.may_take(Unit.DATA, self.facts.at, TOKYO)
            amount = wanted if may is None else min(wanted, may)
            if amount:
                taker.take(Unit.DATA, amount, self.facts.at, TOKYO)
                self.taken[who].append((self.facts.at, amount))
        assert self.others(who) == others

    @precondition(lambda self: any(self.taken))
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        who = data.draw(st.sampled_from([n for n in range(3) if self.taken[n]]))
        number = data.draw(st.integers(0, len(self.taken[who]) - 1))
        at, amount = self.taken[who][number]
        back = data.draw(st.integers(0, amount))
        giver = self.member(who)
        if giver is not None:
            giver.give_back(Unit.DATA, back, at, TOKYO)
            self.taken[who][number] = (at, amount - back)

    @rule(who=WHO, day=CAPS, month=CAPS, is_paused=st.booleans())
    def change(self, who: int, day: int | None, month: int | None, *, is_paused: bool) -> None:
        asked = ChangeMember(
            person=self.owner.person,
            pool=self.pool,
            line=self.lines[who].id,
            cap_per_day=day,
            cap_per_month=month,
            is_paused=is_paused,
        )
        is_member = self.member(who) is not None
        outcome = do(self.facts, asked)
        assert (outcome == PoolDone(self.pool)) is is_member

    @rule(who=WHO)
    def leave_or_join(self, who: int) -> None:
        if self.member(who) is None:
            added(self.facts, self.owner, self.pool, self.lines[who])
        else:
            left = RemoveMember(
                person=self.lines[who].person, pool=self.pool, line=self.lines[who].id
            )
            assert do(self.facts, left) == PoolDone(self.pool)
        self.taken[who] = []

    @rule(hours=st.sampled_from([1, 5, 24, 24 * 12, 24 * 31]))
    def wait(self, hours: int) -> None:
        self.facts.book.at += timedelta(hours=hours)

    @invariant()
    def what_each_may_take_is_what_its_caps_leave(self) -> None:
        for who in range(3):
            known = self.member(who)
            if known is None:
                continue
            sums = self.sums(who)
            assert known.taken_at(self.facts.at, TOKYO) == sums
            limits = [
                cap - taken
                for cap, taken in zip((known.cap_per_day, known.cap_per_month), sums, strict=True)
                if cap is not None
            ]
            may = known.may_take(Unit.DATA, self.facts.at, TOKYO)
            if known.is_paused:
                assert may == 0
            else:
                assert may == (max(0, min(limits)) if limits else None)


TestMembers = MembersMachine.TestCase
