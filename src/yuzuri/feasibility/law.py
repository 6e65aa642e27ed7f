"""What the law adds to an operator's rules, as dated settings with their source.

Not legal advice. A reason that comes from here names the law, never a person's nationality.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from yuzuri.feasibility.verdict import Effect, Evidence, Reason
from yuzuri.kernel.calendar import FOREVER
from yuzuri.kernel.errors import Code
from yuzuri.kernel.names import Name
from yuzuri.ledger.allowances import Allowance
from yuzuri.operators.plans import Plan
from yuzuri.operators.profile import Profile
from yuzuri.operators.sources import Confidence


@dataclass(frozen=True, slots=True)
class PaidValueRule:
    """Paid value may be used for at most so many days from its FIRST issue, through every hand."""

    country: str
    days: int
    evidence: Evidence

    def end_of(self, allowance: Allowance) -> datetime:
        """Return the instant after which nothing that descends from the allowance may be used."""
        return allowance.issued_at + timedelta(days=self.days)

    def reason(self, effect: Effect, until: datetime) -> Reason:
        """Make the reason that names this law."""
        return Reason(
            Code.LAW_PAID_VALUE_EXPIRY, effect, {"days": self.days, "until": until}, self.evidence
        )


JAPAN_PAID_VALUE = PaidValueRule(
    country="JP",
    days=180,
    evidence=Evidence(
        rule="law.jp.paid_value_days",
        source="Payment Services Act (Japan): prepaid value used within six months of issue",
        as_of="2026-11",
        confidence=Confidence.HIGH,
    ),
)

PAID_VALUE_RULES = {JAPAN_PAID_VALUE.country: JAPAN_PAID_VALUE}


def paid_value_rule(giver: Profile, allowance: Allowance) -> PaidValueRule | None:
    """Return the law on paid value that an allowance falls under; None: it falls under none."""
    return PAID_VALUE_RULES.get(giver.country) if allowance.paid else None


def usable_until(giver: Profile, allowance: Allowance) -> datetime:
    """Return when an allowance ends by its own terms or by the law, whichever is first."""
    own = allowance.expires_at or FOREVER
    law = paid_value_rule(giver, allowance)
    return own if law is None else min(own, law.end_of(allowance))


@dataclass(frozen=True, slots=True)
class LineHandingRule:
    """A line with voice is handed to nobody without the consent of its operator.

    Whoever acts on it is never the contract's holder, whose identity was checked.
    """

    country: str
    evidence: Evidence

    def reason(self, effect: Effect, operator: Name) -> Reason:
        """Make the reason that names this law."""
        return Reason(Code.LAW_LINE_HANDING, effect, {"operator": operator}, self.evidence)


JAPAN_LINE_HANDING = LineHandingRule(
    country="JP",
    evidence=Evidence(
        rule="law.jp.line_handing",
        source="Mobile Phone Improper Use Prevention Act (Japan): a voice line is handed to "
        "somebody else only with the consent of its operator",
        as_of="2026-11",
        confidence=Confidence.HIGH,
    ),
)

LINE_HANDING_RULES = {JAPAN_LINE_HANDING.country: JAPAN_LINE_HANDING}


def line_handing_rule(profile: Profile, plan: Plan) -> LineHandingRule | None:
    """Return the law on who may act on a line of a plan; None: it falls under none."""
    has_voice = "data_only" not in plan.types
    return LINE_HANDING_RULES.get(profile.country) if has_voice else None
