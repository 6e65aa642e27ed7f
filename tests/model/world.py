"""A small world to give in: an operator that allows nearly everything, lines, a moved clock."""

import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg import AsyncConnection, sql
from psycopg.rows import TupleRow
from tests.ids import numbered

from yuzuri.catalog.purchases import Purchase
from yuzuri.db.committer import Committer
from yuzuri.db.connect import Database
from yuzuri.kernel.ids import HOME, HolderId, Home, PersonId, PurchaseId, new_id
from yuzuri.kernel.names import Language, Name
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.ledger.homes import choose_homes
from yuzuri.ledger.store import read_book
from yuzuri.operators.gift_rules import ClaimLifetime, Expiry, ExpiryKind, GiftRules, Recipients
from yuzuri.operators.plans import Plan, PlanAllowance, TopUp, Validity, ValidityKind
from yuzuri.operators.profile import OperatorKind, Profile
from yuzuri.operators.profiles import Profiles
from yuzuri.operators.sources import Confidence, Rule, Source
from yuzuri.runtime.commands import Command
from yuzuri.runtime.facts import Facts
from yuzuri.runtime.replies import Outcome
from yuzuri.runtime.running import Yuzuri, run_yuzuri
from yuzuri.runtime.verify import verify
from yuzuri.settings import Settings
from yuzuri.sharing.gifts import AcceptGift, Gift, GiftDone, GiftState, OfferGift
from yuzuri.subscribers.lines import Line, Person, add_line, add_person

START = datetime(2026, 11, 10, 3, 0, tzinfo=UTC)
CLAIM_LIFETIME = timedelta(hours=72)
ISSUED = 1_000
"""What each purchase of the open operator gives, in bytes."""

EFFORT = int(os.environ.get("YUZURI_TEST_EFFORT", "1"))
"""How many times as many examples as usual the tests of states run."""


@dataclass
class MovedClock:
    """A clock that stands still until it is moved, forwards or backwards."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def move(self, by: timedelta) -> None:
        self.now += by


def known(value: object) -> Rule:  # type: ignore[type-arg] # the rule's own field says of what
    return Rule(value=value, source="s")


def named(text: str) -> Name:
    return Name(en=text, ja=text, zh=text)


def given(unit: Unit, validity: Validity, *, paid: bool = False) -> PlanAllowance:
    return PlanAllowance(amount=Quantity(ISSUED, unit), validity=validity, zone="JP", paid=paid)


def top_up(name: str, *gives: PlanAllowance) -> TopUp:
    return TopUp(id=name, name=named(name), gives=gives, source="s")


def days(count: int) -> Validity:
    return Validity(kind=ValidityKind.DAYS, count=count)


OPEN_RULES = GiftRules(
    offered=known(True),
    units=known((Unit.DATA, Unit.VOICE, Unit.SMS)),
    recipients=known(Recipients.SAME_OPERATOR),
    regift=known(True),
    claim_lifetime=known(ClaimLifetime(hours=72)),
    expiry=known(Expiry(kind=ExpiryKind.KEEP)),
)

TOP_UPS = (
    top_up("day", given(Unit.DATA, days(1))),
    top_up("week", given(Unit.DATA, days(7))),
    top_up("month", given(Unit.DATA, days(30))),
    top_up("never", given(Unit.DATA, Validity(kind=ValidityKind.NEVER))),
)


def operator(name: str = "open", rules: GiftRules = OPEN_RULES, *, country: str = "XX") -> Profile:
    """An operator whose one plan, "plan", gives 1,000 of each unit for 30 days."""
    return Profile(
        id=name,
        name=named(name),
        kind=OperatorKind.EXAMPLE,
        country=country,
        timezone="UTC",
        networks=(),
        sources={"s": Source(title="made up", url="", as_of="2026-11", confidence=Confidence.HIGH)},
        gift=rules,
        plans=(
            Plan(
                id="plan",
                name=named("plan"),
                types=("postpaid",),
                source="s",
                gives=tuple(given(unit, days(30)) for unit in Unit),
                top_ups=TOP_UPS,
            ),
        ),
    )


OPEN = Profiles({"open": operator()})

YuzuriCommitter = Committer[Command, Outcome, Facts]


@dataclass
class World:
    """A running Yuzuri with what tests ask of it."""

    yuzuri: Yuzuri
    clock: MovedClock
    lines: list[Line] = field(default_factory=list)

    @property
    def at(self) -> datetime:
        return self.clock.now

    async def new_lines(
        self, count: int, name: str = "open", plan: str = "plan", **terms: str
    ) -> list[Line]:
        """Make lines, each of a person of its own and in the next home, that have nothing yet."""
        homes = [Home((len(self.lines) + n) % self.yuzuri.homes) for n in range(count)]
        async with self.yuzuri.database.connection() as connection:
            made = [
                await new_line(connection, self.at, name, plan, home, **terms) for home in homes
            ]
        self.lines += made
        return made

    async def submit(
        self, command: Command, key: str | None = None, who: Line | None = None
    ) -> Outcome:
        client = who.person if who is not None else CLIENT
        return await self.yuzuri.submit(client, key or str(new_id()), command)

    async def buy(self, line: Line, offer: str | None = "month") -> PurchaseId:
        purchase = PurchaseId(new_id())
        await self.submit(Purchase(id=purchase, line=line.id, top_up=offer))
        return purchase

    async def offer(self, giver: Line, receiver: Line, amount: int, unit: Unit = Unit.DATA) -> Gift:
        outcome = await self.submit(offered(giver, receiver, amount, unit))
        assert isinstance(outcome, GiftDone), outcome
        return outcome.gift

    async def accept(self, receiver: Line, gift: Gift) -> Outcome:
        return await self.submit(AcceptGift(person=receiver.person, gift=gift.id))

    async def give(self, giver: Line, receiver: Line, amount: int) -> Gift:
        gift = await self.offer(giver, receiver, amount)
        outcome = await self.accept(receiver, gift)
        assert isinstance(outcome, GiftDone), outcome
        assert outcome.gift.state is GiftState.ACCEPTED
        return outcome.gift

    async def left(self, line: Line) -> int:
        """What a line has of data that is neither over nor held."""
        async with self.yuzuri.database.connection() as connection:
            return await left_of(connection, line, self.at)

    async def breaches(self) -> list[str]:
        """What `yuzuri verify` finds wrong with I1 to I9."""
        return await breaches(self.yuzuri.database, self.at)


CLIENT = numbered(99)


def offered(giver: Line, receiver: Line, amount: int, unit: Unit = Unit.DATA) -> OfferGift:
    return OfferGift(
        person=giver.person, from_line=giver.id, to_line=receiver.id, unit=unit, amount=amount
    )


async def new_line(
    connection: AsyncConnection[TupleRow],
    at: datetime,
    name: str,
    plan: str,
    home: Home = HOME,
    **terms: str,
) -> Line:
    person = Person(PersonId(new_id(home)), "somebody", Language.EN, at)
    line = Line(
        id=HolderId(new_id(home)),
        person=person.id,
        operator=name,
        plan=plan,
        number=f"+999{int.from_bytes(person.id) % 10**14}",
        label="a line",
        activated_at=at - timedelta(days=400),
        **terms,
    )
    await add_person(connection, person)
    await add_line(connection, line)
    return line


async def left_of(connection: AsyncConnection[TupleRow], line: Line, at: datetime) -> int:
    book = await read_book(connection, [line.id], at)
    return sum(bucket.available for bucket, _ in book.holdings(line.id, Unit.DATA))


async def breaches(database: Database, at: datetime) -> list[str]:
    async with database.connection() as connection:
        findings = await verify(connection, at)
    assert {finding.number for finding in findings} >= {f"I{n}" for n in range(1, 10)}
    return [f"{f.number} {breach}" for f in findings for breach in f.breaches]


@contextlib.asynccontextmanager
async def open_world(
    settings: Settings, database: Database, profiles: Profiles = OPEN
) -> AsyncIterator[World]:
    """Run on the test's database; when it ends, all that must hold is checked."""
    clock = MovedClock()
    async with run_yuzuri(settings, database, clock=clock, profiles=profiles) as yuzuri:
        yield World(yuzuri, clock)
    found = await breaches(database, clock.now)
    assert found == []


async def choose(database_url: str, homes: int) -> None:
    """Let a test's database, in which nobody lives yet, have so many homes."""
    async with await AsyncConnection.connect(database_url) as connection:
        await connection.execute("SET search_path = yuzuri")
        await choose_homes(connection, homes)


BOOKS = (
    "command", "gift", "link", "link_taker", "gift_request", "hold", "in_transit", "transfer",
    "journal_page", "bucket", "allowance",
)  # fmt: skip
"""The tables of what was asked and what became of it."""


def hurry(database_url: str) -> None:
    """Let a test's database not wait for the disk: a crash of the server is not what it tests."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(name))


def forget(database_url: str) -> None:
    """Empty the books of a test's database, so that each example is checked alone and quickly."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        for table in BOOKS:
            connection.execute(sql.SQL("DELETE FROM yuzuri.{}").format(sql.Identifier(table)))
        connection.execute("UPDATE yuzuri.home SET page = DEFAULT, digest = DEFAULT")
