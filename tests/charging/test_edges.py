"""Who pays at the edges of hours, months and zones, to the byte, with a clock that is moved."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace
from tests.charging.core import (
    INTERNET,
    NIGHT,
    OPERATOR,
    TETHERING,
    CoreCharging,
    granted,
    opened,
    pool_of,
    session_of,
    tokyo,
    updated,
)
from tests.charging.plan_people import Plan
from tests.ids import numbered

from yuzuri.charging.sessions import Charged, Grant, GrantResult, Quota, Usage
from yuzuri.kernel.ids import AllowanceId, HolderId, PoolId, SessionId
from yuzuri.operators.profiles import Profiles
from yuzuri.sharing.pools import Allotment

MB = 1_000_000
LEAST = 50 * MB
"""What is granted where the network says nothing."""
HALF_HOUR = 1_800
JAPAN = ZoneInfo("Asia/Tokyo")
NIGHT_DATA, DAY_DATA, HOME_DATA, TRAVEL_DATA = "night", "day", "home", "travel"


def japan(shown: str) -> datetime:
    """The instant at which clocks in Japan show this."""
    return datetime.fromisoformat(f"2026-{shown}").replace(tzinfo=JAPAN).astimezone(UTC)


MONTH_END = datetime(2026, 12, 1, tzinfo=JAPAN).astimezone(UTC)


@dataclass
class Phone:
    """A line with one session, and names for what it has."""

    core: CoreCharging
    line: HolderId
    session: SessionId
    names: dict[str, AllowanceId]

    def has(self, name: str, amount: int, **terms: object) -> None:
        self.names[name] = self.core.give(self.line, amount, **terms)  # type: ignore[arg-type]

    def begin(self, at: datetime) -> None:
        self.core.now = at
        self.core.ask(opened(self.line, self.session))

    def ask(self, at: datetime, wanted: int = 0, rating_group: int = INTERNET) -> Grant:
        self.core.now = at
        (outcome,) = self.core.ask(
            updated(self.line, self.session, wanted=[(rating_group, wanted)])
        )
        return granted(outcome)

    def report(
        self,
        at: datetime,
        amount: int,
        until: datetime,
        since: datetime | None = None,
        *,
        used_in: str | None = None,
        now_in: str | None = None,
        wants: bool = False,
    ) -> Charged:
        self.core.now = at
        usage = Usage(INTERNET, amount, until, since, used_in)
        wanted = [(INTERNET, 0)] if wants else []
        command = updated(self.line, self.session, used=[usage], wanted=wanted, country=now_in)
        (outcome,) = self.core.ask(command)
        assert isinstance(outcome, Charged)
        return outcome

    def left(self) -> dict[str, int]:
        kept = self.core.left(self.line)
        return {name: kept[allowance][0] for name, allowance in self.names.items()}

    def aside(self) -> dict[str, int]:
        kept = self.core.left(self.line)
        held = {name: kept[allowance][1] for name, allowance in self.names.items()}
        return {name: amount for name, amount in held.items() if amount}

    @property
    def quota(self) -> Quota:
        return self.core.quota(self.session)


def phone_at(at: datetime) -> Phone:
    core = CoreCharging(at)
    return Phone(core, core.add_line(0), session_of(1), {})


def night_owl(at: datetime) -> Phone:
    """100 MB for the nights of the month, 100 MB for all of it."""
    phone = phone_at(at)
    phone.has(DAY_DATA, 100 * MB, ends=MONTH_END)
    phone.has(NIGHT_DATA, 100 * MB, ends=MONTH_END, hours=NIGHT)
    phone.begin(at)
    return phone


# ---------------------------------------------------------------- free night hours


@pytest.mark.parametrize(
    ("shown", "payer", "validity_s"),
    [
        ("11-10 05:00:00", NIGHT_DATA, HALF_HOUR),
        ("11-10 05:30:00", NIGHT_DATA, HALF_HOUR),
        ("11-10 05:30:01", NIGHT_DATA, HALF_HOUR - 1),
        ("11-10 05:59:58.500000", NIGHT_DATA, 1),
        ("11-10 05:59:59", NIGHT_DATA, 1),
        ("11-10 05:59:59.000001", DAY_DATA, HALF_HOUR),
        ("11-10 06:00:00", DAY_DATA, HALF_HOUR),
        ("11-10 22:30:00", DAY_DATA, HALF_HOUR),
        ("11-10 22:30:00.250000", DAY_DATA, HALF_HOUR - 1),
        ("11-10 22:59:59", DAY_DATA, 1),
        ("11-10 22:59:59.999999", DAY_DATA, 1),
        ("11-10 23:00:00", NIGHT_DATA, HALF_HOUR),
        ("11-10 23:45:00", NIGHT_DATA, HALF_HOUR),
        ("11-30 23:45:00", NIGHT_DATA, 900),
    ],
)
def test_a_grant_ends_where_another_would_pay(shown: str, payer: str, validity_s: int) -> None:
    phone = night_owl(japan(shown))
    grant = phone.ask(japan(shown))
    assert grant == Grant(INTERNET, GrantResult.GRANTED, LEAST, validity_s)
    assert phone.aside() == {payer: LEAST}


def test_a_grant_of_both_ends_with_the_night() -> None:
    phone = night_owl(japan("11-10 05:45"))
    grant = phone.ask(japan("11-10 05:45"), 150 * MB)
    assert (grant.amount, grant.validity_s) == (150 * MB, 900)
    assert phone.aside() == {NIGHT_DATA: 100 * MB, DAY_DATA: LEAST}


@pytest.mark.parametrize(
    ("granted_at", "since", "until", "told_at", "payer"),
    [
        ("05:50", "05:51", "05:59:59", "05:59:59", NIGHT_DATA),
        ("05:50", "05:51", "06:00:00", "06:00:00", NIGHT_DATA),
        ("05:50", None, "06:00:00", "06:00:03", NIGHT_DATA),
        ("05:50", "05:51", "06:00:00.000001", "06:00:03", DAY_DATA),
        ("05:50", "06:00:00", "06:00:00", "06:00:03", DAY_DATA),
        ("05:50", "06:00:00", "06:00:02", "06:00:03", DAY_DATA),
        # It was used in time, whenever that is told; not in time, however the clock of the network.
        ("05:50", "05:51", "05:59:59", "06:59:59", NIGHT_DATA),
        (None, "05:51", "05:59:59", "06:59:59", NIGHT_DATA),
        ("05:50", "05:51", "07:00:00", "05:59:59", NIGHT_DATA),
        ("22:50", "22:51", "22:59:59", "22:59:59", DAY_DATA),
        ("22:50", "22:51", "23:00:00", "23:00:00", DAY_DATA),
        ("22:50", None, "23:00:00", "23:00:03", DAY_DATA),
        ("22:50", "23:00:00", "23:00:00", "23:00:03", DAY_DATA),
        (None, "23:00:00", "23:00:00", "23:00:03", NIGHT_DATA),
        (None, "22:59:59", "23:00:00", "23:00:03", DAY_DATA),
        ("23:00", "23:00:00", "23:00:02", "23:00:03", NIGHT_DATA),
    ],
)
def test_use_is_paid_by_what_may_pay_when_it_ended(
    granted_at: str | None, since: str | None, until: str, told_at: str, payer: str
) -> None:
    """What is granted for all day pays for what was used of it, by night too."""
    start = granted_at or (since or until)
    phone = night_owl(japan(f"11-10 {start}"))
    if granted_at:
        phone.ask(japan(f"11-10 {granted_at}"))
    began = japan(f"11-10 {since}") if since else None
    phone.report(japan(f"11-10 {told_at}"), 7 * MB + 1, japan(f"11-10 {until}"), began)
    whole = {DAY_DATA: 100 * MB, NIGHT_DATA: 100 * MB}
    assert phone.left() == whole | {payer: 93 * MB - 1}
    assert (phone.quota.used, phone.quota.unpaid) == (7 * MB + 1, 0)


def test_containers_on_both_sides_of_six_are_each_paid_by_their_own_hours() -> None:
    phone = night_owl(japan("11-10 05:50"))
    phone.ask(japan("11-10 05:50"))
    phone.core.now = japan("11-10 06:02")
    six = japan("11-10 06:00")
    parts = (Usage(INTERNET, 11, six), Usage(INTERNET, 22, six + timedelta(minutes=2), six))
    phone.core.ask(updated(phone.line, phone.session, used=parts, wanted=[(INTERNET, 0)]))
    assert phone.left() == {NIGHT_DATA: 100 * MB - 11, DAY_DATA: 100 * MB - 22}
    assert phone.aside() == {DAY_DATA: LEAST}


def test_tethering_is_never_paid_by_night_data() -> None:
    phone = night_owl(japan("11-10 02:00"))
    grant = phone.ask(japan("11-10 02:00"), rating_group=TETHERING)
    assert (grant.amount, phone.aside()) == (LEAST, {DAY_DATA: LEAST})


@pytest.mark.parametrize(
    ("shown", "wakes"),
    [
        ("11-10 21:00", "11-10 23:00"),
        ("11-10 06:00", "11-10 23:00"),
        ("11-10 22:59:59.999999", "11-10 23:00"),
        # The nights of November are over.
        ("11-30 23:59:59.500000", None),
    ],
)
@pytest.mark.parametrize("day_data", [0, 10])
def test_who_is_dry_is_woken_when_a_window_opens(
    shown: str, wakes: str | None, day_data: int
) -> None:
    """Whoever was granted the last there is, too: networks do not ask after a final unit."""
    phone = phone_at(japan(shown))
    phone.has(NIGHT_DATA, 100 * MB, ends=MONTH_END, hours=NIGHT)
    if day_data:
        phone.has(DAY_DATA, day_data)
    phone.begin(japan(shown))
    grant = phone.ask(japan(shown))
    assert (grant.amount, grant.is_final) == (day_data, bool(day_data))
    expected = {phone.session: japan(wakes)} if wakes else {}
    assert phone.core.wakes == expected


def test_who_has_enough_or_is_elsewhere_is_not_woken() -> None:
    phone = night_owl(japan("11-10 21:00"))
    phone.ask(japan("11-10 21:00"))
    assert phone.core.wakes == {}
    phone.report(japan("11-10 21:05"), 0, japan("11-10 21:05"), now_in="KR", wants=True)
    assert phone.core.wakes == {}


def test_who_draws_on_a_pool_is_woken_for_its_night_data() -> None:
    phone = phone_at(japan("11-10 21:00"))
    phone.core.join(phone.line, pool_of(1))
    phone.core.give(pool_of(1), MB, ends=MONTH_END, hours=NIGHT)
    phone.begin(phone.core.now)
    assert phone.ask(phone.core.now).amount == 0
    assert phone.core.wakes == {phone.session: japan("11-10 23:00")}
    assert phone.ask(japan("11-10 23:00")) == Grant(
        INTERNET, GrantResult.GRANTED, MB, HALF_HOUR, is_final=True
    )


# ---------------------------------------------------------------- clocks that change


@pytest.mark.parametrize(
    ("instant", "is_night", "validity_s"),
    [
        # From summer time to winter time: the night of 25 October has eight hours.
        ("2026-10-24T20:59:59Z", False, 1),
        ("2026-10-24T21:00:00Z", True, HALF_HOUR),
        ("2026-10-25T04:00:00Z", True, HALF_HOUR),
        ("2026-10-25T04:45:00Z", True, 900),
        ("2026-10-25T05:00:00Z", False, HALF_HOUR),
        # Back again: that of 29 March has six.
        ("2026-03-28T22:00:00Z", True, HALF_HOUR),
        ("2026-03-29T03:45:00Z", True, 900),
        ("2026-03-29T04:00:00Z", False, HALF_HOUR),
    ],
)
def test_nights_are_as_long_as_clocks_show(instant: str, is_night: bool, validity_s: int) -> None:
    at, berlin = datetime.fromisoformat(instant), "Europe/Berlin"
    profiles = Profiles({OPERATOR: replace(tokyo(), timezone=berlin)})
    core = CoreCharging(at, profiles)
    phone = Phone(core, core.add_line(0), session_of(1), {})
    phone.has(DAY_DATA, 100 * MB)
    phone.has(NIGHT_DATA, 100 * MB, hours=NIGHT, timezone=berlin, ends=at + timedelta(days=9))
    phone.begin(at)
    grant = phone.ask(at)
    assert phone.aside() == {NIGHT_DATA if is_night else DAY_DATA: LEAST}
    assert grant.validity_s == validity_s


# ---------------------------------------------------------------- the end of a month


def november(at: datetime) -> Phone:
    phone = phone_at(at)
    phone.has("november", 100 * MB, ends=MONTH_END)
    phone.begin(at)
    return phone


@pytest.mark.parametrize(
    ("shown", "amount", "validity_s"),
    [
        ("11-30 23:30:00", LEAST, HALF_HOUR),
        ("11-30 23:59:30", LEAST, 30),
        ("11-30 23:59:59", LEAST, 1),
        ("11-30 23:59:59.500000", 0, 0),
        ("12-01 00:00:00", 0, 0),
    ],
)
def test_a_grant_ends_with_the_month(shown: str, amount: int, validity_s: int) -> None:
    phone = november(japan(shown))
    grant = phone.ask(japan(shown))
    assert (grant.amount, grant.validity_s) == (amount, validity_s)


@pytest.mark.parametrize(
    ("since", "until", "told_at", "is_paid"),
    [
        ("11-30 23:59:10", "11-30 23:59:59", "12-01 00:00:01", True),
        ("11-30 23:59:10", "12-01 00:00:00", "12-01 00:00:01", True),
        ("12-01 00:00:00", "12-01 00:00:00", "12-01 00:00:01", False),
        ("11-30 23:59:10", "12-01 00:00:00.000001", "12-01 00:00:01", False),
        ("11-30 23:59:10", "11-30 23:59:59", "12-01 01:08:59.999999", True),
        ("11-30 23:59:10", "11-30 23:59:59", "12-01 01:09:00", False),
        ("11-30 23:59:10", "11-30 23:59:59", "12-02 00:00:00", False),
    ],
)
@pytest.mark.parametrize("has_more", [False, True])
def test_what_was_used_in_the_old_month_is_paid_by_it_for_70_minutes(
    since: str, until: str, told_at: str, is_paid: bool, has_more: bool
) -> None:
    phone = november(japan("11-30 23:59:00"))
    phone.ask(japan("11-30 23:59:00"))
    phone.core.now = japan("12-01 00:00")
    if has_more:
        phone.has("december", 100 * MB)
    phone.report(japan(told_at), 3 * MB, japan(until), japan(since))
    assert phone.left()["november"] == (97 if is_paid else 100) * MB
    if has_more:
        assert phone.left()["december"] == (100 if is_paid else 97) * MB
    is_unpaid = not is_paid and not has_more
    assert (phone.quota.used, phone.quota.unpaid) == ((0, 3 * MB) if is_unpaid else (3 * MB, 0))


def test_what_goes_beyond_the_grant_is_not_paid_by_what_is_over() -> None:
    phone = november(japan("11-30 23:59:00"))
    phone.ask(japan("11-30 23:59:00"))
    phone.report(japan("12-01 00:01"), LEAST + 5, japan("11-30 23:59:30"))
    quota = phone.quota
    assert (quota.used, quota.overrun, quota.unpaid) == (LEAST, 5, 5)


@pytest.mark.parametrize("minutes", [1, 29, 30, 31, 45, 69, 70, 71])
def test_what_is_set_aside_outlasts_its_grant_by_ten_minutes_or_more(minutes: int) -> None:
    phone = phone_at(japan("11-10 10:00"))
    phone.has(HOME_DATA, 100 * MB)
    phone.begin(phone.core.now)
    for _ in range(4):
        grant = phone.ask(phone.core.now)
        (hold,) = phone.core.book().open_holds(phone.quota.id)
        lasts = hold.expires_at - phone.core.now
        needed = timedelta(seconds=grant.validity_s) + timedelta(minutes=10)
        assert needed <= lasts <= timedelta(minutes=70)
        phone.core.now += timedelta(minutes=minutes)


# ---------------------------------------------------------------- the border of a zone


def traveller() -> Phone:
    phone = phone_at(japan("11-10 10:00"))
    phone.has(HOME_DATA, 100 * MB)
    phone.has(TRAVEL_DATA, 60 * MB, zone="neighbours")
    phone.begin(phone.core.now)
    phone.ask(phone.core.now)
    return phone


def test_use_before_a_border_is_paid_by_home_data_and_behind_it_by_travel_data() -> None:
    phone = traveller()
    landed = japan("11-10 10:20")
    (grant,) = phone.report(landed, 9 * MB, landed, now_in="KR", wants=True).grants
    assert phone.left() == {HOME_DATA: 91 * MB, TRAVEL_DATA: 60 * MB}
    assert (grant.amount, phone.aside()) == (LEAST, {TRAVEL_DATA: LEAST})
    later = japan("11-10 10:30")
    phone.report(later, 4 * MB, later, now_in="JP", wants=True)
    assert phone.left() == {HOME_DATA: 91 * MB, TRAVEL_DATA: 56 * MB}
    assert phone.aside() == {HOME_DATA: LEAST}


def test_a_container_that_says_where_is_paid_there() -> None:
    phone = traveller()
    at = japan("11-10 10:20")
    phone.report(at, 5 * MB, at, used_in="TW")
    assert phone.left() == {HOME_DATA: 100 * MB, TRAVEL_DATA: 55 * MB}
    assert (phone.quota.overrun, phone.quota.unpaid) == (5 * MB, 0)


def test_where_nothing_may_pay_nothing_does() -> None:
    phone = traveller()
    at = japan("11-10 10:20")
    (grant,) = phone.report(at, 9 * MB, at, now_in="US", wants=True).grants
    assert (grant.result, phone.aside()) == (GrantResult.LIMIT_REACHED, {})
    phone.report(japan("11-10 10:25"), 1, japan("11-10 10:25"))
    assert phone.left() == {HOME_DATA: 91 * MB, TRAVEL_DATA: 60 * MB}
    assert phone.quota.unpaid == 1


# ---------------------------------------------------------------- pools at midnight


def test_a_cap_of_a_day_is_that_of_the_operators_day() -> None:
    """What was granted before midnight and comes back after it makes no room in the new day."""
    phone = phone_at(japan("11-10 23:50"))
    phone.core.join(phone.line, pool_of(1), cap_per_day=70 * MB)
    phone.core.give(pool_of(1), 500 * MB)
    phone.begin(phone.core.now)
    assert phone.ask(phone.core.now).amount == LEAST
    member = phone.core.members[phone.line]
    assert member.taken_at(phone.core.now, JAPAN) == (LEAST, LEAST)
    other = session_of(2)
    phone.core.now = japan("11-11 00:00")
    (outcome,) = phone.core.ask(opened(phone.line, other, (INTERNET, 60 * MB)))
    assert granted(outcome).amount == 60 * MB
    phone.report(japan("11-11 00:05"), 20 * MB, japan("11-11 00:04"))
    member = phone.core.members[phone.line]
    assert member.taken_at(phone.core.now, JAPAN) == (60 * MB, 80 * MB)
    assert phone.ask(phone.core.now) == Grant(
        INTERNET, GrantResult.GRANTED, 10 * MB, HALF_HOUR, is_final=True
    )


def test_who_is_paused_may_use_what_was_granted_and_gets_no_more() -> None:
    phone = phone_at(japan("11-10 10:00"))
    phone.core.join(phone.line, pool_of(1))
    phone.core.give(pool_of(1), 500 * MB)
    phone.begin(phone.core.now)
    phone.ask(phone.core.now)
    phone.core.allot(phone.line, is_paused=True)
    at = japan("11-10 10:05")
    (grant,) = phone.report(at, LEAST + 1, at, wants=True).grants
    assert grant.result is GrantResult.LIMIT_REACHED
    quota = phone.quota
    assert (quota.used, quota.unpaid, quota.outstanding) == (LEAST, 1, 0)


def test_what_goes_beyond_a_grant_does_not_go_beyond_the_cap() -> None:
    phone = phone_at(japan("11-10 10:00"))
    phone.core.join(phone.line, pool_of(1), cap_per_month=70 * MB)
    phone.core.give(pool_of(1), 500 * MB)
    phone.begin(phone.core.now)
    phone.ask(phone.core.now)
    at = japan("11-10 10:05")
    phone.report(at, 90 * MB, at)
    assert (phone.quota.used, phone.quota.overrun, phone.quota.unpaid) == (
        70 * MB,
        40 * MB,
        20 * MB,
    )


# ---------------------------------------------------------------- a line that is lent


def lent(phone: Phone, **times: datetime) -> HolderId:
    """Another line whose data the phone's line may use up, by a delegation."""
    other = phone.core.add_line(3)
    phone.core.give(other, 500 * MB)
    phone.core.join(phone.line, PoolId(other))
    member = phone.core.members[phone.line]
    phone.core.members[phone.line] = replace(member, **times)
    return other


def test_a_grant_of_a_line_that_is_lent_ends_when_that_ends_and_nothing_after_it_is_paid() -> None:
    phone = phone_at(japan("11-10 10:00"))
    other = lent(phone, until=japan("11-10 10:10"))
    phone.begin(phone.core.now)
    assert phone.ask(phone.core.now) == Grant(INTERNET, GrantResult.GRANTED, LEAST, 600)
    in_time = japan("11-10 10:09")
    (grant,) = phone.report(in_time, 20 * MB, in_time, wants=True).grants
    assert (grant.amount, grant.validity_s) == (LEAST, 60)
    at = japan("11-10 10:12")
    (grant,) = phone.report(at, 7 * MB, japan("11-10 10:11"), wants=True).grants
    assert grant.result is GrantResult.LIMIT_REACHED
    assert (phone.quota.used, phone.quota.unpaid) == (20 * MB, 7 * MB)
    assert phone.core.left(other) == {AllowanceId(numbered(301)): (480 * MB, 0)}


def test_a_line_that_will_be_lent_wakes_who_waits_when_that_begins() -> None:
    phone = phone_at(japan("11-10 10:00"))
    lent(phone, since=japan("11-10 10:30"))
    phone.begin(phone.core.now)
    assert phone.ask(phone.core.now).result is GrantResult.LIMIT_REACHED
    assert set(phone.core.wakes.values()) == {japan("11-10 10:30")}
    assert phone.ask(japan("11-10 10:30")).amount == LEAST


def test_of_a_line_that_is_lent_no_instant_is_left_to_grant_just_before_the_end() -> None:
    phone = phone_at(japan("11-10 10:00"))
    lent(phone, until=japan("11-10 10:00") + timedelta(milliseconds=999))
    phone.begin(phone.core.now)
    assert phone.ask(phone.core.now).result is GrantResult.LIMIT_REACHED


# ---------------------------------------------------------------- a share of what a pool has


def test_a_share_in_percent_is_anew_of_what_the_pool_has_as_the_month_begins() -> None:
    us = Plan()
    us.let_in(1, Allotment(share_percent=50))
    us.fill(0, 80 * MB)
    phone, amount = us.begin(1)
    assert amount == 40 * MB
    assert us.report(1, phone, 40 * MB) == 0
    us.core.now = MONTH_END - timedelta(microseconds=1)
    assert us.report(1, phone, 0) == 0
    us.core.now = MONTH_END
    assert us.report(1, phone, 0) == 20 * MB
    assert us.core.pools[us.pool].size == 40 * MB
    us.fill(0, 40 * MB)
    assert us.report(1, phone, 20 * MB) == 20 * MB
