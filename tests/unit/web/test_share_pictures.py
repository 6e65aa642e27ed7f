"""Shares drawn as fruits: all of them, inside the drawing, as large as they were."""

import pytest

from yuzuri.web.share_pictures import FRUITS_MAX, WIDTH, Fruits, Taken, draw_fruits

LEAF = 1.62
"""How far a fruit reaches up with its leaf, in its radii."""


def radii(drawn: Fruits) -> list[float]:
    return [fruit.scale * 10 for fruit in drawn.fruits]


@pytest.mark.parametrize("shares", [1, 2, 5, 6, 15, 16, 33, 60, 61, 1_000, 100_000])
def test_every_share_has_its_place_inside_the_drawing(shares: int) -> None:
    largest = Taken(amount=10**9, initial="A")
    drawn = draw_fruits(shares, shares * 10, min(shares, 3), [largest] * 3)
    assert len(drawn.fruits) <= FRUITS_MAX
    assert len(drawn.fruits) * drawn.each >= shares > (len(drawn.fruits) - 1) * drawn.each
    assert drawn.width == WIDTH
    for fruit, radius in zip(drawn.fruits, radii(drawn), strict=True):
        assert radius <= fruit.x <= WIDTH - radius
        assert LEAF * radius <= fruit.y <= drawn.height - radius
    places = {(fruit.x, fruit.y) for fruit in drawn.fruits}
    assert len(places) == len(drawn.fruits)


def test_areas_go_with_amounts_and_the_rest_is_as_large_as_the_mean() -> None:
    drawn = draw_fruits(4, 400, 2, [Taken(144, "A"), Taken(36, "B")])
    first, second, third, fourth = radii(drawn)
    assert first**2 / second**2 == pytest.approx(4, rel=0.02)
    assert first**2 / third**2 == pytest.approx(1.44, rel=0.02)
    assert third == fourth
    assert [fruit.is_taken for fruit in drawn.fruits] == [True, True, False, False]
    assert [fruit.initial for fruit in drawn.fruits] == ["A", "B", "", ""]


def test_of_many_shares_a_fruit_is_taken_when_all_it_stands_for_are_but_for_the_first() -> None:
    def taken(count: int) -> int:
        drawn = draw_fruits(600, 6_000, count, ())
        assert drawn.each == 10
        return sum(fruit.is_taken for fruit in drawn.fruits)

    assert [taken(n) for n in (0, 1, 10, 19, 20, 599, 600)] == [0, 1, 1, 1, 2, 59, 60]
