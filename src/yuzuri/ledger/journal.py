"""The journal's proof: what is hashed of a transfer and of a page, and how one leads to the other.

The transfers of one committed group are the leaves of a Merkle tree (RFC 9162 §2.1), in their
order. Its root goes into the header of the group's page, and each header's digest into the next
one: who knows one digest can tell whether anything before it was changed, left out or put in.
Pure functions over bytes; SHA-256 throughout.
"""

from collections.abc import Sequence
from hashlib import sha256
from struct import Struct
from typing import NamedTuple

from yuzuri.kernel.ids import Home

LEAF = Struct(">hqiqcq16s16s16s16s")
"""The leaf of a transfer, big endian: home, page, position (from 1), the page's time in µs since
1970, the kind's letter, amount, and the ids of allowance, source, target and cause."""

DIGEST_BYTES = 32
"""The length of a hash, a root and a digest."""

FIRST_DIGEST = bytes(DIGEST_BYTES)
"""What a home's first page is chained to."""


class PageHeader(NamedTuple):
    """What a page's row says of it; `at_us` is in microseconds since 1970."""

    number: int
    at_us: int
    transfers: int
    root: bytes
    digest: bytes


_HEADER = Struct(">hqqi")
_LEAF_PREFIX = b"\x00"
_NODE_PREFIX = b"\x01"
_CHECKSUM_BYTES = 8


def leaf_hash(leaf: bytes) -> bytes:
    """Hash a leaf, in a way in which no inner node is ever hashed (RFC 9162 §2.1.1)."""
    return sha256(_LEAF_PREFIX + leaf).digest()


def leaf_checksum(hashed: bytes) -> int:
    """Shorten a leaf's hash to what the transfer's own row keeps: signed, 64 bits."""
    return int.from_bytes(hashed[:_CHECKSUM_BYTES], "big", signed=True)


def merkle_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root over hashed leaves (RFC 9162 §2.1.1); over none, the hash of nothing.

    Pairs are joined level by level and a lone last node moves up as it is, which makes the same
    tree as splitting at the largest power of two below the number of leaves.
    """
    if not hashes:
        return sha256().digest()
    level = hashes
    while len(level) > 1:
        level = _level_above(level)
    return level[0]


def audit_path(hashes: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Return what leads from the leaf at `index` (from 0) to the root, the nearest node first."""
    if not 0 <= index < len(hashes):
        raise IndexError(f"there is no leaf {index} among {len(hashes)}")
    path = []
    level = hashes
    while len(level) > 1:
        if (index ^ 1) < len(level):
            path.append(level[index ^ 1])
        level = _level_above(level)
        index >>= 1
    return tuple(path)


def root_from_path(hashed: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Return the root that a hashed leaf at `index` of `size` has by its audit path.

    It belongs to the tree if that is the tree's root (RFC 9162 §2.1.3.2). Raises `ValueError` if
    no tree of that size has such a leaf or such a path.
    """
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} among {size}")
    nodes = iter(path)
    node, width = hashed, size
    try:
        while width > 1:
            if index & 1:
                node = _join(_checked(next(nodes)), node)
            elif index + 1 < width:
                node = _join(node, _checked(next(nodes)))
            index >>= 1
            width = (width + 1) >> 1
    except StopIteration:
        raise ValueError(f"a path of {len(path)} nodes is too short") from None
    if next(nodes, None) is not None:
        raise ValueError(f"a path of {len(path)} nodes is too long")
    return node


def page_digest(
    previous: bytes, home: Home, number: int, at_us: int, transfers: int, root: bytes
) -> bytes:
    """Return the digest of a page: of its header, its root, and the digest of the page before.

    `at_us` is in microseconds since 1970, `number` counts from 1 within the home.
    """
    return sha256(previous + _HEADER.pack(home, number, at_us, transfers) + root).digest()


def _level_above(level: Sequence[bytes]) -> list[bytes]:
    # Written out: over a page this is what most of the time goes to.
    above = [
        sha256(_NODE_PREFIX + left + right).digest()
        for left, right in zip(level[::2], level[1::2], strict=False)
    ]
    if len(level) & 1:
        above.append(level[-1])
    return above


def _join(left: bytes, right: bytes) -> bytes:
    return sha256(_NODE_PREFIX + left + right).digest()


def _checked(node: bytes) -> bytes:
    if len(node) != DIGEST_BYTES:
        raise ValueError(f"a node has {DIGEST_BYTES} bytes, not {len(node)}")
    return node
