"""Who draws on a pool and how much, and what would go back to whom, as a page shows it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from yuzuri.kernel.ids import HolderId
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.ledger.allowances import Allowance
from yuzuri.operators.profile import Profile
from yuzuri.runtime.pool_words import say_order, say_pace, say_role
from yuzuri.sharing.pool_views import MemberInView, PoolInView, ShareInView
from yuzuri.sharing.pools import Allotment, Member, Pool, Role
from yuzuri.subscribers.lines import Person
from yuzuri.web.instants import Reader
from yuzuri.web.line_views import BAR_WIDTH, line_name, show_number
from yuzuri.words.formats import say_number, say_quantity
from yuzuri.words.translations import translate


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


# ---------------------------------------------------------------- who draws on it


def view_member(
    seen: PoolInView, one: MemberInView, me: Person, profile: Profile, reader: Reader
) -> MemberView:
    """Put a member into words; `profile` is that of the pool's operator."""
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


def view_contributors(
    shares: Iterable[ShareInView], me: Person, profile: Profile, reader: Reader
) -> Iterator[ContributorView]:
    """Yield who gets something back, and what."""
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
