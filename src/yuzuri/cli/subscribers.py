"""`yuzuri people` and `yuzuri lines`: what an operator enters, and what is left on a line."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar
from uuid import UUID

import typer

from yuzuri.catalog.purchases import Purchase
from yuzuri.cli.screen import Lang, console, reader_language, show_table
from yuzuri.kernel.errors import DomainError, Refusal
from yuzuri.kernel.ids import HolderId, Home, Id, PersonId, PurchaseId, home_of, new_id
from yuzuri.kernel.quantities import Quantity
from yuzuri.operators.profiles import find_plan, gift_rules
from yuzuri.runtime.running import HOUSE_CLIENT, Yuzuri, open_yuzuri
from yuzuri.settings import read_settings
from yuzuri.sharing.account import load_accounts
from yuzuri.subscribers.lines import (
    Line,
    Person,
    add_line,
    add_person,
    link_number,
    list_people,
    load_line,
    load_person,
    parse_number,
)
from yuzuri.subscribers.network_identities import add_identity
from yuzuri.subscribers.sessions import make_sign_in_code
from yuzuri.words.formats import say_quantity, say_until
from yuzuri.words.translations import translate

people = typer.Typer(help="People who have lines.", no_args_is_help=True)
lines = typer.Typer(
    help="Lines (eSIM subscriptions) and what is left on them.", no_args_is_help=True
)

T = TypeVar("T")


def _any_home(homes: int) -> Home:
    """Choose where a new person lives, with all lines that they will have."""
    return Home(secrets.randbelow(homes))


def with_yuzuri(work: Callable[[Yuzuri], Awaitable[T]]) -> T:
    """Do something with a running Yuzuri of these settings, and close it."""

    async def run() -> T:
        async with open_yuzuri(read_settings()) as yuzuri:
            return await work(yuzuri)

    return asyncio.run(run())


@people.command("add")
def add_new_person(nickname: str, lang: Lang = None) -> None:
    """Make a person known, by the nickname that others will see."""
    language = reader_language(lang)

    async def add(yuzuri: Yuzuri) -> PersonId:
        person = Person(
            PersonId(new_id(_any_home(yuzuri.homes))), nickname, language, yuzuri.clock()
        )
        async with yuzuri.database.connection() as connection:
            await add_person(connection, person)
        return person.id

    console.print(str(with_yuzuri(add)), markup=False)


@people.command("list")
def list_known_people(lang: Lang = None) -> None:
    """List people, first come first."""
    language = reader_language(lang)

    async def load(yuzuri: Yuzuri) -> list[tuple[str, str, str]]:
        async with yuzuri.database.connection() as connection:
            return [
                (str(person.id), person.nickname, person.language)
                for person in await list_people(connection)
            ]

    show_table(language, ("Person", "Nickname", "Language"), with_yuzuri(load))


@people.command("sign-in-code")
def make_code(person: UUID) -> None:
    """Print a code that signs this person in once, within 15 minutes."""

    async def make(yuzuri: Yuzuri) -> str:
        async with yuzuri.database.connection() as connection:
            known = await load_person(connection, PersonId(Id(person.bytes)))
            return await make_sign_in_code(connection, known.id, yuzuri.clock())

    console.print(with_yuzuri(make), markup=False)


@lines.command("add")
def add_new_line(
    person: UUID,
    plan: Annotated[str, typer.Argument(help="OPERATOR/PLAN")],
    number: str,
    label: str = "eSIM",
    account: str | None = None,
    billing_group: str | None = None,
    supi: Annotated[
        str | None, typer.Option(help="By which a 5G core knows it, such as imsi-440101234567890.")
    ] = None,
) -> None:
    """Make a line known on an operator's plan, and issue the plan's first cycle to it."""

    async def add(yuzuri: Yuzuri) -> HolderId:
        operator, _, plan_id = plan.partition("/")
        profile = yuzuri.profiles[operator]
        line = Line(
            id=HolderId(new_id(home_of(Id(person.bytes)))),
            person=PersonId(Id(person.bytes)),
            operator=operator,
            plan=find_plan(profile, plan_id).id,
            number=parse_number(number, profile.country),
            label=label,
            activated_at=yuzuri.clock(),
            account=account,
            billing_group=billing_group,
        )
        async with yuzuri.database.connection() as connection:
            await load_person(connection, line.person)
            await add_line(connection, line)
            if supi is not None:
                await add_identity(connection, supi, line.id)
        await _buy(yuzuri, line.id, None)
        return line.id

    console.print(str(with_yuzuri(add)), markup=False)


@lines.command("buy")
def buy(
    line: UUID,
    top_up: Annotated[str | None, typer.Option(help="A top-up; else a plan cycle.")] = None,
) -> None:
    """Issue a new cycle of the line's plan, or a top-up. Paying is the operator's business."""
    with_yuzuri(lambda yuzuri: _buy(yuzuri, HolderId(Id(line.bytes)), top_up))


@lines.command("link")
def link(line: UUID, number: str) -> None:
    """Link a number with a line, for operators that let one give to linked numbers only."""

    async def add_link(yuzuri: Yuzuri) -> None:
        async with yuzuri.database.connection() as connection:
            known = await load_line(connection, HolderId(Id(line.bytes)))
            profile = yuzuri.profiles[known.operator]
            numbers_max = gift_rules(profile, find_plan(profile, known.plan)).linked_numbers_max
            await link_number(
                connection,
                known.id,
                parse_number(number, profile.country),
                None if numbers_max is None else numbers_max.value,
            )

    with_yuzuri(add_link)


@lines.command("show")
def show_lines(person: UUID, lang: Lang = None) -> None:
    """Show what is left on each line of a person."""
    language = reader_language(lang)

    async def load(yuzuri: Yuzuri) -> list[tuple[str, ...]]:
        async with yuzuri.database.connection() as connection:
            accounts = await load_accounts(connection, PersonId(Id(person.bytes)), yuzuri.clock())
        rows: list[tuple[str, ...]] = []
        for account in accounts:
            line = account.line
            zone = yuzuri.profiles[line.operator].zone
            for balance in account.balances:
                unit, ends = balance.allowance.unit, balance.allowance.expires_at
                rows.append(
                    (
                        str(line.id),
                        f"{line.operator}/{line.plan}",
                        say_quantity(Quantity(balance.bucket.available, unit), language),
                        say_until(ends, zone, language)
                        if ends
                        else translate(language, "without an end"),
                    )
                )
        return rows

    show_table(language, ("Line", "Plan", "Left", "Usable until"), with_yuzuri(load))


async def _buy(yuzuri: Yuzuri, line: HolderId, top_up: str | None) -> None:
    purchase = PurchaseId(new_id(home_of(line)))
    command = Purchase(id=purchase, line=line, top_up=top_up)
    outcome = await yuzuri.submit(HOUSE_CLIENT, f"purchase {purchase}", command)
    if isinstance(outcome, Refusal):
        raise DomainError(outcome.code, **outcome.fields)
