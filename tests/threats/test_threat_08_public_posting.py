"""Threat 8: a link is posted in public, and far more people come than there are shares."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from tests.crowds import add_crowd
from tests.model.world import ISSUED, OPEN, World, open_world

from yuzuri.db.connect import Database
from yuzuri.kernel.errors import Code
from yuzuri.kernel.ids import new_id
from yuzuri.kernel.quantities import Unit
from yuzuri.runtime.running import run_yuzuri
from yuzuri.settings import Settings
from yuzuri.sharing.gifts import GiftDone, GiftRefused
from yuzuri.sharing.link_views import load_own_link
from yuzuri.sharing.links import Audience, LinkDone, LinkState, PostLink, Split, TakeShare

CLAIMANTS = 1_000


@pytest.fixture
async def world(settings: Settings, database: Database) -> AsyncIterator[World]:
    async with open_world(settings, database) as world:
        yield world


async def test_a_thousand_claimants_at_once_get_each_share_once(world: World) -> None:
    """They come with two lines each, by two processes, and again and again."""
    [giver] = await world.new_lines(1)
    await world.buy(giver)
    async with world.yuzuri.database.connection() as connection:
        lines = await add_crowd(connection, CLAIMANTS // 2, world.at, lines_each=2)
    posted = await world.submit(
        PostLink(
            person=giver.person, line=giver.id, unit=Unit.DATA, amount=ISSUED, shares=100,
            split=Split.RANDOM,
        )
    )  # fmt: skip
    assert isinstance(posted, LinkDone)
    link, yuzuri = posted.link, world.yuzuri
    async with run_yuzuri(
        yuzuri.settings, yuzuri.database, clock=world.clock, profiles=OPEN
    ) as other:
        claims = [
            TakeShare(person=line.person, line=line.id, link=link.id) for line in lines + lines
        ]
        outcomes = await asyncio.gather(
            *(
                (yuzuri, other)[number % 2].submit(claim.person, str(new_id()), claim)
                for number, claim in enumerate(claims)
            )
        )
    got = Counter(
        claim.person
        for claim, outcome in zip(claims, outcomes, strict=True)
        if isinstance(outcome, GiftDone)
    )
    assert (len(got), max(got.values())) == (100, 1)
    gifts = [outcome.gift for outcome in outcomes if isinstance(outcome, GiftDone)]
    assert sum(gift.amount for gift in gifts) == ISSUED
    refusals = {o.reasons[0].code for o in outcomes if isinstance(o, GiftRefused)}
    assert refusals == {Code.LINK_TAKEN, Code.LINK_UNKNOWN}
    async with world.yuzuri.database.connection() as connection:
        ended = (await load_own_link(connection, giver.person, link.id)).link
    assert (ended.state, ended.taken, ended.taken_amount) == (LinkState.SPENT, 100, ISSUED)
    assert await world.left(giver) == 0


async def test_a_link_with_a_passcode_gives_nothing_to_who_only_found_it(world: World) -> None:
    """However many come: each may try five times, and none of them learns anything."""
    [giver] = await world.new_lines(1)
    await world.buy(giver)
    async with world.yuzuri.database.connection() as connection:
        strangers = await add_crowd(connection, 100, world.at)
    posted = await world.submit(
        PostLink(
            person=giver.person, line=giver.id, unit=Unit.DATA, amount=100, shares=100,
            audience=Audience.PASSCODE, passcode="7351",
        )
    )  # fmt: skip
    assert isinstance(posted, LinkDone)
    claims = [
        TakeShare(
            person=line.person, line=line.id, link=posted.link.id, passcode=f"{number:04}"
        )
        for line in strangers
        for number in range(7350 - 6, 7350 + 2)
    ]  # fmt: skip
    outcomes = await asyncio.gather(*(world.submit(claim) for claim in claims))
    assert not [outcome for outcome in outcomes if isinstance(outcome, GiftDone)], (
        "the right one is the eighth try"
    )
