"""Stories of delegated use agree with a small model: nobody acts after they lost the right."""

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase
from tests.conftest import Server
from tests.model.delegations_machine import tell_stories
from tests.model.world import EFFORT


def test_stories_of_delegated_use_agree_with_the_model(
    server: Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tried = hypothesis.settings(
        max_examples=10 * EFFORT,
        stateful_step_count=25,
        deadline=None,
        print_blob=True,
        phases=set(Phase) - {Phase.explain},
        suppress_health_check=list(HealthCheck),
    )
    tell_stories(server, template, tmp_path_factory.mktemp("stories"), tried)
