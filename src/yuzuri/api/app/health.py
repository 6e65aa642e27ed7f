"""Whether the server can do its work: for those who watch over it."""

import asyncio
from typing import Literal

import msgspec
from litestar import Request, get
from litestar.datastructures import State

from yuzuri.api.app.callers import running
from yuzuri.api.app.descriptions import problems
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import PersonId

_TIMEOUT_S = 3.0
"""Shorter than what a load balancer waits for."""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The database has answered."""

    status: Literal["ok"] = "ok"


@get("/health", summary="Whether the server can do its work", tags=["health"], responses=problems())
async def show_health(request: Request[PersonId, str, State]) -> Health:
    """Ask the database for an answer, and wait for it no longer than 3 s."""
    try:
        async with (
            asyncio.timeout(_TIMEOUT_S),
            running(request).database.connection() as connection,
        ):
            await connection.execute("SELECT 1")
    except TimeoutError:
        raise DomainError(Code.DATABASE_UNAVAILABLE) from None
    return Health()
