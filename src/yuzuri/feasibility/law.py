"""What the law adds to an operator's rules, as dated settings with their source.

Not legal advice. A reason that comes from here names the law, never a person's nationality.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from yuzuri.feasibility.verdict import Evidence
from yuzuri.ledger.allowances import Allowance
from yuzuri.operators.profile import Confidence


@dataclass(frozen=True, slots=True)
class PaidValueRule:
    """Paid value may be used for at most so many days from its FIRST issue, through every hand."""

    country: str
    days: int
    evidence: Evidence

    def end_of(self, allowance: Allowance) -> datetime:
        """Return the instant after which nothing that descends from the allowance may be used."""
        return allowance.issued_at + timedelta(days=self.days)


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
