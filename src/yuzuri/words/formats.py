"""Amounts, times, prices and lists as a person of each language writes them."""

import re
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Literal, assert_never
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from babel.lists import format_list
from babel.numbers import format_currency, format_decimal

from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.words.languages import LOCALES
from yuzuri.words.translations import translate

_DATA_SIZES = (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3))
_DECIMALS_MAX = 3
_DECIMAL_PATTERN = "#,##0.###"


def say_quantity(quantity: Quantity, language: Language, *, exact: bool = False) -> str:
    """Say an amount shortly: "1.5 GB", "1 min 30 s", "3 SMS".

    kB, MB, GB and TB are powers of 1000. Data is rounded down to three decimals of the largest of
    them that it fills, so that it never reads as more than there is, nor as 0 where there is
    something. `exact` takes a smaller one instead of rounding.
    """
    sign = "-" if quantity.amount < 0 else ""
    amount = abs(quantity.amount)
    match quantity.unit:
        case Unit.DATA:
            return sign + _say_data(amount, language, exact=exact)
        case Unit.VOICE:
            return sign + say_seconds(amount, language)
        case Unit.SMS:
            return translate(language, "{count} SMS", count=sign + say_number(amount, language))
        case other:
            assert_never(other)


def _say_data(amount: int, language: Language, *, exact: bool) -> str:
    if amount == 0:
        return translate(language, "{number} {size}", number="0", size="MB")
    for size, factor in _DATA_SIZES:
        thousandths, rest = divmod(amount * 10**_DECIMALS_MAX, factor)
        if amount >= factor and not (exact and rest):
            number = format_decimal(
                Decimal(thousandths).scaleb(-_DECIMALS_MAX), _DECIMAL_PATTERN, LOCALES[language]
            )
            return translate(language, "{number} {size}", number=number, size=size)
    return translate(language, "{number} {size}", number=str(amount), size="B")


def say_seconds(amount: int, language: Language) -> str:
    """Say a length of time in minutes and seconds."""
    minutes, seconds = (say_number(part, language) for part in divmod(amount, 60))
    if amount % 60 == 0:
        return translate(language, "{minutes} min", minutes=minutes)
    if amount < 60:
        return translate(language, "{seconds} s", seconds=seconds)
    return translate(language, "{minutes} min {seconds} s", minutes=minutes, seconds=seconds)


def say_number(number: int, language: Language) -> str:
    """Say a whole number, its thousands set apart."""
    return str(format_decimal(number, locale=LOCALES[language]))


# ---------------------------------------------------------------- times

_INSTANT = {
    Language.EN: "EEE d MMMM y, HH:mm",
    Language.JA: "y年M月d日(E) HH:mm",
    Language.ZH: "y年M月d日 EEE HH:mm",
}
_DAY = {Language.EN: "d MMMM y", Language.JA: "y年M月d日", Language.ZH: "y年M月d日"}

_CLEAR_ZONES = frozenset({"UTC", "JST", "KST", "HKT", "EAT", "SAST", "CET", "CEST"})
"""Abbreviations that name one zone only; PST, for one, is in Manila and in California."""


def say_instant(instant: datetime, zone: ZoneInfo, language: Language) -> str:
    """Say day, weekday, time and whose time: "Thu 31 December 2026, 23:30 JST"."""
    local = instant.astimezone(zone)
    said = format_datetime(local, _INSTANT[language], locale=LOCALES[language])
    return f"{said} {say_zone(local)}"


def say_until(instant: datetime, zone: ZoneInfo, language: Language) -> str:
    """Say an end that no longer belongs to what ends: midnight is the end of the day before."""
    day = day_ended_by(instant, zone)
    if day is None:
        return say_instant(instant, zone, language)
    return translate(language, "end of {day}", day=say_day(day, zone, language))


def day_ended_by(instant: datetime, zone: ZoneInfo) -> datetime | None:
    """Return an instant of the day that ends here; None where it is no midnight in `zone`."""
    is_midnight = instant.astimezone(zone).time() == time()
    return instant - timedelta(microseconds=1) if is_midnight else None


def say_day(instant: datetime, zone: ZoneInfo, language: Language) -> str:
    """Say the day of an instant: "31 December 2026"."""
    return str(format_datetime(instant.astimezone(zone), _DAY[language], locale=LOCALES[language]))


def say_zone(local: datetime) -> str:
    """Say whose time it is: an abbreviation that no other zone has, or else the offset."""
    name = local.tzname() or ""
    if name in _CLEAR_ZONES:
        return name
    offset = local.utcoffset() or timedelta()
    hours, minutes = divmod(abs(offset) // timedelta(minutes=1), 60)
    sign = "-" if offset < timedelta() else "+"
    return f"UTC{sign}{hours}" + (f":{minutes:02}" if minutes else "")


def say_days(days: int, language: Language) -> str:
    """Say so many days."""
    if days == 1:
        return translate(language, "1 day")
    return translate(language, "{count} days", count=say_number(days, language))


def say_times(times: int, language: Language) -> str:
    """Say how often: "once", "5 times"."""
    if times == 1:
        return translate(language, "once")
    return translate(language, "{count} times", count=say_number(times, language))


# ---------------------------------------------------------------- prices

_CODE_BEFORE_DIGIT = re.compile(r"(?<=[A-Z]{3})(?=[0-9])")
_PRICE_LOCALES = LOCALES | {Language.EN: "en"}
_NO_MINOR_UNIT = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG",
     "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"]
)  # fmt: skip
_THOUSANDTHS = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])


def say_price(minor: int, currency: str, language: Language) -> str:
    """Say a price in whole minor units of an ISO 4217 currency: "¥110", "110円", "110日元".

    The minor units are those of ISO 4217; how many digits are shown is CLDR's, but none is dropped.
    """
    digits = 0 if currency in _NO_MINOR_UNIT else 3 if currency in _THOUSANDTHS else 2
    said = format_currency(
        Decimal(minor).scaleb(-digits),
        currency,
        locale=_PRICE_LOCALES[language],
        decimal_quantization=False,
        format_type="standard" if language is Language.EN else "name",
    )
    return _CODE_BEFORE_DIGIT.sub(" ", str(said).replace("\N{NO-BREAK SPACE}", " "))


# ---------------------------------------------------------------- names of things

UNITS = {
    Unit.DATA: "data",
    Unit.VOICE: "voice minutes",
    Unit.SMS: "SMS",
}


def say_unit(unit: Unit | str, language: Language) -> str:
    """Say what an allowance counts; a unit that nobody knows stays as it is."""
    known = {member.value: text for member, text in UNITS.items()}
    return translate(language, known[unit]) if unit in known else str(unit)


def say_list(
    parts: Sequence[str], language: Language, joined_by: Literal["and", "or"] = "and"
) -> str:
    """Join what is said as a sentence would; Japanese leaves "and" and "or" to its sentence."""
    is_or = joined_by == "or" and language is not Language.JA
    return format_list(list(parts), "or" if is_or else "standard", locale=LOCALES[language])
