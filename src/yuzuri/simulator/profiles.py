"""How people use their phones through a day: shapes as data, and what comes of them from a seed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from random import Random
from typing import Annotated

import msgspec

from yuzuri.simulator.wire import Plmn

STEPS_PER_HOUR = 4
STEPS_PER_DAY = 24 * STEPS_PER_HOUR

_CALL_MEAN_S = 120
_SESSION_ENDS = 0.02
"""How likely a session ends in a step; one in five of them without a word."""
_VANISHES = 0.2


class ProfileName(StrEnum):
    """The profiles that there are."""

    COMMUTER = "commuter"
    TOURIST = "tourist"
    STUDENT = "student"
    NIGHT = "night"


class Stay(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"since": "from"}):
    """From this hour of each day on, the phone is in this network."""

    since: Annotated[int, msgspec.Meta(ge=0, le=23)]
    mcc: str
    mnc: str


OfEachHour = Annotated[tuple[Annotated[int, msgspec.Meta(ge=0)], ...], msgspec.Meta(
    min_length=24, max_length=24
)]  # fmt: skip


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What people of one kind use in each hour of a day."""

    about: str
    megabytes: OfEachHour
    call_s: OfEachHour
    texts: OfEachHour
    networks: tuple[Stay, ...] = ()


@cache
def profiles() -> Mapping[ProfileName, Profile]:
    """Read the profiles that come with Yuzuri."""
    text = (files("yuzuri.simulator") / "profiles.toml").read_bytes()
    return msgspec.toml.decode(text, type=dict[ProfileName, Profile])


class Ending(StrEnum):
    """How a session ends."""

    RELEASED = "released"
    VANISHED = "vanished"


@dataclass(frozen=True, slots=True)
class Doing:
    """What somebody does with a phone in one step, in this order."""

    place: Plmn | None
    """Where the phone is now; None: where it was."""
    bytes: int
    call_s: int
    texts: int
    ending: Ending | None


def live(profile: Profile, random: Random, days: float) -> Iterator[Doing]:
    """Yield what somebody does in each quarter of an hour, from midnight on."""
    for step in range(round(days * STEPS_PER_DAY)):
        hour, quarter = divmod(step % STEPS_PER_DAY, STEPS_PER_HOUR)
        stay = next((stay for stay in profile.networks if stay.since == hour), None)
        mean = profile.megabytes[hour] * 10**6 / STEPS_PER_HOUR
        calls = random.random() < profile.call_s[hour] / STEPS_PER_HOUR / _CALL_MEAN_S
        ends = random.random() < _SESSION_ENDS
        yield Doing(
            place=Plmn(stay.mcc, stay.mnc) if stay is not None and quarter == 0 else None,
            bytes=round(random.expovariate(1 / mean)) if mean else 0,
            call_s=max(1, round(random.expovariate(1 / _CALL_MEAN_S))) if calls else 0,
            texts=sum(random.random() < 1 / STEPS_PER_HOUR for _ in range(profile.texts[hour])),
            ending=_draw_ending(random) if ends else None,
        )


def _draw_ending(random: Random) -> Ending:
    return Ending.VANISHED if random.random() < _VANISHES else Ending.RELEASED
