"""The demo's phone: it runs dry, and goes on as soon as somebody gives it something."""

import asyncio
import contextlib
import threading

from yuzuri.cli.demo_client import Client
from yuzuri.cli.demo_people import demo_supi
from yuzuri.kernel.ids import Id
from yuzuri.simulator.core import open_core
from yuzuri.simulator.phones import Phone

PHONE_LINE = "mei-phone"
"""The line of which the phone is."""

_AT_ONCE = 500_000_000
"""Bytes that it uses at once until it is dry for the first time."""

_A_SECOND = 8_000_000
"""Bytes that it uses in a second from then on: each few seconds there is something new to see."""

_PATIENCE_S = 24 * 3600.0


def start_phone(origin: str, namespace: Id) -> None:
    """Let the phone live beside this process's server until the process ends."""
    threading.Thread(
        target=lambda: asyncio.run(_live(origin, demo_supi(PHONE_LINE, namespace))),
        name="demo-phone",
        daemon=True,
    ).start()


async def _live(origin: str, supi: str) -> None:
    await asyncio.to_thread(Client(origin).wait_until_it_answers)
    async with open_core(origin) as core:
        phone = Phone(core, supi)
        await phone.attach()
        while not phone.is_dry:
            await phone.use(_AT_ONCE)
        while True:
            with contextlib.suppress(TimeoutError):
                await phone.wait_until_it_flows(_PATIENCE_S)
            await phone.use(_A_SECOND)
            await asyncio.sleep(1)
