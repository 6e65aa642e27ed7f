"""Which allowances may pay for a rating group, here and now, and until when."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import msgspec

from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.allowances import Allowance, Source
from yuzuri.operators.profiles import Profiles

SHIPPED = Path(str(files("yuzuri.charging"))) / "rating_groups.toml"
"""The table that comes with Yuzuri."""

_NUMBER_MAX = 2**32 - 1
_INSTANT = timedelta(microseconds=1)


class RatingGroup(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
    rename={"first": "from", "last": "to"},
):  # fmt: skip
    """What the numbers `first` to `last` count, and which allowances may pay for it.

    `sources` and `zones`, where they are not empty, name all that may. Without `limited`, what is
    for certain hours of the day may not.
    """

    first: int
    last: int
    name: str
    unit: Unit
    counted: bool = True
    sources: tuple[Source, ...] = ()
    limited: bool = True
    zones: tuple[str, ...] = ()

    def admits(self, allowance: Allowance) -> bool:
        """Tell whether an allowance may pay for it at all."""
        return (
            allowance.unit is self.unit
            and (not self.sources or allowance.source in self.sources)
            and (self.limited or allowance.hours is None)
            and (not self.zones or allowance.zone in self.zones)
        )


class RatingTable:
    """The rating groups of a network, by number."""

    def __init__(self, groups: Iterable[RatingGroup]) -> None:
        self._groups = tuple(sorted(groups, key=lambda group: group.first))
        self._known: dict[int, RatingGroup | None] = {}

    def find(self, number: int) -> RatingGroup | None:
        """Return the group that a number belongs to, or None."""
        if number in self._known:
            return self._known[number]
        group = next((g for g in self._groups if g.first <= number <= g.last), None)
        if group is not None:  # what a stranger makes up is not remembered
            self._known[number] = group
        return group


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    rating_groups: tuple[RatingGroup, ...]


def read_rating_table(path: Path = SHIPPED) -> RatingTable:
    """Read a table of rating groups; raises `PROFILE_INVALID`, which names the file."""
    try:
        groups = msgspec.toml.decode(path.read_bytes(), type=_Table).rating_groups
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise DomainError(Code.PROFILE_INVALID, file=path.name, problem=str(error)) from error
    ordered = sorted(groups, key=lambda group: group.first)
    for group in ordered:
        if not 0 <= group.first <= group.last <= _NUMBER_MAX:
            problem = f"{group.name}: from {group.first} to {group.last} are no numbers of groups"
            raise DomainError(Code.PROFILE_INVALID, file=path.name, problem=problem)
    for before, after in pairwise(ordered):
        if after.first <= before.last:
            problem = f"{before.name} and {after.name} share numbers"
            raise DomainError(Code.PROFILE_INVALID, file=path.name, problem=problem)
    return RatingTable(ordered)


def may_pay(
    allowance: Allowance, group: RatingGroup, profiles: Profiles, country: str, at: datetime
) -> bool:
    """Tell whether an allowance may pay for what is used of a group in a country at an instant."""
    return (
        group.admits(allowance)
        and not allowance.is_over(at)
        and (allowance.hours is None or allowance.hours.contains(at))
        and (
            allowance.zone == country
            or profiles[allowance.operator].covers(allowance.zone, country)
        )
    )


def usable_until(allowance: Allowance, at: datetime) -> datetime | None:
    """Return when an allowance that may pay at an instant no longer may; None: never."""
    if allowance.hours is None:
        return allowance.expires_at
    closes = allowance.hours.next_until(at)
    return closes if allowance.expires_at is None else min(closes, allowance.expires_at)


def last_instant(since: datetime | None, until: datetime) -> datetime:
    """Return the instant that decides who pays for what was used from `since` to `until`.

    What ends with a window was used in it; what begins with the end of a window was not.
    """
    return until if since is not None and since >= until else until - _INSTANT
