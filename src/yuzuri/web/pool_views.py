"""Pools as a page shows them: what is in one and until when, who draws how much, what goes back."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from yuzuri.kernel.ids import HolderId
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.ledger.allowances import Allowance
from yuzuri.ledger.book import Bucket
from yuzuri.operators.profile import Profile
from yuzuri.operators.profiles import Profiles
from yuzuri.operators.services import MemberControl
from yuzuri.runtime.pool_words import say_allotment, say_order, say_pace, say_role, say_terms
from yuzuri.sharing.pool_views import (
    InvitationInView,
    MemberInView,
    PoolInView,
    ShareInView,
    number_seen,
)
from yuzuri.sharing.pools import Allotment, Invitation, Member, Pool, Role
from yuzuri.subscribers.lines import Person
from yuzuri.web.instants import Reader
from yuzuri.web.line_views import BAR_WIDTH, kind_name, line_name, show_number
from yuzuri.words.formats import say_list, say_number, say_quantity
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


@dataclass(frozen=True, slots=True)
class LimitView:
    """What a member has drawn of a limit; `limit` empty: there is none, and the bar is of all."""

    name: str
    taken: str
    limit: str
    width: int
    is_full: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """A few words about a member."""

    text: str
    is_warning: bool = False


@dataclass(frozen=True, slots=True)
class BackView:
    """A part of what goes back; `exact`: to the byte, where the amount is rounded."""

    amount: str
    exact: str
    until: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberView:
    """A line that draws on a pool: to others by nickname and masked number only."""

    line: str
    person: str
    name: str
    initial: str
    number: str
    is_mine: bool
    role_name: str
    """Empty: a plain member."""
    bars: tuple[LimitView, ...]
    marks: tuple[Mark, ...]
    gets_back: tuple[BackView, ...]
    may_change: bool


@dataclass(frozen=True, slots=True)
class ContributorView:
    """Somebody who gets something back, and what."""

    name: str
    number: str
    is_owed: bool
    parts: tuple[BackView, ...]


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
        members=tuple(_member(seen, one, me, profile, reader) for one in seen.members),
        contributors=tuple(_contributors(seen.shares, me, profile, reader)),
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


# ---------------------------------------------------------------- who draws on it


def _member(
    seen: PoolInView, one: MemberInView, me: Person, profile: Profile, reader: Reader
) -> MemberView:
    member, language = one.member, reader.language
    is_mine = one.person.id == me.id
    name = line_name(one.line, profile, language) if is_mine else one.person.nickname
    is_others_manager = member.role is Role.MANAGER and not is_mine
    return MemberView(
        line=str(member.line),
        person=str(one.person.id),
        name=name,
        initial=one.person.nickname[:1],
        number=show_number(one.line.number) if is_mine else one.line.masked_number,
        is_mine=is_mine,
        role_name=_role_name(seen, one, language),
        bars=tuple(_limits(seen.pool, member, profile.zone, reader)),
        marks=tuple(_marks(member.allotment, language)),
        gets_back=tuple(
            view_back(share.allowance, share.amount, reader)
            for share in seen.shares
            if share.line.id == member.line
        ),
        may_change=seen.role is Role.OWNER
        or (seen.role is Role.MANAGER and one.person.id != seen.owner.id and not is_others_manager),
    )


def _role_name(seen: PoolInView, one: MemberInView, language: Language) -> str:
    if one.person.id == seen.owner.id:
        return say_role(Role.OWNER, language)
    return say_role(Role.MANAGER, language) if one.member.role is Role.MANAGER else ""


def _limits(pool: Pool, member: Member, zone: ZoneInfo, reader: Reader) -> Iterator[LimitView]:
    """Yield a bar for each limit; without any, what was drawn this month beside the whole pool."""
    given, language = member.allotment, reader.language
    today, this_month = member.taken_at(reader.at, zone)
    part = None if given.share_percent is None else pool.size * given.share_percent // 100
    limits = (
        (translate(language, "Today"), today, given.cap_per_day),
        (translate(language, "This month"), this_month, given.cap_per_month),
        (
            translate(language, "This month, {percent}% of the pool", percent=given.share_percent),
            this_month,
            part,
        ),
        (translate(language, "In all"), member.taken, given.share),
    )
    bars = [_limit(*limit, language) for limit in limits if limit[2] is not None]
    if not bars:
        whole = max(pool.size, this_month, 1)
        said = say_quantity(Quantity(this_month, Unit.DATA), language)
        width = this_month * BAR_WIDTH // whole
        bars = [LimitView(translate(language, "This month, no limit"), said, "", width, False)]
    yield from bars


def _limit(name: str, taken: int, limit: int | None, language: Language) -> LimitView:
    assert limit is not None
    return LimitView(
        name,
        say_quantity(Quantity(taken, Unit.DATA), language),
        say_quantity(Quantity(limit, Unit.DATA), language),
        min(taken, limit) * BAR_WIDTH // max(limit, 1),
        taken >= limit,
    )


def _marks(allotment: Allotment, language: Language) -> Iterator[Mark]:
    yield Mark(say_order(allotment, language))
    for said in say_pace(allotment, language):
        yield Mark(said, is_warning=True)


# ---------------------------------------------------------------- what goes back


def view_back(allowance: Allowance, amount: int, reader: Reader) -> BackView:
    """Say a part of what goes back: shortly, and to the byte where that is not the same."""
    quantity, language = Quantity(amount, allowance.unit), reader.language
    said = say_quantity(quantity, language)
    is_rounded = said != say_quantity(quantity, language, exact=True)
    exact = translate(language, "{count} bytes", count=say_number(amount, language))
    return BackView(said, exact if is_rounded else "", reader.until(allowance.expires_at))


def _contributors(
    shares: Iterable[ShareInView], me: Person, profile: Profile, reader: Reader
) -> Iterator[ContributorView]:
    by_line: dict[tuple[HolderId, bool], list[ShareInView]] = {}
    for share in shares:
        by_line.setdefault((share.line.id, share.is_owed), []).append(share)
    for (_, is_owed), some in by_line.items():
        line, person = some[0].line, some[0].person
        is_mine = person.id == me.id
        yield ContributorView(
            line_name(line, profile, reader.language) if is_mine else person.nickname,
            show_number(line.number) if is_mine else line.masked_number,
            is_owed,
            tuple(view_back(one.allowance, one.amount, reader) for one in some),
        )


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
