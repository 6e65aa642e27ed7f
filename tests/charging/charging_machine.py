"""Stories of a network and its phones, told at once to the core of charging and to the model.

Messages come late, twice, in another order or never; their numbers rise, stand still or are zero,
and some that say they are repeats lie.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.charging.core import (
    INTERNET,
    MESSAGES,
    NIGHT,
    TETHERING,
    TRAVEL,
    CoreCharging,
    Told,
    ended,
    event,
    opened,
    pool_of,
    session_of,
    updated,
)
from tests.charging.model import Answer, Counted, Model, Share, Stock, next_hour

from yuzuri.charging.sessions import Charged, ChargingCommand, GrantResult, UpdateSession, Usage
from yuzuri.kernel.errors import Refusal
from yuzuri.kernel.ids import HolderId, SessionId
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.expiry import ExpireBuckets

BEGIN = datetime(2026, 11, 30, 9, 30, tzinfo=UTC)
"""18:30 in Japan, on the last day of a month."""

MB = 1_000_000
JAPAN = ZoneInfo("Asia/Tokyo")
ZONES = {"JP": frozenset({"JP"}), "neighbours": frozenset({"KR", "TW"})}
COUNTED = {
    INTERNET: Counted("data"),
    INTERNET + 1: Counted("data"),
    TETHERING: Counted("data", night=False),
    TRAVEL: Counted("data", zones=frozenset({"neighbours"})),
    MESSAGES: Counted("sms"),
}
GROUPS = (INTERNET, INTERNET, INTERNET, INTERNET + 1, TETHERING, TRAVEL)
COUNTRIES = (None, None, None, None, "JP", "KR", "US")
SHARES = ("all", "part", "more", "all", "part", "none", "one")
WANTED = (0, 0, 0, 1, 80 * MB, 3 * 1024 * MB, None, None)
"""How much is asked for; None: nothing."""
LAG = (timedelta(0), timedelta(0), timedelta(minutes=3), timedelta(minutes=25), None)
"""How long ago it was used; None: until the night last began or ended."""
STEPS = (
    timedelta(seconds=1),
    timedelta(minutes=7),
    timedelta(minutes=29),
    timedelta(minutes=41),
    timedelta(minutes=75),
    timedelta(hours=5),
    timedelta(hours=20),
)
MOMENT = timedelta(microseconds=1)
BEFORE = (
    timedelta(0),
    MOMENT,
    timedelta(milliseconds=500),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=25),
)
"""How long before an edge."""


class Way(NamedTuple):
    """How something is done. In one draw, as draws are what a story takes its time for."""

    who: int
    which: int
    share: int
    odd: bool
    more: int


WAYS = 3 * 8 * 7 * 2 * 16


def way_of(number: int) -> Way:
    # Most numbers that are drawn are small: this spreads them over all ways.
    number, who = divmod(number * 2_393 % WAYS, 3)
    number, which = divmod(number, 8)
    number, share = divmod(number, 7)
    more, odd = divmod(number, 2)
    return Way(who, which, share, bool(odd), more)


ways = st.integers(0, WAYS - 1).map(way_of)


class Running(msgspec.Struct):
    """A session as its network knows it."""

    name: SessionId
    line: HolderId
    style: str
    number: int


class ChargingMachine(RuleBasedStateMachine):
    """Three lines, two of which draw on a pool; one message is said to both sides at once."""

    def __init__(self) -> None:
        super().__init__()
        self.core = CoreCharging(BEGIN)
        self.model = Model(BEGIN, COUNTED)
        self.lines = [self.core.add_line(number) for number in range(3)]
        self.pool = pool_of(0)
        self.taken_before: dict[HolderId, tuple[int, int]] = {}
        """What members had taken when their caps were last changed."""
        self.running: list[Running] = []
        self.sent: list[Told] = []
        self.late: list[Told] = []
        self.names = count(1)
        self.join(self.lines[0], cap_per_day=70 * MB)
        self.join(self.lines[1], pool_first=True, cap_per_month=160 * MB)
        for who, which in ((0, 0), (0, 1), (1, 0), (2, 2), (3, 0), (3, 1)):
            self.issue(who, which, 60 * MB)
        for who in range(3):
            self.issue(who, 5, 4)
            self._begin(self.lines[who], ("rising", "stuck", "zero")[who], None)

    # ------------------------------------------------------------ both sides

    def join(self, line: HolderId, **terms: Any) -> None:
        self.core.join(line, self.pool, **terms)
        self.model.shares[line] = Share(self.pool, **terms)
        self.taken_before[line] = (0, 0)

    def issue(self, who: int, which: int, amount: int) -> None:
        """What ends with the month, for its nights, in a week, never, elsewhere; messages; soon."""
        holder = [*self.lines, self.pool][who]
        now = self.core.now
        at_night = which in {1, 7}
        zone = "neighbours" if which == 4 else "JP"
        unit = Unit.SMS if which == 5 else Unit.DATA
        ends = {
            2: now + timedelta(days=7),
            3: None,
            6: now + timedelta(minutes=50),
            7: None,
        }.get(which, self._month_end())
        self.core.give(
            holder, amount, unit=unit, zone=zone, ends=ends, hours=NIGHT if at_night else None
        )
        number = self.core.issued
        stock = Stock(holder, number, unit.value, zone, ZONES[zone], at_night, ends, amount)
        self.model.give(stock)

    def deliver(self, *told: Told) -> None:
        """Let messages arrive together."""
        new = [one for one in dict.fromkeys(told) if one.key not in self.core.answers]
        self.core.wakes, self.model.wakes = {}, {}
        outcomes = self.core.tell(*told)
        answers = {one.key: self.model.hear(one.command) for one in new}
        for one, outcome in zip(told, outcomes, strict=True):
            if one.key in answers:
                self._compare_answer(outcome, answers[one.key])
        assert self.core.wakes == self.model.wakes

    def _compare_answer(self, outcome: Charged | Refusal, answer: list[Answer] | None) -> None:
        if answer is None:
            assert isinstance(outcome, Refusal)
            return
        assert isinstance(outcome, Charged)
        grants = outcome.grants
        assert [Answer(g.amount, g.validity_s, g.is_final) for g in grants] == answer
        for grant in grants:
            assert (grant.result is GrantResult.GRANTED) == (grant.amount > 0)

    def _send(self, command: ChargingCommand, way: Way) -> None:
        """It arrives at once, later, twice, or never."""
        told = Told(f"{next(self.names)}", command)
        fate = way.more % 8
        if fate == 7:
            return
        self.sent.append(told)
        if fate in {4, 6}:
            self.late.append(told)
        elif fate == 5:
            self.deliver(told, told)
        else:
            self.deliver(told)

    def _month_end(self) -> datetime:
        local = self.core.now + timedelta(hours=9)
        later = (local.replace(day=1) + timedelta(days=32)).replace(day=1)
        return later.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(hours=9)

    # ------------------------------------------------------------ what a network does

    def _begin(self, line: HolderId, style: str, wanted: int | None) -> ChargingCommand:
        name = session_of(next(self.names))
        first = {"rising": 1, "stuck": 4, "zero": 0}[style]
        self.running.append(Running(name, line, style, first))
        asked = [] if wanted is None else [(INTERNET, wanted)]
        command = opened(line, name, *asked, sequence=first)
        if wanted is None:
            self.deliver(Told(f"{next(self.names)}", command))
        return command

    def _outstanding(self, session: SessionId, group: int) -> int:
        talk = self.model.talks.get(session)
        meter = talk.meters.get(group) if talk is not None else None
        return 0 if meter is None else sum(part.amount for part in meter.parts)

    def _usage(self, session: SessionId, group: int, way: Way) -> Usage:
        aside = self._outstanding(session, group)
        amount = {"all": aside, "part": aside // 3, "none": 0, "one": 1}.get(
            SHARES[way.share], aside + 7 * MB + 1
        )
        now = self.core.now
        lag = LAG[way.more % len(LAG)]
        if lag is None:
            edges = [next_hour(hour, now) - timedelta(days=1) for hour in (23, 6)]
            until = max(edges)
            since = until if way.odd else None
        else:
            until = now - lag
            since = until - timedelta(minutes=2) if way.odd else None
        country = "KR" if way.which == 7 else None
        return Usage(group, amount, until, since, country)

    def _number(self, one: Running) -> int:
        if one.style == "rising":
            one.number += 1
        return one.number

    @rule(way=ways)
    def open(self, way: Way) -> None:
        style = ("rising", "rising", "stuck", "zero")[way.more % 4]
        wanted = WANTED[way.which % 6]
        self._send(self._begin(self.lines[way.who], style, wanted or 0), way)

    @rule(way=ways)
    def update(self, way: Way) -> None:
        one = self.running[-1 - (way.who + 3 * way.odd) % len(self.running)]
        group = GROUPS[way.which % len(GROUPS)]
        used = [self._usage(one.name, group, way)]
        wanted = WANTED[(way.share + way.which) % len(WANTED)]
        asked = {} if wanted is None else {group: wanted}
        if way.more == 3:  # two more containers, and another quota
            used += [self._usage(one.name, group, way), self._usage(one.name, INTERNET, way)]
            asked |= {TETHERING: 0}
        elif way.more == 4:
            used = []
        command = updated(
            one.line,
            one.name,
            used=used,
            wanted=asked.items(),
            sequence=self._number(one),
            country=COUNTRIES[(way.more + way.share) % len(COUNTRIES)],
        )
        self._send(command, way)

    @rule(way=ways)
    def update_again(self, way: Way) -> None:
        """The same twice as often as everything else."""
        self.update(way)

    @rule(way=ways)
    def end(self, way: Way) -> None:
        if len(self.running) < 3:
            return
        one = self.running.pop(way.which % len(self.running))
        used = [self._usage(one.name, INTERNET, way)]
        self._send(ended(one.line, one.name, used=used, sequence=self._number(one)), way)

    @rule(way=ways)
    def vanish(self, way: Way) -> None:
        """Nothing is ever heard of a session again."""
        if len(self.running) > 4:
            self.running.pop(way.which % len(self.running))

    @rule(way=ways)
    def happen(self, way: Way) -> None:
        name = session_of(next(self.names))
        amount = 1 + way.share % 3
        command = event(self.lines[way.who], name, amount=amount, has_happened=way.odd)
        self.deliver(Told(f"{next(self.names)}", command))

    @rule(way=ways)
    def arrive_late(self, way: Way) -> None:
        """Some that were kept arrive together, in another order."""
        chosen = self.late[-1 - way.who :]
        if way.odd:
            chosen.reverse()
        for one in chosen:
            self.late.remove(one)
        if chosen:
            self.deliver(*chosen)

    @rule(way=ways)
    def arrive_together(self, way: Way) -> None:
        """A report, a repeat of it under the same name, and one that asks, as one group."""
        one = self.running[way.which % len(self.running)]
        used = [self._usage(one.name, INTERNET, way)]
        commands: list[ChargingCommand] = [
            updated(
                one.line, one.name, used=used, wanted=[(INTERNET, 0)], sequence=self._number(one)
            )
            for _ in range(2)
        ]
        commands.append(self._begin(self.lines[way.who], "rising", 0))
        told = [Told(f"{next(self.names)}", command) for command in commands]
        self.sent += told
        self.deliver(told[0], told[2], told[0], told[1])

    @rule(way=ways)
    def repeat(self, way: Way) -> None:
        """The same message; the same number with other content; the same content, other number."""
        if not self.sent:
            return
        told = self.sent[-1 - (way.which * 16 + way.more) % min(len(self.sent), 12)]
        if told in self.late:
            return
        command = told.command
        lie = (way.share + way.odd) % 3
        if lie and isinstance(command, UpdateSession):
            if lie == 1:
                used = (self._usage(command.session, INTERNET, way), *command.used[1:])
                command = msgspec.structs.replace(command, used=used)
            else:
                number = command.sequence + 1 + way.who
                command = msgspec.structs.replace(command, sequence=number)
            told = Told(f"{next(self.names)}", command)
            self.sent.append(told)
        self.deliver(told)

    # ------------------------------------------------------------ what else happens

    @rule(way=ways)
    def give(self, way: Way) -> None:
        """A gift, a top-up, something for the pool."""
        who = 3 if way.odd and way.which < 4 else way.who
        self.issue(who, way.which, 3 if way.which == 5 else (1 + way.more) * 6 * MB + way.share)

    @rule(way=ways)
    def change_member(self, way: Way) -> None:
        line = self.lines[way.who]
        share = self.model.shares.get(line)
        if share is None:
            self._move_on(self.core.now + MOMENT)
            self.join(line, cap_per_day=40 * MB if way.odd else None)
        elif way.which == 0:
            del self.core.members[line], self.model.shares[line]
        else:
            terms: dict[str, Any] = {
                "cap_per_day": (None, 30 * MB, 70 * MB)[way.more % 3],
                "cap_per_month": (None, 200 * MB)[way.more // 3 % 2],
                "pool_first": way.odd,
                "is_paused": way.share == 0,
            }
            self.core.allot(line, **terms)
            for name, value in terms.items():
                setattr(share, name, value)
            self.taken_before[line] = share.taken(self.core.now)

    @rule(way=ways)
    def pass_time(self, way: Way) -> None:
        """By some span, or to where a window, a month or what is set aside ends, or about it."""
        now = self.core.now
        edges: list[datetime] = [
            next_hour(6, now),
            next_hour(23, now),
            next_hour(0, now),
            *sorted(part.until for part in self.model._all_parts() if part.until > now)[:1],
        ]
        if way.more < 8 and way.which < len(edges):
            later = edges[way.which] - BEFORE[way.who + 3 * way.odd]
            now = max(now, later)
        else:
            now += STEPS[way.share]
        self._move_on(now)

    def _move_on(self, now: datetime) -> None:
        self.core.now = self.model.now = now

    @rule(way=ways)
    def sweep(self, way: Way) -> None:
        holders = (*self.lines, self.pool)
        self.core.books.ask(self.core.now, ExpireBuckets(holders))
        self.model.sweep()

    # ------------------------------------------------------------ what must hold

    @invariant()
    def nothing_is_lost_and_nothing_is_doubled(self) -> None:
        """I12, and every byte that was reported is paid or unpaid, once."""
        core, book = self.core, self.core.book()
        for quota in core.quotas.values():
            meter = self.model.talks[quota.session].meters[quota.rating_group]
            live = sum(part.amount for part in meter.parts if part.until > core.now)
            run_out = sum(part.amount for part in meter.parts if part.until <= core.now)
            held = sum(hold.amount for hold in book.open_holds(quota.id))
            assert held == live
            assert quota.granted == quota.used + quota.returned + held + run_out
            assert 0 <= quota.unpaid <= quota.overrun
        paid = sum(quota.used + quota.unpaid for quota in core.quotas.values())
        assert paid == self.model.reported
        for owned in book.buckets.values():
            for bucket in owned.values():
                assert 0 <= bucket.held <= bucket.balance

    @invariant()
    def it_is_as_the_model_says(self) -> None:
        core, model = self.core, self.model
        counted = {
            (quota.session, quota.rating_group): (
                quota.granted,
                quota.used,
                quota.returned,
                quota.unpaid,
                quota.overrun,
                quota.from_pool,
                quota.is_waiting,
            )
            for quota in core.quotas.values()
        }
        assert_same(
            counted,
            {
                (name, group): (
                    meter.granted,
                    meter.used,
                    meter.returned,
                    meter.unpaid,
                    meter.overrun,
                    sum(p.amount for p in meter.parts if model.stocks[p.stock].owner == self.pool),
                    meter.waits,
                )
                for name, talk in model.talks.items()
                for group, meter in talk.meters.items()
            },
        )
        balances = {
            int.from_bytes(bucket.allowance[:14]) - 300: (bucket.balance, bucket.held)
            for owned in core.book().buckets.values()
            for bucket in owned.values()
        }
        stocks = {n: stock.left for n, stock in model.stocks.items() if not stock.is_gone}
        assert_same(balances, {n: (left, model.aside(n)) for n, left in stocks.items()})

    @invariant()
    def nobody_takes_more_of_a_pool_than_its_cap(self) -> None:
        """What is set aside counts as taken on the day on which it was granted.

        So of what is granted on a day no member uses more than its cap, whatever it reports; what
        it uses on a day may be more by what was set aside for it when the day began.
        """
        for line, share in self.model.shares.items():
            taken = self.core.members[line].taken_at(self.core.now, JAPAN)
            assert taken == share.taken(self.core.now)
            caps = (share.cap_per_day, share.cap_per_month)
            for cap, amount, before in zip(caps, taken, self.taken_before[line], strict=True):
                assert cap is None or amount <= max(cap, before)

    @invariant()
    def what_is_told_is_told_once(self) -> None:
        told = [
            ((n.line, n.unit.value, f"{n.cycle_start.astimezone(JAPAN):%Y-%m}"), n.reached)
            for n in self.core.notices
        ]
        assert len(set(told)) == len(told)
        assert not set(told) ^ self.model.told, (set(told) ^ self.model.told, self.model.reached)


def assert_same(some: Mapping[Any, object], others: Mapping[Any, object]) -> None:
    """See that nothing differs, and say what does."""
    told = {name: (some.get(name), others.get(name)) for name in some.keys() | others.keys()}
    differing = {name: both for name, both in told.items() if both[0] != both[1]}
    assert not differing, differing
