"""`yuzuri delegations` as its people use it: read, agreed to, acted on, shown, ended, exported."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from tests.journeys.test_pool_commands import Desk

from yuzuri.kernel.errors import Code, DomainError
from yuzuri.settings import Settings

UNTIL = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()


class Friends:
    """Aki, Hina and Ben, each with a line, at one desk."""

    def __init__(self, settings: Settings) -> None:
        self.desk = Desk(settings)
        names = ("Aki", "Hina", "Ben")
        self.people = {name: self.desk.told("people", "add", name) for name in names}
        self.lines = {
            name: self.desk.told("lines", "add", person, "yuzuri-mobile/monthly", number(name))
            for name, person in self.people.items()
        }

    def acting(self, name: str) -> tuple[str, str]:
        return "--as", self.people[name]

    def let(self, *options: str, agreed: bool = True) -> list[str]:
        """Aki lets Hina do something, and agrees to the terms; returns what was printed."""
        asked = ("delegations", "offer", self.lines["Aki"], *self.acting("Aki"), "--until", UNTIL)
        return self.desk.told(*asked, *options, *(("--agree",) if agreed else ())).splitlines()


def number(name: str) -> str:
    return f"+8190123456{('Aki', 'Hina', 'Ben').index(name)}0"


@pytest.fixture
def friends(settings: Settings) -> Friends:
    return Friends(settings)


def test_a_permission_from_its_terms_to_its_end(friends: Friends) -> None:
    desk, aki, hina = friends.desk, friends.acting("Aki"), friends.acting("Hina")
    *terms, delegation = friends.let("--to", number("Hina"), "--see", "--give", "1GB")
    assert terms[0] == "Terms for letting another person act on a line"
    assert any("up to 1 GB (data) in all" in line for line in terms)

    accepting = ("delegations", "accept", delegation, *hina, "--lang", "zh")
    assert desk.run(*accepting).exit_code == 2
    accepted = desk.told(*accepting, "--agree")
    assert "委托他人操作线路的条款" in accepted
    assert accepted.splitlines()[-1] == delegation

    giving = ("gifts", "offer", *hina, "--from", friends.lines["Aki"], "--to", number("Ben"))
    desk.told(*giving, "--amount", "100MB")
    shown = desk.told("delegations", "show", *aki)
    assert "→ Hina" in shown
    assert "Give from it, up to 1 GB in all (100 MB given so far)" in shown
    assert "Gave 100 MB to Ben •••20" in shown
    assert "In force" in shown
    seen_by_hina = desk.told("delegations", "show", *hina, "--lang", "ja")
    assert "← Aki" in seen_by_hina
    assert "この回線から贈る（合計1GBまで）" in seen_by_hina
    assert number("Aki") not in seen_by_hina

    assert desk.told("delegations", "end", delegation, *aki) == delegation
    refused = desk.run(*giving, "--amount", "1MB")
    assert (refused.exit_code, "belongs to someone else" in refused.output) == (2, True)
    assert "Aki" not in desk.told("delegations", "show", *hina)

    for reader in (aki, hina):
        agreement = desk.told("delegations", "agreement", delegation, *reader)
        assert "Terms for letting another person act on a line" in agreement
        assert "委托他人操作线路的条款" in agreement
    exported = desk.told("delegations", "agreement", delegation, *hina, "--json")
    assert [one["language"] for one in json.loads(exported)] == ["en", "zh"]


def test_by_a_link_a_line_is_named_that_uses_the_data(friends: Friends) -> None:
    desk, hina = friends.desk, friends.acting("Hina")
    *_, delegation, link = friends.let("--use", "2GB", "--use-per-day", "500MB")
    assert "/l#" in link
    accepting = ("delegations", "accept", link, *hina, "--agree")
    refused = desk.run(*accepting)
    assert (refused.exit_code, "which of your lines" in refused.output) == (2, True)
    assert desk.told(*accepting, "--line", friends.lines["Hina"]).endswith(delegation)
    shown = desk.told("delegations", "show", *friends.acting("Aki"))
    assert "Use its data, up to 500 MB a day and 2 GB in all" in shown

    # What is offered to somebody is declined by them, and by nobody else.
    *_, delegation = friends.let("--to", number("Hina"), "--see")
    declining = ("delegations", "decline", delegation)
    assert friends.desk.run(*declining, *friends.acting("Ben")).exit_code == 2
    desk.told(*declining, *hina)
    shown = desk.told("delegations", "show", *friends.acting("Aki"))
    assert "Declined" in shown


NOT_UNDERSTOOD: dict[tuple[str, ...], Code] = {
    (): Code.REQUEST_INVALID,
    ("--give", "1GB", "--give", "2GB"): Code.REQUEST_INVALID,
    ("--use", "10min"): Code.UNIT_MISMATCH,
    ("--see", "--to", "+819099999999"): Code.LINE_UNKNOWN,
    ("--pool", "00000000-0000-7000-8000-000000000000"): Code.POOL_UNKNOWN,
}


def test_nothing_is_offered_that_is_not_understood_or_agreed_to(friends: Friends) -> None:
    offering = ("delegations", "offer", friends.lines["Aki"], *friends.acting("Aki"))
    asked = (*offering, "--until", UNTIL)
    refused = friends.desk.run(*asked, "--to", number("Hina"), "--see", "--lang", "ja")
    assert refused.exit_code == 2
    assert "他の方に回線の操作を任せるための規約" in refused.output
    assert "before you agree" in refused.output
    for options, code in NOT_UNDERSTOOD.items():
        error = friends.desk.run(*asked, *options, "--agree").exception
        assert isinstance(error, DomainError), options
        assert error.refusal.code is code, options
    shown = friends.desk.told("delegations", "show", *friends.acting("Aki"))
    assert len(shown.splitlines()) == 1
