"""The demo's story, played through HTTP on a real server, with balances before and after."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from yuzuri.cli.demo_client import Client
from yuzuri.cli.demo_people import DEMO_PEOPLE, settle_people
from yuzuri.cli.demo_phone import PHONE_LINE
from yuzuri.cli.demo_sharing import tell_of_sharing
from yuzuri.cli.demo_stage import GB, MB, MINUTE, Story
from yuzuri.cli.serving import as_environment
from yuzuri.kernel.ids import new_id
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.runtime.running import open_yuzuri
from yuzuri.settings import Settings
from yuzuri.simulator.core import open_core
from yuzuri.simulator.phones import Phone
from yuzuri.words.formats import say_quantity

_HOST = "127.0.0.1"
_STOP_TIMEOUT_S = 20
_FLOW_TIMEOUT_S = 10


async def play(settings: Settings) -> bool:
    """Play the story on people of its own, and check the books; returns whether all of it held."""
    namespace = new_id()
    async with open_yuzuri(settings) as yuzuri:
        lines = await settle_people(yuzuri, DEMO_PEOPLE, namespace)
    with _server(settings) as origin:
        story = Story(origin, namespace, lines)
        await asyncio.to_thread(_tell, story)
        verified = _run(settings, "verify").returncode == 0
        story.step("yuzuri verify finds nothing lost, doubled or lengthened", holds=verified)
    return story.held


def _tell(story: Story) -> None:
    _tell_of_a_gift(story)
    _tell_of_ends(story)
    _tell_of_other_kinds(story)
    _tell_of_refusals(story)
    asyncio.run(_tell_of_a_phone(story))
    tell_of_sharing(story)
    _tell_of_feasibility(story)


def _tell_of_a_gift(story: Story) -> None:
    spare = {"aki-yuzuri": -GB, "ben-travel": 0}
    with story.moving("Aki offers Ben 1 GB; it is set aside", Unit.DATA, spare) as expect:
        gift = expect(story.offer("aki-yuzuri", "ben-travel", GB, Unit.DATA, "first"), 201)
    with story.moving("the same request again moves nothing", Unit.DATA, dict.fromkeys(spare, 0)):
        again = story.offer("aki-yuzuri", "ben-travel", GB, Unit.DATA, "first")
        story.step("  and is answered alike", holds=again.body == gift.body)
    arrived = {"aki-yuzuri": 0, "ben-travel": GB}
    with story.moving("Ben accepts; it has arrived", Unit.DATA, arrived) as expect:
        expect(story.end("Ben", gift, "accept"), 200)


def _tell_of_ends(story: Story) -> None:
    back = {"aki-yuzuri": 0, "ben-travel": 0}
    for who, how, title in (
        ("Aki", "cancel", "Aki offers 500 MB and takes it back; it is where it was"),
        ("Ben", "decline", "Aki offers 500 MB and Ben declines; it is where it was"),
    ):
        with story.moving(title, Unit.DATA, back) as expect:
            offered = story.offer("aki-yuzuri", "ben-travel", 500 * MB, Unit.DATA, how)
            expect(offered, 201)
            expect(story.end(who, offered, how), 200)


def _tell_of_other_kinds(story: Story) -> None:
    for unit, amount, what in (
        (Unit.VOICE, 10 * MINUTE, "10 voice minutes"),
        (Unit.SMS, 5, "5 messages"),
    ):
        moved = {"aki-yuzuri": -amount, "ben-travel": amount}
        with story.moving(f"Aki gives Ben {what}", unit, moved) as expect:
            offered = expect(story.offer("aki-yuzuri", "ben-travel", amount, unit, what), 201)
            expect(story.end("Ben", offered, "accept"), 200)
    moved = {"aki-mineo": -20 * MB, "xiao-mineo": 20 * MB}
    with story.moving("mineo to mineo, 20 MB in steps of 10 MB", Unit.DATA, moved) as expect:
        offered = expect(story.offer("aki-mineo", "xiao-mineo", 20 * MB, Unit.DATA, "mineo"), 201)
        expect(story.end("晓晓", offered, "accept"), 200)


async def _tell_of_a_phone(story: Story) -> None:
    """Let a phone use all that its line has, over the interface of a 5G core, and go on."""
    all_there_is = story.available(PHONE_LINE, Unit.DATA)
    async with open_core(story.origin) as core:
        phone = Phone(core, story.supi(PHONE_LINE))
        await phone.attach()
        flowed = await phone.use(all_there_is + MB)
        used = say_quantity(Quantity(flowed, Unit.DATA), Language.EN)
        story.step(
            f"美怡's phone uses {used}, all there is to the last byte, and is stopped",
            holds=flowed == all_there_is and phone.is_dry,
        )
        flows = asyncio.create_task(_flows_at(phone))
        accepted_at = await asyncio.to_thread(_give_to_the_phone, story)
        try:
            waited_s = max(0.0, await flows - accepted_at)
            story.step(f"  her phone goes on {waited_s:.2f} s after she has accepted", holds=True)
        except TimeoutError:
            story.step("  her phone does not go on", holds=False)
        flowed = await phone.use(200 * MB)
        await phone.detach()
        left = story.available(PHONE_LINE, Unit.DATA)
        story.step(
            "  200 MB flow, and what is left is hers when the phone is switched off",
            holds=flowed == 200 * MB and left == 800 * MB,
        )


async def _flows_at(phone: Phone) -> float:
    await phone.wait_until_it_flows(_FLOW_TIMEOUT_S)
    return monotonic()


def _give_to_the_phone(story: Story) -> float:
    """Give something to the phone's line; returns when it was accepted."""
    moved = {"aki-yuzuri": -GB, PHONE_LINE: GB}
    with story.moving("Aki gives 美怡 1 GB, and she accepts", Unit.DATA, moved) as expect:
        offered = expect(story.offer("aki-yuzuri", PHONE_LINE, GB, Unit.DATA, "phone"), 201)
        expect(story.end("美怡", offered, "accept"), 200)
        return monotonic()


def _tell_of_refusals(story: Story) -> None:
    for title, giver, to, amount, status, code in (
        ("15 MB on mineo", "aki-mineo", "xiao-mineo", 15 * MB, 422, "gift.step"),
        ("anything from ahamo", "xiao-ahamo", "haruto-povo", GB, 422, "gift.not_offered"),
        ("night data", "wanjiru-night", "wanjiru-bundle", 5 * MB, 422, "gift.excluded"),
        ("more than there is", "aki-mineo", "xiao-mineo", 9990 * MB, 422, "balance.not_enough"),
        ("a negative amount", "aki-yuzuri", "ben-travel", -5, 400, "amount.not_positive"),
        ("half a byte", "aki-yuzuri", "ben-travel", 0.5, 400, "amount.fractional"),
        ("2⁶³ bytes", "aki-yuzuri", "ben-travel", 2**63, 400, "amount.too_large"),
    ):
        still = {giver: 0, to: 0}
        with story.moving(f"refused: {title} ({code})", Unit.DATA, still) as expect:
            answer = expect(story.offer(giver, to, amount, Unit.DATA, title), status)
            if answer.body.get("code") != code:
                story.step(f"  the code is {answer.body.get('code')}", holds=False)


def _tell_of_feasibility(story: Story) -> None:
    nobody = Client(story.origin)
    for asked, feasible in (
        ("from=docomo/ahamo&to=kddi/povo&amount=1GB", False),
        ("from=mineo&to=mineo&amount=15MB", False),
        ("from=mineo&to=mineo&amount=20MB", True),
        ("from=safaricom/night&to=safaricom&amount=5MB", False),
    ):
        route = nobody.get(f"/v1/feasibility?{asked}").body["routes"][0]
        story.step(f"feasible? {asked}: {feasible}", holds=route["feasible"] is feasible)
        for said in (*route["reasons"], *route["instead"]):
            story.say(said["text"])


@contextmanager
def _server(settings: Settings) -> Iterator[str]:
    """Serve in a process of its own on a free port; yields the origin."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [*_YUZURI, "serve", "--host", _HOST, "--port", str(port)],
        env=os.environ | as_environment(settings),
        stdout=subprocess.DEVNULL,
    )
    try:
        origin = f"http://{_HOST}:{port}"
        Client(origin).wait_until_it_answers()
        yield origin
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(_STOP_TIMEOUT_S)


_YUZURI = (sys.executable, "-c", "from yuzuri.cli import command_line; command_line()")


def _run(settings: Settings, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    environment = os.environ | as_environment(settings)
    return subprocess.run([*_YUZURI, *arguments], env=environment, check=False)
