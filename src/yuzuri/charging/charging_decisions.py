"""What a network is granted, and who pays for what it reports. No I/O.

A report is paid by what was set aside for it, as far as that may still pay for the moment of the
use; what goes beyond it by what else may pay; the rest is unpaid. Then all that is left of the
grant is returned, and what is wanted is granted anew. A decision changes the facts as it goes, and
refuses only before it has changed any.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import assert_never
from zoneinfo import ZoneInfo

from yuzuri.charging.charging_facts import ChargingFacts, UseNotice
from yuzuri.charging.rating import RatingGroup, last_instant, may_pay, usable_until
from yuzuri.charging.sessions import (
    Charged,
    ChargeEvent,
    ChargingCommand,
    ChargingOutcome,
    EndSession,
    Grant,
    GrantResult,
    OpenSession,
    Quota,
    Session,
    UpdateSession,
    Usage,
    Wanted,
)
from yuzuri.kernel.errors import Code, Refusal
from yuzuri.kernel.ids import HolderId, HoldId, Id, SessionId, home_of, in_home
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.ledger.allowances import Allowance
from yuzuri.ledger.book import Bucket, Hold
from yuzuri.ledger.changes import (
    HOUSE,
    USE_SETTLEMENT,
    House,
    OpenHold,
    ReleaseHold,
    Transfer,
    TransferKind,
)

QUOTA = {Unit.DATA: 50_000_000, Unit.VOICE: 60, Unit.SMS: 1}
"""What is granted where the network asks for less: a balance between traffic and idle holds."""

GRANT_MAX = 2**31 - 1
"""Networks exist that count a grant in 31 bits."""

VALIDITY = timedelta(minutes=30)
"""How long a grant may be used at most."""

_REPORT_DELAY = timedelta(minutes=10)
"""How long a report of what was used in time may be on its way."""

_HOLD_LIFE = USE_SETTLEMENT
"""Longer than needed, so that a running session need not prolong its holds at each report."""

_SECOND = timedelta(seconds=1)

_Payer = tuple[Bucket, Allowance, bool]
"""A bucket that may pay, on what terms, and whether it is a pool's."""


def decide_charging(facts: ChargingFacts, command: ChargingCommand) -> ChargingOutcome:
    """Decide a command about charging."""
    match command:
        case OpenSession():
            return _open(facts, command)
        case UpdateSession():
            session = _running(facts, command)
            return _NOT_RUNNING if session is None else _update(facts, session, command)
        case EndSession():
            session = _running(facts, command)
            return _NOT_RUNNING if session is None else _end(facts, session, command)
        case ChargeEvent():
            return _charge_event(facts, command)
        case _:
            assert_never(command)


_NOT_RUNNING = Refusal(Code.CHARGING_SESSION_UNKNOWN)


def _running(facts: ChargingFacts, command: UpdateSession | EndSession) -> Session | None:
    """Return the session, if it runs and whoever reports to it is who opened it."""
    session = facts.sessions.get(command.session)
    if (
        session is None
        or session.ended_at is not None
        or session.line != command.line
        or session.network_function != command.network_function
    ):
        return None
    return session


def _open(facts: ChargingFacts, command: OpenSession) -> ChargingOutcome:
    line = facts.lines.get(command.line)
    if line is None:
        return Refusal(Code.LINE_UNKNOWN)
    session = facts.sessions.get(command.session)
    if session is None:
        session = Session(
            id=command.session,
            line=command.line,
            operator=line.operator,
            network_function=command.network_function,
            notify_uri=command.notify_uri,
            country=command.country or facts.profiles[line.operator].country,
            first_sequence=command.sequence,
            opened_at=facts.at,
        )
        facts.sessions[session.id] = facts.changed_sessions[session.id] = session
    elif session.ended_at is not None:
        return _NOT_RUNNING
    return Charged(_grant(facts, session, {}, command.wanted))


def _update(facts: ChargingFacts, session: Session, command: UpdateSession) -> Charged:
    meters = _report(facts, session, command.sequence, command.used)
    # What was reported was used where the phone has been.
    if command.country is not None and command.country != session.country:
        session.country = command.country
        facts.changed_sessions[session.id] = session
    return Charged(_grant(facts, session, meters, command.wanted))


def _end(facts: ChargingFacts, session: Session, command: EndSession) -> Charged:
    meters = _report(facts, session, command.sequence, command.used)
    for number, quota in facts.quotas.get(session.id, {}).items():
        meter = meters.get(number)
        (meter or _Meter(facts, session, quota)).stop()
        quota.is_waiting = False
    session.ended_at = facts.at
    facts.changed_sessions[session.id] = session
    return Charged()


def _charge_event(facts: ChargingFacts, command: ChargeEvent) -> ChargingOutcome:
    line = facts.lines.get(command.line)
    if line is None:
        return Refusal(Code.LINE_UNKNOWN)
    group = facts.rating.find(command.rating_group)
    if group is None or not group.counted:
        result = GrantResult.UNRATED if group is None else GrantResult.NOT_COUNTED
        return Charged((Grant(command.rating_group, result),))
    session = Session(
        id=command.event,
        line=command.line,
        operator=line.operator,
        network_function=command.network_function,
        notify_uri=None,
        country=command.country or facts.profiles[line.operator].country,
        first_sequence=0,
        opened_at=facts.at,
        ended_at=facts.at,
    )
    meter = _Meter(facts, session, _new_quota(session, command.rating_group, group.unit, facts.at))
    if not command.has_happened:
        payable = meter.payable(facts.at)
        if payable < command.amount:
            left = {
                "available": Quantity(payable, group.unit),
                "amount": Quantity(command.amount, group.unit),
            }
            return Refusal(Code.BALANCE_NOT_ENOUGH, left)
    facts.sessions[session.id] = facts.changed_sessions[session.id] = session
    facts.quotas[session.id] = {command.rating_group: meter.quota}
    meter.pay_beyond(command.amount, facts.at)
    meter.quota.overrun = meter.quota.unpaid  # what is paid at once went beyond no grant
    meter.finish()
    return Charged((Grant(command.rating_group, GrantResult.GRANTED, command.amount),))


def _report(
    facts: ChargingFacts, session: Session, sequence: int, used: Sequence[Usage]
) -> dict[int, "_Meter"]:
    """Let pay for what was used; returns the meters of what was reported."""
    meters: dict[int, _Meter] = {}
    new: dict[int, bool] = {}
    for usage in used:
        number = usage.rating_group
        group = facts.rating.find(number)
        if group is None or not group.counted:
            continue
        meter = meters.get(number)
        if meter is None:
            meter = meters[number] = _meter(facts, session, number, group.unit)
            new[number] = _is_new(meter.quota, session, sequence)
        if new[number] and usage.amount:
            meter.pay(usage)
    return meters


def _grant(
    facts: ChargingFacts,
    session: Session,
    meters: dict[int, "_Meter"],
    wanted: Sequence[Wanted],
) -> tuple[Grant, ...]:
    """Return what is left of what was granted, and grant what is wanted."""
    grants = []
    for want in wanted:
        group = facts.rating.find(want.rating_group)
        if group is None or not group.counted:
            result = GrantResult.UNRATED if group is None else GrantResult.NOT_COUNTED
            grants.append(Grant(want.rating_group, result))
            continue
        meter = meters.pop(want.rating_group, None)
        if meter is None:
            meter = _meter(facts, session, want.rating_group, group.unit)
        meter.give_back()
        grants.append(meter.grant(max(want.amount, QUOTA[group.unit])))
        meter.finish()
    for meter in meters.values():  # reported, and not wanted again
        meter.stop()
    return tuple(grants)


def _is_new(quota: Quota, session: Session, sequence: int) -> bool:
    """Tell whether a message has not reported here yet, by its number.

    Where numbers do not rise above that of the first message they say nothing; there a repeat is
    known by its content alone, before it comes here. One that is 63 behind counts as seen.
    """
    if sequence <= 0:
        return True
    ahead = sequence - quota.sequence
    if ahead > 0:
        quota.seen = (quota.seen << ahead | 1) & _SEEN if ahead < _WINDOW else 1
        quota.sequence = sequence
        return True
    is_stuck = quota.sequence <= session.first_sequence
    if -ahead >= _WINDOW:
        return is_stuck
    bit = 1 << -ahead
    is_first = not quota.seen & bit
    quota.seen |= bit
    return is_stuck or is_first


_WINDOW = 63
_SEEN = (1 << _WINDOW) - 1


def _meter(facts: ChargingFacts, session: Session, number: int, unit: Unit) -> "_Meter":
    quotas = facts.quotas.setdefault(session.id, {})
    quota = quotas.get(number)
    if quota is None:
        quota = quotas[number] = _new_quota(session, number, unit, facts.at)
    return _Meter(facts, session, quota)


def _new_quota(session: Session, number: int, unit: Unit, at: datetime) -> Quota:
    return Quota(
        id=quota_id(session.id, number),
        session=session.id,
        rating_group=number,
        line=session.line,
        unit=unit,
        reported_at=at,
        sequence=session.first_sequence,
        is_new=True,
    )


def quota_id(session: SessionId, rating_group: int) -> Id:
    """Name the quota of a rating group in a session: the cause of its holds and transfers."""
    named = blake2b(session + rating_group.to_bytes(4), digest_size=16)
    return in_home(named.digest(), home_of(session))


def _forgotten(quota: Quota) -> RatingGroup:
    """Return what stands for a rating group that was in the table when its quota began."""
    number = quota.rating_group
    return RatingGroup(first=number, last=number, name="", unit=quota.unit)


def _hold_id(quota: Id, bucket: Bucket) -> HoldId:
    named = blake2b(quota + bucket.holder + bucket.allowance, digest_size=16)
    return HoldId(Id(named.digest()))


class _Meter:
    """One rating group of a session while a command is decided."""

    def __init__(self, facts: ChargingFacts, session: Session, quota: Quota) -> None:
        self.quota = quota
        self._facts = facts
        self._book = facts.book
        self._session = session
        self._group = facts.rating.find(quota.rating_group) or _forgotten(quota)
        self._member = facts.pools.members.get(session.line)
        if self._member is not None:
            facts.pools.size_of(self._member.pool)  # in a new month, before anything is used of it
        self._used_own = 0
        self._aside = self._open_holds()
        """What is set aside for the quota, in the order in which it pays."""
        self._lasted: dict[HoldId, datetime] = {}
        """Until when what this command has ended was set aside."""
        self._settle_lapsed()

    # ------------------------------------------------------------ what was used

    def pay(self, usage: Usage) -> None:
        """Take what was used from what was set aside for it, and beyond that from what is left."""
        at = last_instant(usage.since, min(usage.until, self._book.at))
        country = usage.country or self._session.country
        left = usage.amount
        for hold in tuple(self._aside):
            if not left:
                return
            allowance = self._book.allowances[hold.allowance]
            in_time = hold.holder == self._session.line or self._is_in_time(at)
            if in_time and may_pay(allowance, self._group, self._facts.profiles, country, at):
                taken = min(left, hold.amount)
                if taken == hold.amount:
                    self._lasted[hold.id] = hold.expires_at
                    self._aside.remove(hold)
                self._use(hold.holder, allowance, taken, hold.id)
                if hold.holder != self._session.line:
                    self.quota.from_pool -= taken
                left -= taken
        if left:
            self.pay_beyond(left, at, country)

    def pay_beyond(self, amount: int, at: datetime, country: str | None = None) -> None:
        """Take what no grant covered from what may pay for its moment; the rest is unpaid."""
        quota, left = self.quota, amount
        quota.overrun += amount
        for bucket, allowance, is_pool in self._payers(at, country or self._session.country):
            room = self._room(bucket, is_pool=is_pool)
            taken = min(left, room)
            if taken <= 0:
                continue
            quota.granted += taken
            if is_pool:
                self._count_in_pool(taken)
                quota.pool = bucket.holder
            self._use(bucket.holder, allowance, taken, None)
            left -= taken
        quota.unpaid += left

    def payable(self, at: datetime) -> int:
        """Return how much could be paid at once."""
        total, room = 0, self._pool_room()
        for bucket, _, is_pool in self._payers(at, self._session.country):
            amount = self._free(bucket)
            if is_pool and room is not None:
                amount = min(amount, room)
                room -= amount
            total += amount
        return total

    def _use(
        self, holder: HolderId, allowance: Allowance, amount: int, hold: HoldId | None
    ) -> None:
        self._book.apply(
            (
                Transfer(
                    allowance=allowance.id,
                    source=holder,
                    target=HOUSE[House.USED],
                    amount=amount,
                    kind=TransferKind.USE,
                    cause=self.quota.id,
                    hold=hold,
                    keep_rest=True,
                ),
            )
        )
        self.quota.used += amount
        if holder == self._session.line:
            self._used_own += amount

    # ------------------------------------------------------------ what is granted

    def give_back(self) -> int:
        """Free all that is still set aside; returns how much that was."""
        freed = 0
        for hold in self._aside:
            freed += hold.amount
            if hold.holder != self._session.line:
                self._give_back_to_pool(hold.amount)
            self._lasted[hold.id] = hold.expires_at
            self._book.apply((ReleaseHold(id=hold.id),))
        self._aside = []
        self.quota.returned += freed
        return freed

    def grant(self, wanted: int) -> Grant:
        """Set aside what is wanted, as far as it is there, until who may pay would change."""
        quota, at = self.quota, self._book.at
        opens = self._opens_next()
        ends = at + VALIDITY if opens is None else min(at + VALIDITY, opens)
        left, granted, has_more = min(wanted, GRANT_MAX), 0, False
        for bucket, allowance, is_pool in self._payers(at, self._session.country):
            until = self._granted_until(allowance, is_pool=is_pool)
            if until is not None and until - at < _SECOND:
                continue  # networks count whole seconds
            amount = min(left, self._room(bucket, is_pool=is_pool))
            if amount > 0:
                self._set_aside(bucket, amount, is_pool=is_pool)
                granted += amount
                left -= amount
                ends = ends if until is None else min(ends, until)
            has_more = has_more or self._room(bucket, is_pool=is_pool) > 0
        quota.is_waiting = not has_more
        if quota.is_waiting and opens is not None:
            wake_at = self._facts.wake_at
            wake_at[self._session.id] = min(opens, wake_at.get(self._session.id, opens))
        if not granted:
            return Grant(quota.rating_group, GrantResult.LIMIT_REACHED)
        validity_s = max(1, int((ends - at).total_seconds()))
        return Grant(
            quota.rating_group, GrantResult.GRANTED, granted, validity_s, is_final=not has_more
        )

    def _set_aside(self, bucket: Bucket, amount: int, *, is_pool: bool) -> None:
        quota, at = self.quota, self._book.at
        hold = _hold_id(quota.id, bucket)
        lasts = self._lasted.get(hold)
        if lasts is None or lasts < at + VALIDITY + _REPORT_DELAY:
            lasts = at + _HOLD_LIFE
        self._book.apply(
            (
                OpenHold(
                    id=hold,
                    holder=bucket.holder,
                    allowance=bucket.allowance,
                    amount=amount,
                    cause=quota.id,
                    expires_at=lasts,
                ),
            )
        )
        quota.granted += amount
        if is_pool:
            self._count_in_pool(amount)
            quota.from_pool += amount
            quota.pool = bucket.holder

    def stop(self) -> None:
        """Give back what is left, as nothing is wanted for now.

        Whoever was at the last of it still waits: networks ask no more after a final unit.
        """
        if self.give_back():
            self._facts.credited.add(self._session.line)
        self.finish()

    def finish(self) -> None:
        """Mark what has changed, and see whether a counter has reached a part of a hundred."""
        facts, quota = self._facts, self.quota
        quota.reported_at = self._book.at
        facts.changed_quotas[quota.id] = quota
        if self._used_own:
            self._count()

    # ------------------------------------------------------------ who pays

    def _payers(self, at: datetime, country: str) -> list[_Payer]:
        """Return what may pay for a moment and is not over now, in the order in which it does."""
        book, line = self._book, self._session.line
        payers = [
            (bucket, allowance, owner != line)
            for owner in self._owners(at)
            for bucket in book.buckets_of(owner)
            if bucket.balance > bucket.held
            and not (allowance := book.allowances[bucket.allowance]).is_over(book.at)
            and may_pay(allowance, self._group, self._facts.profiles, country, at)
        ]
        if len(payers) > 1:
            pool_first = self._is_pool_first
            payers.sort(key=lambda p: (p[2] is not pool_first, *_paying_order(p[1])))
        return payers

    def _open_holds(self) -> list[Hold]:
        holds = self._book.open_holds(self.quota.id)
        if len(holds) > 1:
            line, allowances = self._session.line, self._book.allowances
            pool_first = self._is_pool_first
            holds.sort(
                key=lambda h: (
                    (h.holder != line) is not pool_first,
                    *_paying_order(allowances[h.allowance]),
                )
            )
        return holds

    def _owners(self, at: datetime) -> tuple[HolderId, ...]:
        """Return the line, and the pool that it may draw on now and might at a moment."""
        line, member = self._session.line, self._member
        if member is None or not (member.may_act(self._book.at) and member.may_act(at)):
            return (line,)
        return line, member.pool

    def _opens_next(self) -> datetime | None:
        """Return when next something may pay that may not now."""
        book, at, country = self._book, self._book.at, self._session.country
        opening = [
            opens
            for owner in self._owners(at)
            for bucket in book.buckets_of(owner)
            if (allowance := book.allowances[bucket.allowance]).hours is not None
            and bucket.balance > bucket.held
            and not allowance.hours.contains(at)
            and may_pay(
                allowance,
                self._group,
                self._facts.profiles,
                country,
                opens := allowance.hours.next_since(at),
            )
        ]
        member = self._member
        if member is not None and member.since is not None and at < member.since:
            opening.append(member.since)
        return min(opening, default=None)

    # ------------------------------------------------------------ pools

    @property
    def _is_pool_first(self) -> bool:
        return self._member is not None and self._member.allotment.pool_first

    def _is_in_time(self, at: datetime) -> bool:
        """Tell whether what was set aside of a pool may pay for a moment: not after the last."""
        member = self._member
        return member is None or member.until is None or at < member.until

    def _granted_until(self, allowance: Allowance, *, is_pool: bool) -> datetime | None:
        until = usable_until(allowance, self._book.at)
        last = self._member.until if is_pool and self._member is not None else None
        if until is None or last is None:
            return until or last
        return min(until, last)

    def _free(self, bucket: Bucket) -> int:
        """Return what of a bucket is neither set aside nor owed to a line that has left."""
        if bucket.holder == self._session.line:
            return bucket.available
        owed = self._facts.pools.owed(bucket.holder, bucket.allowance)
        return max(0, bucket.available - owed)

    @property
    def _timezone(self) -> ZoneInfo:
        return self._facts.profiles[self._session.operator].zone

    def _room(self, bucket: Bucket, *, is_pool: bool) -> int:
        room = self._pool_room() if is_pool else None
        return self._free(bucket) if room is None else min(self._free(bucket), room)

    def _pool_room(self) -> int | None:
        if self._member is None:
            return None
        size = self._facts.pools.size_of(self._member.pool)
        return self._member.may_take(self._group.unit, self._book.at, self._timezone, size)

    def _count_in_pool(self, amount: int) -> None:
        member = self._member
        assert member is not None
        member.take(self._group.unit, amount, self._book.at, self._timezone)
        self._facts.changed_members[member.line] = member

    def _give_back_to_pool(self, amount: int) -> None:
        self.quota.from_pool -= amount
        member, taken_at = self._member, self.quota.reported_at
        if member is None or member.pool != self.quota.pool:  # it has left
            return
        if member.joined_at <= taken_at:  # what it took before it came back counts no more
            member.give_back(self._group.unit, amount, taken_at, self._timezone)
            self._facts.changed_members[member.line] = member

    # ------------------------------------------------------------ what time and use leave

    def _settle_lapsed(self) -> None:
        """Count as returned what was set aside until it ran out."""
        quota = self.quota
        if not quota.outstanding:
            return
        holds = self._aside
        quota.returned += quota.outstanding - sum(hold.amount for hold in holds)
        if quota.from_pool:
            of_pool = sum(hold.amount for hold in holds if hold.holder == quota.pool)
            if quota.from_pool != of_pool:
                self._give_back_to_pool(quota.from_pool - of_pool)

    def _count(self) -> None:
        """Add what the line has used of its own, and tell where that reaches 80 or 100 %."""
        facts, session, unit = self._facts, self._session, self._group.unit
        use = facts.use_of(session.line, unit, session.operator)
        use.used += self._used_own
        self._used_own = 0
        left = sum(
            bucket.balance
            for bucket in self._book.buckets_of(session.line)
            if (allowance := self._book.allowances[bucket.allowance]).unit is unit
            and not allowance.is_over(self._book.at)
        )
        percent = use.used * 100 // (use.used + left)
        reached = 100 if not left else 80 if percent >= 80 else 0
        if reached != use.reached:
            facts.counters.add(session.line)
        if reached > use.reached:
            facts.notices.append(UseNotice(session.line, unit, use.cycle_start, reached))
        use.reached = reached
        facts.changed_uses[session.line, unit] = use


def _paying_order(allowance: Allowance) -> tuple[bool, float, bool, datetime, Id]:
    """Sort what ends soonest first; then what is for these hours only; then what came first."""
    ends = allowance.expires_at
    return (
        ends is None,
        ends.timestamp() if ends else 0.0,
        allowance.hours is None,
        allowance.issued_at,
        allowance.id,
    )
