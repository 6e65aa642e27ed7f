"""Delegations as the API shows them to each side: what may be done, was done and was agreed to."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

import msgspec

from yuzuri.api.app.delegation_bodies import ScopeBody, show_scope
from yuzuri.api.app.link_views import SecretView
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Unit
from yuzuri.sharing.delegation_actions import ActionInView
from yuzuri.sharing.delegation_terms import Terms
from yuzuri.sharing.delegation_views import DelegationInView
from yuzuri.sharing.delegations import Act, Agreement, DelegationState


class Side(StrEnum):
    """Which of the two people somebody is."""

    OWNER = "owner"
    DELEGATE = "delegate"


class TermsView(msgspec.Struct, frozen=True, kw_only=True):
    """The very text that one agrees to, and its SHA-256 in hexadecimal."""

    version: str
    language: Language
    text: str
    text_hash: str


class OfferTermsView(TermsView, frozen=True, kw_only=True):
    """The terms of what would be offered; `since` and `until` are to be sent as they are here."""

    since: datetime
    until: datetime


class DelegationView(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody may do with the line of somebody else; `active`: now.

    `side` is the reader's. `other` is the other's nickname, null as long as nobody has accepted;
    `number` the line's last digits. `given` is what is in gifts that were made on it, by unit, and
    `used` the bytes that a line of the delegate's has taken.
    """

    id: UUID
    side: Side
    other: str | None
    line: UUID
    number: str
    operator: str
    scopes: list[ScopeBody]
    since: datetime
    until: datetime
    state: DelegationState
    active: bool
    offered_at: datetime
    open_until: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    given: dict[Unit, int]
    used: int
    first_used_at: datetime | None
    last_used_at: datetime | None


class DelegationsView(msgspec.Struct, frozen=True, kw_only=True):
    """What others may do for me, and what I may do for others or am asked to; newest first."""

    given: list[DelegationView]
    received: list[DelegationView]


class ActionView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the delegate has done; what it is not about is null."""

    what: Act
    at: datetime
    unit: Unit | None
    amount: int | None
    gift: UUID | None
    pool: UUID | None
    line: UUID | None


class WholeDelegationView(DelegationView, frozen=True, kw_only=True):
    """A delegation with all that was done on it, and its terms as long as they can be agreed to."""

    actions: list[ActionView]
    terms: TermsView | None


class OfferedView(DelegationView, frozen=True, kw_only=True):
    """What was offered; `secret` opens it for the delegate, and is told only now.

    Null: it was offered to a number, and they find it in their list.
    """

    secret: SecretView | None


class OpenedDelegation(msgspec.Struct, frozen=True, kw_only=True):
    """What one is asked to help with, and the terms to agree to."""

    kind: Literal["delegation"] = "delegation"
    owner: str
    number: str
    operator: str
    scopes: list[ScopeBody]
    since: datetime
    until: datetime
    open_until: datetime
    terms: TermsView


class AgreementView(msgspec.Struct, frozen=True, kw_only=True):
    """That one side has agreed: to which text, word for word, and when."""

    side: Side
    version: str
    language: Language
    text: str
    text_hash: str
    agreed_at: datetime


class AgreementsView(msgspec.Struct, frozen=True, kw_only=True):
    """What the sides of a delegation have agreed to, the first first."""

    delegation: UUID
    agreements: list[AgreementView]


def view_delegation(seen: DelegationInView, at: datetime) -> DelegationView:
    """Show a delegation to one of its sides, as it stands at an instant."""
    return DelegationView(**_fields(seen, at))


def view_whole(
    seen: DelegationInView, done: Sequence[ActionInView], terms: Terms | None, at: datetime
) -> WholeDelegationView:
    """Show all of a delegation to one of its sides."""
    return WholeDelegationView(
        **_fields(seen, at),
        actions=[_view_action(one) for one in done],
        terms=None if terms is None else view_terms(terms),
    )


def view_offered(seen: DelegationInView, secret: SecretView | None, at: datetime) -> OfferedView:
    """Show what was offered to who has offered it."""
    return OfferedView(**_fields(seen, at), secret=secret)


def view_opened(seen: DelegationInView, terms: Terms) -> OpenedDelegation:
    """Show what is offered to whoever has the link."""
    delegation, owner = seen.delegation, seen.other
    return OpenedDelegation(
        owner="" if owner is None else owner.nickname,
        number=seen.line.masked_number,
        operator=seen.line.operator,
        scopes=[show_scope(scope) for scope in delegation.scopes],
        since=delegation.since,
        until=delegation.until,
        open_until=delegation.open_until,
        terms=view_terms(terms),
    )


def view_terms(terms: Terms) -> TermsView:
    """Show terms to somebody who is to agree to them."""
    return TermsView(
        version=terms.version,
        language=terms.language,
        text=terms.text,
        text_hash=terms.text_hash.hex(),
    )


def view_agreements(seen: Sequence[Agreement]) -> AgreementsView:
    """Show what was agreed to on one delegation; who offers agrees first."""
    owner = seen[0].person
    return AgreementsView(
        delegation=seen[0].delegation.uuid,
        agreements=[
            AgreementView(
                side=Side.OWNER if one.person == owner else Side.DELEGATE,
                version=one.version,
                language=one.language,
                text=one.text,
                text_hash=one.text_hash.hex(),
                agreed_at=one.agreed_at,
            )
            for one in seen
        ],
    )


def _fields(seen: DelegationInView, at: datetime) -> dict[str, Any]:
    delegation = seen.delegation
    return {
        "id": delegation.id.uuid,
        "side": Side.OWNER if seen.is_mine else Side.DELEGATE,
        "other": None if seen.other is None else seen.other.nickname,
        "line": delegation.line.uuid,
        "number": seen.line.masked_number,
        "operator": seen.line.operator,
        "scopes": [show_scope(scope) for scope in delegation.scopes],
        "since": delegation.since,
        "until": delegation.until,
        "state": delegation.state,
        "active": delegation.is_active(at),
        "offered_at": delegation.offered_at,
        "open_until": delegation.open_until,
        "answered_at": delegation.answered_at,
        "ended_at": delegation.ended_at,
        "given": dict(delegation.given),
        "used": delegation.used,
        "first_used_at": delegation.first_used_at,
        "last_used_at": delegation.last_used_at,
    }


def _view_action(seen: ActionInView) -> ActionView:
    action = seen.action
    return ActionView(
        what=action.what,
        at=action.at,
        unit=action.unit,
        amount=action.amount,
        gift=None if action.gift is None else action.gift.uuid,
        pool=None if action.pool is None else action.pool.uuid,
        line=None if action.line is None else action.line.uuid,
    )
