"""How an amount is divided into shares, so that anyone can work it out again from the seed.

Random shares: of all ways to divide the amount into so many shares, each a multiple of the step and
none below the least, every one is as likely as any other. Beyond their least the shares have `free`
steps among them, and a division is where the `shares - 1` borders stand among `free + shares - 1`
places ("stars and bars"). Borders are drawn without bias from the stream of SHAKE-256 of the seed.
"""

import math
from array import array
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import sha256, shake_256

from yuzuri.sharing.links import Link, Split

SEED_LENGTH = 32
"""Bytes of a seed."""

_BLOCK_LENGTH = 1 << 10


def commitment(seed: bytes) -> bytes:
    """Return what is told of a seed from the beginning: nobody can change it afterwards."""
    return sha256(seed).digest()


def share_sizes(link: Link) -> Sequence[int]:
    """Return the size of each share of a link, in the order in which they are taken."""
    if link.split is Split.EQUAL:
        return equal_shares(link.amount, link.shares, link.step)
    return random_shares(link.seed, link.amount, link.shares, link.least, link.step)


@lru_cache(maxsize=64)
def equal_shares(amount: int, shares: int, step: int) -> Sequence[int]:
    """Divide as equally as the step lets: the first ones get a step more. The sum is exact."""
    steps, more = divmod(amount // step, shares)
    sizes = array("q", [(steps + 1) * step]) * more + array("q", [steps * step]) * (shares - more)
    return _checked(sizes, amount, shares)


@lru_cache(maxsize=64)
def random_shares(seed: bytes, amount: int, shares: int, least: int, step: int) -> Sequence[int]:
    """Divide at random: each a multiple of `step` from `least` up. The sum is exact."""
    free = (amount - shares * least) // step
    sizes = array("q")
    before = -1
    for border in (*_borders(seed, free, shares), free + shares - 1):
        sizes.append(least + (border - before - 1) * step)
        before = border
    return _checked(sizes, amount, shares)


def _checked(sizes: Sequence[int], amount: int, shares: int) -> Sequence[int]:
    if len(sizes) != shares or sum(sizes) != amount or min(sizes) <= 0:
        raise ValueError(f"{amount} cannot be divided so")
    return sizes


def _borders(seed: bytes, free: int, shares: int) -> Sequence[int]:
    """Draw `shares - 1` of the places, in order; where fewer are no borders, those are drawn."""
    places, wanted = free + shares - 1, shares - 1
    drawn: set[int] = set()
    numbers = _numbers(seed, places)
    while len(drawn) < min(wanted, free):
        drawn.add(next(numbers))
    if wanted <= free:
        return sorted(drawn)
    return [place for place in range(places) if place not in drawn]


def _numbers(seed: bytes, below: int) -> Iterator[int]:
    """Yield numbers from 0 up to `below`, all equally likely: those that are too large are left."""
    bits = max(1, (below - 1).bit_length())
    width = math.ceil(bits / 8)
    mask = (1 << bits) - 1
    block = 0
    while True:
        stream = shake_256(seed + block.to_bytes(8)).digest(_BLOCK_LENGTH // width * width)
        for start in range(0, len(stream), width):
            number = int.from_bytes(stream[start : start + width]) & mask
            if number < below:
                yield number
        block += 1
