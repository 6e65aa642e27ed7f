"""What a browser sends: text, and the proof that the form is one of ours."""

import hmac
from collections.abc import Mapping
from typing import Any

from yuzuri.kernel.errors import Code, DomainError
from yuzuri.web.visits import AnyRequest, Visit

TOKEN_FIELD = "form_token"  # noqa: S105 - a field's name
FIELD_LENGTH_MAX = 2_000


class ForeignForm(Exception):  # noqa: N818 - a state of the world
    """A form that did not come from a page that this browser got from us, or is too old."""


class Form:
    """Text by field; what is absent is empty."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields

    def text(self, name: str) -> str:
        """Return a field as PostgreSQL can keep it: trimmed, line ends as one, no NUL."""
        value = self._fields.get(name, "")
        if not isinstance(value, str):
            return ""
        clean = value.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").strip()
        return clean.encode("utf-8", "replace").decode()[:FIELD_LENGTH_MAX]


async def read_form(request: AnyRequest, visit: Visit) -> Form:
    """Read a form and prove that it is ours; raises `ForeignForm`."""
    form = await read_unbound_form(request)
    # A browser that has only now been given its secret cannot have a form of ours.
    given = form.text(TOKEN_FIELD).encode()
    if visit.is_new or not hmac.compare_digest(given, visit.form_token.encode()):
        raise ForeignForm
    return form


async def read_unbound_form(request: AnyRequest) -> Form:
    """Read a form of a page that is the same for everyone, and so has no token.

    It may change nothing. Another site's page cannot send it from a browser that says so.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise ForeignForm
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/x-www-form-urlencoded":
        raise DomainError(Code.REQUEST_MALFORMED)
    fields = await request.form()
    return Form({name: fields.get(name) for name in fields})
