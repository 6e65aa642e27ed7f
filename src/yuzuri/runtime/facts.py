"""The facts of a group, and what loads them once the homes are locked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from psycopg.errors import SerializationFailure

from yuzuri.charging.charging_facts import ChargingFacts
from yuzuri.db import Connection
from yuzuri.kernel.ids import (
    GiftId,
    HolderId,
    Home,
    PersonId,
    PoolId,
    home_of,
)
from yuzuri.ledger.book import Book
from yuzuri.ledger.writes import Write
from yuzuri.runtime.commands import Command, Named
from yuzuri.sharing.delegation_facts import DelegationFacts
from yuzuri.sharing.delegation_store import (
    load_active_to,
    load_delegations,
)
from yuzuri.sharing.gift_facts import GiftFacts
from yuzuri.sharing.gift_store import take_in_gifts
from yuzuri.sharing.gifts import (
    CancelGift,
    OfferGift,
)
from yuzuri.sharing.link_facts import LinkFacts
from yuzuri.sharing.link_store import take_in_links
from yuzuri.sharing.pool_facts import PoolFacts
from yuzuri.sharing.pool_store import (
    load_invitations,
    load_members,
    load_pools,
    take_in_pools,
)
from yuzuri.sharing.pools import (
    ChangeMember,
    Invite,
    JoinPool,
    RemoveMember,
    WithdrawInvitation,
)
from yuzuri.sharing.request_decisions import (
    RequestFacts,
)
from yuzuri.sharing.request_store import take_in_requests
from yuzuri.sharing.tank_facts import TankFacts
from yuzuri.subscribers.lines import Line, lines_of, load_lines


@dataclass(slots=True)
class Facts:
    """The facts of one group, and which gifts it has changed."""

    book: Book
    gifts: GiftFacts
    links: LinkFacts
    requests: RequestFacts
    pools: PoolFacts
    tanks: TankFacts
    delegations: DelegationFacts
    charging: ChargingFacts
    changed_gifts: set[GiftId] = field(default_factory=set)
    writes: list[Write] = field(default_factory=list)


async def load_giving_facts(connection: Connection, facts: Facts, named: Named) -> None:
    """Load what decisions on gifts, links and requests look at."""
    if named.gifts or named.giving:
        await take_in_gifts(connection, facts.gifts, named.gifts, named.giving)
    if named.links:
        await take_in_links(connection, facts.links, named.links, named.takes)
    if named.requests:
        await take_in_requests(connection, facts.requests, named.requests)


async def load_pool_facts(
    connection: Connection,
    pools: PoolFacts,
    named: Named,
    lines: Mapping[HolderId, Line],
) -> None:
    """Load the pools that are named; raises `SerializationFailure` where a line came meanwhile."""
    await take_in_pools(connection, pools, named.members, named.pools)
    pools.invitations = await load_invitations(connection, named.invitations)
    if any(
        home_of(line) not in pools.book.locked
        for pool in named.settled
        for line in pools.lines_of(pool)
    ):
        raise SerializationFailure("a line has come to a pool")
    pools.lines = {**lines, **await load_lines(connection, pools.members.keys() - lines.keys())}
    if named.is_joining:
        owners = {pool.owner for pool in pools.pools.values()}
        pools.owned = {owner: await lines_of(connection, owner) for owner in owners}


async def load_delegation_facts(
    connection: Connection,
    facts: Facts,
    named: Named,
    commands: Sequence[Command],
    lines: Mapping[HolderId, Line],
) -> None:
    """Load the delegations that are named, and those on which somebody may act here."""
    known, pools, at = facts.delegations.known, facts.pools, facts.book.at
    people, homes = set[PersonId](), set[Home]()
    if named.giving or named.pools:
        people, homes = _who_acts_where(facts, commands)
    if people:
        if not homes <= facts.book.locked.keys():
            raise SerializationFailure("a pool has come to another owner")
        known |= await load_active_to(connection, homes, people, at)
    if named.users:
        pools.members |= await load_members(connection, named.users)
    if named.managed:
        pools.pools |= await load_pools(connection, named.managed - pools.pools.keys())
    if named.delegations:
        known |= await load_delegations(connection, named.delegations, at)
        used = {known[one].used_line for one in named.delegations & known.keys()}
        if not used <= {*named.users, None}:
            raise SerializationFailure("a line has come to use what is another's")
    facts.delegations.lines = lines
    facts.gifts.delegations = known


def _who_acts_where(facts: Facts, commands: Sequence[Command]) -> tuple[set[PersonId], set[Home]]:
    """Return who may be acting on what is another's, and the homes of those it is."""
    people: set[PersonId] = set()
    homes: set[Home] = set()
    managed: list[tuple[PoolId, PersonId]] = []
    for command in commands:
        match command:
            case OfferGift():
                line = facts.gifts.lines.get(command.from_line)
                if line is not None and line.person != command.person:
                    people.add(command.person)
                    homes.add(home_of(line.id))
            case CancelGift():
                gift = facts.gifts.gifts.get(command.gift)
                if gift is not None and gift.authority is not None:
                    people.add(command.person)
                    homes.add(home_of(gift.authority))
            case Invite() | ChangeMember() | RemoveMember():
                managed.append((command.pool, command.person))
            case WithdrawInvitation() | JoinPool():
                invitation = facts.pools.invitations.get(command.invitation)
                if invitation is not None:
                    is_joining = isinstance(command, JoinPool)
                    by = invitation.by if is_joining else command.person
                    managed.append((invitation.pool, by))
            case _:
                pass
    for pool_id, person in managed:
        pool = facts.pools.pools.get(pool_id)
        if pool is not None and pool.owner != person:
            people.add(person)
            homes.add(home_of(pool.owner))
    return people, homes
