"""What the server has acknowledged: a file that is flushed to the disk before an answer counts."""

import os
import threading
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Self

import msgspec


class Step(StrEnum):
    """What a client asks for about a gift; the value is the state that it leads to."""

    OFFER = "open"
    ACCEPT = "accepted"
    DECLINE = "declined"
    CANCEL = "cancelled"


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True):
    """One request that was answered with success."""

    wish: int
    """The number of the gift that a client wants to make; it stands in the gift's message."""
    step: Step
    gift: str
    sent_at: float
    """When the request that was answered went out: seconds of a clock that only goes forward."""
    answered_at: float


class AcknowledgementLog:
    """Keeps what was acknowledged, in the order of its arrival; used by all clients at once."""

    def __init__(self, path: Path) -> None:
        self.kept: list[Acknowledged] = []
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._lock = threading.Lock()

    def append(self, acknowledged: Acknowledged) -> None:
        """Keep one; returns when it is on the disk."""
        line = msgspec.json.encode(acknowledged) + b"\n"
        with self._lock:
            os.write(self._file, line)
            os.fsync(self._file)
            self.kept.append(acknowledged)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)


def read_log(path: Path) -> Sequence[Acknowledged]:
    """Read what was kept."""
    with path.open("rb") as file:
        return [msgspec.json.decode(line, type=Acknowledged) for line in file]
