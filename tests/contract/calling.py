"""Calling the standard endpoints of a running Yuzuri as a network function, without a server."""

import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from yuzuri.catalog.purchases import Purchase, Purchased
from yuzuri.charging.sessions import Charged, ChargeEvent
from yuzuri.db.connect import open_database
from yuzuri.kernel.calendar import Clock
from yuzuri.kernel.ids import HolderId, PersonId, PurchaseId, SessionId, new_id
from yuzuri.kernel.names import Language
from yuzuri.networks.functions import NetworkFunction, register_function
from yuzuri.networks.tokens import AUDIENCE
from yuzuri.operators.profiles import read_profiles
from yuzuri.runtime.running import HOUSE_CLIENT, Yuzuri, run_yuzuri
from yuzuri.settings import Settings
from yuzuri.subscribers.lines import Line, Person, add_line, add_person
from yuzuri.subscribers.network_identities import add_identity

HOUR = timedelta(hours=1)
NOTIFY = "http://127.0.0.1:7777"

Serve = Callable[[Yuzuri, Any, Any, Any], Awaitable[None]]


@dataclass(frozen=True)
class Phone:
    """A line as a network knows it."""

    line: HolderId
    number: str
    supi: str

    @property
    def gpsi(self) -> str:
        return f"msisdn-{self.number[1:]}"


@dataclass
class Caller:
    """A network function that calls one endpoint with its token."""

    yuzuri: Yuzuri
    http: httpx.AsyncClient
    function: str
    headers: dict[str, str]

    async def send(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> httpx.Response:
        content = {} if body is None else {"json": body}
        return await self.http.request(method, path, headers=self.headers | headers, **content)  # type: ignore[arg-type]


async def open_caller(
    yuzuri: Yuzuri, serve: Serve, *services: str, line: str | None = None
) -> Caller:
    """Register a network function, and let it call with a token for what it may use."""
    function = f"nf-{uuid.uuid4().hex[:12]}"
    async with yuzuri.database.connection() as connection:
        await register_function(
            connection,
            NetworkFunction(
                function, function, frozenset(services), frozenset({NOTIFY}), yuzuri.clock()
            ),
        )
    token = await yuzuri.networks.issue(
        function, AUDIENCE, " ".join(services), yuzuri.clock(), 24 * 365 * HOUR, line
    )

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await serve(yuzuri, scope, receive, send)

    http = httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://chf.example:8080", trust_env=False
    )
    return Caller(yuzuri, http, function, {"Authorization": f"Bearer {token}"})


async def add_phone(
    yuzuri: Yuzuri,
    plan: str = "carry-over",
    *,
    operator: str = "yuzuri-mobile",
    filled: bool = True,
) -> Phone:
    """Make a line, which the network knows, with a fresh cycle of its plan."""
    person, line = PersonId(new_id()), HolderId(new_id())
    digits = f"{uuid.uuid4().int % 10**8:08}"
    phone = Phone(line, f"+8190{digits}", f"imsi-4401012{digits}")
    async with yuzuri.database.connection() as connection:
        await add_person(connection, Person(person, "Mika", Language.JA, yuzuri.clock()))
        await add_line(
            connection,
            Line(
                id=line,
                person=person,
                operator=operator,
                plan=plan,
                number=phone.number,
                label="phone",
                activated_at=datetime(2026, 1, 5, tzinfo=UTC),
            ),
        )
        await add_identity(connection, phone.supi, line)
    if filled:
        purchase = Purchase(id=PurchaseId(new_id()), line=line)
        assert isinstance(await yuzuri.submit(HOUSE_CLIENT, f"fill {line}", purchase), Purchased)
    return phone


async def use(yuzuri: Yuzuri, phone: Phone, amount: int, rating_group: int = 1) -> None:
    """Let a phone have used so much, in base units of the rating group."""
    event = ChargeEvent(
        event=SessionId(new_id()),
        line=phone.line,
        network_function="smf",
        rating_group=rating_group,
        amount=amount,
        country=None,
        has_happened=True,
    )
    assert isinstance(await yuzuri.submit(HOUSE_CLIENT, str(event.event), event), Charged)


@contextlib.asynccontextmanager
async def beside(settings: Settings, clock: Clock) -> AsyncIterator[Yuzuri]:
    """Run on a database that is ready, by a clock of the test's."""
    async with (
        open_database(settings, migrating=False) as database,
        run_yuzuri(settings, database, clock=clock, profiles=read_profiles()) as yuzuri,
    ):
        yield yuzuri
