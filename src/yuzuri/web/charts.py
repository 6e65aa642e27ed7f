"""Charts of use by hour: where each bar stands, in the units of the drawing. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from yuzuri.charging.use import HourUse
from yuzuri.kernel.quantities import Unit

WIDTH = 300
"""How wide a drawing is; the page makes it as wide as there is room."""

_VISIBLE = 1.5
"""How high the smallest bar is: what was used is never drawn as nothing."""

_GAP = 0.25
"""Which part of an hour's width lies between two bars."""

_ROUND = (1, 2, 3, 4, 6, 8)


@dataclass(frozen=True, slots=True)
class Box:
    """Where in a drawing bars may stand."""

    x: float
    y: float
    width: float
    height: float

    @property
    def bottom(self) -> float:
        """Where bars stand on."""
        return self.y + self.height


@dataclass(frozen=True, slots=True)
class Bar:
    """What was used in an hour; what was paid from night allowances stands on the rest."""

    x: float
    width: float
    day_y: float
    day_height: float
    night_y: float
    night_height: float


@dataclass(frozen=True, slots=True)
class Tick:
    """An hour of the clocks below a chart."""

    x: float
    text: str


def draw_bars(hours: Sequence[HourUse], box: Box, most: int) -> tuple[Bar, ...]:
    """Draw the data that was used in each hour; `most` bytes are as high as the box.

    Each hour has its place, as wide as that of any other, also where nothing was used in it.
    """
    place = box.width / len(hours)
    bars = []
    for number, hour in enumerate(hours):
        day = _height(hour.total(Unit.DATA, is_night=False), box, most)
        night = _height(hour.total(Unit.DATA, is_night=True), box, most)
        if not day and not night:
            continue
        bars.append(
            Bar(
                x=round(box.x + place * (number + _GAP / 2), 2),
                width=round(place * (1 - _GAP), 2),
                day_y=round(box.bottom - day, 2),
                day_height=day,
                night_y=round(box.bottom - day - night, 2),
                night_height=night,
            )
        )
    return tuple(bars)


def _height(amount: int, box: Box, most: int) -> float:
    return max(_VISIBLE, round(amount / most * box.height, 2)) if amount else 0.0


def hour_ticks(hours: Sequence[HourUse], box: Box, zone: ZoneInfo, every: int) -> tuple[Tick, ...]:
    """Mark where clocks show each hour that `every` divides, and the end of the day."""
    place = box.width / len(hours)
    shown = [_clock_hour(hour.since, zone) for hour in hours]
    ticks = [
        Tick(round(box.x + place * number, 2), str(hour))
        for number, hour in enumerate(shown)
        if hour % every == 0 and hour not in shown[:number]
    ]
    return (*ticks, Tick(box.x + box.width, "24"))


def _clock_hour(at: datetime, zone: ZoneInfo) -> int:
    return at.astimezone(zone).hour


def round_up(amount: int) -> int:
    """Return the next amount that is easy to read: one digit with zeros."""
    size = 1
    while True:
        for step in _ROUND:
            if amount <= step * size:
                return step * size
        size *= 10
