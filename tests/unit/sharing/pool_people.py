"""People who share a pool, decided about without a database."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from tests.model.world import named, operator

from yuzuri.catalog.purchases import Purchase, decide_purchase
from yuzuri.kernel.errors import Code, Refusal
from yuzuri.kernel.ids import (
    HolderId,
    Home,
    InvitationId,
    PersonId,
    PoolId,
    PurchaseId,
    home_of,
    new_id,
)
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.book import Book, HomeState
from yuzuri.operators.gift_rules import Recipients
from yuzuri.operators.plans import AllowanceClass
from yuzuri.operators.profile import Profile
from yuzuri.operators.profiles import Profiles
from yuzuri.operators.services import Pool as PoolService
from yuzuri.sharing.pool_decisions import apply_pool_decision, decide_pool
from yuzuri.sharing.pool_facts import PoolFacts
from yuzuri.sharing.pools import (
    FillPool,
    Invite,
    Invited,
    JoinPool,
    OpenPool,
    PoolCommand,
    PoolDone,
)
from yuzuri.subscribers.lines import Line

TOKYO = ZoneInfo("Asia/Tokyo")
TICK = timedelta(microseconds=1)
MIDNIGHT = datetime(2026, 11, 10, 15, tzinfo=UTC)
"""When Wednesday begins in Tokyo."""
MONTH_END = datetime(2026, 11, 30, 15, tzinfo=UTC)
"""When December begins in Tokyo."""
START = MIDNIGHT - timedelta(hours=12)


def offering(name: str, **terms: object) -> Profile:
    service = PoolService(name=named("pool"), source="s", **terms)  # type: ignore[arg-type] # its fields
    return msgspec.structs.replace(operator(name), services=(service,), timezone="Asia/Tokyo")


_numbers = count()

PROFILES = Profiles(
    {
        "open": offering("open", lines_max=3),
        "wide": offering("wide"),
        "account": offering("account", recipients=Recipients.SAME_ACCOUNT),
        "carry": offering("carry", sources=(AllowanceClass.CARRIED_OVER,)),
        "none": operator("none"),
    }
)


def line(
    name: str = "open", home: int = 0, account: str | None = None, of: Line | None = None
) -> Line:
    """A line, of a person of its own or of the person of another."""
    return Line(
        id=HolderId(new_id(Home(home))),
        person=PersonId(new_id(Home(home))) if of is None else of.person,
        operator=name,
        plan="plan",
        number=f"+81{next(_numbers):010}",
        label="a line",
        activated_at=START,
        account=account,
    )


def facts_of(*lines: Line, at: datetime = START) -> PoolFacts:
    known = {one.id: one for one in lines}
    book = Book(at, locked={Home(home): HomeState() for home in range(2)}, homes=2)
    owned: dict[PersonId, list[Line]] = {}
    for one in lines:
        owned.setdefault(one.person, []).append(one)
    return PoolFacts(book, PROFILES, known, owned)


def do(facts: PoolFacts, command: PoolCommand) -> object:
    decision = decide_pool(facts, command)
    apply_pool_decision(facts, decision)
    return decision.outcome


def opened(facts: PoolFacts, owner: Line, **terms: Any) -> PoolId:
    pool = PoolId(HolderId(new_id(home_of(owner.person))))
    assert do(
        facts, OpenPool(person=owner.person, pool=pool, name="us", line=owner.id, **terms)
    ) == PoolDone(pool)
    return pool


def bought(facts: PoolFacts, buyer: Line, *top_ups: str | None) -> None:
    for top_up in top_ups:
        purchase = Purchase(id=PurchaseId(new_id()), line=buyer.id, top_up=top_up)
        facts.book.apply(decide_purchase(facts.book, facts.lines, PROFILES, purchase)[1])


def invited(facts: PoolFacts, by: PersonId, pool: PoolId, **terms: Any) -> InvitationId:
    """Invite to a pool by a link, on these terms."""
    outcome = do(facts, Invite(person=by, pool=pool, **terms))
    assert isinstance(outcome, Invited), outcome
    return outcome.invitation


def joining(member: Line, invitation: InvitationId) -> JoinPool:
    return JoinPool(person=member.person, line=member.id, invitation=invitation)


def added(facts: PoolFacts, owner: Line, pool: PoolId, *members: Line, **terms: Any) -> None:
    """Let lines draw on a pool: they are invited, and join."""
    for member in members:
        invitation = invited(facts, owner.person, pool, **terms)
        assert do(facts, joining(member, invitation)) == PoolDone(pool)


def fill(giver: Line, pool: PoolId, amount: int, unit: Unit = Unit.DATA) -> FillPool:
    return FillPool(person=giver.person, line=giver.id, pool=pool, unit=unit, amount=amount)


def code_of(outcome: object) -> Code:
    assert isinstance(outcome, Refusal), outcome
    return outcome.code
