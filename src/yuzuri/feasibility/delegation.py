"""The verdict on delegated use: whether the operator and the law let another act on a line."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from yuzuri.feasibility.law import line_handing_rule
from yuzuri.feasibility.question import GiftQuestion
from yuzuri.feasibility.verdict import Effect, Evidence, Reason, Verdict, cite
from yuzuri.kernel.errors import Code
from yuzuri.operators.delegation_rules import DelegatedScope
from yuzuri.operators.plans import Plan
from yuzuri.operators.profile import Profile
from yuzuri.operators.sources import Confidence

ROUTE = "delegation"


def judge_delegation(profile: Profile, plan: Plan, scopes: Iterable[DelegatedScope]) -> Verdict:
    """Say whether somebody may be let do this with a line on a plan, and every reason."""
    return Verdict(ROUTE, tuple(_reasons(profile, plan, scopes)))


def _reasons(profile: Profile, plan: Plan, scopes: Iterable[DelegatedScope]) -> Iterator[Reason]:
    rules, named = profile.delegation, {"operator": profile.name}
    law = line_handing_rule(profile, plan)
    consents = rules.offered is not None and rules.offered.value
    if rules.offered is None:
        yield Reason(Code.DELEGATION_RULES_UNKNOWN, Effect.UNDECIDED, named)
    elif not rules.offered.value:
        evidence = cite(profile, "delegation.offered", rules.offered)
        yield Reason(Code.DELEGATION_NOT_OFFERED, _refuses(evidence), named, evidence)
    if rules.scopes is not None and not set(scopes) <= set(rules.scopes.value):
        evidence = cite(profile, "delegation.scopes", rules.scopes)
        yield Reason(Code.DELEGATION_SCOPE_NOT_OFFERED, _refuses(evidence), named, evidence)
    if law is not None:
        yield law.reason(Effect.NOTES if consents else Effect.REFUSES, profile.name)


def _refuses(evidence: Evidence) -> Effect:
    """A source of low confidence never refuses: it leaves the verdict undecided."""
    return Effect.UNDECIDED if evidence.confidence is Confidence.LOW else Effect.REFUSES


def judge_delegated_use(question: GiftQuestion) -> Verdict:
    """Say whether the receiver could be let use data of the giver's line.

    Where no plan of the giver is named, what does not hold for every plan is undecided.
    """
    giver, receiver = question.giver, question.receiver
    judged = [
        judge_delegation(giver.profile, plan, (DelegatedScope.USE,)).reasons
        for plan in ([giver.plan] if giver.plan else giver.profile.plans)
    ]
    reasons: list[Reason] = []
    if not question.is_within_operator:
        fields = {"operator": giver.profile.name, "other": receiver.profile.name}
        reasons.append(Reason(Code.DELEGATION_OTHER_OPERATOR, Effect.REFUSES, fields))
    for reason in (reason for one in judged for reason in one):
        is_sure = all(reason in one for one in judged) or reason.effect is Effect.NOTES
        said = reason if is_sure else replace(reason, effect=Effect.UNDECIDED)
        if said not in reasons:
            reasons.append(said)
    return Verdict(ROUTE, tuple(reasons))
