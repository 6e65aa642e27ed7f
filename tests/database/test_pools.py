"""Pools on a real database: in groups and one by one, in one home and across homes, and in a race.

Wherever commands meet, what holds is judged under the locks: nobody acts one command too late.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import LiteralString

import msgspec
import pytest
from psycopg import AsyncConnection
from tests.model.world import ISSUED, World, choose, named, new_line, open_world, operator

from yuzuri.charging.sessions import (
    Charged,
    EndSession,
    OpenSession,
    UpdateSession,
    Usage,
    Wanted,
)
from yuzuri.db.committer import Request
from yuzuri.db.connect import Database
from yuzuri.jobs.sweeps import sweep
from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import (
    HOME,
    HolderId,
    Home,
    Id,
    InvitationId,
    PoolId,
    SessionId,
    TransferId,
    home_of,
    new_id,
)
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.book import Book
from yuzuri.ledger.commands import ForgetTransit
from yuzuri.ledger.store import lock_home, read_book
from yuzuri.operators.profiles import Profiles
from yuzuri.operators.services import Pool as PoolService
from yuzuri.runtime.replies import Outcome
from yuzuri.runtime.road import YuzuriRoad
from yuzuri.settings import Settings
from yuzuri.sharing.invariants import POOL_INVARIANTS
from yuzuri.sharing.pool_facts import PoolFacts
from yuzuri.sharing.pool_store import (
    load_contributions,
    load_invitations,
    load_members_of,
    load_pools,
    pools_of,
    remove_members,
    write_pools,
)
from yuzuri.sharing.pools import (
    Allotment,
    ChangeMember,
    ClosePool,
    FillPool,
    HandOverPool,
    Invitation,
    Invite,
    JoinPool,
    Member,
    OpenPool,
    PoolCommand,
    PoolDone,
    RemoveMember,
    SettlePool,
    TakeOverPool,
    WithdrawInvitation,
)
from yuzuri.subscribers.lines import Line

LINES_MAX = 3

POOLED = msgspec.structs.replace(
    operator(), services=(PoolService(name=named("pool"), source="s", lines_max=LINES_MAX),)
)
PROFILES = Profiles({"open": POOLED, "none": operator("none")})


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


@dataclass
class Circle:
    """A pool to be, its owner, and friends; with more than one home, the friends live elsewhere."""

    pool: PoolId
    owner: Line
    friends: Sequence[Line]
    invitations: Mapping[int | None, InvitationId]
    """By the cap a day that they say; any number of lines joins by each."""


async def circle(world: World, *, home: Home = HOME, apart: int = 1) -> Circle:
    homes = world.yuzuri.homes
    async with world.yuzuri.database.connection() as connection:
        owner, *friends = [
            await new_line(connection, world.at, "open", "plan", Home((home + n * apart) % homes))
            for n in range(6)
        ]
        pool = PoolId(HolderId(new_id(home_of(owner.id))))
        facts = PoolFacts(Book(world.at), PROFILES)
        invitations: dict[int | None, InvitationId] = {}
        for cap in (None, 50):
            invitations[cap] = InvitationId(new_id(home_of(pool)))
            facts.set_invitation(
                Invitation(
                    id=invitations[cap],
                    pool=pool,
                    by=owner.person,
                    number=None,
                    uses_max=100,
                    allotment=Allotment(cap_per_day=cap),
                    invited_at=world.at,
                    until=world.at + timedelta(days=9),
                )
            )
        await write_pools(connection, facts)
    for line in (owner, *friends):
        await world.buy(line)
    return Circle(pool, owner, friends, invitations)


def opening(us: Circle) -> OpenPool:
    return OpenPool(person=us.owner.person, pool=us.pool, name="us", line=us.owner.id)


def adding(us: Circle, who: int, cap: int | None = None) -> JoinPool:
    line = us.friends[who]
    return JoinPool(person=line.person, line=line.id, invitation=us.invitations[cap])


def changing(us: Circle, who: int, *, is_paused: bool = False) -> ChangeMember:
    line = us.friends[who].id
    allotment = Allotment(cap_per_month=7, is_paused=is_paused)
    return ChangeMember(person=us.owner.person, pool=us.pool, line=line, allotment=allotment)


def removing(us: Circle, who: int) -> RemoveMember:
    return RemoveMember(person=us.owner.person, pool=us.pool, line=us.friends[who].id)


def filling(us: Circle, line: Line, amount: int, unit: Unit = Unit.DATA) -> FillPool:
    return FillPool(person=line.person, line=line.id, pool=us.pool, unit=unit, amount=amount)


async def opened(world: World, *members: int, home: Home = HOME) -> Circle:
    us = await circle(world, home=home)
    commands: list[PoolCommand] = [opening(us), *(adding(us, who) for who in members)]
    for command in commands:
        assert await world.submit(command) == PoolDone(us.pool)
    return us


async def members_of(world: World, pool: PoolId) -> dict[HolderId, Member]:
    async with world.yuzuri.database.connection() as connection:
        return await load_members_of(connection, [pool])


async def inside(world: World, pool: PoolId) -> int:
    async with world.yuzuri.database.connection() as connection:
        book = await read_book(connection, [pool], world.at)
    return sum(bucket.available for bucket, _ in book.holdings(pool, Unit.DATA))


def code_of(outcome: object) -> Code:
    assert isinstance(outcome, Refusal), outcome
    return outcome.code


# ---------------------------------------------------------------- in groups and one by one


def story(us: Circle) -> list[PoolCommand]:
    """Everything that can be done, and what is refused, all asked by people of one home."""
    owner = us.owner
    return [
        adding(us, 0),
        opening(us),
        opening(us),
        *(adding(us, who, cap=50) for who in range(4)),
        changing(us, 0),
        filling(us, owner, 400),
        filling(us, owner, ISSUED),
        removing(us, 1),
        removing(us, 1),
        changing(us, 1),
        adding(us, 3),
        adding(us, 3),
        changing(us, 2, is_paused=True),
        Invite(person=us.owner.person, pool=us.pool, number=us.friends[4].number),
        WithdrawInvitation(person=us.owner.person, invitation=InvitationId(new_id())),
        RemoveMember(person=us.owner.person, pool=us.pool, line=owner.id),
        filling(us, owner, 600),
        filling(us, us.friends[2], 300),
        removing(us, 3),
        adding(us, 1),
        HandOverPool(person=us.owner.person, pool=us.pool, line=us.friends[1].id),
        removing(us, 2),
        TakeOverPool(person=us.friends[0].person, pool=us.pool),
        TakeOverPool(person=us.friends[1].person, pool=us.pool),
        changing(us, 0),
        SettlePool(pool=us.pool),
    ]


def told(outcomes: Sequence[Outcome | Exception]) -> list[object]:
    return [one if isinstance(one, Refusal) else type(one) for one in outcomes]


async def left_by(world: World, us: Circle) -> object:
    """What a story has left, by the places of its people in it."""
    members = await members_of(world, us.pool)
    lines = [line.id for line in (us.owner, *us.friends)]
    async with world.yuzuri.database.connection() as connection:
        pools = (await load_pools(connection, [us.pool])).values()
        put_in = (await load_contributions(connection, [us.pool]))[us.pool]
        invitations = await load_invitations(connection, us.invitations.values())
    return (
        [(p.name, p.operator, p.opened_at, p.owner == us.friends[1].person, p.size) for p in pools],
        [friend.id in members for friend in us.friends],
        [
            (m.allotment, m.role, m.joined_at)
            for friend in us.friends
            if (m := members.get(friend.id))
        ],
        [await world.left(line) for line in (us.owner, *us.friends)],
        await inside(world, us.pool),
        {(lines.index(one.line), one.amount, one.is_owed) for one in put_in},
        sorted(one.uses for one in invitations.values()),
    )


async def test_a_group_leaves_what_the_same_commands_leave_one_by_one(world: World) -> None:
    alone, together = await circle(world, apart=0), await circle(world, apart=0)
    one_by_one = [await world.submit(command) for command in story(alone)]
    as_group = await world.yuzuri.post(
        [Request(together.owner.person, str(new_id()), command) for command in story(together)]
    )
    assert told(as_group) == told(one_by_one)
    assert told(one_by_one).count(PoolDone) == 17
    assert await left_by(world, together) == await left_by(world, alone)
    assert await inside(world, alone.pool) == 0  # the former owner's line draws on it no longer
    assert await world.left(alone.owner) == ISSUED


async def test_the_same_request_again_is_answered_the_same_and_done_once(world: World) -> None:
    us = await opened(world)
    for _ in range(2):
        assert await world.submit(adding(us, 0), "once") == PoolDone(us.pool)
        assert await world.submit(filling(us, us.owner, 10), "fill") == PoolDone(us.pool)
    assert list(await members_of(world, us.pool)) == [us.friends[0].id]
    assert await inside(world, us.pool) == 10
    with pytest.raises(DomainError) as raised:
        await world.submit(filling(us, us.owner, 11), "fill")
    assert raised.value.refusal.code is Code.KEY_REUSED


# ---------------------------------------------------------------- what goes in


async def test_what_a_member_of_another_home_puts_in_arrives_at_once(world: World) -> None:
    us = await opened(world, 0)
    friend = us.friends[0]
    assert (home_of(friend.id) == home_of(us.pool)) is (world.yuzuri.homes == 1)
    assert await world.submit(filling(us, friend, 300)) == PoolDone(us.pool)
    assert (await inside(world, us.pool), await world.left(friend)) == (300, ISSUED - 300)
    assert await world.breaches() == []
    refusal = await world.submit(filling(us, friend, ISSUED - 299))
    assert code_of(refusal) is Code.BALANCE_NOT_ENOUGH


async def test_what_is_in_a_pool_ends_when_it_would_have_ended_elsewhere(world: World) -> None:
    us = await opened(world, 0)
    await world.buy(us.friends[0], "day")
    await world.submit(filling(us, us.friends[0], ISSUED + 1))
    world.clock.move(timedelta(days=1))
    assert await inside(world, us.pool) == 1
    assert await sweep(world.yuzuri) > 0
    world.clock.move(timedelta(days=29))
    await sweep(world.yuzuri)
    assert await world.breaches() == []


# ---------------------------------------------------------------- what goes back


async def test_what_several_homes_put_in_goes_back_to_each_when_the_pool_is_closed(
    world: World,
) -> None:
    us = await opened(world, 0, 1, 2)
    people = (us.owner, *us.friends[:3])
    for number, line in enumerate(people):
        await world.submit(filling(us, line, 100 * (number + 1)))
        await world.submit(filling(us, line, 3, Unit.SMS))
    assert await world.submit(removing(us, 0)) == PoolDone(us.pool)
    assert await inside(world, us.pool) == 100 + 300 + 400
    assert await world.left(us.friends[0]) == ISSUED
    closing = ClosePool(person=us.owner.person, pool=us.pool)
    assert await world.submit(closing) == PoolDone(us.pool)
    assert await inside(world, us.pool) == 0
    assert {await world.left(line) for line in people} == {ISSUED}
    assert await members_of(world, us.pool) == {}


async def test_whoever_took_a_pool_over_finds_it_where_it_stays(world: World) -> None:
    us = await opened(world, 0)
    heir = us.friends[0]
    offer = HandOverPool(person=us.owner.person, pool=us.pool, line=heir.id)
    assert await world.submit(offer) == PoolDone(us.pool)
    takes_over = TakeOverPool(person=heir.person, pool=us.pool)
    async with world.yuzuri.database.connection() as connection:
        (offered,) = await pools_of(connection, heir.person)
        assert (offered.id, offered.owner) == (us.pool, us.owner.person)
    assert await world.submit(takes_over) == PoolDone(us.pool)
    async with world.yuzuri.database.connection() as connection:
        (taken,) = await pools_of(connection, heir.person)
        assert (taken.id, taken.owner) == (us.pool, heir.person)
        assert await pools_of(connection, us.owner.person) == []
    change = msgspec.structs.replace(changing(us, 0), person=heir.person)
    assert await world.submit(change) == PoolDone(us.pool)
    closing = ClosePool(person=heir.person, pool=us.pool)
    assert await world.submit(closing) == PoolDone(us.pool)


# ---------------------------------------------------------------- who comes too late


async def test_a_member_who_was_removed_meanwhile_puts_nothing_in(world: World) -> None:
    us = await opened(world, 0)
    friend = us.friends[0]
    async with world.yuzuri.database.connection() as connection:
        await lock_home(connection, home_of(friend.id))
        late = asyncio.create_task(world.submit(filling(us, friend, 1)))
        await asyncio.wait([late], timeout=0.2)
        assert not late.done()
        await remove_members(connection, [friend.id])
    assert code_of(await late) is Code.POOL_UNKNOWN
    assert await world.left(friend) == ISSUED


async def test_who_is_removed_while_they_act_acts_before_it_or_not_at_all(world: World) -> None:
    us = await opened(world, 0, 1)
    for turn in range(5):
        friend = us.friends[turn % 2]
        *filled, removed = await asyncio.gather(
            *(world.submit(filling(us, friend, 1)) for _ in range(6)),
            world.submit(removing(us, turn % 2)),
        )
        assert removed == PoolDone(us.pool)
        done = [outcome for outcome in filled if isinstance(outcome, PoolDone)]
        late = {code_of(outcome) for outcome in filled if outcome not in done}
        assert late <= {Code.POOL_UNKNOWN}
        assert {await inside(world, us.pool), await world.left(friend) - ISSUED} == {0}
        assert done or late
        assert code_of(await world.submit(filling(us, friend, 1))) is Code.POOL_UNKNOWN
        assert await world.submit(adding(us, turn % 2)) == PoolDone(us.pool)


async def test_a_line_that_two_pools_want_at_once_comes_to_one(world: World) -> None:
    us, them = await opened(world), await opened(world, home=Home(world.yuzuri.homes // 2))
    line = us.friends[0]
    outcomes = await asyncio.gather(
        *(
            world.submit(
                JoinPool(person=line.person, line=line.id, invitation=one.invitations[None])
            )
            for one in (us, them)
        )
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["PoolDone", "Refusal"]
    (refusal,) = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    assert refusal.code is Code.POOL_MEMBER_ALREADY


async def test_two_processes_do_not_let_in_more_lines_than_the_operator_allows(
    world: World,
) -> None:
    us = await opened(world)
    yuzuri = world.yuzuri
    async with open_world(yuzuri.settings, yuzuri.database, PROFILES) as other:
        outcomes = await asyncio.gather(
            *((world, other)[who % 2].submit(adding(us, who)) for who in range(5))
        )
    done = [outcome for outcome in outcomes if isinstance(outcome, PoolDone)]
    assert len(done) == len(await members_of(world, us.pool)) == LINES_MAX
    assert {code_of(one) for one in outcomes if one not in done} == {Code.POOL_FULL}


# ---------------------------------------------------------------- sessions that are running


async def asked_again(admin: AsyncConnection) -> set[Id]:
    cursor = await admin.execute("DELETE FROM reauthorization RETURNING session")
    return {row[0] for row in await cursor.fetchall()}


def session_of(line: Line) -> OpenSession:
    return OpenSession(
        session=SessionId(new_id(home_of(line.id))),
        line=line.id,
        network_function="smf",
        notify_uri="http://127.0.0.1/notify",
        country="JP",
        sequence=0,
        wanted=(Wanted(1, ISSUED),),
    )


async def test_networks_ask_again_for_whom_it_matters_to(
    world: World, admin_connection: AsyncConnection
) -> None:
    us = await opened(world, 0)
    running = []
    for friend in us.friends[:3]:
        opening_session = session_of(friend)  # it uses all that there is, and waits for more
        assert isinstance(await world.submit(opening_session), Charged)
        running.append(opening_session.session)
    for command in (
        changing(us, 0, is_paused=True),
        removing(us, 0),
        adding(us, 0),
        filling(us, us.owner, 10),
    ):
        await asked_again(admin_connection)
        assert await world.submit(command) == PoolDone(us.pool)
        assert await asked_again(admin_connection) == {running[0]}


async def taken_beside_its_own(world: World, line: Line) -> int:
    """What a line is granted, all in all, where it uses whatever it is granted."""
    first = session_of(line)
    outcome, total = await world.submit(first), 0
    for sequence in range(1, 20):
        assert isinstance(outcome, Charged)
        amount = outcome.grants[0].amount
        total += amount
        if not amount:
            break
        report = UpdateSession(
            session=first.session,
            line=line.id,
            network_function=first.network_function,
            sequence=sequence,
            used=(Usage(1, amount, world.at),),
            wanted=(Wanted(1),),
        )
        outcome = await world.submit(report)
    return total - ISSUED


async def test_a_cap_stops_the_member_to_the_byte_and_nobody_else(world: World) -> None:
    us = await opened(world, 1)
    assert await world.submit(adding(us, 0, cap=50)) == PoolDone(us.pool)
    await world.submit(filling(us, us.owner, 200))
    assert await taken_beside_its_own(world, us.friends[0]) == 50
    assert await taken_beside_its_own(world, us.friends[1]) == 150
    assert await inside(world, us.pool) == 0
    (capped,) = [m for m in (await members_of(world, us.pool)).values() if m.allotment.cap_per_day]
    assert (capped.taken_today, capped.taken_this_month) == (50, 50)


async def test_who_was_removed_while_using_a_pool_is_granted_nothing_more_of_it(
    world: World,
) -> None:
    us = await opened(world, 0)
    await world.submit(filling(us, us.owner, 200))
    await world.submit(removing(us, 0))
    assert await taken_beside_its_own(world, us.friends[0]) == 0
    assert await inside(world, us.pool) == 200


async def test_what_was_foreseen_of_a_line_does_not_hold_once_it_has_joined_a_pool(
    world: World,
) -> None:
    us = await opened(world)
    line = us.friends[0]
    first = session_of(line)
    road = YuzuriRoad(PROFILES, world.yuzuri.homes, world.yuzuri.rating)
    end = EndSession(
        session=first.session,
        line=line.id,
        network_function=first.network_function,
        sequence=1,
    )
    async with world.yuzuri.database.connection() as connection:
        before = await road.load(connection, [first], world.at)
        road.decide(before, first)
        road.prepare(before)
        await road.store(connection, before)
    async with world.yuzuri.database.connection() as connection:
        foreseen = await road.foresee(connection, [end], world.at, before)
        assert foreseen is not None
    assert await world.submit(adding(us, 0)) == PoolDone(us.pool)
    async with world.yuzuri.database.connection() as connection:
        assert not await road.confirm(connection, foreseen)


async def test_nothing_is_foreseen_while_a_change_of_members_is_being_written(
    world: World,
) -> None:
    us = await opened(world)
    change = adding(us, 0)
    other = ForgetTransit(id=TransferId(new_id()), left=home_of(us.owner.id))
    road = YuzuriRoad(PROFILES, world.yuzuri.homes, world.yuzuri.rating)
    async with world.yuzuri.database.connection() as connection:
        before = await road.load(connection, [change], world.at)
        road.prepare(before)
        before.book.written = {HOME: before.book.written[HOME]}
        assert await road.foresee(connection, [other], world.at, before) is not None
        assert road.decide(before, change) == PoolDone(us.pool)
        assert await road.foresee(connection, [other], world.at, before) is None
        await connection.rollback()


# ---------------------------------------------------------------- what is always so


async def test_verify_finds_who_draws_on_a_pool_without_right(
    world: World, admin_connection: AsyncConnection
) -> None:
    await opened(world, 0)
    i11, _ = POOL_INVARIANTS

    async def rows() -> int:
        cursor = await admin_connection.execute(i11.breaches)
        return len(await cursor.fetchall())

    assert await rows() == 0
    damages: tuple[tuple[LiteralString, int], ...] = (
        ("UPDATE pool SET operator = 'none'", 1),
        ("UPDATE pool SET closed_at = opened_at", 1),
        ("DELETE FROM pool", 1),
        ("UPDATE pool SET id = (SELECT line FROM pool_member)", 2),
        ("UPDATE pool_member SET line = gen_random_uuid()", 1),
    )
    for damage, found in damages:
        async with admin_connection.transaction(force_rollback=True):
            await admin_connection.execute(damage)
            assert await rows() == found, damage


async def test_verify_finds_what_is_in_a_pool_and_nobodys(
    world: World, admin_connection: AsyncConnection
) -> None:
    us = await opened(world, 0)
    await world.submit(filling(us, us.friends[0], 300))
    _, mine = POOL_INVARIANTS

    async def rows(at: datetime) -> int:
        cursor = await admin_connection.execute(mine.breaches, {"at": at})
        return len(await cursor.fetchall())

    assert await rows(world.at) == 0
    for damage in ("DELETE FROM pool_contribution", "UPDATE pool_contribution SET amount = 299"):
        async with admin_connection.transaction(force_rollback=True):
            await admin_connection.execute(damage)
            assert await rows(world.at) == 1
            assert await rows(world.at + timedelta(days=400)) == 0
