"""Reasons that rest on a service that an operator publishes, such as a pool or a tank."""

from typing import TypeVar

from yuzuri.feasibility.question import Party
from yuzuri.feasibility.verdict import Effect, Evidence, Reason, evidence_of
from yuzuri.kernel.errors import Code, FieldValue
from yuzuri.operators.profiles import services
from yuzuri.operators.services import Service
from yuzuri.operators.sources import Confidence

AnyService = TypeVar("AnyService", bound=Service)


def services_of(party: Party, kind: type[AnyService]) -> tuple[AnyService, ...]:
    """Return the services of a kind that are open to the plan of a party."""
    return tuple(s for s in services(party.profile, party.plan) if isinstance(s, kind))


def cite_service(party: Party, service: Service, rule: str = "") -> Evidence:
    """Name a service, or one rule of it, with the source that it was read from."""
    brand = party.plan.brand if party.plan else None
    where = "services" if brand is None else f"brands.{brand}.services"
    parts = (where, str(service.__struct_config__.tag), rule)
    name = ".".join(part for part in parts if part)
    return evidence_of(party.profile.sources[service.source], f"{party.profile.id} {name}")


def refuse_by(
    party: Party, code: Code, service: Service, rule: str, **fields: FieldValue
) -> Reason:
    """Make the reason by which a rule of a service stands in the way.

    One whose source is of low confidence never refuses: it leaves the verdict undecided.
    """
    evidence = cite_service(party, service, rule)
    unsure = evidence.confidence is Confidence.LOW
    effect = Effect.UNDECIDED if unsure else Effect.REFUSES
    return Reason(code, effect, {"operator": party.profile.name, **fields}, evidence)


def not_published(party: Party, code: Code) -> Reason:
    """Say that the operator publishes no such service: neither allowed nor forbidden."""
    return Reason(code, Effect.UNDECIDED, {"operator": party.profile.name})
