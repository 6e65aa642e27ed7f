"""`yuzuri operators`: what is known of each operator, and whether a profile is right."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from yuzuri.cli.screen import Lang, console, reader_language, show_table
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Quantity
from yuzuri.operators.gift_rules import GiftRules
from yuzuri.operators.plans import Plan
from yuzuri.operators.profiles import SHIPPED, published_rules, read_profile, read_profiles
from yuzuri.operators.sources import Source
from yuzuri.words.formats import say_quantity
from yuzuri.words.translations import translate

app = typer.Typer(help="What operators offer and allow, with sources.", no_args_is_help=True)


@app.command("list")
def list_operators(lang: Lang = None) -> None:
    """List the operators, and whether a gift between lines is offered as far as is known."""
    language = reader_language(lang)
    rows = []
    for profile in read_profiles().values():
        offers = [("", profile.gift)] + [
            (f"{brand.name.in_language(language)}: ", brand.gift)
            for brand in profile.brands.values()
        ]
        said = ", ".join(name + _say_offered(rules, language) for name, rules in offers)
        name = profile.name.in_language(language)
        rows.append((profile.id, name, profile.country, str(len(profile.plans)), said))
    show_table(language, ("Operator", "Name", "Country", "Plans", "Gifts"), rows)


@app.command("show")
def show_operator(operator: str, lang: Lang = None) -> None:
    """Show an operator's plans and rules, each with source, date and confidence."""
    language = reader_language(lang)
    profile = read_profiles()[operator]
    console.print(profile.name.in_language(language), style="bold", markup=False)
    plans = [
        (plan.id, plan.name.in_language(language), _say_gives(plan, language), plan.brand or "")
        for plan in profile.plans
    ]
    show_table(language, ("Plan", "Name", "Gives each cycle", "Brand"), plans)
    console.print()
    rules = [
        (
            where,
            _say_value(rule.value, language),
            *_say_source(profile.sources[rule.source], language),
        )
        for where, rule in published_rules(profile)
    ]
    if rules:
        show_table(language, ("Rule", "Value", "As of", "Confidence", "Source"), rules)


@app.command("check")
def check_profiles(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Profile files; left out: those that ship.")
    ] = None,
    lang: Lang = None,
) -> None:
    """Check profiles: types, sources, references. Stops at the first that is not right."""
    language = reader_language(lang)
    for path in paths or sorted(SHIPPED.glob("*.toml")):
        profile = read_profile(path)
        console.print(
            translate(
                language,
                "{operator}: right ({plans} plans, {sources} sources)",
                operator=profile.id,
                plans=len(profile.plans),
                sources=len(profile.sources),
            ),
            markup=False,
        )


def _say_offered(rules: GiftRules, language: Language) -> str:
    if rules.offered is None:
        return translate(language, "unknown")
    return translate(language, "yes") if rules.offered.value else translate(language, "none found")


def _say_gives(plan: Plan, language: Language) -> str:
    if plan.unlimited and not plan.gives:
        return translate(language, "unlimited")
    return ", ".join(say_quantity(offered.amount, language) for offered in plan.gives)


def _say_source(source: Source, language: Language) -> tuple[str, str, str]:
    return source.as_of, translate(language, source.confidence.value), source.url


def _say_value(value: object, language: Language) -> str:
    match value:
        case Quantity():
            return say_quantity(value, language)
        case tuple():
            return ", ".join(_say_value(part, language) for part in value)
        case bool():
            return translate(language, "yes") if value else translate(language, "no")
        case str() | int():
            return str(value)
        case _:
            return msgspec.json.encode(value, enc_hook=str).decode()
