"""Identifiers: who and what a row is. All are UUIDv7, made by the caller (RFC 9562)."""

from collections.abc import Iterable
from typing import NewType, TypeVar
from uuid import UUID, uuid5

import uuid_utils

from yuzuri.kernel.errors import Code, DomainError


class Id(bytes):
    """The 16 bytes of a UUID: compared, hashed and sorted as fast as bytes, shown as a UUID."""

    __slots__ = ()

    def __str__(self) -> str:
        digits = self.hex()  # five times as fast as by way of a UUID
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def __repr__(self) -> str:
        return f"Id({self})"

    @property
    def uuid(self) -> UUID:
        """The same as the standard library's UUID."""
        return UUID(bytes=bytes(self))


Home = NewType("Home", int)
PersonId = NewType("PersonId", Id)
HolderId = NewType("HolderId", Id)
AllowanceId = NewType("AllowanceId", Id)
TransferId = NewType("TransferId", Id)
HoldId = NewType("HoldId", Id)
GiftId = NewType("GiftId", Id)
PurchaseId = NewType("PurchaseId", Id)
SessionId = NewType("SessionId", Id)
PoolId = NewType("PoolId", HolderId)
LinkId = NewType("LinkId", Id)
RequestId = NewType("RequestId", Id)
InvitationId = NewType("InvitationId", Id)
DelegationId = NewType("DelegationId", Id)
AgreementId = NewType("AgreementId", Id)

AnyId = TypeVar("AnyId", bound=Id)

HOME = Home(0)
"""The first home, and the only one unless the operator chose to have more."""

HOMES_MAX = 1_024
"""How many homes a database may have."""


def new_id(home: Home = HOME) -> Id:
    """Make an id that sorts by the time of its making; its last two bytes say its home."""
    return in_home(uuid_utils.uuid7().bytes, home)


def in_home(any_id: bytes, home: Home) -> Id:
    """Return this id as one of a home."""
    return Id(any_id[:14] + home.to_bytes(2))


def home_of(any_id: Id) -> Home:
    """Return the home of a person, a holder or a gift: it is fixed when the id is made.

    An id that nobody has made may name a home that does not exist.
    """
    return Home(any_id[14] << 8 | any_id[15])


def by_home(ids: Iterable[AnyId]) -> dict[Home, list[AnyId]]:
    """Return ids by the home of each, every one once."""
    distinct = list(set(ids))
    endings = {any_id[14:] for any_id in distinct}
    if len(endings) == 1:
        return {home_of(distinct[0]): distinct}
    homes: dict[Home, list[AnyId]] = {}
    for any_id in distinct:
        homes.setdefault(home_of(any_id), []).append(any_id)
    return homes


def parse_id(text: str, unknown: Code) -> Id:
    """Read an id; a text that cannot be one is as `unknown` as an id that nobody has."""
    try:
        return Id(UUID(text).bytes)
    except ValueError:
        raise DomainError(unknown) from None


def derived_id(parent: Id, name: str) -> Id:
    """Name something that follows from `parent`: the same parent and name give the same id."""
    return Id(uuid5(parent.uuid, name).bytes)
