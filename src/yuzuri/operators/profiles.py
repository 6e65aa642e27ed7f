"""Reading the profiles that ship with Yuzuri, or a folder of an operator's own."""

import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from yuzuri.kernel.amounts import parse_quantity
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.quantities import Quantity
from yuzuri.operators.countries import known_countries
from yuzuri.operators.gift_rules import ExpiryKind, GiftRules
from yuzuri.operators.plans import Plan, PlanAllowance, ValidityKind
from yuzuri.operators.profile import Profile
from yuzuri.operators.services import Service
from yuzuri.operators.sources import Rule

SHIPPED = Path(str(files("yuzuri.operators"))) / "profiles"
"""The folder of the profiles that come with Yuzuri."""

_AS_OF = re.compile(r"[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?")


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
    """Read one profile and check it whole; raises `DomainError` that names the file and place."""
    try:
        profile = msgspec.toml.decode(path.read_bytes(), type=Profile, dec_hook=_decode_quantity)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _invalid(path, str(error)) from error
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
    yield from _zone_problems(profile)
    for key, source in profile.sources.items():
        if not _AS_OF.fullmatch(source.as_of):
            yield f"sources.{key}.as_of is no date (YYYY[-MM[-DD]]): {source.as_of}"
    for key, where in _cited_sources(profile):
        if key not in profile.sources:
            yield f"{where} cites the source {key!r}, which the profile does not list"
    yield from _plan_problems(profile)
    for where, rule in published_rules(profile):
        if not where.endswith(".sizes") and _tells_a_unit_twice(rule.value):
            yield f"{where} tells one unit twice"
    for where, rules in _rule_tables(profile):
        yield from _rule_problems(profile, where, rules)


def _zone_problems(profile: Profile) -> Iterator[str]:
    known = known_countries()
    if profile.country not in known:
        yield f"no such country: {profile.country!r}"
    for name, countries in profile.zones.items():
        if name in known:
            yield f"the zone {name!r} is named as a country is"
        if not countries:
            yield f"the zone {name!r} has no country"
        for country in sorted(set(countries) - known):
            yield f"the zone {name!r} has {country!r}, which is no country"
    for plan in profile.plans:
        for given in _all_given(plan):
            if given.zone not in known and given.zone not in profile.zones:
                yield f"plan {plan.id}: {given.zone!r} is no country and no zone of the profile"


def _plan_problems(profile: Profile) -> Iterator[str]:
    plan_ids = [plan.id for plan in profile.plans]
    if len(set(plan_ids)) != len(plan_ids):
        yield "two plans share one id"
    for plan in profile.plans:
        if plan.brand is not None and plan.brand not in profile.brands:
            yield f"plan {plan.id} is of the brand {plan.brand!r}, which the profile does not list"
        top_up_ids = [top_up.id for top_up in plan.top_ups]
        if len(set(top_up_ids)) != len(top_up_ids):
            yield f"two top-ups of the plan {plan.id} share one id"
        for given in _all_given(plan):
            is_counted = given.validity.kind in {ValidityKind.DAYS, ValidityKind.HOURS}
            if is_counted != (given.validity.count > 0):
                yield f"plan {plan.id}: a validity of {given.validity.kind} with a wrong count"


def _rule_problems(profile: Profile, where: str, rules: GiftRules) -> Iterator[str]:
    if rules.plan_types is not None:
        known = {kind for plan in profile.plans for kind in plan.types} | {"*"}
        for giver, receivers in rules.plan_types.value.items():
            for kind in {giver, *receivers} - known:
                yield f"{where}.plan_types names {kind!r}, which no plan is"
    if rules.expiry is not None:
        expiry = rules.expiry.value
        if (expiry.kind is ExpiryKind.FIXED) != (expiry.hours > 0):
            yield f"{where}.expiry: {expiry.kind} with {expiry.hours} hours"


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


def published_rules(profile: Profile) -> Iterator[tuple[str, Rule[object]]]:
    """Yield every rule with where it stands, such as `brands.ahamo.gift.offered`."""
    if profile.colour is not None:
        yield "colour", profile.colour
    for where, rules in (*_rule_tables(profile), ("delegation", profile.delegation)):
        for name in rules.__struct_fields__:
            rule: Rule[object] | None = getattr(rules, name)
            if rule is not None:
                yield f"{where}.{name}", rule


def services(profile: Profile, plan: Plan | None) -> tuple[Service, ...]:
    """Return the other ways to share that are open to a plan."""
    if plan is None or plan.brand is None:
        return profile.services
    return profile.brands[plan.brand].services


def _decode_quantity(wanted: type, value: Any) -> Quantity:
    """Read an amount; msgspec adds the place in the file to a ValueError."""
    if wanted is not Quantity:
        raise NotImplementedError(wanted)
    if not isinstance(value, str):
        raise ValueError(f'an amount is text such as "10 MB", not {value!r}')  # noqa: TRY004
    try:
        return parse_quantity(value)
    except DomainError as error:
        raise ValueError(f"{error.refusal.code}: {value}") from error


def _invalid(path: Path, problem: str) -> DomainError:
    return DomainError(Code.PROFILE_INVALID, file=path.name, problem=problem)


def _rule_tables(profile: Profile) -> Iterator[tuple[str, GiftRules]]:
    yield "gift", profile.gift
    for key, brand in profile.brands.items():
        yield f"brands.{key}.gift", brand.gift


def _all_given(plan: Plan) -> Iterator[PlanAllowance]:
    yield from plan.gives
    for top_up in plan.top_ups:
        yield from top_up.gives


def _cited_sources(profile: Profile) -> Iterator[tuple[str, str]]:
    for where, rule in published_rules(profile):
        yield rule.source, where
    for plan in profile.plans:
        yield plan.source, f"plan {plan.id}"
        if plan.fair_use is not None:
            yield plan.fair_use.source, f"plan {plan.id} fair_use"
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
