"""`yuzuri chaos` on a small scale: nothing is lost; broken on purpose, the damage is found."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from yuzuri.chaos.kills import Victim

PROGRAM = (sys.executable, "-c", "from yuzuri.cli import command_line; command_line()")
SEEDS = (3, 4, 5)
"""Of two kills each, at least one of PostgreSQL. Damage needs the right moment: the next seed may
find what one has missed."""


def chaos(*arguments: str) -> tuple[int, Any]:
    done = subprocess.run(
        [*PROGRAM, "chaos", "--json", *arguments],
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_nothing_acknowledged_is_lost_or_doubled_whatever_is_killed() -> None:
    status, report = chaos("--kills", "8", "--seed", "3")
    told = report["all"]
    assert (told["kills"], told["lost"], told["twice"]) == (8, 0, 0), report
    assert report["verified"], report
    assert (report["unexpected"], report["unanswered"]) == ({}, 0)
    assert told["acknowledged"] > 50
    assert all(report["by_victim"][victim]["kills"] == 2 for victim in Victim)
    assert 0 < told["first_success_median_s"] <= told["first_success_max_s"]
    assert status == 0


@pytest.mark.parametrize(("broken", "damage"), [("synchronous-commit", "lost"), ("keys", "twice")])
def test_broken_on_purpose_it_finds_the_damage(broken: str, damage: str) -> None:
    for seed in SEEDS:
        status, report = chaos("--kills", "2", "--seed", str(seed), "--break", broken)
        assert status == (0 if report["all"][damage] else 1)
        if status == 0:
            return
    pytest.fail(f"{len(SEEDS)} runs without {broken} have found nothing {damage}")
