"""Stories of gifts, told at once to the product on a real database and to the shadow."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import hypothesis
import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.model.shadow import LineNumber, Shadow
from tests.model.world import ISSUED, World, choose, forget, hurry, offered, open_world

from yuzuri.catalog.purchases import Purchase, Purchased
from yuzuri.db.connect import open_database
from yuzuri.jobs.sweeps import sweep
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import GiftId, PurchaseId, new_id
from yuzuri.ledger.store import read_book
from yuzuri.runtime.commands import Command
from yuzuri.runtime.replies import Outcome
from yuzuri.settings import Settings
from yuzuri.sharing.gift_store import load_gifts
from yuzuri.sharing.gifts import (
    AcceptGift,
    CancelGift,
    DeclineGift,
    GiftDone,
    GiftRefused,
    GiftState,
)
from yuzuri.subscribers.lines import Line

LIFETIMES = {"day": 1, "week": 7, "month": 30, "never": None}
lines = st.integers(0, 3)
steps = st.integers(1, 3)
"""From one line to another."""
shares = st.sampled_from(["one", "a third", "all", "all but one"])
moves = st.one_of(
    st.timedeltas(timedelta(seconds=1), timedelta(hours=6)),
    st.sampled_from([timedelta(hours=72), timedelta(days=1), timedelta(days=7)]),
)
ends = st.sampled_from(
    [
        (DeclineGift, GiftState.DECLINED),
        (CancelGift, GiftState.CANCELLED),
        (AcceptGift, GiftState.ACCEPTED),
    ]
)


class GiftsMachine(RuleBasedStateMachine):
    """Four lines of four people; each rule asks the product and the shadow, and compares."""

    world: World
    database_url: str
    run: Callable[[Coroutine[Any, Any, Any]], Any]

    def __init__(self) -> None:
        super().__init__()
        self.shadow = Shadow(balances=[{}, {}, {}, {}])
        self.gift_ids: list[GiftId] = []
        self.purchases: list[PurchaseId] = []
        self.answered: list[tuple[LineNumber, str, Command, Outcome]] = []

    @initialize(names=st.lists(st.sampled_from(sorted(LIFETIMES)), min_size=2, max_size=4))
    def meet(self, names: list[str]) -> None:
        self.lines: list[Line] = self.run(self.world.new_lines(4))
        for line, name in enumerate(names):
            self.buy(line, name)

    # ------------------------------------------------------------ what people do

    @rule(line=lines, name=st.sampled_from(sorted(LIFETIMES)))
    def buy(self, line: int, name: str) -> None:
        self.world.clock.move(timedelta(seconds=1))  # so that no two were issued at one instant
        purchase = PurchaseId(new_id())
        outcome = self._ask(line, Purchase(id=purchase, line=self.lines[line].id, top_up=name))
        assert isinstance(outcome, Purchased)
        days = LIFETIMES[name]
        self.purchases.append(purchase)
        self.shadow.buy(
            line, ISSUED, None if days is None else self.world.at + timedelta(days=days)
        )

    @rule(giver=lines, step=steps, share=shares)
    def offer(self, giver: int, step: int, share: str) -> None:
        free = sum(self.shadow.free(giver, self.world.at).values())
        amount = {"one": 1, "a third": free // 3, "all": free, "all but one": free - 1}[share]
        self._offer(giver, (giver + step) % 4, max(1, amount))

    @rule(giver=lines, step=steps, share=shares)
    def give(self, giver: int, step: int, share: str) -> None:
        known = len(self.gift_ids)
        self.offer(giver, step, share)
        if len(self.gift_ids) > known:
            self._end(known, "receiver", (AcceptGift, GiftState.ACCEPTED))

    @rule(giver=lines, how=st.sampled_from(["to oneself", "too much", "far too much", "stolen"]))
    def offer_amiss(self, giver: int, how: str) -> None:
        free = sum(self.shadow.free(giver, self.world.at).values())
        thief = (giver + 1) % 4
        match how:
            case "to oneself":
                self._offer(giver, giver, max(1, free))
            case "stolen":
                command = offered(self.lines[giver], self.lines[thief], 1)
                command = msgspec.structs.replace(command, person=self.lines[thief].person)
                self._compare(self._ask(thief, command), Code.LINE_NOT_YOURS)
            case _:
                over = 1 if how == "too much" else 3 * ISSUED
                self._offer(giver, (giver + 1) % 4, free + over)

    def _offer(self, giver: int, receiver: int, amount: int) -> None:
        outcome = self._ask(giver, offered(self.lines[giver], self.lines[receiver], amount))
        self._compare(outcome, self.shadow.offer(giver, receiver, amount, self.world.at))
        if isinstance(outcome, GiftDone):
            self.gift_ids.append(outcome.gift.id)
            assert outcome.gift.deadline == self.shadow.gifts[-1].deadline

    @precondition(lambda self: any(g.state is GiftState.OPEN for g in self.shadow.gifts))
    @rule(back=st.integers(0, 3), by=st.sampled_from(["giver", "receiver", "other"]), how=ends)
    def end_an_open_gift(self, back: int, by: str, how: tuple[Any, GiftState]) -> None:
        waiting = [n for n, g in enumerate(self.shadow.gifts) if g.state is GiftState.OPEN]
        self._end(waiting[-1 - back % len(waiting)], by, how)

    @precondition(lambda self: self.gift_ids)
    @rule(back=st.integers(0, 3), how=ends)
    def end_any_gift_by_whoever_may(self, back: int, how: tuple[Any, GiftState]) -> None:
        number = len(self.gift_ids) - 1 - back % len(self.gift_ids)
        self._end(number, "giver" if how[1] is GiftState.CANCELLED else "receiver", how)

    def _end(self, number: int, by: str, how: tuple[Any, GiftState]) -> None:
        gift = self.shadow.gifts[number]
        others = {0, 1, 2, 3} - {gift.giver, gift.receiver}
        line = {"giver": gift.giver, "receiver": gift.receiver, "other": min(others)}[by]
        command, state = how
        person = self.lines[line].person
        outcome = self._ask(line, command(person=person, gift=self.gift_ids[number]))
        self._compare(outcome, self.shadow.end(number, line, state, self.world.at))
        if isinstance(outcome, GiftDone) and state is GiftState.ACCEPTED:
            assert sum(arrival.quantity.amount for arrival in outcome.arrives) == sum(
                gift.parts.values()
            )

    # ------------------------------------------------------------ what time and lost answers do

    @rule(by=moves)
    def wait(self, by: timedelta) -> None:
        self.world.clock.move(by)

    @precondition(lambda self: any(g.state is GiftState.OPEN for g in self.shadow.gifts))
    @rule(early=st.booleans())
    def wait_for_a_deadline(self, early: bool) -> None:
        deadline = min(g.deadline for g in self.shadow.gifts if g.state is GiftState.OPEN)
        target = deadline - timedelta(microseconds=1 if early else 0)
        self.world.clock.now = max(self.world.at, target)

    @rule()
    def sweep(self) -> None:
        self.run(sweep(self.world.yuzuri))
        self.shadow.sweep(self.world.at)

    @precondition(lambda self: self.answered)
    @rule(back=st.integers(0, 9))
    def ask_again_with_the_same_key(self, back: int) -> None:
        by, key, command, outcome = self.answered[max(0, len(self.answered) - 1 - back)]
        assert self.run(self.world.submit(command, key, self.lines[by])) == outcome

    @precondition(lambda self: self.answered)
    @rule(back=st.integers(0, 9))
    def ask_for_something_else_with_a_known_key(self, back: int) -> None:
        by, key, known, _ = self.answered[max(0, len(self.answered) - 1 - back)]
        with pytest.raises(DomainError) as raised:
            self.run(self.world.submit(self._something_else(by, known), key, self.lines[by]))
        assert raised.value.refusal.code is Code.KEY_REUSED

    def _something_else(self, by: LineNumber, known: Command) -> Command:
        """Ask for what differs from a command, in the home where its key is kept."""
        other = offered(self.lines[by], self.lines[(by + 1) % 4], 1)
        return msgspec.structs.replace(other, message="something else")

    # ------------------------------------------------------------ what is compared

    @invariant()
    def database_is_what_the_shadow_says(self) -> None:
        if not hasattr(self, "lines"):
            return
        found, states = self.run(self._look())
        now = self.world.at
        expected = {
            (line, purchase): (balance, self.shadow.held(line, purchase, now))
            for line, balances in enumerate(self.shadow.balances)
            for purchase, balance in balances.items()
        }
        assert found == expected
        assert states == [gift.state for gift in self.shadow.gifts]

    async def _look(self) -> tuple[dict[tuple[int, int], tuple[int, int]], list[GiftState]]:
        async with self.world.yuzuri.database.connection() as connection:
            book = await read_book(connection, [x.id for x in self.lines], self.world.at)
            gifts = {gift.id: gift for gift in await load_gifts(connection, self.gift_ids)}
        found: dict[tuple[int, int], tuple[int, int]] = {}
        for number, line in enumerate(self.lines):
            for bucket in book.buckets_of(line.id):
                purchase = self.purchases.index(book.allowances[bucket.allowance].purchase)
                balance, held = found.get((number, purchase), (0, 0))
                found[number, purchase] = (balance + bucket.balance, held + bucket.held)
        return found, [gifts[gift_id].state for gift_id in self.gift_ids]

    def teardown(self) -> None:
        assert self.run(self.world.breaches()) == []
        forget(self.database_url)

    def _ask(self, by: LineNumber, command: Command) -> Outcome:
        key = str(new_id())
        outcome: Outcome = self.run(self.world.submit(command, key, self.lines[by]))
        self.answered.append((by, key, command, outcome))
        return outcome

    def _compare(self, outcome: Outcome, expected: Code | None) -> None:
        if expected is None:
            assert isinstance(outcome, GiftDone), outcome
        else:
            assert isinstance(outcome, GiftRefused), outcome
            assert outcome.reasons[0].code is expected


def tell_stories(
    settings: Settings,
    database_url: str,
    tried: hypothesis.settings,
    homes: int = 1,
    machine: type[GiftsMachine] = GiftsMachine,
) -> None:
    """Tell stories of gifts on the test's database until one goes wrong, which is raised.

    With several homes, each line of a story has another.
    """
    hurry(database_url)

    stack = contextlib.AsyncExitStack()

    async def open_all() -> World:
        database = await stack.enter_async_context(open_database(settings, migrating=False))
        return await stack.enter_async_context(open_world(settings, database))

    with asyncio.Runner() as runner:
        runner.run(choose(database_url, homes))
        world = runner.run(open_all())
        try:

            class Machine(machine):  # type: ignore[misc, valid-type] # chosen by the caller
                pass

            Machine.world = world
            Machine.database_url = database_url
            Machine.run = staticmethod(runner.run)
            run_state_machine_as_test(Machine, settings=tried)
        finally:
            forget(database_url)
            runner.run(stack.aclose())
