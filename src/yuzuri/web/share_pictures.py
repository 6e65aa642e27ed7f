"""The shares of a link as fruits: which are taken and how large each one was. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

FRUITS_MAX = 60
"""More shares than that are drawn as so many fruits that each stand for several."""

WIDTH = 320
_READABLE = 9
"""A smaller fruit has no room for a letter."""

_RADIUS = 10
"""Of a fruit as it is drawn before it is scaled."""

_MEAN, _SMALLEST, _LARGEST = 0.34, 0.16, 0.46
"""Radii in widths of a place: a share of the mean size, and how far others may differ from it."""

_FIRST, _ROW = 0.78, 1.2
"""Where the middles of the first row are and how far the next one is: there is room for leaves."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A share that was taken: what it was (base units), and by whom; "" where that is hidden."""

    amount: int
    initial: str


@dataclass(frozen=True, slots=True)
class Fruit:
    """One fruit, its middle in the units of the drawing."""

    x: float
    y: float
    scale: float
    is_taken: bool
    initial: str = ""


@dataclass(frozen=True, slots=True)
class Fruits:
    """All shares; `each` is how many one fruit stands for."""

    width: float
    height: float
    each: int
    fruits: tuple[Fruit, ...]


def draw_fruits(shares: int, amount: int, taken: int, first: Sequence[Taken]) -> Fruits:
    """Draw so many shares of an amount, the taken ones first, in the order in which they went.

    `first` are the shares that were taken first, where they are few enough to be told apart. A
    fruit's area goes with its amount; what is still to be drawn is as large as the mean.
    """
    each = -(-shares // FRUITS_MAX)
    count = -(-shares // each)
    columns = _columns(count)
    place = WIDTH / max(columns, 4)
    left = (WIDTH - place * columns) / 2
    # Several together are as good as taken when all of them are; the first one counts at once.
    filled = max(taken // each, 1 if taken else 0)
    mean = amount / shares
    fruits = []
    for number in range(count):
        row, column = divmod(number, columns)
        known = first[number] if each == 1 and number < min(taken, len(first)) else None
        size = sqrt(known.amount / mean) if known else 1.0
        radius = place * min(max(_MEAN * size, _SMALLEST), _LARGEST)
        fruits.append(
            Fruit(
                x=round(left + place * (column + 0.5), 1),
                y=round(place * (_FIRST + row * _ROW), 1),
                scale=round(radius / _RADIUS, 3),
                is_taken=number < filled,
                initial=known.initial if known and radius >= _READABLE else "",
            )
        )
    rows = -(-count // columns)
    return Fruits(WIDTH, round(place * (_FIRST + (rows - 1) * _ROW + 0.5), 1), each, tuple(fruits))


def _columns(count: int) -> int:
    """Return how many stand beside each other: rows as even as can be."""
    most = 5 if count <= 15 else 8 if count <= 32 else 12
    rows = -(-count // most)
    return -(-count // rows)
