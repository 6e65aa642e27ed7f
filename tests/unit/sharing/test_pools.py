"""What of pools is decided without a database: who may draw on one, how much, and what goes in."""

from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.ids import numbered
from tests.model.world import ISSUED
from tests.unit.sharing.pool_people import (
    MIDNIGHT,
    MONTH_END,
    START,
    TICK,
    TOKYO,
    added,
    bought,
    code_of,
    do,
    facts_of,
    fill,
    invited,
    joining,
    line,
    opened,
)

from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import HolderId, Home, InvitationId, PersonId, PoolId, new_id
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.ledger.changes import HOUSE, House, TransferKind
from yuzuri.sharing.pool_decisions import INVITATION_LIFE, decide_pool
from yuzuri.sharing.pools import (
    Allotment,
    ChangeMember,
    ClosePool,
    HandOverPool,
    Invite,
    Member,
    OpenPool,
    Pool,
    PoolCommand,
    PoolDone,
    RemoveMember,
    Role,
    TakeOverPool,
    WithdrawInvitation,
)
from yuzuri.subscribers.lines import Line

MONTH = datetime(2026, 10, 31, 15, tzinfo=UTC)
"""When November begins in Tokyo."""


def member(*, line: HolderId | None = None, pool: PoolId | None = None, **terms: Any) -> Member:
    """A member who has joined this month; a term of a member's own, or of its allotment."""
    own = {name: terms.pop(name) for name in tuple(terms) if name in Member.__struct_fields__}
    base = Member(
        line=line or HolderId(numbered(50)),
        pool=pool or PoolId(HolderId(numbered(60))),
        joined_at=START,
        day=MIDNIGHT - timedelta(days=1),
        month=MONTH,
        allotment=Allotment(**terms),
    )
    return msgspec.structs.replace(base, **own)


def may(one: Member, at: datetime = START, unit: Unit = Unit.DATA, size: int = 0) -> int | None:
    return one.may_take(unit, at, TOKYO, size)


# ---------------------------------------------------------------- how much a member may take


def test_a_member_without_caps_may_take_all_there_is() -> None:
    free = member()
    free.take(Unit.DATA, 10**15, START, TOKYO)
    assert may(free, START) is None


def test_a_cap_lets_the_last_byte_pass_and_nothing_after_it() -> None:
    capped = member(cap_per_day=100)
    capped.take(Unit.DATA, 99, START, TOKYO)
    assert may(capped, START) == 1
    capped.take(Unit.DATA, 1, START, TOKYO)
    assert may(capped, START) == 0


def test_the_smaller_of_what_two_caps_leave_decides() -> None:
    capped = member(cap_per_day=100, cap_per_month=150)
    capped.take(Unit.DATA, 60, START, TOKYO)
    assert may(capped, START) == 40
    assert may(capped, START + timedelta(days=1)) == 90
    capped.take(Unit.DATA, 80, START + timedelta(days=1), TOKYO)
    assert may(capped, START + timedelta(days=2)) == 10


def test_a_cap_that_was_lowered_below_what_was_taken_leaves_nothing() -> None:
    assert may(member(cap_per_day=10, taken_today=11)) == 0


@pytest.mark.parametrize(
    ("caps", "border"), [({"cap_per_day": 100}, MIDNIGHT), ({"cap_per_month": 100}, MONTH_END)]
)
def test_a_day_and_a_month_begin_anew_by_the_operators_clock(
    caps: Mapping[str, Any], border: datetime
) -> None:
    capped = member(**caps)
    capped.take(Unit.DATA, 100, border - TICK, TOKYO)
    assert may(capped, border - TICK) == 0
    assert may(capped, border) == 100
    capped.take(Unit.DATA, 30, border, TOKYO)
    assert may(capped, border) == 70


def test_a_clock_that_goes_back_makes_no_room() -> None:
    capped = member(cap_per_day=100)
    capped.take(Unit.DATA, 100, MIDNIGHT, TOKYO)
    assert may(capped, MIDNIGHT - TICK) == 0
    capped.take(Unit.DATA, 1, MIDNIGHT - TICK, TOKYO)
    assert (capped.day, capped.taken_today) == (MIDNIGHT, 101)


def test_what_is_given_back_may_be_taken_again_and_no_more() -> None:
    capped = member(cap_per_day=100, cap_per_month=1_000)
    capped.take(Unit.DATA, 100, START, TOKYO)
    capped.give_back(Unit.DATA, 40, START, TOKYO)
    assert may(capped, START) == 40
    capped.give_back(Unit.DATA, 1_000, START, TOKYO)
    assert (capped.taken_today, capped.taken_this_month) == (0, 0)


def test_what_was_taken_yesterday_makes_no_room_today_but_does_this_month() -> None:
    capped = member(cap_per_day=100)
    capped.take(Unit.DATA, 50, MIDNIGHT - TICK, TOKYO)
    capped.take(Unit.DATA, 30, MIDNIGHT, TOKYO)
    capped.give_back(Unit.DATA, 50, MIDNIGHT - TICK, TOKYO)
    assert (capped.taken_today, capped.taken_this_month) == (30, 30)
    assert may(capped, MIDNIGHT) == 70


def test_what_was_taken_last_month_makes_no_room_in_this_one() -> None:
    capped = member(cap_per_month=100)
    capped.take(Unit.DATA, 50, MONTH_END - TICK, TOKYO)
    capped.take(Unit.DATA, 30, MONTH_END, TOKYO)
    capped.give_back(Unit.DATA, 50, MONTH_END - TICK, TOKYO)
    assert may(capped, MONTH_END) == 70


@pytest.mark.parametrize("unit", [Unit.VOICE, Unit.SMS])
def test_caps_are_of_data_alone(unit: Unit) -> None:
    capped = member(cap_per_day=1, cap_per_month=1, taken_today=1, taken_this_month=1)
    before = msgspec.structs.replace(capped)
    assert may(capped, START, unit) is None
    capped.take(unit, 5, START, TOKYO)
    capped.give_back(unit, 5, START, TOKYO)
    assert capped == before


@pytest.mark.parametrize("unit", Unit)
def test_a_paused_member_may_take_nothing_of_any_kind(unit: Unit) -> None:
    assert may(member(is_paused=True, cap_per_day=100), START, unit) == 0


def test_a_share_is_of_all_that_it_takes_from_when_it_joined() -> None:
    shared = member(share=100)
    shared.take(Unit.DATA, 60, START, TOKYO)
    assert may(shared, MONTH_END + timedelta(days=40)) == 40
    shared.take(Unit.DATA, 40, MONTH_END, TOKYO)
    assert may(shared, MONTH_END) == 0
    shared.give_back(Unit.DATA, 10, START, TOKYO)
    assert may(shared, MONTH_END + timedelta(days=40)) == 10


@pytest.mark.parametrize(("percent", "size", "part"), [(1, 99, 0), (33, 100, 33), (100, 7, 7)])
def test_a_share_in_percent_is_of_the_size_in_this_month_and_anew_in_the_next(
    percent: int, size: int, part: int
) -> None:
    shared = member(share_percent=percent)
    assert may(shared, size=size) == part
    shared.take(Unit.DATA, part, START, TOKYO)
    assert may(shared, size=size) == 0
    assert may(shared, MONTH_END, size=size) == part


def test_between_its_first_and_its_last_moment_it_may_take_and_at_no_other() -> None:
    lent = member(since=START, until=MIDNIGHT, share=9)
    assert [may(lent, at) for at in (START - TICK, START, MIDNIGHT - TICK, MIDNIGHT)] == [
        0,
        9,
        9,
        0,
    ]


def test_what_leaves_least_decides() -> None:
    limits: dict[str, Any] = {"cap_per_day": 5, "cap_per_month": 6, "share": 7, "share_percent": 8}
    for name in limits:
        assert may(member(**(limits | {name: 3})), size=100) == 3


# ---------------------------------------------------------------- who may open, add, change


def test_a_pool_is_of_the_operator_of_the_line_it_is_opened_with() -> None:
    owner = line()
    facts = facts_of(owner)
    pool = opened(facts, owner)
    assert [*facts.pools.values()] == [
        Pool(id=pool, owner=owner.person, name="us", operator="open", opened_at=START, month=MONTH)
    ]
    assert facts.changed_pools == {pool}
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
    terms = Allotment(cap_per_day=5, pool_first=True)
    added(facts, owner, pool, friend, allotment=terms)
    assert facts.members == {
        friend.id: member(line=friend.id, pool=pool, cap_per_day=5, pool_first=True)
    }
    assert facts.changed == facts.touched_lines == {friend.id}


def test_a_line_draws_on_one_pool_only_and_the_operators_number_of_lines_is_the_last() -> None:
    owner, *friends = (line() for _ in range(5))
    facts = facts_of(owner, *friends)
    pool, other = opened(facts, owner), opened(facts, owner)
    added(facts, owner, pool, *friends[:3])
    full = do(facts, joining(friends[3], invited(facts, owner.person, pool)))
    assert isinstance(full, Refusal)
    assert (full.code, full.fields["limit"]) == (Code.POOL_FULL, 3)
    again = joining(friends[0], invited(facts, owner.person, other))
    assert code_of(do(facts, again)) is Code.POOL_MEMBER_ALREADY
    do(facts, RemoveMember(person=owner.person, pool=pool, line=friends[0].id))
    assert do(facts, again) == PoolDone(other)


def test_only_lines_of_the_pools_operator_may_join() -> None:
    owner, stranger = line(), line("account")
    facts = facts_of(owner, stranger)
    invitation = invited(facts, owner.person, opened(facts, owner))
    assert code_of(do(facts, joining(stranger, invitation))) is Code.POOL_OTHER_OPERATOR


@pytest.mark.parametrize(("account", "joins"), [("A", True), ("B", False), (None, False)])
def test_where_the_operator_says_so_only_lines_of_the_owners_account_may_join(
    account: str | None, *, joins: bool
) -> None:
    owner, friend = line("account", account="A"), line("account", account=account)
    facts = facts_of(owner, friend)
    pool = opened(facts, owner)
    outcome = do(facts, joining(friend, invited(facts, owner.person, pool)))
    assert outcome == PoolDone(pool) if joins else code_of(outcome) is Code.POOL_OTHER_ACCOUNT


def inviting(allotment: Allotment, **terms: Any) -> Invite:
    person = PersonId(numbered(70))
    return Invite(person=person, pool=PoolId(HolderId(numbered(60))), allotment=allotment, **terms)


def changing(allotment: Allotment, **terms: Any) -> ChangeMember:
    pool, line = PoolId(HolderId(numbered(60))), HolderId(numbered(50))
    person = PersonId(numbered(70))
    return ChangeMember(person=person, pool=pool, line=line, allotment=allotment, **terms)


NONSENSE = [
    *(
        ({name: amount}, {}, Code.AMOUNT_NOT_POSITIVE)
        for name, amount in product(("cap_per_day", "cap_per_month", "share"), (0, -1))
    ),
    *(({"share_percent": part}, {}, Code.REQUEST_INVALID) for part in (0, 101)),
    ({}, {"role": Role.OWNER}, Code.REQUEST_INVALID),
]


@pytest.mark.parametrize("command", [inviting, changing])
@pytest.mark.parametrize(("allotment", "terms", "code"), NONSENSE, ids=str)
def test_nobody_is_asked_to_draw_on_a_pool_in_a_way_that_makes_no_sense(
    command: Any, allotment: Mapping[str, Any], terms: Mapping[str, Role], code: Code
) -> None:
    with pytest.raises(DomainError) as raised:
        decide_pool(facts_of(), command(Allotment(**allotment), **terms))
    assert raised.value.refusal.code is code


def test_a_change_keeps_what_was_taken() -> None:
    owner, friend = line(), line()
    facts = facts_of(owner, friend)
    pool = opened(facts, owner)
    added(facts, owner, pool, friend)
    facts.members[friend.id].take(Unit.DATA, 70, START, TOKYO)
    facts.touched_lines.clear()
    terms = Allotment(cap_per_month=100, is_paused=True)
    change = ChangeMember(person=owner.person, pool=pool, line=friend.id, allotment=terms)
    assert do(facts, change) == PoolDone(pool)
    changed = facts.members[friend.id]
    assert (changed.allotment, changed.taken, changed.taken_this_month) == (terms, 70, 70)
    assert facts.touched_lines == {friend.id}


# ---------------------------------------------------------------- who is invited


@pytest.mark.parametrize("number", ["+819012345678", None])
def test_an_invitation_is_answered_the_same_whoever_has_the_number(number: str | None) -> None:
    owner, friend = line(), line()
    facts = facts_of(owner, friend)
    pool = opened(facts, owner)
    known = invited(facts, owner.person, pool, number=friend.number)
    unknown = invited(facts, owner.person, pool, number=number)
    one, other = facts.invitations[known], facts.invitations[unknown]
    assert msgspec.structs.replace(one, id=other.id, number=other.number) == other
    assert (one.until, one.uses_max) == (START + INVITATION_LIFE, 1)


def test_an_invitation_of_a_number_is_for_the_line_that_has_it() -> None:
    owner, friend, other = line(), line(), line()
    theirs = line(of=friend)
    facts = facts_of(owner, friend, other, theirs)
    pool = opened(facts, owner)
    invitation = invited(facts, owner.person, pool, number=friend.number)
    for one in (other, theirs, owner):
        assert code_of(do(facts, joining(one, invitation))) is Code.INVITATION_UNKNOWN
    assert do(facts, joining(friend, invitation)) == PoolDone(pool)


def test_nobody_joins_for_somebody_else() -> None:
    owner, friend = line(), line()
    facts = facts_of(owner, friend)
    invitation = invited(facts, owner.person, opened(facts, owner))
    for_them = msgspec.structs.replace(joining(friend, invitation), person=owner.person)
    assert code_of(do(facts, for_them)) is Code.LINE_NOT_YOURS


def test_so_many_lines_join_by_a_link_as_it_is_for() -> None:
    owner, *friends = (line() for _ in range(4))
    facts = facts_of(owner, *friends)
    pool = opened(facts, owner)
    invitation = invited(facts, owner.person, pool, uses_max=2)
    joined = [do(facts, joining(friend, invitation)) for friend in friends]
    assert joined[:2] == [PoolDone(pool)] * 2
    assert code_of(joined[2]) is Code.INVITATION_UNKNOWN
    assert facts.invitations[invitation].uses == 2


def test_nobody_joins_by_an_invitation_that_is_over_withdrawn_or_of_a_closed_pool() -> None:
    for happens in ("it is over", "it is withdrawn", "the pool is closed", "there was none"):
        owner, friend = line(), line()
        facts = facts_of(owner, friend)
        pool = opened(facts, owner)
        until = START + timedelta(hours=1)
        invitation = invited(facts, owner.person, pool, until=until)
        match happens:
            case "it is over":
                facts.book.at = until
            case "it is withdrawn":
                withdrawal = WithdrawInvitation(person=owner.person, invitation=invitation)
                assert do(facts, withdrawal) == PoolDone(pool)
                assert code_of(do(facts, withdrawal)) is Code.INVITATION_UNKNOWN
            case "the pool is closed":
                assert do(facts, ClosePool(person=owner.person, pool=pool)) == PoolDone(pool)
            case _:
                invitation = InvitationId(new_id())
        assert code_of(do(facts, joining(friend, invitation))) is Code.INVITATION_UNKNOWN, happens


def test_an_invitation_is_declined_by_whoever_has_its_number() -> None:
    owner, friend, other = line(), line(), line()
    facts = facts_of(owner, friend, other)
    pool = opened(facts, owner)
    invitation = invited(facts, owner.person, pool, number=friend.number)
    declining = WithdrawInvitation(person=friend.person, invitation=invitation, line=friend.id)
    by_other = WithdrawInvitation(person=other.person, invitation=invitation, line=other.id)
    assert code_of(do(facts, by_other)) is Code.INVITATION_UNKNOWN
    posing = WithdrawInvitation(person=other.person, invitation=invitation, line=friend.id)
    assert code_of(do(facts, posing)) is Code.LINE_NOT_YOURS
    assert do(facts, declining) == PoolDone(pool)
    assert code_of(do(facts, joining(friend, invitation))) is Code.INVITATION_UNKNOWN


def test_an_invitation_ends_after_it_begins() -> None:
    owner = line()
    facts = facts_of(owner)
    past = Invite(person=owner.person, pool=opened(facts, owner), until=START)
    assert code_of(do(facts, past)) is Code.REQUEST_INVALID


@pytest.mark.parametrize(
    "terms", [{"uses_max": 0}, {"uses_max": 101}, {"uses_max": 2, "number": "+81901"}], ids=str
)
def test_an_invitation_is_for_some_lines_and_a_number_is_one(terms: Mapping[str, Any]) -> None:
    with pytest.raises(DomainError) as raised:
        decide_pool(facts_of(), inviting(Allotment(), **terms))
    assert raised.value.refusal.code is Code.REQUEST_INVALID


# ---------------------------------------------------------------- who decides


def changed(by: Line, pool: PoolId, whose: Line, role: Role = Role.MEMBER) -> ChangeMember:
    return ChangeMember(
        person=by.person, pool=pool, line=whose.id, allotment=Allotment(cap_per_day=5), role=role
    )


def removed(by: Line, pool: PoolId, whose: Line) -> RemoveMember:
    return RemoveMember(person=by.person, pool=pool, line=whose.id)


def test_a_pool_of_strangers_is_unknown_and_a_member_decides_nothing_but_to_leave() -> None:
    owner, friend, stranger = line(), line(), line()
    facts = facts_of(owner, friend, stranger)
    pool = opened(facts, owner)
    added(facts, owner, pool, friend)
    for asker, code in ((stranger, Code.POOL_UNKNOWN), (friend, Code.POOL_NOT_YOURS)):
        others: list[PoolCommand] = [
            changed(asker, pool, friend),
            Invite(person=asker.person, pool=pool),
            ClosePool(person=asker.person, pool=pool),
            HandOverPool(person=asker.person, pool=pool, line=friend.id),
        ]
        for command in others:
            assert code_of(do(facts, command)) is code
    assert code_of(do(facts, removed(stranger, pool, friend))) is Code.POOL_UNKNOWN
    unknown = RemoveMember(person=owner.person, pool=PoolId(stranger.id), line=friend.id)
    assert code_of(do(facts, unknown)) is Code.POOL_UNKNOWN
    facts.touched_lines.clear()
    assert do(facts, removed(friend, pool, friend)) == PoolDone(pool)
    assert facts.members == {}
    assert facts.touched_lines == {friend.id}
    for command in (removed(owner, pool, friend), changed(owner, pool, friend)):
        assert code_of(do(facts, command)) is Code.POOL_MEMBER_UNKNOWN
    assert code_of(do(facts, removed(friend, pool, friend))) is Code.POOL_UNKNOWN


def test_a_manager_decides_on_members_and_on_neither_the_owner_nor_another_manager() -> None:
    owner, manager, other, friend = (line("wide") for _ in range(4))
    facts = facts_of(owner, manager, other, friend)
    pool = opened(facts, owner)
    added(facts, owner, pool, owner, friend)
    added(facts, owner, pool, manager, other, role=Role.MANAGER)
    for whose in (owner, other):
        for refused in (changed(manager, pool, whose), removed(manager, pool, whose)):
            assert code_of(do(facts, refused)) is Code.POOL_NOT_YOURS
    assert do(facts, changed(manager, pool, friend)) == PoolDone(pool)
    assert do(facts, changed(manager, pool, manager, Role.MANAGER)) == PoolDone(pool)
    for whose, role in ((friend, Role.MANAGER), (manager, Role.MEMBER)):
        assert code_of(do(facts, changed(manager, pool, whose, role))) is Code.POOL_NOT_YOURS
    as_manager = Invite(person=manager.person, pool=pool, role=Role.MANAGER)
    assert code_of(do(facts, as_manager)) is Code.POOL_NOT_YOURS
    assert do(facts, removed(manager, pool, friend)) == PoolDone(pool)
    added(facts, manager, pool, friend)
    for command in (
        ClosePool(person=manager.person, pool=pool),
        HandOverPool(person=manager.person, pool=pool, line=manager.id),
    ):
        assert code_of(do(facts, command)) is Code.POOL_NOT_YOURS
    assert do(facts, changed(owner, pool, manager)) == PoolDone(pool)
    assert code_of(do(facts, changed(manager, pool, friend))) is Code.POOL_NOT_YOURS


def test_what_a_manager_has_invited_to_is_over_when_they_manage_no_more() -> None:
    owner, manager, friend = line(), line(), line()
    facts = facts_of(owner, manager, friend)
    pool = opened(facts, owner)
    added(facts, owner, pool, manager, role=Role.MANAGER)
    invitation = invited(facts, manager.person, pool)
    assert do(facts, removed(owner, pool, manager)) == PoolDone(pool)
    assert code_of(do(facts, joining(friend, invitation))) is Code.INVITATION_UNKNOWN


# ---------------------------------------------------------------- whose it is


def test_the_owner_of_an_open_pool_does_not_leave_it() -> None:
    owner, second = line(), line()
    second = replace(second, person=owner.person)
    facts = facts_of(owner, second)
    pool = opened(facts, owner)
    added(facts, owner, pool, owner, second)
    assert do(facts, removed(owner, pool, second)) == PoolDone(pool)
    assert code_of(do(facts, removed(owner, pool, owner))) is Code.POOL_OWNER_STAYS


def test_handing_over_needs_both_and_the_former_owner_may_go_then() -> None:
    owner, friend, other = line(), line(home=1), line()
    facts = facts_of(owner, friend, other)
    pool = opened(facts, owner)
    added(facts, owner, pool, owner, friend, other)
    takes_over = TakeOverPool(person=friend.person, pool=pool)
    assert code_of(do(facts, takes_over)) is Code.POOL_NOT_HANDED_OVER
    offer = HandOverPool(person=owner.person, pool=pool, line=friend.id)
    assert do(facts, offer) == PoolDone(pool)
    assert facts.pools[pool].owner == owner.person
    refused = do(facts, msgspec.structs.replace(takes_over, person=other.person))
    assert code_of(refused) is Code.POOL_NOT_HANDED_OVER
    assert do(facts, takes_over) == PoolDone(pool)
    after = facts.pools[pool]
    assert (after.owner, after.successor) == (friend.person, None)
    assert code_of(do(facts, changed(owner, pool, other))) is Code.POOL_NOT_YOURS
    assert do(facts, removed(owner, pool, owner)) == PoolDone(pool)
    assert do(facts, changed(friend, pool, other)) == PoolDone(pool)


def test_what_the_former_owner_put_in_from_a_line_outside_goes_back_when_it_is_taken_over() -> None:
    owner, friend = line(home=1), line()
    inside, outside = replace(line(), person=owner.person), owner
    facts = facts_of(outside, inside, friend)
    pool = opened(facts, owner)
    added(facts, owner, pool, inside, friend)
    for one in (outside, inside):
        bought(facts, one, "month")
        assert do(facts, fill(one, pool, ISSUED)) == PoolDone(pool)
    do(facts, HandOverPool(person=owner.person, pool=pool, line=friend.id))
    assert do(facts, TakeOverPool(person=friend.person, pool=pool)) == PoolDone(pool)
    assert [bucket.balance for bucket in facts.book.buckets_of(outside.id)] == [ISSUED]
    assert [one.line for one in facts.contributions[pool]] == [inside.id]
    assert facts.members_of(pool)  # nobody has left


def test_an_offer_to_take_over_may_be_taken_back_and_ends_when_its_line_goes() -> None:
    owner, friend, stranger = line(), line(), line()
    facts = facts_of(owner, friend, stranger)
    pool = opened(facts, owner)
    added(facts, owner, pool, friend)
    for whose in (stranger, owner):
        offer = HandOverPool(person=owner.person, pool=pool, line=whose.id)
        assert code_of(do(facts, offer)) is Code.POOL_MEMBER_UNKNOWN
    offer = HandOverPool(person=owner.person, pool=pool, line=friend.id)
    takes_over = TakeOverPool(person=friend.person, pool=pool)
    do(facts, offer)
    do(facts, msgspec.structs.replace(offer, line=None))
    assert code_of(do(facts, takes_over)) is Code.POOL_NOT_HANDED_OVER
    do(facts, offer)
    do(facts, removed(friend, pool, friend))
    assert code_of(do(facts, takes_over)) is Code.POOL_UNKNOWN
    assert facts.pools[pool].successor is None, "and they see nothing of the pool any more"


def test_nobody_does_anything_with_a_pool_that_is_closed() -> None:
    owner, friend = line(), line()
    facts = facts_of(owner, friend)
    pool = opened(facts, owner)
    added(facts, owner, pool, friend)
    bought(facts, owner, "month")
    facts.touched_lines.clear()
    closing = ClosePool(person=owner.person, pool=pool)
    assert do(facts, closing) == PoolDone(pool)
    assert facts.members == {}
    assert facts.touched_lines == {friend.id}
    for command in (
        closing,
        Invite(person=owner.person, pool=pool),
        fill(owner, pool, 1),
        changed(owner, pool, friend),
        removed(friend, pool, friend),
        HandOverPool(person=owner.person, pool=pool, line=None),
        TakeOverPool(person=friend.person, pool=pool),
    ):
        assert code_of(do(facts, command)) is Code.POOL_UNKNOWN


# ---------------------------------------------------------------- what goes in


def test_where_the_owner_says_so_only_the_owner_puts_something_in() -> None:
    owner, friend = line(), line()
    facts = facts_of(owner, friend)
    pool = opened(facts, owner, members_fill=False)
    added(facts, owner, pool, friend)
    for one in (owner, friend):
        bought(facts, one, "month")
    assert code_of(do(facts, fill(friend, pool, 1))) is Code.POOL_OWNER_FILLS
    assert do(facts, fill(owner, pool, 1)) == PoolDone(pool)


def test_its_size_is_what_it_had_as_the_month_began_with_what_has_gone_in_and_back_since() -> None:
    owner, friend = line(), line()
    facts = facts_of(owner, friend)
    pool = opened(facts, owner)
    added(facts, owner, pool, friend)
    for one in (owner, friend):
        bought(facts, one, "never")
    for one in (owner, friend):
        do(facts, fill(one, pool, 300))
        do(facts, fill(one, pool, 1, Unit.SMS))
    assert facts.size_of(pool) == 600
    facts.book.at = MONTH_END
    assert (facts.pools[pool].size, facts.size_of(pool)) == (600, 600)
    do(facts, fill(owner, pool, 200))
    do(facts, removed(friend, pool, friend))
    assert facts.size_of(pool) == 500


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
    do(facts, removed(owner, pool, friend))
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
        changed(owner, pool, friend),
        removed(owner, pool, friend),
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
            limit = may(taker, self.facts.at)
            amount = wanted if limit is None else min(wanted, limit)
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
            allotment=Allotment(cap_per_day=day, cap_per_month=month, is_paused=is_paused),
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
            caps = (known.allotment.cap_per_day, known.allotment.cap_per_month)
            limits = [cap - taken for cap, taken in zip(caps, sums, strict=True) if cap is not None]
            if known.allotment.is_paused:
                assert may(known, self.facts.at) == 0
            else:
                assert may(known, self.facts.at) == (max(0, min(limits)) if limits else None)


TestMembers = MembersMachine.TestCase
