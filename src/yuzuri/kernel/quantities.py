"""What an eSIM holds, in whole base units: bytes, seconds and messages, never a float."""

from enum import StrEnum
from typing import Self

AMOUNT_MAX = 2**63 - 1
"""The largest amount that a `bigint` holds."""


class Unit(StrEnum):
    """What an allowance counts, in its base unit: bytes, seconds or messages."""

    DATA = "data"
    VOICE = "voice"
    SMS = "sms"


class Quantity(tuple[int, Unit]):
    """So many base units of one kind; a tuple, so that profiles can read it from text."""

    __slots__ = ()

    def __new__(cls, amount: int, unit: Unit) -> Self:
        """Make a quantity; no range is checked here."""
        return super().__new__(cls, (amount, unit))

    @property
    def amount(self) -> int:
        """Bytes, seconds or messages."""
        return self[0]

    @property
    def unit(self) -> Unit:
        """Which of them."""
        return self[1]

    def __repr__(self) -> str:
        return f"Quantity({self.amount}, {self.unit.value})"
