"""What somebody may do with another's line, and what they did, in words: the same everywhere."""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never
from zoneinfo import ZoneInfo

from yuzuri.kernel.ids import PersonId
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.sharing.delegations import (
    Act,
    Action,
    Agreement,
    Delegation,
    DelegationState,
    Give,
    ManagePool,
    Scope,
    See,
    Use,
)
from yuzuri.words.formats import say_instant, say_quantity
from yuzuri.words.translations import translate


def say_scope(scope: Scope, pool: str, language: Language) -> str:
    """Say one thing that somebody may do; `pool` is the name of the pool that it is about."""
    match scope:
        case See():
            return translate(language, "See what is left, and how much was used this month")
        case Use():
            return _say_use(scope, language)
        case Give():
            amount = say_quantity(Quantity(scope.in_all, scope.unit), language, exact=True)
            return translate(language, "Give from it, up to {amount} in all", amount=amount)
        case ManagePool():
            return translate(language, "Look after the pool “{pool}”", pool=pool)
        case _:
            assert_never(scope)


def _say_use(scope: Use, language: Language) -> str:
    in_all, per_day = (
        say_quantity(Quantity(cap or 0, Unit.DATA), language, exact=True)
        for cap in (scope.in_all, scope.per_day)
    )
    if scope.per_day is None:
        return translate(language, "Use its data, up to {amount} in all", amount=in_all)
    if scope.in_all is None:
        return translate(language, "Use its data, up to {amount} a day", amount=per_day)
    return translate(
        language,
        "Use its data, up to {per_day} a day and {in_all} in all",
        per_day=per_day,
        in_all=in_all,
    )


def say_so_far(delegation: Delegation, scope: Scope, language: Language) -> str:
    """Say how much of what a scope allows was given or used; empty: nothing, or no such thing."""
    match scope:
        case Give() if delegation.given.get(scope.unit):
            given = say_quantity(Quantity(delegation.given[scope.unit], scope.unit), language)
            return translate(language, "{amount} given so far", amount=given)
        case Use() if delegation.used:
            used = say_quantity(Quantity(delegation.used, Unit.DATA), language)
            return translate(language, "{amount} used so far", amount=used)
        case _:
            return ""


def say_state(delegation: Delegation, language: Language, at: datetime, *, is_mine: bool) -> str:
    """Say where a delegation stands at an instant, to its owner (`is_mine`) or to the other."""
    match delegation.state:
        case DelegationState.OFFERED if not delegation.is_offered(at):
            return translate(language, "Not accepted in time")
        case DelegationState.OFFERED if is_mine:
            return translate(language, "Waiting for an answer")
        case DelegationState.OFFERED:
            return translate(language, "Waiting for your answer")
        case DelegationState.ACTIVE if at < delegation.since:
            return translate(language, "Not begun yet")
        case DelegationState.ACTIVE if at < delegation.until:
            return translate(language, "In force")
        case DelegationState.DECLINED:
            return translate(language, "Declined")
        case DelegationState.ENDED if delegation.answered_at is None:
            return translate(language, "Taken back")
        case _:
            return translate(language, "Ended")


def say_action(action: Action, whom: str, pool: str, language: Language) -> str:
    """Say what somebody did; `whom` it was about, and the name of the pool, as far as there is."""
    amount = ""
    if action.unit is not None and action.amount is not None:
        amount = say_quantity(Quantity(action.amount, action.unit), language)
    match action.what:
        case Act.GIVE:
            return translate(language, "Gave {amount} to {name}", amount=amount, name=whom)
        case Act.CANCEL:
            return translate(
                language, "Took back {amount} offered to {name}", amount=amount, name=whom
            )
        case Act.INVITE:
            return translate(language, "Invited somebody to “{pool}”", pool=pool)
        case Act.WITHDRAW:
            return translate(language, "Withdrew an invitation to “{pool}”", pool=pool)
        case Act.CHANGE:
            return translate(language, "Changed how {name} draws on “{pool}”", name=whom, pool=pool)
        case Act.REMOVE:
            return translate(language, "Removed {name} from “{pool}”", name=whom, pool=pool)
        case _:
            assert_never(action.what)


def say_agreements(agreements: Sequence[Agreement], language: Language) -> str:
    """Write out what the sides of a delegation have agreed to, to be kept; who offers agrees first.

    Each text is in the language in which it was agreed to; times are those of UTC.
    """
    return "\n\n".join(
        "\n".join((*_say_heading(one, agreements[0].person, language), "", one.text))
        for one in agreements
    )


def _say_heading(agreement: Agreement, owner: PersonId, language: Language) -> tuple[str, ...]:
    who = (
        translate(language, "Agreed to by the holder of the line")
        if agreement.person == owner
        else translate(language, "Agreed to by whoever helps with it")
    )
    return (
        who,
        say_instant(agreement.agreed_at, ZoneInfo("UTC"), language),
        translate(language, "Version of the terms: {version}", version=agreement.version),
        f"SHA-256: {agreement.text_hash.hex()}",
    )
