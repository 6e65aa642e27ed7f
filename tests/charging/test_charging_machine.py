"""Whatever networks say in whatever order, who pays is as a small model says, to the byte (I12).

`YUZURI_TEST_EFFORT=10` tells ten times as many stories. A story that goes wrong is printed, with
the line that repeats it.
"""

import hypothesis
from hypothesis.stateful import run_state_machine_as_test
from tests.charging.charging_machine import ChargingMachine
from tests.ledger.stories import tried
from tests.model.world import EFFORT


def tell_networks(how: hypothesis.settings) -> None:
    run_state_machine_as_test(ChargingMachine, settings=how)


def test_every_story_of_a_network_ends_as_the_model_says() -> None:
    tell_networks(tried(120 * EFFORT))
