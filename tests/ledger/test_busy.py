"""Too much at once: who comes too late is told so and loses nothing; who only reads never waits."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest
from tests.ledger.world import LedgerWorld, asked, move
from tests.model.world import ISSUED

from yuzuri.db import Connection
from yuzuri.db.committer import Committer
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import AllowanceId, HolderId, HoldId, Home, home_of, new_id
from yuzuri.ledger.commands import DONE, Move, Reserve
from yuzuri.ledger.store import load_book, lock_home, read_book
from yuzuri.runtime.replies import Outcome
from yuzuri.runtime.road import YuzuriRoad
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.account import load_accounts

SOON_S = 5.0
"""Nothing that does not wait for a lock takes as long."""


class Pair:
    """Two holders of one home; the first has something."""

    def __init__(
        self, ledger: LedgerWorld, holders: Sequence[HolderId], allowance: AllowanceId
    ) -> None:
        self.ledger = ledger
        self.giver, self.taker = holders
        self.home = home_of(self.giver)
        self.allowance = allowance

    async def balances(self) -> tuple[int, int]:
        kept = (await self.ledger.kept()).buckets
        given, taken = (
            kept.get((holder, self.allowance), (0, 0))[0] for holder in (self.giver, self.taker)
        )
        return given, taken

    @contextlib.asynccontextmanager
    async def locked(self, home: Home | None = None) -> AsyncIterator[Connection]:
        """A long transaction of somebody else has a home."""
        async with self.ledger.yuzuri.database.connection() as connection:
            await lock_home(connection, self.home if home is None else home)
            yield connection


async def new_pair(ledger: LedgerWorld) -> Pair:
    holders = await ledger.new_holders([6, 6])
    return Pair(ledger, holders, await ledger.issue(holders[0]))


@pytest.fixture
async def pair(ledger: LedgerWorld) -> Pair:
    return await new_pair(ledger)


@contextlib.asynccontextmanager
async def narrow(ledger: LedgerWorld, queue_max: int) -> AsyncIterator[LedgerWorld]:
    """The same ledger, where only so many may wait."""
    given = ledger.yuzuri
    road = YuzuriRoad(given.profiles, given.homes, given.rating)
    pool = given.database.pool
    async with Committer(pool, road, given.clock, queue_max=queue_max) as committer:
        yuzuri = Yuzuri(
            given.settings,
            given.database,
            given.profiles,
            given.rating,
            given.clock,
            given.homes,
            given.networks,
            committer,
        )
        yield LedgerWorld(yuzuri, ledger.clock)


async def test_who_comes_when_the_queue_is_full_is_told_so_and_nothing_of_it_is_kept(
    pair: Pair,
) -> None:
    moves = {f"move {n}": move(pair.allowance, pair.giver, pair.taker, 10) for n in range(5)}
    async with narrow(pair.ledger, queue_max=3) as ledger:
        keys_before = await ledger.rows("SELECT count(*) FROM command")
        async with pair.locked():
            waiting = [asyncio.create_task(ledger.ask(moves[f"move {n}"], f"move {n}"))
                       for n in range(3)]  # fmt: skip
            await asyncio.sleep(0)
            for key in ("move 3", "move 4"):
                with pytest.raises(DomainError) as raised:
                    await asyncio.wait_for(ledger.ask(moves[key], key), SOON_S)
                assert raised.value.refusal.code is Code.REQUEST_BUSY
        assert await asyncio.wait_for(asyncio.gather(*waiting), SOON_S) == [DONE] * 3
        assert await pair.balances() == (ISSUED - 30, 30)
        keys = await ledger.rows("SELECT count(*) FROM command")
        assert keys[0][0] - keys_before[0][0] == 3
        # The same keys work now, as if they had never been sent.
        for key in ("move 3", "move 4"):
            assert await ledger.ask(moves[key], key) is DONE
        assert await pair.balances() == (ISSUED - 50, 50)


async def test_of_many_that_are_posted_those_beyond_the_queue_are_told_so_each_in_its_place(
    pair: Pair,
) -> None:
    requests = [asked(move(pair.allowance, pair.giver, pair.taker, 1)) for _ in range(10)]
    async with narrow(pair.ledger, queue_max=6) as ledger:
        told = await ledger.yuzuri.post(requests)
        assert told[:6] == [DONE] * 6
        busy = [error.refusal.code for error in told[6:] if isinstance(error, DomainError)]
        assert busy == [Code.REQUEST_BUSY] * 4
        assert await pair.balances() == (ISSUED - 6, 6)
        assert await ledger.yuzuri.post(requests[4:]) == [DONE] * 6  # two of them again
        assert await pair.balances() == (ISSUED - 10, 10)


async def test_a_key_that_is_being_worked_on_is_not_taken_a_second_time(pair: Pair) -> None:
    once = move(pair.allowance, pair.giver, pair.taker, 10)
    other = move(pair.allowance, pair.giver, pair.taker, 11)
    async with pair.locked():
        waiting = asyncio.create_task(pair.ledger.ask(once, "once"))
        await asyncio.sleep(0)
        for command, code in ((once, Code.REQUEST_IN_FLIGHT), (other, Code.KEY_REUSED)):
            with pytest.raises(DomainError) as raised:
                await pair.ledger.ask(command, "once")
            assert raised.value.refusal.code is code
    assert await asyncio.wait_for(waiting, SOON_S) is DONE
    assert await pair.ledger.ask(once, "once") is DONE
    assert await pair.balances() == (ISSUED - 10, 10)


async def test_one_key_sent_200_times_at_once_acts_once(pair: Pair) -> None:
    once = move(pair.allowance, pair.giver, pair.taker, 10)
    told = await asyncio.gather(
        *(pair.ledger.ask(once, "once") for _ in range(200)), return_exceptions=True
    )
    assert told.count(DONE) == 1
    in_flight = [error.refusal.code for error in told if isinstance(error, DomainError)]
    assert in_flight == [Code.REQUEST_IN_FLIGHT] * 199
    assert await pair.balances() == (ISSUED - 10, 10)


async def test_a_thousand_at_one_holder_are_all_answered_up_to_the_last_unit(pair: Pair) -> None:
    moves = [move(pair.allowance, pair.giver, pair.taker, 1) for _ in range(ISSUED + 50)]
    told = await asyncio.gather(*(pair.ledger.ask(one) for one in moves))
    assert [outcome is DONE for outcome in told] == [True] * ISSUED + [False] * 50
    assert await pair.balances() == (0, ISSUED)


async def ask_until_answered(pair: Pair, command: Move, key: str) -> Outcome:
    """Ask what was asked before with the same key, again while it is still being worked on."""
    while True:
        try:
            return await pair.ledger.ask(command, key)
        except DomainError as error:
            if error.refusal.code is not Code.REQUEST_IN_FLIGHT:
                raise
        await asyncio.sleep(0.01)


async def test_who_stops_waiting_does_not_stop_what_was_asked(pair: Pair) -> None:
    once = move(pair.allowance, pair.giver, pair.taker, 10)
    async with pair.locked():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pair.ledger.ask(once, "once"), 0.05)
    assert await asyncio.wait_for(ask_until_answered(pair, once, "once"), SOON_S) is DONE
    assert await pair.balances() == (ISSUED - 10, 10)


async def test_reads_do_not_wait_for_a_home_that_a_long_transaction_has(pair: Pair) -> None:
    reserve = Reserve(
        id=HoldId(new_id()),
        holder=pair.giver,
        allowance=pair.allowance,
        amount=100,
        cause=new_id(),
        expires_at=pair.ledger.clock.now + timedelta(hours=1),
    )
    assert await pair.ledger.ask(reserve) is DONE
    database, now = pair.ledger.yuzuri.database, pair.ledger.clock.now
    person = await pair.ledger.person_of(pair.giver)
    async with pair.locked() as writer:
        await writer.execute("UPDATE bucket SET balance = 0, held = 0")  # and not yet committed
        async with asyncio.timeout(SOON_S), database.connection() as connection:
            book = await read_book(connection, [pair.giver], now)
            (account,) = await load_accounts(connection, person, now)
        await writer.rollback()
    bucket = book.bucket(pair.giver, pair.allowance)
    assert bucket is not None
    assert (bucket.balance, bucket.available) == (ISSUED, ISSUED - 100)
    assert [(b.bucket.balance, b.bucket.held) for b in account.balances] == [(ISSUED, 100)]


@pytest.mark.parametrize("homes", [16])
async def test_a_busy_home_keeps_no_other_waiting(ledger: LedgerWorld) -> None:
    holders = await ledger.new_holders([6, 6, 11, 11])
    busy = Pair(ledger, holders[:2], await ledger.issue(holders[0]))
    free = Pair(ledger, holders[2:], await ledger.issue(holders[2]))
    async with busy.locked():
        waits = asyncio.create_task(ledger.ask(move(busy.allowance, busy.giver, busy.taker, 10)))
        async with asyncio.timeout(SOON_S):
            assert await ledger.ask(move(free.allowance, free.giver, free.taker, 10)) is DONE
        assert not waits.done()
    assert await asyncio.wait_for(waits, SOON_S) is DONE


@pytest.mark.parametrize("homes", [16])
async def test_whoever_waits_for_a_home_has_none_that_comes_after_it(ledger: LedgerWorld) -> None:
    """Homes are locked in their order, so that no two ever wait for each other."""
    first, *_, last = holders = await ledger.new_holders([0, 2, 5, 9, 14])
    database, now = ledger.yuzuri.database, ledger.clock.now

    async def lock_all() -> None:
        async with database.connection() as connection:
            await load_book(connection, reversed(holders), now)

    async with database.connection() as mine:
        await lock_home(mine, home_of(first))
        others = asyncio.create_task(lock_all())
        await wait_until_one_waits(mine)
        await mine.execute("SET LOCAL lock_timeout = '100ms'")
        await lock_home(mine, home_of(last))  # which nobody has
    await asyncio.wait_for(others, SOON_S)


async def wait_until_one_waits(connection: Connection) -> None:
    """Until another session of this database waits for a lock."""
    async with asyncio.timeout(SOON_S):
        while True:
            cursor = await connection.execute(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN ("
                " SELECT pid FROM pg_stat_activity WHERE datname = current_database())"
            )
            row = await cursor.fetchone()
            if row is not None and row[0]:
                return
            await asyncio.sleep(0.01)
