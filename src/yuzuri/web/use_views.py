"""What a line has used as a page shows it: two charts, the same figures in words, and by kind."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from yuzuri.charging.use import Hours, HourUse, UsePart
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.operators.plans import AllowanceClass
from yuzuri.web.charts import Bar, Box, Tick, draw_bars, hour_ticks, round_up
from yuzuri.web.instants import Reader
from yuzuri.web.line_views import kind_name
from yuzuri.words.formats import say_quantity
from yuzuri.words.translations import translate

DAYS = 7
"""How many days are shown; the last is today."""

TODAY = Box(x=0, y=18, width=300, height=66)
"""Where the bars of today stand; their scale is above, the hours are below."""

_ROW_HEIGHT = 24
_ROW = Box(x=60, y=4, width=174, height=18)
"""Where those of a day stand in its row, between its name and its sum."""

_TICK_EVERY = 6


@dataclass(frozen=True, slots=True)
class TodayChart:
    """The hours of today; `scale` is what a bar as high as the chart would be."""

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    scale: str
    title: str
    said: str


@dataclass(frozen=True, slots=True)
class DayRow:
    """One of the last days, in a row of its own."""

    name: str
    total: str
    text_y: float
    bars: tuple[Bar, ...]
    baseline: float


@dataclass(frozen=True, slots=True)
class WeekChart:
    """The last days below each other, all on one scale."""

    rows: tuple[DayRow, ...]
    ticks: tuple[Tick, ...]
    height: float
    title: str
    said: str


@dataclass(frozen=True, slots=True)
class Figures:
    """What was used, by kind or by hour: a name, and two amounts."""

    name: str
    first: str
    second: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UseView:
    """What a line has used today and in the last days."""

    today: str
    has_data: bool
    has_night: bool
    today_chart: TodayChart
    week_chart: WeekChart
    others: tuple[Figures, ...]
    """Calls and messages: today, and in the last days."""
    kinds: tuple[Figures, ...]
    hours: tuple[Figures, ...]
    """Data by hour: by day, and from night allowances; newest first, empty hours left out."""


def view_use(use: Hours, reader: Reader) -> UseView | None:
    """Put what a line has used into words and charts; None: nothing in the last days."""
    if not any(hour.parts for hour in use):
        return None
    days = _by_day(use, reader)
    today = days[-1]
    language = reader.language
    return UseView(
        today=_say(today, Unit.DATA, language),
        has_data=_total(use, Unit.DATA) > 0,
        has_night=_total(use, Unit.DATA, is_night=True) > 0,
        today_chart=_today_chart(today, reader),
        week_chart=_week_chart(days, reader),
        others=tuple(
            Figures(
                kind_name(unit, language), _say(today, unit, language), _say(use, unit, language)
            )
            for unit in (Unit.VOICE, Unit.SMS)
            if _total(use, unit)
        ),
        kinds=tuple(_by_kind(use, today, language)),
        hours=tuple(
            Figures(
                reader.hour(hour.since),
                _say([hour], Unit.DATA, language, is_night=False),
                _say([hour], Unit.DATA, language, is_night=True),
            )
            for hour in reversed(use)
            if hour.total(Unit.DATA)
        ),
    )


def _by_day(use: Hours, reader: Reader) -> list[list[HourUse]]:
    days: dict[object, list[HourUse]] = {}
    for hour in use:
        days.setdefault(hour.since.astimezone(reader.zone).date(), []).append(hour)
    return list(days.values())


def _today_chart(today: Sequence[HourUse], reader: Reader) -> TodayChart:
    language = reader.language
    most = round_up(max(hour.total(Unit.DATA) for hour in today))
    return TodayChart(
        bars=draw_bars(today, TODAY, most),
        ticks=hour_ticks(today, TODAY, reader.zone, _TICK_EVERY),
        scale=say_quantity(Quantity(most, Unit.DATA), language) if _total(today, Unit.DATA) else "",
        title=translate(language, "Data used today, by hour"),
        said=_describe(today, reader),
    )


def _week_chart(days: Sequence[Sequence[HourUse]], reader: Reader) -> WeekChart:
    language = reader.language
    most = max(1, *(hour.total(Unit.DATA) for day in days for hour in day))
    rows = []
    for number, day in enumerate(days):
        top = number * _ROW_HEIGHT
        box = Box(_ROW.x, top + _ROW.y, _ROW.width, _ROW.height)
        rows.append(
            DayRow(
                name=translate(language, "Today")
                if number == len(days) - 1
                else reader.weekday(day[0].since),
                total=_say(day, Unit.DATA, language),
                text_y=box.bottom - 2,
                bars=draw_bars(day, box, most),
                baseline=box.bottom,
            )
        )
    return WeekChart(
        rows=tuple(rows),
        ticks=hour_ticks(days[-1], _ROW, reader.zone, _TICK_EVERY),
        height=len(rows) * _ROW_HEIGHT + 16,
        title=translate(language, "Data used in the last {count} days, by hour", count=len(days)),
        said=_describe([hour for day in days for hour in day], reader),
    )


def _describe(hours: Sequence[HourUse], reader: Reader) -> str:
    """Say in a sentence or two what a chart shows."""
    language = reader.language
    if not _total(hours, Unit.DATA):
        return translate(language, "No data was used.")
    busiest = max(hours, key=lambda hour: hour.total(Unit.DATA))
    night = _total(hours, Unit.DATA, is_night=True)
    said = [
        translate(
            language,
            "{amount} in all, most of it ({most}) in the hour from {hour}.",
            amount=_say(hours, Unit.DATA, language),
            most=_say([busiest], Unit.DATA, language),
            hour=reader.hour(busiest.since),
        )
    ]
    if night:
        said.append(
            translate(
                language,
                "{amount} of it was night data.",
                amount=say_quantity(Quantity(night, Unit.DATA), language),
            )
        )
    return " ".join(said)


def _by_kind(use: Hours, today: Sequence[HourUse], language: Language) -> Iterator[Figures]:
    """Yield what was used of each kind of data, what was used most first."""
    in_week, in_day = _kinds(use), _kinds(today)
    for kind, amount in sorted(in_week.items(), key=lambda found: -found[1]):
        yield Figures(
            _name_kind(*kind, language),
            say_quantity(Quantity(in_day.get(kind, 0), Unit.DATA), language),
            say_quantity(Quantity(amount, Unit.DATA), language),
        )


_Kind = tuple[AllowanceClass, bool, bool]


def _kinds(hours: Iterable[HourUse]) -> dict[_Kind, int]:
    amounts: dict[_Kind, int] = {}
    for part in _data_parts(hours):
        kind = (part.kind, part.is_night, part.from_pool)
        amounts[kind] = amounts.get(kind, 0) + part.amount
    return amounts


def _data_parts(hours: Iterable[HourUse]) -> Iterator[UsePart]:
    return (part for hour in hours for part in hour.parts if part.unit is Unit.DATA)


def _name_kind(
    kind: AllowanceClass,
    is_night: bool,  # noqa: FBT001 - one of the three that a kind's name consists of
    from_pool: bool,  # noqa: FBT001
    language: Language,
) -> str:
    names = {
        AllowanceClass.BASE: translate(language, "from the plan"),
        AllowanceClass.CARRIED_OVER: translate(language, "carried over"),
        AllowanceClass.BONUS: translate(language, "bonus"),
        AllowanceClass.BOUGHT: translate(language, "bought"),
        AllowanceClass.RECEIVED: translate(language, "received"),
    }
    marks = [names[kind]]
    if is_night:
        marks.append(translate(language, "at night"))
    if from_pool:
        marks.append(translate(language, "from a pool"))
    return " · ".join(marks)


def _total(hours: Iterable[HourUse], unit: Unit, *, is_night: bool | None = None) -> int:
    return sum(hour.total(unit, is_night=is_night) for hour in hours)


def _say(
    hours: Iterable[HourUse], unit: Unit, language: Language, *, is_night: bool | None = None
) -> str:
    return say_quantity(Quantity(_total(hours, unit, is_night=is_night), unit), language)
