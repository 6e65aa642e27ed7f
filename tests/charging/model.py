"""Charging in a few dozen lines: who pays for what, as numbers in dicts.

It knows one operator, in Japan, whose days begin at 15:00 UTC, and nothing of holds, groups or
rows: what is set aside for a quota is a list of parts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from yuzuri.charging.sessions import (
    ChargeEvent,
    ChargingCommand,
    EndSession,
    OpenSession,
    UpdateSession,
    Usage,
)
from yuzuri.kernel.ids import HolderId, SessionId

JAPAN = timedelta(hours=9)
NIGHT_HOURS = (23, 6)
HALF_HOUR = timedelta(minutes=30)
KEPT_LEAST = timedelta(minutes=40)
KEPT_MOST = timedelta(minutes=70)
SECOND = timedelta(seconds=1)
MOMENT = timedelta(microseconds=1)
LARGEST = 2**31 - 1
LEAST = {"data": 50_000_000, "voice": 60, "sms": 1}


class Counted(NamedTuple):
    """A rating group: what it counts, whether night data may pay, and which zones may."""

    unit: str
    night: bool = True
    zones: frozenset[str] = frozenset()


@dataclass
class Stock:
    """What somebody has on one set of terms; `number` says which came first."""

    owner: HolderId
    number: int
    unit: str
    zone: str
    countries: frozenset[str]
    at_night: bool
    ends: datetime | None
    left: int
    is_gone: bool = False

    def is_over(self, at: datetime) -> bool:
        return self.ends is not None and at >= self.ends

    def pays_for(self, counted: Counted, country: str, at: datetime) -> bool:
        return (
            self.unit == counted.unit
            and (counted.night or not self.at_night)
            and (not counted.zones or self.zone in counted.zones)
            and country in self.countries
            and not self.is_over(at)
            and (not self.at_night or is_night(at))
        )


@dataclass
class Part:
    """So much of a stock, set aside until an instant; `share`: where it counts as taken."""

    stock: int
    amount: int
    until: datetime
    share: "Share | None" = None


@dataclass
class Meter:
    """A rating group of a session."""

    counted: Counted
    granted: int = 0
    used: int = 0
    returned: int = 0
    unpaid: int = 0
    overrun: int = 0
    waits: bool = False
    since: datetime | None = None
    """When what is set aside now was."""
    parts: list[Part] = field(default_factory=list)
    heard: set[int] = field(default_factory=set)


@dataclass
class Talk:
    """A session."""

    line: HolderId
    first: int
    country: str
    is_over: bool = False
    meters: dict[int, Meter] = field(default_factory=dict)


@dataclass
class Share:
    """How a line draws on a pool; takings are by day and by month."""

    pool: HolderId
    cap_per_day: int | None = None
    cap_per_month: int | None = None
    pool_first: bool = False
    is_paused: bool = False
    by_day: dict[str, int] = field(default_factory=dict)
    by_month: dict[str, int] = field(default_factory=dict)

    def taken(self, at: datetime) -> tuple[int, int]:
        day, month = days_of(at)
        return self.by_day.get(day, 0), self.by_month.get(month, 0)

    def room(self, at: datetime) -> int | None:
        caps = zip((self.cap_per_day, self.cap_per_month), self.taken(at), strict=True)
        return min((max(0, cap - taken) for cap, taken in caps if cap is not None), default=None)

    def count(self, amount: int, at: datetime) -> None:
        day, month = days_of(at)
        self.by_day[day] = self.by_day.get(day, 0) + amount
        self.by_month[month] = self.by_month.get(month, 0) + amount


class Month(NamedTuple):
    """A line in a month of a unit."""

    line: HolderId
    unit: str
    name: str


class Answer(NamedTuple):
    """What a network is told of one rating group."""

    amount: int
    seconds: int
    is_final: bool


def is_night(at: datetime) -> bool:
    hour = (at + JAPAN).hour
    return hour >= NIGHT_HOURS[0] or hour < NIGHT_HOURS[1]


def next_hour(hour: int, at: datetime) -> datetime:
    """When it next is this hour in Japan."""
    local = at + JAPAN
    then = local.replace(hour=hour, minute=0, second=0, microsecond=0)
    return (then if then > local else then + timedelta(days=1)) - JAPAN


def days_of(at: datetime) -> tuple[str, str]:
    day = f"{at + JAPAN:%Y-%m-%d}"
    return day, day[:7]


@dataclass
class Model:
    """Everything that is said is done at once, at `now`."""

    now: datetime
    groups: Mapping[int, Counted]
    stocks: dict[int, Stock] = field(default_factory=dict)
    talks: dict[SessionId, Talk] = field(default_factory=dict)
    shares: dict[HolderId, Share] = field(default_factory=dict)
    own_use: dict[Month, int] = field(default_factory=dict)
    """What each line has used of its own."""
    reached: dict[Month, int] = field(default_factory=dict)
    told: set[tuple[Month, int]] = field(default_factory=set)
    """Notices: the month, and the part of a hundred."""
    counting: set[Month] = field(default_factory=set)
    """Those of which a message has changed something."""
    reported: int = 0
    wakes: dict[SessionId, datetime] = field(default_factory=dict)

    # ------------------------------------------------------------ what is said

    def hear(self, said: ChargingCommand) -> list[Answer] | None:
        """Do what a message says; returns what is answered, None: it is refused."""
        match said:
            case OpenSession():
                begun = Talk(said.line, said.sequence, said.country or "JP")
                talk = self.talks.setdefault(said.session, begun)
                return None if talk.is_over else self._answer(talk, said)
            case ChargeEvent():
                return self._happen(said)
            case UpdateSession() | EndSession():
                return self._go_on(said)

    def _go_on(self, said: UpdateSession | EndSession) -> list[Answer] | None:
        known = self.talks.get(said.session)
        if known is None or known.is_over:
            return None
        self._hear(known, said)
        groups = {usage.rating_group for usage in said.used}
        if isinstance(said, UpdateSession):
            known.country = said.country or known.country
            answers = self._answer(known, said)
            groups -= {want.rating_group for want in said.wanted}
        else:
            known.is_over, answers, groups = True, [], set(known.meters)
        for group in groups:
            self._return(known.meters[group])
        if known.is_over:
            for meter in known.meters.values():
                meter.waits = False
        return answers

    def _answer(self, talk: Talk, said: OpenSession | UpdateSession) -> list[Answer]:
        return [self._grant(said.session, talk, w.rating_group, w.amount) for w in said.wanted]

    def _happen(self, said: ChargeEvent) -> list[Answer] | None:
        """Something is paid at once, whole or not at all unless it has happened."""
        talk = Talk(said.line, 0, said.country or "JP", is_over=True)
        meter = Meter(self.groups[said.rating_group])
        if not said.has_happened and self._can_pay(talk, meter.counted) < said.amount:
            return None
        talk.meters[said.rating_group] = meter
        self.talks[said.event] = talk
        self._pay(talk, meter, said.amount, self.now, talk.country)
        meter.overrun = meter.unpaid
        self.reported += said.amount
        self._count()
        return [Answer(said.amount, 0, is_final=False)]

    def _can_pay(self, talk: Talk, counted: Counted) -> int:
        own = shared = 0
        for stock in self._payers(talk, counted, self.now, talk.country):
            if stock.owner == talk.line:
                own += stock.left - self.aside(stock.number)
            else:
                shared += stock.left - self.aside(stock.number)
        share = self.shares.get(talk.line)
        room = share.room(self.now) if share is not None and counted.unit == "data" else None
        return own + (shared if room is None else min(shared, room))

    # ------------------------------------------------------------ what is there

    def give(self, stock: Stock) -> None:
        self.stocks[stock.number] = stock

    def sweep(self) -> None:
        """What is over is gone, unless some of it is set aside."""
        kept = {part.stock for part in self._all_parts() if part.until > self.now}
        for number, stock in self.stocks.items():
            stock.is_gone = stock.is_gone or (stock.is_over(self.now) and number not in kept)

    def aside(self, number: int) -> int:
        return sum(p.amount for p in self._all_parts() if p.stock == number and p.until > self.now)

    def _all_parts(self) -> Iterator[Part]:
        for talk in self.talks.values():
            for meter in talk.meters.values():
                yield from meter.parts

    # ------------------------------------------------------------ who pays

    def _hear(self, talk: Talk, said: UpdateSession | EndSession) -> None:
        repeats: dict[int, bool] = {}
        for usage in said.used:
            group = usage.rating_group
            meter = self._meter(talk, group)
            if group not in repeats:
                repeats[group] = self._is_repeat(meter, talk, said.sequence)
            if not repeats[group]:
                self._take(talk, meter, usage)
        self._count()

    def _take(self, talk: Talk, meter: Meter, usage: Usage) -> None:
        self.reported += usage.amount
        until, since = min(usage.until, self.now), usage.since
        at = until if since is not None and since >= until else until - MOMENT
        country = usage.country or talk.country
        beyond = usage.amount
        for part in sorted(meter.parts, key=lambda p: self._order(self.stocks[p.stock], talk)):
            stock = self.stocks[part.stock]
            if stock.pays_for(meter.counted, country, at):
                taken = min(beyond, part.amount)
                part.amount -= taken
                beyond -= taken
                self._use(talk, meter, stock, taken)
        self._pay(talk, meter, beyond, at, country)

    def _is_repeat(self, meter: Meter, talk: Talk, number: int) -> bool:
        """Only numbers that have risen say anything."""
        if number <= 0:
            return False
        highest = max(meter.heard, default=talk.first)
        was_heard = number in meter.heard
        meter.heard.add(number)
        return was_heard and highest > talk.first

    def _meter(self, talk: Talk, group: int) -> Meter:
        """What ran out since is free for ever."""
        meter = talk.meters.setdefault(group, Meter(self.groups[group]))
        for part in meter.parts:
            if part.until <= self.now:
                self._free(meter, part)
        meter.parts = [part for part in meter.parts if part.until > self.now]
        return meter

    def _order(self, stock: Stock, talk: Talk) -> tuple[bool, bool, datetime, bool, int]:
        """Own first or the pool's; then what ends soonest; then what is for the night."""
        share = self.shares.get(talk.line)
        is_second = (stock.owner != talk.line) != (share is not None and share.pool_first)
        never = stock.ends is None
        return is_second, never, stock.ends or self.now, not stock.at_night, stock.number

    def _owners(self, talk: Talk) -> set[HolderId]:
        share = self.shares.get(talk.line)
        is_shared = share is not None and not share.is_paused
        return {talk.line, share.pool} if share is not None and is_shared else {talk.line}

    def _payers(self, talk: Talk, counted: Counted, at: datetime, country: str) -> list[Stock]:
        """Who may pay, in the order in which they do."""
        able = [
            stock
            for stock in self.stocks.values()
            if stock.owner in self._owners(talk)
            and stock.pays_for(counted, country, at)
            and not stock.is_over(self.now)
        ]
        return sorted(able, key=lambda stock: self._order(stock, talk))

    def _free_of(self, stock: Stock, talk: Talk) -> int:
        """What a line may still take of what is neither used nor set aside."""
        free = stock.left - self.aside(stock.number)
        share = self._share_of(talk, stock)
        room = None if share is None else share.room(self.now)
        return free if room is None else min(free, room)

    def _pay(self, talk: Talk, meter: Meter, amount: int, at: datetime, country: str) -> None:
        meter.overrun += amount
        for stock in self._payers(talk, meter.counted, at, country):
            taken = min(amount, self._free_of(stock, talk))
            amount -= taken
            meter.granted += taken
            share = self._share_of(talk, stock)
            if share is not None:
                share.count(taken, self.now)
            self._use(talk, meter, stock, taken)
        meter.unpaid += amount

    def _share_of(self, talk: Talk, stock: Stock) -> Share | None:
        """Where what a line takes of a stock counts as taken."""
        is_counted = stock.owner != talk.line and stock.unit == "data"
        return self.shares[talk.line] if is_counted else None

    def _use(self, talk: Talk, meter: Meter, stock: Stock, amount: int) -> None:
        stock.left -= amount
        meter.used += amount
        if stock.owner == talk.line:
            month = Month(talk.line, stock.unit, days_of(self.now)[1])
            self.own_use[month] = self.own_use.get(month, 0) + amount
            self.counting |= {month} if amount else set()

    def _free(self, meter: Meter, part: Part) -> None:
        meter.returned += part.amount
        if part.share is not None and meter.since is not None:
            part.share.count(-part.amount, meter.since)

    def _return(self, meter: Meter) -> None:
        for part in meter.parts:
            self._free(meter, part)
        meter.parts = []

    def _grant(self, name: SessionId, talk: Talk, group: int, amount: int) -> Answer:
        meter = self._meter(talk, group)
        before = {part.stock: part.until for part in meter.parts}
        self._return(meter)
        left = min(LARGEST, max(amount, LEAST[meter.counted.unit]))
        ends, opens = self.now + HALF_HOUR, self._opens(talk, meter.counted)
        ends = ends if opens is None else min(ends, opens)
        has_more, total = False, 0
        for stock in self._payers(talk, meter.counted, self.now, talk.country):
            free = self._free_of(stock, talk)
            last = [stock.ends, next_hour(NIGHT_HOURS[1], self.now) if stock.at_night else None]
            last_of_it = min((one for one in last if one is not None), default=None)
            if last_of_it is not None and last_of_it - self.now < SECOND:
                continue
            taken = min(left, free)
            has_more = has_more or free > taken
            if not taken:
                continue
            left -= taken
            total += taken
            until = before.get(stock.number, self.now)
            if until < self.now + KEPT_LEAST:
                until = self.now + KEPT_MOST
            share = self._share_of(talk, stock)
            meter.parts.append(Part(stock.number, taken, until, share))
            if share is not None:
                share.count(taken, self.now)
            ends = ends if last_of_it is None else min(ends, last_of_it)
        meter.granted += total
        meter.since = self.now
        meter.waits = not has_more
        if meter.waits and opens is not None:
            self.wakes[name] = min(opens, self.wakes.get(name, opens))
        seconds = max(1, int((ends - self.now).total_seconds())) if total else 0
        return Answer(total, seconds, is_final=bool(total) and not has_more)

    def _opens(self, talk: Talk, counted: Counted) -> datetime | None:
        """When the night comes to whoever has something for it."""
        opens = next_hour(NIGHT_HOURS[0], self.now)
        waits = not is_night(self.now) and any(
            stock.at_night
            and stock.owner in self._owners(talk)
            and stock.left > self.aside(stock.number)
            and stock.pays_for(counted, talk.country, opens)
            for stock in self.stocks.values()
        )
        return opens if waits else None

    def _count(self) -> None:
        """See whether 80 or 100 % of all that the line has had this month is used."""
        for month in self.counting:
            used = self.own_use[month]
            left = sum(
                stock.left
                for stock in self.stocks.values()
                if (stock.owner, stock.unit) == month[:2] and not stock.is_over(self.now)
            )
            reached = 100 if not left else 80 if used * 100 >= 80 * (used + left) else 0
            if reached > self.reached.get(month, 0):
                self.told.add((month, reached))
            self.reached[month] = reached
        self.counting = set()
