"""Problem details (TS 29.571) for what is not served, with causes of TS 29.500 and TS 32.291."""

import re
from http import HTTPStatus

import msgspec
from msgspec import UNSET, Struct, UnsetType

from yuzuri.kernel.errors import Code

RETRY_AFTER_S = b"1"
"""After how long a network may try again what could not be done just now."""


class InvalidParam(Struct, frozen=True):
    """A part of the message that cannot be understood: a JSON pointer, and why."""

    param: str
    reason: str


class ProblemDetails(Struct, frozen=True, rename="camel"):
    """Why a message is not served; `cause` is for programs, where the standards have one."""

    status: int
    title: str
    detail: str
    cause: str | UnsetType = UNSET
    invalid_params: tuple[InvalidParam, ...] | UnsetType = UNSET


class NotServed(Exception):  # noqa: N818 - what a network sent is no error of ours
    """The message is not served; nothing has changed."""

    def __init__(
        self,
        status: HTTPStatus,
        cause: str | None,
        detail: str,
        *,
        invalid: tuple[InvalidParam, ...] = (),
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(cause, detail)
        self.status = status
        self.problem = ProblemDetails(
            status, status.phrase, detail, cause or UNSET, invalid or UNSET
        )
        self.headers = headers


# ---------------------------------------------------------------- who asks, and how


def not_authenticated(challenge: str) -> NotServed:
    """Say that nobody is served who does not prove who they are (RFC 6750)."""
    return NotServed(
        HTTPStatus.UNAUTHORIZED,
        None,
        "A client certificate that is known here, or a signed token, is needed.",
        headers=((b"www-authenticate", challenge.encode()),),
    )


def not_permitted(challenge: str) -> NotServed:
    """Say that who asks is known, and may not use this service."""
    return NotServed(
        HTTPStatus.FORBIDDEN,
        None,
        "This service is not open to who asks.",
        headers=((b"www-authenticate", challenge.encode()),),
    )


def unknown_path() -> NotServed:
    """Say that nothing is served under this path."""
    return NotServed(
        HTTPStatus.NOT_FOUND, "RESOURCE_URI_STRUCTURE_NOT_FOUND", "Nothing is served here."
    )


def method_not_allowed() -> NotServed:
    """Say that messages are sent by POST."""
    return NotServed(
        HTTPStatus.METHOD_NOT_ALLOWED,
        None,
        "Messages are sent by POST.",
        headers=((b"allow", b"POST"),),
    )


def not_json() -> NotServed:
    """Say that a message is plain JSON."""
    return NotServed(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE, None, "A message is application/json, not encoded."
    )


def too_large() -> NotServed:
    """Say that the message is larger than any that is needed."""
    return NotServed(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, None, "The message is too large.")


def defect() -> NotServed:
    """Say that the fault is here, and nothing more of it."""
    return NotServed(HTTPStatus.INTERNAL_SERVER_ERROR, "SYSTEM_FAILURE", "The fault is not yours.")


# ---------------------------------------------------------------- what is in a message


_AT = re.compile(r"(.*?)(?: - at `\$(.*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_MANDATORY = frozenset({
    "nfConsumerIdentification",
    "nodeFunctionality",
    "invocationTimeStamp",
    "invocationSequenceNumber",
    "subscriberIdentifier",
    "ratingGroup",
})  # fmt: skip


def unreadable(error: Exception) -> NotServed:
    """Say what is wrong with a body that could not be decoded."""
    if not isinstance(error, msgspec.ValidationError):
        return NotServed(
            HTTPStatus.BAD_REQUEST, "INVALID_MSG_FORMAT", "The body is no JSON that can be read."
        )
    found = _AT.fullmatch(str(error))
    assert found is not None
    reason, path = found[1], found[2]
    pointer = "".join(f"/{name or index}" for name, index in _STEP.findall(path or ""))
    missing = _MISSING.fullmatch(reason)
    if missing:
        return invalid(f"{pointer}/{missing[1]}", "is missing", cause="MANDATORY_IE_MISSING")
    if not pointer:
        return NotServed(HTTPStatus.BAD_REQUEST, "INVALID_MSG_FORMAT", f"The body: {reason}.")
    return invalid(pointer, reason)


def invalid(pointer: str, reason: str, *, cause: str | None = None) -> NotServed:
    """Say that the part of the message at a JSON pointer is refused, and why."""
    if cause is None:
        is_mandatory = pointer.rpartition("/")[2] in _MANDATORY
        cause = "MANDATORY_IE_INCORRECT" if is_mandatory else "OPTIONAL_IE_INCORRECT"
    return NotServed(
        HTTPStatus.BAD_REQUEST,
        cause,
        f"{pointer}: {reason}.",
        invalid=(InvalidParam(pointer, reason),),
    )


# ---------------------------------------------------------------- what charging says


def unknown_session() -> NotServed:
    """Say that there is no session of this name, or none that this network function opened."""
    return NotServed(
        HTTPStatus.NOT_FOUND, "CONTEXT_NOT_FOUND", "No charging session of this name is known."
    )


def unknown_user() -> NotServed:
    """Say that nobody has this subscriber identifier."""
    return NotServed(HTTPStatus.NOT_FOUND, "USER_UNKNOWN", "No subscriber of this name is known.")


def unavailable() -> NotServed:
    """Say that the same message may be sent again in a moment, without harm."""
    return NotServed(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "NF_CONGESTION",
        "This cannot be done just now; the same message may be sent again.",
        headers=((b"retry-after", RETRY_AFTER_S),),
    )


def refused(code: Code) -> NotServed:
    """Say why charging refuses a message, or could not take it."""
    match code:
        case Code.REQUEST_BUSY | Code.REQUEST_IN_FLIGHT | Code.DATABASE_UNAVAILABLE:
            return unavailable()
        case Code.CHARGING_SESSION_UNKNOWN:
            return unknown_session()
        case Code.LINE_UNKNOWN:
            return unknown_user()
        case Code.KEY_REUSED:
            return NotServed(
                HTTPStatus.BAD_REQUEST,
                "UNSPECIFIED_MSG_FAILURE",
                "Another message of this session had the same number, time and content.",
            )
        case _:
            return NotServed(
                HTTPStatus.FORBIDDEN, "END_USER_REQUEST_DENIED", f"Refused: {code.value}."
            )
