"""Delegated use on a real database: agreed to, acted on, and over at the very next command."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import LiteralString

import msgspec
import pytest
import pytest_asyncio
from psycopg import AsyncConnection
from tests.charging.core import INTERNET, granted, opened, updated
from tests.conftest import Server
from tests.delegated import (
    MONTH,
    PROFILES,
    People,
    accepting,
    agreed,
    code_of,
    gives,
    giving,
    let,
    letting,
    look,
    meet,
    offer,
    open_delegated_world,
    open_pool,
    revoke,
)
from tests.model.world import ISSUED, World, new_line

from yuzuri.charging.notices import mark_any_seen
from yuzuri.charging.sessions import Charged, Grant, GrantResult, Usage
from yuzuri.db.committer import Request
from yuzuri.jobs.sweeps import sweep
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import DelegationId, HolderId, SessionId, home_of, new_id
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Unit
from yuzuri.runtime.commands import Command
from yuzuri.sharing.account import load_offer_facts
from yuzuri.sharing.delegation_store import load_actions, load_agreements
from yuzuri.sharing.delegation_views import (
    load_delegation,
    load_delegation_views,
    load_done,
    load_first_uses,
    load_open_offer,
    load_seen_line,
    load_seen_lines,
    load_terms,
)
from yuzuri.sharing.delegations import (
    OFFER_LIFE,
    Act,
    Action,
    DeclineDelegation,
    DelegationDone,
    DelegationState,
    EndDelegation,
    Give,
    ManagePool,
    See,
    Use,
)
from yuzuri.sharing.gift_decisions import preview_offer
from yuzuri.sharing.gifts import CancelGift, GiftDone, GiftRefused
from yuzuri.sharing.invariants import DELEGATION_INVARIANTS
from yuzuri.sharing.pool_store import load_members
from yuzuri.sharing.pool_views import load_pool_views
from yuzuri.sharing.pools import (
    Allotment,
    ChangeMember,
    ClosePool,
    HandOverPool,
    Invite,
    Invited,
    JoinPool,
    Member,
    PoolDone,
    RemoveMember,
    Role,
    TakeOverPool,
    WithdrawInvitation,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=[1, 16], ids=["1 home", "16 homes"]
)
async def world(
    server: Server,
    template: str,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> AsyncIterator[World]:
    data = tmp_path_factory.mktemp("delegations")
    async with open_delegated_world(server, template, data, request.param) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="module")
async def us(world: World) -> People:
    return await meet(world)


async def done_on(world: World, delegation: DelegationId) -> Sequence[Action]:
    async with world.yuzuri.database.connection() as connection:
        return await load_actions(connection, delegation)


async def member_of(world: World, line: HolderId) -> Member | None:
    async with world.yuzuri.database.connection() as connection:
        return (await load_members(connection, [line])).get(line)


# ---------------------------------------------------------------- agreed to


async def test_both_sides_agree_to_the_very_text_and_each_can_export_it(
    world: World, us: People
) -> None:
    delegation = await let(world, us, See(), gives(300))
    async with world.yuzuri.database.connection() as connection:
        for person in (us.owner.person, us.delegate.person):
            own, other = await load_agreements(connection, person)
            assert (own.person, own.language) == (us.owner.person, Language.EN)
            assert (other.person, other.language) == (us.delegate.person, Language.JA)
            about = await look(world, delegation)
            for kept in (own, other):
                read = await load_terms(connection, PROFILES, about, kept.language)
                assert (kept.text, kept.text_hash) == (read.text, read.text_hash)
                assert (kept.version, kept.agreed_at) == (about.terms, world.at)
        assert await load_agreements(connection, us.stranger.person) == []


async def test_nobody_agrees_to_a_text_that_they_have_not_read(world: World, us: People) -> None:
    offered = await agreed(world, letting(us, gives(300), at=world.at))
    more = msgspec.structs.replace(offered, scopes=(gives(301),))
    assert code_of(await world.submit(more)) is Code.TERMS_CHANGED
    delegation = await offer(world, us, gives(300))
    accept = await accepting(world, delegation, us.delegate)
    in_english = msgspec.structs.replace(accept, language=Language.EN)
    assert code_of(await world.submit(in_english)) is Code.TERMS_CHANGED
    assert await world.submit(accept) == DelegationDone(delegation)


async def test_an_operator_that_says_nothing_lets_nobody_act(world: World, us: People) -> None:
    for operator, code in (
        ("silent", Code.DELEGATION_RULES_UNKNOWN),
        ("silent-jp", Code.LAW_LINE_HANDING),
    ):
        async with world.yuzuri.database.connection() as connection:
            line = await new_line(connection, world.at, operator, "plan")
        offered = letting(replace(us, owner=line), See(), at=world.at)
        assert code_of(await world.submit(await agreed(world, offered))) is code


async def test_what_is_for_anybody_is_for_the_first_who_comes(world: World, us: People) -> None:
    delegation = await offer(world, us, gives(300), to_anybody=True)
    async with world.yuzuri.database.connection() as connection:
        assert (await load_open_offer(connection, delegation, world.at)).line == us.owner
    own = await accepting(world, delegation, us.owner)
    assert code_of(await world.submit(own)) is Code.DELEGATION_TO_ONESELF
    first = await accepting(world, delegation, us.stranger)
    assert await world.submit(first) == DelegationDone(delegation)
    second = await accepting(world, delegation, us.delegate)
    assert code_of(await world.submit(second)) is Code.DELEGATION_UNKNOWN
    async with world.yuzuri.database.connection() as connection:
        with pytest.raises(DomainError):
            await load_open_offer(connection, delegation, world.at)


async def test_what_is_checked_first_is_checked_again_when_it_is_accepted(
    world: World, us: People
) -> None:
    pool = await open_pool(world, us.owner)
    delegation = await offer(world, us, ManagePool(pool=pool))
    accept = await accepting(world, delegation, us.delegate)
    closed = await world.submit(ClosePool(person=us.owner.person, pool=pool))
    assert closed == PoolDone(pool)
    assert code_of(await world.submit(accept)) is Code.POOL_UNKNOWN


async def test_an_offer_waits_for_a_week_and_only_for_whom_it_is(world: World, us: People) -> None:
    delegation = await offer(world, us, See())
    for sender in (us.stranger, us.owner):
        theirs = await accepting(world, delegation, sender)
        assert code_of(await world.submit(theirs)) is Code.DELEGATION_UNKNOWN
        decline = DeclineDelegation(person=sender.person, delegation=delegation)
        assert code_of(await world.submit(decline)) is Code.DELEGATION_UNKNOWN
    accept = await accepting(world, delegation, us.delegate)
    world.clock.move(OFFER_LIFE)
    assert code_of(await world.submit(accept)) is Code.DELEGATION_UNKNOWN
    await sweep(world.yuzuri)
    assert (await look(world, delegation)).state is DelegationState.ENDED


# ---------------------------------------------------------------- giving


async def test_a_delegate_gives_from_the_line_and_the_owner_sees_each(
    world: World, us: People
) -> None:
    delegation = await let(world, us, gives(300))
    given = []
    for amount in (200, 100):
        outcome = await world.submit(giving(us.delegate, us.owner, us.stranger, amount))
        assert isinstance(outcome, GiftDone), outcome
        assert outcome.gift.authority == delegation
        given.append(outcome.gift)
    assert [
        (one.what, one.person, one.unit, one.amount, one.gift, one.at)
        for one in reversed(await done_on(world, delegation))
    ] == [
        (Act.GIVE, us.delegate.person, Unit.DATA, gift.amount, gift.id, world.at) for gift in given
    ]
    more = await world.submit(giving(us.delegate, us.owner, us.stranger, 1))
    assert code_of(more) is Code.DELEGATION_CAP
    assert (await look(world, delegation)).given == {Unit.DATA: 300}


async def test_an_own_gift_names_nobody_and_counts_on_nothing(world: World, us: People) -> None:
    delegation = await let(world, us, gives(300))
    outcome = await world.submit(giving(us.owner, us.owner, us.stranger, 200))
    assert isinstance(outcome, GiftDone)
    assert outcome.gift.authority is None
    assert (await look(world, delegation)).given == {}
    assert await done_on(world, delegation) == []


async def test_what_ends_without_being_taken_can_be_given_again(world: World, us: People) -> None:
    delegation = await let(world, us, gives(300))

    async def give() -> GiftDone:
        outcome = await world.submit(giving(us.delegate, us.owner, us.stranger, 300))
        assert isinstance(outcome, GiftDone), outcome
        return outcome

    cancelled = (await give()).gift
    done = await world.submit(CancelGift(person=us.delegate.person, gift=cancelled.id))
    assert isinstance(done, GiftDone)
    assert [one.what for one in await done_on(world, delegation)] == [Act.CANCEL, Act.GIVE]
    taken_back = (await give()).gift
    done = await world.submit(CancelGift(person=us.owner.person, gift=taken_back.id))
    assert isinstance(done, GiftDone)
    await give()
    world.clock.move(timedelta(hours=72))  # the deadline; nobody has swept
    accepted = (await give()).gift
    assert isinstance(await world.accept(us.stranger, accepted), GiftDone)
    more = await world.submit(giving(us.delegate, us.owner, us.stranger, 1))
    assert code_of(more) is Code.DELEGATION_CAP


async def test_of_several_permissions_that_is_used_which_ends_first(
    world: World, us: People
) -> None:
    later = await let(world, us, gives(300))
    sooner = await let(world, us, gives(200), lasts=timedelta(days=1))
    for amount, expected in ((200, sooner), (100, later), (200, later)):
        outcome = await world.submit(giving(us.delegate, us.owner, us.stranger, amount))
        assert isinstance(outcome, GiftDone), outcome
        assert outcome.gift.authority == expected


async def test_a_delegate_who_may_not_see_is_not_told_what_is_left(
    world: World, us: People
) -> None:
    await let(world, us, gives(10 * ISSUED))
    asked = giving(us.delegate, us.owner, us.stranger, 5 * ISSUED)
    blind = await world.submit(asked)
    assert isinstance(blind, GiftRefused)
    assert blind.reasons[0].code is Code.BALANCE_NOT_ENOUGH
    assert "available" not in blind.reasons[0].fields
    assert blind.instead == ()
    async with world.yuzuri.database.connection() as connection:
        facts = await load_offer_facts(connection, PROFILES, asked, world.at)
    previewed = preview_offer(facts, asked)
    assert not isinstance(previewed, GiftRefused)
    assert (previewed.refusals, previewed.instead) == (blind.reasons, ())
    await let(world, us, See())
    seeing = await world.submit(asked)
    assert isinstance(seeing, GiftRefused)
    assert "available" in seeing.reasons[0].fields
    assert seeing.instead != ()


# ---------------------------------------------------------------- using data


def reading(world: World, us: People, session: SessionId) -> Command:
    return opened(us.delegate.id, session, (INTERNET, ISSUED))


async def grant_of(world: World, command: Command) -> Grant:
    outcome = await world.submit(command)
    assert isinstance(outcome, Charged), outcome
    return granted(outcome)


def session_of(us: People) -> SessionId:
    return SessionId(new_id(home_of(us.delegate.id)))


async def test_a_line_uses_up_data_of_the_other_and_no_more_than_it_may(
    world: World, us: People
) -> None:
    delegation = await let(world, us, Use(in_all=500, per_day=300))
    first = await grant_of(world, reading(world, us, session_of(us)))
    assert (first.amount, first.is_final) == (300, True)
    stands = await look(world, delegation)
    assert (stands.used, stands.first_used_at) == (300, world.at)
    world.clock.move(timedelta(days=1))
    second = await grant_of(world, reading(world, us, session_of(us)))
    assert second.amount == 200
    stands = await look(world, delegation)
    assert (stands.used, stands.last_used_at) == (500, world.at)


async def test_a_line_uses_up_neither_calls_nor_messages_of_the_other(
    world: World, us: People
) -> None:
    await let(world, us, Use(in_all=500))
    await world.buy(us.owner, None)
    for rating_group in (200, 300):
        grant = await grant_of(world, opened(us.delegate.id, session_of(us), (rating_group, 1)))
        assert grant.result is GrantResult.LIMIT_REACHED


async def test_a_session_gets_nothing_more_at_the_report_after_it_was_revoked(
    world: World, us: People
) -> None:
    delegation = await let(world, us, Use(in_all=500))
    session = session_of(us)
    first = await grant_of(world, opened(us.delegate.id, session, (INTERNET, 100)))
    assert first.amount == 500
    assert await revoke(world, us, delegation) == DelegationDone(delegation)
    assert await member_of(world, us.delegate.id) is None
    async with world.yuzuri.database.connection() as connection:
        asked = await connection.execute(
            "SELECT FROM reauthorization WHERE session = %s", (session,)
        )
        assert asked.rowcount == 1
    report = updated(
        us.delegate.id,
        session,
        used=[Usage(INTERNET, 50, world.at)],
        wanted=[(INTERNET, 100)],
        sequence=1,
    )
    assert (await grant_of(world, report)).result is GrantResult.LIMIT_REACHED


async def test_time_ends_it_without_a_sweep(world: World, us: People) -> None:
    delegation = await let(world, us, Use(in_all=500), gives(300), lasts=timedelta(minutes=5))
    made = await world.submit(giving(us.delegate, us.owner, us.stranger, 1))
    assert isinstance(made, GiftDone)
    grant = await grant_of(world, opened(us.delegate.id, session_of(us), (INTERNET, 100)))
    assert grant.validity_s == 5 * 60
    world.clock.move(timedelta(minutes=5))
    cancel = CancelGift(person=us.delegate.person, gift=made.gift.id)
    assert code_of(await world.submit(cancel)) is Code.GIFT_UNKNOWN
    gift = await world.submit(giving(us.delegate, us.owner, us.stranger, 1))
    assert code_of(gift) is Code.LINE_NOT_YOURS
    late = await grant_of(world, opened(us.delegate.id, session_of(us), (INTERNET, 100)))
    assert late.result is GrantResult.LIMIT_REACHED
    await sweep(world.yuzuri)
    assert await member_of(world, us.delegate.id) is None
    assert (await look(world, delegation)).state is DelegationState.ENDED


async def test_a_line_draws_on_one_thing_beside_its_own(world: World, us: People) -> None:
    await let(world, us, Use(in_all=500))
    again = await offer(world, us, Use(in_all=100))
    accept = await accepting(world, again, us.delegate, us.delegate.id)
    assert code_of(await world.submit(accept)) is Code.POOL_MEMBER_ALREADY
    pool = await open_pool(world, us.stranger)
    invited = await world.submit(Invite(person=us.stranger.person, pool=pool))
    assert isinstance(invited, Invited)
    join = JoinPool(person=us.delegate.person, line=us.delegate.id, invitation=invited.invitation)
    assert code_of(await world.submit(join)) is Code.POOL_MEMBER_ALREADY


async def test_the_line_that_uses_data_is_the_delegate_s_and_of_the_operator(
    world: World, us: People
) -> None:
    delegation = await offer(world, us, Use(in_all=500))
    async with world.yuzuri.database.connection() as connection:
        elsewhere = await new_line(connection, world.at, "silent", "plan")
    for line, code in (
        (None, Code.DELEGATION_LINE_NEEDED),
        (us.stranger.id, Code.LINE_NOT_YOURS),
        (HolderId(new_id()), Code.LINE_UNKNOWN),
    ):
        accept = await accepting(world, delegation, us.delegate, line)
        assert code_of(await world.submit(accept)) is code
    for_them = await offer(world, replace(us, delegate=elsewhere), Use(in_all=500))
    accept = await accepting(world, for_them, elsewhere, elsewhere.id)
    assert code_of(await world.submit(accept)) is Code.DELEGATION_OTHER_OPERATOR
    only_see = await offer(world, us, See())
    accept = await accepting(world, only_see, us.delegate, us.delegate.id)
    assert code_of(await world.submit(accept)) is Code.REQUEST_INVALID


async def test_a_line_that_uses_data_leaves_by_the_permission_alone(
    world: World, us: People
) -> None:
    delegation = await let(world, us, Use(in_all=500))
    leave = RemoveMember(
        person=us.delegate.person,
        pool=us.owner.id,  # type: ignore[arg-type] # a line is no pool
        line=us.delegate.id,
    )
    assert code_of(await world.submit(leave)) is Code.POOL_UNKNOWN
    give_up = EndDelegation(person=us.delegate.person, delegation=delegation)
    assert await world.submit(give_up) == DelegationDone(delegation)
    assert await member_of(world, us.delegate.id) is None


# ---------------------------------------------------------------- managing a pool


async def test_a_delegate_manages_a_pool_and_the_owner_sees_each(world: World, us: People) -> None:
    pool = await open_pool(world, us.owner)
    delegation = await let(world, us, ManagePool(pool=pool))
    delegate = us.delegate.person
    invited = await world.submit(Invite(person=delegate, pool=pool))
    assert isinstance(invited, Invited), invited
    join = JoinPool(person=us.stranger.person, line=us.stranger.id, invitation=invited.invitation)
    assert await world.submit(join) == PoolDone(pool)
    again = await world.submit(Invite(person=delegate, pool=pool))
    assert isinstance(again, Invited)
    commands: list[Command] = [
        WithdrawInvitation(person=delegate, invitation=again.invitation),
        ChangeMember(person=delegate, pool=pool, line=us.stranger.id, allotment=Allotment(share=5)),
        RemoveMember(person=delegate, pool=pool, line=us.stranger.id),
    ]
    for command in commands:
        assert await world.submit(command) == PoolDone(pool)
    assert [
        (one.what, one.pool, one.line) for one in reversed(await done_on(world, delegation))
    ] == [
        (Act.INVITE, pool, None),
        (Act.INVITE, pool, None),
        (Act.WITHDRAW, pool, None),
        (Act.CHANGE, pool, us.stranger.id),
        (Act.REMOVE, pool, us.stranger.id),
    ]


async def test_a_delegate_sees_the_pool_that_they_manage_while_they_may(
    world: World, us: People
) -> None:
    pool = await open_pool(world, us.owner)
    delegation = await let(world, us, ManagePool(pool=pool))
    asked = (PROFILES, us.delegate.person, world.at)
    async with world.yuzuri.database.connection() as connection:
        (seen,) = await load_pool_views(connection, *asked)
        assert (seen.pool.id, seen.role) == (pool, Role.MANAGER)
    await revoke(world, us, delegation)
    async with world.yuzuri.database.connection() as connection:
        assert await load_pool_views(connection, *asked) == []


async def test_nobody_joins_by_an_invitation_of_somebody_who_may_invite_no_longer(
    world: World, us: People
) -> None:
    pool = await open_pool(world, us.owner)
    delegation = await let(world, us, ManagePool(pool=pool))
    invited = await world.submit(Invite(person=us.delegate.person, pool=pool))
    assert isinstance(invited, Invited)
    await revoke(world, us, delegation)
    join = JoinPool(person=us.stranger.person, line=us.stranger.id, invitation=invited.invitation)
    assert code_of(await world.submit(join)) is Code.INVITATION_UNKNOWN
    more = await world.submit(Invite(person=us.delegate.person, pool=pool))
    assert code_of(more) is Code.POOL_UNKNOWN


async def test_a_pool_that_has_another_owner_is_managed_for_the_old_one_no_longer(
    world: World, us: People
) -> None:
    pool = await open_pool(world, us.owner)
    await let(world, us, ManagePool(pool=pool))
    invited = await world.submit(Invite(person=us.owner.person, pool=pool))
    assert isinstance(invited, Invited)
    stranger = us.stranger.person
    commands: list[Command] = [
        JoinPool(person=stranger, line=us.stranger.id, invitation=invited.invitation),
        HandOverPool(person=us.owner.person, pool=pool, line=us.stranger.id),
        TakeOverPool(person=stranger, pool=pool),
    ]
    for command in commands:
        assert await world.submit(command) == PoolDone(pool)
    outcome = await world.submit(Invite(person=us.delegate.person, pool=pool))
    assert code_of(outcome) is Code.POOL_UNKNOWN


async def test_a_delegate_names_no_managers(world: World, us: People) -> None:
    pool = await open_pool(world, us.owner)
    await let(world, us, ManagePool(pool=pool))
    invite = Invite(person=us.delegate.person, pool=pool, role=Role.MANAGER)
    assert code_of(await world.submit(invite)) is Code.POOL_NOT_YOURS


# ---------------------------------------------------------------- seen


async def test_each_sees_what_is_theirs_to_see(world: World, us: People) -> None:
    delegation = await let(world, us, See(), gives(300))
    await world.submit(giving(us.delegate, us.owner, us.stranger, 200))
    async with world.yuzuri.database.connection() as connection:
        (mine,) = await load_delegation_views(connection, us.owner.person, world.at)
        (theirs,) = await load_delegation_views(connection, us.delegate.person, world.at)
        assert (mine.is_mine, theirs.is_mine) == (True, False)
        assert mine.delegation == theirs.delegation == await look(world, delegation)
        assert mine.delegation.given == {Unit.DATA: 200}
        assert await load_delegation_views(connection, us.stranger.person, world.at) == []
        for person in (us.owner.person, us.delegate.person):
            done = await load_done(connection, person, delegation, world.at)
            assert [one.what for one in done] == [Act.GIVE]
        with pytest.raises(DomainError) as raised:
            await load_done(connection, us.stranger.person, delegation, world.at)
        assert raised.value.refusal.code is Code.DELEGATION_UNKNOWN


async def test_nobody_learns_whether_anybody_is_there_before_they_accept(
    world: World, us: People
) -> None:
    there = await offer(world, us, See())
    async with world.yuzuri.database.connection() as connection:
        seen = await load_delegation(connection, us.owner.person, there, world.at)
        assert seen.other is None
    await world.submit(await accepting(world, there, us.delegate))
    async with world.yuzuri.database.connection() as connection:
        seen = await load_delegation(connection, us.owner.person, there, world.at)
        assert seen.other is not None
        assert seen.other.id == us.delegate.person


async def test_a_delegate_sees_what_is_left_while_they_may_and_nothing_else(
    world: World, us: People
) -> None:
    blind = await let(world, us, gives(300))
    async with world.yuzuri.database.connection() as connection:
        assert await load_seen_lines(connection, us.delegate.person, world.at) == []
    await revoke(world, us, blind)
    seeing = await let(world, us, See())
    async with world.yuzuri.database.connection() as connection:
        (line,) = await load_seen_lines(connection, us.delegate.person, world.at)
        assert line == await load_seen_line(connection, us.delegate.person, us.owner.id, world.at)
        assert [balance.usable for balance in line.balances] == [ISSUED]
        for person, other in ((us.delegate, us.stranger), (us.stranger, us.owner)):
            with pytest.raises(DomainError) as raised:
                await load_seen_line(connection, person.person, other.id, world.at)
            assert raised.value.refusal.code is Code.LINE_NOT_YOURS
    await revoke(world, us, seeing)
    async with world.yuzuri.database.connection() as connection:
        assert await load_seen_lines(connection, us.delegate.person, world.at) == []


async def test_the_owner_is_told_of_the_first_use_once(world: World, us: People) -> None:
    delegation = await let(world, us, gives(300))
    async with world.yuzuri.database.connection() as connection:
        assert await load_first_uses(connection, us.owner.person, world.at) == []
    first_at = world.at
    for _ in range(2):
        await world.submit(giving(us.delegate, us.owner, us.stranger, 10))
        world.clock.move(timedelta(hours=1))
    async with world.yuzuri.database.connection() as connection:
        (use,) = await load_first_uses(connection, us.owner.person, world.at)
        assert (use.at, use.delegate.id, use.seen_at) == (first_at, us.delegate.person, None)
        asked = (connection, us.owner.person, PROFILES, delegation, world.at)
        seen = await mark_any_seen(*asked)
        assert seen.seen_at == world.at
        with pytest.raises(DomainError) as raised:
            await mark_any_seen(connection, us.delegate.person, PROFILES, delegation, world.at)
        assert raised.value.refusal.code is Code.NOTICE_UNKNOWN
        assert await load_first_uses(connection, us.delegate.person, world.at) == []


# ---------------------------------------------------------------- while they act


async def test_in_one_group_nobody_acts_one_command_after_they_lost_the_right(
    world: World, us: People
) -> None:
    delegation = await let(world, us, gives(300))
    acts = [giving(us.delegate, us.owner, us.stranger, 10) for _ in range(3)]
    end = EndDelegation(person=us.owner.person, delegation=delegation)
    commands: list[Command] = [acts[0], end, acts[1], end, acts[2]]
    outcomes = await asyncio.gather(*(world.submit(command) for command in commands))
    first, ended, second, again, third = outcomes
    assert {ended, code_of(again)} == {DelegationDone(delegation), Code.DELEGATION_ENDED}
    made = [one for one in (first, second, third) if isinstance(one, GiftDone)]
    assert len(await done_on(world, delegation)) == len(made)
    if world.yuzuri.homes == 1:  # they wait in one queue, and so in this order
        assert made == [first]
        assert code_of(second) is code_of(third) is Code.LINE_NOT_YOURS


async def test_revoked_while_many_act_all_that_was_done_was_done_before(
    world: World, us: People
) -> None:
    delegation = await let(world, us, gives(ISSUED))
    requests: list[Request[Command]] = [
        Request(us.delegate.person, f"gift {n}", giving(us.delegate, us.owner, us.stranger, 1))
        for n in range(60)
    ]
    end: Request[Command] = Request(
        us.owner.person, "end", EndDelegation(person=us.owner.person, delegation=delegation)
    )

    async def act() -> list[object]:
        answers: list[object] = []
        for start in range(0, len(requests), 10):
            answers += await world.yuzuri.post(requests[start : start + 10])
        return answers

    async def stop() -> None:
        await asyncio.sleep(0.01)
        assert await world.yuzuri.post([end]) == [DelegationDone(delegation)]

    answers, _ = await asyncio.gather(act(), stop())
    made = [one for one in answers if isinstance(one, GiftDone)]
    rest = [code_of(one) for one in answers if not isinstance(one, GiftDone)]
    assert set(rest) <= {Code.LINE_NOT_YOURS}
    assert answers[: len(made)] == made, "nothing is done after the first refusal"
    assert len(await done_on(world, delegation)) == len(made)
    after = await world.submit(giving(us.delegate, us.owner, us.stranger, 1))
    assert code_of(after) is Code.LINE_NOT_YOURS


async def test_two_at_once_cannot_pass_one_cap(world: World, us: People) -> None:
    await let(world, us, gives(300))
    outcomes = await asyncio.gather(
        *(world.submit(giving(us.delegate, us.owner, us.stranger, 100)) for _ in range(5))
    )
    assert sum(isinstance(outcome, GiftDone) for outcome in outcomes) == 3


# ---------------------------------------------------------------- what must hold


async def _breaches(world: World) -> list[str]:
    (invariant,) = DELEGATION_INVARIANTS
    async with world.yuzuri.database.connection() as connection:
        cursor = await connection.execute(invariant.breaches, {"at": world.at})
        return [row[1] for row in await cursor.fetchall()]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("UPDATE gift SET authority = gen_random_uuid()", "nobody could make it"),
        ("UPDATE gift SET offered_at = offered_at - interval '1 s'", "nobody could make it"),
        ("UPDATE gift SET unit = 'sms'", "nobody could make it"),
        ("UPDATE delegation_action SET person = gen_random_uuid()", "nobody could make it"),
        ("DELETE FROM delegation_action", "nobody could make it"),
        ("UPDATE gift SET amount = 301", "more was given on it"),
        ('UPDATE delegation SET scopes = \'[{"type": "see"}]\'', "nobody could make it"),
        (
            "UPDATE delegation SET state = 'ended', ended_at = offered_at",
            "no delegation lets it use",
        ),
        ("UPDATE pool_member SET delegation = gen_random_uuid()", "no delegation lets it use"),
        ("UPDATE delegation SET line = gen_random_uuid()", "no delegation lets it use"),
        ("DELETE FROM pool_member", "the line that it lets use"),
        ("DELETE FROM delegation_agreement WHERE language = 'ja'", "not both sides"),
    ],
    ids=[
        "unknown authority",
        "too early",
        "another unit",
        "by another",
        "no action",
        "too much",
        "another scope",
        "ended",
        "another delegation",
        "another line",
        "no member",
        "no agreement",
    ],
)
async def test_what_could_not_be_is_found(
    world: World, us: People, server: Server, damage: LiteralString, said: str
) -> None:
    await let(world, us, gives(300), Use(in_all=500), lasts=MONTH)
    await world.submit(giving(us.delegate, us.owner, us.stranger, 200))
    assert await _breaches(world) == []
    url = world.yuzuri.settings.database_url
    assert url is not None
    async with await AsyncConnection.connect(url) as admin, admin.transaction(force_rollback=True):
        await admin.execute("SET LOCAL search_path = yuzuri")
        await admin.execute(damage)
        (invariant,) = DELEGATION_INVARIANTS
        cursor = await admin.execute(invariant.breaches, {"at": world.at})
        found = [row[1] for row in await cursor.fetchall()]
    assert any(one.startswith(said) for one in found), found


async def test_a_unit_that_is_not_let_is_as_if_nothing_were(world: World, us: People) -> None:
    await let(world, us, Give(unit=Unit.VOICE, in_all=300))
    outcome = await world.submit(giving(us.delegate, us.owner, us.stranger, 10))
    assert code_of(outcome) is Code.LINE_NOT_YOURS
