"""Where everything is put together: the application that a server runs."""

import asyncio
import contextlib
import multiprocessing
import os
import threading
from collections.abc import AsyncIterator
from typing import cast

from litestar import Litestar
from litestar.enums import ScopeType
from litestar.types import (
    HTTPScope,
    LifeSpanReceive,
    LifeSpanScope,
    LifeSpanSend,
    Receive,
    Scope,
    Send,
)

from yuzuri.api.app import api_router, openapi_config, problem_handlers
from yuzuri.api.camara import device_data_volume
from yuzuri.api.nchf import BASE_PATH, serve_charging, spending_limits
from yuzuri.jobs.notifying import keep_notifying
from yuzuri.jobs.sweeps import keep_sweeping
from yuzuri.kernel.calendar import Clock, utc_now
from yuzuri.runtime.memory import collect_rarely
from yuzuri.runtime.running import open_yuzuri
from yuzuri.settings import Settings, read_settings
from yuzuri.web import static_router, web_router


class _Application(Litestar):
    """What phones wait for goes by a short way, all else through the framework."""

    async def __call__(
        self,
        scope: Scope | LifeSpanScope,
        receive: Receive | LifeSpanReceive,
        send: Send | LifeSpanSend,
    ) -> None:
        """Answer one request, or begin and end with the server."""
        if scope["type"] == ScopeType.HTTP:
            http = cast("HTTPScope", scope)
            for base_path, serve in _SHORT_WAYS:
                if http["path"].startswith(base_path):
                    await serve(
                        self.state.yuzuri, http, cast("Receive", receive), cast("Send", send)
                    )
                    return
        await super().__call__(scope, receive, send)


_SHORT_WAYS = (
    (BASE_PATH, serve_charging),
    (spending_limits.BASE_PATH, spending_limits.serve_spending_limits),
    (device_data_volume.BASE_PATH, device_data_volume.serve_device_data_volume),
)
"""What is served without the framework, by the beginning of its path."""


def create_app(settings: Settings | None = None, clock: Clock = utc_now) -> Litestar:
    """Make the ASGI application; its state holds the running `Yuzuri` while it lives."""
    chosen = settings or read_settings()

    @contextlib.asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        _end_with_the_server()
        async with open_yuzuri(chosen, clock=clock) as yuzuri:
            collect_rarely()
            app.state.yuzuri = yuzuri
            beside = [
                asyncio.create_task(keep_sweeping(yuzuri)),
                asyncio.create_task(keep_notifying(yuzuri)),
            ]
            yield
            for task in beside:
                task.cancel()

    return _Application(
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
