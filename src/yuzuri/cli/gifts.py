"""`yuzuri gifts`: the same gifts by the same rules, from the command line."""

from typing import Annotated, NoReturn, assert_never
from uuid import UUID

import typer

from yuzuri.cli.acting import As, Key, line_id, person_id
from yuzuri.cli.screen import UTC_ZONE, Lang, console, reader_language, show_table, tell
from yuzuri.cli.subscribers import with_yuzuri
from yuzuri.feasibility.verdict import Instead, Reason
from yuzuri.kernel.amounts import parse_quantity
from yuzuri.kernel.ids import GiftId, Id, new_id
from yuzuri.kernel.names import Language
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.account import load_gift_list
from yuzuri.sharing.gifts import (
    AcceptGift,
    CancelGift,
    DeclineGift,
    GiftDone,
    GiftOutcome,
    GiftRefused,
    OfferGift,
    checked_offer,
)
from yuzuri.subscribers.lines import find_line, parse_number
from yuzuri.words.formats import say_instant, say_quantity
from yuzuri.words.sentences import say
from yuzuri.words.translations import translate

app = typer.Typer(help="Offer, accept, decline, cancel and list gifts.", no_args_is_help=True)

PersonsCommand = OfferGift | AcceptGift | DeclineGift | CancelGift


@app.command("offer")
def offer(
    person: As,
    from_line: Annotated[UUID, typer.Option("--from", help="The line that gives.")],
    to: Annotated[str, typer.Option("--to", help="The receiver's phone number, with +.")],
    amount: Annotated[str, typer.Option(help='Such as "1GB", "10min", "5 sms".')],
    message: str = "",
    key: Key = None,
    lang: Lang = None,
) -> None:
    """Offer something of a line to a phone number."""

    async def run(yuzuri: Yuzuri) -> None:
        quantity = parse_quantity(amount)
        async with yuzuri.database.connection() as connection:
            to_line = await find_line(connection, parse_number(to))
        command = OfferGift(
            person=person_id(person),
            from_line=line_id(from_line),
            to_line=to_line,
            unit=quantity.unit,
            amount=quantity.amount,
            message=message,
        )
        await _submit(yuzuri, checked_offer(command), key, reader_language(lang))

    with_yuzuri(run)


@app.command("accept")
def accept(gift: UUID, person: As, key: Key = None, lang: Lang = None) -> None:
    """Take a gift."""
    _act(AcceptGift(person=person_id(person), gift=GiftId(Id(gift.bytes))), key, lang)


@app.command("decline")
def decline(gift: UUID, person: As, key: Key = None, lang: Lang = None) -> None:
    """Turn a gift down."""
    _act(DeclineGift(person=person_id(person), gift=GiftId(Id(gift.bytes))), key, lang)


@app.command("cancel")
def cancel(gift: UUID, person: As, key: Key = None, lang: Lang = None) -> None:
    """Take a gift back that nobody has accepted yet."""
    _act(CancelGift(person=person_id(person), gift=GiftId(Id(gift.bytes))), key, lang)


@app.command("list")
def list_gifts(person: As, lang: Lang = None) -> None:
    """List a person's gifts, newest first."""
    language = reader_language(lang)

    async def load(yuzuri: Yuzuri) -> list[tuple[str, ...]]:
        async with yuzuri.database.connection() as connection:
            gifts = await load_gift_list(connection, person_id(person), yuzuri.clock())
        return [
            (
                str(view.gift.id),
                translate(language, "out" if view.is_mine else "in"),
                say_quantity(view.gift.quantity, language),
                f"{view.other.nickname} {view.other_number}"
                if view.other
                else translate(language, "somebody"),
                translate(language, view.gift.state_at(yuzuri.clock()).value),
                say_instant(
                    view.gift.offered_at, yuzuri.profiles[view.line.operator].zone, language
                ),
            )
            for view in gifts
        ]

    headings = ("Gift", "Direction", "Amount", "With", "State", "Offered")
    show_table(language, headings, with_yuzuri(load))


def _act(command: PersonsCommand, key: str | None, lang: str | None) -> None:
    with_yuzuri(lambda yuzuri: _submit(yuzuri, command, key, reader_language(lang)))


async def _submit(
    yuzuri: Yuzuri, command: PersonsCommand, key: str | None, language: Language
) -> None:
    tell_gift(await yuzuri.submit(command.person, key or str(new_id()), command), language)


def tell_gift(outcome: GiftOutcome, language: Language) -> None:
    """Print the gift that a command has left, or why there is none and exit."""
    match outcome:
        case GiftDone():
            gift = outcome.gift
            state = translate(language, gift.state.value)
            quantity = say_quantity(gift.quantity, language)
            console.print(f"{gift.id}  {quantity}  {state}", markup=False)
        case GiftRefused():
            tell_refused(outcome, language)
        case _:
            assert_never(outcome)


def tell_refused(refused: GiftRefused, language: Language) -> NoReturn:
    """Print every reason and what would work instead, and exit."""
    told: tuple[Reason | Instead, ...] = (*refused.reasons, *refused.instead)
    for said in told:
        tell(say(said.code, said.fields, language, UTC_ZONE))
    raise typer.Exit(2)
