"""`yuzuri network`: which network functions may call, with what, and whose tokens are believed."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from yuzuri.cli.screen import Lang, console, reader_language, show_table
from yuzuri.cli.subscribers import with_yuzuri
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.networks.functions import (
    DEMO_ID,
    NetworkFunction,
    Service,
    list_functions,
    register_function,
    remove_function,
)
from yuzuri.networks.issuers import distrust_issuer, list_issuers, trust_issuer
from yuzuri.networks.keys import parse_public_key
from yuzuri.networks.origins import parse_origin
from yuzuri.networks.tokens import AUDIENCE, TokenIssuer
from yuzuri.runtime.running import Yuzuri
from yuzuri.words.translations import translate

app = typer.Typer(
    help="Parts of a network that may call: an SMF, a PCF, a program.", no_args_is_help=True
)

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def _parse_function_id(text: str) -> str:
    if not _ID.fullmatch(text) or text == DEMO_ID:
        raise typer.BadParameter("1 to 64 letters, digits, dots, hyphens; such as a UUID")
    return text


FunctionId = Annotated[
    str,
    typer.Argument(
        help="Its NF instance id or client id; “certificate”: whoever has a known certificate.",
        parser=_parse_function_id,
        metavar="ID",
    ),
]


@app.command("add")
def add_function(
    function: FunctionId,
    service: Annotated[list[Service], typer.Option(help="What it may use; can be repeated.")],
    notify: Annotated[
        list[str] | None,
        typer.Option(help="Where it may be told something: http://10.0.0.5:29502; repeatable."),
    ] = None,
    name: Annotated[str, typer.Option(help="What people call it.")] = "",
) -> None:
    """Register a network function, or change one that is registered."""
    origins = frozenset(parse_origin(text) for text in notify or ())

    async def add(yuzuri: Yuzuri) -> None:
        new = NetworkFunction(
            function, (name or function)[:80], frozenset(service), origins, yuzuri.clock()
        )
        async with yuzuri.database.connection() as connection:
            await register_function(connection, new)

    with_yuzuri(add)


@app.command("list")
def list_known(lang: Lang = None) -> None:
    """List the network functions, and those whose tokens are believed."""
    language = reader_language(lang)

    async def load(yuzuri: Yuzuri) -> tuple[list[NetworkFunction], list[TokenIssuer]]:
        async with yuzuri.database.connection() as connection:
            return list(await list_functions(connection)), list(await list_issuers(connection))

    functions, issuers = with_yuzuri(load)
    show_table(
        language,
        ("Network function", "Name", "May use", "Told at"),
        [
            (
                function.id,
                function.name,
                ", ".join(sorted(function.services)),
                ", ".join(sorted(function.notify_origins)),
            )
            for function in functions
        ],
    )
    if issuers:
        console.print()
        own = translate(language, "this installation")
        show_table(
            language,
            ("Token issuer", "Whose"),
            [(issuer.issuer, own if issuer.is_own else "") for issuer in issuers],
        )


@app.command("remove")
def remove(function: FunctionId) -> None:
    """Let a network function call no more; within 2 s no server answers it."""

    async def forget(yuzuri: Yuzuri) -> None:
        async with yuzuri.database.connection() as connection:
            await remove_function(connection, function)

    with_yuzuri(forget)


@app.command("token")
def make_token(
    function: FunctionId,
    hours: Annotated[int, typer.Option(help="How long it is good.", min=1, max=24 * 366)] = 24,
    line: Annotated[
        str | None, typer.Option(help="Good for this line only: its id, or its number (E.164).")
    ] = None,
) -> None:
    """Print a token by which a network function calls; it is good for all that it may use."""

    async def make(yuzuri: Yuzuri) -> str:
        known = await yuzuri.networks.find_function(function)
        if known is None:
            raise DomainError(Code.NETWORK_FUNCTION_UNKNOWN, network_function=function)
        scope = " ".join(sorted(known.services))
        return await yuzuri.networks.issue(
            function, AUDIENCE, scope, yuzuri.clock(), timedelta(hours=hours), line
        )

    console.print(with_yuzuri(make), markup=False)


@app.command("trust")
def trust(
    issuer: Annotated[str, typer.Argument(help="As tokens name it (iss), such as an NRF's id.")],
    key: Annotated[
        Path, typer.Argument(help="Its public key: PEM, certificate or JWK.", dir_okay=False)
    ],
) -> None:
    """Believe the tokens that an issuer such as the core's NRF signs with this key."""
    try:
        public_key = parse_public_key(key.read_bytes())
    except OSError as error:
        raise DomainError(Code.TOKEN_ISSUER_KEY_UNREADABLE) from error

    async def add(yuzuri: Yuzuri) -> None:
        async with yuzuri.database.connection() as connection:
            await trust_issuer(connection, issuer, public_key, yuzuri.clock())

    with_yuzuri(add)


@app.command("distrust")
def distrust(issuer: str) -> None:
    """Believe the tokens of an issuer no more."""

    async def forget(yuzuri: Yuzuri) -> None:
        async with yuzuri.database.connection() as connection:
            await distrust_issuer(connection, issuer)

    with_yuzuri(forget)
