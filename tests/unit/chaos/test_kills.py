"""The plan of kills, and what a report makes of them."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from yuzuri.chaos.acknowledgements import Acknowledged, AcknowledgementLog, Step, read_log
from yuzuri.chaos.comparison import Damage, DamageKind
from yuzuri.chaos.kills import Victim, plan_kills
from yuzuri.chaos.reports import Killed, Report
from yuzuri.chaos.sabotage import Sabotage


def test_a_seed_names_what_is_killed_and_when() -> None:
    assert plan_kills(7, 40) == plan_kills(7, 40)
    assert plan_kills(7, 40) != plan_kills(8, 40)


@pytest.mark.parametrize("count", [4, 6, 100])
def test_each_victim_is_killed_as_often_as_any_other(count: int) -> None:
    killed = Counter(kill.victim for kill in plan_kills(7, count))
    assert set(killed) == set(Victim)
    assert max(killed.values()) - min(killed.values()) <= 1


def test_some_kills_come_before_the_last_one_is_recovered_from_but_never_the_first() -> None:
    plans = [plan_kills(seed, 20) for seed in range(50)]
    assert not any(plan[0].early for plan in plans)
    assert 0.05 < sum(kill.early for plan in plans for kill in plan) / 1000 < 0.3


def test_what_was_acknowledged_can_be_read_from_the_disk(tmp_path: Path) -> None:
    told = [
        Acknowledged(wish=number, step=Step.OFFER, gift="g", sent_at=1.0, answered_at=2.0)
        for number in range(3)
    ]
    with AcknowledgementLog(tmp_path / "log") as log:
        for one in told:
            log.append(one)
        assert read_log(tmp_path / "log") == told == log.kept


def killed(first_success_s: float | None) -> Killed:
    return Killed(
        victim=Victim.SERVER, at=0.0, acknowledged=5, first_success_s=first_success_s, lost=1
    )


GOOD = Report(
    seed=7,
    sabotage=None,
    kills_planned=2,
    killed=[killed(1.0), killed(3.0)],
    acknowledged=12,
    damage=[],
    unanswered=0,
    unexpected={},
    retries={"503": 3},
    crash_loops=0,
    ended_by_itself=0,
    verified=True,
    verify_says="",
    took_s=9.0,
)
LOST, TWICE = Damage(DamageKind.LOST, "1 open", ""), Damage(DamageKind.TWICE, "1", "")


def test_a_run_without_damage_holds() -> None:
    assert GOOD.holds
    assert replace(GOOD, ended_by_itself=1, crash_loops=1).holds


@pytest.mark.parametrize(
    "bad",
    [
        replace(GOOD, damage=[LOST]),
        replace(GOOD, damage=[TWICE]),
        replace(GOOD, verified=False),
        replace(GOOD, unanswered=1),
        replace(GOOD, unexpected={"500 internal": 1}),
        replace(GOOD, kills_planned=3),
        replace(GOOD, killed=[killed(1.0), killed(None)]),
    ],
)
def test_a_run_with_anything_amiss_does_not(bad: Report) -> None:
    assert not bad.holds


@pytest.mark.parametrize(
    ("sabotage", "damage", "holds"),
    [
        (Sabotage.SYNCHRONOUS_COMMIT, [LOST], True),
        (Sabotage.SYNCHRONOUS_COMMIT, [TWICE], False),
        (Sabotage.SYNCHRONOUS_COMMIT, [], False),
        (Sabotage.KEYS, [TWICE], True),
        (Sabotage.KEYS, [LOST], False),
        (Sabotage.KEYS, [], False),
    ],
)
def test_a_broken_run_holds_only_if_its_own_damage_was_found(
    sabotage: Sabotage, damage: list[Damage], holds: bool
) -> None:
    assert replace(GOOD, sabotage=sabotage, damage=damage).holds is holds


def test_figures_are_of_one_victim_or_of_all() -> None:
    of_server = GOOD.figures_of(Victim.SERVER)
    assert (of_server.kills, of_server.acknowledged, of_server.lost) == (2, 10, 2)
    assert of_server.first_success_median_s == 2.0
    assert (of_server.first_success_p99_s, of_server.first_success_max_s) == (3.0, 3.0)
    of_worker = GOOD.figures_of(Victim.WORKER)
    assert (of_worker.kills, of_worker.first_success_max_s) == (0, None)
    assert (GOOD.figures.kills, GOOD.figures.acknowledged, GOOD.figures.lost) == (2, 12, 0)
