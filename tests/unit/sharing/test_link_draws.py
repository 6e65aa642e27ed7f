"""Shares: the sum is exact, none too small, all divisions as likely, and anyone can redraw them."""

from collections import Counter
from hashlib import sha256, shake_256
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yuzuri.kernel.quantities import AMOUNT_MAX
from yuzuri.sharing.link_draws import commitment, equal_shares, random_shares
from yuzuri.sharing.links import SHARES_MAX

SEED = bytes(range(32))


@st.composite
def divisions(draw: st.DrawFn) -> tuple[bytes, int, int, int, int]:
    step = draw(st.sampled_from([1, 7, 10**6]))
    shares, least = draw(st.integers(1, 60)), draw(st.integers(1, 5)) * step
    amount = shares * least + draw(st.integers(0, 200)) * step
    return draw(st.binary(min_size=32, max_size=32)), amount, shares, least, step


@given(divisions())
def test_random_shares_are_the_whole_amount_in_steps_and_none_is_below_the_least(
    division: tuple[bytes, int, int, int, int],
) -> None:
    _, amount, shares, least, step = division
    sizes = random_shares(*division)
    assert (sum(sizes), len(sizes)) == (amount, shares)
    assert min(sizes) >= least
    assert all(size % step == 0 for size in sizes)


@given(st.integers(1, 60), st.integers(0, 500), st.sampled_from([1, 7, 10**6]))
def test_equal_shares_differ_by_a_step_at_most_and_the_first_are_the_larger(
    shares: int, more: int, step: int
) -> None:
    sizes = list(equal_shares((shares + more) * step, shares, step))
    assert (sum(sizes), len(sizes)) == ((shares + more) * step, shares)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] - sizes[-1] in {0, step}


@pytest.mark.parametrize(("amount", "least"), [(SHARES_MAX, 1), (AMOUNT_MAX, 1), (10**12, 10**6)])
def test_as_many_shares_as_there_may_be_are_drawn_exactly(amount: int, least: int) -> None:
    sizes = random_shares(SEED, amount, SHARES_MAX, least, 1)
    assert (sum(sizes), len(sizes)) == (amount, SHARES_MAX)
    assert min(sizes) >= least


@pytest.mark.parametrize(("free", "shares"), [(3, 3), (1, 5), (6, 2), (4, 4)])
def test_every_division_is_as_likely_as_any_other(free: int, shares: int) -> None:
    every = {sizes for sizes in product(range(free + 1), repeat=shares) if sum(sizes) == free}
    draws = 200 * len(every)
    found = Counter(
        tuple(random_shares(sha256(bytes([n // 256, n % 256])).digest(), amount, shares, 1, 1))
        for amount in [free + shares]
        for n in range(draws)
    )
    assert {tuple(size - 1 for size in sizes) for sizes in found} == every
    square = sum((count - 200) ** 2 / 200 for count in found.values())
    degrees = len(every) - 1
    assert square < degrees + 4 * (2 * degrees) ** 0.5, "the seeds are fixed: this is no chance"


def test_anyone_can_draw_again_by_the_words_of_the_description() -> None:
    amount, shares, least, step = 10_000, 5, 500, 100
    assert sha256(SEED).digest() == commitment(SEED)
    # 75 steps are free beside the least of each: 4 borders among 79 places, 7 bits for each.
    stream = shake_256(SEED + bytes(8)).digest(1_000)
    borders: list[int] = []
    for byte in stream:
        if byte & 0x7F < 79 and byte & 0x7F not in borders and len(borders) < 4:
            borders.append(byte & 0x7F)
    ends = [-1, *sorted(borders), 79]
    sizes = [least + (after - before - 1) * step for before, after in pairwise(ends)]
    assert list(random_shares(SEED, amount, shares, least, step)) == sizes
    assert sizes == [1400, 3900, 3200, 600, 900], "as it has always been drawn"


@pytest.mark.parametrize(
    ("amount", "shares", "least", "step"), [(9, 10, 1, 1), (15, 1, 1, 10), (0, 1, 1, 1)]
)
def test_what_cannot_be_divided_is_a_defect(
    amount: int, shares: int, least: int, step: int
) -> None:
    with pytest.raises(ValueError, match="cannot be divided"):
        random_shares(SEED, amount, shares, least, step)
    with pytest.raises(ValueError, match="cannot be divided"):
        equal_shares(amount, shares, step)
