"""Decisions on charging, one by one: who may say what, how much is granted, what counts once."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from tests.charging.core import (
    CALLS,
    HELP,
    INTERNET,
    MESSAGES,
    RATING,
    UNKNOWN,
    CoreCharging,
    Told,
    ended,
    event,
    granted,
    line_of,
    opened,
    pool_of,
    session_of,
    updated,
)

from yuzuri.charging.rating import RatingTable
from yuzuri.charging.sessions import Charged, ChargingCommand, Grant, GrantResult, Quota, Usage
from yuzuri.kernel.errors import Code, Refusal
from yuzuri.kernel.ids import HolderId, SessionId
from yuzuri.kernel.quantities import AMOUNT_MAX, Quantity, Unit

NOON = datetime(2026, 11, 10, 3, tzinfo=UTC)
MB = 1_000_000
LEAST = 50 * MB
DRY = Grant(INTERNET, GrantResult.LIMIT_REACHED)


@dataclass
class Phone:
    """A line and its one session."""

    core: CoreCharging
    line: HolderId
    session: SessionId
    clock_s: int = 0

    def ask(self, wanted: int = 0, rating_group: int = INTERNET) -> Grant:
        command = updated(self.line, self.session, wanted=[(rating_group, wanted)])
        return granted(self.core.ask(command)[0])

    def report(self, amount: int, sequence: int = 0, *, wants: bool = True) -> Charged:
        self.core.now += timedelta(seconds=1)
        used = [Usage(INTERNET, amount, self.core.now)]
        wanted = [(INTERNET, 0)] if wants else []
        command = updated(self.line, self.session, used=used, wanted=wanted, sequence=sequence)
        (outcome,) = self.core.ask(command)
        assert isinstance(outcome, Charged)
        return outcome

    @property
    def quota(self) -> Quota:
        return self.core.quota(self.session)


def phone_with(amount: int = 0, *, unit: Unit = Unit.DATA, first: int = 0) -> Phone:
    core = CoreCharging(NOON)
    line = core.add_line(0)
    if amount:
        core.give(line, amount, unit=unit)
    phone = Phone(core, line, session_of(1))
    core.ask(opened(line, phone.session, sequence=first))
    return phone


def code_of(outcome: object) -> Code:
    assert isinstance(outcome, Refusal), outcome
    return outcome.code


# ---------------------------------------------------------------- sessions


def test_a_session_of_nobodys_line_is_refused() -> None:
    phone = phone_with()
    (outcome,) = phone.core.ask(opened(line_of(7), session_of(7)))
    assert code_of(outcome) is Code.LINE_UNKNOWN
    (outcome,) = phone.core.ask(event(line_of(7), session_of(7)))
    assert code_of(outcome) is Code.LINE_UNKNOWN
    assert len(phone.core.sessions) == 1


def test_a_session_that_is_opened_again_is_the_same() -> None:
    phone = phone_with(200 * MB)
    again = opened(phone.line, phone.session, (INTERNET, 0))
    for _ in range(2):
        (outcome,) = phone.core.ask(again)
        assert granted(outcome).amount == LEAST
    assert len(phone.core.sessions) == 1
    assert (phone.quota.granted, phone.quota.returned) == (2 * LEAST, LEAST)


@pytest.mark.parametrize(
    "wrong",
    [
        {"session": session_of(9)},
        {"line": line_of(9)},
        {"network_function": "another"},
    ],
    ids=["session", "line", "network"],
)
def test_only_who_opened_a_session_may_report_to_it(wrong: dict[str, object]) -> None:
    phone = phone_with(200 * MB)
    phone.ask()
    used = [Usage(INTERNET, 5, NOON)]
    messages: list[ChargingCommand] = [
        updated(phone.line, phone.session, used=used),
        ended(phone.line, phone.session, used=used),
    ]
    for message in messages:
        (outcome,) = phone.core.ask(msgspec.structs.replace(message, **wrong))
        assert code_of(outcome) is Code.CHARGING_SESSION_UNKNOWN
    assert (phone.quota.used, phone.quota.outstanding) == (0, LEAST)


def test_what_has_ended_has_ended() -> None:
    phone = phone_with(200 * MB)
    phone.ask()
    assert phone.core.ask(ended(phone.line, phone.session)) == [Charged()]
    assert phone.quota.outstanding == 0
    assert phone.core.credited == {phone.line}
    for command in (
        ended(phone.line, phone.session),
        updated(phone.line, phone.session, wanted=[(INTERNET, 0)]),
        opened(phone.line, phone.session, (INTERNET, 0)),
    ):
        assert code_of(phone.core.ask(command)[0]) is Code.CHARGING_SESSION_UNKNOWN


def test_open_report_and_end_in_one_group_are_as_one_by_one() -> None:
    core = CoreCharging(NOON)
    line, session = core.add_line(0), session_of(1)
    core.give(line, 80 * MB)
    commands: list[ChargingCommand] = [
        opened(line, session, (INTERNET, 0)),
        updated(line, session, used=[Usage(INTERNET, 40 * MB, NOON)], wanted=[(INTERNET, 0)]),
        updated(line, session, used=[Usage(INTERNET, 30 * MB, NOON)]),
        ended(line, session),
    ]
    outcomes = core.ask(*commands)
    assert [granted(one).amount for one in outcomes[:2]] == [LEAST, 40 * MB]
    assert outcomes[2:] == [Charged(), Charged()]
    quota = core.quota(session)
    assert (quota.granted, quota.used, quota.returned) == (90 * MB, 70 * MB, 20 * MB)
    assert list(core.left(line).values()) == [(10 * MB, 0)]
    assert not any(core.books.holds.values())


def test_a_group_that_has_left_the_table_can_still_be_ended() -> None:
    phone = phone_with(200 * MB)
    phone.ask()
    phone.core.rating = RatingTable(())
    assert phone.core.ask(ended(phone.line, phone.session)) == [Charged()]
    assert phone.quota.outstanding == 0


# ---------------------------------------------------------------- how much is granted


@pytest.mark.parametrize(
    ("rating_group", "wanted", "amount"),
    [
        (INTERNET, 0, LEAST),
        (INTERNET, 1, LEAST),
        (INTERNET, LEAST + 1, LEAST + 1),
        (CALLS, 0, 60),
        (CALLS, 61, 61),
        (MESSAGES, 0, 1),
        (MESSAGES, 3, 3),
    ],
)
def test_at_least_what_is_asked_for_is_granted(rating_group: int, wanted: int, amount: int) -> None:
    phone = phone_with(10**9, unit=next(g for g in [RATING.find(rating_group)] if g).unit)
    assert phone.ask(wanted, rating_group) == Grant(
        rating_group, GrantResult.GRANTED, amount, 1_800
    )


@pytest.mark.parametrize("wanted", [2**31 - 2, 2**31 - 1, 2**31, 2**40, AMOUNT_MAX])
def test_a_grant_is_below_two_gibibytes(wanted: int) -> None:
    phone = phone_with(AMOUNT_MAX)
    for _ in range(2):
        grant = phone.ask(wanted)
        assert grant.amount == min(wanted, 2**31 - 1)
        assert not grant.is_final
    phone.report(grant.amount)
    (left,) = phone.core.left(phone.line).values()
    assert left == (AMOUNT_MAX - grant.amount, LEAST)


def test_many_balances_that_are_full_are_no_more_than_one() -> None:
    phone = phone_with(AMOUNT_MAX)
    for _ in range(3):
        phone.core.give(phone.line, AMOUNT_MAX)
    assert phone.ask(AMOUNT_MAX).amount == 2**31 - 1


def test_the_last_byte_is_final_and_one_before_it_is_not() -> None:
    phone = phone_with(LEAST + 1)
    assert not phone.ask().is_final
    last = granted(phone.report(1))
    assert (last.amount, last.is_final) == (LEAST, True)
    assert phone.quota.is_waiting
    assert granted(phone.report(LEAST)) == DRY
    assert list(phone.core.left(phone.line).values()) == [(0, 0)]
    assert granted(phone.report(7)) == DRY
    assert (phone.quota.used, phone.quota.unpaid, phone.quota.overrun) == (LEAST + 1, 7, 7)


def test_whoever_was_at_the_last_of_it_waits_until_there_is_more() -> None:
    phone = phone_with(LEAST)
    assert phone.ask().is_final
    phone.report(LEAST, wants=False)
    assert phone.quota.is_waiting
    phone.core.give(phone.line, 1_000 * MB)
    assert not phone.ask().is_final
    assert not phone.quota.is_waiting


def test_what_another_session_has_is_not_granted_twice() -> None:
    phone = phone_with(70 * MB)
    assert phone.ask().amount == LEAST
    other = session_of(2)
    (outcome,) = phone.core.ask(opened(phone.line, other, (INTERNET, 0)))
    assert (granted(outcome).amount, granted(outcome).is_final) == (20 * MB, True)
    phone.report(0, wants=False)
    assert phone.core.credited == {phone.line}
    (outcome,) = phone.core.ask(updated(phone.line, other, wanted=[(INTERNET, 0)]))
    assert (granted(outcome).amount, granted(outcome).is_final) == (LEAST, False)


def test_what_needs_no_quota_and_what_has_no_rate_are_told_so() -> None:
    phone = phone_with(LEAST)
    used = [Usage(HELP, 10, NOON), Usage(UNKNOWN, 10, NOON)]
    wanted = [(HELP, 5), (UNKNOWN, 5), (INTERNET, 0)]
    (outcome,) = phone.core.ask(updated(phone.line, phone.session, used=used, wanted=wanted))
    assert isinstance(outcome, Charged)
    results = [GrantResult.NOT_COUNTED, GrantResult.UNRATED, GrantResult.GRANTED]
    assert [grant.result for grant in outcome.grants] == results
    assert [quota.rating_group for quota in phone.core.quotas.values()] == [INTERNET]


def test_a_group_that_is_not_asked_for_keeps_what_it_was_granted() -> None:
    phone = phone_with(200 * MB)
    phone.ask(0, INTERNET)
    phone.ask(0, INTERNET + 1)
    assert phone.quota.outstanding == LEAST
    phone.report(5, wants=False)
    assert (phone.quota.outstanding, phone.quota.used) == (0, 5)
    assert phone.core.quota(phone.session, INTERNET + 1).outstanding == LEAST


# ---------------------------------------------------------------- numbers of messages


@pytest.mark.parametrize(
    ("first", "numbers", "counted"),
    [
        (0, [1, 2, 3], 3),
        (1, [2, 2, 3, 3, 2], 2),
        (1, [2, 5, 4, 3, 4, 6], 5),
        (1, [1, 1, 1], 3),
        (7, [7, 7, 8, 8, 7, 9], 4),
        (7, [8, 7, 7], 2),
        (0, [0, 0, 0], 3),
        (1, [2, 0, 2, 0], 3),
        (5, [6, 4, 4, 3], 3),
        (1, [64, 2, 2, 1, 63], 3),
        (1, [65, 3, 2], 2),
        (1, [2, 2**32 - 1, 2, 2**32 - 2, 2**32 - 63, 2**32 - 64], 4),
        (1, [2**32 - 1, 2**32 - 1], 1),
    ],
)
def test_a_number_counts_once_where_numbers_rise(
    first: int, numbers: list[int], counted: int
) -> None:
    """One that is 63 behind is too late to be told from a repeat."""
    phone = phone_with(200 * MB, first=first)
    for number in numbers:
        grant = granted(phone.report(10, number))
        assert grant.amount == LEAST
    assert phone.quota.used == 10 * counted


def test_what_comes_late_counts_once() -> None:
    phone = phone_with(200 * MB, first=1)
    for number in (2, 6, 3, 5, 4, 4, 3, 2, 6, 7):
        phone.report(10**number, number)
    assert phone.quota.used == 11_111_100


def test_each_group_has_its_own_numbers() -> None:
    phone = phone_with(200 * MB, first=1)
    for number in (2, 3):
        for group in (INTERNET, INTERNET + 1):
            used = [Usage(group, 10, NOON)]
            phone.core.ask(updated(phone.line, phone.session, used=used, sequence=number))
    assert [quota.used for quota in phone.core.quotas.values()] == [20, 20]


def test_the_same_name_is_answered_the_same_and_a_lie_grants_without_counting() -> None:
    phone = phone_with(200 * MB, first=1)
    command = updated(
        phone.line,
        phone.session,
        used=[Usage(INTERNET, 10, NOON)],
        wanted=[(INTERNET, 0)],
        sequence=2,
    )
    (answer,) = phone.core.tell(Told("2 a", command))
    assert phone.core.tell(Told("2 a", command), Told("2 a", command)) == [answer, answer]
    lie = msgspec.structs.replace(command, used=(Usage(INTERNET, 9 * MB, NOON),))
    (other,) = phone.core.tell(Told("2 b", lie))
    assert granted(other).amount == LEAST
    assert (phone.quota.used, phone.quota.unpaid) == (10, 0)


# ---------------------------------------------------------------- events


def test_an_event_is_paid_whole_or_not_at_all() -> None:
    phone = phone_with(3, unit=Unit.SMS)
    paid = Charged((Grant(MESSAGES, GrantResult.GRANTED, 2),))
    assert phone.core.ask(event(phone.line, session_of(2), amount=2)) == [paid]
    (refused,) = phone.core.ask(event(phone.line, session_of(3), amount=2))
    assert refused == Refusal(
        Code.BALANCE_NOT_ENOUGH,
        {"available": Quantity(1, Unit.SMS), "amount": Quantity(2, Unit.SMS)},
    )
    assert session_of(3) not in phone.core.sessions
    assert list(phone.core.left(phone.line).values()) == [(1, 0)]
    quota = phone.core.quota(session_of(2), MESSAGES)
    assert (quota.granted, quota.used, quota.overrun, quota.outstanding) == (2, 2, 0, 0)


def test_an_event_that_is_over_is_paid_as_far_as_there_is_something() -> None:
    phone = phone_with(1, unit=Unit.SMS)
    phone.core.ask(event(phone.line, session_of(2), amount=3, has_happened=True))
    quota = phone.core.quota(session_of(2), MESSAGES)
    assert (quota.used, quota.unpaid, quota.overrun) == (1, 2, 2)


def test_an_event_takes_nothing_that_is_set_aside() -> None:
    phone = phone_with(60 * MB)
    phone.ask()
    (refused,) = phone.core.ask(event(phone.line, session_of(2), INTERNET, 10 * MB + 1))
    assert code_of(refused) is Code.BALANCE_NOT_ENOUGH
    (paid,) = phone.core.ask(event(phone.line, session_of(3), INTERNET, 10 * MB))
    assert granted(paid).amount == 10 * MB
    assert list(phone.core.left(phone.line).values()) == [(LEAST, LEAST)]


@pytest.mark.parametrize(
    ("cap", "amount", "is_paid"),
    [(None, 30, True), (None, 31, False), (20, 30, True), (15, 25, True), (15, 26, False)],
)
def test_an_event_of_a_member_is_within_its_cap(
    cap: int | None, amount: int, is_paid: bool
) -> None:
    phone = phone_with(10)
    phone.core.join(phone.line, pool_of(1), cap_per_day=cap)
    phone.core.give(pool_of(1), 12)
    phone.core.give(pool_of(1), 8)
    (outcome,) = phone.core.ask(event(phone.line, session_of(2), INTERNET, amount))
    assert isinstance(outcome, Charged) is is_paid


def test_an_event_that_is_not_counted_or_has_no_rate_leaves_nothing() -> None:
    phone = phone_with(3)
    for group, result in ((HELP, GrantResult.NOT_COUNTED), (UNKNOWN, GrantResult.UNRATED)):
        (outcome,) = phone.core.ask(event(phone.line, session_of(2), group))
        assert outcome == Charged((Grant(group, result),))
    assert session_of(2) not in phone.core.sessions


# ---------------------------------------------------------------- 80 and 100 %


def test_eighty_and_a_hundred_percent_are_told_at_that_very_byte() -> None:
    phone = phone_with(1_000)
    told = []
    for amount, reached in ((799, None), (1, 80), (1, None), (198, None), (1, 100), (5, None)):
        phone.report(amount)
        told.append(reached)
        notices = [notice.reached for notice in phone.core.notices]
        assert notices == [one for one in told if one is not None], amount


def test_what_arrives_moves_the_mark_and_no_mark_is_told_twice() -> None:
    phone = phone_with(1_000)
    phone.report(800)
    phone.core.give(phone.line, 1_000)
    phone.report(799)
    phone.report(1)
    phone.report(400)
    assert [notice.reached for notice in phone.core.notices] == [80, 100]


def test_a_new_month_begins_at_nothing() -> None:
    phone = phone_with(1_000)
    phone.report(1_000)
    phone.core.now = datetime(2026, 11, 30, 15, tzinfo=UTC)
    phone.core.give(phone.line, 1_000)
    phone.report(10)
    (use,) = phone.core.uses.values()
    assert (use.used, use.reached, use.cycle_start) == (
        10,
        0,
        phone.core.now - timedelta(seconds=1),
    )
    phone.report(790)
    months = [(notice.reached, notice.cycle_start.month) for notice in phone.core.notices]
    assert months == [(100, 10), (80, 11)]
