"""Charts of use: a bar for each hour, as high as its figure, at its place."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from yuzuri.charging.use import Hours, HourUse, UsePart, hour_starts
from yuzuri.kernel.calendar import day_start
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Unit
from yuzuri.operators.plans import AllowanceClass
from yuzuri.web.charts import Box, draw_bars, hour_ticks, round_up
from yuzuri.web.instants import Reader
from yuzuri.web.use_views import UseView, view_use

TOKYO, BERLIN = ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 12, 3, tzinfo=UTC)
BOX = Box(x=10, y=5, width=240, height=100)
MB = 10**6


def part(amount: int, **changes: object) -> UsePart:
    plain: dict[str, object] = {
        "unit": Unit.DATA,
        "kind": AllowanceClass.BASE,
        "zone": "JP",
        "is_night": False,
        "from_pool": False,
        "amount": amount,
    }
    return UsePart(**(plain | changes))  # type: ignore[arg-type]


def hours(
    parts: dict[datetime, tuple[UsePart, ...]],
    zone: ZoneInfo = TOKYO,
    at: datetime = NOON,
    days: int = 7,
) -> Hours:
    """The hours of some days up to that of `at`, with what was used in some of them."""
    starts = hour_starts(day_start(at, zone, 1 - days), day_start(at, zone, 1), zone)
    return tuple(
        HourUse(start, start + timedelta(hours=1), parts.get(start, ())) for start in starts
    )


def seen(use: Hours, language: Language = Language.EN) -> UseView:
    view = view_use(use, Reader(language, TOKYO, NOON))
    assert view is not None
    return view


def test_a_bar_stands_at_its_hour_and_night_stands_on_day() -> None:
    since = day_start(NOON, TOKYO)
    use = hours(
        {
            since: (part(50),),
            since + timedelta(hours=23): (part(20, is_night=True), part(30)),
            since + timedelta(hours=12): (part(99, unit=Unit.VOICE),),
        },
        days=1,
    )
    first, last = draw_bars(use, BOX, most=100)
    assert (first.x, first.width, first.day_y, first.day_height) == (11.25, 7.5, 55, 50)
    assert (first.night_height, last.x) == (0, 10 + 230 + 1.25)
    assert (last.day_y, last.day_height) == (75, 30)
    assert (last.night_y, last.night_height) == (55, 20)


def test_what_was_used_is_never_drawn_as_nothing() -> None:
    since = day_start(NOON, TOKYO)
    (bar,) = draw_bars(hours({since: (part(1),)}, days=1), BOX, most=10**9)
    assert bar.day_height == 1.5
    assert bar.day_y + bar.day_height == BOX.bottom


@pytest.mark.parametrize(
    ("at", "count", "ticks"),
    [
        (datetime(2026, 10, 24, 12, tzinfo=UTC), 24, {"0": 0, "6": 6, "12": 12, "18": 18}),
        (datetime(2026, 10, 25, 12, tzinfo=UTC), 25, {"0": 0, "6": 7, "12": 13, "18": 19}),
        (datetime(2026, 3, 29, 12, tzinfo=UTC), 23, {"0": 0, "6": 5, "12": 11, "18": 17}),
    ],
)
def test_ticks_stand_where_clocks_show_their_hours_on_days_of_any_length(
    at: datetime, count: int, ticks: dict[str, int]
) -> None:
    use = hours({}, BERLIN, at, days=1)
    assert len(use) == count
    box = Box(x=0, y=0, width=count, height=1)
    expected = [*ticks.items(), ("24", count)]
    assert [(tick.text, tick.x) for tick in hour_ticks(use, box, BERLIN, 6)] == expected


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [(0, 1), (1, 1), (5, 6), (9, 10), (101, 200), (216 * MB, 300 * MB), (10**9, 10**9)],
)
def test_a_scale_ends_with_a_round_number(amount: int, rounded: int) -> None:
    assert round_up(amount) == rounded


def test_the_figures_are_those_of_the_charts() -> None:
    today = day_start(NOON, TOKYO)
    monday = day_start(NOON, TOKYO, -3)
    use = hours(
        {
            today + timedelta(hours=8): (part(100 * MB), part(30, unit=Unit.SMS)),
            today + timedelta(hours=1): (
                part(50 * MB, is_night=True, kind=AllowanceClass.BONUS, from_pool=True),
            ),
            monday: (part(300 * MB), part(7 * MB, kind=AllowanceClass.RECEIVED)),
        }
    )
    view = seen(use)
    assert (view.today, view.has_data, view.has_night) == ("150 MB", True, True)
    assert [(row.name, row.total) for row in view.week_chart.rows] == [
        ("Fri 6", "0 MB"), ("Sat 7", "0 MB"), ("Sun 8", "0 MB"), ("Mon 9", "307 MB"),
        ("Tue 10", "0 MB"), ("Wed 11", "0 MB"), ("Today", "150 MB"),
    ]  # fmt: skip
    assert [len(row.bars) for row in view.week_chart.rows] == [0, 0, 0, 1, 0, 0, 2]
    assert len(view.today_chart.bars) == 2
    assert view.today_chart.scale == "100 MB"
    assert [(row.name, row.first, row.second) for row in view.kinds] == [
        ("from the plan", "100 MB", "400 MB"),
        ("bonus · at night · from a pool", "50 MB", "50 MB"),
        ("received", "0 MB", "7 MB"),
    ]
    assert [(row.name, row.first, row.second) for row in view.hours] == [
        ("Thu 12 Nov, 08:00", "100 MB", "0 MB"),
        ("Thu 12 Nov, 01:00", "0 MB", "50 MB"),
        ("Mon 9 Nov, 00:00", "307 MB", "0 MB"),
    ]
    assert [(row.name, row.first, row.second) for row in view.others] == [
        ("SMS", "30 SMS", "30 SMS")
    ]
    assert view.today_chart.said == (
        "150 MB in all, most of it (100 MB) in the hour from Thu 12 Nov, 08:00."
        " 50 MB of it was night data."
    )


def test_a_day_without_data_says_so_and_a_week_without_anything_is_not_shown() -> None:
    monday = day_start(NOON, TOKYO, -3)
    view = seen(hours({monday: (part(300 * MB),)}))
    assert (view.today, view.today_chart.scale) == ("0 MB", "")
    assert view.today_chart.said == "No data was used."
    assert not view.has_night
    only_calls = seen(hours({monday: (part(300, unit=Unit.VOICE),)}))
    assert not only_calls.has_data
    assert view_use(hours({}), Reader(Language.EN, TOKYO, NOON)) is None


def test_an_hour_that_comes_twice_in_a_day_says_by_which_clocks() -> None:
    reader = Reader(Language.EN, BERLIN, NOON)
    first = datetime(2026, 10, 25, 0, tzinfo=UTC)
    said = [reader.hour(first + timedelta(hours=later)) for later in (-1, 0, 1, 2)]
    assert said == [
        "Sun 25 Oct, 01:00",
        "Sun 25 Oct, 02:00 CEST",
        "Sun 25 Oct, 02:00 CET",
        "Sun 25 Oct, 03:00",
    ]
