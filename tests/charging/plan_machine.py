"""A shared plan while its people use it, change it, leave it and close it, beside a small model.

The model knows who may do what, and what remains of what everybody has put in, as exact fractions:
it never rounds, so that what is decided may differ by what rounding alone explains.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import count
from typing import NamedTuple

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.charging.core import (
    INTERNET,
    OPERATOR,
    PROFILES,
    CoreCharging,
    ended,
    opened,
    pool_of,
    session_of,
    updated,
)
from tests.model.world import named

from yuzuri.charging.sessions import ChargingCommand, Usage
from yuzuri.kernel.ids import AllowanceId, HolderId, HoldId, InvitationId, PoolId, SessionId
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.changes import TransferKind
from yuzuri.operators.profiles import Profiles
from yuzuri.operators.services import Pool as PoolService
from yuzuri.sharing.contributions import settle
from yuzuri.sharing.pools import (
    Allotment,
    ChangeMember,
    ClosePool,
    FillPool,
    Invite,
    Invited,
    JoinPool,
    OpenPool,
    PoolCommand,
    PoolDone,
    RemoveMember,
    Role,
    SettlePool,
)

MB = 1_000_000
BEGIN = datetime.fromisoformat("2026-11-01T03:00:00+00:00")
MONTH_ENDS = datetime.fromisoformat("2026-11-30T15:00:00+00:00")
PEOPLE = 5
"""The owner is the first."""

POOLED = Profiles(
    {
        OPERATOR: msgspec.structs.replace(
            PROFILES[OPERATOR],
            services=(PoolService(name=named("pool"), source="s"),),
        )
    }
)
ALLOTMENTS = (
    Allotment(),
    Allotment(pool_first=True),
    Allotment(share=70 * MB + 1, pool_first=True),
    Allotment(share_percent=33, pool_first=True),
    Allotment(cap_per_month=90 * MB),
    Allotment(is_paused=True),
)


@dataclass
class Put:
    """What remains of one allowance in a pool, by line: of members, and of who has left."""

    parts: dict[int, Fraction] = field(default_factory=dict)
    owed: dict[int, Fraction] = field(default_factory=dict)
    settled: int = 0
    """How often it was rounded."""

    def use(self, amount: int) -> None:
        """Take from all members in proportion; what is owed comes last."""
        whole, owing = sum(self.parts.values()), sum(self.owed.values())
        taken = min(Fraction(amount), whole)
        if whole:
            self.parts = {who: part * (whole - taken) / whole for who, part in self.parts.items()}
        if amount > taken:
            left = owing - (amount - taken)
            self.owed = {who: part * left / owing for who, part in self.owed.items()}

    def leave(self, who: int) -> None:
        self.owed[who] = self.owed.get(who, Fraction(0)) + self.parts.pop(who, Fraction(0))


class Running(NamedTuple):
    session: SessionId
    who: int


class PlanMachine(RuleBasedStateMachine):
    """One pool at a time: whoever does something with it, and the sessions that draw on it."""

    def __init__(self) -> None:
        super().__init__()
        self.core = CoreCharging(BEGIN, profiles=POOLED)
        self.lines = [self.core.add_line(number) for number in range(PEOPLE)]
        self.people = [self.core.lines[line].person for line in self.lines]
        self.names = count(1)
        self.running: list[Running] = []
        self.seen = 0
        self.pools: list[PoolId] = []
        self.put: dict[tuple[HolderId, AllowanceId], Put] = {}
        held = self.core.give(self.lines[0], 1), self.core.give(self.lines[0], 1)
        self.common = [self.core.books.allowances[name] for name in held]
        """What several lines have of: use of it is divided among them."""
        self.open_pool()

    # ------------------------------------------------------------ the model of who and how

    def open_pool(self) -> None:
        self.pool = pool_of(len(self.pools))
        self.pools.append(self.pool)
        self.members: dict[int, Allotment] = {}
        self.managers: set[int] = set()
        self.size = 0
        self.drawn = dict.fromkeys(range(PEOPLE), 0)
        self.before_it_joined: set[HoldId] = set()
        opening = OpenPool(person=self.people[0], pool=self.pool, name="us", line=self.lines[0])
        assert self.core.manage(opening) == PoolDone(self.pool)
        self.invitations: list[InvitationId] = []
        for allotment in ALLOTMENTS:
            for role in (Role.MEMBER, Role.MANAGER):
                inviting = Invite(
                    person=self.people[0],
                    pool=self.pool,
                    uses_max=100,
                    allotment=allotment,
                    role=role,
                    until=MONTH_ENDS,
                )
                invited = self.core.manage(inviting)
                assert isinstance(invited, Invited)
                self.invitations.append(invited.invitation)
        for who, which in ((1, 3), (2, 4), (3, 6)):
            self.join(who, which)
            self.fill(who, 30 * MB + who, 0)

    def decides_on(self, who: int, whose: int) -> bool:
        """Whether somebody may change a member, or remove it."""
        if whose not in self.members:
            return False
        is_manager = who in self.managers and who in self.members
        return who == 0 or (
            is_manager and whose != 0 and (who == whose or whose not in self.managers)
        )

    def limit(self, who: int) -> int | None:
        allotment = self.members[who]
        part = allotment.share_percent
        limits = (
            allotment.share,
            allotment.cap_per_month,
            None if part is None else self.size * part // 100,
        )
        return min((limit for limit in limits if limit is not None), default=None)

    # ------------------------------------------------------------ what is asked

    def manage(self, command: PoolCommand, *, is_right: bool) -> None:
        outcome = self.core.manage(command)
        assert (outcome == PoolDone(self.pool)) is is_right, outcome
        self.look()

    def ask(self, one: Running, command: ChargingCommand) -> None:
        """Say something for a session, and see that it draws no more than its line may."""
        quotas = {quota.id for quota in self.core.quotas.values() if quota.session == one.session}
        book = self.core.book()
        drawn = self.drawn_by(one.who)
        held = sum(h.amount for h in book.holds.values() if self.is_of(h.cause, one.who, h.holder))
        first = len(self.core.books.transfers)
        self.core.ask(command)
        beyond = sum(
            t.amount
            for t in self.core.books.transfers[first:]
            if t.source == self.pool and t.hold is None
        )
        self.look(fresh=frozenset(quotas))
        book = self.core.book()
        after = sum(h.amount for h in book.holds.values() if self.is_of(h.cause, one.who, h.holder))
        mine = (h for h in book.holds.values() if h.cause in quotas and h.holder == self.pool)
        self.leave_what_is_owed({hold.allowance for hold in mine})
        if one.who not in self.members or self.members[one.who].is_paused:
            assert (beyond, max(0, after - held)) == (0, 0)
        elif (limit := self.limit(one.who)) is not None:
            assert self.drawn_by(one.who) <= max(limit, drawn)

    def leave_what_is_owed(self, granted: set[AllowanceId]) -> None:
        """Of whatever is granted, so much is free as is owed to those who have left."""
        book = self.core.book()
        for one in self.core.contributions.get(self.pool, ()):
            if one.is_owed and one.allowance in granted:
                bucket = book.bucket(self.pool, one.allowance)
                assert bucket is not None
                assert bucket.available >= one.amount

    def is_of(self, cause: bytes, who: int, holder: HolderId) -> bool:
        quota = self.core.quotas.get(cause)  # type: ignore[call-overload] # of any cause
        return holder == self.pool and quota is not None and quota.line == self.lines[who]

    def drawn_by(self, who: int) -> int:
        """What a member has used of the pool since it joined, and what is set aside for it."""
        return self.drawn[who] + sum(
            hold.amount
            for hold in self.core.book().holds.values()
            if self.is_of(hold.cause, who, hold.holder) and hold.id not in self.before_it_joined
        )

    def look(self, fresh: frozenset[bytes] = frozenset()) -> None:
        """Tell the model what was used and what went back."""
        transfers = self.core.books.transfers
        for t in transfers[self.seen :]:
            if t.source in self.pools and t.kind is TransferKind.USE:
                self.put[t.source, t.allowance].use(t.amount)
                who = self.lines.index(self.core.quotas[t.cause].line)
                if t.source == self.pool and t.hold not in self.before_it_joined:
                    self.drawn[who] += t.amount
            elif t.source in self.pools and t.target in self.lines:
                self.put[t.source, t.allowance].owed[self.lines.index(t.target)] -= t.amount
                if t.source == self.pool:
                    self.size -= t.amount
        self.seen = len(transfers)
        self.before_it_joined -= {
            hold.id for hold in self.core.book().holds.values() if hold.cause in fresh
        }

    def settled(self, pool: PoolId) -> None:
        for (inside, _), put in self.put.items():
            put.settled += inside == pool

    # ------------------------------------------------------------ what they do

    @rule(
        who=st.integers(0, PEOPLE - 1),
        amount=st.sampled_from([1, 7, 20 * MB + 1, 60 * MB + 5, 120 * MB]),
        which=st.integers(0, 2),
    )
    def fill(self, who: int, amount: int, which: int) -> None:
        """Put in something that others have too, or what lasts for some hours."""
        if which < len(self.common):
            allowance = self.common[which].id
            self.core.books.issue(self.core.now, self.lines[who], self.common[which], amount)
        else:
            ends = self.core.now + timedelta(hours=30)
            allowance = self.core.give(self.lines[who], amount, ends=ends)
        command = FillPool(
            person=self.people[who],
            line=self.lines[who],
            pool=self.pool,
            unit=Unit.DATA,
            amount=amount,
        )
        is_right = who == 0 or who in self.members
        book = self.core.book()
        taken = {b.allowance: b.available for b, _ in book.holdings(self.lines[who], Unit.DATA)}
        self.settled(self.pool)
        self.manage(command, is_right=is_right)
        if not is_right:
            return
        self.size += amount
        book = self.core.book()
        for name, before in taken.items():
            bucket = book.bucket(self.lines[who], name)
            gone = before - (bucket.available if bucket else 0)
            if gone:
                parts = self.put.setdefault((self.pool, name), Put()).parts
                parts[who] = parts.get(who, Fraction(0)) + gone
        assert allowance in taken

    @rule(who=st.integers(0, PEOPLE - 1), which=st.integers(0, 2 * len(ALLOTMENTS) - 1))
    def join(self, who: int, which: int) -> None:
        joining = JoinPool(
            person=self.people[who], line=self.lines[who], invitation=self.invitations[which]
        )
        is_right = who not in self.members
        self.manage(joining, is_right=is_right)
        if is_right:
            self.members[who] = ALLOTMENTS[which // 2]
            self.managers |= {who} if which % 2 else set()
            self.drawn[who] = 0
            self.before_it_joined |= {
                hold.id
                for hold in self.core.book().holds.values()
                if self.is_of(hold.cause, who, hold.holder)
            }

    @rule(
        who=st.integers(0, PEOPLE - 1),
        whose=st.integers(0, PEOPLE - 1),
        which=st.integers(0, len(ALLOTMENTS) - 1),
        as_manager=st.booleans(),
    )
    def change(self, who: int, whose: int, which: int, *, as_manager: bool) -> None:
        change = ChangeMember(
            person=self.people[who],
            pool=self.pool,
            line=self.lines[whose],
            allotment=ALLOTMENTS[which],
            role=Role.MANAGER if as_manager else Role.MEMBER,
        )
        keeps_role = (whose in self.managers) is as_manager
        is_right = self.decides_on(who, whose) and (who == 0 or keeps_role)
        self.manage(change, is_right=is_right)
        if is_right:
            self.members[whose] = ALLOTMENTS[which]
            self.managers = self.managers - {whose} | ({whose} if as_manager else set())

    @rule(who=st.integers(0, PEOPLE - 1), whose=st.integers(0, PEOPLE - 1))
    def remove(self, who: int, whose: int) -> None:
        """Somebody removes a member, or leaves."""
        removal = RemoveMember(person=self.people[who], pool=self.pool, line=self.lines[whose])
        leaves = who == whose and who in self.members and who != 0
        stays = who == whose == 0
        is_right = leaves or (self.decides_on(who, whose) and not stays)
        if is_right:
            self.let_go(whose)
        self.manage(removal, is_right=is_right)

    def let_go(self, *gone: int) -> None:
        self.settled(self.pool)
        for who in gone:
            self.members.pop(who, None)
            self.managers.discard(who)
            for (pool, _), put in self.put.items():
                if pool == self.pool:
                    put.leave(who)

    @precondition(lambda self: len(self.pools) < 6)
    @rule()
    def close(self) -> None:
        """It is closed, and another one opened: sessions still use what was granted of it."""
        closing = ClosePool(person=self.people[0], pool=self.pool)
        self.let_go(*range(PEOPLE))
        self.manage(closing, is_right=True)
        self.open_pool()

    @rule()
    def settle(self) -> None:
        for pool in self.pools:
            self.settled(pool)
            assert self.core.manage(SettlePool(pool=pool)) == PoolDone(pool)
        self.look()

    @rule(who=st.integers(0, PEOPLE - 1))
    def begin(self, who: int) -> None:
        if len(self.running) < 8:
            one = Running(session_of(next(self.names)), who)
            self.running.append(one)
            self.ask(one, opened(self.lines[who], one.session, (INTERNET, 0), sequence=1))

    @rule(which=st.integers(0, 7), part=st.sampled_from([0, 1, 2, 3]), ends=st.booleans())
    def report(self, which: int, part: int, *, ends: bool) -> None:
        """A session reports nothing, a part or all of what is set aside for it, or more."""
        if not self.running:
            return
        one = self.running[which % len(self.running)]
        quotas = [q for q in self.core.quotas.values() if q.session == one.session]
        aside = sum(quota.outstanding for quota in quotas)
        amount = (0, aside // 3, aside, aside + 3 * MB + 1)[part]
        used = [Usage(INTERNET, amount, self.core.now)]
        line, number = self.lines[one.who], next(self.names) + 1
        if ends:
            self.running.remove(one)
            self.ask(one, ended(line, one.session, used=used, sequence=number))
        else:
            wanted = [(INTERNET, 0)]
            command = updated(line, one.session, used=used, wanted=wanted, sequence=number)
            self.ask(one, command)

    @rule(minutes=st.sampled_from([5, 40, 200]))
    def wait(self, minutes: int) -> None:
        self.core.now = min(self.core.now + timedelta(minutes=minutes), MONTH_ENDS - timedelta(1))

    # ------------------------------------------------------------ what always holds

    @invariant()
    def what_remains_is_everybodys_part(self) -> None:
        """Together it is all there is; each is exact, but for what rounding may have added."""
        book = self.core.book()
        for pool in self.pools:
            known = settle(
                self.core.contributions.get(pool, ()),
                lambda name, pool=pool: (  # type: ignore[misc] # it is called at once
                    0
                    if book.allowances[name].is_over(book.at)
                    else sum(b.balance for b in [book.bucket(pool, name)] if b is not None)
                ),
            )
            for bucket in book.buckets_of(pool):
                if book.allowances[bucket.allowance].is_over(book.at):
                    continue
                mine = [one for one in known if one.allowance == bucket.allowance]
                assert sum(one.amount for one in mine) == bucket.balance
                put = self.put[pool, bucket.allowance]
                for one in mine:
                    exact = (put.owed if one.is_owed else put.parts)[self.lines.index(one.line)]
                    assert abs(one.amount - exact) <= put.settled + 1

    @invariant()
    def what_a_closed_pool_still_has_is_set_aside(self) -> None:
        """Once it is settled, and nothing has been freed since."""
        book = self.core.book()
        for pool in self.pools:
            if self.core.pools[pool].closed_at is not None:
                self.core.manage(SettlePool(pool=pool))
                self.settled(pool)
        self.look()
        book = self.core.book()
        for pool in self.pools:
            if self.core.pools[pool].closed_at is not None:
                assert all(
                    bucket.balance == bucket.held
                    for bucket in book.buckets_of(pool)
                    if not book.allowances[bucket.allowance].is_over(book.at)
                )
