"""What becomes of tanks: opened, extended, closed, given to, and drawn on by who may.

Pure: facts and a command in; an outcome and its changes out.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from msgspec.structs import replace

from yuzuri.feasibility.gift import gift_parts
from yuzuri.feasibility.holdings import split
from yuzuri.feasibility.question import Holding, Party
from yuzuri.feasibility.services import not_published, refuse_by
from yuzuri.feasibility.tank import find_tank, judge_donation, judge_draw
from yuzuri.feasibility.verdict import Arrival, Effect, Reason
from yuzuri.kernel.calendar import DailyWindow
from yuzuri.kernel.errors import Code, FieldValue
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.ledger.changes import HOUSE_IDS, LedgerChange
from yuzuri.operators.services import Tank as TankService
from yuzuri.sharing.gifts import GiftRefused
from yuzuri.sharing.moves import move
from yuzuri.sharing.tank_facts import TankFacts
from yuzuri.sharing.tanks import (
    CloseTank,
    DrawFromTank,
    ExtendTank,
    GiveToTank,
    OpenTank,
    Tank,
    TankAccount,
    TankCommand,
    TankDone,
    TankOutcome,
    checked_tank_command,
)
from yuzuri.subscribers.lines import Line


@dataclass(frozen=True, slots=True)
class TankDecision:
    """An outcome with what it changes."""

    outcome: TankOutcome
    ledger: tuple[LedgerChange, ...] = ()
    tank: Tank | None = None
    account: TankAccount | None = None


def decide_tank(facts: TankFacts, command: TankCommand) -> TankDecision:
    """Decide a command about a tank; pure."""
    checked_tank_command(command)
    match command:
        case OpenTank():
            decision = _open(facts, command)
        case ExtendTank():
            decision = _extend(facts, command)
        case CloseTank():
            decision = _close(facts, command)
        case GiveToTank():
            decision = _give(facts, command)
        case DrawFromTank():
            decision = _draw(facts, command)
        case _:
            assert_never(command)
    return TankDecision(decision) if isinstance(decision, GiftRefused) else decision


def apply_tank_decision(facts: TankFacts, decision: TankDecision) -> None:
    """Let the next decision see what this one has changed."""
    facts.book.apply(decision.ledger)
    if decision.tank is not None:
        facts.set_tank(decision.tank)
    if decision.account is not None:
        facts.set_account(decision.account)


# ---------------------------------------------------------------- the operator's own commands


def _open(facts: TankFacts, command: OpenTank) -> TankDecision | GiftRefused:
    is_taken = command.tank in facts.lines or command.tank in HOUSE_IDS
    if is_taken or command.tank in facts.tanks or facts.book.buckets_of(command.tank):
        return _refused(Code.KEY_REUSED)
    party = Party(facts.profiles[command.operator])
    service = find_tank(party, in_area=command.area is not None)
    if service is None:
        return _refuse(not_published(party, Code.TANK_NOT_OFFERED))
    for other in facts.tanks.values():
        is_such = (other.operator, other.area) == (command.operator, command.area)
        if is_such and other.is_open(facts.at):
            return _refused(Code.TANK_OPEN_ALREADY, operator=party.profile.name)
    until = command.until
    if until is None and service.open_days is not None:
        until = facts.at + timedelta(days=service.open_days)
    if until is not None:
        reason = _too_long(party, service, facts.at, until)
        if reason is not None:
            return _refuse(reason)
    tank = Tank(
        id=command.tank,
        operator=command.operator,
        name=command.name,
        area=command.area,
        opened_at=facts.at,
        until=until,
    )
    return TankDecision(TankDone(tank.id), tank=tank)


def _extend(facts: TankFacts, command: ExtendTank) -> TankDecision | GiftRefused:
    tank = _open_tank(facts, command)
    if isinstance(tank, GiftRefused):
        return tank
    party = Party(facts.profiles[tank.operator])
    service = find_tank(party, in_area=tank.area is not None)
    if service is None:
        return _refuse(not_published(party, Code.TANK_NOT_OFFERED))
    if tank.until is None or not service.extendable:
        return _refuse(refuse_by(party, Code.TANK_NOT_EXTENDABLE, service, "extendable"))
    reason = _too_long(party, service, facts.at, command.until)
    if reason is not None:
        return _refuse(reason)
    return TankDecision(TankDone(tank.id), tank=replace(tank, until=command.until))


def _too_long(party: Party, tank: TankService, at: datetime, until: datetime) -> Reason | None:
    """Say why a tank cannot be open from now until an instant; None: it can."""
    days = tank.open_days
    if at < until and (days is None or until <= at + timedelta(days=days)):
        return None
    fields = {"days": days} if days is not None else {}
    return refuse_by(party, Code.TANK_OPEN_DAYS, tank, "open_days", **fields)


def _close(facts: TankFacts, command: CloseTank) -> TankDecision | GiftRefused:
    tank = _open_tank(facts, command)
    if isinstance(tank, GiftRefused):
        return tank
    closed_at = max(facts.at, tank.opened_at)
    return TankDecision(TankDone(tank.id), tank=replace(tank, until=closed_at))


# ---------------------------------------------------------------- giving and drawing


def _give(facts: TankFacts, command: GiveToTank) -> TankDecision | GiftRefused:
    place = find_place(facts, command)
    if isinstance(place, GiftRefused):
        return place
    line, tank = place.line, place.tank
    question = facts.donation_question(line, Quantity(command.amount, command.unit))
    verdict = judge_donation(place.service, question)
    if verdict.feasible is not True:
        return GiftRefused(verdict.refusals, verdict.instead)
    account = facts.account(line, tank)
    return TankDecision(
        TankDone(tank.id),
        tuple(move(gift_parts(question), line.id, tank.id, tank.id)),
        account=replace(account, given=account.given + command.amount),
    )


def _draw(facts: TankFacts, command: DrawFromTank) -> TankDecision | GiftRefused:
    place = find_place(facts, command)
    if isinstance(place, GiftRefused):
        return place
    line, tank = place.line, place.tank
    verdict = judge_draw(facts.draw_question(line, tank, place.service, command.amount))
    if verdict.feasible is not True:
        return GiftRefused(verdict.refusals, verdict.instead)
    parts = tuple(split(facts.inside(tank), command.amount))
    account = replace(facts.account(line, tank))
    account.draw(command.amount, facts.at, place.party.profile.zone)
    return TankDecision(
        TankDone(tank.id, tuple(arrivals_as_they_are(parts))),
        tuple(move(parts, tank.id, line.id, tank.id)),
        account=account,
    )


def arrivals_as_they_are(parts: Iterable[tuple[Holding, int]]) -> Iterator[Arrival]:
    """Yield what arrives where nothing changes on the way; alike parts are put together."""
    amounts: Counter[tuple[datetime | None, DailyWindow | None]] = Counter()
    for holding, amount in parts:
        amounts[holding.allowance.expires_at, holding.allowance.hours] += amount
    for (expires_at, hours), amount in amounts.items():
        yield Arrival(Quantity(amount, Unit.DATA), expires_at, hours=hours)


@dataclass(frozen=True, slots=True)
class Place:
    """A line at a tank that it may come to, and the published rules of the tank."""

    line: Line
    party: Party
    tank: Tank
    service: TankService


def find_place(facts: TankFacts, command: GiveToTank | DrawFromTank) -> Place | GiftRefused:
    """Return the person's line at an open tank of its operator, or why it cannot be there."""
    line, tank = facts.lines.get(command.line), facts.tanks.get(command.tank)
    if line is None:
        return _refused(Code.LINE_UNKNOWN)
    if line.person != command.person:
        return _refused(Code.LINE_NOT_YOURS)
    if tank is None:
        return _refused(Code.TANK_UNKNOWN)
    party = facts.party(line)
    if line.operator != tank.operator:
        names = {"operator": facts.profiles[tank.operator].name, "other": party.profile.name}
        return _refused(Code.TANK_OTHER_OPERATOR, **names)
    if not tank.is_open(facts.at):
        return _closed(tank)
    service = find_tank(party, in_area=tank.area is not None)
    if service is None:
        return _refuse(not_published(party, Code.TANK_NOT_OFFERED))
    return Place(line, party, tank, service)


def _open_tank(facts: TankFacts, command: ExtendTank | CloseTank) -> Tank | GiftRefused:
    tank = facts.tanks.get(command.tank)
    if tank is None:
        return _refused(Code.TANK_UNKNOWN)
    return tank if tank.is_open(facts.at) else _closed(tank)


def _closed(tank: Tank) -> GiftRefused:
    since = {} if tank.until is None else {"since": tank.until}
    return _refused(Code.TANK_CLOSED, **since)


def _refused(code: Code, **fields: FieldValue) -> GiftRefused:
    return _refuse(Reason(code, Effect.REFUSES, fields))


def _refuse(reason: Reason) -> GiftRefused:
    return GiftRefused((reason,))
