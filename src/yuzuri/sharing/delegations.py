"""Delegated use: a person lets another do some things with a line, within a scope, until revoked.

A delegate is never the contract's holder: no scope gives credentials, recovery data, the contract
or the right to delegate further.
"""

from datetime import datetime
from enum import StrEnum

import msgspec

from yuzuri.kernel.errors import Refusal
from yuzuri.kernel.ids import AgreementId, DelegationId, HolderId, PersonId, PoolId
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Unit


class See(msgspec.Struct, frozen=True, tag="see"):
    """See what is left on the line, its use and its gifts."""


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


class DelegationState(StrEnum):
    """Where a delegation stands."""

    OFFERED = "offered"
    ACTIVE = "active"
    DECLINED = "declined"
    ENDED = "ended"
    """Revoked by its owner, or given up by the delegate."""


class Delegation(msgspec.Struct, frozen=True, kw_only=True):
    """What `delegate` may do with `line` of `owner`; it lives in the home of the line.

    `delegate` None: whoever accepts first of those who have its link. `given` is what was given on
    it so far, by unit, in base units.
    """

    id: DelegationId
    owner: PersonId
    line: HolderId
    delegate: PersonId | None
    scopes: tuple[Scope, ...]
    since: datetime
    until: datetime
    state: DelegationState = DelegationState.OFFERED
    offered_at: datetime
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    used_line: HolderId | None = None
    """The delegate's line that uses up data of `line`, where the scope `Use` lets one."""
    given: dict[Unit, int] = {}
    first_used_at: datetime | None = None

    def is_active(self, at: datetime) -> bool:
        """Tell whether the delegate may act at an instant."""
        return self.state is DelegationState.ACTIVE and self.since <= at < self.until


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
    """Agree to the terms, and act from now on; `line` is the person's that shall use data."""

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


DelegationCommand = OfferDelegation | AcceptDelegation | DeclineDelegation | EndDelegation


class DelegationDone(msgspec.Struct, frozen=True):
    """The delegation is as the command asked."""

    delegation: DelegationId


DelegationOutcome = DelegationDone | Refusal
