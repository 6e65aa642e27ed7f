"""`yuzuri tanks` as an operator and its customers use it, from the opening to the end."""

import pytest
from tests.journeys.test_pool_commands import Desk

from yuzuri.kernel.errors import Code, DomainError
from yuzuri.settings import Settings


def test_a_tank_for_an_emergency_from_its_opening_to_its_end(settings: Settings) -> None:
    desk = Desk(settings)
    people = {name: desk.told("people", "add", name) for name in ("Mai", "Ken")}
    lines = {
        name: desk.told("lines", "add", people[name], f"mineo/{plan}", f"+81901234567{number}")
        for number, (name, plan) in enumerate({"Mai": "mypita-10gb", "Ken": "mypita-1gb"}.items())
    }
    as_mai, as_ken = ("--as", people["Mai"]), ("--as", people["Ken"])

    opening = ("tanks", "open", "mineo", "Noto", "--area", "JP-17", "--key", "noto")
    tank = desk.told(*opening)
    assert desk.told(*opening) == tank
    assert desk.told("tanks", "give", tank, lines["Mai"], "1.5GB", *as_mai) == tank
    assert "Noto" in desk.told("tanks", "show")

    refused = desk.run("tanks", "draw", tank, lines["Ken"], "500MB", *as_ken)
    assert refused.exit_code == 2
    assert "knows to be in JP-17" in refused.output
    desk.told("tanks", "place", lines["Ken"], "JP-17")
    assert desk.told("tanks", "draw", tank, lines["Ken"], "500MB", *as_ken) == tank

    shown = desk.told("tanks", "show", *as_ken)
    assert "1 GB" in shown
    assert "only when at most 1 GB is left on it. 1.5 GB is left on yours" in shown
    assert "引き出せる" in desk.told("tanks", "show", *as_mai, "--lang", "ja")

    too_long = desk.run("tanks", "extend", tank, "--until", "2199-01-01")
    assert too_long.exit_code == 2
    assert "at most 14 days at a time" in too_long.output
    assert desk.told("tanks", "close", tank) == tank
    assert "Noto" not in desk.told("tanks", "show")
    closed = desk.run("tanks", "give", tank, lines["Mai"], "1MB", *as_mai)
    assert "has been closed since" in closed.output


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("open", "mineo", "Noto", "--area", "Noto"), Code.AREA_UNREADABLE),
        (("open", "nobody", "Ours"), Code.OPERATOR_UNKNOWN),
        (("extend", "{none}", "--until", "2026-12-01"), Code.TANK_UNKNOWN),
        (("place", "{none}", "JP-17"), Code.LINE_UNKNOWN),
        (("draw", "{none}", "{none}", "10min", "--as", "{none}"), Code.UNIT_MISMATCH),
    ],
    ids=["no area", "no operator", "no tank", "no line", "no data"],
)
def test_what_cannot_be_understood_is_told(
    settings: Settings, arguments: tuple[str, ...], code: Code
) -> None:
    none = "00000000-0000-7000-8000-000000000000"
    error = Desk(settings).run("tanks", *(part.format(none=none) for part in arguments)).exception
    assert isinstance(error, DomainError)
    assert error.refusal.code is code
