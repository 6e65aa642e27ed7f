"""Requests and answers of the standard endpoints: plain ASGI, bytes in and bytes out."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from litestar.types import HTTPScope, Receive, Send

Headers = Sequence[tuple[bytes, bytes]]

IS_JSON = (b"content-type", b"application/json")


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered; the length is told with it."""

    status: HTTPStatus
    headers: Headers = ()
    body: bytes = b""


class NotJson(Exception):  # noqa: N818 - what a stranger sent is no error of ours
    """The body is said to be something else than plain JSON."""


class TooLarge(Exception):  # noqa: N818
    """The body is larger than any that is needed."""


def header_of(scope: HTTPScope, name: bytes) -> bytes | None:
    """Return the first header of this name (in small letters)."""
    return next((value for key, value in scope["headers"] if key == name), None)


def own_root(scope: HTTPScope) -> str:
    """Return the scheme and authority at which we were asked, such as http://chf.example:8080."""
    host = header_of(scope, b"host")
    if host is not None:
        return f"{scope['scheme']}://{host.decode('latin-1')}"
    name, port = scope["server"] or ("localhost", None)
    return f"{scope['scheme']}://{name}" + (f":{port}" if port else "")


async def read_json(scope: HTTPScope, receive: Receive, bytes_max: int) -> bytes:
    """Return the body, which is said to be JSON; raises `NotJson`, `TooLarge`."""
    kind = b""
    for name, value in scope["headers"]:
        if name == b"content-type":
            kind = kind or value.partition(b";")[0].strip().lower()
        elif name == b"content-encoding" and value != b"identity":
            raise NotJson
    if kind != b"application/json":
        raise NotJson
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":  # whoever asked has gone
            return b""
        body += message["body"]
        if len(body) > bytes_max:
            raise TooLarge
        if not message["more_body"]:
            return body


async def send_answer(send: Send, answer: Answer) -> None:
    """Send an answer."""
    headers = [*answer.headers, (b"content-length", b"%d" % len(answer.body))]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})
