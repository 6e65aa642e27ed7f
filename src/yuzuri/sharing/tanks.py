"""Tanks: a common store of an operator's, to which anyone gives, and on which lines in need draw.

An ordinary tank follows what the operator publishes (`operators.services.Tank`); an emergency tank
opens for an area and a time. Nothing that is given comes back.
"""

from datetime import datetime

import msgspec

from yuzuri.kernel.errors import Refusal
from yuzuri.kernel.ids import HolderId, PersonId, PoolId
from yuzuri.kernel.quantities import Unit


class Tank(msgspec.Struct, frozen=True, kw_only=True):
    """A store of one operator's; `area` (ISO 3166-2) where it is for an emergency there."""

    id: PoolId
    operator: str
    name: str
    area: str | None = None
    opened_at: datetime
    until: datetime | None = None
    closed_at: datetime | None = None


class TankAccount(msgspec.Struct, kw_only=True):
    """What a line has given to an operator's tanks and drawn; bytes of data.

    `draws` and `drawn_this_month` count since `month`, the first instant of a month of the
    operator's; `given` and `drawn` from the beginning.
    """

    line: HolderId
    month: datetime
    draws: int = 0
    drawn_this_month: int = 0
    given: int = 0
    drawn: int = 0


class OpenTank(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Open a tank of an operator's; the operator's own command, and the id is a new one."""

    tank: PoolId
    operator: str
    name: str
    area: str | None = None
    until: datetime | None = None


class ExtendTank(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Let an emergency tank be open until later, or close it now."""

    tank: PoolId
    until: datetime


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


TankCommand = OpenTank | ExtendTank | GiveToTank | DrawFromTank


class TankDone(msgspec.Struct, frozen=True):
    """The tank is as the command asked."""

    tank: PoolId


TankOutcome = TankDone | Refusal
