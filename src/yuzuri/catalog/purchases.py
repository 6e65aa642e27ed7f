"""Turning what an operator offers into allowances: so much, where, when and until when."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never
from zoneinfo import ZoneInfo

import msgspec

from yuzuri.kernel.calendar import DailyWindow, month_end
from yuzuri.kernel.errors import Code, Refusal
from yuzuri.kernel.ids import AllowanceId, HolderId, PurchaseId, derived_id
from yuzuri.ledger.allowances import Allowance, Source
from yuzuri.ledger.book import Book
from yuzuri.ledger.changes import (
    HOUSE,
    House,
    LedgerChange,
    NewAllowance,
    Transfer,
    TransferKind,
)
from yuzuri.operators.plans import Plan, PlanAllowance, Validity, ValidityKind
from yuzuri.operators.profile import Profile
from yuzuri.operators.profiles import Profiles, find_plan
from yuzuri.subscribers.lines import Line


def issued_by(
    profile: Profile,
    plan: Plan,
    gives: tuple[PlanAllowance, ...],
    purchase: PurchaseId,
    at: datetime,
) -> Iterator[tuple[Allowance, int]]:
    """Yield what a purchase issues at an instant: each allowance with its amount in base units.

    Their ids follow from the purchase, so that it cannot be made twice.
    """
    for number, offered in enumerate(gives):
        hours = offered.hours
        allowance = Allowance(
            id=_issued_id(purchase, number),
            unit=offered.amount.unit,
            operator=profile.id,
            plan=plan.id,
            zone=offered.zone,
            source=Source(offered.source_class),
            paid=offered.paid,
            issued_at=at,
            expires_at=expiry_of(offered.validity, at, profile.zone),
            purchase=purchase,
            hours=None
            if hours is None
            else DailyWindow(hours.since, hours.until, profile.timezone),
        )
        yield allowance, offered.amount.amount


def first_issued(purchase: PurchaseId) -> AllowanceId:
    """Name the first allowance that a purchase issues: it is known once the purchase is made."""
    return _issued_id(purchase, 0)


def _issued_id(purchase: PurchaseId, number: int) -> AllowanceId:
    return AllowanceId(derived_id(purchase, str(number)))


def expiry_of(validity: Validity, at: datetime, zone: ZoneInfo) -> datetime | None:
    """Return when something issued at `at` ends; None: never."""
    match validity.kind:
        case ValidityKind.MONTH_END:
            return month_end(at, zone)
        case ValidityKind.NEXT_MONTH_END:
            return month_end(at, zone, 1)
        case ValidityKind.DAYS:
            return at + timedelta(days=validity.count)
        case ValidityKind.HOURS:
            return at + timedelta(hours=validity.count)
        case ValidityKind.NEVER:
            return None
        case other:
            assert_never(other)


class Purchase(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Give a line a new cycle of its plan, or a top-up; the operator sees to the payment.

    Each purchase has an id of its own; one that issued something is refused the next time.
    """

    id: PurchaseId
    line: HolderId
    top_up: str | None = None


@dataclass(frozen=True, slots=True)
class Purchased:
    """What a purchase has issued."""

    purchase: PurchaseId
    issued: tuple[tuple[AllowanceId, int], ...]


def decide_purchase(
    book: Book, lines: Mapping[HolderId, Line], profiles: Profiles, command: Purchase
) -> tuple[Purchased | Refusal, list[LedgerChange]]:
    """Decide what a purchase issues to a line, once; the house is where it comes from."""
    if first_issued(command.id) in book.allowances:
        return Refusal(Code.KEY_REUSED), []
    line = lines.get(command.line)
    if line is None:
        return Refusal(Code.LINE_UNKNOWN), []
    profile = profiles[line.operator]
    plan = find_plan(profile, line.plan)
    gives = plan.gives
    if command.top_up is not None:
        top_up = next((t for t in plan.top_ups if t.id == command.top_up), None)
        if top_up is None:
            known = tuple(t.id for t in plan.top_ups)
            return Refusal(Code.TOP_UP_UNKNOWN, {"top_up": command.top_up, "known": known}), []
        gives = top_up.gives
    issued = list(issued_by(profile, plan, gives, command.id, book.at))
    changes: list[LedgerChange] = []
    for allowance, amount in issued:
        changes.append(NewAllowance(allowance=allowance, holder=line.id))
        changes.append(
            Transfer(
                allowance=allowance.id,
                source=HOUSE[House.ISSUED],
                target=line.id,
                amount=amount,
                kind=TransferKind.ISSUE,
                cause=command.id,
            )
        )
    return Purchased(command.id, tuple((a.id, amount) for a, amount in issued)), changes
