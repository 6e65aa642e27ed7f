"""What members have put into a pool, what remains of it, and what goes back: to the byte."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ids import numbered
from tests.model.world import ISSUED
from tests.unit.sharing.pool_people import (
    MONTH_END,
    START,
    added,
    bought,
    do,
    facts_of,
    fill,
    line,
    opened,
)

from yuzuri.kernel.ids import AllowanceId, HolderId, HoldId, Id, PoolId, new_id
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.changes import HOUSE, House, OpenHold, ReleaseHold, Transfer, TransferKind
from yuzuri.sharing.contributions import add, apportion, owe, pay, settle
from yuzuri.sharing.pool_facts import PoolFacts
from yuzuri.sharing.pools import ClosePool, Contribution, PoolDone, RemoveMember, SettlePool
from yuzuri.subscribers.lines import Line

AMOUNTS = st.lists(st.integers(0, 10**13), min_size=1, max_size=8)
POOL = PoolId(HolderId(numbered(60)))
DATA = AllowanceId(numbered(70))


# ---------------------------------------------------------------- dividing


@given(AMOUNTS, st.data())
def test_parts_sum_to_the_total_and_each_is_exact_to_less_than_one(
    amounts: list[int], data: st.DataObject
) -> None:
    whole = sum(amounts)
    total = data.draw(st.integers(0, whole))
    parts = apportion(total, amounts)
    assert sum(parts) == total
    for part, amount in zip(parts, amounts, strict=True):
        assert abs(part * whole - total * amount) < max(1, whole)
        assert part <= amount


@pytest.mark.parametrize(
    ("total", "amounts", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (5, [5, 3, 2], [3, 1, 1]),
        (1, [1, 1], [1, 0]),
        (7, [0, 7], [0, 7]),
        (0, [3, 4], [0, 0]),
        (9, [], []),
        (9, [0, 0], [0, 0]),
    ],
    ids=str,
)
def test_the_largest_remainders_get_what_rounding_leaves_and_of_equal_ones_the_first(
    total: int, amounts: list[int], parts: list[int]
) -> None:
    assert apportion(total, amounts) == parts


def put_in(**amounts: int) -> list[Contribution]:
    """What lines called by a letter have put in."""
    some: list[Contribution] = []
    for name, amount in amounts.items():
        some = add(some, POOL, HolderId(numbered(ord(name))), [(DATA, amount)])
    return some


def of_each(some: list[Contribution]) -> Mapping[str, int]:
    """The same by letter; a capital where it is owed."""
    named = {(chr(int.from_bytes(one.line[:14])), one.is_owed): one.amount for one in some}
    return {name.upper() if owed else name: amount for (name, owed), amount in named.items()}


def test_use_takes_from_all_in_proportion_but_not_from_what_is_owed() -> None:
    some = owe(put_in(a=60, b=30, c=10), [HolderId(numbered(ord("c")))])
    assert of_each(settle(some, lambda _: 100)) == {"a": 60, "b": 30, "C": 10}
    assert of_each(settle(some, lambda _: 55)) == {"a": 30, "b": 15, "C": 10}
    assert of_each(settle(some, lambda _: 10)) == {"C": 10}
    assert of_each(settle(some, lambda _: 4)) == {"C": 4}
    assert settle(some, lambda _: 0) == []


def test_what_is_owed_is_paid_as_far_as_it_is_free_and_divided_where_that_is_not_enough() -> None:
    some = owe(put_in(a=60, b=30, c=10), [HolderId(numbered(ord(name))) for name in "ab"])
    paid, rest = pay(some, lambda _: 45)
    assert (of_each(paid), of_each(rest)) == ({"A": 30, "B": 15}, {"A": 30, "B": 15, "c": 10})
    paid, rest = pay(rest, lambda _: 55)
    assert (of_each(paid), of_each(rest)) == ({"A": 30, "B": 15}, {"c": 10})


def test_whoever_comes_back_and_puts_in_more_is_owed_both() -> None:
    a = HolderId(numbered(ord("a")))
    some = add(owe(put_in(a=60), [a]), POOL, a, [(DATA, 5), (DATA, 6)])
    assert of_each(some) == {"A": 60, "a": 11}
    assert of_each(owe(some, [a])) == {"A": 71}


# ---------------------------------------------------------------- what goes back, by decisions


def use(facts: PoolFacts, pool: PoolId, amount: int, hold: HoldId | None = None) -> None:
    """Let somebody use up so much of the only allowance of data in a pool."""
    (bucket,) = (b for b in facts.book.buckets_of(pool) if b.balance)
    transfer = Transfer(
        allowance=bucket.allowance,
        source=pool,
        target=HOUSE[House.USED],
        amount=amount,
        kind=TransferKind.USE,
        cause=Id(numbered(90)),
        hold=hold,
    )
    facts.book.apply([transfer])


def hold(facts: PoolFacts, pool: PoolId, amount: int) -> HoldId:
    (bucket,) = (b for b in facts.book.buckets_of(pool) if b.balance)
    opened_hold = OpenHold(
        id=HoldId(new_id()),
        holder=pool,
        allowance=bucket.allowance,
        amount=amount,
        cause=Id(numbered(90)),
        expires_at=facts.at + timedelta(hours=5),
    )
    facts.book.apply([opened_hold])
    return opened_hold.id


def left(facts: PoolFacts, one: Line | PoolId) -> int:
    holder = one.id if isinstance(one, Line) else one
    return sum(bucket.balance for bucket in facts.book.buckets_of(holder))


@pytest.fixture
def us() -> tuple[PoolFacts, PoolId, Line, Line, Line]:
    """A pool with 600 of its owner's and 400 of a friend's, of one allowance; and one more."""
    owner, friend, other = line("wide"), line("wide", home=1), line("wide")
    facts = facts_of(owner, friend, other)
    pool = opened(facts, owner)
    added(facts, owner, pool, owner, friend, other)
    bought(facts, owner, "never")
    allowance = facts.book.allowances[facts.book.buckets_of(owner.id)[0].allowance]
    gift = Transfer(
        allowance=allowance.id,
        source=HOUSE[House.ISSUED],
        target=friend.id,
        amount=400,
        kind=TransferKind.ISSUE,
        cause=allowance.purchase,
    )
    facts.book.apply([gift])
    do(facts, fill(owner, pool, 600))
    do(facts, fill(friend, pool, 400))
    return facts, pool, owner, friend, other


Us = tuple[PoolFacts, PoolId, Line, Line, Line]


def leave(facts: PoolFacts, pool: PoolId, who: Line) -> None:
    asked = RemoveMember(person=who.person, pool=pool, line=who.id)
    assert do(facts, asked) == PoolDone(pool)


def test_whoever_leaves_gets_back_their_part_of_what_remains(us: Us) -> None:
    facts, pool, _, friend, other = us
    use(facts, pool, 333)
    leave(facts, pool, friend)
    assert (left(facts, friend), left(facts, pool)) == (267, 400)  # 266.8 and 400.2
    leave(facts, pool, other)
    assert (left(facts, other), left(facts, pool)) == (0, 400)
    (rest,) = facts.contributions[pool]
    assert (rest.amount, rest.is_owed) == (400, False)


def test_what_is_set_aside_for_others_goes_back_when_it_is_free(us: Us) -> None:
    facts, pool, owner, friend, _ = us
    aside = hold(facts, pool, 900)
    leave(facts, pool, friend)
    assert left(facts, friend) == 100
    (bucket,) = facts.book.buckets_of(pool)
    assert facts.owed(pool, bucket.allowance) == 300
    assert do(facts, SettlePool(pool=pool)) == PoolDone(pool)
    assert left(facts, friend) == 100
    use(facts, pool, 500, aside)  # and the rest of it is free
    assert do(facts, SettlePool(pool=pool)) == PoolDone(pool)
    assert (left(facts, friend), left(facts, pool)) == (400, 100)
    assert facts.owed(pool, bucket.allowance) == 0
    assert do(facts, ClosePool(person=owner.person, pool=pool)) == PoolDone(pool)
    assert left(facts, owner) == ISSUED - 600 + 100


def test_where_less_is_left_than_is_owed_all_of_it_goes_back(us: Us) -> None:
    facts, pool, _, friend, _ = us
    aside = hold(facts, pool, 1_000)
    leave(facts, pool, friend)
    use(facts, pool, 999, aside)
    assert do(facts, SettlePool(pool=pool)) == PoolDone(pool)
    assert (left(facts, friend), left(facts, pool)) == (1, 0)
    assert facts.contributions[pool] == []


def test_a_pool_that_is_closed_is_empty_once_nothing_is_set_aside_any_more(us: Us) -> None:
    facts, pool, owner, friend, _ = us
    aside, spent = hold(facts, pool, 301), hold(facts, pool, 100)
    assert do(facts, ClosePool(person=owner.person, pool=pool)) == PoolDone(pool)
    assert (left(facts, owner), left(facts, friend)) == (ISSUED - 600 + 359, 240)
    assert left(facts, pool) == 401
    use(facts, pool, 100, spent)
    facts.book.apply([ReleaseHold(id=aside)])
    assert do(facts, SettlePool(pool=pool)) == PoolDone(pool)
    assert left(facts, pool) == 0
    assert left(facts, owner) + left(facts, friend) == ISSUED + 400 - 100
    assert abs(left(facts, friend) - 900 * 0.4) < 1
    assert facts.contributions[pool] == []


def test_what_has_expired_goes_back_to_nobody() -> None:
    owner, friend = line(), line()
    facts = facts_of(owner, friend)
    pool = opened(facts, owner)
    added(facts, owner, pool, friend)
    bought(facts, friend, "day", "never")
    do(facts, fill(friend, pool, 2 * ISSUED))
    facts.book.at = START + timedelta(days=1)
    leave(facts, pool, friend)
    assert [one.balance for one in facts.book.buckets_of(pool) if one.balance] == [ISSUED]
    assert sum(b.available for b, _ in facts.book.holdings(friend.id, Unit.DATA)) == ISSUED
    assert facts.contributions[pool] == []
    facts.book.at = MONTH_END
    assert do(facts, ClosePool(person=owner.person, pool=pool)) == PoolDone(pool)


def test_the_owner_gets_back_no_more_than_their_own(us: Us) -> None:
    facts, pool, owner, friend, _ = us
    removal = RemoveMember(person=owner.person, pool=pool, line=friend.id)
    assert do(facts, removal) == PoolDone(pool)
    assert do(facts, ClosePool(person=owner.person, pool=pool)) == PoolDone(pool)
    assert (left(facts, owner), left(facts, friend)) == (ISSUED, 400)
