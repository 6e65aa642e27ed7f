"""A real server process over a real database, people with lines to act for, and a look behind."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg

from yuzuri.catalog.purchases import Purchase, Purchased
from yuzuri.cli.serving import as_environment
from yuzuri.db.connect import open_database
from yuzuri.kernel.calendar import utc_now
from yuzuri.kernel.ids import HolderId, Id, PersonId, PurchaseId, new_id
from yuzuri.kernel.names import Language
from yuzuri.operators.profiles import read_profiles
from yuzuri.runtime.running import HOUSE_CLIENT, Yuzuri, run_yuzuri
from yuzuri.runtime.verify import verify
from yuzuri.settings import Settings
from yuzuri.subscribers.lines import Line, Person, add_line, add_person
from yuzuri.subscribers.sessions import open_session

START_TIMEOUT_S = 60.0
ANSWER_TIMEOUT_S = 60.0
BALANCE_TABLES = ("allowance", "bucket", "transfer", "journal_page", "hold", "in_transit", "gift")


@dataclass
class ServedYuzuri:
    """A server process on a port of the loopback, started and killed by the test."""

    settings: Settings
    port: int
    process: subprocess.Popen[bytes] | None = None
    log: Path | None = None
    """Where all that it says goes, every request's line included; None: where the tests' goes."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server, and wait until it says that it is well."""
        command = [sys.executable, "-m", "granian", "--interface", "asgi", "--factory",
                   "--host", "127.0.0.1", "--port", str(self.port), "--no-ws",
                   *(["--access-log"] if self.log else []), "yuzuri.main:create_app"]  # fmt: skip
        settings = replace(self.settings, port=self.port)
        environment = os.environ | as_environment(settings)
        with contextlib.ExitStack() as stack:
            said = stack.enter_context(self.log.open("ab")) if self.log else None
            # A session of its own, so that its workers end with it.
            self.process = subprocess.Popen(
                command, env=environment, start_new_session=True, stdout=said, stderr=said
            )
        give_up_at = time.monotonic() + START_TIMEOUT_S
        while not self._is_well():
            assert self.process.poll() is None, "the server has ended before it was ready"
            assert time.monotonic() < give_up_at, "the server was not ready in time"
            time.sleep(0.1)

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> None:
        """End the server and its workers; SIGKILL gives them no time for a last word."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, with_signal)
            self.process.wait(30)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process = None

    def client(self, token: str | None = None, **headers: str) -> httpx.Client:
        """Return a client of the API, signed in with a token."""
        return httpx.Client(
            base_url=self.url,
            headers=headers | as_headers(token),
            timeout=ANSWER_TIMEOUT_S,
            trust_env=False,
        )

    def _is_well(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False


def as_headers(token: str | None) -> dict[str, str]:
    """Return the header that signs a request."""
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def serving(settings: Settings, log: Path | None = None) -> Iterator[ServedYuzuri]:
    """Serve for as long as this lasts."""
    served = ServedYuzuri(settings, free_port(), log=log)
    try:
        served.start()
        yield served
    finally:
        served.stop()


# ---------------------------------------------------------------- people


@dataclass(frozen=True)
class Customer:
    """Somebody with one line on a real database, signed in."""

    person: PersonId
    line: HolderId
    number: str
    token: str
    api: httpx.Client = field(compare=False)

    def give(self, to: "Customer", amount: int, *, key: str = "", **more: Any) -> httpx.Response:
        """Offer so much to another person's line, with a new key if none is named."""
        return self.api.post(
            "/v1/gifts", json=gift_body(self, to, amount, **more), headers=keyed(key)
        )

    def preview(self, to: "Customer", amount: int, **more: Any) -> httpx.Response:
        """Ask what would happen."""
        return self.api.post("/v1/gifts/preview", json=gift_body(self, to, amount, **more))

    def end(self, gift: str, how: str, *, key: str = "") -> httpx.Response:
        """Accept, decline or cancel a gift."""
        return self.api.post(f"/v1/gifts/{gift}/{how}", headers=keyed(key))

    def balances(self, unit: str = "data") -> tuple[int, int]:
        """Return what the line has and what of it waits in open gifts, as the API tells it."""
        line = self.api.get(f"/v1/lines/{self.line}").json()
        of_unit = [balance for balance in line["balances"] if balance["unit"] == unit]
        return sum(b["amount"] for b in of_unit), sum(b["held"] for b in of_unit)


def gift_body(giver: Customer, to: Customer, amount: int, **more: Any) -> dict[str, Any]:
    """Return the body of an offer, with fields of the caller's choice."""
    plain = {"from_line": str(giver.line), "to_line": str(to.line), "amount": amount}
    return plain | {"unit": "data"} | more


def keyed(key: str = "") -> dict[str, str]:
    """Return the header with an idempotency key: a new one if none is named."""
    return {"Idempotency-Key": key or uuid.uuid4().hex}


@contextlib.asynccontextmanager
async def beside(settings: Settings) -> AsyncIterator[Yuzuri]:
    """Work on the database of a server without going through it."""
    async with (
        open_database(settings, migrating=False) as database,
        run_yuzuri(settings, database, clock=utc_now, profiles=read_profiles()) as yuzuri,
    ):
        yield yuzuri


async def add_customer(
    yuzuri: Yuzuri,
    served: ServedYuzuri,
    nickname: str,
    *,
    operator: str = "yuzuri-mobile",
    plan: str = "carry-over",
    filled: bool = True,
) -> Customer:
    """Make a person with one line and a fresh cycle of its plan, and sign them in.

    The plan's 5 GB and 30 min last to the end of the next month, whatever day it is today.
    """
    person, line = PersonId(new_id()), HolderId(new_id())
    number = f"+8190{uuid.uuid4().int % 10**8:08}"
    at = utc_now()
    async with yuzuri.database.connection() as connection:
        await add_person(connection, Person(person, nickname, Language.EN, at))
        await add_line(
            connection,
            Line(
                id=line,
                person=person,
                operator=operator,
                plan=plan,
                number=number,
                label=f"{nickname}'s phone",
                activated_at=datetime(2026, 1, 5, tzinfo=UTC),
            ),
        )
        token = await open_session(connection, person, at)
    if filled:
        purchase = Purchase(id=PurchaseId(new_id()), line=line)
        assert isinstance(await yuzuri.submit(HOUSE_CLIENT, f"fill {line}", purchase), Purchased)
    return Customer(person, line, number, token, served.client(token))


# ---------------------------------------------------------------- behind what is offered


def table_digests(superuser_url: str, *tables: str) -> Mapping[str, tuple[int, str]]:
    """Return how many rows each table of balances and gifts has, and a digest of all of them."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        digests = {}
        for table in tables or BALANCE_TABLES:
            row = connection.execute(
                "SELECT count(*), coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '')"
                f" FROM yuzuri.{table} AS t"
            ).fetchone()
            assert row is not None
            digests[table] = (row[0], row[1])
        return digests


async def broken_invariants(yuzuri: Yuzuri) -> list[str]:
    """Return which of the invariants do not hold."""
    async with yuzuri.database.connection() as connection:
        findings = await verify(connection, utc_now())
    return [f"{f.number} {f.title}: {f.breaches}" for f in findings if not f.holds]


ELSEWHERE = "ffffffff-ffff-7fff-bfff-ffffffffffff"
"""An id of a home that is not there, nor can be."""


def new_uuid() -> Id:
    """Return an id that nothing has."""
    return new_id()
