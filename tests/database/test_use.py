"""What lines have used, as the journal tells it: in which hour, of which kind, whoever paid."""

import dataclasses
import itertools
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from psycopg import AsyncConnection
from tests.model.world import choose

from yuzuri.charging.notices import load_notices, load_waiting, mark_seen
from yuzuri.charging.use import RANGE_MAX, Hours, UsePart, load_use
from yuzuri.db.connect import Database
from yuzuri.kernel.calendar import DailyWindow, day_start
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import (
    HOME,
    AllowanceId,
    HolderId,
    Home,
    Id,
    PersonId,
    PurchaseId,
    home_of,
    new_id,
)
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.allowances import Allowance, Source, received_allowance
from yuzuri.ledger.changes import HOUSE, House, LedgerChange, NewAllowance, Transfer, TransferKind
from yuzuri.ledger.store import load_book
from yuzuri.ledger.writes import write_book
from yuzuri.operators.plans import AllowanceClass
from yuzuri.operators.profiles import read_profiles
from yuzuri.subscribers.lines import Line

TOKYO = ZoneInfo("Asia/Tokyo")
BERLIN = ZoneInfo("Europe/Berlin")

MONTH = datetime(2026, 10, 31, 15, tzinfo=UTC)
"""The beginning of November in Tokyo."""

BASE = Allowance(
    id=AllowanceId(new_id()),
    unit=Unit.DATA,
    operator="op",
    plan="plan",
    zone="JP",
    source=Source.BASE,
    paid=False,
    issued_at=MONTH,
    expires_at=datetime(2026, 12, 31, 15, tzinfo=UTC),
    purchase=PurchaseId(new_id()),
)


def like(allowance: Allowance, **changes: object) -> Allowance:
    return dataclasses.replace(allowance, id=AllowanceId(new_id()), **changes)  # type: ignore[arg-type]


NIGHT = like(BASE, source=Source.BONUS, hours=DailyWindow(time(23), time(6), "Asia/Tokyo"))
BOUGHT = like(BASE, source=Source.BOUGHT, zone="asia")
VOICE = like(BASE, unit=Unit.VOICE)
RECEIVED = received_allowance(BASE, BASE.expires_at, None)


async def write(database: Database, holder: HolderId, at: datetime, *changes: LedgerChange) -> None:
    """Write what happens to a holder as one group."""
    async with database.connection() as connection, connection.transaction():
        book = await load_book(connection, [holder], at)
        book.apply(changes)
        await write_book(connection, book)


async def issue(database: Database, holder: HolderId, *allowances: Allowance) -> None:
    for allowance in allowances:
        amount = Transfer(
            allowance=allowance.id,
            source=HOUSE[House.ISSUED],
            target=holder,
            amount=10**9,
            kind=TransferKind.ISSUE,
            cause=allowance.purchase,
        )
        known = NewAllowance(allowance=allowance, holder=holder)
        await write(database, holder, MONTH, known, amount)


async def use_up(
    database: Database,
    holder: HolderId,
    at: datetime,
    amount: int,
    allowance: Allowance = BASE,
    cause: Id | None = None,
) -> None:
    transfer = Transfer(
        allowance=allowance.id,
        source=holder,
        target=HOUSE[House.USED],
        amount=amount,
        kind=TransferKind.USE,
        cause=cause or new_id(),
    )
    await write(database, holder, at, transfer)


async def load(
    database: Database,
    line: HolderId,
    since: datetime,
    until: datetime,
    zone: ZoneInfo = TOKYO,
) -> Hours:
    async with database.connection() as connection:
        return (await load_use(connection, [line], since, until, zone))[line]


def amounts(hours: Hours) -> dict[datetime, int]:
    """What was used by hour, where something was."""
    return {hour.since: sum(part.amount for part in hour.parts) for hour in hours if hour.parts}


def tokyo(day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, second, tzinfo=TOKYO)


def new_line(home: Home = HOME) -> HolderId:
    return HolderId(new_id(home))


async def test_an_hour_begins_with_its_first_instant_and_ends_before_the_next(
    database: Database,
) -> None:
    line = new_line()
    await issue(database, line, BASE)
    last = tokyo(10, 6) - timedelta(microseconds=1)
    for at, amount in ((last, 1), (tokyo(10, 6), 20), (tokyo(10, 6, 59, 59), 300)):
        await use_up(database, line, at, amount)
    hours = await load(database, line, tokyo(10, 0), tokyo(11, 0))
    assert len(hours) == 24
    assert amounts(hours) == {tokyo(10, 5): 1, tokyo(10, 6): 320}


async def test_what_was_used_before_and_after_the_time_asked_for_is_left_out(
    database: Database,
) -> None:
    line, other = new_line(), new_line()
    await issue(database, line, BASE)
    await issue(database, other, BASE)
    for day in range(2, 15):
        await use_up(database, line, tokyo(day, 12), day)
        await use_up(database, other, tokyo(day, 12), 1_000)
    for edge in (tokyo(8, 0), tokyo(11, 0)):
        await use_up(database, line, edge, 100)
    await write(database, line, tokyo(11, 1), moved(line, new_line()))
    hours = await load(database, line, tokyo(8, 0), tokyo(11, 0))
    assert amounts(hours) == {tokyo(8, 0): 100} | {tokyo(day, 12): day for day in (8, 9, 10)}
    assert sum(amounts(await load(database, line, tokyo(11, 0), tokyo(11, 2))).values()) == 100
    assert amounts(await load(database, line, tokyo(1, 0), tokyo(2, 0))) == {}
    assert amounts(await load(database, line, tokyo(20, 0), tokyo(21, 0))) == {}
    assert amounts(await load(database, new_line(), tokyo(8, 0), tokyo(11, 0))) == {}


def moved(line: HolderId, to: HolderId) -> Transfer:
    return Transfer(
        allowance=BASE.id,
        source=line,
        target=to,
        amount=10_000,
        kind=TransferKind.MOVE,
        cause=new_id(),
    )


async def test_what_a_clock_that_was_behind_has_dated_is_found(database: Database) -> None:
    line = new_line()
    await issue(database, line, BASE)
    for minutes in (-300, -200, -100, 1, 2, -20, -10, 3, 4, 5, 600):
        await use_up(database, line, tokyo(10, 0) + timedelta(minutes=minutes), 1)
    hours = await load(database, line, tokyo(10, 0), tokyo(11, 0))
    assert sum(amounts(hours).values()) == 6


async def test_a_day_has_25_hours_when_clocks_go_back_and_23_when_they_go_forward(
    database: Database,
) -> None:
    line = new_line()
    await issue(database, line, BASE)
    twice = [datetime(2026, 10, 25, 2, 30, fold=fold, tzinfo=BERLIN) for fold in (0, 1)]
    for at, amount in zip(twice, (3, 5), strict=True):
        await use_up(database, line, at, amount)
    for day, count in ((datetime(2026, 10, 25, 12, tzinfo=UTC), 25),
                       (datetime(2026, 3, 29, 12, tzinfo=UTC), 23)):  # fmt: skip
        since, until = day_start(day, BERLIN), day_start(day, BERLIN, 1)
        hours = await load(database, line, since, until, BERLIN)
        assert len(hours) == count
        assert (hours[0].since, hours[-1].until) == (since, until)
        assert all(a.until == b.since for a, b in itertools.pairwise(hours))
        if count == 25:
            assert [(hour.since.astimezone(BERLIN).hour, hour.total(Unit.DATA))
                    for hour in hours if hour.parts] == [(2, 3), (2, 5)]  # fmt: skip


async def test_hours_are_those_of_the_clocks_also_where_they_are_half_an_hour_apart(
    database: Database,
) -> None:
    line, kolkata = new_line(), ZoneInfo("Asia/Kolkata")
    await issue(database, line, BASE)
    await use_up(database, line, datetime(2026, 11, 10, 9, 29, 59, tzinfo=UTC), 1)
    await use_up(database, line, datetime(2026, 11, 10, 9, 30, tzinfo=UTC), 2)
    since = datetime(2026, 11, 10, tzinfo=kolkata)
    hours = await load(database, line, since, since + timedelta(days=1), kolkata)
    used = {hour.since.astimezone(kolkata).hour: hour.total(Unit.DATA) for hour in hours}
    assert (used[14], used[15]) == (1, 2)


async def test_each_kind_is_told_apart(database: Database) -> None:
    line = new_line()
    await issue(database, line, BASE, NIGHT, BOUGHT, VOICE)
    await issue(database, line, RECEIVED)
    at = tokyo(30, 23, 30)
    for allowance, amount in ((BASE, 1), (NIGHT, 2), (BOUGHT, 3), (RECEIVED, 4), (VOICE, 5)):
        await use_up(database, line, at, amount, allowance)
    # In the month after its own what is left of the base is carried over.
    await use_up(database, line, at + timedelta(minutes=30), 6)
    hours = [hour for hour in await load(database, line, at, at + timedelta(hours=1)) if hour.parts]

    def part(kind: AllowanceClass, amount: int, **terms: object) -> UsePart:
        plain = {"unit": Unit.DATA, "zone": "JP", "is_night": False, "from_pool": False}
        return UsePart(kind=kind, amount=amount, **(plain | terms))  # type: ignore[arg-type]

    november, december = hours
    assert set(november.parts) == {
        part(AllowanceClass.BASE, 1),
        part(AllowanceClass.BONUS, 2, is_night=True),
        part(AllowanceClass.BOUGHT, 3, zone="asia"),
        part(AllowanceClass.RECEIVED, 4),
        part(AllowanceClass.BASE, 5, unit=Unit.VOICE),
    }
    assert december.parts == (part(AllowanceClass.CARRIED_OVER, 6),)
    assert november.total(Unit.DATA) == 10
    assert november.total(Unit.DATA, is_night=True) == 2


@pytest.mark.parametrize("homes", [1, 16])
async def test_of_what_a_pool_pays_each_member_sees_its_own_part(
    database: Database, database_url: str, admin_connection: AsyncConnection, homes: int
) -> None:
    await choose(database_url, homes)
    home = Home(homes - 1)
    pool, lines = new_line(home), [new_line(home), new_line(home)]
    await issue(database, pool, BASE, NIGHT)
    for line, amount in zip(lines, (7, 11), strict=True):
        await issue(database, line, BOUGHT)
        quota = await add_quota(admin_connection, line, pool=pool)
        await use_up(database, pool, tokyo(10, 12), amount, cause=quota)
        await use_up(database, pool, tokyo(10, 23), amount, NIGHT, cause=quota)
        await use_up(database, line, tokyo(10, 12), amount, BOUGHT, cause=quota)
    async with database.connection() as connection:
        use = await load_use(connection, lines, tokyo(10, 0), tokyo(11, 0), TOKYO)
    for line, amount in zip(lines, (7, 11), strict=True):
        noon, night = (hour for hour in use[line] if hour.parts)
        assert {(p.kind, p.from_pool, p.amount) for p in noon.parts} == {
            (AllowanceClass.BASE, True, amount),
            (AllowanceClass.BOUGHT, False, amount),
        }
        assert {(p.from_pool, p.is_night, p.amount) for p in night.parts} == {(True, True, amount)}


async def add_quota(
    connection: AsyncConnection,
    line: HolderId,
    *,
    pool: HolderId | None = None,
    granted: int = 0,
    is_waiting: bool = False,
    has_ended: bool = False,
) -> Id:
    """Write a session of a line with one quota, and return the quota's id."""
    home, session, quota = home_of(line), new_id(home_of(line)), new_id(home_of(line))
    at = tokyo(10, 12)
    await connection.execute(
        "INSERT INTO charging_session (home, id, line, operator, network_function, country,"
        " first_sequence, opened_at, ended_at) VALUES (%s, %s, %s, 'op', 'smf', 'JP', 0, %s, %s)",
        (home, session, line, at, at if has_ended else None),
    )
    await connection.execute(
        "INSERT INTO charging_quota (home, session, rating_group, id, line, unit, granted, used,"
        " returned, overrun, unpaid, from_pool, pool, sequence, seen, reported_at, is_waiting)"
        " VALUES (%s, %s, 1, %s, %s, 'data', %s, 0, 0, 0, 0, 0, %s, 0, 0, %s, %s)",
        (home, session, quota, line, granted, pool, at, is_waiting),
    )
    return quota


async def test_one_asks_about_31_days_and_no_more(database: Database) -> None:
    line = new_line()
    for days in (RANGE_MAX.days + 1, 0, -1):
        with pytest.raises(ValueError, match="32 days"):
            await load(database, line, tokyo(1, 0), tokyo(1, 0) + timedelta(days=days))
    hours = await load(database, line, tokyo(1, 0), tokyo(1, 0) + timedelta(days=31))
    assert len(hours) == 31 * 24


# ---------------------------------------------------------------- notices, and who waits

AT = tokyo(10, 12)


def line_of_example(line: HolderId) -> Line:
    return Line(
        id=line,
        person=PersonId(new_id()),
        operator="yuzuri-mobile",
        plan="monthly",
        number="+819000000000",
        label="a line",
        activated_at=MONTH,
    )


async def add_notice(
    connection: AsyncConnection,
    line: HolderId,
    reached: int,
    month: datetime = MONTH,
    unit: Unit = Unit.DATA,
) -> None:
    await connection.execute(
        "INSERT INTO use_notice (home, line, unit, cycle_start, reached, at)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        (home_of(line), line, unit.value, month, reached, AT),
    )


async def test_of_each_unit_the_notice_that_says_most_is_told_this_month(
    database: Database, admin_connection: AsyncConnection
) -> None:
    line, profiles = new_line(), read_profiles()
    lines = [line_of_example(line)]
    await add_notice(admin_connection, line, 80)
    await add_notice(admin_connection, line, 100)
    await add_notice(admin_connection, line, 80, unit=Unit.VOICE)
    await add_notice(admin_connection, line, 100, MONTH - timedelta(days=31), Unit.SMS)
    await add_notice(admin_connection, new_line(), 100)
    async with database.connection() as connection:
        notices = await load_notices(connection, lines, profiles, AT)
        told = {(n.unit, n.reached) for n in notices}
        later = await load_notices(connection, lines, profiles, AT + timedelta(days=30))
    assert told == {(Unit.DATA, 100), (Unit.VOICE, 80)}
    assert later == []


async def test_a_notice_is_seen_once_with_the_smaller_one_and_only_by_its_owner(
    database: Database, admin_connection: AsyncConnection
) -> None:
    line, profiles = new_line(), read_profiles()
    mine, others = [line_of_example(line)], [line_of_example(new_line())]
    await add_notice(admin_connection, line, 80)
    await add_notice(admin_connection, line, 100)
    async with database.connection() as connection:
        (notice,) = await load_notices(connection, mine, profiles, AT)
        with pytest.raises(DomainError) as raised:
            await mark_seen(connection, others, profiles, notice.id, AT)
        assert raised.value.refusal.code is Code.NOTICE_UNKNOWN
        for minutes in (1, 2):
            at = AT + timedelta(minutes=minutes)
            seen = await mark_seen(connection, mine, profiles, notice.id, at)
            assert seen.seen_at == AT + timedelta(minutes=1)
    cursor = await admin_connection.execute("SELECT reached, seen_at FROM use_notice")
    assert {(reached, seen_at) for reached, seen_at in await cursor.fetchall()} == {
        (80, AT + timedelta(minutes=1)),
        (100, AT + timedelta(minutes=1)),
    }


async def test_a_line_waits_while_a_session_of_it_runs_and_has_less_than_it_asked_for(
    database: Database, admin_connection: AsyncConnection
) -> None:
    dry, last, fine, gone = (new_line() for _ in range(4))
    await add_quota(admin_connection, dry, is_waiting=True)
    await add_quota(admin_connection, last, is_waiting=True, granted=5)
    await add_quota(admin_connection, fine, granted=5)
    await add_quota(admin_connection, gone, is_waiting=True, has_ended=True)
    async with database.connection() as connection:
        waiting = await load_waiting(connection, [dry, last, fine, gone])
    assert waiting == {(dry, Unit.DATA): False, (last, Unit.DATA): True}
