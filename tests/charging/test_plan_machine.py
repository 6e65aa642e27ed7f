"""Nobody acts one command after they lost the right, and what each has put in stays theirs."""

import hypothesis
from hypothesis.stateful import run_state_machine_as_test
from tests.charging.plan_machine import PlanMachine
from tests.ledger.stories import tried
from tests.model.world import EFFORT


def share_plans(how: hypothesis.settings) -> None:
    run_state_machine_as_test(PlanMachine, settings=how)


def test_every_story_of_a_shared_plan_ends_as_the_model_says() -> None:
    share_plans(tried(150 * EFFORT))
