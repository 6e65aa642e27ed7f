"""Threat 15, coercion: somebody was pressed to let another act, and takes it back unnoticed.

Control: revoking is silent and holds from the next request on. The delegate gets no message, and
finds what a stranger finds: nothing that says that there was something, or who ended it.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from tests.charging.core import INTERNET, granted, opened
from tests.conftest import Server
from tests.delegated import (
    People,
    accepting,
    code_of,
    gives,
    giving,
    let,
    meet,
    offer,
    open_delegated_world,
    open_pool,
    revoke,
)
from tests.model.world import World

from yuzuri.charging.notices import load_notices
from yuzuri.charging.sessions import Charged, GrantResult
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import DelegationId, SessionId, home_of, new_id
from yuzuri.kernel.names import Language
from yuzuri.runtime.commands import Command
from yuzuri.runtime.replies import Outcome
from yuzuri.sharing.account import load_gift_list
from yuzuri.sharing.delegation_store import load_agreements
from yuzuri.sharing.delegation_views import (
    load_delegation,
    load_delegation_views,
    load_done,
    load_first_uses,
    load_seen_line,
    load_seen_lines,
)
from yuzuri.sharing.delegations import (
    AcceptDelegation,
    Act,
    DeclineDelegation,
    DelegationDone,
    EndDelegation,
    ManagePool,
    See,
    Use,
)
from yuzuri.sharing.gifts import CancelGift, GiftDone
from yuzuri.sharing.pools import Invite, Invited

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(
    server: Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    data = tmp_path_factory.mktemp("threat-15")
    async with open_delegated_world(server, template, data, 4) as world:
        yield world


async def all_let(world: World) -> tuple[People, DelegationId, list[Command]]:
    """Somebody who may do everything, and what they have just done with it."""
    us = await meet(world)
    await world.buy(us.delegate)
    pool = await open_pool(world, us.owner)
    delegation = await let(world, us, See(), gives(100), Use(in_all=500), ManagePool(pool=pool))
    delegate = us.delegate.person
    made = await world.submit(giving(us.delegate, us.owner, us.stranger, 1))
    assert isinstance(made, GiftDone)
    commands: list[Command] = [
        giving(us.delegate, us.owner, us.stranger, 1),
        Invite(person=delegate, pool=pool),
        CancelGift(person=delegate, gift=made.gift.id),
    ]
    for command in commands[:2]:
        assert isinstance(await world.submit(command), GiftDone | Invited)
    return us, delegation, commands


async def test_revoking_holds_from_the_next_request_on(world: World) -> None:
    us, delegation, commands = await all_let(world)
    assert await revoke(world, us, delegation) == DelegationDone(delegation)
    codes = [code_of(await world.submit(command)) for command in commands]
    assert codes == [Code.LINE_NOT_YOURS, Code.POOL_UNKNOWN, Code.GIFT_UNKNOWN]
    async with world.yuzuri.database.connection() as connection:
        assert await load_seen_lines(connection, us.delegate.person, world.at) == []
        with pytest.raises(DomainError) as raised:
            await load_seen_line(connection, us.delegate.person, us.owner.id, world.at)
        assert raised.value.refusal.code is Code.LINE_NOT_YOURS


async def test_the_phone_of_the_delegate_goes_on_with_what_is_its_own(world: World) -> None:
    us, delegation, _ = await all_let(world)
    await revoke(world, us, delegation)
    session = SessionId(new_id(home_of(us.delegate.id)))
    outcome = await world.submit(opened(us.delegate.id, session, (INTERNET, 10_000)))
    assert isinstance(outcome, Charged)
    grant = granted(outcome)
    assert (grant.result, grant.amount) == (GrantResult.GRANTED, 1_000)


async def found_by(world: World, us: People, delegation: DelegationId) -> list[Any]:
    """All that the delegate can find of a delegation, by reading and by asking for it."""
    person, found = us.delegate.person, list[Any]()
    async with world.yuzuri.database.connection() as connection:
        found += await load_delegation_views(connection, person, world.at)
        found += await load_seen_lines(connection, person, world.at)
        found += await load_first_uses(connection, person, world.at)
        found += await load_gift_list(connection, person, world.at)
        found += await load_notices(connection, [us.delegate], world.yuzuri.profiles, world.at)
        for look in (load_delegation, load_done):
            with pytest.raises(DomainError) as raised:
                await look(connection, person, delegation, world.at)
            found.append(raised.value.refusal.code)
    asked: list[Command] = [
        EndDelegation(person=person, delegation=delegation),
        DeclineDelegation(person=person, delegation=delegation),
        AcceptDelegation(person=person, delegation=delegation, language=Language.EN, text_hash=b""),
    ]
    outcomes: list[Outcome] = [await world.submit(command) for command in asked]
    return [*found, *outcomes]


async def test_what_was_revoked_is_to_the_delegate_as_if_it_had_never_been(world: World) -> None:
    us, delegation, _ = await all_let(world)
    await revoke(world, us, delegation)
    never = DelegationId(new_id(home_of(us.owner.id)))
    assert await found_by(world, us, delegation) == await found_by(world, us, never)


async def test_what_the_delegate_can_export_says_nothing_of_its_end(world: World) -> None:
    us, delegation, _ = await all_let(world)
    async with world.yuzuri.database.connection() as connection:
        before = await load_agreements(connection, us.delegate.person)
        assert len(before) == 2
    await revoke(world, us, delegation)
    async with world.yuzuri.database.connection() as connection:
        assert await load_agreements(connection, us.delegate.person) == before


async def test_an_offer_that_is_taken_back_is_not_there_any_more(world: World) -> None:
    us = await meet(world)
    delegation = await offer(world, us, See())
    accept = await accepting(world, delegation, us.delegate)
    await revoke(world, us, delegation)
    assert code_of(await world.submit(accept)) is Code.DELEGATION_UNKNOWN
    async with world.yuzuri.database.connection() as connection:
        assert await load_delegation_views(connection, us.delegate.person, world.at) == []


async def test_the_owner_still_sees_all_that_was_done(world: World) -> None:
    us, delegation, _ = await all_let(world)
    await revoke(world, us, delegation)
    async with world.yuzuri.database.connection() as connection:
        done = await load_done(connection, us.owner.person, delegation, world.at)
        (use,) = await load_first_uses(connection, us.owner.person, world.at)
    assert [one.what for one in reversed(done)] == [Act.GIVE, Act.GIVE, Act.INVITE]
    assert use.delegation.id == delegation
