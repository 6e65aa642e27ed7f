"""The rows of the tables that `yuzuri pools show` prints."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.operators.profiles import Profiles
from yuzuri.runtime.pool_words import say_order, say_pace, say_role
from yuzuri.sharing.pool_views import MemberInView, PoolInView
from yuzuri.sharing.pools import Role
from yuzuri.subscribers.lines import Line, Person
from yuzuri.words.formats import say_list, say_quantity, say_until
from yuzuri.words.translations import translate


@dataclass(frozen=True, slots=True)
class PoolRows:
    """The rows of a pool in the three tables."""

    pool: tuple[str, ...]
    members: list[tuple[str, ...]]
    shares: list[tuple[str, ...]]


def pool_rows(view: PoolInView, profiles: Profiles, at: datetime, language: Language) -> PoolRows:
    """Put a pool, its members and what would go back into rows."""
    pool = view.pool
    zone = profiles[pool.operator].zone
    return PoolRows(
        (
            str(pool.id),
            pool.name,
            say_role(view.role, language),
            _say_left(view, language),
            _say_state(view, language),
        ),
        [_member_row(view, seen, zone, at, language) for seen in view.members],
        [
            (
                str(share.line.id),
                pool.name,
                _say_who(share.person, share.line),
                say_quantity(Quantity(share.amount, share.allowance.unit), language, exact=True),
                translate(language, "does not expire")
                if share.allowance.expires_at is None
                else say_until(share.allowance.expires_at, zone, language),
            )
            for share in view.shares
        ],
    )


def _member_row(
    view: PoolInView, seen: MemberInView, zone: ZoneInfo, at: datetime, language: Language
) -> tuple[str, ...]:
    member, given = seen.member, seen.member.allotment
    today, this_month = member.taken_at(at, zone)
    part = None if given.share_percent is None else view.pool.size * given.share_percent // 100
    monthly = [limit for limit in (given.cap_per_month, part) if limit is not None]
    return (
        str(member.line),
        view.pool.name,
        _say_who(seen.person, seen.line),
        say_role(Role.OWNER if seen.person.id == view.owner.id else member.role, language),
        _say_taken(today, given.cap_per_day, language),
        _say_taken(this_month, min(monthly, default=None), language),
        _say_taken(member.taken, given.share, language),
        say_list((say_order(given, language), *say_pace(given, language)), language),
    )


def _say_who(person: Person, line: Line) -> str:
    return f"{person.nickname} {line.masked_number}"


def _say_left(view: PoolInView, language: Language) -> str:
    amounts = {
        unit: sum(bucket.available for bucket, terms in view.holdings if terms.unit is unit)
        for unit in Unit
    }
    left = [say_quantity(Quantity(n, unit), language) for unit, n in amounts.items() if n]
    return say_list(left, language) if left else translate(language, "nothing")


def _say_state(view: PoolInView, language: Language) -> str:
    if view.pool.closed_at is not None:
        return translate(language, "closed")
    if view.successor is not None:
        return translate(language, "offered to {name}", name=view.successor.nickname)
    return translate(language, "in use")


def _say_taken(taken: int, limit: int | None, language: Language) -> str:
    said = say_quantity(Quantity(taken, Unit.DATA), language)
    if limit is None:
        return said
    most = say_quantity(Quantity(limit, Unit.DATA), language)
    return translate(language, "{taken} of {limit}", taken=said, limit=most)
