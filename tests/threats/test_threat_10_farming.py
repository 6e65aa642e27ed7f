"""Threat 10: somebody farms giveaways with thousands of lines."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from tests.crowds import add_crowd
from tests.model.world import ISSUED, World, open_world

from yuzuri.db.committer import Request
from yuzuri.db.connect import Database
from yuzuri.kernel.errors import Code
from yuzuri.kernel.ids import new_id
from yuzuri.kernel.quantities import Unit
from yuzuri.runtime.commands import Command
from yuzuri.settings import Settings
from yuzuri.sharing.gifts import GiftDone, GiftRefused
from yuzuri.sharing.links import (
    TAKES_PER_DAY_MAX,
    Link,
    LinkDone,
    PostLink,
    TakeShare,
)
from yuzuri.subscribers.lines import Line


@pytest.fixture
async def world(settings: Settings, database: Database) -> AsyncIterator[World]:
    async with open_world(settings, database) as world:
        yield world


async def posted(world: World, giver: Line, shares: int, *, age_days: int = 0) -> Link:
    outcome = await world.submit(
        PostLink(
            person=giver.person, line=giver.id, unit=Unit.DATA, amount=shares, shares=shares,
            line_age_days_min=age_days,
        )
    )  # fmt: skip
    assert isinstance(outcome, LinkDone), outcome
    return outcome.link


def take(link: Link, line: Line) -> TakeShare:
    return TakeShare(person=line.person, line=line.id, link=link.id)


async def test_ten_thousand_lines_gain_no_more_than_the_budget(world: World) -> None:
    """400 people with 25 lines each, of which most are new: 100 shares are all there is."""
    [giver] = await world.new_lines(1)
    await world.buy(giver)
    async with world.yuzuri.database.connection() as connection:
        young = await add_crowd(connection, 340, world.at, lines_each=25, age_days=3)
        old = await add_crowd(connection, 60, world.at, lines_each=25, age_days=31)
    link = await posted(world, giver, 100, age_days=30)
    claims: list[Request[Command]] = [
        Request(line.person, str(new_id()), take(link, line)) for line in young + old
    ]
    assert len(claims) == 10_000
    outcomes = await world.yuzuri.post(claims)
    gained = Counter(
        claim.client
        for claim, outcome in zip(claims, outcomes, strict=True)
        if isinstance(outcome, GiftDone)
    )
    assert len(gained) == 60, "those whose lines are old enough"
    assert set(gained.values()) == {1}, "whatever number of lines they have"
    refusals = Counter(o.reasons[0].code for o in outcomes if isinstance(o, GiftRefused))
    assert refusals == {Code.LINK_LINE_TOO_YOUNG: 340 * 25, Code.LINK_TAKEN: 60 * 24}
    assert await world.left(giver) == ISSUED - 100, "set aside: nothing beyond it can be lost"


async def test_one_person_takes_only_so_many_shares_a_day_of_however_many_links(
    world: World,
) -> None:
    [giver] = await world.new_lines(1)
    await world.buy(giver)
    async with world.yuzuri.database.connection() as connection:
        lines = await add_crowd(connection, 1, world.at, lines_each=30)
    links = [await posted(world, giver, 2) for _ in lines]
    takes = [take(link, line) for link, line in zip(links, lines, strict=True)]
    outcomes = await asyncio.gather(*(world.submit(one) for one in takes))
    assert sum(isinstance(outcome, GiftDone) for outcome in outcomes) == TAKES_PER_DAY_MAX
    refusals = {o.reasons[0].code for o in outcomes if isinstance(o, GiftRefused)}
    assert refusals == {Code.LINK_SHARES_PER_DAY}
    world.clock.move(timedelta(hours=24))
    outcomes = await asyncio.gather(*(world.submit(one) for one in takes))
    assert sum(isinstance(outcome, GiftDone) for outcome in outcomes) == 10
