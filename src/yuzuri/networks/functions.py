"""Network functions as they are registered: an SMF, a PCF, a third party's program."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from yuzuri.db import Connection
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.networks.origins import ANY_LOOPBACK, is_allowed


class Service(StrEnum):
    """What a network function can be let use; the value is the scope of its tokens."""

    CONVERGED_CHARGING = "nchf-convergedcharging"
    SPENDING_LIMIT_CONTROL = "nchf-spendinglimitcontrol"
    DEVICE_DATA_VOLUME = "device-data-volume:read"
    DEVICE_DATA_VOLUME_ANY_LINE = "device-data-volume:any-line"
    """Beside the one above: ask about lines that its token does not name."""


@dataclass(frozen=True, slots=True)
class NetworkFunction:
    """Who may call: `id` is an NF instance id or a client id.

    It may have itself told something at its `notify_origins` and nowhere else.
    """

    id: str
    name: str
    services: frozenset[str]
    notify_origins: frozenset[str]
    registered_at: datetime

    def may_be_told_at(self, uri: str) -> bool:
        """Say whether a URI has an origin that was registered for this network function."""
        return is_allowed(uri, self.notify_origins)


CERTIFICATE_ID = "certificate"
"""The network function that whoever has a known client certificate and no token is."""

DEMO_ID = "demo"
"""The network function that every program of this machine is, where the demo's network is open."""


DEMO = NetworkFunction(
    DEMO_ID,
    "Demo",
    frozenset(map(str, Service)),
    frozenset({ANY_LOOPBACK}),
    datetime(2026, 1, 1, tzinfo=UTC),
)


_COLUMNS = "id, name, services, notify_origins, registered_at"
_REGISTER = f"""
INSERT INTO network_function ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, services = excluded.services,
    notify_origins = excluded.notify_origins
"""
_REMOVE = "DELETE FROM network_function WHERE id = %s"
_ALL = f"SELECT {_COLUMNS} FROM network_function ORDER BY registered_at, id"


async def register_function(connection: Connection, function: NetworkFunction) -> None:
    """Register a network function; one that is known is changed, and its tokens stay good."""
    await connection.execute(
        _REGISTER,
        (function.id, function.name, sorted(function.services), sorted(function.notify_origins),
         function.registered_at),
    )  # fmt: skip


async def remove_function(connection: Connection, function: str) -> None:
    """Let a network function call no more; raises `NETWORK_FUNCTION_UNKNOWN`.

    Our own tokens for it stay refused even if it is registered again.
    """
    cursor = await connection.execute(_REMOVE, (function,))
    if not cursor.rowcount:
        raise DomainError(Code.NETWORK_FUNCTION_UNKNOWN, network_function=function)


async def list_functions(connection: Connection) -> Sequence[NetworkFunction]:
    """Return all network functions, first come first."""
    return [
        NetworkFunction(row[0], row[1], frozenset(row[2]), frozenset(row[3]), row[4])
        async for row in await connection.execute(_ALL)
    ]
