"""Who may draw on a pool, how much, and what is put into it.

Pure: facts and a command in; an outcome and its changes out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import assert_never

from msgspec.structs import replace

from yuzuri.feasibility.holdings import classes_of
from yuzuri.kernel.calendar import day_start, month_start
from yuzuri.kernel.errors import Code, Refusal
from yuzuri.kernel.ids import HolderId, PersonId, PoolId, home_of
from yuzuri.kernel.quantities import Quantity
from yuzuri.ledger.allowances import Allowance
from yuzuri.ledger.book import Bucket
from yuzuri.ledger.changes import (
    HOUSE,
    HOUSE_IDS,
    House,
    LedgerChange,
    NewAllowance,
    Transfer,
    TransferKind,
)
from yuzuri.operators.gift_rules import Recipients
from yuzuri.operators.profiles import find_plan, services
from yuzuri.operators.services import Pool as PoolService
from yuzuri.sharing.pool_facts import PoolFacts
from yuzuri.sharing.pools import (
    AddMember,
    ChangeMember,
    FillPool,
    Member,
    OpenPool,
    Pool,
    PoolCommand,
    PoolDone,
    PoolOutcome,
    RemoveMember,
    checked_pool_command,
)
from yuzuri.subscribers.lines import Line


@dataclass(frozen=True, slots=True)
class PoolDecision:
    """An outcome with what it changes; `members` None: the line draws on no pool any more."""

    outcome: PoolOutcome
    ledger: tuple[LedgerChange, ...] = ()
    opened: Pool | None = None
    members: Mapping[HolderId, Member | None] = field(default_factory=dict)
    supplied: frozenset[HolderId] = frozenset()


def decide_pool(facts: PoolFacts, command: PoolCommand) -> PoolDecision:
    """Decide a command about a pool; pure."""
    checked_pool_command(command)
    match command:
        case OpenPool():
            decision = _open(facts, command)
        case AddMember():
            decision = _add(facts, command)
        case ChangeMember():
            decision = _change(facts, command)
        case RemoveMember():
            decision = _remove(facts, command)
        case FillPool():
            decision = _fill(facts, command)
        case _:
            assert_never(command)
    return PoolDecision(decision) if isinstance(decision, Refusal) else decision


def apply_pool_decision(facts: PoolFacts, decision: PoolDecision) -> None:
    """Let the next decision see what this one has changed."""
    facts.book.apply(decision.ledger)
    if decision.opened is not None:
        facts.open_pool(decision.opened)
    for line, member in decision.members.items():
        facts.set_member(line, member)
    facts.supplied_lines |= decision.supplied


def _open(facts: PoolFacts, command: OpenPool) -> PoolDecision | Refusal:
    line = _own_line(facts, command.line, command.person)
    if isinstance(line, Refusal):
        return line
    service = _service(facts, line)
    if isinstance(service, Refusal):
        return service
    if _is_taken(facts, command.pool):
        return Refusal(Code.KEY_REUSED)
    pool = Pool(
        id=command.pool,
        owner=command.person,
        name=command.name,
        operator=line.operator,
        opened_at=facts.at,
    )
    return PoolDecision(PoolDone(pool.id), opened=pool)


def _is_taken(facts: PoolFacts, pool: PoolId) -> bool:
    """Tell whether the id is somebody's, so that nobody's holdings become a pool's."""
    return (
        pool in facts.pools
        or pool in facts.lines
        or pool in HOUSE_IDS
        or bool(facts.book.buckets_of(pool))
    )


def _add(facts: PoolFacts, command: AddMember) -> PoolDecision | Refusal:
    pool = _own_pool(facts, command)
    if isinstance(pool, Refusal):
        return pool
    line = facts.lines.get(command.line)
    if line is None:
        return Refusal(Code.LINE_UNKNOWN)
    refusal = _other_operator(facts, pool, line)
    if refusal is not None:
        return refusal
    service = _service(facts, line)
    if isinstance(service, Refusal):
        return service
    if line.id in facts.members:
        return Refusal(Code.POOL_MEMBER_ALREADY)
    profile = facts.profiles[pool.operator]
    if service.recipients is Recipients.SAME_ACCOUNT and not _is_of_account(facts, pool, line):
        return Refusal(Code.POOL_OTHER_ACCOUNT, {"operator": profile.name})
    if service.lines_max is not None and len(facts.members_of(pool.id)) >= service.lines_max:
        return Refusal(Code.POOL_FULL, {"operator": profile.name, "limit": service.lines_max})
    member = Member(
        line=line.id,
        pool=pool.id,
        joined_at=facts.at,
        day=day_start(facts.at, profile.zone),
        month=month_start(facts.at, profile.zone),
        cap_per_day=command.cap_per_day,
        cap_per_month=command.cap_per_month,
        pool_first=command.pool_first,
    )
    return PoolDecision(PoolDone(pool.id), members={line.id: member})


def _is_of_account(facts: PoolFacts, pool: Pool, line: Line) -> bool:
    return line.account is not None and any(
        (own.operator, own.account) == (line.operator, line.account)
        for own in facts.owned.get(pool.owner, ())
    )


def _change(facts: PoolFacts, command: ChangeMember) -> PoolDecision | Refusal:
    pool = _own_pool(facts, command)
    if isinstance(pool, Refusal):
        return pool
    member = _member(facts, command)
    if member is None:
        return Refusal(Code.POOL_MEMBER_UNKNOWN)
    changed = replace(
        member,
        cap_per_day=command.cap_per_day,
        cap_per_month=command.cap_per_month,
        pool_first=command.pool_first,
        is_paused=command.is_paused,
    )
    return PoolDecision(PoolDone(pool.id), members={member.line: changed})


def _remove(facts: PoolFacts, command: RemoveMember) -> PoolDecision | Refusal:
    pool = _own_pool(facts, command)
    leaves = _is_own_member(facts, command)
    if isinstance(pool, Refusal) and not leaves:
        return pool
    if _member(facts, command) is None:
        return Refusal(Code.POOL_MEMBER_UNKNOWN)
    return PoolDecision(PoolDone(command.pool), members={command.line: None})


def _fill(facts: PoolFacts, command: FillPool) -> PoolDecision | Refusal:
    line = _own_line(facts, command.line, command.person)
    if isinstance(line, Refusal):
        return line
    pool = _known_pool(facts, command.pool)
    if pool is None or not (pool.owner == command.person or _is_own_member(facts, command)):
        return Refusal(Code.POOL_UNKNOWN)
    refusal = _other_operator(facts, pool, line)
    if refusal is not None:
        return refusal
    service = _service(facts, line)
    if isinstance(service, Refusal):
        return service
    parts = facts.book.holdings(line.id, command.unit)
    wanted = Quantity(command.amount, command.unit)
    available = Quantity(sum(bucket.available for bucket, _ in parts), command.unit)
    if available.amount < wanted.amount:
        return Refusal(Code.BALANCE_NOT_ENOUGH, {"available": available, "amount": wanted})
    profile = facts.profiles[line.operator]
    if service.sources:
        parts = [
            (bucket, allowance)
            for bucket, allowance in parts
            if classes_of(allowance, facts.at, profile.zone) & set(service.sources)
        ]
        may_give = Quantity(sum(bucket.available for bucket, _ in parts), command.unit)
        if may_give.amount < wanted.amount:
            classes = tuple(one.value for one in service.sources)
            return Refusal(
                Code.POOL_SOURCE,
                {"operator": profile.name, "classes": classes, "available": may_give},
            )
    return PoolDecision(
        PoolDone(pool.id),
        tuple(_move(parts, pool.id, wanted.amount)),
        supplied=frozenset(member.line for member in facts.members_of(pool.id)),
    )


def _move(
    parts: list[tuple[Bucket, Allowance]], pool: PoolId, wanted: int
) -> Iterator[LedgerChange]:
    """Yield the transfers that bring so much to a pool, from the first of these buckets on.

    Both homes are locked, so what lives in another home arrives as it leaves: it is never on a way.
    """
    for bucket, allowance in parts:
        amount = min(wanted, bucket.available)
        if not amount:
            return
        wanted -= amount
        source, target = bucket.holder, pool
        steps: tuple[tuple[HolderId, HolderId, TransferKind], ...]
        if home_of(source) == home_of(target):
            steps = ((source, target, TransferKind.MOVE),)
        else:
            yield NewAllowance(allowance=allowance, holder=target)
            transit = HOUSE[House.TRANSIT]
            kind = TransferKind.TRANSIT
            steps = ((source, transit, kind), (transit, target, kind))
        for giver, taker, kind in steps:
            yield Transfer(
                allowance=allowance.id,
                source=giver,
                target=taker,
                amount=amount,
                kind=kind,
                cause=pool,
            )


# ---------------------------------------------------------------- who, and of what


def _own_line(facts: PoolFacts, line_id: HolderId, person: PersonId) -> Line | Refusal:
    line = facts.lines.get(line_id)
    if line is None:
        return Refusal(Code.LINE_UNKNOWN)
    return line if line.person == person else Refusal(Code.LINE_NOT_YOURS)


def _known_pool(facts: PoolFacts, pool_id: PoolId) -> Pool | None:
    pool = facts.pools.get(pool_id)
    return None if pool is None or pool.closed_at is not None else pool


def _own_pool(facts: PoolFacts, command: AddMember | ChangeMember | RemoveMember) -> Pool | Refusal:
    """Return the pool if it is the person's; one of strangers is as unknown as one that is not."""
    pool = _known_pool(facts, command.pool)
    if pool is not None and pool.owner == command.person:
        return pool
    is_known = pool is not None and _is_own_member(facts, command)
    return Refusal(Code.POOL_NOT_YOURS if is_known else Code.POOL_UNKNOWN)


def _member(
    facts: PoolFacts, command: AddMember | ChangeMember | RemoveMember | FillPool
) -> Member | None:
    member = facts.members.get(command.line)
    return None if member is None or member.pool != command.pool else member


def _is_own_member(
    facts: PoolFacts, command: AddMember | ChangeMember | RemoveMember | FillPool
) -> bool:
    line = facts.lines.get(command.line)
    is_own = line is not None and line.person == command.person
    return is_own and _member(facts, command) is not None


def _service(facts: PoolFacts, line: Line) -> PoolService | Refusal:
    """Return what the operator publishes of pools for the plan of a line."""
    profile = facts.profiles[line.operator]
    for service in services(profile, find_plan(profile, line.plan)):
        if isinstance(service, PoolService):
            return service
    return Refusal(Code.POOL_NOT_OFFERED, {"operator": profile.name})


def _other_operator(facts: PoolFacts, pool: Pool, line: Line) -> Refusal | None:
    if line.operator == pool.operator:
        return None
    names = {"operator": facts.profiles[pool.operator].name}
    return Refusal(Code.POOL_OTHER_OPERATOR, names | {"other": facts.profiles[line.operator].name})
