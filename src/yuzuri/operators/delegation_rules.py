"""What an operator publishes about letting another person act on a line."""

from enum import StrEnum

from yuzuri.operators.sources import Part, Rule


class DelegatedScope(StrEnum):
    """What somebody may be let do with a line, one by one."""

    SEE = "see"
    USE = "use"
    GIVE = "give"
    POOL = "pool"


class DelegationRules(Part, frozen=True):
    """Whether an operator consents to delegated use; what it is silent about is not known."""

    offered: Rule[bool] | None = None
    scopes: Rule[tuple[DelegatedScope, ...]] | None = None
    """Only these may be delegated; absent: the operator names none."""
