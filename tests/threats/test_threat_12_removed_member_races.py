"""Threat 12, a removed member races: what they ask meanwhile is judged under the same locks.

Whatever arrives with their removal is before it or after it. After it nothing is granted, put in or
decided; what was granted before is settled as it was granted.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.charging.core import ended, granted, opened, updated
from tests.charging.world import LEAST, MB, PROFILES, Circle, circle, filling, rows
from tests.model.world import World, choose, open_world
from tests.pools import let_in

from yuzuri.charging.sessions import Charged, GrantResult, Usage
from yuzuri.db.connect import Database
from yuzuri.kernel.errors import Code, Refusal
from yuzuri.kernel.ids import SessionId, home_of, new_id
from yuzuri.settings import Settings
from yuzuri.sharing.pools import (
    Allotment,
    ChangeMember,
    Invite,
    Invited,
    JoinPool,
    PoolCommand,
    PoolDone,
    RemoveMember,
    Role,
)
from yuzuri.subscribers.lines import Line

PHONES = 6


@pytest.fixture(params=[1, 16], ids=["1 home", "16 homes"])
async def world(
    request: pytest.FixtureRequest, settings: Settings, database_url: str, database: Database
) -> AsyncIterator[World]:
    """All that must hold is checked when the test ends."""
    await choose(database_url, request.param)
    async with open_world(settings, database, PROFILES) as world:
        yield world


def removing(us: Circle, member: Line) -> RemoveMember:
    return RemoveMember(person=us.owner.person, pool=us.pool, line=member.id)


async def held_by(world: World, us: Circle) -> int:
    found = await rows(
        world, "SELECT coalesce(sum(amount), 0)::bigint FROM hold WHERE holder = %s", us.pool
    )
    return int(found[0][0])


async def used_of(world: World, us: Circle) -> int:
    found = await rows(
        world,
        "SELECT coalesce(sum(amount), 0)::bigint FROM transfer WHERE source = %s AND kind = 'u'",
        us.pool,
    )
    return int(found[0][0])


async def test_of_what_arrives_with_a_removal_nothing_is_granted_after_it(world: World) -> None:
    """Six phones report and ask at once, through two processes, while their line is removed."""
    us = await circle(world, [None], 900 * MB)
    (member,) = us.members
    yuzuri = world.yuzuri
    async with open_world(yuzuri.settings, yuzuri.database, PROFILES) as other:
        processes = (world, other)
        phones = [SessionId(new_id(home_of(member.id))) for _ in range(PHONES)]
        for phone in phones:
            await world.submit(opened(member.id, phone, (1, 0), sequence=1))
        reports = [
            updated(
                member.id,
                phone,
                used=[Usage(1, LEAST, world.at)],
                wanted=[(1, 0)],
                sequence=number,
            )
            for number in (2, 3)
            for phone in phones
        ]
        *answers, removed = await asyncio.gather(
            *(processes[n % 2].submit(report) for n, report in enumerate(reports)),
            other.submit(removing(us, member)),
        )
    assert removed == PoolDone(us.pool)
    assert all(isinstance(answer, Charged) for answer in answers)
    used, held = await used_of(world, us), await held_by(world, us)
    for number, phone in enumerate(phones):
        usage = [Usage(1, 90 * MB, world.at)]
        late = updated(member.id, phone, used=usage, wanted=[(1, 0)], sequence=9 + number)
        outcome = await world.submit(late)
        assert isinstance(outcome, Charged)
        assert granted(outcome).result is GrantResult.LIMIT_REACHED
        await world.submit(ended(member.id, phone, sequence=99))
    assert await used_of(world, us) == used + held
    assert await held_by(world, us) == 0


async def test_whoever_was_removed_neither_puts_in_nor_comes_back_by_what_they_had_invited_to(
    world: World,
) -> None:
    us = await circle(world, [None], 1_000)
    (manager,) = us.members
    await world.buy(manager, "month")
    as_manager = ChangeMember(
        person=us.owner.person,
        pool=us.pool,
        line=manager.id,
        allotment=Allotment(),
        role=Role.MANAGER,
    )
    assert await world.submit(as_manager) == PoolDone(us.pool)
    invited = await world.submit(Invite(person=manager.person, pool=us.pool, uses_max=9))
    assert isinstance(invited, Invited)
    last: list[PoolCommand] = [
        filling(us, manager, 1),
        Invite(person=manager.person, pool=us.pool),
        JoinPool(person=manager.person, line=manager.id, invitation=invited.invitation),
    ]
    together = await asyncio.gather(
        *(world.submit(command) for command in last), world.submit(removing(us, manager))
    )
    assert together[-1] == PoolDone(us.pool)
    codes = [outcome.code for outcome in together if isinstance(outcome, Refusal)]
    assert set(codes) <= {
        Code.POOL_UNKNOWN,
        Code.POOL_MEMBER_ALREADY,
        Code.INVITATION_UNKNOWN,
    }
    for command in last:
        outcome = await world.submit(command)
        assert isinstance(outcome, Refusal)
        assert outcome.code in {Code.POOL_UNKNOWN, Code.INVITATION_UNKNOWN}
    assert await world.left(manager) == 200 * MB
    assert await let_in(world.submit, us.owner.person, us.pool, manager) == PoolDone(us.pool)
