"""Bugs planted in posted links and requests: the stories of the machine find each of them."""

from typing import Any

import msgspec
import pytest
from tests.model.gifts_machine import tell_stories
from tests.model.links_machine import LinksMachine
from tests.model.test_planted_bugs import FOUND, STORIES, Plant

from yuzuri.db import Connection
from yuzuri.settings import Settings
from yuzuri.sharing import link_decisions, link_draws, link_store, request_decisions
from yuzuri.sharing.links import Taker
from yuzuri.sharing.requests import Request


def forget_who_has_taken(patch: pytest.MonkeyPatch) -> None:
    async def nobody(connection: Connection, pairs: Any) -> list[Taker]:
        return []

    patch.setattr(link_store, "load_takers", nobody)


def draw_the_first_share_again(patch: pytest.MonkeyPatch) -> None:
    sizes = link_draws.share_sizes
    patch.setattr(link_decisions, "share_sizes", lambda link: [sizes(link)[0]] * link.shares)


def count_no_wrong_passcode(patch: pytest.MonkeyPatch) -> None:
    miss = link_decisions._miss_passcode

    def uncounted(*args: Any) -> Any:
        return link_decisions.LinkDecision(miss(*args).outcome)

    patch.setattr(link_decisions, "_miss_passcode", uncounted)


def fill_more_than_is_missing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Request, "missing", property(lambda request: request.amount))


def fill_nothing(patch: pytest.MonkeyPatch) -> None:
    fill = request_decisions._fill

    def unnoticed(*args: Any) -> Any:
        decision = fill(*args)
        request = decision.request and msgspec.structs.replace(decision.request, filled=0)
        return request_decisions.RequestDecision(
            decision.outcome, decision.ledger, request, decision.gift
        )

    patch.setattr(request_decisions, "_fill", unnoticed)


PLANTS = [
    forget_who_has_taken,
    draw_the_first_share_again,
    count_no_wrong_passcode,
    fill_more_than_is_missing,
    fill_nothing,
]


@pytest.mark.parametrize("plant", PLANTS)
def test_stories_of_links_find(
    plant: Plant, settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    with pytest.raises(FOUND):
        tell_stories(settings, database_url, STORIES, machine=LinksMachine)
