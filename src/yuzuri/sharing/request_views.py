"""What people see of requests: who asks of their own, and whoever has opened one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from yuzuri.db import Connection
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import PersonId, RequestId
from yuzuri.ledger.store import read_book
from yuzuri.operators.profiles import Profiles
from yuzuri.sharing.gift_store import PAST_LIMIT, gifts_via, load_gift_facts
from yuzuri.sharing.gifts import Gift
from yuzuri.sharing.request_decisions import RequestFacts
from yuzuri.sharing.request_store import load_requests, requests_of_lines, take_in_requests
from yuzuri.sharing.requests import FillRequest, Request, RequestState
from yuzuri.subscribers.lines import Line, Person, lines_of, load_line, load_lines, load_people


@dataclass(frozen=True, slots=True)
class RequestInView:
    """A request as whoever asks sees it, with the line that it is for."""

    request: Request
    line: Line


@dataclass(frozen=True, slots=True)
class FillInView:
    """What a friend has given to a request."""

    gift: Gift
    other: Person
    other_number: str


@dataclass(frozen=True, slots=True)
class OpenedRequest:
    """A request as whoever has opened it sees it."""

    request: Request
    line: Line
    asker: Person


async def load_request_list(
    connection: Connection, person: PersonId, at: datetime
) -> Sequence[RequestInView]:
    """Return a person's requests that are open or were made lately, newest first."""
    lines = {line.id: line for line in await lines_of(connection, person)}
    requests = await requests_of_lines(connection, lines, at - PAST_LIMIT)
    return [RequestInView(request, lines[request.line]) for request in requests]


async def load_own_request(
    connection: Connection, person: PersonId, request_id: RequestId
) -> RequestInView:
    """Return a request that the person has made, or raise `GIFT_REQUEST_UNKNOWN`."""
    for request in await load_requests(connection, [request_id]):
        line = await load_line(connection, request.line)
        if line.person == person:
            return RequestInView(request, line)
    raise DomainError(Code.GIFT_REQUEST_UNKNOWN)


async def load_fills(
    connection: Connection, request: Request, limit: int = 100
) -> Sequence[FillInView]:
    """Return what friends have given to a request, newest first."""
    gifts = await gifts_via(connection, request.id, limit)
    lines = await load_lines(connection, {gift.from_line for gift in gifts})
    people = await load_people(connection, {line.person for line in lines.values()})
    givers = [(gift, lines[gift.from_line]) for gift in gifts]
    return [FillInView(gift, people[line.person], line.masked_number) for gift, line in givers]


async def load_open_request(
    connection: Connection, request_id: RequestId, at: datetime
) -> OpenedRequest | None:
    """Return a request that something can be given to now; None: it has ended, or never was."""
    for request in await load_requests(connection, [request_id]):
        if request.state_at(at) is RequestState.OPEN:
            line = await load_line(connection, request.line)
            people = await load_people(connection, [line.person])
            return OpenedRequest(request, line, people[line.person])
    return None


async def load_fill_facts(
    connection: Connection, profiles: Profiles, fill: FillRequest, at: datetime
) -> RequestFacts:
    """Load what `preview_fill` looks at, without locking anything."""
    asked = {request.line for request in await load_requests(connection, [fill.request])}
    lines = await load_lines(connection, {fill.line, *asked})
    book = await read_book(connection, list(lines), at)
    facts = RequestFacts(await load_gift_facts(connection, book, profiles, lines))
    await take_in_requests(connection, facts, [fill.request])
    return facts
