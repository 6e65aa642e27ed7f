"""A delegation's life: offered, accepted or declined, ended at once; and who may do so.

Pure: facts and a command in; an outcome and its changes out. What is checked when it is offered is
checked again when it is accepted. Whoever has no part in a delegation, or no part any more, finds
none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

from msgspec.structs import replace

from yuzuri.feasibility.delegation import judge_delegation
from yuzuri.kernel.calendar import day_start, month_start
from yuzuri.kernel.errors import Code, Refusal
from yuzuri.kernel.ids import AgreementId, DelegationId, HolderId, home_of, new_id
from yuzuri.operators.profiles import find_plan
from yuzuri.sharing.delegation_facts import DelegationFacts
from yuzuri.sharing.delegation_terms import TERMS_VERSION, render_terms
from yuzuri.sharing.delegations import (
    LIFE_MAX,
    AcceptDelegation,
    Agreement,
    DeclineDelegation,
    Delegation,
    DelegationCommand,
    DelegationDone,
    DelegationOutcome,
    DelegationState,
    EndDelegation,
    ExpireDelegation,
    ManagePool,
    OfferDelegation,
    Use,
    checked_scopes,
    kind_of,
)
from yuzuri.sharing.pools import Allotment, Member
from yuzuri.subscribers.lines import Line


@dataclass(frozen=True, slots=True)
class DelegationDecision:
    """An outcome with what it changes; a member None: the line draws on the other no more."""

    outcome: DelegationOutcome
    delegation: Delegation | None = None
    agreement: Agreement | None = None
    members: Mapping[HolderId, Member | None] = field(default_factory=dict)


def decide_delegation(facts: DelegationFacts, command: DelegationCommand) -> DelegationDecision:
    """Decide a command about a delegation; pure."""
    match command:
        case OfferDelegation():
            decision = _offer(facts, command)
        case AcceptDelegation():
            decision = _accept(facts, command)
        case DeclineDelegation():
            decision = _decline(facts, command)
        case EndDelegation():
            decision = _end(facts, command)
        case ExpireDelegation():
            decision = _expire(facts, command)
        case _:
            assert_never(command)
    return DelegationDecision(decision) if isinstance(decision, Refusal) else decision


def apply_delegation_decision(facts: DelegationFacts, decision: DelegationDecision) -> None:
    """Let the next decision see what this one has changed."""
    if decision.delegation is not None:
        facts.take(decision.delegation)
    if decision.agreement is not None:
        facts.agreements.append(decision.agreement)
    for line, member in decision.members.items():
        facts.pools.set_member(line, member)


# ---------------------------------------------------------------- agreed


def _offer(facts: DelegationFacts, command: OfferDelegation) -> DelegationDecision | Refusal:
    checked_scopes(command.scopes)
    line = facts.lines.get(command.line)
    if line is None:
        return Refusal(Code.LINE_UNKNOWN)
    if line.person != command.person:
        return Refusal(Code.LINE_NOT_YOURS)
    if command.delegate == command.person:
        return Refusal(Code.DELEGATION_TO_ONESELF)
    longest = facts.at + LIFE_MAX
    if not (command.since < command.until and facts.at < command.until <= longest):
        return Refusal(Code.DELEGATION_TIME, {"days": LIFE_MAX.days})
    refusal = _why_not(facts, command, line)
    if refusal is not None:
        return refusal
    delegation = Delegation(
        id=DelegationId(new_id(home_of(line.id))),
        owner=command.person,
        line=line.id,
        delegate=command.delegate,
        scopes=command.scopes,
        since=command.since,
        until=command.until,
        terms=TERMS_VERSION,
        offered_at=facts.at,
    )
    agreement = _agreement(facts, delegation, line, command)
    if agreement is None:
        return Refusal(Code.TERMS_CHANGED)
    return DelegationDecision(DelegationDone(delegation.id), delegation, agreement)


def _accept(facts: DelegationFacts, command: AcceptDelegation) -> DelegationDecision | Refusal:
    known = facts.known.get(command.delegation)
    if known is None or known.delegate not in {None, command.person}:
        return Refusal(Code.DELEGATION_UNKNOWN)
    if not known.is_offered(facts.at):
        return Refusal(Code.DELEGATION_UNKNOWN)
    if known.owner == command.person:
        return Refusal(Code.DELEGATION_TO_ONESELF)
    line = facts.lines[known.line]
    refusal = _why_not(facts, known, line)
    if refusal is not None:
        return refusal
    agreement = _agreement(facts, known, line, command)
    if agreement is None:
        return Refusal(Code.TERMS_CHANGED)
    user = _user(facts, known, command)
    if isinstance(user, Refusal):
        return user
    active = replace(
        known,
        delegate=command.person,
        state=DelegationState.ACTIVE,
        answered_at=facts.at,
        used_line=None if user is None else user.line,
    )
    members = {} if user is None else {user.line: user}
    return DelegationDecision(DelegationDone(known.id), active, agreement, members)


def _why_not(
    facts: DelegationFacts, about: OfferDelegation | Delegation, line: Line
) -> Refusal | None:
    """Return why nobody may be let do this: the operator, the law, or pools that are not theirs."""
    profile = facts.profiles[line.operator]
    kinds = {kind_of(scope) for scope in about.scopes}
    verdict = judge_delegation(profile, find_plan(profile, line.plan), kinds)
    for reason in verdict.refusals:
        return Refusal(reason.code, reason.fields)
    for scope in about.scopes:
        if isinstance(scope, ManagePool):
            pool = facts.pools.pools.get(scope.pool)
            if pool is None or pool.owner != line.person or pool.closed_at is not None:
                return Refusal(Code.POOL_UNKNOWN)
    return None


def _agreement(
    facts: DelegationFacts,
    delegation: Delegation,
    line: Line,
    command: OfferDelegation | AcceptDelegation,
) -> Agreement | None:
    """Return that a side agrees to the very text of now; None where they have read another."""
    terms = render_terms(
        delegation, line, facts.profiles[line.operator], facts.pools.pools, command.language
    )
    if terms.text_hash != command.text_hash:
        return None
    return Agreement(
        id=AgreementId(new_id(home_of(delegation.id))),
        delegation=delegation.id,
        person=command.person,
        version=terms.version,
        language=terms.language,
        text=terms.text,
        text_hash=terms.text_hash,
        agreed_at=facts.at,
    )


def _user(
    facts: DelegationFacts, delegation: Delegation, command: AcceptDelegation
) -> Member | Refusal | None:
    """Return how the delegate's line will use data of the other; None where nothing lets one."""
    scopes = delegation.scopes_of(Use)
    if not scopes:
        if command.line is None:
            return None
        return Refusal(Code.REQUEST_INVALID, {"field": "line", "problem": "no line uses data"})
    if command.line is None:
        return Refusal(Code.DELEGATION_LINE_NEEDED)
    line = facts.lines.get(command.line)
    if line is None:
        return Refusal(Code.LINE_UNKNOWN)
    if line.person != command.person:
        return Refusal(Code.LINE_NOT_YOURS)
    profile = facts.profiles[facts.lines[delegation.line].operator]
    if line.operator != profile.id:
        return Refusal(Code.DELEGATION_OTHER_OPERATOR, {"operator": profile.name})
    if facts.draws_on_another(line.id):
        return Refusal(Code.POOL_MEMBER_ALREADY)
    return Member(
        line=line.id,
        pool=delegation.line,
        joined_at=facts.at,
        day=day_start(facts.at, profile.zone),
        month=month_start(facts.at, profile.zone),
        allotment=Allotment(cap_per_day=scopes[0].per_day, share=scopes[0].in_all),
        delegation=delegation.id,
        since=delegation.since,
        until=delegation.until,
    )


# ---------------------------------------------------------------- ended


def _decline(facts: DelegationFacts, command: DeclineDelegation) -> DelegationDecision | Refusal:
    known = facts.known.get(command.delegation)
    if known is None or known.delegate != command.person or not known.is_offered(facts.at):
        return Refusal(Code.DELEGATION_UNKNOWN)
    declined = replace(known, state=DelegationState.DECLINED, answered_at=facts.at)
    return DelegationDecision(DelegationDone(known.id), declined)


def _end(facts: DelegationFacts, command: EndDelegation) -> DelegationDecision | Refusal:
    known = facts.known.get(command.delegation)
    if known is None:
        return Refusal(Code.DELEGATION_UNKNOWN)
    is_over = known.state not in {DelegationState.OFFERED, DelegationState.ACTIVE}
    if known.owner == command.person:
        return Refusal(Code.DELEGATION_ENDED) if is_over else _ended(facts, known)
    if known.delegate != command.person or known.state is not DelegationState.ACTIVE:
        return Refusal(Code.DELEGATION_UNKNOWN)
    return _ended(facts, known)


def _expire(facts: DelegationFacts, command: ExpireDelegation) -> DelegationDecision | Refusal:
    known = facts.known.get(command.delegation)
    if known is None:
        return Refusal(Code.DELEGATION_UNKNOWN)
    ends = {DelegationState.OFFERED: known.open_until, DelegationState.ACTIVE: known.until}
    if known.state not in ends or facts.at < ends[known.state]:
        return Refusal(Code.DELEGATION_ENDED)
    return _ended(facts, known)


def _ended(facts: DelegationFacts, known: Delegation) -> DelegationDecision:
    """End it, and let the line that used data draw on the other no more.

    Nothing was done on it after it ended, whatever the clock says.
    """
    ended_at = max(facts.at, known.last_used_at or facts.at)
    ended = replace(known, state=DelegationState.ENDED, ended_at=ended_at)
    line = known.used_line
    member = None if line is None else facts.pools.members.get(line)
    members: dict[HolderId, Member | None] = {}
    if line is not None and member is not None and member.delegation == known.id:
        members[line] = None
    return DelegationDecision(DelegationDone(known.id), ended, members=members)
