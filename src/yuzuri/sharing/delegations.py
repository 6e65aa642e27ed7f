"""Delegated use: a person lets another do some things with a line, within a scope, until revoked.

A delegate is never the contract's holder: no scope gives credentials, recovery data, the contract
or the right to delegate further.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar, assert_never

import msgspec

from yuzuri.kernel.amounts import checked_quantity
from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import (
    AgreementId,
    DelegationId,
    GiftId,
    HolderId,
    Id,
    InvitationId,
    PersonId,
    PoolId,
)
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Unit
from yuzuri.operators.delegation_rules import DelegatedScope

LIFE_MAX = timedelta(days=366)
"""How long a delegation may last from when it is offered."""

OFFER_LIFE = timedelta(days=7)
"""How long an offer waits to be accepted."""


class See(msgspec.Struct, frozen=True, tag="see"):
    """See what is left on the line, and how much of it was used this month."""


class Use(msgspec.Struct, frozen=True, tag="use", kw_only=True):
    """Let the delegate's own line use up data of the line, in bytes; None: no such limit.

    At least one of the two is given. The days are the operator's.
    """

    in_all: int | None = None
    per_day: int | None = None


class Give(msgspec.Struct, frozen=True, tag="give", kw_only=True):
    """Give from the line, so much of a unit in all, in base units."""

    unit: Unit
    in_all: int


class ManagePool(msgspec.Struct, frozen=True, tag="pool", kw_only=True):
    """Do with a pool of the owner's what a manager of it may."""

    pool: PoolId


Scope = See | Use | Give | ManagePool


def kind_of(scope: Scope) -> DelegatedScope:
    """Return what operators call a scope."""
    return DelegatedScope(str(scope.__struct_config__.tag))


ScopeT = TypeVar("ScopeT", See, Use, Give, ManagePool)


class DelegationState(StrEnum):
    """Where a delegation stands."""

    OFFERED = "offered"
    ACTIVE = "active"
    DECLINED = "declined"
    ENDED = "ended"
    """Revoked by its owner, given up by the delegate, or over."""


class Delegation(msgspec.Struct, frozen=True, kw_only=True):
    """What `delegate` may do with `line` of `owner`; it lives in the home of the line.

    `delegate` None: whoever accepts first of those who have its link. `terms` is the version of
    what both agree to. `given` is what is in gifts that were made on it, open or accepted, by unit,
    in base units; `used` the bytes that `used_line` has taken, what is set aside for it included.
    """

    id: DelegationId
    owner: PersonId
    line: HolderId
    delegate: PersonId | None
    scopes: tuple[Scope, ...]
    since: datetime
    until: datetime
    terms: str
    state: DelegationState = DelegationState.OFFERED
    offered_at: datetime
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    used_line: HolderId | None = None
    """The delegate's line that uses up data of `line`, where the scope `Use` lets one."""
    given: Mapping[Unit, int] = {}
    used: int = 0
    first_used_at: datetime | None = None
    last_used_at: datetime | None = None

    def is_offered(self, at: datetime) -> bool:
        """Tell whether it can be accepted at an instant."""
        return self.state is DelegationState.OFFERED and at < self.open_until

    @property
    def open_until(self) -> datetime:
        """When it can be accepted no longer, as long as nobody has."""
        return min(self.until, self.offered_at + OFFER_LIFE)

    def is_active(self, at: datetime) -> bool:
        """Tell whether the delegate may act at an instant."""
        since = max(self.since, self.answered_at or self.since)
        return self.state is DelegationState.ACTIVE and since <= at < self.until

    def scopes_of(self, kind: type[ScopeT]) -> list[ScopeT]:
        """Return its scopes of a kind."""
        return [scope for scope in self.scopes if isinstance(scope, kind)]


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """What one side has agreed to: the very text, in their language, and its SHA-256."""

    id: AgreementId
    delegation: DelegationId
    person: PersonId
    version: str
    language: Language
    text: str
    text_hash: bytes
    agreed_at: datetime


class Act(StrEnum):
    """What a delegate has done."""

    GIVE = "give"
    CANCEL = "cancel"
    INVITE = "invite"
    WITHDRAW = "withdraw"
    CHANGE = "change"
    REMOVE = "remove"


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a delegate has done, on whose authority: seen by the owner, kept for good.

    Data that a line uses is no action: `Delegation.used` counts it.
    """

    id: Id
    delegation: DelegationId
    person: PersonId
    what: Act
    at: datetime
    unit: Unit | None = None
    amount: int | None = None
    gift: GiftId | None = None
    pool: PoolId | None = None
    line: HolderId | None = None
    """Whose membership was changed."""
    invitation: InvitationId | None = None


# ---------------------------------------------------------------- commands


class OfferDelegation(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Offer somebody to act on a line that the person has, and agree to the terms.

    `text_hash` is the SHA-256 of the terms as they were shown, in `language`.
    """

    person: PersonId
    line: HolderId
    delegate: PersonId | None
    scopes: tuple[Scope, ...]
    since: datetime
    until: datetime
    language: Language
    text_hash: bytes


class AcceptDelegation(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Agree to the terms, and act from now on.

    `line` is the person's that shall use data, given where a scope lets one.
    """

    person: PersonId
    delegation: DelegationId
    line: HolderId | None = None
    language: Language
    text_hash: bytes


class DeclineDelegation(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Turn down to act on somebody's line."""

    person: PersonId
    delegation: DelegationId


class EndDelegation(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Revoke it (its owner; the delegate is not told) or give it up (the delegate)."""

    person: PersonId
    delegation: DelegationId


class ExpireDelegation(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Mark as ended what time has ended; nobody could act on it since then. A sweep sends it."""

    delegation: DelegationId


DelegationCommand = (
    OfferDelegation | AcceptDelegation | DeclineDelegation | EndDelegation | ExpireDelegation
)


def checked_scopes(scopes: tuple[Scope, ...]) -> tuple[Scope, ...]:
    """Return scopes that can be understood, each told once, or raise `DomainError`."""
    if not scopes:
        raise DomainError(Code.REQUEST_INVALID, field="scopes", problem="there is none")
    told: set[object] = set()
    for scope in scopes:
        match scope:
            case See():
                told.add(See)
            case Use():
                told.add(Use)
                caps = [cap for cap in (scope.in_all, scope.per_day) if cap is not None]
                if not caps:
                    problem = "it is not said how much may be used"
                    raise DomainError(Code.REQUEST_INVALID, field="scopes", problem=problem)
                for cap in caps:
                    checked_quantity(cap, Unit.DATA)
            case Give():
                told.add((Give, scope.unit))
                checked_quantity(scope.in_all, scope.unit)
            case ManagePool():
                told.add((ManagePool, scope.pool))
            case _:
                assert_never(scope)
    if len(told) < len(scopes):
        raise DomainError(Code.REQUEST_INVALID, field="scopes", problem="one is told twice")
    return scopes


class DelegationDone(msgspec.Struct, frozen=True):
    """The delegation is as the command asked."""

    delegation: DelegationId


DelegationOutcome = DelegationDone | Refusal
