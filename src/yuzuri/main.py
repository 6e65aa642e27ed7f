"""Where everything is put together: the application that a server runs."""

import asyncio
import contextlib
import multiprocessing
import os
import threading
from collections.abc import AsyncIterator

from litestar import Litestar

from yuzuri.api.app import api_router, openapi_config, problem_handlers
from yuzuri.jobs.sweeps import keep_sweeping
from yuzuri.kernel.calendar import Clock, utc_now
from yuzuri.runtime.memory import collect_rarely
from yuzuri.runtime.running import open_yuzuri
from yuzuri.settings import Settings, read_settings
from yuzuri.web import static_router, web_router


def create_app(settings: Settings | None = None, clock: Clock = utc_now) -> Litestar:
    """Make the ASGI application; its state holds the running `Yuzuri` while it lives."""
    chosen = settings or read_settings()

    @contextlib.asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        _end_with_the_server()
        async with open_yuzuri(chosen, clock=clock) as yuzuri:
            collect_rarely()
            app.state.yuzuri = yuzuri
            sweeping = asyncio.create_task(keep_sweeping(yuzuri))
            yield
            sweeping.cancel()

    return Litestar(
        route_handlers=[api_router, web_router, static_router],
        lifespan=[lifespan],
        exception_handlers=problem_handlers,
        openapi_config=openapi_config,
    )


def _end_with_the_server() -> None:
    """Let a worker end when the server that started it was killed: it would keep the port."""
    server = multiprocessing.parent_process()
    if server is None:
        return

    def follow() -> None:
        server.join()
        os._exit(1)

    threading.Thread(target=follow, name="follow-server", daemon=True).start()
