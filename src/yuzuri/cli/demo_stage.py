"""The stage of the demo's story: its people over HTTP, their balances, and whether it held."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import quote

from yuzuri.cli.demo_client import Answer, Client
from yuzuri.cli.demo_people import DEMO_PEOPLE, demo_number, demo_supi, demo_tank
from yuzuri.cli.screen import console
from yuzuri.kernel.ids import HolderId, Id, derived_id, home_of, in_home
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.words.formats import say_quantity

GB, MB, MINUTE = 10**9, 10**6, 60

_OWNERS = {line.key: person.nickname for person in DEMO_PEOPLE for line in person.lines}


class Story:
    """The people, what they do, and whether all of it held so far."""

    def __init__(self, origin: str, namespace: Id, lines: Mapping[str, HolderId]) -> None:
        self.origin = origin
        self.held = True
        self._namespace = namespace
        self._lines = lines
        self._signed_in: dict[str, Client] = {}

    def say(self, sentence: str) -> None:
        """Tell something that explains a step."""
        console.print(f"      {sentence}", markup=False)

    def step(self, title: str, *, holds: bool) -> None:
        """Tell a step, and remember if it did not hold."""
        self.held = self.held and holds
        mark, style = ("✓", "green") if holds else ("✗", "bold red")
        console.print(f"{mark} {title}", style=style, markup=False)

    @contextmanager
    def moving(self, title: str, unit: Unit, moved: Mapping[str, int]) -> "Iterator[Expect]":
        """Tell a step that must change what is available on these lines by exactly so much."""
        expect = Expect()
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
            "from_line": self.line(giver),
            "to_number": self.number(to),
            "amount": amount,
            "unit": unit.value,
            "message": "よかったらどうぞ",
        }
        return self.as_person(_OWNERS[giver]).post("/v1/gifts", body, f"story-{quote(key)}")

    def end(self, nickname: str, offered: Answer, how: str) -> Answer:
        """Accept, decline or cancel what was offered."""
        gift = offered.body.get("id")
        return self.as_person(nickname).post(f"/v1/gifts/{gift}/{how}", key=f"{how}-{gift}")

    def line(self, key: str) -> str:
        """Return the id of a line."""
        return str(self._lines[key])

    def number(self, key: str) -> str:
        """Return the phone number of a line."""
        return demo_number(key, self._namespace)

    def tank(self) -> str:
        """Return the id of mineo's common tank."""
        return str(demo_tank(self._namespace))

    def supi(self, line: str) -> str:
        """Return the name by which the network knows a line."""
        return demo_supi(line, self._namespace)

    def available(self, line: str, unit: Unit) -> int:
        """Return what a line's owner is told that it has, less what is set aside."""
        answer = self.as_person(_OWNERS[line]).get(f"/v1/lines/{self.line(line)}")
        balances = answer.body["balances"]
        return sum(b["available"] for b in balances if b["unit"] == unit.value)

    def as_person(self, nickname: str) -> Client:
        """Speak as somebody."""
        if nickname not in self._signed_in:
            line = next(key for key, owner in _OWNERS.items() if owner == nickname)
            home = home_of(self._lines[line])
            person = str(in_home(derived_id(self._namespace, nickname), home))
            session = Client(self.origin).post("/v1/sessions", {"person": person})
            self._signed_in[nickname] = Client(self.origin, session.body["token"])
        return self._signed_in[nickname]


class Expect:
    """Remembers the answers that were not of the status expected."""

    def __init__(self) -> None:
        self.failed: list[Answer] = []

    def __call__(self, answer: Answer, status: int) -> Answer:
        """Return the answer, and remember one of another status."""
        if answer.status != status:
            self.failed.append(answer)
        return answer
