"""What a person sees when a page cannot be shown: why, in their language, and what to do next."""

import logging
from urllib.parse import urlencode

from litestar import Response
from litestar.exceptions import HTTPException
from litestar.response import Redirect
from litestar.types import ExceptionHandlersMap

from yuzuri.db import DatabaseUnavailable
from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.web.evidence_views import tell_refusal
from yuzuri.web.forms import ForeignForm
from yuzuri.web.instants import Reader
from yuzuri.web.rendering import page, see_other
from yuzuri.web.statuses import status_of
from yuzuri.web.visits import AnyRequest, stranger, yuzuri_of

_log = logging.getLogger(__name__)


def _show_refusal(request: AnyRequest, refusal: Refusal) -> Response[str]:
    visit = stranger(request)
    told = tell_refusal(refusal, Reader.of_world(visit.language, yuzuri_of(request).clock()))
    status = status_of(refusal.code)
    return page(visit, "problem.html", status=status, told=told, reason="", number=status)


def _domain_error(request: AnyRequest, error: DomainError) -> Response[str] | Redirect:
    if error.refusal.code in {Code.SESSION_MISSING, Code.SESSION_INVALID}:
        visit = stranger(request)
        comes_back = request.method == "GET" and visit.path != "/"
        then = f"?{urlencode({'then': visit.path})}" if comes_back else ""
        return see_other(visit, f"/sign-in{then}")
    return _show_refusal(request, error.refusal)


def _database_unavailable(request: AnyRequest, error: DatabaseUnavailable) -> Response[str]:
    _log.error("a page needed the database: %s", error)
    return _show_refusal(request, Refusal(error.code))


def _foreign_form(request: AnyRequest, _: ForeignForm) -> Response[str]:
    visit = stranger(request)
    return page(visit, "problem.html", status=403, told=None, reason="form", number=403)


def _http_error(request: AnyRequest, error: HTTPException) -> Response[str]:
    code = {404: Code.PATH_UNKNOWN, 405: Code.METHOD_NOT_ALLOWED}.get(
        error.status_code, Code.REQUEST_INVALID if error.status_code < 500 else Code.INTERNAL
    )
    response = _show_refusal(request, Refusal(code))
    response.status_code = error.status_code
    return response


def _defect(request: AnyRequest, error: Exception) -> Response[str]:
    _log.error("a page failed: %s %s", request.method, request.url.path, exc_info=error)
    return _show_refusal(request, Refusal(Code.INTERNAL))


error_handlers: ExceptionHandlersMap = {
    DomainError: _domain_error,
    DatabaseUnavailable: _database_unavailable,
    ForeignForm: _foreign_form,
    HTTPException: _http_error,
    Exception: _defect,
}
