"""Posted links and requests beside gifts: whatever is asked, as the shadow says."""

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase
from tests.model.gifts_machine import tell_stories
from tests.model.links_machine import LinksMachine
from tests.model.world import EFFORT

from yuzuri.settings import Settings


@pytest.mark.parametrize("homes", [1, 16])
def test_every_story_of_links_and_requests_ends_as_the_shadow_says(
    settings: Settings, database_url: str, homes: int
) -> None:
    tried = hypothesis.settings(
        max_examples=5 * EFFORT,
        stateful_step_count=30,
        deadline=None,
        print_blob=True,
        phases=set(Phase) - {Phase.explain},
        suppress_health_check=list(HealthCheck),
    )
    tell_stories(settings, database_url, tried, homes, LinksMachine)
