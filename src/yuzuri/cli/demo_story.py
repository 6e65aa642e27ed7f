"""The demo's story, played through HTTP on a real server, with balances before and after."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from urllib.parse import quote

from yuzuri.cli.demo_client import Answer, Client
from yuzuri.cli.demo_people import DEMO_PEOPLE, demo_number, demo_supi, settle_people
from yuzuri.cli.demo_phone import PHONE_LINE
from yuzuri.cli.screen import console
from yuzuri.cli.serving import as_environment
from yuzuri.kernel.ids import HolderId, Id, derived_id, home_of, in_home, new_id
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.runtime.running import open_yuzuri
from yuzuri.settings import Settings
from yuzuri.simulator.core import open_core
from yuzuri.simulator.phones import Phone
from yuzuri.words.formats import say_quantity

_HOST = "127.0.0.1"
_GB, _MB, _MINUTE = 10**9, 10**6, 60
_STOP_TIMEOUT_S = 20
_FLOW_TIMEOUT_S = 10

_OWNERS = {line.key: person.nickname for person in DEMO_PEOPLE for line in person.lines}


async def play(settings: Settings) -> bool:
    """Play the story on people of its own, and check the books; returns whether all of it held."""
    namespace = new_id()
    async with open_yuzuri(settings) as yuzuri:
        lines = await settle_people(yuzuri, DEMO_PEOPLE, namespace)
    with _server(settings) as origin:
        story = _Story(origin, namespace, lines)
        await asyncio.to_thread(_tell, story)
        verified = _run(settings, "verify").returncode == 0
        story.step("yuzuri verify finds nothing lost, doubled or lengthened", holds=verified)
    return story.held


def _tell(story: "_Story") -> None:
    _tell_of_a_gift(story)
    _tell_of_ends(story)
    _tell_of_other_kinds(story)
    _tell_of_refusals(story)
    asyncio.run(_tell_of_a_phone(story))
    _tell_of_feasibility(story)


def _tell_of_a_gift(story: "_Story") -> None:
    spare = {"aki-yuzuri": -_GB, "ben-travel": 0}
    with story.moving("Aki offers Ben 1 GB; it is set aside", Unit.DATA, spare) as expect:
        gift = expect(story.offer("aki-yuzuri", "ben-travel", _GB, Unit.DATA, "first"), 201)
    with story.moving("the same request again moves nothing", Unit.DATA, dict.fromkeys(spare, 0)):
        again = story.offer("aki-yuzuri", "ben-travel", _GB, Unit.DATA, "first")
        story.step("  and is answered alike", holds=again.body == gift.body)
    arrived = {"aki-yuzuri": 0, "ben-travel": _GB}
    with story.moving("Ben accepts; it has arrived", Unit.DATA, arrived) as expect:
        expect(story.end("Ben", gift, "accept"), 200)


def _tell_of_ends(story: "_Story") -> None:
    back = {"aki-yuzuri": 0, "ben-travel": 0}
    for who, how, title in (
        ("Aki", "cancel", "Aki offers 500 MB and takes it back; it is where it was"),
        ("Ben", "decline", "Aki offers 500 MB and Ben declines; it is where it was"),
    ):
        with story.moving(title, Unit.DATA, back) as expect:
            offered = story.offer("aki-yuzuri", "ben-travel", 500 * _MB, Unit.DATA, how)
            expect(offered, 201)
            expect(story.end(who, offered, how), 200)


def _tell_of_other_kinds(story: "_Story") -> None:
    for unit, amount, what in (
        (Unit.VOICE, 10 * _MINUTE, "10 voice minutes"),
        (Unit.SMS, 5, "5 messages"),
    ):
        moved = {"aki-yuzuri": -amount, "ben-travel": amount}
        with story.moving(f"Aki gives Ben {what}", unit, moved) as expect:
            offered = expect(story.offer("aki-yuzuri", "ben-travel", amount, unit, what), 201)
            expect(story.end("Ben", offered, "accept"), 200)
    moved = {"aki-mineo": -20 * _MB, "xiao-mineo": 20 * _MB}
    with story.moving("mineo to mineo, 20 MB in steps of 10 MB", Unit.DATA, moved) as expect:
        offered = expect(story.offer("aki-mineo", "xiao-mineo", 20 * _MB, Unit.DATA, "mineo"), 201)
        expect(story.end("晓晓", offered, "accept"), 200)


async def _tell_of_a_phone(story: "_Story") -> None:
    """Let a phone use all that its line has, over the interface of a 5G core, and go on."""
    all_there_is = story.available(PHONE_LINE, Unit.DATA)
    async with open_core(story.origin) as core:
        phone = Phone(core, story.supi(PHONE_LINE))
        await phone.attach()
        flowed = await phone.use(all_there_is + _MB)
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
        flowed = await phone.use(200 * _MB)
        await phone.detach()
        left = story.available(PHONE_LINE, Unit.DATA)
        story.step(
            "  200 MB flow, and what is left is hers when the phone is switched off",
            holds=flowed == 200 * _MB and left == 800 * _MB,
        )


async def _flows_at(phone: Phone) -> float:
    await phone.wait_until_it_flows(_FLOW_TIMEOUT_S)
    return monotonic()


def _give_to_the_phone(story: "_Story") -> float:
    """Give something to the phone's line; returns when it was accepted."""
    moved = {"aki-yuzuri": -_GB, PHONE_LINE: _GB}
    with story.moving("Aki gives 美怡 1 GB, and she accepts", Unit.DATA, moved) as expect:
        offered = expect(story.offer("aki-yuzuri", PHONE_LINE, _GB, Unit.DATA, "phone"), 201)
        expect(story.end("美怡", offered, "accept"), 200)
        return monotonic()


def _tell_of_refusals(story: "_Story") -> None:
    for title, giver, to, amount, status, code in (
        ("15 MB on mineo", "aki-mineo", "xiao-mineo", 15 * _MB, 422, "gift.step"),
        ("anything from ahamo", "xiao-ahamo", "haruto-povo", _GB, 422, "gift.not_offered"),
        ("night data", "wanjiru-night", "wanjiru-bundle", 5 * _MB, 422, "gift.excluded"),
        ("more than there is", "aki-mineo", "xiao-mineo", 9990 * _MB, 422, "balance.not_enough"),
        ("a negative amount", "aki-yuzuri", "ben-travel", -5, 400, "amount.not_positive"),
        ("half a byte", "aki-yuzuri", "ben-travel", 0.5, 400, "amount.fractional"),
        ("2⁶³ bytes", "aki-yuzuri", "ben-travel", 2**63, 400, "amount.too_large"),
    ):
        still = {giver: 0, to: 0}
        with story.moving(f"refused: {title} ({code})", Unit.DATA, still) as expect:
            answer = expect(story.offer(giver, to, amount, Unit.DATA, title), status)
            if answer.body.get("code") != code:
                story.step(f"  the code is {answer.body.get('code')}", holds=False)


def _tell_of_feasibility(story: "_Story") -> None:
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
            console.print(f"      {said['text']}", markup=False)


class _Story:
    """The people, what they do, and whether all of it held so far."""

    def __init__(self, origin: str, namespace: Id, lines: Mapping[str, HolderId]) -> None:
        self.origin = origin
        self.held = True
        self._namespace = namespace
        self._lines = lines
        self._signed_in: dict[str, Client] = {}

    def step(self, title: str, *, holds: bool) -> None:
        """Tell a step, and remember if it did not hold."""
        self.held = self.held and holds
        mark, style = ("✓", "green") if holds else ("✗", "bold red")
        console.print(f"{mark} {title}", style=style, markup=False)

    @contextmanager
    def moving(self, title: str, unit: Unit, moved: Mapping[str, int]) -> "Iterator[_Expect]":
        """Tell a step that must change what is available on these lines by exactly so much."""
        expect = _Expect()
        before = {line: self.available(line, unit) for line in moved}
        yield expect
        after = {line: self.available(line, unit) for line in moved}
        holds = all(after[line] - before[line] == amount for line, amount in moved.items())
        self.step(title, holds=holds and not expect.failed)
        for answer in expect.failed:
            console.print(f"      answered {answer.status}: {answer.body}", markup=False)
        for line in moved:
            was, now = (
                say_quantity(Quantity(amount, unit), Language.EN)
                for amount in (before[line], after[line])
            )
            console.print(f"      {_OWNERS[line]}, {line}: {was} → {now}", markup=False)

    def offer(self, giver: str, to: str, amount: float, unit: Unit, key: str) -> Answer:
        """Offer from a line to another, as the giver's owner."""
        body = {
            "from_line": str(self._lines[giver]),
            "to_number": demo_number(to, self._namespace),
            "amount": amount,
            "unit": unit.value,
            "message": "よかったらどうぞ",
        }
        return self._as_person(_OWNERS[giver]).post("/v1/gifts", body, f"story-{quote(key)}")

    def end(self, nickname: str, offered: Answer, how: str) -> Answer:
        """Accept, decline or cancel what was offered."""
        gift = offered.body.get("id")
        return self._as_person(nickname).post(f"/v1/gifts/{gift}/{how}", key=f"{how}-{gift}")

    def supi(self, line: str) -> str:
        """Return the name by which the network knows a line."""
        return demo_supi(line, self._namespace)

    def available(self, line: str, unit: Unit) -> int:
        """Return what a line's owner is told that it has, less what is set aside."""
        answer = self._as_person(_OWNERS[line]).get(f"/v1/lines/{self._lines[line]}")
        balances = answer.body["balances"]
        return sum(b["available"] for b in balances if b["unit"] == unit.value)

    def _as_person(self, nickname: str) -> Client:
        if nickname not in self._signed_in:
            line = next(key for key, owner in _OWNERS.items() if owner == nickname)
            home = home_of(self._lines[line])
            person = str(in_home(derived_id(self._namespace, nickname), home))
            session = Client(self.origin).post("/v1/sessions", {"person": person})
            self._signed_in[nickname] = Client(self.origin, session.body["token"])
        return self._signed_in[nickname]


class _Expect:
    """Remembers the answers that were not of the status expected."""

    def __init__(self) -> None:
        self.failed: list[Answer] = []

    def __call__(self, answer: Answer, status: int) -> Answer:
        if answer.status != status:
            self.failed.append(answer)
        return answer


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
