"""The product's application with an echo beside it: what HTTP alone costs, on the same server."""

from importlib import import_module
from urllib.parse import parse_qs

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

ECHO_PATH = "/bench/echo"
ECHO_WORD = "SUCCESS"
"""What every echo contains."""


def create_app() -> ASGIApp:
    """Make what `yuzuri serve` serves, with the echo beside it."""
    # By name: what is put together there is above all rooms, this one too.
    product: ASGIApp = import_module("yuzuri.main").create_app()
    return with_echo(product)


def with_echo(product: ASGIApp) -> ASGIApp:
    """Answer `ECHO_PATH?size=N` with N bytes once the body is read; all else goes to the product.

    Nothing is done but that, so it is as fast as anything on this server can be.
    """

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["path"] != ECHO_PATH:
            await product(scope, receive, send)
            return
        is_whole = False
        while not is_whole:
            message = await receive()
            is_whole = not message.get("more_body", False)
        size = int(parse_qs(scope["query_string"])[b"size"][0])
        body = ECHO_WORD.encode().ljust(size)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    return application
