"""Delegations as a page shows them: who may do what, until when, and what was done of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.operators.profile import Profile
from yuzuri.operators.profiles import Profiles
from yuzuri.runtime.delegation_words import say_action, say_scope, say_so_far, say_state
from yuzuri.sharing.account import LineAccount
from yuzuri.sharing.delegation_actions import ActionInView
from yuzuri.sharing.delegation_terms import Terms
from yuzuri.sharing.delegation_views import DelegationInView
from yuzuri.sharing.delegations import (
    Delegation,
    DelegationState,
    Give,
    ManagePool,
    See,
    Use,
    kind_of,
)
from yuzuri.subscribers.lines import Line
from yuzuri.web.instants import Reader
from yuzuri.web.line_views import kind_name, line_name, show_number
from yuzuri.words.formats import say_quantity
from yuzuri.words.translations import translate

_ICONS = {"see": "eye", "use": "data", "give": "give", "pool": "people"}


@dataclass(frozen=True, slots=True)
class ScopeView:
    """One thing that somebody may do, and how much of it was done so far."""

    icon: str
    text: str
    so_far: str


@dataclass(frozen=True, slots=True)
class ActView:
    """Something that was done; `path` leads to it, where there is a page of it."""

    text: str
    when: str
    path: str


@dataclass(frozen=True, slots=True)
class LeftView:
    """What is left of a kind on a line, and how much was used this month."""

    icon: str
    name: str
    amount: str
    used: str
    """Empty: nothing, or that is not told of this kind."""


@dataclass(frozen=True, slots=True)
class OwnLineView:
    """One of the reader's own lines."""

    id: str
    name: str
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegationView:
    """A delegation as one of its two people sees it."""

    id: str
    line_id: str
    is_mine: bool
    is_offered: bool
    is_active: bool
    """It has been accepted and is not over; it may not have begun."""
    other: str
    """The other person's nickname; empty: nobody has accepted yet."""
    title: str
    line: str
    operator: str
    state_text: str
    mark: str
    time: str
    offer_until: str
    scopes: tuple[ScopeView, ...]
    wants_line: bool
    """A line of the delegate's will use data."""
    was_sent_to: bool
    """It was offered to somebody, and not to whoever opens a link."""
    shows_left: bool
    """The reader may see what is left on the line."""
    give_path: str
    """Where the reader gives from the line; empty: they may not."""
    pool_path: str
    """Where the reader looks after the pool; empty: they may not."""


@dataclass(frozen=True, slots=True)
class TermsView:
    """Terms as a page shows them, and what a form sends back of them."""

    title: str
    paragraphs: tuple[str, ...]
    language: str
    text_hash: str


def view_terms(terms: Terms) -> TermsView:
    """Divide terms into their paragraphs, word for word as they will be kept."""
    title, *paragraphs = terms.text.strip().split("\n\n")
    return TermsView(title, tuple(paragraphs), terms.language.value, terms.text_hash.hex())


def view_delegation(
    seen: DelegationInView, profiles: Profiles, language: Language, at: datetime
) -> DelegationView:
    """Put a delegation into words, by the clocks of the line's operator."""
    delegation, profile = seen.delegation, profiles[seen.line.operator]
    operator = profile.name.in_language(language)
    other = seen.other.nickname if seen.other else ""
    may_act = delegation.is_active(at) and not seen.is_mine
    pools = delegation.scopes_of(ManagePool) if may_act else []
    if seen.is_mine:
        title = other or (
            translate(language, "Whoever opens the link first")
            if delegation.delegate is None
            else translate(language, "Asked by phone number")
        )
    else:
        title = translate(language, "{name}’s line", name=other)
    return DelegationView(
        id=str(delegation.id),
        line_id=str(delegation.line),
        is_mine=seen.is_mine,
        is_offered=delegation.is_offered(at),
        is_active=delegation.state is DelegationState.ACTIVE and at < delegation.until,
        other=other,
        title=title,
        line=line_name(seen.line, profile, language)
        if seen.is_mine
        else f"{operator} {seen.line.masked_number}",
        operator=operator,
        state_text=say_state(delegation, language, at, is_mine=seen.is_mine),
        mark=_mark(delegation, at),
        time=_say_time(delegation, Reader(language, profile.zone, at)),
        offer_until=Reader(language, profile.zone, at).until(delegation.open_until),
        scopes=tuple(
            ScopeView(
                _ICONS[kind_of(scope)],
                say_scope(
                    scope,
                    seen.pools[scope.pool].name if isinstance(scope, ManagePool) else "",
                    language,
                ),
                say_so_far(delegation, scope, language),
            )
            for scope in delegation.scopes
        ),
        wants_line=bool(delegation.scopes_of(Use)),
        was_sent_to=delegation.delegate is not None,
        shows_left=may_act and bool(delegation.scopes_of(See)),
        give_path=f"/give?line={delegation.line}" if may_act and delegation.scopes_of(Give) else "",
        pool_path=f"/pools/{pools[0].pool}" if pools else "",
    )


def view_act(seen: ActionInView, reader: Reader) -> ActView:
    """Put something that was done into words, for the owner."""
    action = seen.action
    return ActView(
        say_action(action, seen.whom, seen.pool, reader.language),
        reader.past(action.at),
        "" if action.gift is None else f"/gifts/{action.gift}",
    )


def view_left(
    account: LineAccount, used: Mapping[Unit, int], reader: Reader
) -> tuple[LeftView, ...]:
    """Say what can still be used of each kind, night data apart, and how much was used."""
    language = reader.language
    left: dict[tuple[Unit, bool], int] = {}
    for balance in account.balances:
        allowance = balance.allowance
        kind = (allowance.unit, allowance.unit is Unit.DATA and allowance.hours is not None)
        left[kind] = left.get(kind, 0) + balance.usable
    for unit in used:
        left.setdefault((unit, False), 0)
    return tuple(
        LeftView(
            "night" if is_night else unit.value,
            kind_name(unit, language, is_night=is_night),
            say_quantity(Quantity(left[unit, is_night], unit), language),
            translate(
                language,
                "{amount} used this month",
                amount=say_quantity(Quantity(used[unit], unit), language),
            )
            if used.get(unit) and not is_night
            else "",
        )
        for unit, is_night in sorted(left, key=lambda kind: (list(Unit).index(kind[0]), kind[1]))
    )


def view_own_line(line: Line, profile: Profile, language: Language) -> OwnLineView:
    """Show a line as its own person knows it."""
    name = line_name(line, profile, language)
    return OwnLineView(str(line.id), name, show_number(line.number))


def _mark(delegation: Delegation, at: datetime) -> str:
    if delegation.is_offered(at):
        return "open"
    return "accepted" if delegation.is_active(at) else "ended"


def _say_time(delegation: Delegation, reader: Reader) -> str:
    until = reader.until(delegation.until)
    if delegation.since <= reader.at:
        return until
    since = reader.instant(delegation.since)
    return translate(reader.language, "from {since}, {until}", since=since, until=until)
