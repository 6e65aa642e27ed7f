"""Whether an operator and the law let somebody else act on a line."""

import msgspec
import pytest
from tests.model.world import known, operator

from yuzuri.feasibility.delegation import judge_delegation
from yuzuri.feasibility.verdict import Effect
from yuzuri.kernel.errors import Code
from yuzuri.operators.delegation_rules import DelegatedScope, DelegationRules
from yuzuri.operators.profile import Profile
from yuzuri.operators.profiles import read_profiles
from yuzuri.operators.sources import Confidence

SEE, USE, GIVE, POOL = DelegatedScope

UNKNOWN = DelegationRules()
NEVER = DelegationRules(offered=known(False))
ALL = DelegationRules(offered=known(True))
SOME = DelegationRules(offered=known(True), scopes=known((SEE, USE)))

U, R, N = Effect.UNDECIDED, Effect.REFUSES, Effect.NOTES


def published(rules: DelegationRules, country: str, *types: str) -> Profile:
    """An operator in a country with these rules, whose plan is of these types."""
    profile = operator(country=country)
    plans = tuple(msgspec.structs.replace(plan, types=types) for plan in profile.plans)
    return msgspec.structs.replace(profile, delegation=rules, plans=plans)


@pytest.mark.parametrize(
    ("rules", "country", "kind", "scopes", "feasible", "reasons"),
    [
        (ALL, "XX", "voice_data", [SEE, USE, GIVE, POOL], True, []),
        (ALL, "JP", "data_only", [SEE], True, []),
        (ALL, "JP", "voice_data", [SEE], True, [(Code.LAW_LINE_HANDING, N)]),
        (UNKNOWN, "XX", "voice_data", [SEE], None, [(Code.DELEGATION_RULES_UNKNOWN, U)]),
        (UNKNOWN, "JP", "data_only", [SEE], None, [(Code.DELEGATION_RULES_UNKNOWN, U)]),
        (
            UNKNOWN, "JP", "voice_data", [SEE], False,
            [(Code.DELEGATION_RULES_UNKNOWN, U), (Code.LAW_LINE_HANDING, R)],
        ),
        (NEVER, "XX", "voice_data", [SEE], False, [(Code.DELEGATION_NOT_OFFERED, R)]),
        (
            NEVER, "JP", "voice_data", [SEE], False,
            [(Code.DELEGATION_NOT_OFFERED, R), (Code.LAW_LINE_HANDING, R)],
        ),
        (SOME, "XX", "voice_data", [SEE, USE], True, []),
        (SOME, "XX", "voice_data", [SEE, GIVE], False, [(Code.DELEGATION_SCOPE_NOT_OFFERED, R)]),
    ],
    ids=[
        "all", "data only in Japan", "voice in Japan", "nothing said", "nothing said of data only",
        "nothing said of voice in Japan", "never", "never in Japan", "some", "more than some",
    ],
)  # fmt: skip
def test_what_the_operator_and_the_law_say(
    rules: DelegationRules,
    country: str,
    kind: str,
    scopes: list[DelegatedScope],
    feasible: bool | None,
    reasons: list[tuple[Code, Effect]],
) -> None:
    profile = published(rules, country, kind)
    verdict = judge_delegation(profile, profile.plans[0], scopes)
    assert verdict.feasible is feasible
    assert [(reason.code, reason.effect) for reason in verdict.reasons] == reasons
    for reason in verdict.reasons:
        assert reason.fields == {"operator": profile.name}
        assert (reason.evidence is None) == (reason.code is Code.DELEGATION_RULES_UNKNOWN)


def test_a_hint_of_low_confidence_refuses_nothing() -> None:
    profile = published(NEVER, "XX", "voice_data")
    hint = msgspec.structs.replace(profile.sources["s"], confidence=Confidence.LOW)
    verdict = judge_delegation(
        msgspec.structs.replace(profile, sources={"s": hint}), profile.plans[0], [SEE]
    )
    assert verdict.feasible is None


def test_of_the_shipped_operators_only_the_example_lets_somebody_else_act() -> None:
    for name, profile in read_profiles().items():
        for plan in profile.plans:
            feasible = judge_delegation(profile, plan, DelegatedScope).feasible
            assert (feasible is True) == (name == "yuzuri-mobile"), (name, plan.id)
