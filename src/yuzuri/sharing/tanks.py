"""Tanks: a common store of an operator's, to which anyone gives, and on which lines in need draw.

An ordinary tank follows what the operator publishes (`operators.services.Tank`); an emergency tank
opens for an area and a time. Nothing that is given comes back.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from yuzuri.feasibility.verdict import Arrival
from yuzuri.kernel.amounts import checked_quantity
from yuzuri.kernel.calendar import month_start
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import HOME, HolderId, PersonId, PoolId, home_of
from yuzuri.kernel.quantities import Unit
from yuzuri.operators.countries import known_countries
from yuzuri.sharing.gifts import GiftRefused

NAME_LENGTH_MAX = 40
"""Characters of the name of a tank."""

_AREA = re.compile(r"([A-Z]{2})-[A-Z0-9]{1,3}")


class Tank(msgspec.Struct, frozen=True, kw_only=True):
    """A store of one operator's; `area` (ISO 3166-2) where it is for an emergency there."""

    id: PoolId
    operator: str
    name: str
    area: str | None = None
    opened_at: datetime
    until: datetime | None = None
    """From when it is closed; None: it has no end."""

    def is_open(self, at: datetime) -> bool:
        """Tell whether one may give to it and draw from it."""
        return self.until is None or at < self.until


class TankAccount(msgspec.Struct, kw_only=True):
    """What a line has given to a tank and drawn from it; bytes of data.

    `draws` and `drawn_this_month` count since `month`, the first instant of a month of the
    operator's; `given` and `drawn` from the beginning. Only decisions change it.
    """

    line: HolderId
    tank: PoolId
    month: datetime
    draws: int = 0
    drawn_this_month: int = 0
    given: int = 0
    drawn: int = 0

    def in_month_of(self, at: datetime, zone: ZoneInfo) -> tuple[int, int]:
        """Return how often it has drawn in the month of an instant, and how many bytes.

        Where the clock has gone back, the later month goes on.
        """
        is_over = month_start(at, zone) > self.month
        return (0, 0) if is_over else (self.draws, self.drawn_this_month)

    def draw(self, amount: int, at: datetime, zone: ZoneInfo) -> None:
        """Count a draw; a new month begins at 0."""
        draws, drawn = self.in_month_of(at, zone)
        self.month = max(self.month, month_start(at, zone))
        self.draws = draws + 1
        self.drawn_this_month = drawn + amount
        self.drawn += amount


# ---------------------------------------------------------------- commands


class OpenTank(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Open a tank of an operator's: the operator's own command, and the id is a new one.

    With an `area` it is for an emergency there, `until` then (None: as long as is published).
    """

    tank: PoolId
    operator: str
    name: str
    area: str | None = None
    until: datetime | None = None


class ExtendTank(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Let an emergency tank be open until later."""

    tank: PoolId
    until: datetime


class CloseTank(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Close a tank now; what is in it ends when it would have ended anyway."""

    tank: PoolId


class GiveToTank(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Give data of a line that the person has to a tank of its operator's."""

    person: PersonId
    line: HolderId
    tank: PoolId
    unit: Unit
    amount: int


class DrawFromTank(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Draw data from a tank to a line that the person has, as far as its rules let one."""

    person: PersonId
    line: HolderId
    tank: PoolId
    amount: int


TankCommand = OpenTank | ExtendTank | CloseTank | GiveToTank | DrawFromTank


def checked_tank_command(command: TankCommand) -> TankCommand:
    """Return a command that can be understood, or raise `DomainError`."""
    match command:
        case OpenTank():
            if not command.name.strip() or "\0" in command.name:
                raise DomainError(Code.REQUEST_INVALID, field="name", problem="it is no text")
            if len(command.name) > NAME_LENGTH_MAX:
                raise DomainError(Code.MESSAGE_TOO_LONG, limit=NAME_LENGTH_MAX)
            if home_of(command.tank) != HOME:
                problem = "a tank lives in the first home"
                raise DomainError(Code.REQUEST_INVALID, field="tank", problem=problem)
            if command.area is not None:
                checked_area(command.area)
        case GiveToTank():
            checked_quantity(command.amount, command.unit)
        case DrawFromTank():
            checked_quantity(command.amount, Unit.DATA)
        case ExtendTank() | CloseTank():
            pass
    return command


def checked_area(text: str) -> str:
    """Return an area as ISO 3166-2 writes it, such as JP-17, or raise `AREA_UNREADABLE`."""
    found = _AREA.fullmatch(text)
    if found is None or found[1] not in known_countries():
        raise DomainError(Code.AREA_UNREADABLE, text=text[:40])
    return text


# ---------------------------------------------------------------- outcomes


@dataclass(frozen=True, slots=True)
class TankDone:
    """The tank is as the command asked, and what a draw brought."""

    tank: PoolId
    arrives: tuple[Arrival, ...] = ()


TankOutcome = TankDone | GiftRefused
"""Every reason of a refusal, the deciding ones first, and what would work instead."""
