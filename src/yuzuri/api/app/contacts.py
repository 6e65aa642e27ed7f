"""Contacts: the numbers that a person knows, under names of their own."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from litestar import get, post
from litestar.params import JSONBody

from yuzuri.api.app.callers import Caller, running
from yuzuri.api.app.descriptions import problems
from yuzuri.api.app.link_bodies import ContactBody, NumberBody
from yuzuri.subscribers.contacts import Contact, add_contact, load_contacts, remove_contact
from yuzuri.subscribers.lines import parse_number


class ContactView(msgspec.Struct, frozen=True, kw_only=True):
    """A number (E.164), and what I call it."""

    number: str
    label: str
    added_at: datetime


class ContactsView(msgspec.Struct, frozen=True, kw_only=True):
    """My contacts, by label."""

    contacts: list[ContactView]


@get("/contacts", summary="My contacts", tags=["contacts"], responses=problems(401))
async def show_contacts(request: Caller) -> ContactsView:
    """Return the numbers that I know; links can be posted for them alone."""
    async with running(request).database.connection() as connection:
        return _view(await load_contacts(connection, request.user))


@post(
    "/contacts",
    summary="Add a contact",
    tags=["contacts"],
    status_code=200,
    responses=problems(400, 401, 409, 413),
)
async def add_to_contacts(request: Caller, data: JSONBody[ContactBody]) -> ContactsView:
    """Add a number, or change what I call it; the answer is the same whether anybody has it."""
    yuzuri, number = running(request), parse_number(data.number)
    async with yuzuri.database.connection() as connection:
        await add_contact(connection, request.user, number, data.label, yuzuri.clock())
        return _view(await load_contacts(connection, request.user))


@post(
    "/contacts/remove",
    summary="Remove a contact",
    tags=["contacts"],
    status_code=200,
    responses=problems(400, 401, 413),
)
async def remove_from_contacts(request: Caller, data: JSONBody[NumberBody]) -> ContactsView:
    """Take a number off my list; one that is not there is as good as gone."""
    number = parse_number(data.number)
    async with running(request).database.connection() as connection:
        await remove_contact(connection, request.user, number)
        return _view(await load_contacts(connection, request.user))


def _view(contacts: Sequence[Contact]) -> ContactsView:
    return ContactsView(
        contacts=[
            ContactView(number=c.number, label=c.label, added_at=c.added_at) for c in contacts
        ]
    )
