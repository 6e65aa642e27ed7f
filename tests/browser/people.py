"""The people of the browser tests, with lines of several operators and something left on them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from yuzuri.catalog.purchases import Purchase, Purchased
from yuzuri.db.connect import open_database
from yuzuri.kernel.ids import HolderId, PersonId, PurchaseId, new_id
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Unit
from yuzuri.operators.profiles import read_profiles
from yuzuri.runtime.running import HOUSE_CLIENT, run_yuzuri
from yuzuri.settings import Settings
from yuzuri.sharing.gifts import AcceptGift, GiftDone, OfferGift
from yuzuri.subscribers.lines import Line, Person, add_line, add_person

NOW = datetime(2026, 11, 12, 10, 30, tzinfo=UTC)
"""Half past seven in the evening in Tokyo; the servers' clocks start here."""


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
    return known


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
