"""Threat 11, a member drains the pool: what a member may take is limited as they take it.

Whatever several phones of one line say at once, and whenever a limit is lowered meanwhile.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.charging.plan_machine import MB
from tests.charging.plan_people import Plan
from tests.ledger.stories import tried

from yuzuri.sharing.pools import Allotment

LIMITS = [
    Allotment(cap_per_day=170 * MB + 1),
    Allotment(cap_per_month=170 * MB + 1),
    Allotment(share=170 * MB + 1),
    Allotment(share_percent=20),
]
LIMIT = 170 * MB + 1
FILLED = 5 * LIMIT
DRAINER, FRIEND = 1, 2
REPORTS = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from([0, 20 * MB, 50 * MB, 90 * MB])), max_size=30
)


def plan(allotment: Allotment) -> Plan:
    us = Plan()
    us.let_in(DRAINER, allotment)
    us.let_in(FRIEND, Allotment())
    us.fill(0, FILLED)
    return us


@pytest.mark.parametrize("allotment", LIMITS, ids=str)
@tried(25)
@given(reports=REPORTS)
def test_four_phones_of_one_member_take_to_the_byte_what_it_may(
    allotment: Allotment, reports: list[tuple[int, int]]
) -> None:
    us = plan(allotment)
    phones = [us.begin(DRAINER)[0] for _ in range(4)]
    for which, used in reports:
        us.report(DRAINER, phones[which], used)
        assert FILLED - us.inside() + us.held() <= LIMIT
    for phone in phones:
        while amount := us.report(DRAINER, phone, 0):
            us.report(DRAINER, phone, amount)
    assert us.inside() == FILLED - LIMIT
    other, amount = us.begin(FRIEND)
    while amount:
        amount = us.report(FRIEND, other, amount)
    assert us.inside() == 0


@pytest.mark.parametrize(
    "lowered",
    [
        Allotment(is_paused=True),
        Allotment(cap_per_day=1),
        Allotment(cap_per_month=1),
        Allotment(share=1),
        Allotment(share_percent=1),
    ],
    ids=str,
)
@tried(15)
@given(reports=REPORTS, after=REPORTS)
def test_after_a_limit_is_lowered_no_more_is_used_than_was_set_aside_before(
    lowered: Allotment, reports: list[tuple[int, int]], after: list[tuple[int, int]]
) -> None:
    us = plan(Allotment())
    phones = [us.begin(DRAINER)[0] for _ in range(4)]
    for which, used in reports:
        us.report(DRAINER, phones[which], used)
    us.change(DRAINER, lowered)
    most = us.inside() - us.held()
    for which, used in after:
        us.report(DRAINER, phones[which], used)
        assert us.inside() >= min(most, FILLED - FILLED // 100)
