"""Operators and their published rules, and what follows from them for a gift between two plans."""

import re
from collections.abc import Iterator
from datetime import datetime, time
from typing import Annotated, Any, TypeAlias

import msgspec
from litestar import Request, get
from litestar.datastructures import State
from litestar.params import FromPath, QueryParameter

from yuzuri.api.app.callers import language_of, running
from yuzuri.api.app.descriptions import problems
from yuzuri.feasibility.ask import answer, complete_ask, find_party
from yuzuri.kernel.amounts import parse_unit
from yuzuri.kernel.calendar import parse_instant
from yuzuri.kernel.ids import PersonId
from yuzuri.kernel.names import Language, Name
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.operators.profile import OperatorKind, Profile
from yuzuri.operators.profiles import published_rules
from yuzuri.operators.sources import Confidence, Source
from yuzuri.runtime.verdict_json import SaidVerdict, say_verdict
from yuzuri.words.languages import parse_language

Anybody: TypeAlias = Request[PersonId, str, State]
"""A request that nobody needs to be signed in for."""


class OperatorSummary(msgspec.Struct, frozen=True, kw_only=True):
    """An operator and the ids of its plans."""

    id: str
    name: str
    kind: OperatorKind
    country: str
    plans: list[str]


class OperatorsView(msgspec.Struct, frozen=True, kw_only=True):
    """Every operator that has a profile."""

    operators: list[OperatorSummary]


class RuleView(msgspec.Struct, frozen=True, kw_only=True):
    """One published rule: where it stands, as of when, and how sure we are of it.

    Amounts are `{"amount", "unit"}` in bytes, seconds or messages. A rule that is not listed is not
    known: that means neither "allowed" nor "forbidden".
    """

    rule: str
    value: Any
    source: str
    url: str
    as_of: str
    confidence: Confidence


class PlanView(msgspec.Struct, frozen=True, kw_only=True):
    """A plan: what one cycle gives, what can be bought on top, and where that was read."""

    id: str
    name: str
    types: list[str]
    brand: str | None
    gives: list[Any]
    unlimited: list[Unit]
    top_ups: list[Any]
    source: str
    url: str
    as_of: str
    confidence: Confidence


class OperatorView(msgspec.Struct, frozen=True, kw_only=True):
    """An operator's profile: its plans, its rules on giving, and the other ways that it offers."""

    id: str
    name: str
    kind: OperatorKind
    country: str
    timezone: str
    plans: list[PlanView]
    rules: list[RuleView]
    services: list[RuleView]


class FeasibilityView(msgspec.Struct, frozen=True, kw_only=True, rename={"giver": "from"}):
    """A question about two plans and the verdict on each route; `amount` in base units."""

    giver: str
    to: str
    amount: int
    unit: Unit
    at: datetime
    routes: list[SaidVerdict]


@get("/operators", summary="Every operator", tags=["operators"], responses=problems())
async def show_operators(request: Anybody) -> OperatorsView:
    """Return every operator that has a profile, with the ids of its plans."""
    language = language_of(request)
    return OperatorsView(
        operators=[
            OperatorSummary(
                id=profile.id,
                name=profile.name.in_language(language),
                kind=profile.kind,
                country=profile.country,
                plans=[plan.id for plan in profile.plans],
            )
            for profile in running(request).profiles.values()
        ]
    )


@get(
    "/operators/{operator_id:str}",
    summary="One operator's plans and rules",
    tags=["operators"],
    responses=problems(404),
)
async def show_operator(request: Anybody, operator_id: FromPath[str]) -> OperatorView:
    """Return an operator's profile, each rule with its source."""
    profile, language = running(request).profiles[operator_id], language_of(request)
    return OperatorView(
        id=profile.id,
        name=profile.name.in_language(language),
        kind=profile.kind,
        country=profile.country,
        timezone=profile.timezone,
        plans=list(_plans(profile, language)),
        rules=list(_rules(profile, language)),
        services=list(_services(profile, language)),
    )


@get(
    "/feasibility",
    summary="Whether one plan can give to another",
    tags=["operators"],
    responses=problems(400, 404),
)
async def show_feasibility(
    request: Anybody,
    giver: Annotated[str, QueryParameter(name="from", description="OPERATOR or OPERATOR/PLAN")],
    receiver: Annotated[
        str | None,
        QueryParameter(name="to", description="OPERATOR or OPERATOR/PLAN; the giver's if left out"),
    ] = None,
    amount: Annotated[
        str | None,
        QueryParameter(description="such as 1GB, 500 MB, 10min or 3sms; the least if left out"),
    ] = None,
    unit: Annotated[str | None, QueryParameter(description="data, voice or sms")] = None,
    at: Annotated[str | None, QueryParameter(description="ISO 8601; now if left out")] = None,
    lang: Annotated[str | None, QueryParameter(description="en, ja or zh")] = None,
) -> FeasibilityView:
    """Say for each route whether it is open, every reason, and what would work instead."""
    profiles = running(request).profiles
    language = language_of(request) if lang is None else parse_language(lang)
    zone = find_party(profiles, giver).profile.zone
    ask = complete_ask(
        profiles,
        giver=giver,
        receiver=receiver,
        amount=amount,
        unit=None if unit is None else parse_unit(unit),
        at=running(request).clock() if at is None else parse_instant(_LOST_PLUS.sub("+", at), zone),
    )
    return FeasibilityView(
        giver=ask.giver,
        to=ask.receiver,
        amount=ask.quantity.amount,
        unit=ask.quantity.unit,
        at=ask.at.astimezone(zone),
        routes=[say_verdict(verdict, language, zone) for verdict in answer(profiles, ask)],
    )


_LOST_PLUS = re.compile(r" (?=\d\d:?\d\d$)")
"""In a query a plus that was not escaped is read as a space."""


# ---------------------------------------------------------------- profiles


def _plans(profile: Profile, language: Language) -> Iterator[PlanView]:
    for plan in profile.plans:
        yield PlanView(
            id=plan.id,
            name=plan.name.in_language(language),
            types=list(plan.types),
            brand=plan.brand,
            gives=_plain(plan.gives, language),
            unlimited=list(plan.unlimited),
            top_ups=[
                {key: value for key, value in _plain(top_up, language).items() if key != "source"}
                for top_up in plan.top_ups
            ],
            **_cited(profile.sources[plan.source]),
        )


def _rules(profile: Profile, language: Language) -> Iterator[RuleView]:
    for where, rule in published_rules(profile):
        value = _plain(rule.value, language)
        yield RuleView(rule=where, value=value, **_cited(profile.sources[rule.source]))


def _services(profile: Profile, language: Language) -> Iterator[RuleView]:
    groups = {"services": profile.services} | {
        f"brands.{key}.services": brand.services for key, brand in profile.brands.items()
    }
    for where, services in groups.items():
        for service in services:
            kind = service.__struct_config__.tag
            value = {"kind": kind} | _plain(service, language)
            del value["source"]
            yield RuleView(
                rule=f"{where}.{kind}", value=value, **_cited(profile.sources[service.source])
            )


def _cited(source: Source) -> dict[str, Any]:
    return {
        "source": source.title,
        "url": source.url,
        "as_of": source.as_of,
        "confidence": source.confidence,
    }


def _plain(value: Any, language: Language) -> Any:
    """Return a piece of a profile as JSON values, with names in a language."""
    match value:
        case Quantity():
            return {"amount": value.amount, "unit": value.unit.value}
        case Name():
            return value.in_language(language)
        case time():
            return value.strftime("%H:%M")
        case msgspec.Struct():
            fields = ((name, getattr(value, name)) for name in value.__struct_fields__)
            return {name: _plain(part, language) for name, part in fields if part is not None}
        case dict():
            return {key: _plain(part, language) for key, part in value.items()}
        case tuple():
            return [_plain(part, language) for part in value]
        case _:
            return value
