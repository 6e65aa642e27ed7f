"""Stories of the ledger, told to the pure core, or to a real database as well."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from itertools import count
from typing import Any, cast

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis.stateful import run_state_machine_as_test
from tests.ledger.core import CoreLedger
from tests.ledger.ledger_machine import Asked, Kept, LedgerMachine
from tests.ledger.world import LedgerWorld, open_ledger
from tests.model.world import ISSUED, MovedClock, forget

from yuzuri.db.connect import open_database
from yuzuri.kernel.calendar import FOREVER
from yuzuri.kernel.ids import AllowanceId, HolderId, Home, TransferId, new_id
from yuzuri.ledger.due import travellers
from yuzuri.runtime.replies import Outcome
from yuzuri.settings import Settings

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def tried(stories: int, steps: int = 50, **more: Any) -> hypothesis.settings:
    """How many stories of so many steps; one that goes wrong is printed, made short and kept."""
    return hypothesis.settings(
        max_examples=stories,
        stateful_step_count=steps,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
        **({"phases": set(Phase) - {Phase.explain}} | more),
    )


class StoredLedger:
    """The ledger on a real database, through the committer, as the machine asks it."""

    def __init__(self, world: LedgerWorld, database_url: str, run: Run) -> None:
        self.world = world
        self.homes = world.homes
        self.clock = world.clock
        self.clock.now = MovedClock().now
        self._url = database_url
        self._run = run
        self._asked = count(1)

    def new_holders(self, homes: Sequence[Home]) -> list[HolderId]:
        holders: list[HolderId] = self._run(self.world.new_holders(homes))
        return holders

    def issue(self, holder: HolderId, lifetime: str) -> tuple[AllowanceId, int]:
        return self._run(self.world.issue(holder, lifetime)), ISSUED

    def ask(self, command: Asked) -> Outcome:
        """Ask, and every other time ask again by the same key: it is answered the same."""
        key = str(new_id())
        outcome: Outcome = self._run(self.world.ask_step(command, key))
        if next(self._asked) % 2:
            assert self._run(self.world.ask_step(command, key)) == outcome
        return outcome

    def bring_over(self, moved: TransferId, left: Home) -> None:
        self._run(self._bring_over(moved, left))

    async def _bring_over(self, moved: TransferId, left: Home) -> None:
        async with self.world.yuzuri.database.connection() as connection:
            waiting = await travellers(connection, left, FOREVER)
        traveller = next(traveller for traveller in waiting if traveller.id == moved)
        for _ in range(2):
            await self.world.yuzuri.bring_over(traveller, left)

    def kept(self) -> Kept:
        kept: Kept = self._run(self.world.kept())
        return kept

    def end(self) -> None:
        try:
            self._run(self.world.bring_all_over())
            assert self._run(self.world.breaches()) == []
        finally:
            forget(self._url)


def tell(machine: Callable[[], LedgerMachine], how: hypothesis.settings) -> None:
    # Whatever makes a machine will do, though its type says that it must be a class.
    run_state_machine_as_test(cast("type[LedgerMachine]", machine), settings=how)


def tell_the_core(how: hypothesis.settings) -> None:
    """Tell each step at once to a core of one home and to one of 16."""
    tell(lambda: LedgerMachine(CoreLedger(1), CoreLedger(16)), how)


def tell_the_database(settings: Settings, database_url: str, how: hypothesis.settings) -> None:
    """Tell stories on the test's database, which is emptied after each."""
    stack = contextlib.AsyncExitStack()

    async def open_all() -> LedgerWorld:
        database = await stack.enter_async_context(open_database(settings, migrating=False))
        return await stack.enter_async_context(open_ledger(settings, database))

    with asyncio.Runner() as runner:
        world = runner.run(open_all())
        try:
            tell(lambda: LedgerMachine(StoredLedger(world, database_url, runner.run), every=5), how)
        finally:
            forget(database_url)
            runner.run(stack.aclose())
