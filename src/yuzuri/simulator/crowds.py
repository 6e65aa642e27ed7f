"""Many phones at once, each living through its days at a speed-up."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from random import Random
from time import monotonic
from uuid import UUID

from yuzuri.kernel.calendar import Clock, utc_now
from yuzuri.simulator.core import Core
from yuzuri.simulator.mishaps import USUAL, Mishaps
from yuzuri.simulator.phones import Phone
from yuzuri.simulator.profiles import (
    STEPS_PER_DAY,
    Doing,
    Ending,
    ProfileName,
    live,
    profiles,
)
from yuzuri.simulator.sessions import FREE5GC, Manner, standard_manner
from yuzuri.simulator.tallies import Tally

_FREE5GC_ONE_IN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """So many lines whose SUPIs count upwards; the profiles are dealt to them in turn.

    The same seed sends the same messages, but for what the answers and the clock change of them.
    """

    lines: int
    profiles: Sequence[ProfileName]
    first_supi: str
    seed: int = 1
    seconds: float = 60.0
    """How long it lasts."""
    days: float = 1.0
    """How much of their lives that is."""
    mishaps: Mishaps = USUAL

    @property
    def step_s(self) -> float:
        """How long a quarter of an hour takes."""
        return self.seconds / max(round(self.days * STEPS_PER_DAY), 1)


def supis_from(first: str, count: int) -> list[str]:
    """Count SUPIs upwards, such as imsi-440990000000001; raises `ValueError` for another kind."""
    digits = first.removeprefix("imsi-")
    if not first.startswith("imsi-") or not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"{first} is not a SUPI such as imsi-440990000000001")
    if not 6 <= len(digits) <= 15 or int(digits) + count > 10 ** len(digits):
        raise ValueError(f"there are no {count} SUPIs of 6 to 15 digits from {first} on")
    return [f"imsi-{int(digits) + number:0{len(digits)}}" for number in range(count)]


async def run_crowd(
    core: Core, crowd: Crowd, *, clock: Clock = utc_now, tell: Callable[[], None] = lambda: None
) -> dict[ProfileName, Tally]:
    """Let them all live through their days; returns what they saw, by profile.

    `tell` is called whenever one of them has lived through a step. Sessions that are open at the
    end are released.
    """
    supis = supis_from(crowd.first_supi, crowd.lines)
    dealt = list(islice(cycle(crowd.profiles), crowd.lines))
    manners = [_manner(crowd.seed, number) for number in range(crowd.lines)]
    phones = [
        Phone(core, supi, manner=manner, clock=clock, mishaps=crowd.mishaps, seed=crowd.seed)
        for supi, manner in zip(supis, manners, strict=True)
    ]
    began = monotonic()
    async with asyncio.TaskGroup() as group:
        for phone, name in zip(phones, dealt, strict=True):
            group.create_task(_live(phone, crowd, name, began, tell))
    return {
        name: Tally.of(p.tally for p, of in zip(phones, dealt, strict=True) if of is name)
        for name in dict.fromkeys(dealt)
    }


async def _live(
    phone: Phone, crowd: Crowd, name: ProfileName, began: float, tell: Callable[[], None]
) -> None:
    random = Random(f"{crowd.seed} {phone.identity.supi} lives")  # noqa: S311
    due = began + random.random() * crowd.step_s
    for doing in live(profiles()[name], random, crowd.days):
        await asyncio.sleep(max(due - monotonic(), 0.0))
        await _do(phone, doing)
        tell()
        due += crowd.step_s
    await phone.detach()


async def _do(phone: Phone, doing: Doing) -> None:
    if doing.place is not None:
        await phone.move(doing.place)
    if doing.bytes:
        await phone.use(doing.bytes)
    if doing.call_s:
        await phone.call(doing.call_s)
    for _ in range(doing.texts):
        await phone.send_text()
    match doing.ending:
        case Ending.RELEASED:
            await phone.detach()
        case Ending.VANISHED:
            await phone.vanish()
        case None:
            pass


def _manner(seed: int, number: int) -> Manner:
    """One line in four is in a core of free5GC, the others in one that follows the standard."""
    if number % _FREE5GC_ONE_IN == _FREE5GC_ONE_IN - 1:
        return FREE5GC
    random = Random(f"{seed} session manager")  # noqa: S311 - the same in each run
    return standard_manner(str(UUID(int=random.getrandbits(128), version=4)))
