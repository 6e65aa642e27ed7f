"""The pure core of charging on rows that are dicts: loaded, decided, kept, without a database.

What a real database is asked to keep is all that is kept here, so that a change that a decision
makes and does not list is lost here too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import NamedTuple, TypeVar

import msgspec
from msgspec.structs import replace
from tests.ids import numbered
from tests.ledger.core import Rows
from tests.model.world import operator

from yuzuri.charging.charging_decisions import decide_charging
from yuzuri.charging.charging_facts import ChargingFacts, LineUse, UseNotice
from yuzuri.charging.rating import RatingGroup, RatingTable
from yuzuri.charging.sessions import (
    Charged,
    ChargeEvent,
    ChargingCommand,
    ChargingOutcome,
    EndSession,
    Grant,
    OpenSession,
    Quota,
    Session,
    UpdateSession,
    Usage,
    Wanted,
)
from yuzuri.kernel.calendar import DailyWindow, day_start, month_start
from yuzuri.kernel.ids import (
    HOME,
    AllowanceId,
    HolderId,
    Home,
    Id,
    InvitationId,
    PersonId,
    PoolId,
    PurchaseId,
    SessionId,
)
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.allowances import Allowance, Source
from yuzuri.ledger.book import Book
from yuzuri.operators.profile import Profile
from yuzuri.operators.profiles import Profiles
from yuzuri.sharing.pool_decisions import apply_pool_decision, decide_pool
from yuzuri.sharing.pool_facts import PoolFacts
from yuzuri.sharing.pools import (
    Allotment,
    Contribution,
    Invitation,
    Member,
    Pool,
    PoolCommand,
    PoolOutcome,
)
from yuzuri.subscribers.lines import Line

OPERATOR = "tokyo"
"""At home in Japan, with a zone of neighbours, and free data at night."""

TOKYO = "Asia/Tokyo"
NIGHT = (time(23), time(6))


def tokyo() -> Profile:
    return replace(
        operator(OPERATOR, country="JP"), timezone=TOKYO, zones={"neighbours": ("KR", "TW")}
    )


PROFILES = Profiles({OPERATOR: tokyo()})

INTERNET, TETHERING, HELP, TRAVEL, CALLS, MESSAGES, UNKNOWN = 1, 110, 100, 120, 200, 300, 999
"""Rating groups: what is shipped, one for travel data alone, and one that is in no table."""

RATING = RatingTable(
    (
        RatingGroup(first=1, last=99, name="internet", unit=Unit.DATA),
        RatingGroup(first=100, last=109, name="help", unit=Unit.DATA, counted=False),
        RatingGroup(first=110, last=119, name="tethering", unit=Unit.DATA, limited=False),
        RatingGroup(first=120, last=129, name="travel", unit=Unit.DATA, zones=("neighbours",)),
        RatingGroup(first=200, last=249, name="calls", unit=Unit.VOICE),
        RatingGroup(first=300, last=349, name="messages", unit=Unit.SMS),
    )
)

NETWORK = "smf"

Row = TypeVar("Row", bound=msgspec.Struct)


class Told(NamedTuple):
    """A message as it was sent, by the name under which it happens once."""

    key: str
    command: ChargingCommand


def line_of(number: int, home: Home = HOME) -> HolderId:
    return HolderId(numbered(200 + number, home))


def pool_of(number: int) -> PoolId:
    return PoolId(HolderId(numbered(250 + number)))


def session_of(number: int, home: Home = HOME) -> SessionId:
    return SessionId(numbered(5_000 + number, home))


@dataclass
class CoreCharging:
    """Lines with what they have and their sessions, as rows that are kept between groups."""

    now: datetime
    profiles: Profiles = field(default_factory=lambda: PROFILES)
    rating: RatingTable = RATING
    books: Rows = field(default_factory=lambda: Rows(1))
    lines: dict[HolderId, Line] = field(default_factory=dict)
    sessions: dict[SessionId, Session] = field(default_factory=dict)
    quotas: dict[Id, Quota] = field(default_factory=dict)
    members: dict[HolderId, Member] = field(default_factory=dict)
    pools: dict[PoolId, Pool] = field(default_factory=dict)
    contributions: dict[PoolId, Sequence[Contribution]] = field(default_factory=dict)
    invitations: dict[InvitationId, Invitation] = field(default_factory=dict)
    uses: dict[tuple[HolderId, Unit], LineUse] = field(default_factory=dict)
    notices: list[UseNotice] = field(default_factory=list)
    credited: set[HolderId] = field(default_factory=set)
    """As the last group has told."""
    wakes: dict[SessionId, datetime] = field(default_factory=dict)
    """As the last group has told."""
    answers: dict[str, tuple[ChargingCommand, ChargingOutcome]] = field(default_factory=dict)
    issued: int = 0

    def add_line(self, number: int, name: str = OPERATOR) -> HolderId:
        line = line_of(number)
        person = PersonId(numbered(100 + number))
        self.lines[line] = Line(
            id=line,
            person=person,
            operator=name,
            plan="plan",
            number=f"+81{number:010}",
            label="a line",
            activated_at=self.now,
        )
        return line

    def join(self, line: HolderId, pool: PoolId, **terms: int | bool | None) -> None:
        zone = self.profiles[self.lines[line].operator].zone
        day, month = day_start(self.now, zone), month_start(self.now, zone)
        self.members[line] = Member(
            line=line,
            pool=pool,
            joined_at=self.now,
            day=day,
            month=month,
            allotment=msgspec.convert(terms, Allotment),
        )

    def allot(self, line: HolderId, **terms: int | bool | None) -> None:
        """Let a member draw in this way from now on."""
        member = self.members[line]
        allotment = msgspec.structs.replace(member.allotment, **terms)
        self.members[line] = msgspec.structs.replace(member, allotment=allotment)

    def give(
        self,
        holder: HolderId,
        amount: int,
        *,
        unit: Unit = Unit.DATA,
        zone: str = "JP",
        ends: datetime | None = None,
        hours: tuple[time, time] | None = None,
        source: Source = Source.BASE,
        timezone: str = TOKYO,
    ) -> AllowanceId:
        """Issue something new to a line or a pool."""
        self.issued += 1
        name = AllowanceId(numbered(300 + self.issued))
        terms = Allowance(
            id=name,
            unit=unit,
            operator=OPERATOR,
            plan="plan",
            zone=zone,
            source=source,
            paid=source is Source.BOUGHT,
            issued_at=self.now,
            expires_at=ends,
            purchase=PurchaseId(name),
            hours=None if hours is None else DailyWindow(*hours, timezone),
        )
        self.books.issue(self.now, holder, terms, amount)
        return name

    # ------------------------------------------------------------ messages

    def tell(self, *told: Told) -> list[ChargingOutcome]:
        """Decide messages as one group; one that was answered before is answered the same."""
        answers = self.answers
        fresh: dict[str, ChargingCommand] = {}
        for one in told:
            known = answers[one.key][0] if one.key in answers else fresh.get(one.key)
            assert known in {None, one.command}, "a name means one message"
            if one.key not in answers:
                fresh[one.key] = one.command
        outcomes = self.ask(*fresh.values())
        for (key, command), outcome in zip(fresh.items(), outcomes, strict=True):
            answers[key] = command, outcome
        return [answers[one.key][1] for one in told]

    def ask(self, *commands: ChargingCommand) -> list[ChargingOutcome]:
        """Decide commands as one group, and keep what it changes."""
        facts = self._load(commands)
        outcomes = [decide_charging(facts, command) for command in commands]
        self._keep(facts)
        return outcomes

    def manage(self, command: PoolCommand) -> PoolOutcome:
        """Decide a command about a pool, and keep what it changes."""
        book = self.book()
        for line in self.lines:
            book.buckets.setdefault(line, {})
        facts = PoolFacts(
            book,
            self.profiles,
            lines=self.lines,
            pools=dict(self.pools),
            members={line: copied(member) for line, member in self.members.items()},
            invitations=dict(self.invitations),
            contributions=dict(self.contributions),
        )
        decision = decide_pool(facts, command)
        apply_pool_decision(facts, decision)
        self.books._keep(book)
        self.pools |= {pool: facts.pools[pool] for pool in facts.changed_pools}
        self.invitations |= {one: facts.invitations[one] for one in facts.changed_invitations}
        for pool in facts.changed_contributions:
            self.contributions[pool] = facts.contributions[pool]
        for line in facts.changed:
            self.members.pop(line, None)
            if line in facts.members:
                self.members[line] = facts.members[line]
        return decision.outcome

    def book(self) -> Book:
        """What everybody has now, holds that have run out being free."""
        return self.books._load(self.now, list(self.books.buckets))

    def _load(self, commands: Sequence[ChargingCommand]) -> ChargingFacts:
        named = {_session_named(command): command.line for command in commands}
        lines = set(named.values())
        members = {m.line: copied(m) for m in self.members.values() if m.line in lines}
        quotas = [quota for quota in self.quotas.values() if quota.session in named]
        pools: set[HolderId] = {member.pool for member in members.values()}
        pools |= {q.pool for q in quotas if q.pool is not None and q.from_pool}
        book = self.books._load(self.now, lines | pools)
        facts = ChargingFacts(
            book,
            self.profiles,
            self.rating,
            PoolFacts(
                book,
                self.profiles,
                members=members,
                pools=dict(self.pools),
                contributions=dict(self.contributions),
            ),
            lines={line: self.lines[line] for line in lines if line in self.lines},
        )
        for session in named.keys() & self.sessions.keys():
            facts.add_session(copied(self.sessions[session]))
        for quota in quotas:
            facts.add_quota(copied(quota, is_new=False))
        for use in self.uses.values():
            if use.line in lines:
                facts.add_use(copied(use))
        return facts

    def _keep(self, facts: ChargingFacts) -> None:
        self.books._keep(facts.book)
        self.sessions |= facts.changed_sessions
        for quota in facts.changed_quotas.values():
            assert (quota.id in self.quotas) != quota.is_new
            self.quotas[quota.id] = quota
        self.members |= facts.changed_members
        self.pools |= {pool: facts.pools.pools[pool] for pool in facts.pools.changed_pools}
        self.uses |= facts.changed_uses
        self.notices += [notice for notice in facts.notices if notice not in self.notices]
        self.credited, self.wakes = facts.credited, facts.wake_at

    # ------------------------------------------------------------ shown

    def quota(self, session: SessionId, rating_group: int = INTERNET) -> Quota:
        return next(
            quota
            for quota in self.quotas.values()
            if (quota.session, quota.rating_group) == (session, rating_group)
        )

    def left(self, holder: HolderId) -> dict[AllowanceId, tuple[int, int]]:
        """Balance and held, by allowance."""
        return {b.allowance: (b.balance, b.held) for b in self.book().buckets_of(holder)}


def copied(value: Row, **changes: object) -> Row:
    return replace(value, **changes)


def _session_named(command: ChargingCommand) -> SessionId:
    return command.event if isinstance(command, ChargeEvent) else command.session


# ---------------------------------------------------------------- what networks say


def opened(
    line: HolderId,
    session: SessionId,
    *wanted: tuple[int, int],
    sequence: int = 0,
    country: str | None = None,
) -> OpenSession:
    return OpenSession(
        session=session,
        line=line,
        network_function=NETWORK,
        notify_uri="http://127.0.0.1/notify",
        country=country,
        sequence=sequence,
        wanted=tuple(Wanted(*one) for one in wanted),
    )


def updated(
    line: HolderId,
    session: SessionId,
    *,
    used: Iterable[Usage] = (),
    wanted: Iterable[tuple[int, int]] = (),
    sequence: int = 0,
    country: str | None = None,
) -> UpdateSession:
    return UpdateSession(
        session=session,
        line=line,
        network_function=NETWORK,
        sequence=sequence,
        used=tuple(used),
        wanted=tuple(Wanted(*one) for one in wanted),
        country=country,
    )


def ended(
    line: HolderId, session: SessionId, *, used: Iterable[Usage] = (), sequence: int = 0
) -> EndSession:
    return EndSession(
        session=session,
        line=line,
        network_function=NETWORK,
        sequence=sequence,
        used=tuple(used),
    )


def event(
    line: HolderId,
    name: SessionId,
    rating_group: int = MESSAGES,
    amount: int = 1,
    *,
    has_happened: bool = False,
    country: str | None = None,
) -> ChargeEvent:
    return ChargeEvent(
        event=name,
        line=line,
        network_function=NETWORK,
        rating_group=rating_group,
        amount=amount,
        country=country,
        has_happened=has_happened,
    )


def granted(outcome: ChargingOutcome) -> Grant:
    """The one grant of an answer."""
    assert isinstance(outcome, Charged), outcome
    (grant,) = outcome.grants
    return grant
