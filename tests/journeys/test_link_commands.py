"""`yuzuri links`, `requests` and `contacts` as people use them: posted, taken, drawn, and shown."""

import json
import shlex
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image
from tests.conftest import Server
from tests.journeys.test_pool_commands import Desk

from yuzuri.kernel.errors import Code, DomainError
from yuzuri.settings import Settings


class Street(Desk):
    """Mai, Ken and Aya, each with a line."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.people: dict[str, str] = {}
        self.lines: dict[str, str] = {}
        for digit, name in enumerate(("Mai", "Ken", "Aya"), 1):
            person = self.people[name] = self.told("people", "add", name)
            number = f"+81901234567{digit}"
            self.lines[name] = self.told("lines", "add", person, "yuzuri-mobile/monthly", number)

    def by(self, name: str) -> tuple[str, str]:
        return "--as", self.people[name]

    def post(self, *more: str) -> tuple[str, str]:
        """Return the id of a link of Mai's, and the link itself."""
        giving = ("--from", self.lines["Mai"], "--amount", "1GB", "--shares", "2")
        link, url = self.told("links", "post", *self.by("Mai"), *giving, *more).split()
        return link, url

    def take(self, name: str, secret: str, *more: str) -> str:
        to = ("--to", self.lines[name])
        return self.told("links", "take", secret, *self.by(name), *to, *more)


@pytest.fixture(scope="module")
def street(
    server: Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Street]:
    name = f"yuzuri_street_{uuid.uuid4().hex}"
    server.create(name, template)
    data = tmp_path_factory.mktemp("street")
    yield Street(Settings(data=data, database_url=server.url(name), demo=True))
    server.drop(name)


def test_a_link_from_its_post_to_what_comes_back(street: Street) -> None:
    link, url = street.post()
    assert url.startswith("http://127.0.0.1:8080/l#")
    assert "500 MB" in street.take("Ken", url)
    shown = street.told("links", "show", *street.by("Mai"))
    assert link in shown
    assert "Open" in shown
    assert "Ken •••72" in street.told("links", "show", link, *street.by("Mai"))
    assert street.told("links", "revoke", link, *street.by("Mai")) == "500 MB is back."
    assert "残りを取り戻しました" in street.told("links", "show", *street.by("Mai"), "--lang", "ja")
    ended = ("links", "take", url, *street.by("Aya"), "--to", street.lines["Aya"])
    error = street.run(*ended).exception
    assert isinstance(error, DomainError)
    assert error.refusal.code is Code.LINK_UNKNOWN


def test_a_draw_is_worked_out_again_by_the_command_that_is_shown(street: Street) -> None:
    link, url = street.post("--random", "--least", "100MB", "--passcode", "festival")
    sealed = street.told("links", "show", link, *street.by("Mai"))
    assert "Sealed: " in sealed
    assert "yuzuri links draw" not in sealed
    refused = street.run("links", "take", url, *street.by("Ken"), "--to", street.lines["Ken"])
    assert refused.exit_code == 2
    for name in ("Ken", "Aya"):
        street.take(name, url, "--passcode", "festival", "--hide-name")
    shown = street.told("links", "show", link, *street.by("Mai"))
    assert shown.count("somebody") == 2
    command = shlex.split(shown[shown.index("yuzuri links draw") :])
    assert command[command.index("--seal") + 1] in sealed
    told = json.loads(street.told(*command[1:], "--json"))
    assert told["sealed"] is True
    assert sum(told["sizes"]) == 10**9
    assert "The seal was made of this seed." in street.told(*command[1:])
    forged = [*command[1:3], "00" * 32, *command[4:]]
    assert street.run(*forged).exit_code == 2
    assert "another seed" in street.run(*forged).output


@pytest.mark.parametrize(
    "changed",
    [
        {"--least": "900000000"},
        {"--step": "7"},
        {"--seal": "not hexadecimal"},
    ],
    ids=["least", "step", "seal"],
)
def test_a_draw_that_cannot_be_says_so(street: Street, changed: dict[str, str]) -> None:
    given = {"--seal": "00", "--amount": "1000000000", "--shares": "3", "--least": "1000000",
             "--step": "1000000"} | changed  # fmt: skip
    options = [word for option in given.items() for word in option]
    error = street.run("links", "draw", "00", *options).exception
    assert isinstance(error, DomainError)
    assert error.refusal.code is Code.REQUEST_INVALID


def test_a_poster_is_saved_with_a_link_of_its_own(street: Street, tmp_path: Path) -> None:
    link, url = street.post()
    file = tmp_path / "poster.png"
    shown = street.told("links", "picture", link, str(file), *street.by("Mai"), "--lang", "zh")
    assert shown != url
    assert zxingcpp.read_barcodes(Image.open(file))[0].text == shown
    assert "500 MB" in street.take("Ken", shown)
    for wrong in ("poster.gif", "nowhere/poster.png"):
        refused = street.run("links", "picture", link, str(tmp_path / wrong), *street.by("Mai"))
        assert isinstance(refused.exception, DomainError)


def test_a_request_from_its_asking_to_its_end(street: Street, tmp_path: Path) -> None:
    asking = ("--to", street.lines["Mai"], "--amount", "1GB", "--message", "Please")
    request, url = street.told("requests", "ask", *street.by("Mai"), *asking).split()
    giving = ("requests", "fill", url, *street.by("Ken"), "--from", street.lines["Ken"])
    assert "300 MB" in street.told(*giving, "--amount", "300MB")
    minutes = street.run(*giving, "--amount", "10min").exception
    assert isinstance(minutes, DomainError)
    assert minutes.refusal.code is Code.UNIT_MISMATCH
    file = tmp_path / "asked.svg"
    street.told("requests", "picture", request, str(file), *street.by("Mai"), "--lang", "ja")
    assert "Maiさんのお願い" in file.read_text()
    shown = street.told("requests", "show", *street.by("Mai"))
    assert "300 MB" in shown
    closed = street.told("requests", "close", request, *street.by("Mai"))
    assert closed == "Closed; 300 MB was given."
    assert "終了" in street.told("requests", "show", *street.by("Mai"), "--lang", "ja")


def test_contacts_are_kept_for_a_link_that_is_for_them(street: Street) -> None:
    as_mai = street.by("Mai")
    street.told("contacts", "add", "+81 90-1234-5672", *as_mai, "--label", "Ken")
    street.told("contacts", "add", "+819000000000", *as_mai)
    street.told("contacts", "remove", "+819000000000", *as_mai)
    shown = street.told("contacts", "show", *as_mai)
    assert "Ken" in shown
    assert "+819012345672" in shown
    assert "+819000000000" not in shown
    _, url = street.post("--for", "contacts")
    assert "500 MB" in street.take("Ken", url)
    aya = street.run("links", "take", url, *street.by("Aya"), "--to", street.lines["Aya"])
    assert aya.exit_code == 2
