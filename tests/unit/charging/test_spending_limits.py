"""Counters compare what was used in a month with all that there was in it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from tests.ids import numbered

from yuzuri.charging.spending_limits import (
    COUNTERS,
    PERCENTS,
    POOL_SPEED,
    CounterStatus,
    Left,
    LineCounters,
    Subscription,
    count_line,
    status_of,
)
from yuzuri.kernel.ids import HolderId
from yuzuri.kernel.quantities import Unit

BELOW, REACHED_80, REACHED_100 = tuple(CounterStatus)[:3]
NOW = datetime(2026, 11, 10, tzinfo=UTC)
MONTH_END = datetime(2026, 12, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("used", "left", "status"),
    [
        (0, 1, BELOW),
        (0, 0, REACHED_100),
        (79, 21, BELOW),
        (80, 20, REACHED_80),
        (799_999_999_999, 200_000_000_001, BELOW),
        (800_000_000_000, 200_000_000_000, REACHED_80),
        (10**18, 1, REACHED_80),
        (1, 0, REACHED_100),
    ],
)
def test_a_status_is_reached_at_its_part_of_a_hundred_and_not_before(
    used: int, left: int, status: CounterStatus
) -> None:
    assert status_of(used, left) is status


def counted(
    used: Mapping[Unit, int], *left: Left, unlimited: tuple[Unit, ...] = ()
) -> LineCounters:
    return count_line(used, left, unlimited, MONTH_END, NOW)


def test_each_unit_has_a_counter_of_its_own() -> None:
    counters = counted(
        {Unit.DATA: 9, Unit.VOICE: 1}, Left(Unit.DATA, 1, None), Left(Unit.VOICE, 9, None)
    )
    assert counters.statuses == {
        "data-percent": REACHED_80,
        "voice-percent": BELOW,
        "sms-percent": REACHED_100,
        "pool-speed": CounterStatus.FULL,
    }
    assert set(PERCENTS.values()) == set(Unit)


def test_a_line_that_is_slowed_has_a_counter_that_says_so() -> None:
    counters = count_line({}, (), (), MONTH_END, NOW, is_slowed=True)
    assert counters.statuses[POOL_SPEED] is CounterStatus.SLOWED


def test_what_is_over_is_not_left() -> None:
    left = Left(Unit.DATA, 10**9, NOW), Left(Unit.DATA, 1, NOW + DAY)
    assert counted({Unit.DATA: 5}, *left).statuses["data-percent"] is REACHED_80


def test_what_a_plan_gives_without_limit_is_never_used_up() -> None:
    counters = counted({Unit.DATA: 10**12}, unlimited=(Unit.DATA,))
    assert counters.statuses["data-percent"] is BELOW
    assert counters.statuses["sms-percent"] is REACHED_100


def test_time_alone_changes_a_counter_when_something_expires_or_the_month_ends() -> None:
    assert counted({}).next_change_at == MONTH_END
    sooner = Left(Unit.DATA, 1, NOW + DAY), Left(Unit.SMS, 1, NOW + 2 * DAY)
    assert counted({}, *sooner, Left(Unit.DATA, 1, NOW)).next_change_at == NOW + DAY
    assert counted({}, Left(Unit.DATA, 1, MONTH_END + DAY)).next_change_at == MONTH_END


def subscribed(told: Mapping[str, CounterStatus], *counters: str) -> Subscription:
    return Subscription(
        id=numbered(1),
        line=HolderId(numbered(2)),
        network_function="pcf",
        supi=None,
        notify_uri="http://pcf",
        notify_id=None,
        counters=counters,
        told=told,
        expires_at=NOW,
    )


def test_only_what_has_changed_is_told_and_only_of_what_was_asked_about() -> None:
    told = {"data-percent": BELOW, "voice-percent": REACHED_80}
    subscription = subscribed(told, "data-percent", "voice-percent")
    statuses = dict.fromkeys(COUNTERS, REACHED_80)
    assert subscription.changed(statuses) == {"data-percent": REACHED_80}
    assert subscription.changed(statuses | told) == {}


def test_a_subscription_is_over_at_its_expiry() -> None:
    subscription = subscribed({}, "data-percent")
    assert subscription.is_over(NOW)
    assert not subscription.is_over(NOW - DAY)
