"""Tanks by what mineo publishes, on both sides of each edge, and by made-up rules."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from tests.unit.feasibility.asking import APART, HOUR, MICROSECOND, ask, party, some

from yuzuri.feasibility.tank import (
    DrawQuestion,
    donation,
    find_tank,
    judge_donation,
    judge_draw,
    judge_tank,
    most_to_draw,
)
from yuzuri.feasibility.verdict import Effect, Verdict
from yuzuri.kernel.amounts import parse_quantity
from yuzuri.kernel.errors import Code
from yuzuri.operators.services import Tank
from yuzuri.operators.sources import Confidence

MINEO = party("mineo/mypita-10gb")
TOKYO = MINEO.profile.zone
MB = 10**6


def tank(*, in_area: bool = False) -> Tank:
    found = find_tank(MINEO, in_area=in_area)
    assert found is not None
    return found


FREE, DISASTER = tank(), tank(in_area=True)
OPENS = datetime(2026, 11, 21, tzinfo=TOKYO)
CLOSES = datetime(2026, 12, 1, tzinfo=TOKYO)


def draw(of: Tank = FREE, **known: Any) -> DrawQuestion:
    """Put the question of a line with little left that has drawn nothing, on the 25th."""
    at = datetime(2026, 11, 25, 12, tzinfo=TOKYO)
    usual: dict[str, Any] = {
        "party": MINEO,
        "tank": of,
        "at": at,
        "left": 0,
        "inside": 100_000 * MB,
    }
    return DrawQuestion(**(usual | known))


def codes(verdict: Verdict) -> list[Code]:
    return [reason.code for reason in verdict.reasons if reason.effect is not Effect.NOTES]


def told_instead(verdict: Verdict) -> dict[Code, Any]:
    return {i.code: i.amount or i.at for i in verdict.instead}


# ---------------------------------------------------------------- the ordinary tank


@pytest.mark.parametrize(
    ("known", "refused"),
    [
        pytest.param({"at": OPENS - MICROSECOND}, Code.TANK_NOT_YET, id="the 20th, 23:59:59"),
        pytest.param({"at": OPENS}, None, id="the 21st, 00:00"),
        pytest.param({"at": CLOSES - MICROSECOND}, None, id="the last day, 23:59:59"),
        pytest.param({"at": CLOSES}, Code.TANK_NOT_YET, id="the 1st, 00:00"),
        pytest.param({"draws": 1}, None, id="the second draw"),
        pytest.param({"draws": 2}, Code.TANK_DRAWS_PER_MONTH, id="the third draw"),
        pytest.param({"amount": 1_000 * MB}, None, id="1,000 MB"),
        pytest.param({"amount": 1_000 * MB + 1}, Code.TANK_VOLUME_PER_MONTH, id="1,000 MB + 1 B"),
        pytest.param(
            {"amount": 400 * MB, "drawn_this_month": 600 * MB}, None, id="the rest of 1,000 MB"
        ),
        pytest.param(
            {"amount": 400 * MB + 1, "drawn_this_month": 600 * MB},
            Code.TANK_VOLUME_PER_MONTH,
            id="1 B more than the rest",
        ),
        pytest.param(
            {"drawn_this_month": 1_000 * MB}, Code.TANK_VOLUME_PER_MONTH, id="nothing of it is left"
        ),
        pytest.param({"left": 10**12, "given": 5, "drawn": 5}, None, id="gave as much as it drew"),
        pytest.param(
            {"left": 500 * MB, "given": 4, "drawn": 5}, None, id="a net taker with 500 MB left"
        ),
        pytest.param(
            {"left": 500 * MB + 1, "given": 4, "drawn": 5},
            Code.TANK_NET_TAKER,
            id="a net taker with 500 MB + 1 B left",
        ),
        pytest.param({"amount": 5, "inside": 5}, None, id="all that there is"),
        pytest.param({"amount": 6, "inside": 5}, Code.TANK_NOT_ENOUGH, id="1 B more than there is"),
        pytest.param({"inside": 0}, Code.TANK_EMPTY, id="an empty tank"),
    ],
)
def test_the_ordinary_tank_opens_as_it_is_published(
    known: dict[str, Any], refused: Code | None
) -> None:
    verdict = judge_draw(draw(**known))
    assert codes(verdict) == ([] if refused is None else [refused])
    assert verdict.feasible is (refused is None)


def test_every_reason_is_told_at_once_each_with_its_rule() -> None:
    verdict = judge_draw(
        draw(at=OPENS - HOUR, draws=2, drawn_this_month=900 * MB, amount=200 * MB, inside=MB)
    )
    assert [(r.code, r.evidence and r.evidence.rule) for r in verdict.reasons] == [
        (Code.TANK_NOT_YET, "mineo services.tank.opens_on_day"),
        (Code.TANK_DRAWS_PER_MONTH, "mineo services.tank.draws_per_month"),
        (Code.TANK_VOLUME_PER_MONTH, "mineo services.tank.draw_per_month"),
        (Code.TANK_NOT_ENOUGH, None),
    ]


@pytest.mark.parametrize(
    ("known", "since"),
    [
        pytest.param({"at": OPENS - timedelta(days=9)}, OPENS, id="before it opens"),
        pytest.param({"draws": 2}, datetime(2026, 12, 21, tzinfo=TOKYO), id="after the last draw"),
        pytest.param(
            {"at": datetime(2026, 12, 25, tzinfo=TOKYO), "drawn_this_month": 1_000 * MB},
            datetime(2027, 1, 21, tzinfo=TOKYO),
            id="in the next year",
        ),
        pytest.param({"inside": 0}, None, id="nobody knows when somebody gives"),
        pytest.param({"draws": 2, "until": CLOSES}, None, id="it closes before that"),
        pytest.param({"until": OPENS + HOUR}, None, id="it has closed, and was open before"),
    ],
)
def test_it_is_told_from_when_one_may_draw(known: dict[str, Any], since: datetime | None) -> None:
    instead = told_instead(judge_draw(draw(**known)))
    assert instead.get(Code.INSTEAD_FROM) == since
    assert Code.INSTEAD_SERVICE in instead


def test_a_smaller_amount_is_proposed_where_it_would_work() -> None:
    verdict = judge_draw(draw(amount=800 * MB, drawn_this_month=600 * MB, inside=300 * MB))
    assert told_instead(verdict)[Code.INSTEAD_AMOUNT] == 300 * MB
    assert Code.INSTEAD_AMOUNT not in told_instead(judge_draw(draw(amount=5, draws=2)))


@pytest.mark.parametrize(
    ("known", "most"),
    [
        pytest.param({}, 1_000 * MB, id="the month's volume"),
        pytest.param({"drawn_this_month": 999 * MB}, MB, id="what is left of it"),
        pytest.param({"inside": 7}, 7, id="what the tank has"),
        pytest.param({"draws": 2}, 0, id="no draw is left"),
        pytest.param({"inside": 0}, 0, id="an empty tank"),
        pytest.param({"drawn_this_month": 1_000 * MB}, 0, id="no volume is left"),
    ],
)
def test_the_most_that_one_may_draw_is_told(known: dict[str, Any], most: int) -> None:
    assert most_to_draw(draw(**known)) == most


def test_a_day_that_a_month_lacks_is_its_last_one() -> None:
    late = msgspec.structs.replace(FREE, opens_on_day=31)
    last_day = datetime(2026, 11, 30, tzinfo=TOKYO)
    assert codes(judge_draw(draw(late, at=last_day - MICROSECOND))) == [Code.TANK_NOT_YET]
    assert judge_draw(draw(late, at=last_day)).feasible is True


def test_the_month_is_that_of_the_operator() -> None:
    at = datetime(2026, 11, 20, 15, tzinfo=UTC)
    assert judge_draw(draw(at=at)).feasible is True
    assert judge_draw(draw(at=at - MICROSECOND)).feasible is False


# ---------------------------------------------------------------- the tank for an emergency


@pytest.mark.parametrize(
    ("known", "refused"),
    [
        pytest.param({"in_area": True}, None, id="a line in the area"),
        pytest.param({"in_area": False}, Code.TANK_OUT_OF_AREA, id="a line elsewhere"),
        pytest.param({"in_area": True, "left": 1_000 * MB}, None, id="1 GB left"),
        pytest.param(
            {"in_area": True, "left": 1_000 * MB + 1}, Code.TANK_LEFT, id="1 GB + 1 B left"
        ),
        pytest.param(
            {"in_area": True, "at": OPENS - MICROSECOND, "until": OPENS}, None, id="the last moment"
        ),
        pytest.param(
            {"in_area": True, "at": OPENS, "until": OPENS}, Code.TANK_CLOSED, id="its end"
        ),
    ],
)
def test_an_emergency_tank_is_for_an_area_and_a_time(
    known: dict[str, Any], refused: Code | None
) -> None:
    assert codes(judge_draw(draw(DISASTER, area="JP-17", **known))) == (
        [] if refused is None else [refused]
    )


def test_where_it_is_not_known_where_a_line_is_nothing_is_decided() -> None:
    verdict = judge_draw(draw(DISASTER, in_area=None, left=None))
    assert verdict.feasible is None
    assert codes(verdict) == [Code.TANK_OUT_OF_AREA, Code.TANK_LEFT]


def test_a_rule_of_low_confidence_leaves_it_open() -> None:
    sources = {
        key: msgspec.structs.replace(source, confidence=Confidence.LOW)
        for key, source in MINEO.profile.sources.items()
    }
    unsure = replace(MINEO, profile=msgspec.structs.replace(MINEO.profile, sources=sources))
    assert judge_draw(draw(party=unsure, draws=2)).feasible is None


# ---------------------------------------------------------------- giving


def gives(
    amount: str, *holdings: str, to: Tank = FREE, giver: str = "mineo/mypita-10gb"
) -> Verdict:
    at = datetime(2026, 11, 3, tzinfo=TOKYO)
    has = tuple(some(one, at) for one in holdings)
    return judge_donation(to, donation(party(giver, at=at), parse_quantity(amount), at, has))


def test_who_gives_is_told_before_that_nothing_comes_back() -> None:
    verdict = gives("10 MB", "10 MB")
    assert verdict.feasible is True
    assert [reason.code for reason in verdict.reasons] == [Code.TANK_FOR_ALL]


@pytest.mark.parametrize(
    ("amount", "refused"),
    [
        pytest.param("2 GB", None, id="all that there is"),
        pytest.param("2000000001 B", Code.BALANCE_NOT_ENOUGH, id="1 B more"),
        pytest.param("1 min", Code.GIFT_UNIT_NOT_OFFERED, id="minutes"),
    ],
)
def test_anyone_gives_what_they_have_of_data(amount: str, refused: Code | None) -> None:
    verdict = gives(amount, "1 GB", "1 GB", "10 min")
    assert codes(verdict) == ([] if refused is None else [refused])


# ---------------------------------------------------------------- from one to another


@pytest.mark.parametrize(
    ("to", "at", "feasible", "told"),
    [
        pytest.param("mineo", OPENS, True, [], id="when it is open"),
        pytest.param("mineo", OPENS - MICROSECOND, False, [Code.TANK_NOT_YET], id="before that"),
        pytest.param(
            "yuzuri-mobile", OPENS, False, [Code.TANK_OTHER_OPERATOR], id="another operator"
        ),
    ],
)
def test_the_route_by_a_tank_is_judged_for_both(
    to: str, at: datetime, feasible: bool, told: list[Code]
) -> None:
    verdict = judge_tank(ask("mineo/mypita-10gb", "500 MB", to=to, at=at, relation=APART))
    assert (verdict.route, verdict.feasible, codes(verdict)) == ("tank", feasible, told)


def test_where_nothing_is_published_of_tanks_nothing_is_decided() -> None:
    verdict = judge_tank(ask("yuzuri-mobile/carry-over", "500 MB"))
    assert (verdict.feasible, codes(verdict)) == (None, [Code.TANK_NOT_OFFERED])


def test_more_than_a_month_lets_one_draw_does_not_go_by_a_tank() -> None:
    verdict = judge_tank(ask("mineo/mypita-10gb", "2 GB", at=OPENS))
    assert codes(verdict) == [Code.TANK_VOLUME_PER_MONTH]
    assert told_instead(verdict)[Code.INSTEAD_AMOUNT] == 1_000 * MB
