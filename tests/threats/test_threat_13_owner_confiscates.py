"""Threat 13, the owner confiscates: what somebody put in and nobody used goes back to them.

Removed, left or closed: at once as far as nothing holds it, and then when holds end. In between
nobody else is granted it, whatever the owner's own phones ask for.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.charging.plan_machine import MB
from tests.charging.plan_people import Plan
from tests.ledger.stories import tried

from yuzuri.sharing.pools import Allotment, ClosePool, HandOverPool, PoolDone, SettlePool

OWNER, FRIEND, ACCOMPLICE = range(3)
PUT_IN = 240 * MB + 1


def plan() -> Plan:
    us = Plan()
    for who in (OWNER, FRIEND, ACCOMPLICE):
        us.let_in(who, Allotment())
    us.fill(FRIEND, PUT_IN)
    return us


def settle(us: Plan) -> None:
    us.do(SettlePool(pool=us.pool))


def test_whoever_is_removed_has_all_that_nobody_used() -> None:
    us = plan()
    assert us.remove(FRIEND) == PoolDone(us.pool)
    assert (us.left(FRIEND), us.inside()) == (PUT_IN, 0)


@tried(60)
@given(
    wanted=st.sampled_from([0, 100 * MB, PUT_IN]),
    used_before=st.integers(0, 60 * MB),
    reports=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 120 * MB)), max_size=12),
)
def test_nobody_is_granted_again_what_is_owed_to_whoever_was_removed(
    wanted: int, used_before: int, reports: list[tuple[int, int]]
) -> None:
    """The owner and an accomplice have set aside what they can before they remove the friend."""
    us = plan()
    phones = [(who, us.begin(who, wanted)[0]) for who in (OWNER, ACCOMPLICE, OWNER)]
    us.report(*phones[0], used_before)
    aside, before = us.held(), us.inside()
    assert us.remove(FRIEND) == PoolDone(us.pool)
    assert us.left(FRIEND) == before - aside
    for which, used in reports:
        assert us.report(*phones[which], used) == 0
        settle(us)
    for who, phone in phones:
        us.end(who, phone, 0)
    settle(us)
    used = PUT_IN - us.left(FRIEND)
    assert used <= PUT_IN - before + aside
    assert (us.inside(), us.left(OWNER), us.left(ACCOMPLICE)) == (0, 0, 0)


@pytest.mark.parametrize("way", ["closed", "handed over", "removed and closed"])
def test_the_owner_never_gets_what_another_put_in(way: str) -> None:
    us = plan()
    us.fill(OWNER, 7)
    session, amount = us.begin(ACCOMPLICE)
    us.report(ACCOMPLICE, session, amount)
    match way:
        case "removed and closed":
            us.remove(FRIEND)
        case "handed over":
            line = us.lines[ACCOMPLICE]
            us.do(HandOverPool(person=us.person(OWNER), pool=us.pool, line=line))
        case _:
            pass
    us.do(ClosePool(person=us.person(OWNER), pool=us.pool))
    us.end(ACCOMPLICE, session, 0)
    settle(us)
    assert us.left(FRIEND) == PUT_IN - amount
    assert (us.left(OWNER), us.left(ACCOMPLICE), us.inside()) == (7, 0, 0)
