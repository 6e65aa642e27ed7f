"""Threat 14, delegation creeps: one scope opens one thing, and nothing leads to another.

Control: on whose authority somebody acts is looked up at each command, scope by scope, with a cap
and an end; no scope gives credentials, recovery, the contract or the right to let others act.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias, get_args

import msgspec
import pytest
import pytest_asyncio
from tests.conftest import Server
from tests.delegated import (
    People,
    accepting,
    agreed,
    code_of,
    gives,
    giving,
    let,
    letting,
    meet,
    offer,
    open_delegated_world,
    open_pool,
    revoke,
)
from tests.model.world import World

from yuzuri.catalog.purchases import Purchase
from yuzuri.charging.sessions import ChargeEvent, EndSession, OpenSession, UpdateSession
from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import HolderId, InvitationId, LinkId, PoolId, home_of, new_id
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.commands import Capture, Deliver, ForgetTransit, Move, Release, Reserve
from yuzuri.ledger.expiry import ExpireBuckets
from yuzuri.operators.delegation_rules import DelegatedScope
from yuzuri.runtime.commands import Command
from yuzuri.runtime.replies import Outcome
from yuzuri.sharing.account import load_accounts, load_gift_list
from yuzuri.sharing.delegation_views import load_seen_line
from yuzuri.sharing.delegations import (
    AcceptDelegation,
    DeclineDelegation,
    EndDelegation,
    ExpireDelegation,
    ManagePool,
    OfferDelegation,
    Scope,
    See,
    Use,
)
from yuzuri.sharing.gifts import (
    AcceptGift,
    CancelGift,
    DeclineGift,
    ExpireGift,
    Gift,
    GiftDone,
    GiftRefused,
    OfferGift,
)
from yuzuri.sharing.links import ExpireLink, LinkDone, PostLink, RevokeLink, TakeShare
from yuzuri.sharing.pools import (
    Allotment,
    ChangeMember,
    ClosePool,
    FillPool,
    HandOverPool,
    Invite,
    Invited,
    JoinPool,
    OpenPool,
    PoolDone,
    RemoveMember,
    SettlePool,
    TakeOverPool,
    WithdrawInvitation,
)
from yuzuri.sharing.requests import AskForGift, CloseRequest, FillRequest, RequestDone
from yuzuri.sharing.tanks import (
    CloseTank,
    DrawFromTank,
    ExtendTank,
    GiveToTank,
    OpenTank,
    TankDone,
)
from yuzuri.subscribers.lines import Line

SEE, USE, GIVE, POOL = DelegatedScope

NOT_THEIRS = frozenset(
    {
        Code.LINE_NOT_YOURS,
        Code.GIFT_UNKNOWN,
        Code.GIFT_NOT_YOURS,
        Code.LINK_UNKNOWN,
        Code.GIFT_REQUEST_UNKNOWN,
        Code.POOL_UNKNOWN,
        Code.POOL_NOT_YOURS,
        Code.INVITATION_UNKNOWN,
        Code.DELEGATION_UNKNOWN,
    }
)
"""What somebody is told about what is another's: nothing of why."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Case:
    """An owner's things, as far as commands can be about them."""

    world: World
    us: People
    pool: PoolId
    tank: PoolId

    @property
    def owner(self) -> Line:
        return self.us.owner

    @property
    def stranger(self) -> Line:
        return self.us.stranger

    async def gift(self, by: Line, from_line: Line, to_line: Line) -> Gift:
        outcome = await self.world.submit(giving(by, from_line, to_line, 1))
        assert isinstance(outcome, GiftDone), outcome
        return outcome.gift

    async def link(self, by: Line) -> LinkId:
        outcome = await self.world.submit(posting(by))
        assert isinstance(outcome, LinkDone), outcome
        return outcome.link.id

    async def invitation(self, by: Line, pool: PoolId) -> InvitationId:
        outcome = await self.world.submit(Invite(person=by.person, pool=pool))
        assert isinstance(outcome, Invited), outcome
        return outcome.invitation

    async def join(self, line: Line, owner: Line, pool: PoolId) -> None:
        invitation = await self.invitation(owner, pool)
        joined = JoinPool(person=line.person, line=line.id, invitation=invitation)
        assert await self.world.submit(joined) == PoolDone(pool)

    async def member(self) -> Line:
        """A line of nobody's else that draws on the owner's pool."""
        line = (await meet(self.world)).stranger
        await self.join(line, self.owner, self.pool)
        return line


def posting(by: Line, line: Line | None = None) -> PostLink:
    return PostLink(person=by.person, line=(line or by).id, unit=Unit.DATA, amount=2, shares=2)


Build: TypeAlias = Callable[[Case, Line, DelegatedScope], Awaitable[Command]]
"""A command about what is the owner's, sent by a line's person who may be let do a thing."""


# ---------------------------------------------------------------- each command


async def offer_gift(case: Case, by: Line, scope: DelegatedScope) -> Command:
    return giving(by, case.owner, case.stranger, 1)


async def accept_gift(case: Case, by: Line, scope: DelegatedScope) -> Command:
    gift = await case.gift(case.stranger, case.stranger, case.owner)
    return AcceptGift(person=by.person, gift=gift.id)


async def decline_gift(case: Case, by: Line, scope: DelegatedScope) -> Command:
    gift = await case.gift(case.stranger, case.stranger, case.owner)
    return DeclineGift(person=by.person, gift=gift.id)


async def cancel_gift(case: Case, by: Line, scope: DelegatedScope) -> Command:
    on_authority = scope is GIVE and by != case.owner
    gift = await case.gift(by if on_authority else case.owner, case.owner, case.stranger)
    return CancelGift(person=by.person, gift=gift.id)


async def post_link(case: Case, by: Line, scope: DelegatedScope) -> Command:
    return posting(by, case.owner)


async def take_share(case: Case, by: Line, scope: DelegatedScope) -> Command:
    link = await case.link(case.stranger)
    return TakeShare(person=by.person, line=case.owner.id, link=link)


async def revoke_link(case: Case, by: Line, scope: DelegatedScope) -> Command:
    return RevokeLink(person=by.person, link=await case.link(case.owner))


async def ask_for_gift(case: Case, by: Line, scope: DelegatedScope) -> Command:
    return AskForGift(person=by.person, line=case.owner.id, unit=Unit.DATA, amount=1)


async def fill_request(case: Case, by: Line, scope: DelegatedScope) -> Command:
    asked = AskForGift(person=case.stranger.person, line=case.stranger.id, unit=Unit.DATA, amount=5)
    done = await case.world.submit(asked)
    assert isinstance(done, RequestDone)
    return FillRequest(person=by.person, line=case.owner.id, request=done.request.id, amount=1)


async def close_request(case: Case, by: Line, scope: DelegatedScope) -> Command:
    asked = AskForGift(person=case.owner.person, line=case.owner.id, unit=Unit.DATA, amount=5)
    done = await case.world.submit(asked)
    assert isinstance(done, RequestDone)
    return CloseRequest(person=by.person, request=done.request.id)


async def open_a_pool(case: Case, by: Line, scope: DelegatedScope) -> Command:
    pool = PoolId(HolderId(new_id(home_of(by.person))))
    return OpenPool(person=by.person, pool=pool, name="ours", line=case.owner.id)


async def invite(case: Case, by: Line, scope: DelegatedScope) -> Command:
    return Invite(person=by.person, pool=case.pool)


async def withdraw(case: Case, by: Line, scope: DelegatedScope) -> Command:
    invitation = await case.invitation(case.owner, case.pool)
    return WithdrawInvitation(person=by.person, invitation=invitation)


async def join_pool(case: Case, by: Line, scope: DelegatedScope) -> Command:
    theirs = await open_pool(case.world, case.stranger)
    invitation = await case.invitation(case.stranger, theirs)
    return JoinPool(person=by.person, line=case.owner.id, invitation=invitation)


async def change_member(case: Case, by: Line, scope: DelegatedScope) -> Command:
    line = (await case.member()).id
    return ChangeMember(person=by.person, pool=case.pool, line=line, allotment=Allotment(share=7))


async def remove_member(case: Case, by: Line, scope: DelegatedScope) -> Command:
    return RemoveMember(person=by.person, pool=case.pool, line=(await case.member()).id)


async def fill_pool(case: Case, by: Line, scope: DelegatedScope) -> Command:
    return FillPool(person=by.person, line=case.owner.id, pool=case.pool, unit=Unit.DATA, amount=1)


async def close_pool(case: Case, by: Line, scope: DelegatedScope) -> Command:
    return ClosePool(person=by.person, pool=case.pool)


async def hand_over(case: Case, by: Line, scope: DelegatedScope) -> Command:
    return HandOverPool(person=by.person, pool=case.pool, line=(await case.member()).id)


async def take_over(case: Case, by: Line, scope: DelegatedScope) -> Command:
    theirs = await open_pool(case.world, case.stranger)
    await case.join(case.owner, case.stranger, theirs)
    handed = HandOverPool(person=case.stranger.person, pool=theirs, line=case.owner.id)
    assert await case.world.submit(handed) == PoolDone(theirs)
    return TakeOverPool(person=by.person, pool=theirs)


async def give_to_tank(case: Case, by: Line, scope: DelegatedScope) -> Command:
    return GiveToTank(
        person=by.person, line=case.owner.id, tank=case.tank, unit=Unit.DATA, amount=1
    )


async def draw_from_tank(case: Case, by: Line, scope: DelegatedScope) -> Command:
    return DrawFromTank(person=by.person, line=case.owner.id, tank=case.tank, amount=1)


async def offer_delegation(case: Case, by: Line, scope: DelegatedScope) -> Command:
    offered = await agreed(case.world, letting(case.us, See(), at=case.world.at))
    changed = {"person": by.person, "delegate": case.stranger.person}
    return msgspec.structs.replace(offered, **changed)


def to_the_stranger(case: Case) -> People:
    return People(case.owner, case.stranger, case.us.delegate)


async def accept_delegation(case: Case, by: Line, scope: DelegatedScope) -> Command:
    theirs = await offer(case.world, to_the_stranger(case), See())
    return await accepting(case.world, theirs, by)


async def decline_delegation(case: Case, by: Line, scope: DelegatedScope) -> Command:
    theirs = await offer(case.world, to_the_stranger(case), See())
    return DeclineDelegation(person=by.person, delegation=theirs)


async def end_delegation(case: Case, by: Line, scope: DelegatedScope) -> Command:
    theirs = await let(case.world, to_the_stranger(case), See())
    return EndDelegation(person=by.person, delegation=theirs)


@dataclass(frozen=True)
class Row:
    """Which scope lets a delegate send a command, and who may in any case."""

    build: Build
    lets: frozenset[DelegatedScope] = frozenset()
    is_for_stranger: bool = False


MATRIX: Mapping[type, Row] = {
    OfferGift: Row(offer_gift, frozenset({GIVE})),
    AcceptGift: Row(accept_gift),
    DeclineGift: Row(decline_gift),
    CancelGift: Row(cancel_gift, frozenset({GIVE})),
    PostLink: Row(post_link),
    TakeShare: Row(take_share),
    RevokeLink: Row(revoke_link),
    AskForGift: Row(ask_for_gift),
    FillRequest: Row(fill_request),
    CloseRequest: Row(close_request),
    OpenPool: Row(open_a_pool),
    Invite: Row(invite, frozenset({POOL})),
    WithdrawInvitation: Row(withdraw, frozenset({POOL})),
    JoinPool: Row(join_pool),
    ChangeMember: Row(change_member, frozenset({POOL})),
    RemoveMember: Row(remove_member, frozenset({POOL})),
    FillPool: Row(fill_pool),
    ClosePool: Row(close_pool),
    HandOverPool: Row(hand_over),
    TakeOverPool: Row(take_over),
    GiveToTank: Row(give_to_tank),
    DrawFromTank: Row(draw_from_tank),
    OfferDelegation: Row(offer_delegation),
    AcceptDelegation: Row(accept_delegation, is_for_stranger=True),
    DeclineDelegation: Row(decline_delegation, is_for_stranger=True),
    EndDelegation: Row(end_delegation),
}
"""Every command that a person sends."""

NO_PERSON_SENDS = frozenset(
    {
        Purchase,
        *(OpenSession, UpdateSession, EndSession, ChargeEvent),
        *(ExpireGift, ExpireLink, ExpireBuckets, ExpireDelegation, SettlePool),
        *(OpenTank, ExtendTank, CloseTank),
        *(Move, Reserve, Capture, Release, Deliver, ForgetTransit),
    }
)
"""What networks, the sweep and the operator's own people send: nobody can be let do it."""


async def test_every_command_on_the_road_has_a_decision() -> None:
    on_the_road = set(get_args(Command))
    assert on_the_road == MATRIX.keys() | NO_PERSON_SENDS
    assert not MATRIX.keys() & NO_PERSON_SENDS


async def test_what_no_person_sends_names_no_person() -> None:
    for command in get_args(Command):
        names_person = "person" in command.__struct_fields__
        assert names_person == (command not in NO_PERSON_SENDS), command


# ---------------------------------------------------------------- each scope on each command


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(
    server: Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    data = tmp_path_factory.mktemp("threat-14")
    async with open_delegated_world(server, template, data, 4) as world:
        yield world


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tank(world: World) -> PoolId:
    tank = PoolId(HolderId(new_id()))
    outcome = await world.submit(OpenTank(tank=tank, operator="open", name="all"))
    assert isinstance(outcome, TankDone), outcome
    line = (await meet(world)).owner
    given = GiveToTank(person=line.person, line=line.id, tank=tank, unit=Unit.DATA, amount=100)
    assert isinstance(await world.submit(given), TankDone)
    return tank


def scope_of(kind: DelegatedScope, pool: PoolId) -> Scope:
    match kind:
        case DelegatedScope.SEE:
            return See()
        case DelegatedScope.USE:
            return Use(in_all=1_000)
        case DelegatedScope.GIVE:
            return gives(1_000)
        case DelegatedScope.POOL:
            return ManagePool(pool=pool)


async def case_of(world: World, tank: PoolId) -> Case:
    us = await meet(world)
    await world.buy(us.stranger)
    return Case(world, us, await open_pool(world, us.owner), tank)


def is_done(outcome: Outcome) -> bool:
    return not isinstance(outcome, Refusal | GiftRefused)


@pytest.mark.parametrize("command", MATRIX, ids=lambda command: command.__name__)
async def test_a_scope_lets_a_delegate_send_what_it_says_and_nothing_else(
    world: World, tank: PoolId, command: type
) -> None:
    row = MATRIX[command]
    for kind in DelegatedScope:
        case = await case_of(world, tank)
        permission = await let(world, case.us, scope_of(kind, case.pool))
        asked = await row.build(case, case.us.delegate, kind)
        assert type(asked) is command
        outcome = await world.submit(asked)
        if kind in row.lets:
            assert is_done(outcome), (kind, outcome)
            asked = await row.build(case, case.us.delegate, kind)
        else:
            assert code_of(outcome) in NOT_THEIRS, (kind, outcome)
        await revoke(world, case.us, permission)
        assert code_of(await world.submit(asked)) in NOT_THEIRS, (kind, "after it was revoked")


@pytest.mark.parametrize("command", MATRIX, ids=lambda command: command.__name__)
async def test_who_owns_a_thing_needs_nobody_to_let_them(
    world: World, tank: PoolId, command: type
) -> None:
    row, case = MATRIX[command], await case_of(world, tank)
    rightful = case.stranger if row.is_for_stranger else case.owner
    outcome = await world.submit(await row.build(case, rightful, SEE))
    assert is_done(outcome), outcome


async def test_a_delegate_takes_back_their_own_gifts_only(world: World, tank: PoolId) -> None:
    case = await case_of(world, tank)
    await let(world, case.us, gives(10))
    gift = await case.gift(case.owner, case.owner, case.stranger)
    outcome = await world.submit(CancelGift(person=case.us.delegate.person, gift=gift.id))
    assert code_of(outcome) is Code.GIFT_UNKNOWN


async def test_a_scope_lets_a_delegate_see_what_it_says_and_nothing_else(
    world: World, tank: PoolId
) -> None:
    for kind in DelegatedScope:
        case = await case_of(world, tank)
        await let(world, case.us, scope_of(kind, case.pool))
        delegate = case.us.delegate
        await case.gift(case.owner, case.owner, case.stranger)
        async with world.yuzuri.database.connection() as connection:
            if kind is SEE:
                await load_seen_line(connection, delegate.person, case.owner.id, world.at)
            else:
                with pytest.raises(DomainError):
                    await load_seen_line(connection, delegate.person, case.owner.id, world.at)
            own = await load_accounts(connection, delegate.person, world.at)
            assert [account.line.id for account in own] == [delegate.id]
            assert await load_gift_list(connection, delegate.person, world.at) == []


async def test_a_delegate_gives_no_more_than_the_cap_whatever_they_try(
    world: World, tank: PoolId
) -> None:
    case = await case_of(world, tank)
    await let(world, case.us, gives(10), lasts=timedelta(days=1))
    for amount, expected in ((11, Code.DELEGATION_CAP), (10, None), (1, Code.DELEGATION_CAP)):
        outcome = await world.submit(giving(case.us.delegate, case.owner, case.stranger, amount))
        assert (None if is_done(outcome) else code_of(outcome)) is expected
