"""Who may draw on a pool, how much, what is put into it, and what goes back.

Pure: facts and a command in; an outcome and its changes out.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import assert_never

from msgspec.structs import replace

from yuzuri.feasibility.holdings import split
from yuzuri.feasibility.pool import check_account, check_put_in, find_pool, to_put_in
from yuzuri.feasibility.question import Holding, Party
from yuzuri.kernel.calendar import day_start, month_start
from yuzuri.kernel.errors import Code, Refusal
from yuzuri.kernel.ids import (
    AllowanceId,
    HolderId,
    InvitationId,
    PersonId,
    PoolId,
    home_of,
    new_id,
)
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.ledger.changes import (
    HOUSE_IDS,
    LedgerChange,
)
from yuzuri.operators.profiles import find_plan
from yuzuri.operators.services import Pool as PoolService
from yuzuri.sharing.authority import authority_to_manage
from yuzuri.sharing.contributions import add, owe, pay, settle
from yuzuri.sharing.delegations import Act, Action
from yuzuri.sharing.moves import carry, move
from yuzuri.sharing.pool_facts import PoolFacts
from yuzuri.sharing.pools import (
    ChangeMember,
    ClosePool,
    Contribution,
    FillPool,
    HandOverPool,
    Invitation,
    Invite,
    Invited,
    JoinPool,
    Member,
    OpenPool,
    Pool,
    PoolCommand,
    PoolDone,
    PoolOutcome,
    RemoveMember,
    Role,
    SettlePool,
    TakeOverPool,
    WithdrawInvitation,
    checked_pool_command,
)
from yuzuri.subscribers.lines import Line

INVITATION_LIFE = timedelta(days=7)
"""How long an invitation stands where nothing else is said."""


@dataclass(frozen=True, slots=True)
class PoolDecision:
    """An outcome with what it changes; a member None: the line draws on no pool any more."""

    outcome: PoolOutcome
    ledger: Sequence[LedgerChange] = ()
    pool: Pool | None = None
    members: Mapping[HolderId, Member | None] = field(default_factory=dict)
    invitation: Invitation | None = None
    contributions: Sequence[Contribution] | None = None
    """All of the pool's, where some have changed."""
    action: Action | None = None
    """What was done on another's authority."""


def decide_pool(facts: PoolFacts, command: PoolCommand) -> PoolDecision:
    """Decide a command about a pool; pure."""
    checked_pool_command(command)
    decision = _decide(facts, command)
    if isinstance(decision, Refusal):
        return PoolDecision(decision)
    return dataclasses.replace(decision, action=_done_on(facts, command, decision))


def _decide(facts: PoolFacts, command: PoolCommand) -> PoolDecision | Refusal:
    match command:
        case OpenPool():
            return _open(facts, command)
        case Invite():
            return _invite(facts, command)
        case WithdrawInvitation():
            return _withdraw(facts, command)
        case JoinPool():
            return _join(facts, command)
        case ChangeMember():
            return _change(facts, command)
        case RemoveMember():
            return _remove(facts, command)
        case FillPool():
            return _fill(facts, command)
        case ClosePool():
            return _close(facts, command)
        case HandOverPool():
            return _hand_over(facts, command)
        case TakeOverPool():
            return _take_over(facts, command)
        case SettlePool():
            return _settle(facts, command)
        case _:
            assert_never(command)


def apply_pool_decision(facts: PoolFacts, decision: PoolDecision) -> None:
    """Let the next decision see what this one has changed."""
    facts.book.apply(decision.ledger)
    if decision.pool is not None:
        facts.set_pool(decision.pool)
    for line, member in decision.members.items():
        facts.set_member(line, member)
    if decision.invitation is not None:
        facts.set_invitation(decision.invitation)
    if decision.contributions is not None and decision.pool is not None:
        facts.set_contributions(decision.pool.id, decision.contributions)


def role_of(facts: PoolFacts, pool: Pool, person: PersonId) -> Role | None:
    """Return what a person may do with a pool; None: they have nothing to do with it."""
    own = _own_role(facts, pool, person)
    if own in {Role.OWNER, Role.MANAGER}:
        return own
    authority = authority_to_manage(facts.delegations.values(), pool, person, facts.at)
    return own if authority is None else Role.MANAGER


def _own_role(facts: PoolFacts, pool: Pool, person: PersonId) -> Role | None:
    if pool.owner == person:
        return Role.OWNER
    roles = {member.role for member in _members_of_person(facts, pool.id, person)}
    if Role.MANAGER in roles:
        return Role.MANAGER
    return Role.MEMBER if roles else None


_ACTS: Mapping[type[PoolCommand], Act] = {
    Invite: Act.INVITE,
    WithdrawInvitation: Act.WITHDRAW,
    ChangeMember: Act.CHANGE,
    RemoveMember: Act.REMOVE,
}
"""What may be done with a pool on its owner's authority."""


def _done_on(facts: PoolFacts, command: PoolCommand, decision: PoolDecision) -> Action | None:
    """Return what was done on the owner's authority, where nothing else let the person do it."""
    if not isinstance(command, Invite | WithdrawInvitation | ChangeMember | RemoveMember):
        return None
    if isinstance(command, WithdrawInvitation):
        if command.line is not None:
            return None
        pool = facts.pools[facts.invitations[command.invitation].pool]
    else:
        pool = facts.pools[command.pool]
    leaves = isinstance(command, RemoveMember) and _is_own_member(facts, command)
    if leaves or _own_role(facts, pool, command.person) in {Role.OWNER, Role.MANAGER}:
        return None
    authority = authority_to_manage(facts.delegations.values(), pool, command.person, facts.at)
    assert authority is not None
    return Action(
        id=new_id(home_of(authority.id)),
        delegation=authority.id,
        person=command.person,
        what=_ACTS[type(command)],
        at=facts.at,
        pool=pool.id,
        line=command.line if isinstance(command, ChangeMember | RemoveMember) else None,
        invitation=None if decision.invitation is None else decision.invitation.id,
    )


# ---------------------------------------------------------------- opened, and who comes


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
        members_fill=command.members_fill,
        month=month_start(facts.at, facts.profiles[line.operator].zone),
    )
    return PoolDecision(PoolDone(pool.id), pool=pool)


def _is_taken(facts: PoolFacts, pool: PoolId) -> bool:
    """Tell whether the id is somebody's, so that nobody's holdings become a pool's."""
    return (
        pool in facts.pools
        or pool in facts.lines
        or pool in HOUSE_IDS
        or bool(facts.book.buckets_of(pool))
        or bool(facts.members_of(pool))
    )


def _invite(facts: PoolFacts, command: Invite) -> PoolDecision | Refusal:
    """Invite without a look at whose the number is, so that nobody learns whether it is known."""
    pool = _managed(facts, command.pool, command.person)
    if isinstance(pool, Refusal):
        return pool
    if command.role is Role.MANAGER and pool.owner != command.person:
        return Refusal(Code.POOL_NOT_YOURS)
    until = command.until or facts.at + INVITATION_LIFE
    if until <= facts.at:
        return Refusal(Code.REQUEST_INVALID, {"field": "until", "problem": "it is past"})
    invitation = Invitation(
        id=InvitationId(new_id(home_of(pool.id))),
        pool=pool.id,
        by=command.person,
        number=command.number,
        uses_max=command.uses_max,
        allotment=command.allotment,
        role=command.role,
        invited_at=facts.at,
        until=until,
    )
    return PoolDecision(Invited(invitation.id), invitation=invitation)


def _withdraw(facts: PoolFacts, command: WithdrawInvitation) -> PoolDecision | Refusal:
    invitation = facts.invitations.get(command.invitation)
    if invitation is None or invitation.withdrawn_at is not None:
        return Refusal(Code.INVITATION_UNKNOWN)
    if command.line is not None:
        line = _own_line(facts, command.line, command.person)
        if isinstance(line, Refusal):
            return line
        may_end = invitation.number == line.number
    else:
        may_end = isinstance(_managed(facts, invitation.pool, command.person), Pool)
    if not may_end:
        return Refusal(Code.INVITATION_UNKNOWN)
    withdrawn = replace(invitation, withdrawn_at=facts.at)
    return PoolDecision(PoolDone(invitation.pool), invitation=withdrawn)


def _join(facts: PoolFacts, command: JoinPool) -> PoolDecision | Refusal:
    line = _own_line(facts, command.line, command.person)
    if isinstance(line, Refusal):
        return line
    invitation = facts.invitations.get(command.invitation)
    pool = None if invitation is None else _known_pool(facts, invitation.pool)
    if invitation is None or pool is None or not _is_for(facts, invitation, pool, line):
        return Refusal(Code.INVITATION_UNKNOWN)
    refusal = _other_operator(facts, pool, line)
    if refusal is not None:
        return refusal
    service = _service(facts, line)
    if isinstance(service, Refusal):
        return service
    if line.id in facts.members:
        return Refusal(Code.POOL_MEMBER_ALREADY)
    profile = facts.profiles[pool.operator]
    same_account = _is_of_account(facts, pool, line)
    for reason in check_account(_party(facts, line), service, same_account=same_account):
        return Refusal(reason.code, reason.fields)
    if service.lines_max is not None and len(facts.members_of(pool.id)) >= service.lines_max:
        return Refusal(Code.POOL_FULL, {"operator": profile.name, "limit": service.lines_max})
    member = Member(
        line=line.id,
        pool=pool.id,
        joined_at=facts.at,
        day=day_start(facts.at, profile.zone),
        month=month_start(facts.at, profile.zone),
        allotment=invitation.allotment,
        role=invitation.role,
    )
    used = replace(invitation, uses=invitation.uses + 1)
    return PoolDecision(PoolDone(pool.id), members={line.id: member}, invitation=used)


def _is_for(facts: PoolFacts, invitation: Invitation, pool: Pool, line: Line) -> bool:
    """Tell whether a line may join by an invitation, and whoever invited may still invite to it."""
    inviter = role_of(facts, pool, invitation.by)
    may_invite = inviter is Role.OWNER or (
        inviter is Role.MANAGER and invitation.role is Role.MEMBER
    )
    is_meant = invitation.number is None or invitation.number == line.number
    return invitation.is_open(facts.at) and is_meant and may_invite


def _is_of_account(facts: PoolFacts, pool: Pool, line: Line) -> bool:
    return line.account is not None and any(
        (own.operator, own.account) == (line.operator, line.account)
        for own in facts.owned.get(pool.owner, ())
    )


# ---------------------------------------------------------------- changed, and who goes


def _change(facts: PoolFacts, command: ChangeMember) -> PoolDecision | Refusal:
    pool = _managed(facts, command.pool, command.person)
    if isinstance(pool, Refusal):
        return pool
    member = _member(facts, command)
    if member is None:
        return Refusal(Code.POOL_MEMBER_UNKNOWN)
    is_owner = pool.owner == command.person
    if not is_owner and (command.role is not member.role or not _is_managed(facts, pool, command)):
        return Refusal(Code.POOL_NOT_YOURS)
    changed = replace(member, allotment=command.allotment, role=command.role)
    return PoolDecision(PoolDone(pool.id), members={member.line: changed})


def _is_managed(facts: PoolFacts, pool: Pool, command: ChangeMember | RemoveMember) -> bool:
    """Tell whether a manager decides on a member: on neither the owner's nor another manager's."""
    person = facts.lines[command.line].person
    is_other_manager = person != command.person and facts.members[command.line].role is Role.MANAGER
    return person != pool.owner and not is_other_manager


def _remove(facts: PoolFacts, command: RemoveMember) -> PoolDecision | Refusal:
    leaves = _is_own_member(facts, command)
    pool = _managed(facts, command.pool, command.person)
    if leaves:
        pool = facts.pools[command.pool]
    if isinstance(pool, Refusal):
        return pool
    if _member(facts, command) is None:
        return Refusal(Code.POOL_MEMBER_UNKNOWN)
    if leaves and pool.owner == command.person:
        if len(_members_of_person(facts, pool.id, command.person)) == 1:
            return Refusal(Code.POOL_OWNER_STAYS)
    elif not leaves and pool.owner != command.person and not _is_managed(facts, pool, command):
        return Refusal(Code.POOL_NOT_YOURS)
    person = facts.lines[command.line].person
    if person == pool.successor and len(_members_of_person(facts, pool.id, person)) == 1:
        pool = replace(pool, successor=None)
    return _give_back(facts, pool, [command.line], [command.line])


def _close(facts: PoolFacts, command: ClosePool) -> PoolDecision | Refusal:
    pool = _own_pool(facts, command.pool, command.person)
    if isinstance(pool, Refusal):
        return pool
    contributors = {one.line for one in facts.contributions.get(pool.id, ())}
    members = [member.line for member in facts.members_of(pool.id)]
    return _give_back(
        facts, replace(pool, closed_at=facts.at, successor=None), contributors, members
    )


def _settle(facts: PoolFacts, command: SettlePool) -> PoolDecision | Refusal:
    pool = facts.pools.get(command.pool)
    return Refusal(Code.POOL_UNKNOWN) if pool is None else _give_back(facts, pool, (), ())


def _give_back(
    facts: PoolFacts, pool: Pool, owed: Iterable[HolderId], gone: Iterable[HolderId]
) -> PoolDecision:
    """Owe these lines what they put in, return what nothing holds, and let lines go."""
    contributions = owe(_settled(facts, pool.id), owed)
    paid, rest = pay(contributions, lambda allowance: _available(facts, pool.id, allowance))
    book = facts.book
    returned = sum(one.amount for one in paid if book.allowances[one.allowance].unit is Unit.DATA)
    changes = [
        change
        for one in paid
        for change in carry(book.allowances[one.allowance], pool.id, one.line, one.amount, pool.id)
    ]
    current = facts.this_month(pool)
    smaller = replace(current, size=max(0, current.size - returned))
    return PoolDecision(
        PoolDone(pool.id),
        changes,
        pool=smaller,
        members=dict.fromkeys(gone),
        contributions=rest,
    )


# ---------------------------------------------------------------- whose it is


def _hand_over(facts: PoolFacts, command: HandOverPool) -> PoolDecision | Refusal:
    pool = _own_pool(facts, command.pool, command.person)
    if isinstance(pool, Refusal):
        return pool
    successor = None
    if command.line is not None:
        member = facts.members.get(command.line)
        if member is None or member.pool != pool.id:
            return Refusal(Code.POOL_MEMBER_UNKNOWN)
        successor = facts.lines[command.line].person
        if successor == pool.owner:
            return Refusal(Code.POOL_MEMBER_UNKNOWN)
    return PoolDecision(PoolDone(pool.id), pool=replace(pool, successor=successor))


def _take_over(facts: PoolFacts, command: TakeOverPool) -> PoolDecision | Refusal:
    pool = _known_pool(facts, command.pool)
    role = None if pool is None else role_of(facts, pool, command.person)
    if pool is None or role is None:
        return Refusal(Code.POOL_UNKNOWN)
    if pool.successor != command.person or role is Role.OWNER:
        return Refusal(Code.POOL_NOT_HANDED_OVER)
    taken = replace(pool, owner=command.person, successor=None)
    # What the former owner put in from lines that do not draw on it has nobody to ask for it later.
    outside = facts.lines_of(pool.id) - {member.line for member in facts.members_of(pool.id)}
    return _give_back(facts, taken, outside, ())


# ---------------------------------------------------------------- what goes in


def _fill(facts: PoolFacts, command: FillPool) -> PoolDecision | Refusal:
    line = _own_line(facts, command.line, command.person)
    if isinstance(line, Refusal):
        return line
    pool = _known_pool(facts, command.pool)
    is_owner = pool is not None and pool.owner == command.person
    if pool is None or not (is_owner or _is_own_member(facts, command)):
        return Refusal(Code.POOL_UNKNOWN)
    if not (is_owner or pool.members_fill):
        return Refusal(Code.POOL_OWNER_FILLS)
    refusal = _other_operator(facts, pool, line)
    if refusal is not None:
        return refusal
    service = _service(facts, line)
    if isinstance(service, Refusal):
        return service
    wanted, party = Quantity(command.amount, command.unit), _party(facts, line)
    holdings = [
        Holding(allowance, bucket.available)
        for bucket, allowance in facts.book.holdings(line.id, command.unit)
    ]
    for reason in check_put_in(party, service, wanted, holdings, facts.at):
        return Refusal(reason.code, reason.fields)
    taken = list(split(to_put_in(party, service, holdings, facts.at), wanted.amount))
    grown = facts.this_month(pool)
    if command.unit is Unit.DATA:
        grown = replace(grown, size=grown.size + wanted.amount)
    put_in = [(holding.allowance.id, amount) for holding, amount in taken]
    return PoolDecision(
        PoolDone(pool.id),
        list(move(taken, line.id, pool.id, pool.id)),
        pool=grown,
        contributions=add(_settled(facts, pool.id), pool.id, line.id, put_in),
    )


# ---------------------------------------------------------------- what is in it


def _settled(facts: PoolFacts, pool: PoolId) -> list[Contribution]:
    return settle(
        facts.contributions.get(pool, ()), lambda allowance: _lasting(facts, pool, allowance)[0]
    )


def _available(facts: PoolFacts, pool: PoolId, allowance: AllowanceId) -> int:
    balance, held = _lasting(facts, pool, allowance)
    return balance - held


def _lasting(facts: PoolFacts, pool: PoolId, allowance: AllowanceId) -> tuple[int, int]:
    """Return what a pool has of an allowance and what is set aside of it; 0 where it is over."""
    bucket = facts.book.bucket(pool, allowance)
    if bucket is None or facts.book.allowances[allowance].is_over(facts.at):
        return 0, 0
    return bucket.balance, bucket.held


# ---------------------------------------------------------------- who, and of what


def _own_line(facts: PoolFacts, line_id: HolderId, person: PersonId) -> Line | Refusal:
    line = facts.lines.get(line_id)
    if line is None:
        return Refusal(Code.LINE_UNKNOWN)
    return line if line.person == person else Refusal(Code.LINE_NOT_YOURS)


def _known_pool(facts: PoolFacts, pool_id: PoolId) -> Pool | None:
    pool = facts.pools.get(pool_id)
    return None if pool is None or pool.closed_at is not None else pool


def _managed(facts: PoolFacts, pool_id: PoolId, person: PersonId) -> Pool | Refusal:
    """Return a pool that the person owns or manages; one of strangers is as unknown as none."""
    pool = _known_pool(facts, pool_id)
    role = None if pool is None else role_of(facts, pool, person)
    if pool is None or role is None:
        return Refusal(Code.POOL_UNKNOWN)
    return Refusal(Code.POOL_NOT_YOURS) if role is Role.MEMBER else pool


def _own_pool(facts: PoolFacts, pool_id: PoolId, person: PersonId) -> Pool | Refusal:
    pool = _managed(facts, pool_id, person)
    if isinstance(pool, Pool) and pool.owner != person:
        return Refusal(Code.POOL_NOT_YOURS)
    return pool


def _member(facts: PoolFacts, command: ChangeMember | RemoveMember | FillPool) -> Member | None:
    member = facts.members.get(command.line)
    if member is None or member.pool != command.pool or member.delegation is not None:
        return None
    return member


def _is_own_member(facts: PoolFacts, command: ChangeMember | RemoveMember | FillPool) -> bool:
    line = facts.lines.get(command.line)
    is_own = line is not None and line.person == command.person
    return is_own and command.pool in facts.pools and _member(facts, command) is not None


def _members_of_person(facts: PoolFacts, pool: PoolId, person: PersonId) -> list[Member]:
    return [
        member
        for member in facts.members_of(pool)
        if (line := facts.lines.get(member.line)) is not None and line.person == person
    ]


def _service(facts: PoolFacts, line: Line) -> PoolService | Refusal:
    """Return what the operator publishes of pools for the plan of a line."""
    party = _party(facts, line)
    operator = {"operator": party.profile.name}
    return find_pool(party) or Refusal(Code.POOL_NOT_OFFERED, operator)


def _party(facts: PoolFacts, line: Line) -> Party:
    profile = facts.profiles[line.operator]
    return Party(profile, find_plan(profile, line.plan), line.activated_at)


def _other_operator(facts: PoolFacts, pool: Pool, line: Line) -> Refusal | None:
    if line.operator == pool.operator:
        return None
    names = {"operator": facts.profiles[pool.operator].name}
    return Refusal(Code.POOL_OTHER_OPERATOR, names | {"other": facts.profiles[line.operator].name})
