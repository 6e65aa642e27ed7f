"""`yuzuri feasibility`: by which routes can this come to them, why not, and what works instead."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from yuzuri.cli.screen import Lang, console, read_time, reader_language, show_table
from yuzuri.feasibility.ask import Ask, answer, complete_ask, find_party
from yuzuri.feasibility.question import NOTHING_KNOWN, Relation
from yuzuri.feasibility.verdict import Effect, Evidence, Instead, Reason, Verdict
from yuzuri.kernel.calendar import utc_now
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Unit
from yuzuri.operators.profiles import read_profiles
from yuzuri.runtime.verdict_json import verdict_json
from yuzuri.words.formats import say_instant, say_quantity, say_until
from yuzuri.words.routes import say_route
from yuzuri.words.sentences import say
from yuzuri.words.translations import translate


class Relationship(StrEnum):
    """How the two lines belong together."""

    NONE = "none"
    SAME_ACCOUNT = "same-account"
    BILLING_GROUP = "billing-group"
    LINKED = "linked"


_RELATIONS = {
    Relationship.NONE: Relation(same_account=False, billing_group=False, linked=False),
    Relationship.SAME_ACCOUNT: Relation(same_account=True, billing_group=True, linked=True),
    Relationship.BILLING_GROUP: Relation(same_account=False, billing_group=True, linked=False),
    Relationship.LINKED: Relation(same_account=False, billing_group=False, linked=True),
}

_MARKS = {Effect.REFUSES: "✗", Effect.UNDECIDED: "?", Effect.NOTES: "•"}


def feasibility(
    giver: Annotated[str, typer.Option("--from", help="Who gives: OPERATOR or OPERATOR/PLAN.")],
    receiver: Annotated[
        str | None,
        typer.Option("--to", help="Who receives; left out: another line of the same operator."),
    ] = None,
    amount: Annotated[
        str | None,
        typer.Option(help='How much, such as "1GB", "10min", "5 sms"; left out: the least.'),
    ] = None,
    unit: Annotated[Unit | None, typer.Option(help="What is given.")] = None,
    at: Annotated[
        str | None, typer.Option(help="When, as ISO 8601 (the giver's time zone); else now.")
    ] = None,
    relation: Annotated[
        Relationship | None, typer.Option(help="How the lines belong together, where known.")
    ] = None,
    lang: Lang = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Say by which routes it is possible by the operators' published rules, and what else works.

    A gift, a posted link, a request, a shared pool, delegated use, a common tank.

    Assumes a fresh cycle of the giver's plan, where one is named, and that nothing has been given
    before. "It depends" means that what is known does not decide it.
    """
    language = reader_language(lang)
    profiles = read_profiles()
    zone = find_party(profiles, giver).profile.zone
    asked = complete_ask(
        profiles,
        giver=giver,
        receiver=receiver,
        amount=amount,
        unit=unit,
        at=read_time(at, zone, utc_now()),
        relation=NOTHING_KNOWN if relation is None else _RELATIONS[relation],
    )
    verdicts = answer(profiles, asked)
    if as_json:
        print(_as_json(asked, verdicts, language, zone))
    else:
        _show(asked, verdicts, language, zone)


def _as_json(asked: Ask, verdicts: Sequence[Verdict], language: Language, zone: ZoneInfo) -> str:
    whole = {
        "from": asked.giver,
        "to": asked.receiver,
        "amount": asked.quantity.amount,
        "unit": asked.quantity.unit.value,
        "at": asked.at.astimezone(zone).isoformat(),
        "routes": [verdict_json(verdict, language, zone) for verdict in verdicts],
    }
    return json.dumps(whole, ensure_ascii=False, indent=2)


def _show(asked: Ask, verdicts: Sequence[Verdict], language: Language, zone: ZoneInfo) -> None:
    """Show all routes at a glance, then each in full; what is told already is not told again."""
    what = f"{asked.giver} → {asked.receiver}, {say_quantity(asked.quantity, language)}"
    console.print(f"{what}, {say_instant(asked.at, zone, language)}", style="dim", markup=False)
    rows = [
        (
            say_route(verdict.route, language),
            _answer(verdict, language),
            _first_reason(verdict, language, zone),
        )
        for verdict in verdicts
    ]
    show_table(language, ("Route", "Answer", "Why"), rows)
    reasons: list[Reason] = []
    others: list[Instead] = []
    for verdict in verdicts:
        new = replace(
            verdict,
            reasons=tuple(reason for reason in verdict.reasons if reason not in reasons),
            instead=tuple(instead for instead in verdict.instead if instead not in others),
        )
        reasons += new.reasons
        others += new.instead
        if new.reasons or new.instead or verdict is verdicts[0]:
            _show_in_full(new, language, zone, feasible=verdict.feasible)


def _answer(verdict: Verdict, language: Language) -> str:
    return {
        True: translate(language, "yes"),
        False: translate(language, "no"),
        None: translate(language, "it depends"),
    }[verdict.feasible]


def _first_reason(verdict: Verdict, language: Language, zone: ZoneInfo) -> str:
    for reason in verdict.refusals:
        return say(reason.code, reason.fields, language, zone).text
    return ""


def _show_in_full(
    verdict: Verdict, language: Language, zone: ZoneInfo, *, feasible: bool | None
) -> None:
    headline, style = {
        True: (translate(language, "Yes, this is possible."), "bold green"),
        False: (translate(language, "No, this is not possible."), "bold red"),
        None: (translate(language, "It depends: what is known does not decide it."), "bold yellow"),
    }[feasible]
    console.print()
    console.print(f"{say_route(verdict.route, language)}: {headline}", style=style, markup=False)
    for reason in verdict.reasons:
        _show_reason(reason, language, zone)
    for arrival in verdict.arrives:
        quantity = say_quantity(arrival.quantity, language)
        line = f"  {translate(language, 'Arrives')}: {quantity}"
        if arrival.is_known:
            line += f", {_say_end(arrival.expires_at, zone, language)}"
        if arrival.hours is not None:
            line += f", {translate(language, 'only {hours}', hours=arrival.hours)}"
        console.print(line, markup=False)
    if verdict.instead:
        console.print(f"  {translate(language, 'What works instead')}:", style="bold", markup=False)
    for instead in verdict.instead:
        said = say(instead.code, instead.fields, language, zone)
        console.print(f"    → {said.text}", markup=False)
        _show_evidence(instead.evidence, language)


def _say_end(expires_at: datetime | None, zone: ZoneInfo, language: Language) -> str:
    if expires_at is None:
        return translate(language, "without an end")
    return translate(language, "usable until {until}", until=say_until(expires_at, zone, language))


def _show_reason(reason: Reason, language: Language, zone: ZoneInfo) -> None:
    said = say(reason.code, reason.fields, language, zone)
    console.print(f"  {_MARKS[reason.effect]} {said.text}", markup=False)
    _show_evidence(reason.evidence, language)
    if said.next_step and reason.effect is not Effect.NOTES:
        console.print(f"    {said.next_step}", markup=False)


def _show_evidence(evidence: Evidence | None, language: Language) -> None:
    if evidence is not None:
        line = translate(
            language,
            "Rule: {rule}. Source: {source}, as of {as_of}, confidence {confidence}.",
            rule=evidence.rule,
            source=evidence.source,
            as_of=evidence.as_of,
            confidence=translate(language, evidence.confidence.value),
        )
        console.print(f"    {line}", style="dim", markup=False)
