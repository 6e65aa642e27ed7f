"""Identifiers: who and what a row is. All are UUIDv7, made by the caller (RFC 9562)."""

from typing import NewType
from uuid import UUID, uuid5

import uuid_utils.compat

from yuzuri.kernel.errors import Code, DomainError

Home = NewType("Home", int)
PersonId = NewType("PersonId", UUID)
HolderId = NewType("HolderId", UUID)
AllowanceId = NewType("AllowanceId", UUID)
TransferId = NewType("TransferId", UUID)
HoldId = NewType("HoldId", UUID)
GiftId = NewType("GiftId", UUID)
PurchaseId = NewType("PurchaseId", UUID)

HOME = Home(0)
"""The home of every holder where the operator chose to have one: it leads every growing key."""


def new_id() -> UUID:
    """Make an id that sorts by the time of its making."""
    return uuid_utils.compat.uuid7()


def parse_id(text: str, unknown: Code) -> UUID:
    """Read an id; a text that cannot be one is as `unknown` as an id that nobody has."""
    try:
        return UUID(text)
    except ValueError:
        raise DomainError(unknown) from None


def derived_id(parent: UUID, name: str) -> UUID:
    """Name something that follows from `parent`: the same parent and name give the same id."""
    return uuid5(parent, name)
