"""A code and its fields as a sentence in the reader's language, with what one can do next."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from string import Formatter
from zoneinfo import ZoneInfo

from yuzuri.kernel.errors import Code, FieldValue
from yuzuri.kernel.names import Language, Name
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.words.formats import (
    say_days,
    say_instant,
    say_list,
    say_number,
    say_price,
    say_quantity,
    say_seconds,
    say_times,
    say_unit,
    say_until,
)
from yuzuri.words.sentence_table import (
    CLASSES,
    EXPECTED,
    PLAN_TYPES,
    SENTENCES,
    STATES,
    Sentence,
)
from yuzuri.words.translations import translate


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence, and what one can do next; empty where there is nothing to do."""

    text: str
    next_step: str


def say(code: Code, fields: Mapping[str, FieldValue], language: Language, zone: ZoneInfo) -> Said:
    """Say a code with the values it came with; one that is missing leaves its clause out.

    Times are said in `zone`, the one in which the operator counts its days.
    """
    sentence = SENTENCES[code]
    values = dict(_say_fields(sentence, fields, language, zone))
    # Nobody is told to give 0 MB.
    doable = {key: said for key, said in values.items() if not _is_nothing(fields.get(key))}
    return Said(
        _first_complete(sentence.texts, values, language),
        _first_complete(sentence.next_steps, doable, language),
    )


def placeholders(text: str) -> frozenset[str]:
    """Return the names in braces."""
    return frozenset(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def _first_complete(texts: Iterable[str], values: Mapping[str, str], language: Language) -> str:
    for text in texts:
        if placeholders(text) <= values.keys():
            return translate(language, text, **values)
    return ""


def _is_nothing(value: FieldValue | None) -> bool:
    return isinstance(value, Quantity) and value.amount <= 0


def _say_fields(
    sentence: Sentence, fields: Mapping[str, FieldValue], language: Language, zone: ZoneInfo
) -> Iterator[tuple[str, str]]:
    exact = _alike(fields, language)
    for key, value in fields.items():
        if _says_nothing(key, value, fields):
            continue
        match value:
            case Quantity():
                yield key, say_quantity(value, language, exact=exact)
            case Name():
                yield key, value.in_language(language)
            case datetime():
                say_time = say_until if key in sentence.ends else say_instant
                yield key, say_time(value, zone, language)
            case tuple():
                parts = [_say_part(key, part, fields, language) for part in value]
                yield key, say_list(parts, language, "or" if key in {"classes", "types"} else "and")
            case int() if key == "days":
                yield key, say_days(value, language)
            case int() if key == "seconds":
                yield key, say_seconds(value, language)
            case int():
                yield key, say_number(value, language)
                yield f"{key}_times", say_times(value, language)
            case str():
                yield from _say_text(key, value, language)
    minor, currency = fields.get("minor"), fields.get("currency")
    if isinstance(minor, int) and isinstance(currency, str):
        yield "price", say_price(minor, currency, language)


def _says_nothing(key: str, value: FieldValue, fields: Mapping[str, FieldValue]) -> bool:
    """Tell whether another field says it: an operator beside itself, or a limit with all left."""
    told_by = {"other": "operator", "left": "limit"}.get(key)
    return told_by is not None and value == fields.get(told_by)


def _alike(fields: Mapping[str, FieldValue], language: Language) -> bool:
    """Tell whether two amounts would read the same, said shortly, although they differ."""
    amounts = {value for value in fields.values() if isinstance(value, Quantity)}
    return len({say_quantity(amount, language) for amount in amounts}) < len(amounts)


def _say_text(key: str, value: str, language: Language) -> Iterator[tuple[str, str]]:
    if key == "unit":
        yield key, say_unit(value, language)
    elif key == "state":
        if value in STATES:
            yield key, translate(language, STATES[value])
    elif key == "expected":
        yield key, translate(language, value) if value in EXPECTED else value
    else:
        yield key, value


def _say_part(key: str, part: object, fields: Mapping[str, FieldValue], language: Language) -> str:
    match part:
        case Quantity():
            return say_quantity(part, language)
        case str() if key == "offered":
            return say_unit(part, language)
        case str() if key == "classes" and part in CLASSES:
            of_data, of_any = CLASSES[part]
            units = {value.unit for value in fields.values() if isinstance(value, Quantity)}
            return translate(language, of_data if units <= {Unit.DATA} else of_any)
        case str() if key == "types" and part in PLAN_TYPES:
            return translate(language, PLAN_TYPES[part])
        case _:
            return str(part)
