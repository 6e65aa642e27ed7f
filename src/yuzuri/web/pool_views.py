"""Pools and invitations to them as a page shows them; what is in a pool, and until when."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.ledger.allowances import Allowance
from yuzuri.ledger.book import Bucket
from yuzuri.operators.profile import Profile
from yuzuri.operators.profiles import Profiles
from yuzuri.operators.services import MemberControl
from yuzuri.runtime.pool_words import say_allotment, say_role, say_terms
from yuzuri.sharing.pool_views import (
    InvitationInView,
    PoolInView,
    number_seen,
)
from yuzuri.sharing.pools import Invitation, Role
from yuzuri.subscribers.lines import Person
from yuzuri.web.instants import Reader
from yuzuri.web.line_views import BAR_WIDTH, kind_name, show_number
from yuzuri.web.pool_member_views import (
    ContributorView,
    MemberView,
    view_contributors,
    view_member,
)
from yuzuri.words.formats import say_list, say_quantity
from yuzuri.words.translations import translate

Holding = tuple[Bucket, Allowance]

SHADES = 4
"""How many parts of a bar can be told apart; what ends later has the last one's colour."""


@dataclass(frozen=True, slots=True)
class PartView:
    """What ends at one time: a part of the bar, in thousandths of its width."""

    amount: str
    until: str
    left: str
    hours: str
    x: int
    width: int
    shade: int


@dataclass(frozen=True, slots=True)
class KindView:
    """What is in a pool of one kind, what ends first before the rest."""

    unit: Unit
    is_night: bool
    name: str
    amount: str
    parts: tuple[PartView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationView:
    """An invitation as those see it who manage the pool."""

    id: str
    to: str
    is_link: bool
    until: str
    terms: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolView:
    """A pool as one of its people sees it."""

    id: str
    name: str
    operator: str
    owner: str
    role_name: str
    is_owner: bool
    is_manager: bool
    closed: str
    """When it was closed; empty: it is open."""
    successor: str
    is_offered_to_me: bool
    may_fill: bool
    slow_kbps: int | None
    """How fast a line is that is slowed, where the operator says so."""
    kinds: tuple[KindView, ...]
    members: tuple[MemberView, ...]
    contributors: tuple[ContributorView, ...]
    held: str
    """What phones at work may still use of it; empty: nothing."""
    invitations: tuple[InvitationView, ...]

    @property
    def mine(self) -> tuple[MemberView, ...]:
        """The person's own lines."""
        return tuple(member for member in self.members if member.is_mine)

    @property
    def has_left(self) -> bool:
        """The person draws on it no longer, and has still to get something back."""
        return not (self.is_manager or self.mine)

    @property
    def heirs(self) -> tuple[MemberView, ...]:
        """To whom it could be handed over: one line each."""
        others = {member.person: member for member in self.members if not member.is_mine}
        return tuple(others.values())

    @property
    def initials(self) -> tuple[str, ...]:
        """The first of its people, for a row of pictures."""
        return tuple(member.initial for member in self.members)[:5]


def view_pool(seen: PoolInView, me: Person, profiles: Profiles, reader: Reader) -> PoolView:
    """Put a pool into words."""
    pool, language = seen.pool, reader.language
    profile = profiles[pool.operator]
    is_manager = seen.role is not Role.MEMBER
    return PoolView(
        id=str(pool.id),
        name=pool.name,
        operator=profile.name.in_language(language),
        owner=seen.owner.nickname,
        role_name=say_role(seen.role, language),
        is_owner=seen.role is Role.OWNER,
        is_manager=is_manager,
        closed=translate(language, "closed on {when}", when=reader.past(pool.closed_at))
        if pool.closed_at
        else "",
        successor=seen.successor.nickname if seen.successor else "",
        is_offered_to_me=pool.successor == me.id,
        may_fill=pool.closed_at is None and (seen.role is Role.OWNER or pool.members_fill),
        slow_kbps=next(
            (one.slow_kbps for one in profile.services if isinstance(one, MemberControl)), None
        ),
        kinds=tuple(_kinds(seen.holdings, reader)),
        members=tuple(view_member(seen, one, me, profile, reader) for one in seen.members),
        contributors=tuple(view_contributors(seen.shares, me, profile, reader)),
        held=_say_held(seen, language),
        invitations=tuple(_invitation(one, me, reader) for one in seen.invitations),
    )


# ---------------------------------------------------------------- what is in it


def _kinds(holdings: Sequence[Holding], reader: Reader) -> Iterator[KindView]:
    for unit, is_night in (
        (Unit.DATA, False),
        (Unit.DATA, True),
        (Unit.VOICE, False),
        (Unit.SMS, False),
    ):
        some = [
            (bucket, allowance)
            for bucket, allowance in holdings
            if allowance.unit is unit and (allowance.hours is not None) is is_night
        ]
        total = sum(bucket.balance for bucket, _ in some)
        if total:
            yield KindView(
                unit,
                is_night,
                kind_name(unit, reader.language, is_night=is_night),
                say_quantity(Quantity(total, unit), reader.language),
                tuple(_parts(some, unit, total, reader)),
            )


def _parts(some: Iterable[Holding], unit: Unit, total: int, reader: Reader) -> Iterator[PartView]:
    """Yield what ends at one time and can be used at the same hours as one part."""
    amounts: dict[tuple[datetime | None, str], int] = {}
    for bucket, allowance in some:
        hours = "" if allowance.hours is None else str(allowance.hours)
        key = allowance.expires_at, hours
        amounts[key] = amounts.get(key, 0) + bucket.balance
    before = 0
    for number, ((ends, hours), amount) in enumerate(amounts.items()):
        x = before * BAR_WIDTH // total
        before += amount
        yield PartView(
            amount=say_quantity(Quantity(amount, unit), reader.language),
            until=reader.until(ends),
            left=reader.left(ends),
            hours=hours,
            x=x,
            width=before * BAR_WIDTH // total - x,
            shade=min(number, SHADES - 1),
        )


def _say_held(seen: PoolInView, language: Language) -> str:
    held = {
        unit: sum(b.held for b, allowance in seen.holdings if allowance.unit is unit)
        for unit in Unit
    }
    said = [say_quantity(Quantity(n, unit), language) for unit, n in held.items() if n]
    return say_list(said, language) if said else ""


def _invitation(one: Invitation, me: Person, reader: Reader) -> InvitationView:
    language = reader.language
    number = number_seen(one, me.id)
    if number is None:
        to = translate(
            language, "Link: {uses} of {most} have joined", uses=one.uses, most=one.uses_max
        )
    else:
        to = show_number(number) if number == one.number else number
    return InvitationView(
        id=str(one.id),
        to=to,
        is_link=one.number is None,
        until=reader.until(one.until),
        terms=" · ".join(say_allotment(one.allotment, language)),
    )


# ---------------------------------------------------------------- being invited


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitedView:
    """An invitation as whoever may join by it sees it."""

    id: str
    pool: str
    operator: str
    owner: str
    by: str
    number: str
    """That of the line that is invited; empty: a link."""
    until: str
    role_name: str
    allotment: tuple[str, ...]
    terms: tuple[str, ...]


def view_invited(seen: InvitationInView, profile: Profile, reader: Reader) -> InvitedView:
    """Put an invitation into words; `profile` is that of the pool's operator."""
    invitation, language = seen.invitation, reader.language
    is_manager = invitation.role is Role.MANAGER
    return InvitedView(
        id=str(invitation.id),
        pool=seen.pool.name,
        operator=profile.name.in_language(language),
        owner=seen.owner.nickname,
        by=seen.inviter.nickname,
        number=show_number(invitation.number) if invitation.number else "",
        until=reader.until(invitation.until),
        role_name=say_role(invitation.role, language) if is_manager else "",
        allotment=say_allotment(invitation.allotment, language),
        terms=say_terms(seen.pool, profile, language),
    )
