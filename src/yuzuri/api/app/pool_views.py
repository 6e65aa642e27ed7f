"""Pools as the API shows them to one of their people; amounts of data in bytes."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from yuzuri.kernel.ids import PersonId
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.allowances import Allowance
from yuzuri.ledger.book import Bucket
from yuzuri.operators.profile import Profile
from yuzuri.runtime.pool_words import say_terms
from yuzuri.runtime.verdict_json import SaidHours, say_hours
from yuzuri.sharing.pool_views import (
    InvitationInView,
    MemberInView,
    PoolInView,
    ShareInView,
    number_seen,
)
from yuzuri.sharing.pools import Allotment, Invitation, Role


class AllotmentView(msgspec.Struct, frozen=True, kw_only=True):
    """How a line may draw: caps in bytes of data; null: as much as there is.

    `share`: so much in all since it joined. `share_percent`: such a part of the pool's `size`, each
    month. `slowed`: the network is told to slow the line down.
    """

    cap_per_day: int | None
    cap_per_month: int | None
    share: int | None
    share_percent: int | None
    pool_first: bool
    paused: bool
    slowed: bool


class InPoolView(msgspec.Struct, frozen=True, kw_only=True):
    """What a pool has of one allowance; phones at work may use what is `held` of it."""

    allowance: UUID
    unit: Unit
    amount: int
    held: int
    available: int
    expires_at: datetime | None
    hours: SaidHours | None


class PoolPersonView(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a pool, and whose it is: a nickname, and the last digits of its number."""

    line: UUID
    nickname: str
    number: str
    mine: bool


class MemberView(PoolPersonView, frozen=True, kw_only=True):
    """A line that draws on a pool: what it has drawn of data, and how much more it may.

    `may_take` null: as much as there is.
    """

    role: Role
    joined_at: datetime
    allotment: AllotmentView
    taken_today: int
    taken_this_month: int
    taken: int
    may_take: int | None


class ContributionView(PoolPersonView, frozen=True, kw_only=True):
    """What remains of what a line has put in of one allowance: it would go back now.

    `owed`: the line draws on the pool no longer, and gets it when nothing holds it any more.
    """

    allowance: UUID
    unit: Unit
    amount: int
    expires_at: datetime | None
    owed: bool


class PoolInvitationView(msgspec.Struct, frozen=True, kw_only=True):
    """An open invitation, to a number or, where that is null, to whoever has the link."""

    id: UUID
    number: str | None
    lines_max: int
    lines_joined: int
    role: Role
    allotment: AllotmentView
    invited_at: datetime
    until: datetime


class PoolView(msgspec.Struct, frozen=True, kw_only=True):
    """A pool as one of its people sees it.

    Its owner and managers see all members, contributions and invitations, a member their own.
    `role` is the reader's. `size`: the data that it had when the operator's month began, and all
    that was put in since. `offered_to_me`: its owner wants to hand it over to the reader.
    """

    id: UUID
    name: str
    operator: str
    operator_name: str
    owner: str
    role: Role
    opened_at: datetime
    closed_at: datetime | None
    members_fill: bool
    offered_to: str | None
    offered_to_me: bool
    size: int
    left: list[InPoolView]
    members: list[MemberView]
    contributions: list[ContributionView]
    invitations: list[PoolInvitationView]


class PoolsView(msgspec.Struct, frozen=True, kw_only=True):
    """The pools that I own, manage or draw on, or could take over; oldest first."""

    pools: list[PoolView]


class InvitedView(msgspec.Struct, frozen=True, kw_only=True):
    """The invitation; its secret and address are told now only, and where it is to no number."""

    id: UUID
    secret: str | None
    url: str | None


class InvitationView(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody is invited to; `number` null: by a link.

    `terms` say in the reader's language what they agree to by joining: what becomes of what one
    puts in, who sees what, who decides.
    """

    id: UUID
    pool: str
    operator: str
    operator_name: str
    owner: str
    invited_by: str
    number: str | None
    role: Role
    allotment: AllotmentView
    members_fill: bool
    until: datetime
    terms: list[str]


class OpenedInvitation(msgspec.Struct, frozen=True, kw_only=True):
    """What a link invites to, and what one agrees to by joining."""

    kind: Literal["invitation"] = "invitation"
    invitation: InvitationView


class InvitationsView(msgspec.Struct, frozen=True, kw_only=True):
    """Open invitations to my numbers, oldest first."""

    invitations: list[InvitationView]


def view_pool(
    seen: PoolInView, me: PersonId, profile: Profile, language: Language, at: datetime
) -> PoolView:
    """Show a pool as it stands at an instant; `profile` is its operator's."""
    pool = seen.pool
    return PoolView(
        id=pool.id.uuid,
        name=pool.name,
        operator=pool.operator,
        operator_name=profile.name.in_language(language),
        owner=seen.owner.nickname,
        role=seen.role,
        opened_at=pool.opened_at,
        closed_at=pool.closed_at,
        members_fill=pool.members_fill,
        offered_to=None if seen.successor is None else seen.successor.nickname,
        offered_to_me=pool.successor == me,
        size=pool.size,
        left=[_left(bucket, allowance) for bucket, allowance in seen.holdings],
        members=[_member(seen, one, me, profile, at) for one in seen.members],
        contributions=[_contribution(share, me) for share in seen.shares],
        invitations=[_pool_invitation(one, me) for one in seen.invitations],
    )


def view_invitation(seen: InvitationInView, profile: Profile, language: Language) -> InvitationView:
    """Show an invitation to whoever may join by it; `profile` is that of the pool's operator."""
    invitation, pool = seen.invitation, seen.pool
    return InvitationView(
        id=invitation.id.uuid,
        pool=pool.name,
        operator=pool.operator,
        operator_name=profile.name.in_language(language),
        owner=seen.owner.nickname,
        invited_by=seen.inviter.nickname,
        number=invitation.number,
        role=invitation.role,
        allotment=view_allotment(invitation.allotment),
        members_fill=pool.members_fill,
        until=invitation.until,
        terms=list(say_terms(pool, profile, language)),
    )


def view_allotment(allotment: Allotment) -> AllotmentView:
    """Show how a line may draw."""
    return AllotmentView(
        cap_per_day=allotment.cap_per_day,
        cap_per_month=allotment.cap_per_month,
        share=allotment.share,
        share_percent=allotment.share_percent,
        pool_first=allotment.pool_first,
        paused=allotment.is_paused,
        slowed=allotment.is_slowed,
    )


def _left(bucket: Bucket, allowance: Allowance) -> InPoolView:
    return InPoolView(
        allowance=allowance.id.uuid,
        unit=allowance.unit,
        amount=bucket.balance,
        held=bucket.held,
        available=bucket.available,
        expires_at=allowance.expires_at,
        hours=say_hours(allowance.hours),
    )


def _member(
    seen: PoolInView, one: MemberInView, me: PersonId, profile: Profile, at: datetime
) -> MemberView:
    member = one.member
    today, this_month = member.taken_at(at, profile.zone)
    return MemberView(
        line=member.line.uuid,
        nickname=one.person.nickname,
        number=one.line.masked_number,
        mine=one.person.id == me,
        role=member.role,
        joined_at=member.joined_at,
        allotment=view_allotment(member.allotment),
        taken_today=today,
        taken_this_month=this_month,
        taken=member.taken,
        may_take=member.may_take(Unit.DATA, at, profile.zone, seen.pool.size),
    )


def _contribution(share: ShareInView, me: PersonId) -> ContributionView:
    return ContributionView(
        line=share.line.id.uuid,
        nickname=share.person.nickname,
        number=share.line.masked_number,
        mine=share.person.id == me,
        allowance=share.allowance.id.uuid,
        unit=share.allowance.unit,
        amount=share.amount,
        expires_at=share.allowance.expires_at,
        owed=share.is_owed,
    )


def _pool_invitation(one: Invitation, me: PersonId) -> PoolInvitationView:
    return PoolInvitationView(
        id=one.id.uuid,
        number=number_seen(one, me),
        lines_max=one.uses_max,
        lines_joined=one.uses,
        role=one.role,
        allotment=view_allotment(one.allotment),
        invited_at=one.invited_at,
        until=one.until,
    )
