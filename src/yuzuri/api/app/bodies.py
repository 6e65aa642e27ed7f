"""What clients send: read strictly, each fault with its own code, before anything is looked up."""

import functools
import re
from contextlib import suppress
from typing import Annotated, Any

import msgspec
from litestar import Request
from litestar.datastructures import State

from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import PersonId
from yuzuri.kernel.quantities import Unit
from yuzuri.sharing.gifts import MESSAGE_LENGTH_MAX

Text = Annotated[str, msgspec.Meta(pattern="^[^\\x00]*$")]
"""Text that the database can keep."""


JSON_INTEGER_MAX = 2**53 - 1
"""The largest whole number that every JSON reader keeps exactly (RFC 7493): nine million GB."""


class SignIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sign-in code, or, only in the demo, the person to be."""

    sign_in_code: Text | None = None
    person: Text | None = None


class GiftBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So much of one line to another; `amount` in bytes, seconds or messages.

    The receiver is named by `to_line` or by `to_number`, as people write numbers in the country of
    the giver's operator or with its country code.
    """

    from_line: Text
    amount: Annotated[int, msgspec.Meta(ge=1, le=JSON_INTEGER_MAX)]
    unit: Unit
    to_line: Text | None = None
    to_number: Text | None = None
    message: Annotated[str, msgspec.Meta(max_length=MESSAGE_LENGTH_MAX, pattern="^[^\\x00]*$")] = ""


class StrictRequest(Request[PersonId, str, State]):
    """A request whose body is read without leniency: "1" is no number, and 1.0 is no whole one."""

    async def json(self) -> Any:
        """Return the body as the value that the route asks for; raises `DomainError`."""
        wanted = self.route_handler.parsed_fn_signature.parameters["data"].annotation
        return read_body(await self.body(), wanted)


def read_body(body: bytes, wanted: type[msgspec.Struct]) -> Any:
    """Read a JSON body; raises `DomainError` with the code of the first fault."""
    try:
        return _decoder(wanted).decode(body)
    except msgspec.ValidationError as error:
        # It stops at the first wrong value, before it has seen whether the rest is JSON.
        _check_json(body)
        raise _fault(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DomainError(Code.REQUEST_MALFORMED) from error


def _check_json(body: bytes) -> None:
    try:
        with suppress(msgspec.ValidationError):  # a number that is out of every range
            msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DomainError(Code.REQUEST_MALFORMED) from error


@functools.cache
def _decoder(wanted: type[msgspec.Struct]) -> msgspec.json.Decoder[msgspec.Struct]:
    return msgspec.json.Decoder(wanted)


_PLACED = re.compile(r"(?P<problem>.*?)(?: - at `\$\.?(?P<field>.*)`)?", re.DOTALL)
_NAMED = re.compile(r"field `([^`]*)`")


def _fault(said: str) -> DomainError:
    """Turn what the decoder says into a code; it names the place as a path such as `$.amount`."""
    match = _PLACED.fullmatch(said)
    assert match is not None
    problem, field = match["problem"], match["field"] or ""
    if field == "amount":
        code = _amount_code(problem)
        if code is not None:
            return DomainError(code)
    if field == "unit" and problem.startswith("Invalid enum value"):
        return DomainError(Code.UNIT_UNKNOWN, text=problem.partition("'")[2][:-1][:40])
    if field == "message" and "length <=" in problem:
        return DomainError(Code.MESSAGE_TOO_LONG, limit=MESSAGE_LENGTH_MAX)
    named = _NAMED.search(problem)
    if not field and named is not None:
        field = named[1]
    return DomainError(Code.REQUEST_INVALID, field=field[:80] or "body", problem=problem[:200])


def _amount_code(problem: str) -> Code | None:
    if "got `float`" in problem:
        return Code.AMOUNT_FRACTIONAL
    if ">= 1" in problem:
        return Code.AMOUNT_NOT_POSITIVE
    if "<=" in problem or "out of range" in problem:
        return Code.AMOUNT_TOO_LARGE
    return None
