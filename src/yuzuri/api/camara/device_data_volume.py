"""CAMARA Device Data Volume 0.1.0: about how much data is left on a device.

A token for one line answers for that line only, and nobody can ask for another with it. Who may ask
about any line by its number has been let do so by the operator.
"""

import logging
import re
from collections.abc import Callable
from http import HTTPStatus

from litestar.types import HTTPScope, Receive, Send
from msgspec import UNSET, UnsetType
from psycopg import OperationalError

from yuzuri.api.asgi import (
    IS_JSON,
    Answer,
    NotJson,
    TooLarge,
    header_of,
    read_json,
    send_answer,
)
from yuzuri.api.camara.wire import (
    VOLUME_TO_CHECK_MAX,
    CheckDataVolume,
    DataVolume,
    DataVolumeChecked,
    Device,
    DeviceTold,
    ErrorInfo,
    RetrieveDataVolume,
    category_of,
    decode_check,
    decode_retrieve,
    encode,
)
from yuzuri.api.network.authentication import (
    NetworkCaller,
    NotAuthenticated,
    NotPermitted,
    authenticate,
)
from yuzuri.charging.usable_data import load_usable_data
from yuzuri.db import Connection, DatabaseUnavailable
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import HolderId, parse_id
from yuzuri.networks.functions import Service
from yuzuri.runtime.running import Yuzuri
from yuzuri.subscribers.lines import find_line

BASE_PATH = "/device-data-volume/v0.1/"
BODY_BYTES_MAX = 16 * 1024

_CORRELATOR = re.compile(rb"[a-zA-Z0-9\-_:;./<>{}]{0,256}")

_Asked = RetrieveDataVolume | CheckDataVolume

_log = logging.getLogger(__name__)


class _Fault(Exception):  # noqa: N818 - what a program sent is no error of ours
    """There is no answer, and this is why."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        message: str,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(code, message)
        self.error = ErrorInfo(status, code, message)
        self.status = status
        self.headers = headers


async def serve_device_data_volume(
    yuzuri: Yuzuri, scope: HTTPScope, receive: Receive, send: Send
) -> None:
    """Answer one request under `BASE_PATH`."""
    try:
        answer = await _serve(yuzuri, scope, receive)
    except _Fault as fault:
        answer = _tell(fault)
    except (DatabaseUnavailable, OperationalError) as error:
        _log.warning("no database for %s: %s", scope["path"], error)
        status = HTTPStatus.SERVICE_UNAVAILABLE
        answer = _tell(_Fault(status, "UNAVAILABLE", "Try again in a moment."))
    except Exception:  # noqa: BLE001 - a program is answered in its own words, whatever it is
        _log.exception("unexpected at %s", scope["path"])
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        answer = _tell(_Fault(status, "INTERNAL", "The fault is not yours."))
    correlator = header_of(scope, b"x-correlator")
    if correlator is not None and _CORRELATOR.fullmatch(correlator):
        headers = (*answer.headers, (b"x-correlator", correlator))
        answer = Answer(answer.status, headers, answer.body)
    await send_answer(send, answer)


def _tell(fault: _Fault) -> Answer:
    return Answer(fault.status, (IS_JSON, *fault.headers), encode(fault.error))


async def _serve(yuzuri: Yuzuri, scope: HTTPScope, receive: Receive) -> Answer:
    caller = await _authenticate(yuzuri, scope)
    operation = scope["path"].removeprefix(BASE_PATH)
    if operation not in {"retrieve", "check"}:
        raise _Fault(HTTPStatus.NOT_FOUND, "NOT_FOUND", "Nothing is served here.")
    if scope["method"] != "POST":
        allowed = ((b"allow", b"POST"),)
        status = HTTPStatus.METHOD_NOT_ALLOWED
        raise _Fault(status, "METHOD_NOT_ALLOWED", "It is asked by POST.", allowed)
    correlator = header_of(scope, b"x-correlator")
    if correlator is not None and not _CORRELATOR.fullmatch(correlator):
        raise _invalid("x-correlator has a sign that it cannot have, or too many of them.")
    decode = decode_retrieve if operation == "retrieve" else decode_check
    asked = await _read(scope, receive, decode)
    left = await _load_left(yuzuri, caller, asked.device)
    told = _told(asked.device)
    if isinstance(asked, CheckDataVolume):
        is_exceeded = left > asked.volume_to_check.size_bytes
        return Answer(HTTPStatus.OK, (IS_JSON,), encode(DataVolumeChecked(is_exceeded, told)))
    return Answer(HTTPStatus.OK, (IS_JSON,), encode(DataVolume(category_of(left), told)))


async def _authenticate(yuzuri: Yuzuri, scope: HTTPScope) -> NetworkCaller:
    try:
        return await authenticate(yuzuri, scope, Service.DEVICE_DATA_VOLUME)
    except NotAuthenticated as error:
        challenge = ((b"www-authenticate", error.challenge.encode()),)
        message = "A signed token is needed."
        raise _Fault(HTTPStatus.UNAUTHORIZED, "UNAUTHENTICATED", message, challenge) from error
    except NotPermitted as error:
        raise _not_permitted("This is not open to who asks.", error.challenge) from error


# ---------------------------------------------------------------- whose, and how much


async def _load_left(yuzuri: Yuzuri, caller: NetworkCaller, device: Device | UnsetType) -> int:
    """Return the bytes that are left on the device that is meant; raises `_Fault`."""
    number = _number_meant(caller, device)
    try:
        async with yuzuri.database.connection() as connection:
            line = await _find_line(connection, caller, number)
            left = await load_usable_data(connection, yuzuri.profiles, line, yuzuri.clock())
    except DomainError as error:
        if error.refusal.code is not Code.LINE_UNKNOWN:
            raise
        message = "No device of this name is known."
        raise _Fault(HTTPStatus.NOT_FOUND, "IDENTIFIER_NOT_FOUND", message) from None
    if left is None:
        # Nothing is counted that could be left; the largest category would be a promise.
        raise _unprocessable("SERVICE_NOT_APPLICABLE", "Its data is not counted: it has no limit.")
    return left


def _number_meant(caller: NetworkCaller, device: Device | UnsetType) -> str | None:
    """Return the number that is asked about; None: the token names the line."""
    if caller.line is not None:
        if device is not UNSET:
            raise _unprocessable("UNNECESSARY_IDENTIFIER", "The token names the device already.")
        return None
    if Service.DEVICE_DATA_VOLUME_ANY_LINE not in caller.scopes:
        raise _not_permitted("The token is for no device, and may not name one.")
    if device is UNSET:
        raise _unprocessable("MISSING_IDENTIFIER", "Neither request nor token names a device.")
    if device.phone_number is UNSET:
        raise _unprocessable("UNSUPPORTED_IDENTIFIER", "A device is known by its phoneNumber only.")
    return device.phone_number


async def _find_line(connection: Connection, caller: NetworkCaller, number: str | None) -> HolderId:
    """Return the line of a number, or else that which the token names; raises `LINE_UNKNOWN`."""
    named = number or caller.line or ""
    if named.startswith("+"):
        return await find_line(connection, named)
    return HolderId(parse_id(named, Code.LINE_UNKNOWN))


def _told(device: Device | UnsetType) -> DeviceTold | UnsetType:
    """Say which name was used, where there were several."""
    if device is UNSET or device.names == 1 or device.phone_number is UNSET:
        return UNSET
    return DeviceTold(device.phone_number)


# ---------------------------------------------------------------- faults


def _invalid(message: str, code: str = "INVALID_ARGUMENT") -> _Fault:
    return _Fault(HTTPStatus.BAD_REQUEST, code, message)


def _unprocessable(code: str, message: str) -> _Fault:
    return _Fault(HTTPStatus.UNPROCESSABLE_ENTITY, code, message)


def _not_permitted(message: str, challenge: str | None = None) -> _Fault:
    headers = () if challenge is None else ((b"www-authenticate", challenge.encode()),)
    return _Fault(HTTPStatus.FORBIDDEN, "PERMISSION_DENIED", message, headers)


# ---------------------------------------------------------------- bytes


async def _read(scope: HTTPScope, receive: Receive, decode: Callable[[bytes], _Asked]) -> _Asked:
    """Read what is asked; raises `_Fault`."""
    try:
        asked = decode(await read_json(scope, receive, BODY_BYTES_MAX))
    except NotJson:
        raise _invalid("The body is application/json, not encoded.") from None
    except TooLarge:
        raise _invalid("The body is too large.") from None
    except (ValueError, RecursionError) as error:
        raise _invalid(f"The body: {error}.") from error
    if isinstance(asked, CheckDataVolume):
        value = asked.volume_to_check.value
        if not 0 <= value <= VOLUME_TO_CHECK_MAX:
            raise _invalid(f"value is from 0 to {VOLUME_TO_CHECK_MAX}.", "OUT_OF_RANGE")
    return asked
