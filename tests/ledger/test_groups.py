"""A group of commands to the ledger leaves exactly what the same commands leave one by one.

On few, hot buckets; with refusals, holds that end and begin again under one name, keys that are
repeated or used for something else, and all kinds mixed.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from itertools import product
from typing import Any, NamedTuple

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ids import numbered
from tests.ledger.core import Rows, made_up_allowance
from tests.ledger.ledger_machine import Asked
from tests.ledger.stories import tried
from tests.ledger.world import USED, LedgerWorld, move, open_ledger
from tests.model.world import CLIENT, EFFORT, ISSUED, START, forget

from yuzuri.catalog.purchases import Purchase, first_issued
from yuzuri.db import Connection
from yuzuri.db import committer as committers
from yuzuri.db.committer import Committer, Request
from yuzuri.db.connect import open_database
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import (
    AllowanceId,
    HolderId,
    HoldId,
    Home,
    PurchaseId,
    TransferId,
    home_of,
)
from yuzuri.ledger.commands import Capture, Move, Release, Reserve
from yuzuri.ledger.expiry import ExpireBuckets
from yuzuri.ledger.writes import Write, carry_out
from yuzuri.runtime import road
from yuzuri.runtime.commands import Command
from yuzuri.runtime.replies import Outcome
from yuzuri.runtime.road import YuzuriRoad
from yuzuri.settings import Settings

HOMES = (0, 0, 0, 9)
KINDS = ("move", "move", "reserve", "reserve", "capture", "capture", "release", "expire")
AMOUNTS = (1, 10, 20, 50, 100, 300, 0, 1_001)
KEYS = ("own", "own", "own", "own", "own", "own", "again", "reused")


class Step(NamedTuple):
    """A command in numbers; `key`: its own, or the command before once more, or only its key."""

    kind: str
    who: int
    other: int
    amount: int
    hold: int
    odd: bool
    key: str


STEPS = len(KINDS) * len(HOMES) * (len(HOMES) + 1) * len(AMOUNTS) * 2 * 2 * len(KEYS)


def step_of(number: int) -> Step:
    # Most numbers that are drawn are small: this spreads them over all steps.
    number, kind = divmod(number * 24_593 % STEPS, len(KINDS))
    number, who = divmod(number, len(HOMES))
    number, other = divmod(number, len(HOMES) + 1)
    number, amount = divmod(number, len(AMOUNTS))
    number, hold = divmod(number, 2)
    key, odd = divmod(number, 2)
    return Step(KINDS[kind], who, other, AMOUNTS[amount], hold, bool(odd), KEYS[key])


steps = st.integers(0, STEPS - 1).map(step_of)
earlier_steps = st.lists(steps, min_size=2, max_size=12)
later_steps = st.lists(steps, min_size=8, max_size=24)
waits = st.sampled_from([timedelta(0), timedelta(minutes=30), timedelta(days=1)])


class People(NamedTuple):
    """Four holders, three of one home, and two allowances: one for ever, one for a day."""

    holders: Sequence[HolderId]
    allowances: Sequence[AllowanceId]

    def first_commands(self) -> list[Asked]:
        """Share what the first holder was given, and set something aside of everybody's."""
        commands: list[Asked] = []
        for number, (allowance, holder) in enumerate(product(self.allowances, self.holders)):
            if number % len(HOMES):
                name = numbered(900 + number)
                commands.append(move(allowance, self.holders[0], holder, 200, name))
        for who in range(3):
            step = Step("reserve", who, 0, 100, 0, odd=who == 0, key="own")
            commands.append(self.command(0, step, timedelta(0)))
        return commands

    def command(self, number: int, step: Step, began: timedelta) -> Asked:
        holder = self.holders[step.who]
        allowance = self.allowances[(step.hold + step.odd) % 2]
        target = USED if step.other == len(self.holders) else self.holders[step.other]
        hold = HoldId(numbered(5_000 + step.who * 10 + step.hold))
        match step.kind:
            case "move":
                return Move(
                    id=TransferId(numbered(number)),
                    allowance=allowance,
                    source=holder,
                    target=target,
                    amount=step.amount,
                )
            case "reserve":
                lasts = timedelta(minutes=30) if step.odd else timedelta(days=60)
                return Reserve(
                    id=hold,
                    holder=holder,
                    allowance=allowance,
                    amount=step.amount,
                    cause=numbered(77),
                    expires_at=START + began + lasts,
                )
            case "capture":
                return Capture(
                    hold=hold,
                    holder=holder,
                    target=target,
                    amount=step.amount,
                    keep_rest=step.odd,
                )
            case "release":
                return Release(hold=hold, holder=holder)
            case _:
                home = home_of(holder)
                neighbours = tuple(other for other in self.holders if home_of(other) == home)
                return ExpireBuckets(neighbours if step.odd else (holder,))


# ---------------------------------------------------------------- the pure core


def core_of(homes: int) -> tuple[Rows, People]:
    rows = Rows(homes)
    holders = [HolderId(numbered(200 + n, Home(home % homes))) for n, home in enumerate(HOMES)]
    allowances = [AllowanceId(numbered(300)), AllowanceId(numbered(301))]
    for allowance, ends in zip(allowances, (None, START + timedelta(days=1)), strict=True):
        rows.issue(START, holders[0], made_up_allowance(allowance, START, ends), ISSUED)
    people = People(holders, allowances)
    for command in people.first_commands():
        rows.ask(START, command)
    return rows, people


def left_by_core(rows: Rows) -> Any:
    transfers = Counter((t.kind, t.allowance, t.source, t.target, t.amount) for t in rows.transfers)
    buckets = {
        (bucket.holder, bucket.allowance): (bucket.balance, bucket.held)
        for owned in rows.buckets.values()
        for bucket in owned.values()
    }
    holds = {
        (holder, hold.id): (hold.allowance, hold.amount, hold.expires_at)
        for holder, owned in rows.holds.items()
        for hold in owned.values()
    }
    return buckets, holds, transfers, rows.in_transit


def tell_cores(homes: int, how: hypothesis.settings) -> None:
    @how
    @given(earlier_steps, waits, later_steps)
    def tell(earlier: Sequence[Step], wait: timedelta, later: Sequence[Step]) -> None:
        told: list[tuple[list[Outcome], Any]] = []
        for is_group in (False, True):
            rows, people = core_of(homes)
            for number, step in enumerate(earlier):
                rows.ask(START, people.command(number, step, timedelta(0)))
            commands = [people.command(100 + n, step, wait) for n, step in enumerate(later)]
            if is_group:
                outcomes = rows.ask(START + wait, *commands)
            else:
                outcomes = [rows.ask(START + wait, command)[0] for command in commands]
            told.append((outcomes, left_by_core(rows)))
        assert told[0] == told[1]

    tell()


@pytest.mark.parametrize("homes", [1, 16])
def test_in_one_book_as_in_books_of_their_own(homes: int) -> None:
    tell_cores(homes, tried(500 * EFFORT))


# ---------------------------------------------------------------- two databases


class Twin(NamedTuple):
    """One of two databases on which the same is told, with the same lines."""

    world: LedgerWorld
    url: str

    async def begin(self, holders: Sequence[HolderId]) -> People:
        """Empty the books, and issue the same again."""
        forget(self.url)
        self.world.clock.now = START
        allowances = []
        for number, lifetime in enumerate(("never", "day")):
            purchase = PurchaseId(numbered(400 + number))
            command = Purchase(id=purchase, line=holders[0], top_up=lifetime)
            await self.world.yuzuri.submit(CLIENT, f"buy {number}", command)
            allowances.append(first_issued(purchase))
        people = People(holders, allowances)
        for number, first in enumerate(people.first_commands()):
            await self.world.ask(first, f"first {number}")
        return people

    async def post(self, requests: Sequence[Request[Command]], group_max: int) -> list[Any]:
        """Send what waits together; who is told that it is in flight asks again."""
        yuzuri = self.world.yuzuri
        way = YuzuriRoad(yuzuri.profiles, yuzuri.homes, yuzuri.rating)
        pool = yuzuri.database.pool
        async with Committer(pool, way, self.world.clock, group_max=group_max) as committer:
            outcomes = await committer.post(requests)
            for number, outcome in enumerate(outcomes):
                if code_of(outcome) is Code.REQUEST_IN_FLIGHT:
                    outcomes[number] = (await committer.post([requests[number]]))[0]
        return [code_of(outcome) or outcome for outcome in outcomes]

    async def one_by_one(self, requests: Sequence[Request[Command]]) -> list[Any]:
        committer = self.world.yuzuri.committer
        outcomes = [(await committer.post([request]))[0] for request in requests]
        return [code_of(outcome) or outcome for outcome in outcomes]

    async def left(self) -> dict[str, Any]:
        """All rows; a hold that has run out is as good as gone, written down or not."""
        await self.world.bring_all_over()
        at = self.world.clock.now
        rows = self.world.rows
        return {
            "buckets": await rows(_BUCKETS, at),
            "holds": await rows(_HOLDS, at),
            "transfers": Counter(await rows(_TRANSFERS)),
            "in_transit": await rows("SELECT * FROM in_transit"),
            "replies": await rows("SELECT home, name, reply FROM command ORDER BY home, name"),
        }


_BUCKETS = """
SELECT holder, allowance, balance, expires_at, held - coalesce((
    SELECT sum(amount) FROM hold
    WHERE hold.holder = bucket.holder AND hold.allowance = bucket.allowance
      AND lapsed_at IS NULL AND hold.expires_at <= %s), 0)
FROM bucket ORDER BY holder, allowance
"""
_HOLDS = """
SELECT holder, id, allowance, amount, cause, expires_at FROM hold
WHERE lapsed_at IS NULL AND expires_at > %s ORDER BY holder, id
"""
_TRANSFERS = "SELECT home, kind, allowance, source, target, amount, cause FROM transfer"


def code_of(outcome: object) -> Code | None:
    if isinstance(outcome, DomainError):
        return outcome.refusal.code
    assert not isinstance(outcome, Exception), outcome
    return None


def requests_of(
    people: People, steps: Sequence[Step], name: str, began: timedelta
) -> list[Request[Command]]:
    """The commands with their keys; what reuses a key waits in the same home as the first."""
    requests: list[Request[Command]] = []
    acting: list[Home] = []
    for number, step in enumerate(steps):
        command: Command = people.command(number + (100 if name == "later" else 0), step, began)
        key, home = f"{name} {number}", home_of(people.holders[step.who])
        if requests and step.key == "again":
            command, key, home = requests[-1].command, requests[-1].key, acting[-1]
        elif requests and step.key == "reused" and home == acting[-1]:
            key = requests[-1].key
        requests.append(Request(CLIENT, key, command))
        acting.append(home)
    return requests


async def tell_twice(
    twins: Sequence[Twin],
    holders: Sequence[HolderId],
    earlier: Sequence[Step],
    wait: timedelta,
    later: Sequence[Step],
    group_max: int,
) -> None:
    """To the first twin one by one, to the other in groups; and compare."""
    told = []
    for twin in twins:
        people = await twin.begin(holders)
        await twin.post(requests_of(people, earlier, "earlier", timedelta(0)), 8_000)
        twin.world.clock.move(wait)
        requests = requests_of(people, later, "later", wait)
        if twin is twins[0]:
            outcomes = await twin.one_by_one(requests)
        else:
            outcomes = await twin.post(requests, group_max)
        told.append((outcomes, await twin.left()))
        assert await twin.world.breaches() == []
    assert told[0][0] == told[1][0]
    for rows in told[0][1]:
        assert told[0][1][rows] == told[1][1][rows], rows


async def carry_out_slowly(connection: Connection, writes: Sequence[Write]) -> None:
    await asyncio.sleep(0.003)
    await carry_out(connection, writes)


def tell_twins(settings: Settings, urls: Sequence[str], how: hypothesis.settings) -> None:
    """Tell what happens to both databases."""
    stack = contextlib.AsyncExitStack()

    async def open_twins() -> tuple[list[Twin], list[HolderId]]:
        twins = []
        for url in urls:
            here = Settings(data=settings.data, database_url=url)
            database = await stack.enter_async_context(open_database(here, migrating=False))
            world = await stack.enter_async_context(open_ledger(here, database, is_checked=False))
            twins.append(Twin(world, url))
        lines = await twins[0].world.new_lines(HOMES)
        await twins[1].world.add_lines(lines)
        return twins, [line.id for line in lines]

    with asyncio.Runner() as runner, pytest.MonkeyPatch.context() as patch:
        # So that a group is decided while the one before is not yet written.
        patch.setattr(committers, "_CROWD", 1)
        patch.setattr(road, "carry_out", carry_out_slowly)
        twins, holders = runner.run(open_twins())

        @how
        @given(earlier_steps, waits, later_steps, st.sampled_from([8_000, 3]))
        def tell(
            earlier: Sequence[Step], wait: timedelta, later: Sequence[Step], group_max: int
        ) -> None:
            runner.run(tell_twice(twins, holders, earlier, wait, later, group_max))

        try:
            tell()
        finally:
            for url in urls:
                forget(url)
            runner.run(stack.aclose())


def test_a_group_leaves_what_its_commands_leave_one_by_one(
    settings: Settings, database_url: str, twin_url: str
) -> None:
    tell_twins(settings, [database_url, twin_url], tried(20 * EFFORT))
