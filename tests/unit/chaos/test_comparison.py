"""What the comparison of the acknowledged with the kept says: one case a line."""

import pytest

from yuzuri.chaos.acknowledgements import Acknowledged, Step
from yuzuri.chaos.comparison import DamageKind, KeptGift, compare

LOST, TWICE = DamageKind.LOST, DamageKind.TWICE


def told(step: Step, gift: str = "g") -> Acknowledged:
    return Acknowledged(wish=1, step=step, gift=gift, sent_at=0.0, answered_at=0.1)


def kept(
    state: str, given: int = 0, received: int = 0, *, gift: str = "g", wish: int = 1
) -> KeptGift:
    return KeptGift(id=gift, wish=wish, state=state, amount=10, given=given, received=received)


OFFERED, ACCEPTED, DECLINED = told(Step.OFFER), told(Step.ACCEPT), told(Step.DECLINE)


@pytest.mark.parametrize(
    ("acknowledged", "found", "damage"),
    [
        ([], [], []),
        ([OFFERED], [kept("open")], []),
        ([OFFERED], [kept("declined")], []),
        ([OFFERED, ACCEPTED], [kept("accepted", 10, 10)], []),
        ([OFFERED, DECLINED], [kept("declined")], []),
        # A request that nobody was told of may be done or not, but only once.
        ([], [kept("open")], []),
        ([OFFERED], [kept("accepted", 10, 10)], []),
        ([], [kept("open"), kept("open", gift="h")], [(TWICE, "1")]),
        # Lost: the gift, its end, or what it moved.
        ([OFFERED], [], [(LOST, "1 open")]),
        ([OFFERED, ACCEPTED], [], [(LOST, "1 open"), (LOST, "1 accepted")]),
        ([OFFERED, ACCEPTED], [kept("open")], [(LOST, "1 accepted")]),
        ([DECLINED], [kept("open")], [(LOST, "1 declined")]),
        ([ACCEPTED], [kept("declined")], [(LOST, "1 accepted")]),
        ([ACCEPTED], [kept("accepted", 10, 9)], [(LOST, "1 accepted")]),
        ([ACCEPTED], [kept("accepted", 0, 10)], [(LOST, "1 accepted")]),
        ([told(Step.OFFER, "other")], [kept("open")], [(LOST, "1 open")]),
        # Twice: the gift, or what it moved.
        ([OFFERED], [kept("open"), kept("declined", gift="h")], [(TWICE, "1")]),
        ([OFFERED], [kept("open"), kept("open", gift="h", wish=2)], []),
        ([ACCEPTED], [kept("accepted", 20, 20)], [(TWICE, "1 moved")]),
        ([ACCEPTED], [kept("accepted", 10, 20)], [(TWICE, "1 moved")]),
        ([DECLINED], [kept("declined", 10, 10)], [(TWICE, "1 moved")]),
        ([OFFERED], [kept("open", 10, 0)], [(TWICE, "1 moved")]),
    ],
)
def test_what_is_lost_and_what_is_there_twice(
    acknowledged: list[Acknowledged], found: list[KeptGift], damage: list[tuple[DamageKind, str]]
) -> None:
    seen = [(one.kind, one.request) for one in compare(acknowledged, found)]
    assert seen == damage
