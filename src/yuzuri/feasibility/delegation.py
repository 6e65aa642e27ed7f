"""The verdict on delegated use: whether the operator and the law let another act on a line."""

from collections.abc import Iterable, Iterator

from yuzuri.feasibility.law import line_handing_rule
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
