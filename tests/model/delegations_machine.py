"""Stories of delegated use, told at once to the product on a real database and to a small model."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.charging.core import INTERNET, ended, granted, opened
from tests.delegated import (
    People,
    accepting,
    code_of,
    giving,
    meet,
    offer,
    open_delegated_world,
    open_pool,
)
from tests.model.world import World

from yuzuri.charging.sessions import Charged, Usage
from yuzuri.jobs.sweeps import sweep
from yuzuri.kernel.errors import Code
from yuzuri.kernel.ids import DelegationId, PoolId, SessionId, home_of, new_id
from yuzuri.kernel.quantities import Unit
from yuzuri.runtime.replies import Outcome
from yuzuri.sharing.delegation_store import delegations_to, load_actions
from yuzuri.sharing.delegation_views import may_person_see
from yuzuri.sharing.delegations import (
    OFFER_LIFE,
    DeclineDelegation,
    DelegationDone,
    EndDelegation,
    Give,
    ManagePool,
    Scope,
    See,
    Use,
)
from yuzuri.sharing.gifts import AcceptGift, CancelGift, DeclineGift, Gift, GiftDone
from yuzuri.sharing.invariants import DELEGATION_INVARIANTS
from yuzuri.sharing.pools import Invite, Invited

LIFETIME = timedelta(hours=72)
"""How long a gift waits with the operator of these stories."""

OWNER, DELEGATE, STRANGER = "owner", "delegate", "stranger"
people = st.sampled_from([DELEGATE, DELEGATE, DELEGATE, OWNER, STRANGER])
amounts = st.sampled_from([20, 50, 100])
ENDS = ("cancel", "take back", "decline", "accept", "lapse")
"""How a gift ends: by the delegate, the owner, the receiver, or because nobody answers."""


def _kind(scope: object) -> str:
    return type(scope).__name__


MANAGES = "manages"
"""Stands for the one pool of a story."""
scopes = st.lists(
    st.one_of(
        st.just(See()),
        st.sampled_from([Use(in_all=100), Use(per_day=40), Use(in_all=90, per_day=50)]),
        st.sampled_from([Give(unit=Unit.DATA, in_all=100), Give(unit=Unit.DATA, in_all=50)]),
        st.just(MANAGES),
    ),
    min_size=1,
    max_size=4,
    unique_by=_kind,
)
lives = st.sampled_from([timedelta(hours=6), timedelta(days=2), timedelta(days=30)])


@dataclass
class Let:
    """What the model knows of a delegation."""

    scopes: Sequence[Scope]
    offered_at: datetime
    until: datetime
    state: str = "offered"
    has_line: bool = False
    """A line uses up data on it."""
    taken: int = 0
    taken_today: int = 0
    day: date | None = None
    acts: int = 0

    def may(self, kind: type, at: datetime) -> Any:
        active = self.state == "active" and at < self.until
        return next((s for s in self.scopes if active and isinstance(s, kind)), None)


@dataclass
class Made:
    """What the model knows of a gift: it counts while it is open, and when it was accepted."""

    gift: Gift
    on: Let
    state: str = "open"

    def counts(self, at: datetime) -> bool:
        is_open = self.state == "open" and at < self.gift.deadline
        return is_open or self.state == "accepted"


class DelegationsMachine(RuleBasedStateMachine):
    """An owner, a delegate and a stranger; whatever happens, nobody acts after they lost it."""

    world: World
    run: Callable[[Coroutine[Any, Any, Any]], Any]

    def __init__(self) -> None:
        super().__init__()
        self.lets: dict[DelegationId, Let] = {}
        self.gifts: list[Made] = []

    @initialize(wanted=scopes, lasts=lives)
    def begin(self, wanted: Sequence[Any], lasts: timedelta) -> None:
        self.us: People = self.run(meet(self.world))
        for _ in range(4):
            self.run(self.world.buy(self.us.owner, "never"))
        self.pool: PoolId = self.run(open_pool(self.world, self.us.owner))
        self.let(wanted, lasts)

    def person(self, name: str) -> Any:
        return getattr(self.us, name)

    def submit(self, command: Any) -> Outcome:
        outcome: Outcome = self.run(self.world.submit(command))
        return outcome

    # ------------------------------------------------------------ agreed and ended

    @rule(wanted=scopes, lasts=lives)
    def offer(self, wanted: Sequence[Any], lasts: timedelta) -> None:
        let = [ManagePool(pool=self.pool) if one is MANAGES else one for one in wanted]
        delegation = self.run(offer(self.world, self.us, *let, lasts=lasts))
        self.lets[delegation] = Let(let, self.world.at, self.world.at + lasts)

    @rule(wanted=scopes, lasts=lives)
    def let(self, wanted: Sequence[Any], lasts: timedelta) -> None:
        self.offer(wanted, lasts)
        self._accept(0, DELEGATE)

    @precondition(lambda self: self.lets)
    @rule(which=st.integers(0, 2), by=people, accepts=st.booleans())
    def answer(self, which: int, by: str, accepts: bool) -> None:
        if accepts:
            self._accept(which, by)
        else:
            self._decline(which, by)

    def _accept(self, which: int, by: str) -> None:
        delegation, let = self._let(which)
        uses = any(isinstance(scope, Use) for scope in let.scopes)
        line = self.us.delegate.id if uses else None
        outcome = self.submit(self.run(accepting(self.world, delegation, self.person(by), line)))
        is_busy = any(one.has_line and one.may(Use, self.world.at) for one in self.lets.values())
        if by != DELEGATE or not self._is_offered(let):
            assert code_of(outcome) is Code.DELEGATION_UNKNOWN
        elif uses and is_busy:
            assert code_of(outcome) is Code.POOL_MEMBER_ALREADY
        else:
            assert outcome == DelegationDone(delegation)
            let.state, let.has_line = "active", uses

    def _decline(self, which: int, by: str) -> None:
        delegation, let = self._let(which)
        command = DeclineDelegation(person=self.person(by).person, delegation=delegation)
        outcome = self.submit(command)
        if by == DELEGATE and self._is_offered(let):
            assert outcome == DelegationDone(delegation)
            let.state = "declined"
        else:
            assert code_of(outcome) is Code.DELEGATION_UNKNOWN

    @precondition(lambda self: self.lets)
    @rule(which=st.integers(0, 5), by=people)
    def end(self, which: int, by: str) -> None:
        delegation, let = self._let(which)
        outcome = self.submit(EndDelegation(person=self.person(by).person, delegation=delegation))
        if by == OWNER and let.state not in {"offered", "active"}:
            assert code_of(outcome) is Code.DELEGATION_ENDED
        elif by == OWNER or (by == DELEGATE and let.state == "active"):
            assert outcome == DelegationDone(delegation)
            let.state = "ended"
        else:
            assert code_of(outcome) is Code.DELEGATION_UNKNOWN

    # ------------------------------------------------------------ acting

    @rule(amount=amounts, then=st.sampled_from(["wait", *ENDS]))
    def give(self, amount: int, then: str) -> None:
        known = len(self.gifts)
        self._give(amount, DELEGATE)
        if then != "wait" and len(self.gifts) > known:
            self.end_gift(0, then)

    @rule(amount=amounts)
    def give_what_is_nobody_s_to_give(self, amount: int) -> None:
        self._give(amount, STRANGER)

    def _give(self, amount: int, by: str) -> None:
        outcome = self.submit(giving(self.person(by), self.us.owner, self.us.stranger, amount))
        covering = [
            (let.until, delegation, scope.in_all - self._given(let))
            for delegation, let in self.lets.items()
            if by == DELEGATE and (scope := let.may(Give, self.world.at)) is not None
        ]
        enough = [one for one in covering if one[2] >= amount]
        if not covering:
            assert code_of(outcome) is Code.LINE_NOT_YOURS
        elif not enough:
            assert code_of(outcome) is Code.DELEGATION_CAP
        else:
            assert isinstance(outcome, GiftDone), outcome
            _, delegation, _ = min(enough)
            assert outcome.gift.authority == delegation
            self.lets[delegation].acts += 1
            self.gifts.append(Made(outcome.gift, self.lets[delegation]))

    @precondition(lambda self: self.gifts)
    @rule(which=st.integers(0, 2), how=st.sampled_from(ENDS))
    def end_gift(self, which: int, how: str) -> None:
        made = self.gifts[len(self.gifts) - 1 - which % len(self.gifts)]
        gift, let = made.gift, made.on
        if how == "lapse":
            self.world.clock.now = max(self.world.at, gift.deadline)
            return
        person = {"accept": STRANGER, "decline": STRANGER, "cancel": DELEGATE}.get(how, OWNER)
        kind = {"accept": AcceptGift, "decline": DeclineGift}.get(how, CancelGift)
        outcome = self.submit(kind(person=self.person(person).person, gift=gift.id))
        if person == DELEGATE and let.may(object, self.world.at) is None:
            assert code_of(outcome) is Code.GIFT_UNKNOWN
        elif made.state == "open" and self.world.at < gift.deadline:
            assert isinstance(outcome, GiftDone)
            made.state = "accepted" if how == "accept" else "ended"
            let.acts += person == DELEGATE
        else:
            assert code_of(outcome) in {Code.GIFT_ENDED, Code.GIFT_EXPIRED}

    @rule(wanted=amounts)
    def use(self, wanted: int) -> None:
        line, at = self.us.delegate.id, self.world.at
        session = SessionId(new_id(home_of(line)))
        outcome = self.submit(opened(line, session, (INTERNET, wanted)))
        assert isinstance(outcome, Charged)
        room = 0
        for let in self.lets.values():
            scope = let.may(Use, at) if let.has_line else None
            if scope is not None:
                if let.day != at.date():
                    let.day, let.taken_today = at.date(), 0
                caps = ((scope.in_all, let.taken), (scope.per_day, let.taken_today))
                room = min(cap - taken for cap, taken in caps if cap is not None)
                let.taken += room
                let.taken_today += room
        assert granted(outcome).amount == room
        used = [Usage(INTERNET, room, at)]
        assert self.submit(ended(line, session, used=used, sequence=1)) == Charged()

    @rule(by=people)
    def invite(self, by: str) -> None:
        outcome = self.submit(Invite(person=self.person(by).person, pool=self.pool))
        letting = [let for let in self.lets.values() if let.may(ManagePool, self.world.at)]
        if by == OWNER:
            assert isinstance(outcome, Invited)
        elif by == DELEGATE and letting:
            assert isinstance(outcome, Invited)
            self._managed_by(letting)
        else:
            assert code_of(outcome) is Code.POOL_UNKNOWN

    def _managed_by(self, letting: Sequence[Let]) -> None:
        """One of them has one act more; which, is not said."""
        acts = self.run(self._acts())
        (let,) = [let for delegation, let in self.lets.items() if acts[delegation] == let.acts + 1]
        assert let in letting
        let.acts += 1

    # ------------------------------------------------------------ time

    @rule(by=st.sampled_from([timedelta(minutes=1), timedelta(hours=5), timedelta(days=1)]))
    def wait(self, by: timedelta) -> None:
        self.world.clock.move(by)

    @precondition(lambda self: any(let.state == "active" for let in self.lets.values()))
    @rule(early=st.booleans())
    def wait_for_an_end(self, early: bool) -> None:
        end = min(let.until for let in self.lets.values() if let.state == "active")
        self.world.clock.now = max(self.world.at, end - timedelta(minutes=early))

    @rule()
    def sweep(self) -> None:
        self.run(sweep(self.world.yuzuri))
        for let in self.lets.values():
            is_over = let.state == "active" and self.world.at >= let.until
            if is_over or (let.state == "offered" and not self._is_offered(let)):
                let.state = "ended"
        for made in self.gifts:
            if made.state == "open" and self.world.at >= made.gift.deadline:
                made.state = "ended"

    # ------------------------------------------------------------ what is compared

    @invariant()
    def the_database_is_what_the_model_says(self) -> None:
        if not hasattr(self, "pool"):
            return
        found = self.run(self._look())
        at = self.world.at
        standing = {
            delegation
            for delegation, let in self.lets.items()
            if self._is_offered(let) or (let.state == "active" and at < let.until)
        }
        sees = any(let.may(See, at) for let in self.lets.values())
        acts = {delegation: let.acts for delegation, let in self.lets.items()}
        used = {delegation: self.lets[delegation].taken for delegation in standing}
        assert found == (standing, sees, acts, used)

    async def _look(self) -> tuple[object, ...]:
        at, delegate = self.world.at, self.us.delegate.person
        acts = await self._acts()
        async with self.world.yuzuri.database.connection() as connection:
            standing = await delegations_to(connection, delegate, at)
            sees = await may_person_see(connection, delegate, self.us.owner.id, at)
        used = {one.id: one.used for one in standing}
        return set(used), sees, acts, used

    def teardown(self) -> None:
        assert self.run(self._breaches()) == []

    async def _breaches(self) -> list[Any]:
        (told,) = DELEGATION_INVARIANTS
        async with self.world.yuzuri.database.connection() as connection:
            cursor = await connection.execute(told.breaches, {"at": self.world.at})
            return await cursor.fetchall()

    async def _acts(self) -> dict[DelegationId, int]:
        async with self.world.yuzuri.database.connection() as connection:
            return {one: len(await load_actions(connection, one)) for one in self.lets}

    def _let(self, which: int) -> tuple[DelegationId, Let]:
        """A delegation, the newest first."""
        return list(self.lets.items())[len(self.lets) - 1 - which % len(self.lets)]

    def _is_offered(self, let: Let) -> bool:
        ends = min(let.until, let.offered_at + OFFER_LIFE)
        return let.state == "offered" and self.world.at < ends

    def _given(self, let: Let) -> int:
        made = (one for one in self.gifts if one.on is let)
        return sum(one.gift.amount for one in made if one.counts(self.world.at))


def tell_stories(server: Any, template: str, data: Any, tried: hypothesis.settings) -> None:
    """Tell stories of delegated use until one goes wrong, which is raised; on four homes."""
    with asyncio.Runner() as runner:
        context = open_delegated_world(server, template, data, 4)
        world = runner.run(context.__aenter__())
        try:

            class Machine(DelegationsMachine):
                pass

            Machine.world = world
            Machine.run = staticmethod(runner.run)
            run_state_machine_as_test(Machine, settings=tried)
        finally:
            runner.run(context.__aexit__(None, None, None))
