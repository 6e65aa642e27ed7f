"""Signing in and out, and who is signed in."""

from datetime import datetime
from uuid import UUID

import msgspec
from litestar import Request, delete, get, post
from litestar.datastructures import State
from litestar.params import JSONBody

from yuzuri.api.app.bodies import SignIn
from yuzuri.api.app.callers import Caller, in_demo, running
from yuzuri.api.app.descriptions import problems
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import PersonId, parse_id
from yuzuri.subscribers.lines import Person, list_people, load_person
from yuzuri.subscribers.sessions import (
    SESSION_LIFETIME,
    end_session,
    open_session,
    use_sign_in_code,
)


class PersonView(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody with lines; `language` is en, ja or zh."""

    id: UUID
    nickname: str
    language: str


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """The secret to send as `Authorization: Bearer …` until `expires_at`."""

    token: str
    person: PersonView
    expires_at: datetime


class PeopleView(msgspec.Struct, frozen=True, kw_only=True):
    """Whom one may sign in as."""

    people: list[PersonView]


@post("/sessions", summary="Sign in", tags=["sessions"], responses=problems(400, 403, 404, 413))
async def sign_in(request: Request[PersonId, str, State], data: JSONBody[SignIn]) -> SessionView:
    """Sign in with a code that works once; in the demo also as a person of one's choice."""
    if (data.sign_in_code is None) == (data.person is None):
        problem = "give either sign_in_code or person"
        raise DomainError(Code.REQUEST_INVALID, field="sign_in_code", problem=problem)
    yuzuri = running(request)
    at = yuzuri.clock()
    async with yuzuri.database.connection() as connection:
        if data.sign_in_code is not None:
            person_id = await use_sign_in_code(connection, data.sign_in_code, at)
        elif yuzuri.settings.demo:
            person_id = PersonId(parse_id(data.person or "", Code.PERSON_UNKNOWN))
        else:
            raise DomainError(Code.SIGN_IN_REFUSED)
        person = await load_person(connection, person_id)
        token = await open_session(connection, person_id, at)
    return SessionView(token=token, person=_view(person), expires_at=at + SESSION_LIFETIME)


@delete("/sessions", summary="Sign out", tags=["sessions"], responses=problems(401))
async def sign_out(request: Caller) -> None:
    """End the session that the request is signed with."""
    async with running(request).database.connection() as connection:
        await end_session(connection, request.auth)


@get("/me", summary="Who is signed in", tags=["sessions"], responses=problems(401))
async def show_me(request: Caller) -> PersonView:
    """Return the person that the request is signed for."""
    async with running(request).database.connection() as connection:
        return _view(await load_person(connection, request.user))


@get(
    "/people",
    summary="Whom one may sign in as (demo only)",
    tags=["sessions"],
    guards=[in_demo],
    responses=problems(404),
)
async def show_people(request: Request[PersonId, str, State]) -> PeopleView:
    """Return the people of the demo."""
    async with running(request).database.connection() as connection:
        return PeopleView(people=[_view(person) for person in await list_people(connection)])


def _view(person: Person) -> PersonView:
    return PersonView(id=person.id.uuid, nickname=person.nickname, language=person.language)
