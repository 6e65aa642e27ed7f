"""The shares of a link as fruits: which are taken and how large each one was. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

FRUITS_MAX = 60
"""More shares than that are drawn as so many fruits that each stand for several."""

WIDTH = 320
_RADIUS = 10
"""Of a fruit as it is drawn before it is scaled."""

_ROW = 1.15
"""How high a row is, in widths of a place: there is room for the leaves."""


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
        radius = place * min(max(0.34 * size, 0.16), 0.47)
        fruits.append(
            Fruit(
                x=round(left + place * (column + 0.5), 1),
                y=round(place * (0.65 + row * _ROW), 1),
                scale=round(radius / _RADIUS, 3),
                is_taken=number < filled,
                initial=known.initial if known and radius > 9 else "",
            )
        )
    rows = -(-count // columns)
    return Fruits(WIDTH, round(place * (0.15 + rows * _ROW), 1), each, tuple(fruits))


def _columns(count: int) -> int:
    """Return how many stand beside each other: rows as even as can be."""
    most = 5 if count <= 15 else 8 if count <= 32 else 12
    rows = -(-count // most)
    return -(-count // rows)
