"""Columns of a group as one parameter each, packed as PostgreSQL's binary arrays.

psycopg packs lists value by value; a group has thousands of values of one width, and these take a
tenth of the time.
"""

from collections.abc import Sequence
from struct import Struct
from typing import Any, ClassVar, Self

import psycopg
from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format

_HEADER = Struct(">iiIii")
"""Dimensions, whether some are NULL, the type of the elements, their number, the first index."""

_EMPTY = Struct(">iiI")


class FixedArray:
    """An array whose elements all have one width, each as the bytes that PostgreSQL sends."""

    __slots__ = ("elements",)
    oid: ClassVar[int]
    element_oid: ClassVar[int]
    width: ClassVar[int]

    def __init__(self, elements: Sequence[bytes]) -> None:
        self.elements = elements

    def pack(self) -> bytes:
        """Return the array as PostgreSQL receives it."""
        if not self.elements:
            return _EMPTY.pack(0, 0, self.element_oid)
        # Each element is its length and its bytes.
        length = self.width.to_bytes(4)
        header = _HEADER.pack(1, 0, self.element_oid, len(self.elements), 1)
        return header + length + length.join(self.elements)


class UuidArray(FixedArray):
    """A `uuid[]` of ids."""

    __slots__ = ()
    oid, element_oid, width = 2951, 2950, 16


class BigintArray(FixedArray):
    """A `bigint[]` of whole numbers."""

    __slots__ = ()
    oid, element_oid, width = 1016, 20, 8

    def __init__(self, numbers: Sequence[int]) -> None:
        super().__init__([number.to_bytes(8, signed=True) for number in numbers])

    @classmethod
    def of_bytes(cls, numbers: Sequence[bytes]) -> Self:
        """Take numbers that are 8 bytes already."""
        array = cls(())
        array.elements = numbers
        return array


class CharArray(FixedArray):
    """A `"char"[]` of single bytes."""

    __slots__ = ()
    oid, element_oid, width = 1002, 18, 1


class PlaceArray(FixedArray):
    """A `tid[]` of the places of rows, as `tidsend` gives them (`ctid`)."""

    __slots__ = ()
    oid, element_oid, width = 1010, 27, 6


class _FixedArrayDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Any) -> Buffer | None:
        packed: bytes = obj.pack()
        return packed


def register_arrays() -> None:
    """Let every connection made from now on take these as parameters."""
    for array in (UuidArray, BigintArray, CharArray, PlaceArray):
        dumper = type(f"{array.__name__}Dumper", (_FixedArrayDumper,), {"oid": array.oid})
        psycopg.adapters.register_dumper(array, dumper)
