"""Reading amounts that people write, such as "1 GB" or "10 min", and their units."""

import re
from fractions import Fraction

from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.quantities import AMOUNT_MAX, Quantity, Unit

_SUFFIXES: dict[str, tuple[Unit, int]] = {
    "b": (Unit.DATA, 1),
    "byte": (Unit.DATA, 1),
    "bytes": (Unit.DATA, 1),
    "kb": (Unit.DATA, 10**3),
    "mb": (Unit.DATA, 10**6),
    "gb": (Unit.DATA, 10**9),
    "tb": (Unit.DATA, 10**12),
    "kib": (Unit.DATA, 2**10),
    "mib": (Unit.DATA, 2**20),
    "gib": (Unit.DATA, 2**30),
    "s": (Unit.VOICE, 1),
    "sec": (Unit.VOICE, 1),
    "min": (Unit.VOICE, 60),
    "h": (Unit.VOICE, 3600),
    "sms": (Unit.SMS, 1),
}
_AMOUNT = re.compile(r"\s*(-?[0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*")
_TEXT_LENGTH_MAX = 40


def parse_quantity(text: str, unit: Unit | None = None) -> Quantity:
    """Read "1GB", "500 MB", "1.5GiB", "10min", "20 sms"; a bare number counts base units.

    kB, MB, GB and TB are powers of 1000, KiB, MiB and GiB of 1024 (IEC 80000-13).
    Raises `DomainError` when the text is no amount, is not a whole number of base units, or is of
    another unit than the one asked for.
    """
    match = _AMOUNT.fullmatch(text)
    if match is None or len(text) > _TEXT_LENGTH_MAX:
        raise DomainError(Code.AMOUNT_UNREADABLE, text=text[:_TEXT_LENGTH_MAX])
    number, suffix = match.groups()
    if suffix:
        if suffix.lower() not in _SUFFIXES:
            raise DomainError(Code.AMOUNT_UNREADABLE, text=text)
        found, factor = _SUFFIXES[suffix.lower()]
        if unit is not None and found is not unit:
            raise DomainError(Code.UNIT_MISMATCH, unit=unit.value, text=text)
    elif unit is not None:
        found, factor = unit, 1
    else:
        raise DomainError(Code.AMOUNT_UNREADABLE, text=text)
    exact = Fraction(number) * factor
    if exact.denominator != 1:
        raise DomainError(Code.AMOUNT_FRACTIONAL, text=text)
    return checked_quantity(exact.numerator, found)


def parse_unit(text: str) -> Unit:
    """Read "data", "voice" or "sms"; raises `UNIT_UNKNOWN`."""
    try:
        return Unit(text.lower())
    except ValueError:
        raise DomainError(Code.UNIT_UNKNOWN, text=text[:_TEXT_LENGTH_MAX]) from None


def checked_quantity(amount: int, unit: Unit) -> Quantity:
    """Return an amount that can be moved: above zero and within `AMOUNT_MAX`, or raise."""
    if amount <= 0:
        raise DomainError(Code.AMOUNT_NOT_POSITIVE)
    if amount > AMOUNT_MAX:
        raise DomainError(Code.AMOUNT_TOO_LARGE)
    return Quantity(amount, unit)
