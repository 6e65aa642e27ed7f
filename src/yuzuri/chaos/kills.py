"""What is killed, and when: drawn from a seed, so that a run can be made again."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Victim(StrEnum):
    """What SIGKILL ends at once."""

    SERVER = "server"
    """The server with all its workers; the database then stops by itself, as nobody uses it."""
    WORKER = "worker"
    """One of the processes that serve."""
    POSTGRESQL = "postgresql"
    """The postmaster, its keeper and every process of theirs."""
    BACKEND = "backend"
    """One process of PostgreSQL: the postmaster ends the others, and recovers as after a crash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """One kill of the plan."""

    victim: Victim
    after_s: float
    """So long after the server has answered again, or after the last kill if it is `early`."""
    early: bool
    """Whether it comes without waiting for the recovery from the last one."""
    which: float
    """Which of several processes, as a fraction of their number."""


AFTER_S = (0.05, 1.2)
EARLY_SHARE = 0.15


def plan_kills(seed: int, count: int) -> Sequence[Kill]:
    """Draw so many kills; of each victim as many as of any other, or one more."""
    random = Random(f"kills {seed}")  # noqa: S311 - to be repeated, not to be secret
    victims = list(Victim)
    random.shuffle(victims)
    drawn = [victims[number % len(victims)] for number in range(count)]
    random.shuffle(drawn)
    return [
        Kill(
            victim=victim,
            after_s=random.uniform(*AFTER_S),
            early=number > 0 and random.random() < EARLY_SHARE,
            which=random.random(),
        )
        for number, victim in enumerate(drawn)
    ]
