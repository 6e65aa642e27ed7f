"""Those who give and those who are given to: enough of them, with enough to give, signed in."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from yuzuri.catalog.purchases import Purchase
from yuzuri.kernel.errors import DomainError, Refusal
from yuzuri.kernel.ids import HolderId, Home, PersonId, PurchaseId, new_id
from yuzuri.kernel.names import Language
from yuzuri.runtime.running import HOUSE_CLIENT, Yuzuri, open_yuzuri
from yuzuri.settings import Settings
from yuzuri.subscribers.lines import Line, Person, add_line, add_person
from yuzuri.subscribers.sessions import open_session

OPERATOR, PLAN = "mineo", "mypita-10gb"
"""Gifts of a multiple of 10 MB to anyone of the same operator, as often as one likes."""

STEP_BYTES = 10_000_000
CYCLES = 4
"""How often each giver has got the plan's 10 GB."""

LINE_AGE = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody with one line, and the secret that signs their requests."""

    line: str
    token: str


@dataclass(frozen=True, slots=True)
class People:
    """Givers only give and receivers only receive, so that nobody's kinds of data grow."""

    givers: Sequence[Customer]
    receivers: Sequence[Customer]


async def make_people(settings: Settings, number: int) -> People:
    """Make so many givers and as many receivers known, in all homes in turn."""
    async with open_yuzuri(settings) as yuzuri:
        customers = [await _make_customer(yuzuri, index) for index in range(2 * number)]
        givers, receivers = customers[:number], customers[number:]
        await asyncio.gather(*(_fill(yuzuri, line) for line, _ in givers for _ in range(CYCLES)))
    return People(
        *([Customer(str(line), token) for line, token in of] for of in (givers, receivers))
    )


async def _make_customer(yuzuri: Yuzuri, index: int) -> tuple[HolderId, str]:
    home, at = Home(index % yuzuri.homes), yuzuri.clock()
    person, line = PersonId(new_id(home)), HolderId(new_id(home))
    async with yuzuri.database.connection() as connection:
        await add_person(connection, Person(person, f"Person {index}", Language.EN, at))
        await add_line(
            connection,
            Line(
                id=line,
                person=person,
                operator=OPERATOR,
                plan=PLAN,
                number=f"+81900{index:07}",
                label="Main",
                activated_at=at - LINE_AGE,
            ),
        )
        return line, await open_session(connection, person, at)


async def _fill(yuzuri: Yuzuri, line: HolderId) -> None:
    purchase = PurchaseId(new_id())
    command = Purchase(id=purchase, line=line)
    outcome = await yuzuri.submit(HOUSE_CLIENT, f"purchase {purchase}", command)
    if isinstance(outcome, Refusal):
        raise DomainError(outcome.code, **outcome.fields)
