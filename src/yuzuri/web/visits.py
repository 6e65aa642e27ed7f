"""Who looks at a page, in which language, and the secrets that their browser keeps for us."""

import hmac
import secrets
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie

from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.names import Language
from yuzuri.runtime.running import Yuzuri
from yuzuri.subscribers.lines import Person, load_people
from yuzuri.subscribers.sessions import SESSION_LIFETIME, session_person
from yuzuri.words.languages import choose_language

SESSION_COOKIE = "yuzuri_session"
VISITOR_COOKIE = "yuzuri_visitor"
LANGUAGE_COOKIE = "yuzuri_language"

_YEAR_S = 365 * 24 * 3600
_SECRET_LENGTH_MAX = 200

AnyRequest = Request[Any, Any, Any]
AnyConnection = ASGIConnection[Any, Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a browser. `visitor` is a secret that only this browser has."""

    language: Language
    path: str
    visitor: str
    session: str
    """The secret that proves who is signed in; empty: nobody."""
    is_secure: bool
    is_new: bool
    person: Person | None = None

    @property
    def form_token(self) -> str:
        """What every form carries, so that no other site can send one (double submit).

        It is bound to both secrets, which no other site can read; HttpOnly, so no script can.
        """
        return hmac.digest(self.visitor.encode(), self.session.encode(), sha256).hex()

    def cookies(self) -> list[Cookie]:
        """Return what the browser is asked to keep beyond what it has."""
        return [self.cookie(VISITOR_COOKIE, self.visitor, _YEAR_S)] if self.is_new else []

    def cookie(self, key: str, value: str, max_age_s: int) -> Cookie:
        """Make a cookie of ours; no script reads it, no other site's form brings it."""
        return Cookie(
            key=key,
            value=value,
            max_age=max_age_s,
            path="/",
            httponly=True,
            samesite="lax",
            secure=self.is_secure,
        )

    def session_cookie(self, secret: str) -> Cookie:
        """Make the cookie that keeps a person signed in; an empty secret takes it away."""
        lifetime_s = int(SESSION_LIFETIME.total_seconds()) if secret else 0
        return self.cookie(SESSION_COOKIE, secret, lifetime_s)

    def language_cookie(self, language: Language) -> Cookie:
        """Make the cookie that keeps the language that was chosen."""
        return self.cookie(LANGUAGE_COOKIE, language.value, _YEAR_S)


def yuzuri_of(connection: AnyConnection) -> Yuzuri:
    """Return the running Yuzuri of the application."""
    running: Yuzuri = connection.app.state.yuzuri
    return running


def stranger(connection: AnyConnection) -> Visit:
    """Read what a request tells without asking the database: nobody is signed in yet."""
    cookies = connection.cookies
    visitor = cookies.get(VISITOR_COOKIE, "")
    is_new = not 20 <= len(visitor) <= _SECRET_LENGTH_MAX
    url = connection.url
    return Visit(
        language=_language(connection),
        path=f"{url.path}?{url.query}" if url.query else url.path,
        visitor=secrets.token_urlsafe(32) if is_new else visitor,
        session=cookies.get(SESSION_COOKIE, "")[:_SECRET_LENGTH_MAX],
        is_secure="https" in {url.scheme, connection.headers.get("x-forwarded-proto", "")},
        is_new=is_new,
    )


async def open_visit(request: AnyRequest) -> Visit:
    """Read a request, and see who is signed in."""
    visit = stranger(request)
    if not visit.session:
        return visit
    yuzuri = yuzuri_of(request)
    async with yuzuri.database.connection() as connection:
        try:
            person_id = await session_person(connection, visit.session, yuzuri.clock())
        except DomainError:
            return visit
        people = await load_people(connection, [person_id])
    return replace(visit, person=people.get(person_id))


async def signed_in(visit: Visit) -> Person:
    """Return who is signed in; raises `SESSION_MISSING` or `SESSION_INVALID`."""
    if visit.person is None:
        raise DomainError(Code.SESSION_INVALID if visit.session else Code.SESSION_MISSING)
    return visit.person


def _language(connection: AnyConnection) -> Language:
    chosen = connection.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in set(Language):
        return Language(chosen)
    default = yuzuri_of(connection).settings.lang
    return choose_language(connection.headers.get("accept-language"), default)
