"""What simulated phones have seen, counted."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from statistics import median
from typing import Self


@dataclass(slots=True)
class Tally:
    """Counts of one phone, or of many: `of` adds them up."""

    phones: int = 0
    sessions: int = 0
    messages: int = 0
    """All that was sent, repeats included."""
    repeats: int = 0
    bytes_allowed: int = 0
    bytes_stopped: int = 0
    """What somebody wanted to use and could not."""
    bytes_reported: int = 0
    """What was reported and acknowledged: once each, whatever befell the messages."""
    bytes_lost: int = 0
    """What flowed and was never reported: its session has vanished, or was not known any more."""
    call_s_allowed: int = 0
    call_s_stopped: int = 0
    texts_allowed: int = 0
    texts_stopped: int = 0
    dry: int = 0
    """How often a line ran dry."""
    vanished: int = 0
    """Sessions that ended without a word."""
    notified: int = 0
    flowing_after_s: list[float] = field(default_factory=list)
    """From each notification that let a dry line go on to the grant by which it did."""
    statuses: Counter[int] = field(default_factory=Counter)
    """Answers by status, 0 for none."""

    @classmethod
    def of(cls, tallies: Iterable["Tally"]) -> Self:
        """Add tallies up."""
        whole = cls()
        for tally in tallies:
            for each in fields(cls):
                setattr(whole, each.name, getattr(whole, each.name) + getattr(tally, each.name))
        return whole

    @property
    def flowing_after_median_s(self) -> float | None:
        """From a notification to bytes that flow again; None: no line was dry when told."""
        return median(self.flowing_after_s) if self.flowing_after_s else None

    @property
    def flowing_after_max_s(self) -> float | None:
        """The longest of them."""
        return max(self.flowing_after_s, default=None)

    @property
    def unexpected(self) -> dict[int, int]:
        """Answers that no message should get, by status: all but success and "not known"."""
        return {
            status: count
            for status, count in sorted(self.statuses.items())
            if not 200 <= status < 300 and status != 404
        }

    def note_status(self, status: int) -> None:
        """Count an answer."""
        self.statuses[status] += 1
