"""What befalls messages between a core and its charging function, from a seed."""

from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Fate(StrEnum):
    """What befalls one message."""

    DELIVERED = "delivered"
    REQUEST_LOST = "request lost"
    """It never arrives; the core says it again."""
    ANSWER_LOST = "answer lost"
    """It arrives, its answer does not; the core says it again."""
    TWICE = "twice"
    """The network delivers it twice."""
    LATE = "late"
    """The core says it again, goes on, and the first one arrives after later messages."""


@dataclass(frozen=True, slots=True)
class Mishaps:
    """How often each befalls a message: a share of all, 0 to 1."""

    request_lost: float = 0.01
    answer_lost: float = 0.02
    twice: float = 0.01
    late: float = 0.01

    def draw(self, random: Random) -> Fate:
        """Say what befalls the next message."""
        drawn = random.random()
        for fate, share in (
            (Fate.REQUEST_LOST, self.request_lost),
            (Fate.ANSWER_LOST, self.answer_lost),
            (Fate.TWICE, self.twice),
            (Fate.LATE, self.late),
        ):
            if drawn < share:
                return fate
            drawn -= share
        return Fate.DELIVERED


USUAL = Mishaps()
"""More than a good network shows, so that a short run has some of each."""

NONE = Mishaps(0, 0, 0, 0)
"""A network that loses and repeats nothing."""

LATER_BY = range(1, 4)
"""After how many later messages a late one arrives."""
