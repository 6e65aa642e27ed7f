"""The journal's proof: trees, paths and the chain of pages, where any changed byte is noticed."""

import contextlib
import time
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yuzuri.kernel.ids import Home
from yuzuri.ledger.journal import (
    FIRST_DIGEST,
    LEAF,
    audit_path,
    leaf_checksum,
    leaf_hash,
    merkle_root,
    page_digest,
    root_from_path,
)

# The tree of Certificate Transparency's own tests, the same for RFC 6962 and RFC 9162:
# github.com/transparency-dev/merkle, testonly/constants.go.
CT_LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
CT_PATHS = [
    (
        0,
        8,
        (
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ),
    ),
    (
        5,
        8,
        (
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ),
    ),
    (2, 3, ("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",)),
]
SIZES = [(size, index) for size in range(1, 71) for index in range(size)]


def leaves(size: int) -> list[bytes]:
    return [leaf_hash(f"leaf {number}".encode()) for number in range(size)]


def root_as_defined(hashes: list[bytes]) -> bytes:
    """MTH of RFC 9162 §2.1.1, word for word, over leaves that are hashed already."""
    if not hashes:
        return sha256().digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << ((len(hashes) - 1).bit_length() - 1)  # the largest power of two below the size
    left, right = root_as_defined(hashes[:split]), root_as_defined(hashes[split:])
    return sha256(b"\x01" + left + right).digest()


def path_as_defined(index: int, hashes: list[bytes]) -> list[bytes]:
    """PATH of RFC 9162 §2.1.3.1, word for word."""
    if len(hashes) == 1:
        return []
    split = 1 << ((len(hashes) - 1).bit_length() - 1)
    left, right = hashes[:split], hashes[split:]
    if index < split:
        return [*path_as_defined(index, left), root_as_defined(right)]
    return [*path_as_defined(index - split, right), root_as_defined(left)]


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << (bit % 8)
    return bytes(changed)


# ---------------------------------------------------------------- trees


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    assert merkle_root([leaf_hash(leaf) for leaf in CT_LEAVES[:size]]).hex() == CT_ROOTS[size]


@pytest.mark.parametrize(("index", "size", "path"), CT_PATHS)
def test_paths_are_those_of_certificate_transparency(
    index: int, size: int, path: tuple[str, ...]
) -> None:
    hashes = [leaf_hash(leaf) for leaf in CT_LEAVES[:size]]
    nodes = tuple(map(bytes.fromhex, path))
    assert audit_path(hashes, index) == nodes
    assert root_from_path(hashes[index], index, size, nodes).hex() == CT_ROOTS[size]


@pytest.mark.parametrize("size", [*range(71), 127, 128, 129, 1_000, 8_000])
def test_joining_level_by_level_makes_the_tree_of_the_definition(size: int) -> None:
    assert merkle_root(leaves(size)) == root_as_defined(leaves(size))


@pytest.mark.parametrize("size", range(1, 71))
def test_every_path_is_that_of_the_definition_and_leads_to_the_root(size: int) -> None:
    hashes = leaves(size)
    root = merkle_root(hashes)
    for index, hashed in enumerate(hashes):
        path = audit_path(hashes, index)
        assert path == tuple(path_as_defined(index, hashes))
        assert root_from_path(hashed, index, size, path) == root


@given(st.sampled_from(SIZES), st.integers(0, 255))
def test_a_leaf_with_one_bit_changed_leads_elsewhere(place: tuple[int, int], bit: int) -> None:
    size, index = place
    hashes = leaves(size)
    changed = [*hashes[:index], flipped(hashes[index], bit), *hashes[index + 1 :]]
    assert merkle_root(changed) != merkle_root(hashes)
    path = audit_path(hashes, index)
    assert root_from_path(changed[index], index, size, path) != merkle_root(hashes)


@given(st.sampled_from([place for place in SIZES if place[0] > 1]), st.data())
def test_a_path_with_one_bit_changed_leads_elsewhere(
    place: tuple[int, int], data: st.DataObject
) -> None:
    size, index = place
    hashes = leaves(size)
    path = list(audit_path(hashes, index))
    step = data.draw(st.integers(0, len(path) - 1))
    path[step] = flipped(path[step], data.draw(st.integers(0, 255)))
    assert root_from_path(hashes[index], index, size, path) != merkle_root(hashes)


@pytest.mark.parametrize("size", range(2, 20))
def test_a_leaf_is_proved_at_its_own_place_only(size: int) -> None:
    # How many leaves there are is for the page's header to say: a path alone cannot tell.
    hashes = leaves(size)
    root = merkle_root(hashes)
    for index, hashed in enumerate(hashes):
        for other in set(range(size)) - {index}:
            with contextlib.suppress(ValueError):
                assert root_from_path(hashed, other, size, audit_path(hashes, index)) != root


@pytest.mark.parametrize(
    ("index", "size", "nodes"),
    [(0, 0, 0), (-1, 4, 2), (4, 4, 2), (0, 4, 1), (0, 4, 3), (0, 1, 1), (6, 7, 3), (3, 2**63, 9)],
)
def test_a_path_that_no_tree_has_is_refused(index: int, size: int, nodes: int) -> None:
    with pytest.raises(ValueError, match=r"path of|no leaf"):
        root_from_path(bytes(32), index, size, [bytes(32)] * nodes)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_node_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        root_from_path(bytes(32), 0, 2, [bytes(length)])


@pytest.mark.parametrize("index", [-1, 3])
def test_there_is_no_path_to_a_leaf_that_is_not_there(index: int) -> None:
    with pytest.raises(IndexError):
        audit_path(leaves(3), index)


def test_a_leaf_is_not_taken_for_a_node_nor_a_node_for_a_leaf() -> None:
    first, second = leaves(2)
    assert merkle_root([first, second]) != leaf_hash(first + second)


def test_a_group_of_8000_is_hashed_in_milliseconds() -> None:
    hashes = leaves(8_000)
    took_s = []
    for _ in range(5):
        began = time.perf_counter()
        merkle_root(hashes)
        took_s.append(time.perf_counter() - began)
    assert min(took_s) < 0.05  # some 5 ms; ten times that on a busy machine


# ---------------------------------------------------------------- leaves and pages


A_TRANSFER = (3, 17, 2, 1_790_000_000_000_000, b"g", 10**9, *(bytes([n]) * 16 for n in range(4)))


def test_a_leaf_is_95_bytes_big_endian_in_the_documented_order() -> None:
    leaf = LEAF.pack(*A_TRANSFER)
    assert len(leaf) == LEAF.size == 95
    assert leaf[:2] == b"\x00\x03"
    assert leaf[2:10] == (17).to_bytes(8, "big")
    assert leaf[10:14] == b"\x00\x00\x00\x02"
    assert leaf[14:22] == (1_790_000_000_000_000).to_bytes(8, "big")
    assert leaf[22:23] == b"g"
    assert leaf[23:31] == (10**9).to_bytes(8, "big")
    assert leaf[31:] == b"".join(bytes([n]) * 16 for n in range(4))


def test_a_leaf_is_hashed_after_a_zero_byte() -> None:
    leaf = LEAF.pack(*A_TRANSFER)
    assert leaf_hash(leaf) == sha256(b"\x00" + leaf).digest()


@pytest.mark.parametrize(
    ("hashed", "checksum"),
    [
        (bytes(32), 0),
        (b"\x00" * 7 + b"\x01" + bytes(24), 1),
        (b"\xff" * 32, -1),
        (b"\x80" + bytes(31), -(2**63)),
        (b"\x7f" + b"\xff" * 31, 2**63 - 1),
    ],
)
def test_a_checksum_is_the_first_eight_bytes_signed(hashed: bytes, checksum: int) -> None:
    assert leaf_checksum(hashed) == checksum


@given(st.integers(0, 95 * 8 - 1))
def test_no_bit_of_a_leaf_can_change_unnoticed(bit: int) -> None:
    leaf = LEAF.pack(*A_TRANSFER)
    assert leaf_hash(flipped(leaf, bit)) != leaf_hash(leaf)


def test_a_page_digest_is_over_the_bytes_that_the_docs_name() -> None:
    root = bytes(range(32))
    digest = page_digest(FIRST_DIGEST, Home(5), 9, 1_790_000_000_000_000, 40, root)
    said = (
        bytes(32)
        + (5).to_bytes(2, "big")
        + (9).to_bytes(8, "big")
        + (1_790_000_000_000_000).to_bytes(8, "big")
        + (40).to_bytes(4, "big")
        + root
    )
    assert digest == sha256(said).digest()


@pytest.mark.parametrize(
    "other",
    [
        (b"\x01" + bytes(31), 0, 1, 7, 1, bytes(32)),
        (bytes(32), 1, 1, 7, 1, bytes(32)),
        (bytes(32), 0, 2, 7, 1, bytes(32)),
        (bytes(32), 0, 1, 8, 1, bytes(32)),
        (bytes(32), 0, 1, 7, 2, bytes(32)),
        (bytes(32), 0, 1, 7, 1, bytes(31) + b"\x01"),
    ],
)
def test_whatever_differs_in_a_page_gives_another_digest(
    other: tuple[bytes, int, int, int, int, bytes],
) -> None:
    previous, home, number, at_us, transfers, root = other
    one = page_digest(FIRST_DIGEST, Home(0), 1, 7, 1, bytes(32))
    assert page_digest(previous, Home(home), number, at_us, transfers, root) != one


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=8), st.data())
def test_the_last_digest_depends_on_every_page_before_it(
    roots: list[bytes], data: st.DataObject
) -> None:
    def head(of: list[bytes]) -> bytes:
        digest = FIRST_DIGEST
        for number, root in enumerate(of, start=1):
            digest = page_digest(digest, Home(0), number, number, 1, root)
        return digest

    which = data.draw(st.integers(0, len(roots) - 1))
    edited = [*roots]
    edited[which] = flipped(roots[which], data.draw(st.integers(0, 255)))
    assert head(edited) != head(roots)
    assert head(roots[:which] + roots[which + 1 :]) != head(roots)
