"""Looking after the server while a process serves."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from yuzuri.db import DatabaseUnavailable
from yuzuri.db.embedded.server import EmbeddedServer

_WATCH_INTERVAL_S = 0.5

_log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def keep_running(server: EmbeddedServer) -> AsyncIterator[None]:
    """Start the server again whenever something kills it, as long as this lasts."""

    async def watch() -> None:
        while True:
            await asyncio.sleep(_WATCH_INTERVAL_S)
            if not server.is_running():
                try:
                    await asyncio.to_thread(server.ensure_running)
                    _log.warning("the database server had ended and was started again")
                except DatabaseUnavailable as error:
                    _log.error("%s", error)

    task = asyncio.create_task(watch())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
