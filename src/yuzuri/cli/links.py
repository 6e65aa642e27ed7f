"""`yuzuri links`: amounts in shares behind a link, from the command line."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from yuzuri.cli.acting import As, Key, line_id, person_id
from yuzuri.cli.gifts import tell_gift, tell_refused
from yuzuri.cli.screen import Lang, console, read_time, reader_language, show_table
from yuzuri.cli.subscribers import with_yuzuri
from yuzuri.kernel.amounts import parse_quantity
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import Id, LinkId, PersonId, RequestId, new_id
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.pictures.posters import Poster, draw_png, draw_svg
from yuzuri.runtime.draws import draw_command
from yuzuri.runtime.opening import take_share
from yuzuri.runtime.posters import link_poster, say_shares
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.gifts import GiftDone, GiftRefused
from yuzuri.sharing.link_decisions import checked_post
from yuzuri.sharing.link_draws import commitment, random_shares
from yuzuri.sharing.link_secrets import SecretKind, mint_secret, secret_url
from yuzuri.sharing.link_views import load_link_list, load_own_link, load_shares
from yuzuri.sharing.links import (
    SHARES_MAX,
    Audience,
    Link,
    LinkDone,
    LinkState,
    PostLink,
    RevokeLink,
    Split,
    TakeShare,
)
from yuzuri.sharing.throttle import Trier
from yuzuri.subscribers.lines import load_line, load_person
from yuzuri.words.formats import say_instant, say_number, say_quantity
from yuzuri.words.translations import translate

app = typer.Typer(help="Amounts in shares behind a link, for whoever comes.", no_args_is_help=True)

COMMAND_LINE = "the command line"
"""Where tries come from that no network has brought."""


@app.command("post")
def post(
    person: As,
    from_line: Annotated[UUID, typer.Option("--from", help="The line that gives.")],
    amount: Annotated[str, typer.Option(help='All of it, such as "1GB", "10min", "5 sms".')],
    shares: Annotated[int, typer.Option(help="Into how many shares.", min=1)],
    random: Annotated[bool, typer.Option("--random", help="Of sizes that are drawn.")] = False,
    least: Annotated[str | None, typer.Option(help="No drawn share is smaller.")] = None,
    audience: Annotated[Audience, typer.Option("--for", help="Who may take.")] = Audience.ANYONE,
    passcode: Annotated[str, typer.Option(help="That takers have to know.")] = "",
    line_age_days: Annotated[int, typer.Option(help="Younger lines cannot take.", min=0)] = 0,
    message: str = "",
    hide_name: Annotated[bool, typer.Option("--hide-name", help="Takers do not see who.")] = False,
    until: Annotated[
        str | None, typer.Option(help="As ISO 8601, by the operator's clocks.")
    ] = None,
    key: Key = None,
    lang: Lang = None,
) -> None:
    """Put something of a line behind a link, and print its id and the link."""
    language = reader_language(lang)

    async def run(yuzuri: Yuzuri) -> None:
        quantity = parse_quantity(amount)
        async with yuzuri.database.connection() as connection:
            line = await load_line(connection, line_id(from_line))
        zone, now = yuzuri.profiles[line.operator].zone, yuzuri.clock()
        command = PostLink(
            person=person_id(person),
            line=line.id,
            unit=quantity.unit,
            amount=quantity.amount,
            shares=shares,
            split=Split.RANDOM if random else Split.EQUAL,
            least=None if least is None else parse_quantity(least, quantity.unit).amount,
            audience=Audience.PASSCODE if passcode else audience,
            passcode=passcode,
            line_age_days_min=line_age_days,
            message=message,
            is_giver_hidden=hide_name,
            deadline=None if until is None else read_time(until, zone, now),
        )
        outcome = await yuzuri.submit(command.person, key or str(new_id()), checked_post(command))
        match outcome:
            case LinkDone(link):
                console.print(str(link.id), markup=False)
                console.print(await mint_url(yuzuri, SecretKind.LINK, link.id), markup=False)
            case GiftRefused():
                tell_refused(outcome, language)
            case GiftDone():
                raise AssertionError("nothing is given yet")

    with_yuzuri(run)


@app.command("take")
def take(
    secret: Annotated[str, typer.Argument(help="The link, or the secret behind its #.")],
    person: As,
    line: Annotated[UUID, typer.Option("--to", help="The line that takes.")],
    passcode: str = "",
    hide_name: Annotated[
        bool, typer.Option("--hide-name", help="The giver does not see who.")
    ] = False,
    key: Key = None,
    lang: Lang = None,
) -> None:
    """Take a share of a link: it arrives in the same moment."""
    language, taker = reader_language(lang), person_id(person)

    async def run(yuzuri: Yuzuri) -> None:
        def command(link: LinkId) -> TakeShare:
            return TakeShare(
                person=taker,
                line=line_id(line),
                link=link,
                passcode=passcode,
                hides_name=hide_name,
            )

        trier = Trier(COMMAND_LINE, taker)
        tell_gift(await take_share(yuzuri, trier, secret, key or str(new_id()), command), language)

    with_yuzuri(run)


@app.command("revoke")
def revoke(link: UUID, person: As, key: Key = None, lang: Lang = None) -> None:
    """Take back what is left behind a link."""
    language = reader_language(lang)

    async def run(yuzuri: Yuzuri) -> None:
        command = RevokeLink(person=person_id(person), link=_link(link))
        outcome = await yuzuri.submit(command.person, key or str(new_id()), command)
        match outcome:
            case LinkDone(ended):
                left = Quantity(ended.amount - ended.taken_amount, ended.unit)
                said = translate(language, "{amount} is back.", amount=say_quantity(left, language))
                console.print(said, markup=False)
            case GiftRefused():
                tell_refused(outcome, language)
            case GiftDone():
                raise AssertionError("nothing is given")

    with_yuzuri(run)


@app.command("show")
def show(
    person: As,
    link: Annotated[UUID | None, typer.Argument(help="One of them: who took its shares.")] = None,
    lang: Lang = None,
) -> None:
    """Show a person's links; of one, who took its shares and how its draw is checked."""
    language, giver = reader_language(lang), person_id(person)
    if link is None:
        headings = ("Link", "Amount", "Shares", "Taken", "State", "Open until")
        show_table(language, headings, with_yuzuri(lambda yuzuri: _list(yuzuri, giver, language)))
        return
    one = _link(link)
    seen, rows = with_yuzuri(lambda yuzuri: _details(yuzuri, giver, one, language))
    show_table(language, ("Gift", "Amount", "With", "Taken at", "Thanks"), rows)
    console.print(f"\n{seen}", markup=False)


@app.command("picture")
def picture(
    link: UUID,
    file: Annotated[Path, typer.Argument(help="Where to: its name ends in .png or .svg.")],
    person: As,
    lang: Lang = None,
) -> None:
    """Make another link to the same shares, and draw it as a poster with its QR code."""
    language, giver = reader_language(lang), person_id(person)

    async def say(yuzuri: Yuzuri) -> Poster:
        async with yuzuri.database.connection() as connection:
            seen = await load_own_link(connection, giver, _link(link))
            nickname = (await load_person(connection, giver)).nickname
        if not seen.link.is_open(yuzuri.clock()):
            raise DomainError(Code.LINK_ENDED)
        profile = yuzuri.profiles[seen.line.operator]
        url = await mint_url(yuzuri, SecretKind.LINK, seen.link.id)
        return link_poster(seen.link, nickname, profile, url, language)

    save_poster(file, say)


@app.command("draw")
def draw(
    seed: Annotated[str, typer.Argument(help="In hexadecimal, as told when the link has ended.")],
    seal: Annotated[str, typer.Option(help="What was told when the link was posted.")],
    amount: Annotated[int, typer.Option(help="All of it: bytes, seconds or messages.", min=1)],
    shares: Annotated[int, typer.Option(min=1, max=SHARES_MAX)],
    least: Annotated[int, typer.Option(help="No share is smaller.", min=1)],
    step: Annotated[int, typer.Option(help="Each share is a multiple of it.", min=1)],
    unit: Unit = Unit.DATA,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    lang: Lang = None,
) -> None:
    """Work out again how an amount was divided; needs no database.

    Exits 2 where the seal was made of another seed.
    """
    language = reader_language(lang)
    is_sealed = commitment(_seed(seed)) == _seed(seal)
    if shares * least > amount or amount % step or least % step:
        problem = "it cannot be divided so"
        raise DomainError(Code.REQUEST_INVALID, field="amount", problem=problem)
    sizes = random_shares(_seed(seed), amount, shares, least, step)
    if as_json:
        console.print_json(data={"sealed": is_sealed, "sizes": list(sizes)})
    else:
        rows = [
            (str(number), say_quantity(Quantity(size, unit), language, exact=True))
            for number, size in enumerate(sizes, 1)
        ]
        show_table(language, ("Share", "Amount"), rows)
        said = (
            translate(language, "The seal was made of this seed.")
            if is_sealed
            else translate(language, "The seal was made of another seed: this is not the draw.")
        )
        console.print(f"\n{said}", markup=False)
    if not is_sealed:
        raise typer.Exit(2)


def save_poster(file: Path, say: Callable[[Yuzuri], Awaitable[Poster]]) -> None:
    """Draw a poster into a file by the end of its name, and print the link that it shows."""
    suffix = file.suffix.lower()
    if suffix not in {".png", ".svg"}:
        problem = "its name ends in .png or .svg"
        raise DomainError(Code.REQUEST_INVALID, field="file", problem=problem)
    poster = with_yuzuri(say)
    try:
        file.write_bytes(draw_png(poster) if suffix == ".png" else draw_svg(poster).encode())
    except OSError as error:
        problem = error.strerror or "it cannot be written"
        raise DomainError(Code.REQUEST_INVALID, field="file", problem=problem) from error
    console.print(poster.url, markup=False)


async def mint_url(yuzuri: Yuzuri, kind: SecretKind, target: LinkId | RequestId) -> str:
    """Make a secret that opens something, and return the address to pass on."""
    async with yuzuri.database.connection() as connection:
        secret = await mint_secret(connection, kind, target, yuzuri.clock())
    return secret_url(yuzuri.settings.origin, secret)


async def _list(yuzuri: Yuzuri, person: PersonId, language: Language) -> list[tuple[str, ...]]:
    at = yuzuri.clock()
    async with yuzuri.database.connection() as connection:
        links = await load_link_list(connection, person, at)
    return [
        (
            str(seen.link.id),
            say_quantity(Quantity(seen.link.amount, seen.link.unit), language),
            say_number(seen.link.shares, language),
            say_number(seen.link.taken, language),
            _say_state(seen.link, language, is_open=seen.link.is_open(at)),
            say_instant(seen.link.deadline, yuzuri.profiles[seen.line.operator].zone, language),
        )
        for seen in links
    ]


async def _details(
    yuzuri: Yuzuri, person: PersonId, link: LinkId, language: Language
) -> tuple[str, list[tuple[str, ...]]]:
    """Return what proves the draw, and a row for each share that was taken."""
    async with yuzuri.database.connection() as connection:
        seen = await load_own_link(connection, person, link)
        shares = await load_shares(connection, seen.link)
    zone = yuzuri.profiles[seen.line.operator].zone
    rows: list[tuple[str, ...]] = [
        (
            str(share.gift.id),
            say_quantity(share.gift.quantity, language, exact=True),
            f"{share.other.nickname} {share.other_number}"
            if share.other
            else translate(language, "somebody"),
            say_instant(share.gift.ended_at or share.gift.offered_at, zone, language),
            share.gift.thanks,
        )
        for share in shares
    ]
    if seen.link.split is Split.EQUAL:
        return say_shares(seen.link, language), rows
    if seen.link.is_open(yuzuri.clock()):
        seal = commitment(seen.link.seed).hex()
        return translate(language, "Sealed: {seal}", seal=seal), rows
    return draw_command(seen.link), rows


def _say_state(link: Link, language: Language, *, is_open: bool) -> str:
    if is_open:
        return translate(language, "Open")
    match link.state:
        case LinkState.SPENT:
            return translate(language, "All shares are taken")
        case LinkState.REVOKED:
            return translate(language, "What was left is taken back")
        case LinkState.OPEN | LinkState.EXPIRED:
            return translate(language, "The time is over")


def _seed(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        problem = "it is not hexadecimal"
        raise DomainError(Code.REQUEST_INVALID, field="seed", problem=problem) from None


def _link(link: UUID) -> LinkId:
    return LinkId(Id(link.bytes))
