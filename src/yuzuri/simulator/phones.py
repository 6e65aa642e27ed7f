"""A simulated phone: a line in the core, to be driven step by step."""

import asyncio
from random import Random
from time import monotonic

from yuzuri.kernel.calendar import Clock, utc_now
from yuzuri.simulator.core import Core, Link
from yuzuri.simulator.mishaps import NONE, Mishaps
from yuzuri.simulator.sessions import (
    ChargedSession,
    Done,
    Exchange,
    Identity,
    Manner,
    send_message,
    standard_manner,
)
from yuzuri.simulator.tallies import Tally
from yuzuri.simulator.wire import VOICE, Notification, Plmn

SMF = standard_manner("5b1a7c0e-3a51-4d0b-9d53-2f6f1f6f0001")
"""The session manager that a phone is served by unless another is named."""

_CALL_PART_S = 30


class Phone:
    """One line's phone. What it is told to do happens in turn, and so does what it is notified of.

    All that is drawn is drawn from `seed` and the SUPI.
    """

    def __init__(
        self, core: Core, supi: str, *, manner: Manner = SMF, clock: Clock = utc_now,
        mishaps: Mishaps = NONE, seed: int = 1, place: Plmn | None = None,
    ) -> None:  # fmt: skip
        self.identity = Identity.of(supi)
        self.tally = Tally(phones=1)
        self.place = place or self.identity.home
        self._manner = manner
        self._clock = clock
        self._random = Random(f"{seed} {supi}")  # noqa: S311 - the same in each run
        luck = Random(f"{seed} {supi} on the way")  # noqa: S311
        self._link = Link(core, self.tally, mishaps, luck)
        self._notify_uri = core.notify_uri(supi, self._hear)
        self._session: ChargedSession | None = None
        self._counted = (0, 0, 0)
        self._turn = asyncio.Lock()
        self._flows = asyncio.Event()

    @property
    def is_attached(self) -> bool:
        """Whether it has a session that the charging function knows."""
        return self._session is not None and self._session.is_open

    @property
    def is_dry(self) -> bool:
        """Whether it has a session and may use nothing."""
        return self._session is not None and self._session.is_dry

    async def attach(self) -> bool:
        """Open a session for data; returns whether the charging function did."""
        async with self._turn:
            return await self._attach()

    async def use(self, amount: int) -> int:
        """Use so many bytes, or as many as may be; returns how many flowed."""
        async with self._turn:
            if not self.is_attached:
                await self._attach()
            assert self._session is not None
            flowed = await self._do(self._session.use(amount))
            self.tally.bytes_allowed += flowed
            self.tally.bytes_stopped += amount - flowed
            return flowed

    async def wait_until_it_flows(self, timeout_s: float) -> float:
        """Wait until it is not dry; returns after how many seconds. Raises `TimeoutError`."""
        began = monotonic()
        if self.is_dry:
            await asyncio.wait_for(self._flows.wait(), timeout_s)
        return monotonic() - began

    async def move(self, place: Plmn) -> None:
        """Be in another network from now on."""
        async with self._turn:
            self.place = place
            if self._session is not None:
                await self._do(self._session.move(place))

    async def call(self, seconds: int) -> int:
        """Call somebody; returns how many seconds it lasted."""
        async with self._turn:
            call = ChargedSession(
                self.identity, self._manner, self._clock, self._random,
                rating_group=VOICE, place=self.place,
            )  # fmt: skip
            self.tally.sessions += 1
            lasted = 0
            if await self._do(call.open()):
                for part in range(0, seconds, _CALL_PART_S):
                    lasted += await self._do(call.use(min(_CALL_PART_S, seconds - part)))
                await self._do(call.close())
            self.tally.call_s_allowed += lasted
            self.tally.call_s_stopped += seconds - lasted
            return lasted

    async def send_text(self) -> bool:
        """Send a short message; returns whether it may be sent."""
        async with self._turn:
            sending = send_message(self.identity, self._manner, self._clock(), self._random)
            may = await self._do(sending)
            self.tally.texts_allowed += may
            self.tally.texts_stopped += not may
            return may

    async def detach(self) -> None:
        """End the session, and let all arrive that is still on the way."""
        async with self._turn:
            await self._detach()

    async def vanish(self) -> None:
        """Be gone without a word."""
        async with self._turn:
            if self._session is not None and self._session.is_open:
                self._session.vanish()
                self._count()
                self.tally.vanished += 1

    def _count(self) -> None:
        """Add to the tally what the session has seen since it was counted last."""
        if self._session is not None:
            seen = self._session
            now = (seen.used, seen.lost, seen.dry_times)
            self.tally.bytes_reported += now[0] - self._counted[0]
            self.tally.bytes_lost += now[1] - self._counted[1]
            self.tally.dry += now[2] - self._counted[2]
            self._counted = now

    async def _attach(self) -> bool:
        self._counted = (0, 0, 0)
        self._session = ChargedSession(
            self.identity, self._manner, self._clock, self._random,
            notify_uri=self._notify_uri, place=self.place,
        )  # fmt: skip
        self.tally.sessions += 1
        return await self._do(self._session.open())

    async def _detach(self) -> None:
        if self._session is not None:
            await self._do(self._session.close())
        await self._link.arrive_late()

    async def _hear(self, notification: Notification) -> None:
        heard = monotonic()
        self.tally.notified += 1
        async with self._turn:
            session = self._session
            if session is None or not session.is_open:
                return
            if notification.kind == "ABORT_CHARGING":
                await self._detach()
                return
            was_dry = session.is_dry
            groups = (detail.rating_group for detail in notification.details)
            await self._do(session.reauthorise(groups))
            if was_dry and not session.is_dry:
                self.tally.flowing_after_s.append(monotonic() - heard)

    async def _do(self, exchange: Exchange[Done]) -> Done:
        """Carry an exchange out: send what it says, and tell it what is answered."""
        try:
            message = next(exchange)
            while True:
                message = exchange.send(await self._link.send(message))
        except StopIteration as done:
            result: Done = done.value
        self._count()
        if self.is_dry:
            self._flows.clear()
        else:
            self._flows.set()
        return result
