"""Columns of a group as one parameter each, packed as PostgreSQL's binary arrays.

psycopg packs lists value by value; a group has thousands of values of one width, and these take a
tenth of the time.
"""

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import Any

import psycopg
from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format

_HEADER = Struct(">iiIii")
"""Dimensions, whether some are NULL, the type of the elements, their number, the first index."""


COPY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_TAIL = b"\xff\xff"
"""What stands before and after the rows of a binary COPY."""


class UuidArray:
    """A `uuid[]` of ids."""

    __slots__ = ("ids",)

    def __init__(self, ids: Iterable[bytes]) -> None:
        self.ids = ids if isinstance(ids, Sequence) else list(ids)


class BigintArray:
    """A `bigint[]` of whole numbers."""

    __slots__ = ("numbers",)

    def __init__(self, numbers: Sequence[int]) -> None:
        self.numbers = numbers


class PlaceArray:
    """A `tid[]` of the places of rows, as a binary result has brought them (`ctid`)."""

    __slots__ = ("places",)

    def __init__(self, places: Sequence[bytes]) -> None:
        self.places = places


class _ArrayDumper(Dumper):
    format = Format.BINARY
    element: int
    width: int

    @classmethod
    def pack(cls, values: Sequence[bytes]) -> Buffer:
        # Each element is its length and its bytes; all have the same length.
        length = cls.width.to_bytes(4)
        header = _HEADER.pack(1, 0, cls.element, len(values), 1)
        return header + length + length.join(values) if values else _EMPTY.pack(0, 0, cls.element)


_EMPTY = Struct(">iiI")


class _UuidArrayDumper(_ArrayDumper):
    element = psycopg.adapters.types["uuid"].oid
    oid = psycopg.adapters.types["uuid"].array_oid
    width = 16

    def dump(self, obj: Any) -> Buffer | None:
        return self.pack(obj.ids)


class _BigintArrayDumper(_ArrayDumper):
    element = psycopg.adapters.types["int8"].oid
    oid = psycopg.adapters.types["int8"].array_oid
    width = 8

    def dump(self, obj: Any) -> Buffer | None:
        return self.pack([number.to_bytes(8, signed=True) for number in obj.numbers])


class _PlaceArrayDumper(_ArrayDumper):
    # pg_type.dat; psycopg does not list it.
    element = 27
    oid = 1010
    width = 6

    def dump(self, obj: Any) -> Buffer | None:
        return self.pack(obj.places)


def register_arrays() -> None:
    """Let every connection made from now on take these as parameters."""
    for array, dumper in (
        (UuidArray, _UuidArrayDumper),
        (BigintArray, _BigintArrayDumper),
        (PlaceArray, _PlaceArrayDumper),
    ):
        psycopg.adapters.register_dumper(array, dumper)
