"""Transfers, holds and expiry do what a small model says, whatever is asked in whatever order.

`YUZURI_TEST_EFFORT=10` tells ten times as many stories. A story that goes wrong is printed, with
the line that repeats it.
"""

from tests.ledger.stories import tell_the_core, tell_the_database, tried
from tests.model.world import EFFORT

from yuzuri.settings import Settings


def test_every_story_ends_as_the_model_says_in_one_home_and_in_sixteen() -> None:
    tell_the_core(tried(2_000 * EFFORT))


def test_every_story_on_a_database_ends_as_the_model_says(
    settings: Settings, database_url: str
) -> None:
    tell_the_database(settings, database_url, tried(60 * EFFORT, steps=30))
