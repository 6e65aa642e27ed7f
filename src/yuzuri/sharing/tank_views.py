"""Tanks as people see them: what is in one, and what each of their own lines may do there now."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from yuzuri.db import Connection
from yuzuri.feasibility.holdings import ready, split, to_spare, total
from yuzuri.feasibility.tank import ROUTE, for_all, judge_draw, most_to_draw
from yuzuri.feasibility.verdict import Arrival, Reason, Verdict
from yuzuri.kernel.ids import PersonId
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.ledger.store import read_book
from yuzuri.operators.profiles import Profiles
from yuzuri.sharing.gifts import GiftRefused
from yuzuri.sharing.tank_decisions import arrivals_as_they_are, find_place
from yuzuri.sharing.tank_facts import TankFacts
from yuzuri.sharing.tank_store import load_tanks, take_in_tanks
from yuzuri.sharing.tanks import DrawFromTank, Tank, TankAccount
from yuzuri.subscribers.lines import Line, lines_of


@dataclass(frozen=True, slots=True)
class LineAtTank:
    """What a line may do at a tank, and what it did; bytes of data.

    `draw` says whether it may draw anything now, why not and what would work; `most_to_draw` at
    once. `notes` is what one should know before one gives.
    """

    line: Line
    account: TankAccount
    draw: Verdict
    most_to_draw: int = 0
    most_to_give: int = 0
    notes: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class TankInView:
    """A tank that is open, what is in it, and lines that may come to it."""

    tank: Tank
    inside: tuple[Arrival, ...]
    lines: tuple[LineAtTank, ...] = ()

    @property
    def amount(self) -> int:
        """How much is in it, in bytes."""
        return sum(part.quantity.amount for part in self.inside)


async def load_tank_views(
    connection: Connection, profiles: Profiles, person: PersonId, at: datetime
) -> Sequence[TankInView]:
    """Return the open tanks of the operators of a person's lines; waits for no write."""
    lines = await lines_of(connection, person)
    return await view_tanks(connection, profiles, {line.operator for line in lines}, lines, at)


async def view_tanks(
    connection: Connection,
    profiles: Profiles,
    operators: Iterable[str],
    lines: Sequence[Line],
    at: datetime,
) -> Sequence[TankInView]:
    """Return the open tanks of operators, and what these lines may do at them."""
    tanks = await load_tanks(connection, (), operators)
    named = [line.id for line in lines]
    book = await read_book(connection, [*tanks, *named], at)
    facts = TankFacts(book, profiles, {line.id: line for line in lines})
    await take_in_tanks(connection, facts, tanks, (), named)
    return [
        TankInView(
            tank,
            _inside(facts, tank),
            tuple(_at_tank(facts, line, tank) for line in lines if line.operator == tank.operator),
        )
        for tank in facts.tanks.values()
        if tank.is_open(at)
    ]


def _inside(facts: TankFacts, tank: Tank) -> tuple[Arrival, ...]:
    inside = facts.inside(tank)
    return tuple(arrivals_as_they_are(split(inside, total(inside))))


def _at_tank(facts: TankFacts, line: Line, tank: Tank) -> LineAtTank:
    account = facts.account(line, tank)
    command = DrawFromTank(person=line.person, line=line.id, tank=tank.id, amount=1)
    place = find_place(facts, command)
    if isinstance(place, GiftRefused):
        return LineAtTank(line, account, Verdict(ROUTE, place.reasons))
    draw = facts.draw_question(line, tank, place.service, None)
    gives = facts.donation_question(line, Quantity(1, Unit.DATA))
    return LineAtTank(
        line,
        account,
        judge_draw(draw),
        most_to_draw(draw),
        max(0, min(total(ready(gives)), to_spare(gives))),
        (for_all(place.party, place.service),),
    )
