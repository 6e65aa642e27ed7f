"""Gifts on a real database do what a small model says, whatever is asked in whatever order.

`YUZURI_TEST_EFFORT=10` tells ten times as many stories. A story that goes wrong is printed, with
the line that repeats it.
"""

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase
from tests.model.gifts_machine import tell_stories
from tests.model.world import EFFORT

from yuzuri.settings import Settings


@pytest.mark.parametrize("homes", [1, 16])
def test_every_story_of_gifts_ends_as_the_shadow_says(
    settings: Settings, database_url: str, homes: int
) -> None:
    tried = hypothesis.settings(
        max_examples=40 * EFFORT,
        stateful_step_count=40,
        deadline=None,
        print_blob=True,
        phases=set(Phase) - {Phase.explain},
        suppress_health_check=list(HealthCheck),
    )
    tell_stories(settings, database_url, tried, homes)
