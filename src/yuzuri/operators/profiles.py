"""Reading the profiles that ship with Yuzuri, or a folder of an operator's own."""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from yuzuri.kernel.amounts import parse_quantity
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.quantities import Quantity
from yuzuri.operators.profile import GiftRules, Plan, Profile, Service

SHIPPED = Path(str(files("yuzuri.operators"))) / "profiles"
"""The folder of the profiles that come with Yuzuri."""


class Profiles(Mapping[str, Profile]):
    """All known operators by id; immutable once read."""

    def __init__(self, profiles: Mapping[str, Profile]) -> None:
        self._profiles = dict(sorted(profiles.items()))

    def __getitem__(self, operator: str) -> Profile:
        if operator not in self._profiles:
            known = tuple(self._profiles)
            raise DomainError(Code.OPERATOR_UNKNOWN, operator=operator, known=known)
        return self._profiles[operator]

    def __contains__(self, operator: object) -> bool:
        return operator in self._profiles

    def __iter__(self) -> Iterator[str]:
        return iter(self._profiles)

    def __len__(self) -> int:
        return len(self._profiles)


def read_profiles(folder: Path = SHIPPED) -> Profiles:
    """Read every profile in a folder; raises `DomainError` for the first that is not right."""
    return Profiles({p.id: p for p in map(read_profile, sorted(folder.glob("*.toml")))})


def read_profile(path: Path) -> Profile:
    """Read one profile and check it whole; raises `DomainError` that names the file and the place."""
    try:
        profile = msgspec.toml.decode(path.read_bytes(), type=Profile, dec_hook=_decode_quantity)
    except msgspec.MsgspecError as error:
        raise _invalid(path, str(error)) from error
    except DomainError as error:
        raise _invalid(path, f"{error.refusal.code}: {error.refusal.fields.get('text')}") from error
    for problem in profile_problems(profile):
        raise _invalid(path, problem)
    if profile.id != path.stem:
        raise _invalid(path, f"id is {profile.id!r}, but the file is {path.name!r}")
    return profile


def profile_problems(profile: Profile) -> Iterator[str]:
    """Say what the types alone cannot: references that lead nowhere, and things told twice."""
    try:
        ZoneInfo(profile.timezone)
    except (KeyError, ValueError, OSError):
        yield f"no such time zone: {profile.timezone}"
    for key, where in _cited_sources(profile):
        if key not in profile.sources:
            yield f"{where} cites the source {key!r}, which the profile does not list"
    plan_ids = [plan.id for plan in profile.plans]
    if len(set(plan_ids)) != len(plan_ids):
        yield "two plans share one id"
    for plan in profile.plans:
        if plan.brand is not None and plan.brand not in profile.brands:
            yield f"plan {plan.id} is of the brand {plan.brand!r}, which the profile does not list"
    for where, rules in _all_rules(profile):
        for name in GiftRules.__struct_fields__:
            rule = getattr(rules, name)
            if name != "sizes" and rule is not None and _tells_a_unit_twice(rule.value):
                yield f"{where}.{name} tells one unit twice"


def find_plan(profile: Profile, plan_id: str) -> Plan:
    """Return the operator's plan, or raise `DomainError` that lists the plans there are."""
    for plan in profile.plans:
        if plan.id == plan_id:
            return plan
    known = tuple(plan.id for plan in profile.plans)
    raise DomainError(Code.PLAN_UNKNOWN, operator=profile.id, plan=plan_id, known=known)


def gift_rules(profile: Profile, plan: Plan | None) -> GiftRules:
    """Return the gifting rules that hold for a plan: its brand's, or else the operator's."""
    if plan is None or plan.brand is None:
        return profile.gift
    return profile.brands[plan.brand].gift


def services(profile: Profile, plan: Plan | None) -> tuple[Service, ...]:
    """Return the other ways to share that are open to a plan."""
    if plan is None or plan.brand is None:
        return profile.services
    return profile.brands[plan.brand].services


def _decode_quantity(wanted: type, value: Any) -> Quantity:
    if wanted is Quantity and isinstance(value, str):
        return parse_quantity(value)
    raise NotImplementedError(wanted)


def _invalid(path: Path, problem: str) -> DomainError:
    return DomainError(Code.PROFILE_INVALID, file=path.name, problem=problem)


def _all_rules(profile: Profile) -> Iterator[tuple[str, GiftRules]]:
    yield "gift", profile.gift
    for key, brand in profile.brands.items():
        yield f"brands.{key}.gift", brand.gift


def _cited_sources(profile: Profile) -> Iterator[tuple[str, str]]:
    for where, rules in _all_rules(profile):
        for name in GiftRules.__struct_fields__:
            rule = getattr(rules, name)
            if rule is not None:
                yield rule.source, f"{where}.{name}"
    for plan in profile.plans:
        yield plan.source, f"plan {plan.id}"
        for top_up in plan.top_ups:
            yield top_up.source, f"top-up {top_up.id}"
    for service in (
        *profile.services,
        *(service for brand in profile.brands.values() for service in brand.services),
    ):
        yield service.source, f"service {service.name.en}"


def _tells_a_unit_twice(value: object) -> bool:
    if not isinstance(value, tuple) or not all(isinstance(part, Quantity) for part in value):
        return False
    units = [part.unit for part in value]
    return len(set(units)) != len(units)
