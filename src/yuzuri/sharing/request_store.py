"""The requests' rows."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from psycopg.rows import TupleRow

from yuzuri.db import Connection
from yuzuri.kernel.ids import HolderId, RequestId, by_home, home_of
from yuzuri.kernel.quantities import Unit
from yuzuri.sharing.request_decisions import RequestFacts
from yuzuri.sharing.requests import Request, RequestState

_COLUMNS = "id, line, unit, amount, filled, message, state, asked_at, deadline, ended_at"

_REQUESTS = f"SELECT {_COLUMNS} FROM gift_request WHERE home = %s AND id = ANY(%b)"

_OF_LINES = f"""
SELECT {_COLUMNS} FROM gift_request
WHERE home = ANY(%(homes)b) AND line = ANY(%(lines)b) AND (asked_at >= %(since)s OR state = 'open')
ORDER BY asked_at DESC, id DESC
"""

_WRITE = f"""
INSERT INTO gift_request (home, {_COLUMNS})
SELECT %s, * FROM unnest(
    %b::uuid[], %b::uuid[], %b::text[], %b::bigint[], %b::bigint[], %b::text[], %b::text[],
    %b::timestamptz[], %b::timestamptz[], %b::timestamptz[])
ON CONFLICT (home, id) DO UPDATE SET filled = excluded.filled, state = excluded.state,
    ended_at = excluded.ended_at
"""


async def load_requests(connection: Connection, requests: Iterable[RequestId]) -> Sequence[Request]:
    """Return the requests with these ids, as far as they exist."""
    found = []
    for home, ids in by_home(requests).items():
        cursor = await connection.execute(_REQUESTS, (home, ids), prepare=True)
        found += [_request(row) async for row in cursor]
    return found


async def lines_of_requests(connection: Connection, requests: Iterable[RequestId]) -> set[HolderId]:
    """Return the lines that these requests are for: they must be locked before."""
    return {request.line for request in await load_requests(connection, requests)}


async def take_in_requests(
    connection: Connection, facts: RequestFacts, requests: Iterable[RequestId]
) -> None:
    """Load requests; one whose line is not among the facts was made after the lines were locked."""
    for request in await load_requests(connection, requests):
        if request.line in facts.gifts.lines:
            facts.requests[request.id] = request


async def write_request_facts(connection: Connection, facts: RequestFacts) -> None:
    """Write what a group has made of requests."""
    if facts.changed:
        await write_requests(connection, map(facts.requests.__getitem__, facts.changed))


async def requests_of_lines(
    connection: Connection, lines: Collection[HolderId], since: datetime
) -> Sequence[Request]:
    """Return what was asked for these lines since an instant, or is still open; newest first."""
    homes = sorted({home_of(line) for line in lines})
    parameters = {"homes": homes, "lines": list(lines), "since": since}
    cursor = await connection.execute(_OF_LINES, parameters)
    return [_request(row) async for row in cursor]


async def write_requests(connection: Connection, requests: Iterable[Request]) -> None:
    """Write requests as they now stand."""
    known = {request.id: request for request in requests}
    for home, ids in by_home(known).items():
        rows = (
            (r.id, r.line, r.unit.value, r.amount, r.filled, r.message, r.state.value, r.asked_at,
             r.deadline, r.ended_at)
            for r in map(known.__getitem__, ids)
        )  # fmt: skip
        columns = (list(column) for column in zip(*rows, strict=True))
        await connection.execute(_WRITE, (home, *columns))


def _request(row: TupleRow) -> Request:
    request, line, unit, amount, filled, message, state, asked_at, deadline, ended_at = row
    return Request(
        id=RequestId(request),
        line=HolderId(line),
        unit=Unit(unit),
        amount=amount,
        filled=filled,
        message=message,
        state=RequestState(state),
        asked_at=asked_at,
        deadline=deadline,
        ended_at=ended_at,
    )
