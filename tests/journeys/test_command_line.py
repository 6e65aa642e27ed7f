"""The command line as a person uses it: a process of its own, what it prints, how it ends."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from yuzuri.settings import Settings

PROGRAM = (sys.executable, "-c", "from yuzuri.cli import command_line; command_line()")


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*PROGRAM, *arguments],
        env=os.environ | {"COLUMNS": "200"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def feasibility(*arguments: str) -> Any:
    done = run("feasibility", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# ---------------------------------------------------------------- feasibility


@pytest.mark.parametrize("lang", ["en", "ja", "zh"])
def test_no_direct_gift_from_ahamo_to_povo_with_source_and_date(lang: str) -> None:
    asked = ("--from", "docomo/ahamo", "--to", "kddi/povo", "--amount", "1GB", "--lang", lang)
    whole = feasibility(*asked)
    route = whole["routes"][0]
    assert (whole["from"], whole["to"], whole["amount"], whole["unit"]) == (
        "docomo/ahamo",
        "kddi/povo",
        10**9,
        "data",
    )
    assert (route["route"], route["feasible"], route["arrives"]) == ("gift", False, None)
    assert {reason["code"] for reason in route["reasons"]} == {"gift.not_offered"}
    assert all(r["source"] and r["as_of"] and r["confidence"] for r in route["reasons"])


@pytest.mark.parametrize("lang", ["en", "ja", "zh"])
def test_mineo_refuses_15_mb_by_its_step_and_proposes_10_or_20(lang: str) -> None:
    asked = ("--from", "mineo", "--to", "mineo", "--amount", "15MB", "--lang", lang)
    route = feasibility(*asked)["routes"][0]
    assert route["feasible"] is False
    assert [reason["code"] for reason in route["reasons"]] == ["gift.step"]
    assert "10MB" in route["reasons"][0]["text"].replace(" ", "")
    assert [i["amount"] for i in route["instead"] if i["amount"]] == [10_000_000, 20_000_000]


@pytest.mark.parametrize(("lang", "night"), [("en", "night data"), ("ja", "夜間"), ("zh", "夜间")])
def test_safaricom_refuses_night_bundles_in_the_readers_language(lang: str, night: str) -> None:
    asked = ("--to", "safaricom", "--amount", "5MB", "--lang", lang)
    on_night_plan = feasibility("--from", "safaricom/night", *asked)["routes"][0]
    assert on_night_plan["feasible"] is False
    assert night in on_night_plan["reasons"][0]["text"]
    on_any_plan = feasibility("--from", "safaricom", *asked)["routes"][0]
    assert on_any_plan["feasible"] is None
    assert any(night in reason["text"] for reason in on_any_plan["reasons"])


def test_the_same_question_answers_alike_for_people_and_programs() -> None:
    asked = ("feasibility", "--from", "mineo", "--to", "mineo", "--amount", "15MB")
    told = run(*asked).stdout
    whole = feasibility(*asked[1:])
    assert "Gift: No, this is not possible." in told
    for route in whole["routes"]:
        for said in (*route["reasons"], *route["instead"]):
            assert said["text"] in told


def test_every_route_is_listed_with_its_answer_and_the_first_reason() -> None:
    asked = ("feasibility", "--from", "mineo", "--amount", "15MB", "--at", "2026-11-20T23:59:59")
    rows = [" ".join(line.split()) for line in run(*asked).stdout.splitlines()]
    assert any(row.startswith("Common tank no mineo lets lines draw on its tank") for row in rows)
    whole = feasibility(*asked[1:])
    assert [(route["route"], route["feasible"]) for route in whole["routes"]] == [
        ("gift", False),
        ("link", False),
        ("request", False),
        ("pool", None),
        ("delegation", False),
        ("tank", False),
    ]
    tank = whole["routes"][-1]
    assert tank["reasons"][0]["rule"] == "mineo services.tank.opens_on_day"
    assert tank["instead"][0]["at"] == "2026-11-20T15:00:00Z"


def test_a_gift_at_mineo_arrives_until_the_end_of_the_next_month() -> None:
    route = feasibility(
        "--from", "mineo", "--to", "mineo", "--amount", "20MB", "--at", "2027-01-31T23:00"
    )["routes"][0]
    assert route["feasible"] is True
    assert route["arrives"]["amount"] == 20_000_000
    assert route["arrives"]["expires_at"] == "2027-02-28T15:00:00Z"


def test_nothing_arrives_where_no_gift_was_found_however_unsure_that_is() -> None:
    route = feasibility("--from", "t-mobile", "--to", "t-mobile", "--amount", "1GB")["routes"][0]
    assert route["feasible"] is None
    assert route["arrives"] is None


@pytest.mark.parametrize(
    ("at", "feasible"),
    [
        ("2026-11-30T22:59:59", True),
        ("2026-11-30T23:00", False),
        ("2026-12-01T08:59:59", False),
        ("2026-12-01T09:00", True),
    ],
)
def test_au_takes_no_gifts_over_the_end_of_the_month(at: str, feasible: bool) -> None:
    asked = ("--from", "kddi/au-flat-5", "--to", "kddi/au", "--amount", "500MB", "--at", at)
    route = feasibility(*asked, "--relation", "billing-group")["routes"][0]
    assert route["feasible"] is feasible


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--from", "nobody", "--to", "mineo", "--amount", "1GB"), "nobody"),
        (("--from", "mineo/none", "--to", "mineo", "--amount", "1GB"), "mypita-10gb"),
        (("--from", "mineo", "--to", "mineo", "--amount", "-1GB"), "more than"),
        (("--from", "mineo", "--to", "mineo", "--amount", "0.5B"), "0.5B"),
        (("--from", "mineo", "--to", "mineo", "--amount", "plenty"), "plenty"),
        (("--from", "mineo", "--to", "mineo", "--amount", "9223372036854775808B"), "large"),
        (("--from", "mineo", "--to", "mineo", "--amount", "1GB", "--unit", "sms"), "1GB"),
        (("--from", "mineo", "--to", "mineo", "--amount", "1GB", "--at", "soon"), "soon"),
        (("--from", "mineo", "--to", "mineo", "--amount", "1GB", "--lang", "xx"), "xx"),
    ],
)
def test_what_cannot_be_understood_is_answered_by_a_sentence(
    arguments: tuple[str, ...], says: str
) -> None:
    done = run("feasibility", *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


# ---------------------------------------------------------------- operators


def test_every_shipped_profile_is_right() -> None:
    done = run("operators", "check")
    assert done.returncode == 0
    assert "mineo: right" in done.stdout


def test_a_wrong_profile_is_named_with_its_place(tmp_path: Path) -> None:
    wrong = tmp_path / "mine.toml"
    wrong.write_text('id = "mine"\nkinds = "mvno"\n')
    done = run("operators", "check", str(wrong))
    assert done.returncode == 2
    assert "mine.toml" in done.stderr
    assert "kinds" in done.stderr


def test_operators_are_listed_and_shown_with_sources() -> None:
    assert "docomo" in run("operators", "list").stdout
    shown = run("operators", "show", "mineo").stdout
    assert "gift.step" in shown
    assert "10 MB" in shown
    assert "2026-11" in shown


# ---------------------------------------------------------------- a gift, and the books


def test_a_gift_from_the_command_line_and_the_books_after_it(
    settings: Settings, database_url: str
) -> None:
    assert settings.database_url is not None
    here = {"YUZURI_DATABASE_URL": settings.database_url, "YUZURI_DATA": str(settings.data)}

    def said(*arguments: str, status: int = 0) -> str:
        done = run(*arguments, **here)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout.strip()

    aki, ben = said("people", "add", "Aki"), said("people", "add", "Ben")
    line = said("lines", "add", aki, "yuzuri-mobile/monthly", "090-0000-0001")
    said("lines", "add", ben, "yuzuri-mobile/travel-7d", "+819000000002")
    offer = ("gifts", "offer", "--as", aki, "--from", line, "--to", "+819000000002")
    gift = said(*offer, "--amount", "1GB", "--key", "one").split()[0]
    assert said(*offer, "--amount", "1GB", "--key", "one").split()[0] == gift
    refused = run("gifts", "accept", gift, "--as", aki, **here)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert len(refused.stderr.splitlines()) >= 2  # why, and what to do next
    assert "accepted" in said("gifts", "accept", gift, "--as", ben)
    assert "1 GB" in said("lines", "show", ben)
    assert said("verify").count("✓") == 14

    with psycopg.connect(database_url, autocommit=True) as behind:
        changed = behind.execute(
            "UPDATE yuzuri.transfer SET amount = amount + 1 WHERE kind = 'g' AND source = %s"
            " RETURNING page || '/' || position || ' of home ' || home",
            [line],
        )
        edited = changed.fetchone()
    assert edited is not None
    told = said("verify", status=1)
    assert "✗ I5" in told
    assert "✗ I9" in told
    assert f"transfer {edited[0]}: it is not what was written" in told
    assert line in told


def test_vodacom_links_at_most_five_numbers_with_a_line(
    settings: Settings,
) -> None:
    assert settings.database_url is not None
    here = {"YUZURI_DATABASE_URL": settings.database_url, "YUZURI_DATA": str(settings.data)}
    thandi = run("people", "add", "Thandi", **here).stdout.strip()
    plan = "vodacom-za/prepaid-30-days"
    line = run("lines", "add", thandi, plan, "+27710000000", **here).stdout.strip()
    for number in range(1, 6):
        assert run("lines", "link", line, f"+2771000000{number}", **here).returncode == 0
    assert run("lines", "link", line, "+27710000005", **here).returncode == 0  # linked already
    sixth = run("lines", "link", line, "+27710000006", **here)
    assert sixth.returncode == 2
    assert "at most 5 numbers" in sixth.stderr


# ---------------------------------------------------------------- starting


def test_ctrl_c_while_the_program_is_still_being_read_leaves_no_traceback() -> None:
    interrupted = (
        "import builtins, os, signal\n"
        "read = builtins.__import__\n"
        "def read_interrupted(name, *rest):\n"
        "    if name == 'typer': os.kill(os.getpid(), signal.SIGINT)\n"
        "    return read(name, *rest)\n"
        "builtins.__import__ = read_interrupted\n"
        "from yuzuri.cli import command_line; command_line()"
    )
    done = subprocess.run(
        [sys.executable, "-c", interrupted, "operators", "list"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


@pytest.mark.parametrize("command", ["demo", "serve"])
@pytest.mark.parametrize("port", ["0", "65536", "-1", "http"])
def test_a_port_that_is_none_is_refused(command: str, port: str) -> None:
    done = run(command, "--port", port)
    assert done.returncode == 2
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr
