"""Which language a reader gets, and how Babel calls it."""

import re
from collections.abc import Iterator

from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.names import Language

LOCALES = {Language.EN: "en_GB", Language.JA: "ja_JP", Language.ZH: "zh_Hans_CN"}
"""Babel's locale of each language: how lists, dates, numbers and prices are written."""

_RANGES_MAX = 20


def parse_language(text: str) -> Language:
    """Read a language as systems name it: "ja", "ja-JP", "zh_CN"; raises `LANGUAGE_UNKNOWN`."""
    try:
        return Language(re.split("[-_.]", text.lower())[0])
    except ValueError:
        raise DomainError(Code.LANGUAGE_UNKNOWN, text=text[:40]) from None


def choose_language(accept_language: str | None, default: Language = Language.EN) -> Language:
    """Return the language that an `Accept-Language` header (RFC 9110) likes best, or `default`.

    Every kind of Chinese is served simplified Chinese. What cannot be read is passed over.
    """
    ranges = _ranges(accept_language or "")
    for tag, _ in sorted(ranges, key=lambda tag_and_weight: -tag_and_weight[1]):
        primary = tag.split("-")[0].lower()
        if primary in set(Language):
            return Language(primary)
    return default


def _ranges(header: str) -> Iterator[tuple[str, float]]:
    """Yield what is wanted at all, and how much."""
    for part in header.split(",", _RANGES_MAX)[:_RANGES_MAX]:
        tag, _, parameter = part.partition(";")
        name, _, value = parameter.strip().partition("=")
        try:
            weight = float(value) if name.strip().lower() == "q" else 1.0
        except ValueError:
            continue
        if 0 < weight <= 1:
            yield tag.strip(), weight
