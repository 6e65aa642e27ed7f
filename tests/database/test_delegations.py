"""Delegated use on a real database: agreed to, acted on, revoked while somebody acts."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec
import pytest
from tests.delegated import (
    PROFILES,
    People,
    accepting,
    agreed,
    gives,
    giving,
    let,
    letting,
    look,
    meet,
    offer,
    open_pool,
    revoke,
)
from tests.model.world import World, choose, open_world

from yuzuri.db.connect import Database
from yuzuri.kernel.errors import Code, Refusal
from yuzuri.settings import Settings
from yuzuri.sharing.delegations import DelegationDone, DelegationState, ManagePool, See, Use
from yuzuri.sharing.gifts import GiftDone, GiftRefused


@pytest.fixture(params=[1, 16], ids=["1 home", "16 homes"])
def homes(request: pytest.FixtureRequest) -> int:
    chosen: int = request.param
    return chosen


@pytest.fixture
async def world(
    settings: Settings, database_url: str, database: Database, homes: int
) -> AsyncIterator[World]:
    await choose(database_url, homes)
    async with open_world(settings, database, PROFILES) as world:
        yield world


@pytest.fixture
async def us(world: World) -> People:
    return await meet(world)


async def test_a_delegate_gives_from_the_line_and_the_owner_sees_it(
    world: World, us: People
) -> None:
    delegation = await let(world, us, gives(300))
    outcome = await world.submit(giving(us.delegate, us.owner, us.stranger, 200))
    assert isinstance(outcome, GiftDone), outcome
    assert outcome.gift.authority == delegation
    stands = await look(world, delegation)
    assert stands.given and stands.first_used_at == world.at
