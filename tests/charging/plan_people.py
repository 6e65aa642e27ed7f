"""A shared plan in the pure core of charging: its owner, members, and what they say and ask."""

from dataclasses import dataclass, field
from itertools import count

from tests.charging.core import (
    INTERNET,
    CoreCharging,
    ended,
    granted,
    opened,
    pool_of,
    session_of,
    updated,
)
from tests.charging.plan_machine import BEGIN, POOLED

from yuzuri.charging.sessions import Usage
from yuzuri.kernel.ids import HolderId, PersonId, PoolId, SessionId
from yuzuri.kernel.quantities import Unit
from yuzuri.sharing.pools import (
    Allotment,
    ChangeMember,
    FillPool,
    Invite,
    Invited,
    JoinPool,
    OpenPool,
    PoolCommand,
    PoolDone,
    PoolOutcome,
    RemoveMember,
)


@dataclass
class Plan:
    """An open pool; people are called by their numbers, the owner is 0."""

    core: CoreCharging = field(default_factory=lambda: CoreCharging(BEGIN, profiles=POOLED))
    pool: PoolId = field(default_factory=lambda: pool_of(0))
    names: "count[int]" = field(default_factory=lambda: count(1))
    lines: list[HolderId] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lines = [self.core.add_line(number) for number in range(4)]
        opening = OpenPool(person=self.person(0), pool=self.pool, name="us", line=self.lines[0])
        assert self.core.manage(opening) == PoolDone(self.pool)

    def person(self, who: int) -> PersonId:
        return self.core.lines[self.lines[who]].person

    def do(self, command: PoolCommand) -> None:
        assert self.core.manage(command) == PoolDone(self.pool)

    def let_in(self, who: int, allotment: Allotment) -> None:
        invited = self.core.manage(
            Invite(person=self.person(0), pool=self.pool, allotment=allotment)
        )
        assert isinstance(invited, Invited)
        line, invitation = self.lines[who], invited.invitation
        self.do(JoinPool(person=self.person(who), line=line, invitation=invitation))

    def fill(self, who: int, amount: int) -> None:
        """Put in something new that lasts for ever."""
        line = self.lines[who]
        self.core.give(line, amount)
        self.do(
            FillPool(
                person=self.person(who), line=line, pool=self.pool, unit=Unit.DATA, amount=amount
            )
        )

    def change(self, whose: int, allotment: Allotment) -> None:
        line = self.lines[whose]
        self.do(ChangeMember(person=self.person(0), pool=self.pool, line=line, allotment=allotment))

    def remove(self, whose: int, by: int = 0) -> PoolOutcome:
        return self.core.manage(
            RemoveMember(person=self.person(by), pool=self.pool, line=self.lines[whose])
        )

    # ------------------------------------------------------------ what phones say

    def begin(self, who: int, wanted: int = 0) -> tuple[SessionId, int]:
        """Open a session; returns it, and how much it is granted."""
        session = session_of(next(self.names))
        command = opened(self.lines[who], session, (INTERNET, wanted), sequence=1)
        (outcome,) = self.core.ask(command)
        return session, granted(outcome).amount

    def report(self, who: int, session: SessionId, used: int) -> int:
        """Report use and ask for more; returns how much is granted."""
        usage = [Usage(INTERNET, used, self.core.now)]
        number = next(self.names) + 1
        wanted = [(INTERNET, 0)]
        command = updated(self.lines[who], session, used=usage, wanted=wanted, sequence=number)
        (outcome,) = self.core.ask(command)
        return granted(outcome).amount

    def end(self, who: int, session: SessionId, used: int) -> None:
        usage = [Usage(INTERNET, used, self.core.now)]
        number = next(self.names) + 1
        self.core.ask(ended(self.lines[who], session, used=usage, sequence=number))

    # ------------------------------------------------------------ what there is

    def inside(self) -> int:
        return sum(bucket.balance for bucket in self.core.book().buckets_of(self.pool))

    def left(self, who: int) -> int:
        return sum(bucket.balance for bucket in self.core.book().buckets_of(self.lines[who]))

    def held(self) -> int:
        """What is set aside in the pool."""
        return sum(bucket.held for bucket in self.core.book().buckets_of(self.pool))
