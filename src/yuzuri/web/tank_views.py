"""Tanks in the reader's words: the picture of what is in one, and what each line may do there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.operators.profiles import Profiles
from yuzuri.sharing.tank_views import LineAtTank, TankInView
from yuzuri.web.charts import Box, round_up
from yuzuri.web.evidence_views import InsteadView, Told, tell_instead, tell_reason
from yuzuri.web.instants import Reader
from yuzuri.web.line_views import line_name, write_amount
from yuzuri.web.offers import Part, say_arrivals
from yuzuri.words.formats import say_list, say_quantity, say_times
from yuzuri.words.translations import translate

_BODY = Box(x=2, y=2, width=296, height=146)
"""Where in the drawing, 300 wide and 150 high, something can be in a tank."""

_NAMED = 20
"""How high a layer is at least that has room for its amount."""


@dataclass(frozen=True, slots=True)
class Layer:
    """What ends at one time, as high as it is much; what ends soonest lies at the bottom."""

    y: float
    height: float
    amount: str
    """Empty where there is no room for it."""
    is_even: bool

    @property
    def text_y(self) -> float:
        """Where its amount stands."""
        return round(self.y + self.height / 2 + 4, 2)


@dataclass(frozen=True, slots=True)
class LineAtTankView:
    """What a line may do at a tank; `most_to_draw` is empty where it may not draw."""

    id: str
    name: str
    most_to_draw: str
    most_to_draw_value: str
    """As the form reads it."""
    most_to_give: str
    reasons: tuple[Told, ...]
    instead: tuple[InsteadView, ...]
    notes: tuple[Told, ...]
    gave: str
    drew: str
    this_month: str


@dataclass(frozen=True, slots=True)
class TankView:
    """A tank that is open, its picture, and the reader's lines at it."""

    id: str
    name: str
    operator: str
    area: str
    until: str
    amount: str
    said: str
    parts: tuple[Part, ...]
    layers: tuple[Layer, ...]
    lines: tuple[LineAtTankView, ...]


def view_tank(seen: TankInView, profiles: Profiles, language: Language, at: datetime) -> TankView:
    """Put a tank into words by the clocks of its operator."""
    tank, profile = seen.tank, profiles[seen.tank.operator]
    reader = Reader(language, profile.zone, at)
    parts = say_arrivals(seen.inside, reader)
    said = [f"{part.amount} {part.until}" for part in parts]
    return TankView(
        id=str(tank.id),
        name=tank.name,
        operator=profile.name.in_language(language),
        area=tank.area or "",
        until="" if tank.until is None else reader.until(tank.until),
        amount=_say(seen.amount, language),
        said=say_list(said, language) if said else translate(language, "Nothing is in it now."),
        parts=parts,
        layers=draw_layers([part.quantity.amount for part in seen.inside], language),
        lines=tuple(_view_line(one, profiles, reader) for one in seen.lines),
    )


def draw_layers(amounts: Sequence[int], language: Language) -> tuple[Layer, ...]:
    """Draw amounts, that which ends soonest first, from the bottom of a tank; pure.

    There is always some room above them: a tank is never full.
    """
    most = round_up(sum(amounts) * 5 // 4)
    layers, top = [], _BODY.bottom
    for number, amount in enumerate(amounts):
        height = round(amount / most * _BODY.height, 2)
        top = round(top - height, 2)
        named = _say(amount, language) if height >= _NAMED else ""
        layers.append(Layer(top, height, named, number % 2 == 0))
    return tuple(layers)


def _view_line(seen: LineAtTank, profiles: Profiles, reader: Reader) -> LineAtTankView:
    language, profile = reader.language, profiles[seen.line.operator]
    draws, drawn_this_month = seen.account.in_month_of(reader.at, profile.zone)
    most = seen.most_to_draw
    return LineAtTankView(
        id=str(seen.line.id),
        name=line_name(seen.line, profile, language),
        most_to_draw=_say(most, language) if most else "",
        most_to_draw_value=write_amount(most, Unit.DATA) if most else "",
        most_to_give=_say(seen.most_to_give, language) if seen.most_to_give else "",
        reasons=tuple(tell_reason(reason, reader) for reason in seen.draw.refusals),
        instead=tuple(tell_instead(one, Unit.DATA, reader) for one in seen.draw.instead),
        notes=tuple(tell_reason(reason, reader) for reason in seen.notes),
        gave=_say(seen.account.given, language),
        drew=_say(seen.account.drawn, language),
        this_month=translate(
            language,
            "{amount}, drawn {times}",
            amount=_say(drawn_this_month, language),
            times=say_times(draws, language),
        ),
    )


def _say(amount: int, language: Language) -> str:
    return say_quantity(Quantity(amount, Unit.DATA), language)
