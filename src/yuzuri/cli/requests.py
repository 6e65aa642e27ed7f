"""`yuzuri requests`: asking friends for something, from the command line."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from yuzuri.cli.acting import As, Key, line_id, person_id
from yuzuri.cli.gifts import tell_gift, tell_refused
from yuzuri.cli.links import COMMAND_LINE, mint_url, save_poster
from yuzuri.cli.screen import Lang, console, read_time, reader_language, show_table
from yuzuri.cli.subscribers import with_yuzuri
from yuzuri.kernel.amounts import parse_quantity
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import Id, RequestId, new_id
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.pictures.posters import Poster
from yuzuri.runtime.opening import fill_request, opening
from yuzuri.runtime.posters import request_poster
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.gifts import GiftDone, GiftRefused
from yuzuri.sharing.link_secrets import SecretKind
from yuzuri.sharing.request_views import load_open_request, load_own_request, load_request_list
from yuzuri.sharing.requests import (
    AskForGift,
    CloseRequest,
    FillRequest,
    RequestDone,
    RequestState,
)
from yuzuri.sharing.throttle import Trier
from yuzuri.subscribers.lines import load_line, load_person
from yuzuri.words.formats import say_instant, say_quantity
from yuzuri.words.translations import translate

app = typer.Typer(help="Asking friends for something, behind a link.", no_args_is_help=True)

Amount = Annotated[str, typer.Option(help='Such as "1GB", "10min", "5 sms".')]


@app.command("ask")
def ask(
    person: As,
    line: Annotated[UUID, typer.Option("--to", help="The line that needs it.")],
    amount: Amount,
    message: str = "",
    until: Annotated[
        str | None, typer.Option(help="As ISO 8601, by the operator's clocks: 7 days.")
    ] = None,
    key: Key = None,
    lang: Lang = None,
) -> None:
    """Ask for something to a line, and print the request's id and its link."""
    language = reader_language(lang)

    async def run(yuzuri: Yuzuri) -> None:
        quantity = parse_quantity(amount)
        async with yuzuri.database.connection() as connection:
            known = await load_line(connection, line_id(line))
        zone, now = yuzuri.profiles[known.operator].zone, yuzuri.clock()
        command = AskForGift(
            person=person_id(person),
            line=known.id,
            unit=quantity.unit,
            amount=quantity.amount,
            message=message,
            deadline=None if until is None else read_time(until, zone, now),
        )
        outcome = await yuzuri.submit(command.person, key or str(new_id()), command)
        match outcome:
            case RequestDone(asked):
                console.print(str(asked.id), markup=False)
                url = await mint_url(yuzuri, SecretKind.REQUEST, asked.id)
                console.print(url, markup=False)
            case GiftRefused():
                tell_refused(outcome, language)
            case GiftDone():
                raise AssertionError("nothing is given yet")

    with_yuzuri(run)


@app.command("fill")
def fill(
    secret: Annotated[str, typer.Argument(help="The link, or the secret behind its #.")],
    person: As,
    line: Annotated[UUID, typer.Option("--from", help="The line that gives.")],
    amount: Amount,
    message: str = "",
    key: Key = None,
    lang: Lang = None,
) -> None:
    """Give to a request, at most what is missing: it arrives in the same moment."""
    language, giver = reader_language(lang), person_id(person)
    trier = Trier(COMMAND_LINE, giver)

    async def run(yuzuri: Yuzuri) -> None:
        quantity = parse_quantity(amount, await _unit_asked(yuzuri, trier, secret))

        def command(asked: RequestId) -> FillRequest:
            return FillRequest(
                person=giver,
                line=line_id(line),
                request=asked,
                amount=quantity.amount,
                message=message,
            )

        done = await fill_request(yuzuri, trier, secret, key or str(new_id()), command)
        tell_gift(done, language)

    with_yuzuri(run)


@app.command("close")
def close(request: UUID, person: As, key: Key = None, lang: Lang = None) -> None:
    """Ask no longer; what was given stays."""
    language = reader_language(lang)

    async def run(yuzuri: Yuzuri) -> None:
        command = CloseRequest(person=person_id(person), request=_request(request))
        outcome = await yuzuri.submit(command.person, key or str(new_id()), command)
        match outcome:
            case RequestDone(closed):
                given = say_quantity(Quantity(closed.filled, closed.unit), language)
                said = translate(language, "Closed; {amount} was given.", amount=given)
                console.print(said, markup=False)
            case GiftRefused():
                tell_refused(outcome, language)
            case GiftDone():
                raise AssertionError("nothing is given")

    with_yuzuri(run)


@app.command("show")
def show(person: As, lang: Lang = None) -> None:
    """Show a person's requests, newest first."""
    language = reader_language(lang)

    async def load(yuzuri: Yuzuri) -> list[tuple[str, ...]]:
        at = yuzuri.clock()
        async with yuzuri.database.connection() as connection:
            asked = await load_request_list(connection, person_id(person), at)
        return [
            (
                str(seen.request.id),
                say_quantity(Quantity(seen.request.amount, seen.request.unit), language),
                say_quantity(Quantity(seen.request.filled, seen.request.unit), language),
                _say_state(seen.request.state_at(at), language),
                say_instant(
                    seen.request.deadline, yuzuri.profiles[seen.line.operator].zone, language
                ),
            )
            for seen in asked
        ]

    headings = ("Request", "Amount", "Given", "State", "Open until")
    show_table(language, headings, with_yuzuri(load))


@app.command("picture")
def picture(
    request: UUID,
    file: Annotated[Path, typer.Argument(help="Where to: its name ends in .png or .svg.")],
    person: As,
    lang: Lang = None,
) -> None:
    """Make another link to the same request, and draw it as a poster with its QR code."""
    language, asker = reader_language(lang), person_id(person)

    async def say(yuzuri: Yuzuri) -> Poster:
        async with yuzuri.database.connection() as connection:
            seen = await load_own_request(connection, asker, _request(request))
            nickname = (await load_person(connection, asker)).nickname
        if seen.request.state_at(yuzuri.clock()) is not RequestState.OPEN:
            raise DomainError(Code.GIFT_REQUEST_ENDED)
        profile = yuzuri.profiles[seen.line.operator]
        url = await mint_url(yuzuri, SecretKind.REQUEST, seen.request.id)
        return request_poster(seen.request, nickname, profile, url, language)

    save_poster(file, say)


async def _unit_asked(yuzuri: Yuzuri, trier: Trier, secret: str) -> Unit:
    async with opening(yuzuri, trier, secret, SecretKind.REQUEST) as opened:
        async with yuzuri.database.connection() as connection:
            asked = RequestId(opened.target.id)
            seen = await load_open_request(connection, asked, yuzuri.clock())
        if seen is None:
            raise DomainError(Code.LINK_UNKNOWN)
        return seen.request.unit


def _say_state(state: RequestState, language: Language) -> str:
    match state:
        case RequestState.OPEN:
            return translate(language, "Open")
        case RequestState.FILLED:
            return translate(language, "Filled")
        case RequestState.CLOSED:
            return translate(language, "Closed")
        case RequestState.EXPIRED:
            return translate(language, "The time is over")


def _request(request: UUID) -> RequestId:
    return RequestId(Id(request.bytes))
