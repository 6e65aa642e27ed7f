"""Phones over HTTP/2 without TLS: notifications, what befalls messages, and crowds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from random import Random

import httpx
import pytest
from tests.unit.simulator.charging_function import ChargingFunction, HandClock

from yuzuri.simulator.core import Core, open_core
from yuzuri.simulator.crowds import Crowd, run_crowd, supis_from
from yuzuri.simulator.http2 import Request, Response, serve_http2
from yuzuri.simulator.mishaps import NONE, USUAL, Fate, Mishaps
from yuzuri.simulator.phones import SMF, Phone
from yuzuri.simulator.profiles import ProfileName
from yuzuri.simulator.sessions import FREE5GC, Manner
from yuzuri.simulator.tallies import Tally
from yuzuri.simulator.wire import SMS, VOICE

SUPI = "imsi-440990000000001"


@asynccontextmanager
async def connected(function: ChargingFunction) -> AsyncIterator[Core]:
    async with (
        serve_http2(function.handle, "127.0.0.1") as port,
        open_core(f"http://127.0.0.1:{port}") as core,
    ):
        yield core


async def test_a_dry_phone_goes_on_as_soon_as_the_network_is_told_to_ask_again() -> None:
    function = ChargingFunction({SUPI: 1500})
    async with connected(function) as core:
        phone = Phone(core, SUPI)
        assert await phone.attach()
        assert await phone.use(2000) == 1500
        assert phone.is_dry
        with pytest.raises(TimeoutError):
            await phone.wait_until_it_flows(0.05)
        function.left[SUPI] = 700
        assert await function.notify(SUPI) == 204
        await phone.wait_until_it_flows(5)
        assert await phone.use(700) == 700
        await phone.detach()
    assert function.used[SUPI] == 2200
    assert len(phone.tally.flowing_after_s) == phone.tally.notified == 1
    assert (phone.tally.bytes_allowed, phone.tally.bytes_stopped) == (2200, 500)
    assert phone.tally.dry == 2


async def test_a_session_that_must_end_is_released() -> None:
    function = ChargingFunction({SUPI: 1500})
    async with connected(function) as core:
        phone = Phone(core, SUPI)
        await phone.use(10)
        await function.notify(SUPI, "ABORT_CHARGING")
        await core.finish()
        assert not phone.is_attached
    assert function.used[SUPI] == 10
    assert function.lines == {}


async def test_nobody_is_notified_at_an_address_that_is_not_there() -> None:
    function = ChargingFunction({SUPI: 0})
    async with connected(function) as core:
        function.notify_uris[SUPI] = core.notify_uri(SUPI, Phone(core, SUPI)._hear) + "0"
        assert await function.notify(SUPI) == 404


@pytest.mark.parametrize("manner", [FREE5GC, SMF], ids=["free5gc", "standard"])
@pytest.mark.parametrize("fate", list(Fate))
async def test_whatever_befalls_messages_each_byte_is_charged_once(
    fate: Fate, manner: Manner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Mishaps, "draw", lambda self, random: fate)
    function = ChargingFunction({SUPI: 100_000})
    async with connected(function) as core:
        phone = Phone(core, SUPI, manner=manner, clock=HandClock(timedelta(milliseconds=1)))
        for _ in range(5):
            assert await phone.use(1500) == 1500
        await phone.detach()
    assert function.used[SUPI] == 7500
    marked = [m for _, m in function.messages if m.get("retransmissionIndicator")]
    assert bool(marked) == (manner is SMF and fate not in {Fate.DELIVERED, Fate.TWICE})
    assert bool(phone.tally.repeats) == (fate is not Fate.DELIVERED)


async def test_what_is_late_arrives_after_later_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Mishaps, "draw", lambda self, random: Fate.LATE)
    function = ChargingFunction({SUPI: 100_000})
    async with connected(function) as core:
        phone = Phone(core, SUPI)
        for _ in range(5):
            await phone.use(1500)
    numbers = [message["invocationSequenceNumber"] for _, message in function.messages]
    assert any(before > after for before, after in pairwise(numbers))


def test_what_befalls_messages_is_as_likely_as_it_says() -> None:
    random = Random(1)
    drawn = [Mishaps(0.1, 0.2, 0.3, 0.1).draw(random) for _ in range(10_000)]
    shares = [drawn.count(fate) / len(drawn) for fate in Fate]
    assert shares == pytest.approx([0.3, 0.1, 0.2, 0.3, 0.1], abs=0.02)


CROWD = Crowd(
    lines=6, profiles=tuple(ProfileName), first_supi=SUPI, seed=3, seconds=0.0, days=0.5,
    mishaps=USUAL,
)  # fmt: skip


async def live(
    crowd: Crowd, tick: timedelta = timedelta()
) -> tuple[ChargingFunction, dict[ProfileName, Tally]]:
    function = ChargingFunction(
        dict.fromkeys(supis_from(SUPI, crowd.lines), 10**9),
        part=50 * 10**6, threshold=5 * 10**6, left_of={VOICE: 10**6, SMS: 2},
    )  # fmt: skip
    async with connected(function) as core:
        tallies = await run_crowd(core, crowd, clock=HandClock(tick))
    return function, tallies


def by_line(function: ChargingFunction) -> dict[str, list[object]]:
    said: dict[str, list[object]] = {}
    for path, message in function.messages:
        # A port is drawn by the system, and the order in which lines speak by the clock.
        without = {name: value for name, value in message.items() if name != "notifyUri"}
        step = path.rpartition("/")[2]
        said.setdefault(message["subscriberIdentifier"], []).append((step, without))
    return said


async def test_the_same_seed_says_the_same_and_another_does_not() -> None:
    first, _ = await live(CROWD)
    second, _ = await live(CROWD)
    other, _ = await live(replace(CROWD, seed=4))
    assert by_line(first) == by_line(second) != by_line(other)


async def test_a_crowd_uses_what_it_is_allowed_and_counts_it() -> None:
    function, tallies = await live(replace(CROWD, mishaps=NONE), timedelta(microseconds=1))
    whole = Tally.of(tallies.values())
    assert set(tallies) == set(ProfileName)
    assert (whole.phones, whole.unexpected) == (6, {})
    assert whole.messages == len(function.messages)
    assert whole.texts_allowed == 2 < whole.texts_allowed + whole.texts_stopped
    assert whole.call_s_allowed > 0
    assert whole.vanished > 0
    assert sum(function.used.values()) == whole.bytes_reported
    assert whole.bytes_reported + whole.bytes_lost == whole.bytes_allowed
    assert whole.bytes_lost > 0


def test_supis_count_upwards() -> None:
    assert supis_from("imsi-440990000000009", 2) == ["imsi-440990000000009", "imsi-440990000000010"]
    for wrong in ("440990000000001", "imsi-99", "imsi-999999999999999", "imsi-4409900000000x1"):
        with pytest.raises(ValueError, match="SUPI"):
            supis_from(wrong, 2)


async def test_answers_larger_than_a_window_arrive_whole() -> None:
    async def handle(request: Request) -> Response:
        await asyncio.sleep(0)
        if request.path == "/fails":
            raise ValueError
        return Response(200, request.body * 40)

    body = bytes(range(256)) * 2000  # times 40: more than the window of httpx
    async with (
        serve_http2(handle, "127.0.0.1") as port,
        httpx.AsyncClient(http1=False, http2=True, trust_env=False) as client,
    ):
        url = f"http://127.0.0.1:{port}"
        answers = await asyncio.gather(*(client.post(url, content=body) for _ in range(2)))
        assert all(answer.content == body * 40 for answer in answers)
        assert (await client.post(f"{url}/fails")).status_code == 500
