"""The people of the browser tests, with lines of several operators and something left on them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from yuzuri.catalog.purchases import Purchase, Purchased
from yuzuri.db import Connection
from yuzuri.db.connect import open_database
from yuzuri.kernel.calendar import day_start, month_start
from yuzuri.kernel.ids import HolderId, HoldId, PersonId, PurchaseId, home_of, new_id
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.changes import HOUSE, House
from yuzuri.ledger.commands import DONE, Capture, Reserve
from yuzuri.ledger.store import read_book
from yuzuri.operators.profiles import read_profiles
from yuzuri.runtime.running import HOUSE_CLIENT, Yuzuri, run_yuzuri
from yuzuri.settings import Settings
from yuzuri.sharing.gifts import AcceptGift, GiftDone, OfferGift
from yuzuri.subscribers.lines import Line, Person, add_line, add_person

NOW = datetime(2026, 11, 12, 10, 30, tzinfo=UTC)
"""Half past seven in the evening in Tokyo; the servers' clocks start here."""

TOKYO = ZoneInfo("Asia/Tokyo")


@dataclass(frozen=True)
class SomeLine:
    """A line with what was bought for it: a top-up or "" for a cycle, and so many days ago."""

    operator: str
    plan: str
    number: str
    label: str
    bought: tuple[tuple[str, float], ...] = (("", 0.5),)


PEOPLE: dict[str, tuple[SomeLine, ...]] = {
    "Aki": (
        SomeLine(
            "yuzuri-mobile", "monthly", "+819011110001", "Main", (("", 11), ("1gb-30d", 28.3))
        ),
        SomeLine("yuzuri-mobile", "travel-7d", "+819011110002", "Seoul trip", (("", 5.2),)),
        SomeLine("docomo", "ahamo", "+819011110003", "Work"),
    ),
    "陽菜": (SomeLine("yuzuri-mobile", "carry-over", "+819022220001", "スマホ"),),
    "Ben": (
        SomeLine("mineo", "mypita-10gb", "+819033330001", "Tablet"),
        SomeLine("yuzuri-mobile", "monthly", "+819033330002", "Phone", (("", 11),)),
    ),
    "晓晓": (
        SomeLine("mineo", "mypita-1gb", "+819044440001", "手机"),
        SomeLine("kddi", "povo", "+819044440002", "povo"),
    ),
    "Wanjiru": (
        SomeLine("safaricom", "no-expiry", "+254711000001", "Day"),
        SomeLine("safaricom", "night", "+254711000002", "Night"),
    ),
}


@dataclass(frozen=True)
class Known:
    """Who and what has been made."""

    people: dict[str, PersonId]
    lines: dict[str, HolderId]
    """By number."""


USED_MB = {7: 85, 8: 140, 12: 120, 13: 60, 17: 70, 18: 190, 19: 260, 21: 90, 23: -400, 1: -150}
"""What a line takes in some hours of a day; what is below 0, of its night data."""

USED_LINE = "+819033330002"
"""The line that has been in use for a week; a notice says that 80 % of its data is used."""

DRY_LINE = "+819033330001"
"""The line of the same person that has used all, and whose phone waits for data."""


async def fill(settings: Settings, *, with_history: bool = False) -> Known:
    """Make the people and their lines known, and buy what they have; on request with some gifts."""
    known = Known({}, {})
    async with open_database(settings) as database:
        async with database.connection() as connection:
            for nickname, lines in PEOPLE.items():
                person = PersonId(new_id())
                known.people[nickname] = person
                joined_at = NOW - timedelta(days=400)
                await add_person(connection, Person(person, nickname, Language.EN, joined_at))
                for line in lines:
                    known.lines[line.number] = HolderId(new_id())
                    await add_line(
                        connection,
                        Line(
                            id=known.lines[line.number],
                            person=person,
                            operator=line.operator,
                            plan=line.plan,
                            number=line.number,
                            label=line.label,
                            activated_at=joined_at,
                        ),
                    )
        now = [NOW]
        profiles = read_profiles()
        async with run_yuzuri(
            settings, database, clock=lambda: now[0], profiles=profiles
        ) as yuzuri:
            for line in (line for lines in PEOPLE.values() for line in lines):
                for top_up, days_ago in line.bought:
                    now[0] = NOW - timedelta(days=days_ago)
                    purchase = PurchaseId(new_id())
                    command = Purchase(
                        id=purchase, line=known.lines[line.number], top_up=top_up or None
                    )
                    outcome = await yuzuri.submit(HOUSE_CLIENT, str(purchase), command)
                    assert isinstance(outcome, Purchased), outcome
            await _use_for_a_week(yuzuri, known.lines[USED_LINE], now)
            await use_up(yuzuri, known.lines[DRY_LINE], Unit.DATA, 10 * 10**9)
            for giver, receiver, amount, message, days_ago, is_accepted in (
                _HISTORY if with_history else ()
            ):
                now[0] = NOW - timedelta(days=days_ago)
                person = known.people[_owner(giver)]
                offer = OfferGift(
                    person=person,
                    from_line=known.lines[giver],
                    to_line=known.lines[receiver],
                    unit=Unit.DATA,
                    amount=amount,
                    message=message,
                )
                offered = await yuzuri.submit(person, str(new_id()), offer)
                assert isinstance(offered, GiftDone), offered
                if is_accepted:
                    now[0] += timedelta(minutes=40)
                    other = known.people[_owner(receiver)]
                    accept = AcceptGift(person=other, gift=offered.gift.id)
                    accepted = await yuzuri.submit(other, str(new_id()), accept)
                    assert isinstance(accepted, GiftDone), accepted
        async with database.connection() as connection:
            await _add_notices(connection, known)
    return known


async def _use_for_a_week(yuzuri: Yuzuri, line: HolderId, now: list[datetime]) -> None:
    """Let a line use data by day and at night, and some messages."""
    midnight = day_start(NOW, TOKYO)
    for hours_ago in range(6 * 24, -20, -1):
        at = midnight - timedelta(hours=hours_ago) + timedelta(minutes=20)
        hour = at.astimezone(TOKYO).hour
        if hour not in USED_MB or at > NOW:
            continue
        now[0] = at
        size = USED_MB[hour] * (4 + hours_ago % 5) // 6 * 10**6
        await use_up(yuzuri, line, Unit.DATA, abs(size), at_night=size < 0)
        if hour in {12, 19}:
            await use_up(yuzuri, line, Unit.SMS, 1)


async def use_up(
    yuzuri: Yuzuri, line: HolderId, unit: Unit, amount: int, *, at_night: bool = False
) -> None:
    """Let a line use something of its own, as a network reports it."""
    async with yuzuri.database.connection() as connection:
        book = await read_book(connection, [line], yuzuri.clock())
    bucket = next(
        bucket
        for bucket, allowance in book.holdings(line, unit)
        if (allowance.hours is not None) is at_night
    )
    hold = HoldId(new_id())
    reserve = Reserve(
        id=hold,
        holder=line,
        allowance=bucket.allowance,
        amount=amount,
        cause=new_id(),
        expires_at=yuzuri.clock() + timedelta(minutes=1),
    )
    capture = Capture(hold=hold, holder=line, target=HOUSE[House.USED], amount=amount)
    for command in (reserve, capture):
        outcome = await yuzuri.submit(HOUSE_CLIENT, str(new_id()), command)
        assert outcome is DONE, outcome


async def use_up_now(settings: Settings, line: HolderId, amount: int) -> None:
    """Let a line use data at the time at which the servers' clocks begin."""
    async with (
        open_database(settings, migrating=False) as database,
        run_yuzuri(settings, database, clock=lambda: NOW, profiles=read_profiles()) as yuzuri,
    ):
        await use_up(yuzuri, line, Unit.DATA, amount)


async def _add_notices(connection: Connection, known: Known) -> None:
    """Say what charging says of a line at 80 %, and of a phone that has to wait."""
    used, dry = known.lines[USED_LINE], known.lines[DRY_LINE]
    for line, reached, hours_ago in ((used, 80, 5), (dry, 80, 2), (dry, 100, 1)):
        await connection.execute(
            "INSERT INTO use_notice (home, line, unit, cycle_start, reached, at)"
            " VALUES (%s, %s, 'data', %s, %s, %s)",
            (home_of(line), line, month_start(NOW, TOKYO), reached,
             NOW - timedelta(hours=hours_ago)),
        )  # fmt: skip
    session = new_id()
    await connection.execute(
        "INSERT INTO charging_session (home, id, line, operator, network_function, country,"
        " first_sequence, opened_at) VALUES (%s, %s, %s, 'mineo', 'smf', 'JP', 0, %s)",
        (home_of(dry), session, dry, NOW),
    )
    await connection.execute(
        "INSERT INTO charging_quota (home, session, rating_group, id, line, unit, granted, used,"
        " returned, overrun, unpaid, from_pool, sequence, seen, reported_at, is_waiting)"
        " VALUES (%s, %s, 1, %s, %s, 'data', 0, 0, 0, 0, 0, 0, 0, 0, %s, true)",
        (home_of(dry), session, new_id(), dry, NOW),
    )


_HISTORY = (
    ("+819011110001", "+819022220001", 2 * 10**9, "For the weekend in Kyoto", 8.1, True),
    ("+819033330002", "+819011110001", 10**9, "Thanks for lunch!", 6.0, True),
    ("+819011110001", "+819033330002", 5 * 10**8, "", 5.0, False),
    (
        "+819022220001",
        "+819011110001",
        5 * 10**8,
        "いつもありがとう。よかったら使ってね。",
        0.1,
        False,
    ),
    ("+819011110001", "+819033330002", 10**9, "So that you can call from the train", 0.05, False),
)
"""Giver, receiver, bytes, message, days ago, accepted or left to wait."""


def _owner(number: str) -> str:
    return next(
        name for name, lines in PEOPLE.items() if any(line.number == number for line in lines)
    )
