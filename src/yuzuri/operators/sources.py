"""Where a rule was read, as of when, and how sure we are of it."""

from enum import StrEnum
from typing import Generic, TypeVar

import msgspec

T_co = TypeVar("T_co", covariant=True)


class Confidence(StrEnum):
    """How sure we are that a rule is in force as written."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A piece of a profile; an unknown key is an error, so that no typing slip passes silently."""


class Source(Part, frozen=True):
    """Where a rule was read, and the date that it speaks for (YYYY[-MM[-DD]])."""

    title: str
    url: str
    as_of: str
    confidence: Confidence


class Rule(Part, Generic[T_co], frozen=True):
    """One published rule: its value, and the key of the source that it was read from."""

    value: T_co
    source: str
