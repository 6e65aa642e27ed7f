"""Sessions on PostgreSQL: rows that are kept, who is told in which transaction, pools, verify."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from hashlib import sha256
from typing import LiteralString

import pytest
from psycopg import AsyncConnection
from tests.charging.core import event, granted, opened, session_of, updated
from tests.charging.world import (
    LEAST,
    MB,
    PROFILES,
    Circle,
    Talk,
    circle,
    filling,
    new_lines,
    rows,
    talk,
)
from tests.model.world import CLIENT, World
from tests.pools import let_in

from yuzuri.catalog.purchases import Purchase
from yuzuri.charging.invariants import CHARGING_INVARIANTS
from yuzuri.charging.sessions import Charged, GrantResult, Usage
from yuzuri.db import committer as committers
from yuzuri.db.committer import Committer, Request
from yuzuri.jobs.sweeps import sweep
from yuzuri.kernel.ids import DelegationId, Id, PurchaseId, SessionId, home_of, in_home, new_id
from yuzuri.runtime.commands import Command
from yuzuri.runtime.road import YuzuriRoad
from yuzuri.sharing.gifts import AcceptGift
from yuzuri.sharing.pool_store import remove_members, write_members
from yuzuri.sharing.pool_views import load_pool_views
from yuzuri.sharing.pools import (
    Allotment,
    ChangeMember,
    ClosePool,
    Member,
    PoolDone,
    RemoveMember,
    SettlePool,
)
from yuzuri.subscribers.lines import Line

# ---------------------------------------------------------------- sessions that vanish


@pytest.mark.parametrize("is_swept", [False, True])
async def test_what_a_vanished_session_held_is_free_again_and_its_last_report_is_paid(
    world: World, is_swept: bool
) -> None:
    (line,) = await new_lines(world, 3)
    await world.buy(line, "never")
    gone = await talk(world, line)
    assert await world.left(line) == 10 * MB
    world.clock.move(timedelta(minutes=69, seconds=59))
    assert await world.left(line) == 10 * MB
    world.clock.move(timedelta(seconds=1))
    assert await world.breaches() == []
    if is_swept:
        await sweep(world.yuzuri)
    assert await world.left(line) == 60 * MB
    assert await world.breaches() == []
    other = Talk(world, line)
    grant = await other.open()
    assert grant is not None
    assert grant.amount == LEAST
    assert await world.breaches() == []
    # It was free, so that only what nobody else has pays for what is told so late.
    await gone.end(12 * MB)
    assert await quota_of(world, gone) == (LEAST + 10 * MB, 10 * MB, LEAST, 12 * MB, 2 * MB)
    assert await world.breaches() == []


async def test_the_last_report_of_a_vanished_session_is_paid_by_what_was_set_aside(
    world: World,
) -> None:
    (line,) = await new_lines(world, 3)
    await world.buy(line, "never")
    gone = await talk(world, line)
    world.clock.move(timedelta(minutes=60))
    await sweep(world.yuzuri)
    await gone.end(12 * MB)
    assert await quota_of(world, gone) == (LEAST, 12 * MB, 38 * MB, 0, 0)
    assert await world.left(line) == 48 * MB


async def quota_of(world: World, one: Talk) -> tuple[int, ...]:
    """Granted, used, returned, overrun, unpaid."""
    found = await rows(
        world,
        "SELECT granted, used, returned, overrun, unpaid FROM charging_quota WHERE session = %s",
        one.id,
    )
    (row,) = found
    return tuple(row)


# ---------------------------------------------------------------- the network asks again

Happening = Callable[[World, Circle, Line], Awaitable[Command]]
"""Readies what is to happen to a line, and returns the command that lets it happen."""


async def a_gift_is_accepted(world: World, us: Circle, line: Line) -> Command:
    (friend,) = await new_lines(world, 9)
    await world.buy(friend, "month")
    gift = await world.offer(friend, line, 3 * MB)
    return AcceptGift(person=line.person, gift=gift.id)


async def a_top_up_is_bought(world: World, us: Circle, line: Line) -> Command:
    return Purchase(id=PurchaseId(new_id()), line=line.id, top_up="little")


async def the_pool_is_filled(world: World, us: Circle, line: Line) -> Command:
    await world.buy(us.owner, "little")
    return filling(us, us.owner, 1_000)


async def a_cap_is_changed(world: World, us: Circle, line: Line) -> Command:
    allotment = Allotment(cap_per_day=7)
    return ChangeMember(person=us.owner.person, pool=us.pool, line=line.id, allotment=allotment)


async def a_member_is_paused(world: World, us: Circle, line: Line) -> Command:
    allotment = Allotment(is_paused=True)
    return ChangeMember(person=us.owner.person, pool=us.pool, line=line.id, allotment=allotment)


async def a_member_is_removed(world: World, us: Circle, line: Line) -> Command:
    return RemoveMember(person=us.owner.person, pool=us.pool, line=line.id)


async def told_with(world: World, command: Command) -> tuple[set[object], set[object]]:
    """Whom a command makes networks ask about; and of these, for whom in its own transaction."""
    await rows(world, "DELETE FROM reauthorization RETURNING 1")
    key = str(new_id())
    await world.submit(command, key)
    name = Id(sha256(CLIENT + key.encode()).digest()[:16])
    asked = await rows(
        world,
        """
        SELECT session, reauthorization.xmin::text = command.xmin::text, due_at
        FROM reauthorization, command WHERE name = %s
        """,
        name,
    )
    assert all(due_at == world.at for _, _, due_at in asked)
    return {row[0] for row in asked}, {row[0] for row in asked if row[1]}


ARRIVALS = [a_gift_is_accepted, a_top_up_is_bought, the_pool_is_filled]
CHANGES = [a_cap_is_changed, a_member_is_paused, a_member_is_removed]


@pytest.mark.parametrize("happens", [*ARRIVALS, *CHANGES])
async def test_a_dry_line_is_asked_about_in_the_same_transaction(
    world: World, happens: Happening
) -> None:
    us = await circle(world, [None, None], 0)
    line = us.members[0]
    dry = await talk(world, line)
    ended = await talk(world, line)
    await ended.end()
    asked, at_once = await told_with(world, await happens(world, us, line))
    assert asked == at_once == {dry.id}


@pytest.mark.parametrize("happens", ARRIVALS)
async def test_nobody_is_asked_where_nothing_waits(world: World, happens: Happening) -> None:
    us = await circle(world, [None, None], 0)
    line = us.members[0]
    await world.buy(line, "month")
    await talk(world, line)
    await talk(world, line, None)
    elsewhere = await talk(world, (await new_lines(world, 4))[0])
    asked, _ = await told_with(world, await happens(world, us, line))
    assert asked == set()
    assert (await elsewhere.report(0)).result is GrantResult.LIMIT_REACHED


@pytest.mark.parametrize("happens", CHANGES)
async def test_a_change_of_rights_is_told_of_every_session_that_runs_and_of_no_other(
    world: World, happens: Happening
) -> None:
    us = await circle(world, [None, None], 200 * MB)
    line, other = us.members
    running = await talk(world, line)
    await talk(world, other)
    asked, at_once = await told_with(world, await happens(world, us, line))
    assert asked == at_once == {running.id}


async def test_what_a_session_gives_back_is_told_to_the_one_that_waits(world: World) -> None:
    (line,) = await new_lines(world, 2)
    await world.buy(line, "never")
    first, second = await talk(world, line), await talk(world, line)
    third = await talk(world, line)
    assert (await second.report(0)).is_final
    await rows(world, "DELETE FROM reauthorization RETURNING 1")
    await first.end(1)
    asked = {row[0] for row in await rows(world, "SELECT session FROM reauthorization")}
    assert asked == {second.id, third.id}


async def test_who_is_dry_is_asked_about_when_the_night_begins_or_before_if_something_comes(
    world: World,
) -> None:
    """It is noon in Japan."""
    (line,) = await new_lines(world, 2)
    await world.buy(line, "night")
    dry = await talk(world, line)
    due = "SELECT due_at - %s FROM reauthorization WHERE session = %s"
    assert await rows(world, due, world.at, dry.id) == [(timedelta(hours=11),)]
    await world.buy(line, "little")
    assert await rows(world, due, world.at, dry.id) == [(timedelta(0),)]
    world.clock.move(timedelta(seconds=1))
    assert (await dry.report(0)).is_final
    assert await rows(world, due, world.at, dry.id) == [(timedelta(seconds=-1),)]


# ---------------------------------------------------------------- pools


async def spend(one: Talk, amount: int | None = None) -> int:
    """Use all that is granted until nothing is; returns how much that was."""
    grant = await one.report(0)
    spent = 0
    while grant.amount:
        use = grant.amount if amount is None else min(amount, grant.amount)
        grant = await one.report(use)
        spent += use
    return spent


async def test_a_member_is_stopped_at_its_cap_and_nobody_else_is(world: World) -> None:
    """Eight phones of two members at once; what is set aside counts, so no byte is too many."""
    cap = 170 * MB + 1
    us = await circle(world, [cap, None], 700 * MB)
    talks = [await talk(world, us.members[number % 2], None) for number in range(8)]
    spent = await asyncio.gather(*(spend(one, 40 * MB) for one in talks))
    by_member = [sum(spent[number::2]) for number in range(2)]
    assert by_member[0] <= cap
    # Where one phone gives back what another was refused, that one asks again.
    by_member[0] += await spend(talks[0])
    by_member[1] += await spend(talks[1])
    assert by_member == [cap, 700 * MB - cap]
    assert await pool_use(world, us) == {us.members[0].id: cap, us.members[1].id: 700 * MB - cap}
    assert (await talks[0].report(5)).result is GrantResult.LIMIT_REACHED
    assert await rows(world, "SELECT sum(unpaid) FROM charging_quota") == [(5,)]
    (member,) = await rows(
        world, "SELECT taken_today, taken_this_month FROM pool_member WHERE cap_per_day = %s", cap
    )
    assert member == (cap, cap)


async def pool_use(world: World, us: Circle) -> dict[object, int]:
    used = await rows(
        world,
        """
        SELECT q.line, sum(t.amount)::bigint FROM transfer t JOIN charging_quota q ON q.id = t.cause
        WHERE t.source = %s AND t.kind = 'u' GROUP BY q.line
        """,
        us.pool,
    )
    return dict(used)


async def test_use_of_a_pool_of_another_home_is_written_where_the_pool_lives(world: World) -> None:
    us = await circle(world, [None], 200 * MB)
    (member,) = us.members
    assert (home_of(member.id) == home_of(us.pool)) is (world.yuzuri.homes == 1)
    await world.buy(member, "messages")
    one = await talk(world, member)
    await one.report(LEAST + 5)
    found = await rows(
        world, "SELECT home, source, amount FROM transfer WHERE kind = 'u' ORDER BY amount"
    )
    home = home_of(us.pool)
    assert found == [(home, us.pool, 5), (home, us.pool, LEAST)]
    holds = await rows(world, "SELECT home, holder, amount FROM hold")
    assert holds == [(home, us.pool, LEAST)]
    assert await world.breaches() == []
    await one.end(7)
    assert await rows(world, "SELECT count(*) FROM hold") == [(0,)]
    assert await pool_use(world, us) == {member.id: LEAST + 12}


async def test_who_has_left_uses_up_what_was_granted_and_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where its report is decided while the message before is being written."""
    us = await circle(world, [None], 200 * MB)
    (member,) = us.members
    one, other = await talk(world, member), await talk(world, member, None)
    left = RemoveMember(person=us.owner.person, pool=us.pool, line=member.id)
    assert await world.submit(left) == PoolDone(us.pool)
    report = updated(
        member.id,
        one.id,
        used=[Usage(1, LEAST + 1, world.at)],
        wanted=[(1, 0)],
        sequence=2,
    )
    others = [updated(member.id, other.id, sequence=number) for number in (2, 3, 4)]
    said: list[Command] = [others[0], report, *others[1:]]
    requests = [Request(CLIENT, str(new_id()), command) for command in said]
    monkeypatch.setattr(committers, "_CROWD", 1)
    yuzuri = world.yuzuri
    way = YuzuriRoad(yuzuri.profiles, yuzuri.homes, yuzuri.rating)
    async with Committer(yuzuri.database.pool, way, world.clock, group_max=1) as committer:
        outcomes = await committer.post(requests)
    outcome = outcomes[1]
    assert isinstance(outcome, Charged), outcome
    assert granted(outcome).result is GrantResult.LIMIT_REACHED
    assert await quota_of(world, one) == (LEAST, LEAST, 0, 1, 1)


async def test_who_comes_back_has_its_whole_cap_and_not_more(world: World) -> None:
    us = await circle(world, [60 * MB], 700 * MB)
    (member,) = us.members
    before = await talk(world, member)
    world.clock.move(timedelta(seconds=1))
    person, pool = us.owner.person, us.pool
    removal = RemoveMember(person=person, pool=pool, line=member.id)
    assert await world.submit(removal) == PoolDone(pool)
    again = Allotment(cap_per_day=60 * MB)
    assert await let_in(world.submit, person, pool, member, again) == PoolDone(pool)
    after = await talk(world, member)
    assert await spend(after) == 60 * MB
    await before.end(LEAST)
    assert (await after.report(0)).amount == 0


async def test_what_a_closed_pool_had_set_aside_goes_back_with_the_sweep_once_it_is_free(
    world: World,
) -> None:
    us = await circle(world, [None, None], 0)
    member, other = us.members
    await world.buy(member, "month")
    await world.submit(filling(us, member, 120 * MB))
    running = await talk(world, other)
    closing = ClosePool(person=us.owner.person, pool=us.pool)
    assert await world.submit(closing) == PoolDone(us.pool)
    assert await world.left(member) == 80 * MB + 70 * MB
    assert await owed_to(world, member) == [50 * MB]
    await sweep(world.yuzuri)
    assert await world.left(member) == 150 * MB
    assert (await running.report(20 * MB)).result is GrantResult.LIMIT_REACHED
    assert await world.left(member) == 150 * MB
    dry = await talk(world, member)
    await dry.report(150 * MB)
    await rows(world, "DELETE FROM reauthorization RETURNING 1")
    await sweep(world.yuzuri)
    assert await world.left(member) == 30 * MB
    assert await rows(world, "SELECT session FROM reauthorization") == [(dry.id,)]
    assert await owed_to(world, member) == []
    assert await rows(world, "SELECT count(*) FROM pool_contribution") == [(0,)]


async def owed_to(world: World, line: Line) -> list[int]:
    """What a line sees that it has still to get back."""
    async with world.yuzuri.database.connection() as connection:
        views = await load_pool_views(connection, PROFILES, line.person, world.at)
    return [share.amount for view in views for share in view.shares if share.is_owed]


async def test_what_is_owed_to_a_line_in_another_pool_goes_back_beside_sessions_of_others(
    world: World,
) -> None:
    us, them = await circle(world, [None, None], 0), await circle(world, [], 0)
    member, other = us.members
    await world.buy(member, "never")
    await world.submit(filling(us, member, 60 * MB))
    running = await talk(world, other)
    left = RemoveMember(person=member.person, pool=us.pool, line=member.id)
    assert await world.submit(left) == PoolDone(us.pool)
    joined = await let_in(world.submit, them.owner.person, them.pool, member)
    assert joined == PoolDone(them.pool)
    await running.end(10 * MB)
    (stranger,) = await new_lines(world, 0)
    begun = opened(stranger.id, SessionId(new_id(home_of(stranger.id))), (1, 0))
    commands: list[Command] = [begun, SettlePool(pool=us.pool), begun]
    settled = await world.yuzuri.post(
        [Request(CLIENT, str(new_id()), command) for command in commands]
    )
    assert settled[1] == PoolDone(us.pool)
    assert isinstance(settled[0], Charged)
    assert await world.left(member) == 50 * MB


async def test_what_arrives_at_a_line_wakes_whoever_it_is_lent_to(world: World) -> None:
    lender, user = await new_lines(world, 0, 5)
    lent = Member(
        line=user.id,
        pool=lender.id,
        joined_at=world.at,
        day=world.at,
        month=world.at,
        allotment=Allotment(share=70 * MB),
        delegation=DelegationId(new_id(home_of(lender.id))),
        until=world.at + timedelta(days=9),
    )
    async with world.yuzuri.database.connection() as connection:
        await write_members(connection, [lent])
    dry = await talk(world, user)
    purchase = Purchase(id=PurchaseId(new_id()), line=lender.id, top_up="never")
    asked, at_once = await told_with(world, purchase)
    assert asked == at_once == {dry.id}
    assert await spend(dry) == 60 * MB
    await world.buy(lender, "never")
    assert await spend(dry) == 10 * MB
    assert await world.left(lender) == 50 * MB
    async with world.yuzuri.database.connection() as connection:
        await remove_members(connection, [user.id])  # no delegation said so


# ---------------------------------------------------------------- notices


async def test_a_notice_is_written_at_80_and_at_100_percent_once_a_month(world: World) -> None:
    (line,) = await new_lines(world, 5)
    await world.buy(line, "little")
    one = await talk(world, line)
    seen = []
    for amount in (799, 1, 1, 198, 1, 3):
        await one.report(amount)
        seen.append([row[0] for row in await notices(world)])
    assert seen == [[], [80], [80], [80], [80, 100], [80, 100]]
    await world.buy(line, "little")
    await one.report(600)
    await one.report(400)
    assert [row[0] for row in await notices(world)] == [80, 100]
    world.clock.move(timedelta(days=30))
    for _ in range(4):
        await world.buy(line, "little")
    await one.report(3_200)
    counted = await notices(world)
    assert [row[0] for row in counted] == [80, 80, 100]
    assert len({row[1] for row in counted}) == 2


async def notices(world: World) -> list[tuple[int, object]]:
    return await rows(world, "SELECT reached, cycle_start FROM use_notice ORDER BY reached, at")


# ---------------------------------------------------------------- exactly once


async def test_a_message_that_is_sent_many_times_at_once_counts_once(world: World) -> None:
    (line,) = await new_lines(world, 1)
    await world.buy(line, "month")
    one = await talk(world, line)
    command = updated(line.id, one.id, used=[Usage(1, 9, world.at)], wanted=[(1, 0)], sequence=2)
    lies = [
        updated(line.id, one.id, used=[Usage(1, n, world.at)], wanted=[(1, 0)], sequence=2)
        for n in range(10, 30)
    ]
    requests: list[Request[Command]] = [Request(CLIENT, f"{n}", lie) for n, lie in enumerate(lies)]
    outcomes = await world.yuzuri.post(
        [Request(CLIENT, "one", command), *requests, Request(CLIENT, "one", command)]
    )
    assert all(isinstance(outcome, Charged) for outcome in outcomes[:-1])
    assert await world.submit(command, "one") == outcomes[0]
    assert (await quota_of(world, one))[1] == 9


async def test_an_event_counts_once(world: World) -> None:
    (line,) = await new_lines(world, 1)
    await world.buy(line, "messages")
    name = SessionId(in_home(session_of(1), home_of(line.id)))
    for _ in range(2):
        assert isinstance(await world.submit(event(line.id, name), "sms"), Charged)
    used = "SELECT used, is_waiting FROM charging_quota WHERE session = %s"
    assert await rows(world, used, name) == [(1, False)]


# ---------------------------------------------------------------- what is always so


async def test_verify_finds_every_byte_that_is_not_where_it_was_counted(
    world: World, database_url: str
) -> None:
    us = await circle(world, [None], 200 * MB)
    one, pooled = await talk(world, us.owner), await talk(world, us.members[0])
    await one.report(5)
    await pooled.report(7)
    over = await talk(world, us.owner)
    await over.end()
    (i12,) = CHARGING_INVARIANTS
    async with await AsyncConnection.connect(database_url, autocommit=True) as admin:
        await admin.execute("SET search_path = yuzuri")

        async def found() -> list[str]:
            cursor = await admin.execute(i12.breaches)
            return [row[1] for row in await cursor.fetchall()]

        assert await found() == []
        mine: LiteralString = "WHERE used = 5"
        damages: list[tuple[LiteralString, list[str]]] = [
            (f"UPDATE charging_quota SET used = used + 1 {mine}", ["granted", "it says used 6"]),
            (f"UPDATE charging_quota SET granted = granted + 1 {mine}", ["granted"]),
            (f"UPDATE charging_quota SET returned = returned + 1 {mine}", ["granted"]),
            ("UPDATE hold SET amount = amount + 1", ["granted", "granted"]),
            ("UPDATE hold SET lapsed_at = '2000-01-01'", ["granted", "granted"]),
            ("DELETE FROM hold", ["granted", "granted"]),
            (
                "UPDATE transfer SET amount = amount + 1 WHERE kind = 'u' AND amount = 7",
                ["it says used 7, and 8"],
            ),
            ("DELETE FROM transfer WHERE kind = 'u' AND amount = 5", ["it says used 5, and 0"]),
            (
                "UPDATE charging_session SET ended_at = now()",
                ["its session has ended"] * 2,
            ),
            (f"UPDATE charging_quota SET line = session {mine}", ["its session is not known"]),
            ("DELETE FROM charging_session", ["its session is not known"] * 3),
        ]
        for damage, problems in damages:
            async with admin.transaction(force_rollback=True):
                await admin.execute(damage)
                breaches = sorted(await found())
                assert len(breaches) == len(problems), (damage, breaches)
                for breach, problem in zip(breaches, sorted(problems), strict=True):
                    assert breach.startswith(problem), damage
        assert await found() == []


async def test_the_network_is_asked_again_for_each_session_once(world: World) -> None:
    (line,) = await new_lines(world, 6)
    dry = await talk(world, line)
    for _ in range(3):
        await world.buy(line, "little")
    assert await rows(world, "SELECT session, attempts FROM reauthorization") == [(dry.id, 0)]
