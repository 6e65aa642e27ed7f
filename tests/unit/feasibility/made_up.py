"""Operators with just the rules that a test speaks of, to see one rule at a time."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from tests.unit.feasibility.asking import DAY, PROFILES, TOGETHER, noon, plenty

from yuzuri.feasibility.question import GiftQuestion, Holding, Party, Relation
from yuzuri.kernel.amounts import parse_quantity
from yuzuri.operators.gift_rules import GiftRules, Recipients
from yuzuri.operators.plans import Plan
from yuzuri.operators.profile import Profile
from yuzuri.operators.sources import Confidence, Rule, Source

BASE = PROFILES["yuzuri-mobile"]
"""Whose name, clocks and plans a made-up operator borrows."""


def profile_with(rules: GiftRules, **changes: Any) -> Profile:
    """An operator whose rules are these; rules may cite "high" and "low"."""
    sources = dict(BASE.sources)
    for confidence in (Confidence.HIGH, Confidence.LOW):
        sources[confidence.value] = Source(
            title="made up", url="", as_of="2026-11", confidence=confidence
        )
    return msgspec.structs.replace(BASE, gift=rules, **{"sources": sources, **changes})


def rules_with(confidence: str = "high", **values: Any) -> GiftRules:
    """The rules of an operator who offers gifts to anyone of its own, and has these rules."""
    offered = {"offered": True, "recipients": Recipients.SAME_OPERATOR}
    sure = {name: Rule(value=value, source="high") for name, value in offered.items()}
    stated = {name: Rule(value=value, source=confidence) for name, value in values.items()}
    return GiftRules(**{**sure, **stated})


def plan_with(**changes: Any) -> Plan:
    """A plan of the made-up operator."""
    return msgspec.structs.replace(BASE.plans[0], **changes)


def with_rules(
    amount: str,
    *,
    has: Iterable[Holding] | str | None = "plenty",
    at: datetime | None = None,
    confidence: str = "high",
    relation: Relation = TOGETHER,
    plan: Plan | None = None,
    known: dict[str, Any] | None = None,
    **rules: Any,
) -> GiftQuestion:
    """Ask for an amount within an operator who has just these rules."""
    at = at or noon("yuzuri-mobile")
    profile = profile_with(rules_with(confidence, **rules))
    plan = plan or profile.plans[0]
    if isinstance(has, str):
        has = plenty(at)
    return GiftQuestion(
        giver=Party(profile, plan, at - 400 * DAY),
        receiver=Party(profile, plan),
        quantity=parse_quantity(amount),
        at=at,
        relation=relation,
        holdings=None if has is None else tuple(has),
        **(known or {}),
    )
