"""Stories of gifts, posted links and requests, told at once to the product and to the shadow."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule
from tests.model.gifts_machine import GiftsMachine, lines
from tests.model.shadow import LineNumber, PurchaseNumber, Shadow
from tests.model.world import CLAIM_LIFETIME

from yuzuri.db.committer import Request
from yuzuri.kernel.errors import Code
from yuzuri.kernel.ids import LinkId, RequestId, new_id
from yuzuri.kernel.quantities import Unit
from yuzuri.runtime.commands import Command
from yuzuri.runtime.replies import Outcome
from yuzuri.sharing.gifts import GiftDone, GiftRefused
from yuzuri.sharing.link_draws import equal_shares
from yuzuri.sharing.link_rows import load_links
from yuzuri.sharing.links import (
    PASSCODE_TRIES_MAX,
    Audience,
    Link,
    LinkDone,
    LinkState,
    PostLink,
    RevokeLink,
    Split,
    TakeShare,
)
from yuzuri.sharing.request_store import load_requests
from yuzuri.sharing.requests import (
    AskForGift,
    CloseRequest,
    FillRequest,
    RequestDone,
    RequestState,
)
from yuzuri.sharing.requests import Request as Asked

PASSCODE = "ゆず"

comers = st.lists(st.tuples(lines, st.sampled_from([PASSCODE, "x", ""])), max_size=6)
"""Who comes for a share, and with which passcode."""

givers = st.lists(st.tuples(lines, st.sampled_from(["one", "all", "too much"])), max_size=4)
"""Which friends give to a request, and how much."""


@dataclass
class ShadowLink:
    giver: LineNumber
    parts: dict[PurchaseNumber, int]
    """What is left of each purchase, soonest expiry first."""
    shares: int
    deadline: datetime
    is_closed: bool
    """It asks for a passcode."""
    state: LinkState = LinkState.OPEN
    taken: dict[LineNumber, int] = field(default_factory=dict)
    wrong: dict[LineNumber, int] = field(default_factory=dict)

    def is_open(self, now: datetime) -> bool:
        return self.state is LinkState.OPEN and now < self.deadline


@dataclass
class ShadowRequest:
    asker: LineNumber
    missing: int
    deadline: datetime
    state: RequestState = RequestState.OPEN

    def is_open(self, now: datetime) -> bool:
        return self.state is RequestState.OPEN and now < self.deadline


@dataclass
class SharingShadow(Shadow):
    """The shadow of gifts, with links and requests."""

    links: list[ShadowLink] = field(default_factory=list)
    requests: list[ShadowRequest] = field(default_factory=list)

    def held(self, line: LineNumber, purchase: PurchaseNumber, now: datetime) -> int:
        return super().held(line, purchase, now) + sum(
            link.parts.get(purchase, 0)
            for link in self.links
            if link.giver == line and link.is_open(now)
        )

    def parts_of(
        self, line: LineNumber, amount: int, now: datetime
    ) -> dict[PurchaseNumber, int] | Code:
        """What of a line's would be so much, soonest expiry first, or why there is not enough."""
        free = self.free(line, now)
        if amount > sum(free.values()):
            over = sum(self.free(line, now, over=True).values())
            expired = over and amount <= sum(free.values()) + over
            return Code.ALLOWANCE_EXPIRED if expired else Code.BALANCE_NOT_ENOUGH
        return first_of(free, amount)

    def refused_take(
        self, number: int, line: LineNumber, passcode: str, now: datetime
    ) -> Code | None:
        link = self.links[number]
        wrong = link.wrong.get(line, 0)
        if line in link.taken:
            return Code.LINK_TAKEN
        if not link.is_open(now):
            return Code.LINK_UNKNOWN
        if wrong == PASSCODE_TRIES_MAX:
            return Code.PASSCODE_CLOSED
        if link.is_closed and passcode != PASSCODE:
            if not passcode:
                return Code.PASSCODE_MISSING
            link.wrong[line] = wrong + 1
            is_last = link.wrong[line] == PASSCODE_TRIES_MAX
            return Code.PASSCODE_CLOSED if is_last else Code.PASSCODE_WRONG
        return Code.GIFT_TO_ONESELF if line == link.giver else None

    def take(self, number: int, line: LineNumber, size: int) -> None:
        link = self.links[number]
        self.give(link.giver, line, first_of(link.parts, size))
        for purchase, part in first_of(link.parts, size).items():
            link.parts[purchase] -= part
        link.taken[line] = size
        if len(link.taken) == link.shares:
            link.state = LinkState.SPENT

    def give(
        self, giver: LineNumber, receiver: LineNumber, parts: dict[PurchaseNumber, int]
    ) -> None:
        for purchase, part in parts.items():
            self.balances[giver][purchase] -= part
            received = self.balances[receiver]
            received[purchase] = received.get(purchase, 0) + part

    def sweep(self, now: datetime) -> None:
        super().sweep(now)
        for link in self.links:
            if link.state is LinkState.OPEN and not link.is_open(now):
                link.state = LinkState.EXPIRED


def first_of(parts: dict[PurchaseNumber, int], amount: int) -> dict[PurchaseNumber, int]:
    taken = {}
    for purchase, available in parts.items():
        taken[purchase] = min(available, amount)
        amount -= taken[purchase]
    return {purchase: part for purchase, part in taken.items() if part}


class LinksMachine(GiftsMachine):
    """The same four lines; they post links and take shares, ask for something and give it."""

    shadow: SharingShadow

    def __init__(self) -> None:
        super().__init__()
        self.shadow = SharingShadow(balances=[{}, {}, {}, {}])
        self.links: list[Link] = []
        self.requests: list[Asked] = []

    # ------------------------------------------------------------ posted links

    @rule(
        giver=lines,
        share=st.sampled_from(["a third", "all", "all but one", "one"]),
        count=st.integers(1, 4),
        split=st.sampled_from(Split),
        is_closed=st.booleans(),
        hours=st.sampled_from([None, 1, 100]),
        comers=comers,
    )
    def post(
        self,
        giver: int,
        share: str,
        count: int,
        split: Split,
        is_closed: bool,
        hours: int | None,
        comers: list[tuple[int, str]],
    ) -> None:
        now, line = self.world.at, self.lines[giver]
        free = sum(self.shadow.free(giver, now).values())
        amount = max(
            1, {"one": 1, "a third": free // 3, "all": free, "all but one": free - 1}[share]
        )
        asked = None if hours is None else now + timedelta(hours=hours)
        outcome = self._ask(
            giver,
            PostLink(
                person=line.person,
                line=line.id,
                unit=Unit.DATA,
                amount=amount,
                shares=count,
                split=split,
                audience=Audience.PASSCODE if is_closed else Audience.ANYONE,
                passcode=PASSCODE if is_closed else "",
                deadline=asked,
            ),
        )
        parts = self.shadow.parts_of(giver, amount, now)
        if count > amount:
            self._compare(outcome, Code.LINK_TOO_MANY_SHARES)
        elif isinstance(parts, Code):
            self._compare(outcome, parts)
        else:
            assert isinstance(outcome, LinkDone), outcome
            ends = [end for purchase in parts if (end := self.shadow.ends[purchase]) is not None]
            deadline = min([now + CLAIM_LIFETIME, *ends, *([asked] if asked else [])])
            self.links.append(outcome.link)
            self.shadow.links.append(ShadowLink(giver, parts, count, deadline, is_closed))
            assert outcome.link.deadline == deadline
            for taker, passcode in comers:
                self.take(taker, passcode, 0)

    @precondition(lambda self: self.links)
    @rule(back=st.integers(0, 2), comers=comers)
    def take_some(self, back: int, comers: list[tuple[int, str]]) -> None:
        for line, passcode in comers:
            self.take(line, passcode, back)

    def take(self, line: int, passcode: str, back: int) -> None:
        number = max(0, len(self.links) - 1 - back)
        self._taken(number, line, passcode, self._ask(line, self._take(number, line, passcode)))

    @precondition(lambda self: self.links)
    @rule(back=st.integers(0, 1), order=st.permutations(range(4)))
    def all_take_at_once(self, back: int, order: list[int]) -> None:
        self._all_take(max(0, len(self.links) - 1 - back), order)

    def _all_take(self, number: int, order: Sequence[int] = range(4)) -> None:
        """They are one group, which leaves what they leave one by one."""
        commands = [self._take(number, line, PASSCODE) for line in order]
        requests: list[Request[Command]] = [
            Request(self.lines[line].person, str(new_id()), command)
            for line, command in zip(order, commands, strict=True)
        ]
        outcomes = self.run(self.world.yuzuri.post(requests))
        for line, outcome in zip(order, outcomes, strict=True):
            self._taken(number, line, PASSCODE, outcome)

    @precondition(lambda self: self.links)
    @rule(back=st.integers(0, 2), is_stranger=st.booleans())
    def revoke(self, back: int, is_stranger: bool) -> None:
        number = max(0, len(self.links) - 1 - back)
        link = self.shadow.links[number]
        by = (link.giver + is_stranger) % 4
        person = self.lines[by].person
        outcome = self._ask(by, RevokeLink(person=person, link=self.links[number].id))
        if is_stranger:
            self._compare(outcome, Code.LINK_UNKNOWN)
        elif not link.is_open(self.world.at):
            self._compare(outcome, Code.LINK_ENDED)
        else:
            assert isinstance(outcome, LinkDone), outcome
            link.state = LinkState.REVOKED

    @precondition(lambda self: any(x.state is LinkState.OPEN for x in self.shadow.links))
    @rule(early=st.booleans())
    def take_at_the_end_of_a_link(self, early: bool) -> None:
        ends = min(x.deadline for x in self.shadow.links if x.state is LinkState.OPEN)
        target = ends - timedelta(microseconds=1 if early else 0)
        self.world.clock.now = max(self.world.at, target)
        self._all_take(next(n for n, x in enumerate(self.shadow.links) if x.deadline == ends))

    def _take(self, number: int, line: int, passcode: str) -> TakeShare:
        taker = self.lines[line]
        link = self.links[number].id
        return TakeShare(person=taker.person, line=taker.id, link=link, passcode=passcode)

    def _taken(self, number: int, line: int, passcode: str, outcome: Outcome) -> None:
        refused = self.shadow.refused_take(number, line, passcode, self.world.at)
        self._compare(outcome, refused)
        if refused is Code.PASSCODE_WRONG:
            assert isinstance(outcome, GiftRefused)
            left = PASSCODE_TRIES_MAX - self.shadow.links[number].wrong[line]
            assert outcome.reasons[0].fields == {"left": left}
        if isinstance(outcome, GiftDone):
            link, shadow = self.links[number], self.shadow.links[number]
            size = outcome.gift.amount
            assert size >= link.least
            if link.split is Split.EQUAL:
                assert size == equal_shares(link.amount, link.shares, 1)[len(shadow.taken)]
            self.shadow.take(number, line, size)

    def _something_else(self, by: LineNumber, known: Command) -> Command:
        if not isinstance(known, TakeShare | RevokeLink):
            return super()._something_else(by, known)
        line = self.lines[by]
        other = TakeShare(person=line.person, line=line.id, link=known.link)
        return msgspec.structs.replace(other, passcode="something else")

    # ------------------------------------------------------------ requests

    @rule(asker=lines, amount=st.sampled_from([1, 300, 2_000]), givers=givers)
    def ask_friends(self, asker: int, amount: int, givers: list[tuple[int, str]]) -> None:
        line = self.lines[asker]
        ask = AskForGift(person=line.person, line=line.id, unit=Unit.DATA, amount=amount)
        outcome = self._ask(asker, ask)
        assert isinstance(outcome, RequestDone), outcome
        self.requests.append(outcome.request)
        self.shadow.requests.append(ShadowRequest(asker, amount, outcome.request.deadline))
        for giver, share in givers:
            self.fill(giver, share, 0)

    @precondition(lambda self: self.requests)
    @rule(back=st.integers(0, 1), givers=givers)
    def fill_some(self, back: int, givers: list[tuple[int, str]]) -> None:
        for giver, share in givers:
            self.fill(giver, share, back)

    def fill(self, giver: int, share: str, back: int) -> None:
        number = max(0, len(self.requests) - 1 - back)
        asked, line = self.shadow.requests[number], self.lines[giver]
        amount = {"one": 1, "all": max(1, asked.missing), "too much": asked.missing + 1}[share]
        request = self.requests[number].id
        fill = FillRequest(person=line.person, line=line.id, request=request, amount=amount)
        outcome = self._ask(giver, fill)
        parts = self.shadow.parts_of(giver, amount, self.world.at)
        if not asked.is_open(self.world.at):
            self._compare(outcome, Code.GIFT_REQUEST_UNKNOWN)
        elif amount > asked.missing:
            self._compare(outcome, Code.GIFT_REQUEST_TOO_MUCH)
        elif giver == asked.asker:
            self._compare(outcome, Code.GIFT_TO_ONESELF)
        elif isinstance(parts, Code):
            self._compare(outcome, parts)
        else:
            self._compare(outcome, None)
            self.shadow.give(giver, asked.asker, parts)
            asked.missing -= amount
            if not asked.missing:
                asked.state = RequestState.FILLED

    @precondition(lambda self: self.requests)
    @rule(back=st.integers(0, 1))
    def close(self, back: int) -> None:
        number = max(0, len(self.requests) - 1 - back)
        asked = self.shadow.requests[number]
        person, request = self.lines[asked.asker].person, self.requests[number].id
        outcome = self._ask(asked.asker, CloseRequest(person=person, request=request))
        if asked.is_open(self.world.at):
            assert isinstance(outcome, RequestDone), outcome
            asked.state = RequestState.CLOSED
        else:
            assert isinstance(outcome, GiftRefused)
            assert outcome.reasons[0].code is Code.GIFT_REQUEST_ENDED

    # ------------------------------------------------------------ what is compared

    @invariant()
    def links_and_requests_are_what_the_shadow_says(self) -> None:
        links, requests = self.run(self._look_at_links())
        for posted, link in zip(self.links, self.shadow.links, strict=True):
            found = links[posted.id]
            assert found.state is link.state
            assert (found.taken, found.taken_amount) == (len(link.taken), sum(link.taken.values()))
        for made, asked in zip(self.requests, self.shadow.requests, strict=True):
            assert (requests[made.id].state, requests[made.id].missing) == (
                asked.state,
                asked.missing,
            )

    async def _look_at_links(self) -> tuple[dict[LinkId, Link], dict[RequestId, Asked]]:
        async with self.world.yuzuri.database.connection() as connection:
            links = await load_links(connection, [link.id for link in self.links])
            requests = await load_requests(connection, [one.id for one in self.requests])
        return {link.id: link for link in links}, {one.id: one for one in requests}
