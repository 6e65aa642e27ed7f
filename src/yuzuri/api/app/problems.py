"""Problem documents (RFC 9457) for whatever does not succeed; the one table of code and status.

A client that does not speak JSON and is not in the API gets the same sentence as a small page.
"""

import logging
from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap
from psycopg import OperationalError

from yuzuri.api.app.callers import language_of
from yuzuri.db import DatabaseUnavailable
from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.fields import pack_fields
from yuzuri.runtime.verdict_json import SaidInstead, SaidReason, say_instead, say_reasons
from yuzuri.sharing.gifts import GiftRefused
from yuzuri.words.sentences import say

PROBLEM_JSON = "application/problem+json"

_log = logging.getLogger(__name__)

_UTC = ZoneInfo("UTC")

STATUS: Mapping[Code, int] = {
    Code.REQUEST_INVALID: 400,
    Code.REQUEST_MALFORMED: 400,
    Code.REQUEST_TOO_LARGE: 413,
    Code.REQUEST_IN_FLIGHT: 409,
    Code.REQUEST_BUSY: 503,
    Code.PATH_UNKNOWN: 404,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.KEY_MISSING: 400,
    Code.KEY_INVALID: 400,
    Code.KEY_REUSED: 422,
    Code.AMOUNT_UNREADABLE: 400,
    Code.AMOUNT_FRACTIONAL: 400,
    Code.AMOUNT_NOT_POSITIVE: 400,
    Code.AMOUNT_TOO_LARGE: 400,
    Code.UNIT_UNKNOWN: 400,
    Code.UNIT_MISMATCH: 400,
    Code.TIME_UNREADABLE: 400,
    Code.MESSAGE_TOO_LONG: 400,
    Code.LANGUAGE_UNKNOWN: 400,
    Code.TOO_MANY_TRIES: 429,
    Code.SESSION_MISSING: 401,
    Code.SESSION_INVALID: 401,
    Code.SIGN_IN_REFUSED: 403,
    Code.PERSON_UNKNOWN: 404,
    Code.CHARGING_SESSION_UNKNOWN: 404,
    Code.LINE_UNKNOWN: 404,
    Code.LINE_NOT_YOURS: 403,
    Code.NUMBER_UNREADABLE: 400,
    Code.NUMBER_TAKEN: 409,
    Code.LINKED_NUMBERS_FULL: 409,
    Code.CONTACTS_FULL: 409,
    Code.SUPI_UNREADABLE: 400,
    Code.SUPI_TAKEN: 409,
    Code.NETWORK_FUNCTION_UNKNOWN: 404,
    Code.NOTIFY_ORIGIN_UNREADABLE: 400,
    Code.TOKEN_ISSUER_UNKNOWN: 404,
    Code.TOKEN_ISSUER_KEY_UNREADABLE: 400,
    Code.OPERATOR_UNKNOWN: 404,
    Code.PLAN_UNKNOWN: 404,
    Code.TOP_UP_UNKNOWN: 404,
    Code.PROFILE_INVALID: 500,
    Code.BALANCE_NOT_ENOUGH: 422,
    Code.ALLOWANCE_EXPIRED: 422,
    Code.ALLOWANCE_UNKNOWN: 422,
    Code.TRANSFER_TO_ITSELF: 422,
    Code.HOLDER_UNKNOWN: 404,
    Code.HOLDER_ELSEWHERE: 422,
    Code.HOLD_ENDED: 409,
    Code.HOLD_TOO_SMALL: 422,
    Code.GIFT_NOT_OFFERED: 422,
    Code.GIFT_RULES_UNKNOWN: 422,
    Code.GIFT_UNIT_NOT_OFFERED: 422,
    Code.GIFT_OTHER_OPERATOR: 422,
    Code.GIFT_OTHER_ACCOUNT: 422,
    Code.GIFT_OTHER_BILLING_GROUP: 422,
    Code.GIFT_NOT_LINKED: 422,
    Code.GIFT_TO_ONESELF: 422,
    Code.GIFT_PLAN_TYPE: 422,
    Code.GIFT_STEP: 422,
    Code.GIFT_MINIMUM: 422,
    Code.GIFT_MAXIMUM: 422,
    Code.GIFT_SIZE: 422,
    Code.GIFT_SOURCE: 422,
    Code.GIFT_EXCLUDED: 422,
    Code.GIFT_REGIFT: 422,
    Code.GIFT_KEEP: 422,
    Code.GIFT_CYCLE_SHARE: 422,
    Code.GIFT_COUNT_PER_DAY: 422,
    Code.GIFT_COUNT_PER_MONTH: 422,
    Code.GIFT_VOLUME_PER_DAY: 422,
    Code.GIFT_VOLUME_PER_MONTH: 422,
    Code.GIFT_RECEIVED_PER_MONTH: 422,
    Code.GIFT_LINE_TOO_YOUNG: 422,
    Code.GIFT_YOUNG_LINE_VOLUME: 422,
    Code.GIFT_PENDING: 422,
    Code.GIFT_BLACKOUT: 422,
    Code.GIFT_TOO_EARLY: 422,
    Code.GIFT_FEE: 422,
    Code.GIFT_IRREVERSIBLE: 422,
    Code.GIFT_EXPIRES_UNCLAIMED: 422,
    Code.LAW_PAID_VALUE_EXPIRY: 422,
    Code.LAW_LINE_HANDING: 422,
    Code.GIFT_UNKNOWN: 404,
    Code.LINK_UNKNOWN: 404,
    Code.LINK_TAKEN: 409,
    Code.LINK_ENDED: 409,
    Code.LINK_TOO_MANY_SHARES: 422,
    Code.LINK_OTHER_OPERATOR: 422,
    Code.LINK_CONTACTS_ONLY: 422,
    Code.LINK_LINE_TOO_YOUNG: 422,
    Code.LINK_SHARES_PER_DAY: 422,
    Code.PASSCODE_MISSING: 422,
    Code.PASSCODE_WRONG: 422,
    Code.PASSCODE_CLOSED: 422,
    Code.DEADLINE_PAST: 422,
    Code.GIFT_REQUEST_UNKNOWN: 404,
    Code.GIFT_REQUEST_ENDED: 409,
    Code.GIFT_REQUEST_TOO_MUCH: 422,
    Code.GIFT_THANKED: 409,
    Code.NOTICE_UNKNOWN: 404,
    Code.GIFT_NOT_YOURS: 403,
    Code.GIFT_ENDED: 409,
    Code.GIFT_EXPIRED: 409,
    Code.POOL_UNKNOWN: 404,
    Code.POOL_NOT_YOURS: 403,
    Code.POOL_NOT_OFFERED: 422,
    Code.POOL_OTHER_OPERATOR: 422,
    Code.POOL_OTHER_ACCOUNT: 422,
    Code.POOL_FULL: 409,
    Code.POOL_SOURCE: 422,
    Code.POOL_MEMBER_ALREADY: 409,
    Code.POOL_MEMBER_UNKNOWN: 404,
    Code.POOL_OWNER_STAYS: 409,
    Code.POOL_OWNER_FILLS: 403,
    Code.POOL_NOT_HANDED_OVER: 403,
    Code.INVITATION_UNKNOWN: 404,
    Code.TANK_UNKNOWN: 404,
    Code.TANK_CLOSED: 409,
    Code.TANK_NOT_OFFERED: 422,
    Code.TANK_OTHER_OPERATOR: 422,
    Code.TANK_NOT_YET: 422,
    Code.TANK_DRAWS_PER_MONTH: 422,
    Code.TANK_VOLUME_PER_MONTH: 422,
    Code.TANK_LEFT: 422,
    Code.TANK_NET_TAKER: 422,
    Code.TANK_OUT_OF_AREA: 422,
    Code.TANK_NOT_ENOUGH: 422,
    Code.TANK_EMPTY: 422,
    Code.TANK_FOR_ALL: 422,
    Code.TANK_OPEN_ALREADY: 409,
    Code.TANK_NOT_EXTENDABLE: 422,
    Code.TANK_OPEN_DAYS: 422,
    Code.AREA_UNREADABLE: 400,
    Code.DELEGATION_UNKNOWN: 404,
    Code.DELEGATION_ENDED: 409,
    Code.DELEGATION_TO_ONESELF: 422,
    Code.DELEGATION_TIME: 422,
    Code.DELEGATION_NOT_OFFERED: 422,
    Code.DELEGATION_RULES_UNKNOWN: 422,
    Code.DELEGATION_SCOPE_NOT_OFFERED: 422,
    Code.DELEGATION_OTHER_OPERATOR: 422,
    Code.DELEGATION_LINE_NEEDED: 422,
    Code.DELEGATION_CAP: 422,
    Code.TERMS_CHANGED: 409,
    Code.TERMS_NOT_AGREED: 422,
    Code.INSTEAD_AMOUNT: 422,
    Code.INSTEAD_FROM: 422,
    Code.INSTEAD_SERVICE: 422,
    Code.INSTEAD_LINE: 422,
    Code.INSTEAD_NEW_LINE: 422,
    Code.SETTING_INVALID: 500,
    Code.HOMES_FIXED: 409,
    Code.DATABASE_UNAVAILABLE: 503,
    Code.INTERNAL: 500,
}
"""Every code with its HTTP status (RFC 9110); a test holds it to the list of codes."""

_HEADERS: Mapping[Code, Mapping[str, str]] = {
    Code.SESSION_MISSING: {"WWW-Authenticate": 'Bearer realm="yuzuri"'},
    Code.SESSION_INVALID: {"WWW-Authenticate": 'Bearer realm="yuzuri", error="invalid_token"'},
    Code.REQUEST_IN_FLIGHT: {"Retry-After": "1"},
    Code.REQUEST_BUSY: {"Retry-After": "2"},
    Code.DATABASE_UNAVAILABLE: {"Retry-After": "5"},
}


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What did not succeed, why, and what to do next; `code` is stable, the sentences are not."""

    type: str
    title: str
    status: int
    detail: str
    code: Code
    next_step: str
    fields: dict[str, Any]
    instance: str
    reasons: tuple[SaidReason, ...] = ()
    instead: tuple[SaidInstead, ...] = ()


class GiftNotDone(Exception):  # noqa: N818 - business, not an error
    """A gift was refused; raised at this edge only, to be answered with a problem document."""

    def __init__(self, refused: GiftRefused, zone: ZoneInfo) -> None:
        super().__init__(refused.reasons[0].code.value)
        self.refused = refused
        self.zone = zone


def problem_response(
    request: Request[Any, Any, Any],
    refusal: Refusal,
    *,
    zone: ZoneInfo = _UTC,
    refused: GiftRefused | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response[Any]:
    """Answer with a problem document, or with a page where the client is a reader."""
    code, language = refusal.code, language_of(request)
    said = say(code, refusal.fields, language, zone)
    problem = Problem(
        type=f"urn:yuzuri:problem:{code}",
        title=_title(code),
        status=STATUS[code],
        detail=said.text,
        code=code,
        next_step=said.next_step,
        fields=pack_fields(refusal.fields),
        instance=request.scope["path"],
        reasons=say_reasons(refused.reasons, language, zone) if refused else (),
        instead=say_instead(refused.instead, language, zone) if refused else (),
    )
    is_json = _wants_json(request)
    return Response(
        problem if is_json else _page(problem, language.value),
        status_code=problem.status,
        media_type=PROBLEM_JSON if is_json else "text/html",
        headers={
            "Cache-Control": "no-store",
            "Content-Language": language.value,
            "X-Content-Type-Options": "nosniff",
            "Vary": "Accept-Language",
            **_HEADERS.get(code, {}),
            **_retry_after(refusal),
            **(headers or {}),
        },
    )


def _retry_after(refusal: Refusal) -> dict[str, str]:
    """Say in how many seconds one may try again, where the refusal knows (RFC 9110, 10.2.3)."""
    seconds = refusal.fields.get("seconds")
    return {} if seconds is None else {"Retry-After": str(seconds)}


def _title(code: Code) -> str:
    return code.value.replace(".", ": ").replace("_", " ").capitalize()


def _wants_json(request: Request[Any, Any, Any]) -> bool:
    path: str = request.scope["path"]
    if path.split("/")[1] in {"v1", "health", "schema"}:
        return True
    accept = request.headers.get("accept", "")
    return "json" in accept and "html" not in accept


def _page(problem: Problem, language: str) -> str:
    title, detail, next_step = (
        escape(text) for text in (problem.title, problem.detail, problem.next_step)
    )
    return (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>'
        f"{title}</title><body><h1>{detail}</h1><p>{next_step}</p></body></html>"
    )


# ---------------------------------------------------------------- what can be raised


def _on_domain_error(request: Request[Any, Any, Any], error: DomainError) -> Response[Any]:
    return problem_response(request, error.refusal)


def _on_gift_not_done(request: Request[Any, Any, Any], error: GiftNotDone) -> Response[Any]:
    first = error.refused.reasons[0]
    refusal = Refusal(first.code, first.fields)
    return problem_response(request, refusal, zone=error.zone, refused=error.refused)


def _on_http_exception(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            refusal = Refusal(Code.PATH_UNKNOWN)
        case HTTPStatus.METHOD_NOT_ALLOWED:
            refusal = Refusal(Code.METHOD_NOT_ALLOWED)
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            refusal = Refusal(Code.REQUEST_TOO_LARGE, {"limit": BODY_BYTES_MAX})
        case status if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            refusal = Refusal(Code.REQUEST_INVALID, _said_of(error))
        case _:
            return _on_defect(request, error)
    return problem_response(request, refusal, headers=error.headers)


def _said_of(error: HTTPException) -> dict[str, str]:
    """Name the field and the fault of what the framework could not read."""
    faults = error.extra if isinstance(error, ValidationException) else None
    if isinstance(faults, list) and faults and isinstance(faults[0], dict):
        field = str(faults[0].get("key", "")).removesuffix("data")
        if not field:
            return {"field": "body", "problem": "there is none"}
        return {"field": field, "problem": str(faults[0].get("message", error.detail))}
    return {"field": "request", "problem": error.detail}


def _on_no_database(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    _log.warning("no database for %s: %s", request.scope["path"], error)
    return problem_response(request, Refusal(Code.DATABASE_UNAVAILABLE))


def _on_defect(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    path = request.scope["path"]
    _log.error("unexpected at %s %s", request.scope["method"], path, exc_info=error)
    return problem_response(request, Refusal(Code.INTERNAL))


BODY_BYTES_MAX = 64 * 1024
"""No request that the API knows needs more."""

problem_handlers: ExceptionHandlersMap = {
    DomainError: _on_domain_error,
    GiftNotDone: _on_gift_not_done,
    DatabaseUnavailable: _on_no_database,
    OperationalError: _on_no_database,
    HTTPException: _on_http_exception,
    Exception: _on_defect,
}
