"""Every command that goes down the road, and what it names: what has to be locked and loaded."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import assert_never

from yuzuri.catalog.purchases import Purchase
from yuzuri.charging.sessions import (
    ChargeEvent,
    ChargingCommand,
    EndSession,
    OpenSession,
    UpdateSession,
)
from yuzuri.db import Connection
from yuzuri.kernel.ids import (
    DelegationId,
    GiftId,
    HolderId,
    InvitationId,
    LinkId,
    PersonId,
    PoolId,
    PurchaseId,
    RequestId,
    SessionId,
)
from yuzuri.ledger.commands import (
    Capture,
    Deliver,
    ForgetTransit,
    LedgerCommand,
    Move,
    Release,
    Reserve,
    holders_named,
)
from yuzuri.ledger.expiry import ExpireBuckets
from yuzuri.sharing.delegation_store import (
    load_delegations,
)
from yuzuri.sharing.delegations import (
    AcceptDelegation,
    DelegationCommand,
    ManagePool,
    OfferDelegation,
    Scope,
)
from yuzuri.sharing.gift_store import lines_of_gifts
from yuzuri.sharing.gifts import (
    AcceptGift,
    CancelGift,
    DeclineGift,
    ExpireGift,
    GiftCommand,
    OfferGift,
)
from yuzuri.sharing.link_store import lines_of_links
from yuzuri.sharing.links import ExpireLink, LinkCommand, PostLink, RevokeLink, TakeShare
from yuzuri.sharing.pool_store import (
    load_pools,
)
from yuzuri.sharing.pools import (
    ChangeMember,
    ClosePool,
    FillPool,
    HandOverPool,
    Invite,
    JoinPool,
    OpenPool,
    PoolCommand,
    RemoveMember,
    SettlePool,
    TakeOverPool,
    WithdrawInvitation,
)
from yuzuri.sharing.request_store import lines_of_requests
from yuzuri.sharing.requests import AskForGift, CloseRequest, FillRequest, RequestCommand
from yuzuri.sharing.tanks import (
    DrawFromTank,
    GiveToTank,
    OpenTank,
    TankCommand,
)

GivingCommand = GiftCommand | LinkCommand | RequestCommand

Command = (
    GivingCommand
    | PoolCommand
    | TankCommand
    | DelegationCommand
    | ChargingCommand
    | Purchase
    | ExpireBuckets
    | LedgerCommand
)


@dataclass(slots=True)
class Named:
    """What the commands of a group name."""

    holders: set[HolderId] = field(default_factory=set)
    lines: set[HolderId] = field(default_factory=set)
    gifts: set[GiftId] = field(default_factory=set)
    giving: set[HolderId] = field(default_factory=set)
    """Lines that give or are given to, so that all limits on them are asked."""
    links: set[LinkId] = field(default_factory=set)
    takes: list[TakeShare] = field(default_factory=list)
    requests: set[RequestId] = field(default_factory=set)
    sessions: dict[SessionId, HolderId] = field(default_factory=dict)
    """Sessions, and of which lines they are said to be."""
    purchases: set[PurchaseId] = field(default_factory=set)
    pools: set[PoolId] = field(default_factory=set)
    members: set[HolderId] = field(default_factory=set)
    """Lines that draw on a pool, or may come to."""
    settled: set[PoolId] = field(default_factory=set)
    """Pools of which something may go to lines of any home, and members of any home may go."""
    invitations: set[InvitationId] = field(default_factory=set)
    is_joining: bool = False
    tanks: set[PoolId] = field(default_factory=set)
    tank_operators: set[str] = field(default_factory=set)
    """Operators that open a tank."""
    delegations: set[DelegationId] = field(default_factory=set)
    users: set[HolderId] = field(default_factory=set)
    """Lines that use up data of another's, or may come to."""
    managed: set[PoolId] = field(default_factory=set)
    """Pools that somebody may be let manage."""

    @property
    def is_plain(self) -> bool:
        """Nothing is named but who has something, and sessions that run."""
        given = (self.giving, self.gifts, self.links, self.requests)
        shared = (self.pools, self.invitations, self.tanks, self.delegations)
        return not any((self.lines, self.purchases, *given, *shared))


def names_of(commands: Sequence[Command]) -> Named:
    """Gather what the commands of a group name themselves."""
    named = Named()
    for command in commands:
        match command:
            case Move() | Reserve() | Capture() | Release() | Deliver() | ForgetTransit():
                named.holders |= holders_named(command)
            case Purchase():
                named.lines.add(command.line)
                named.purchases.add(command.id)
            case ExpireBuckets():
                named.holders.update(command.holders)
            case OpenSession():
                named.lines.add(command.line)
                named.sessions[command.session] = command.line
            case ChargeEvent():
                named.lines.add(command.line)
                named.sessions[command.event] = command.line
            case UpdateSession() | EndSession():
                named.sessions[command.session] = command.line
            case _ if isinstance(command, GivingCommand):
                _name_giving(named, command)
            case _:
                _name_shared(named, command)
    return named


def _name_shared(named: Named, command: PoolCommand | TankCommand | DelegationCommand) -> None:
    match command:
        case _ if isinstance(command, PoolCommand):
            _name_pool(named, command)
        case _ if isinstance(command, TankCommand):
            _name_tank(named, command)
        case _ if isinstance(command, DelegationCommand):
            _name_delegation(named, command)
        case _:
            assert_never(command)


def _name_giving(named: Named, command: GivingCommand) -> None:
    match command:
        case TakeShare():
            named.lines.add(command.line)
            named.links.add(command.link)
            named.takes.append(command)
        case RevokeLink() | ExpireLink():
            named.links.add(command.link)
        case OfferGift():
            named.giving |= {command.from_line, command.to_line}
        case AcceptGift() | DeclineGift() | CancelGift() | ExpireGift():
            named.gifts.add(command.gift)
        case PostLink() | AskForGift():
            named.giving.add(command.line)
        case FillRequest():
            named.giving.add(command.line)
            named.requests.add(command.request)
        case CloseRequest():
            named.requests.add(command.request)
        case _:
            assert_never(command)


async def name_lines(connection: Connection, named: Named) -> None:
    """Name the lines that gifts, links and requests are of."""
    if named.gifts:
        named.giving |= await lines_of_gifts(connection, named.gifts)
    if named.requests:
        named.giving |= await lines_of_requests(connection, named.requests)
    if named.links:
        named.lines |= await lines_of_links(connection, named.links)
    named.lines |= named.giving


def _name_pool(named: Named, command: PoolCommand) -> None:
    match command:
        case WithdrawInvitation() | JoinPool():
            named.invitations.add(command.invitation)
        case _:
            named.pools.add(command.pool)
    match command:
        case OpenPool():
            named.lines |= {command.line, command.pool}  # the pool: to see that it is no line
        case JoinPool():
            named.lines.add(command.line)
            named.members.add(command.line)
            named.is_joining = True
        case HandOverPool():
            if command.line is not None:
                named.lines.add(command.line)
        case ChangeMember() | RemoveMember() | FillPool():
            named.lines.add(command.line)
            named.members.add(command.line)
        case ClosePool() | TakeOverPool() | SettlePool():
            named.settled.add(command.pool)
        case WithdrawInvitation():
            if command.line is not None:
                named.lines.add(command.line)
        case Invite():
            pass
        case _:
            assert_never(command)


def _name_tank(named: Named, command: TankCommand) -> None:
    named.tanks.add(command.tank)
    named.holders.add(command.tank)
    match command:
        case OpenTank():
            named.tank_operators.add(command.operator)
            named.lines.add(command.tank)  # to see that it is none
        case GiveToTank() | DrawFromTank():
            named.lines.add(command.line)
        case _:
            pass


def _name_delegation(named: Named, command: DelegationCommand) -> None:
    match command:
        case OfferDelegation():
            named.lines.add(command.line)
            named.managed |= _pools_of(command.scopes)
        case AcceptDelegation():
            named.delegations.add(command.delegation)
            if command.line is not None:
                named.lines.add(command.line)
                named.users.add(command.line)
        case _:
            named.delegations.add(command.delegation)


async def name_delegated(connection: Connection, named: Named, at: datetime) -> None:
    """Name what delegations are about, as far as it is known before the locks."""
    for delegation in (await load_delegations(connection, named.delegations, at)).values():
        named.lines.add(delegation.line)
        named.managed |= _pools_of(delegation.scopes)
        if delegation.used_line is not None:
            named.lines.add(delegation.used_line)
            named.users.add(delegation.used_line)


def _pools_of(scopes: Sequence[Scope]) -> set[PoolId]:
    return {scope.pool for scope in scopes if isinstance(scope, ManagePool)}


async def owners_of(connection: Connection, pools: set[PoolId]) -> set[PersonId]:
    """Return who owns these pools; read before the locks, it says which homes to lock."""
    return {pool.owner for pool in (await load_pools(connection, pools)).values()}
