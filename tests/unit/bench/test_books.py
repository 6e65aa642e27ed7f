"""Who has what in the books: every pair of holders shares a home and an allowance."""

from random import Random

import pytest

from yuzuri.bench.books import ALLOWANCES, FIRST_EXPIRING, HOMES_MAX, Books
from yuzuri.kernel.ids import Home, home_of

BOOKS = [Books(10_000, 1), Books(10_000, 16), Books(10_007, 3), Books(10_000, HOMES_MAX)]


@pytest.mark.parametrize("books", BOOKS)
def test_a_pair_is_two_holders_of_one_home_and_one_allowance(books: Books) -> None:
    holds = {books.holder(number): books.allowance(number) for number in range(books.buckets)}
    assert len(holds) == books.buckets
    random = Random(7)
    for _ in range(2_000):
        pair = books.pick_pair(random)
        assert pair.source != pair.target
        assert home_of(pair.source) == home_of(pair.target)
        assert holds[pair.source] == holds[pair.target] == pair.allowance


@pytest.mark.parametrize("books", BOOKS)
def test_a_pair_can_be_asked_of_one_home(books: Books) -> None:
    random = Random(7)
    last = Home(books.homes - 1)
    assert {home_of(books.pick_pair(random, last).source) for _ in range(200)} == {last}


def test_any_holder_may_be_picked() -> None:
    books, random = Books(100, 2), Random(7)
    assert {books.pick(random) for _ in range(5_000)} == set(range(100))
    assert {books.pick(random, Home(1)) for _ in range(5_000)} == set(range(1, 100, 2))
    targets = {books.pair(0, random).target for _ in range(5_000)}
    assert targets == {
        books.holder(number) for number in range(2 * ALLOWANCES, 100, 2 * ALLOWANCES)
    }


def test_what_ends_with_the_month_is_another_allowance_than_what_stays() -> None:
    books = Books(1_000, 4)
    stays = {books.allowance(number) for number in range(1_000)}
    ends = {books.allowance(FIRST_EXPIRING + number) for number in range(1_000)}
    assert len(stays) == len(ends) == 4 * ALLOWANCES
    assert not stays & ends
