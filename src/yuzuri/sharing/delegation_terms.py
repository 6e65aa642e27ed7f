"""The terms of a delegation as a person reads them, with what is allowed written out."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import assert_never

from yuzuri.kernel.ids import PoolId
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.operators.profile import Profile
from yuzuri.sharing.delegations import (
    Delegation,
    Give,
    ManagePool,
    OfferDelegation,
    Scope,
    See,
    Use,
)
from yuzuri.sharing.pools import Pool
from yuzuri.subscribers.lines import Line
from yuzuri.words.agreement_texts import read_terms
from yuzuri.words.formats import say_instant, say_quantity, say_unit, say_until

TERMS_VERSION = "delegation-1"
"""The terms of what is offered from now on; whoever accepts agrees to those that were offered."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The very text that a person agrees to, and its SHA-256."""

    version: str
    language: Language
    text: str

    @property
    def text_hash(self) -> bytes:
        """The SHA-256 of the text in UTF-8."""
        return sha256(self.text.encode()).digest()


def render_terms(
    about: Delegation | OfferDelegation,
    line: Line,
    profile: Profile,
    pools: Mapping[PoolId, Pool],
    language: Language,
) -> Terms:
    """Write out the terms of a delegation of a line, times as its operator's clocks show them.

    `pools` has those that the scopes name. The same delegation gives the same text.
    """
    version = about.terms if isinstance(about, Delegation) else TERMS_VERSION
    texts = read_terms(version, language)
    said: dict[str, str] = {
        "operator": profile.name.in_language(language),
        "line": line.masked_number,
        "since": say_instant(about.since, profile.zone, language),
        "until": say_until(about.until, profile.zone, language),
    }
    clauses = (
        texts[name].format_map({**said, **values})
        for name, values in (_clause(scope, pools, language) for scope in about.scopes)
    )
    text = texts["text"].strip().format_map(said | {"scopes": "\n".join(clauses)})
    return Terms(version, language, text + "\n")


def _clause(
    scope: Scope, pools: Mapping[PoolId, Pool], language: Language
) -> tuple[str, Mapping[str, str]]:
    """Return the clause of a scope, by its name in the texts, with its values."""

    def say(amount: int, unit: Unit) -> str:
        return say_quantity(Quantity(amount, unit), language, exact=True)

    match scope:
        case See():
            return "see", {}
        case Use(in_all=in_all, per_day=per_day):
            caps = {"in_all": in_all, "per_day": per_day}
            known = {name: say(cap, Unit.DATA) for name, cap in caps.items() if cap is not None}
            return "use_both" if len(known) == 2 else f"use_{next(iter(known))}", known
        case Give():
            amount, unit = say(scope.in_all, scope.unit), say_unit(scope.unit, language)
            return "give", {"in_all": amount, "unit": unit}
        case ManagePool():
            return "pool", {"pool": pools[scope.pool].name}
        case _:
            assert_never(scope)
