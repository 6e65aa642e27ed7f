"""The one road: every command of every room, from its facts to what it changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import assert_never

import msgspec
from psycopg.errors import SerializationFailure

from yuzuri.catalog.purchases import Purchase, decide_purchase, first_issued
from yuzuri.charging.charging_decisions import decide_charging
from yuzuri.charging.charging_facts import ChargingFacts
from yuzuri.charging.charging_store import (
    ask_for_charging,
    ask_running,
    ask_waiting,
    foresee_charging,
    payers_of,
    take_charging,
    write_charging,
)
from yuzuri.charging.rating import RatingTable
from yuzuri.charging.sessions import (
    ChargeEvent,
    ChargingCommand,
    EndSession,
    OpenSession,
    UpdateSession,
)
from yuzuri.charging.spending_limit_store import tell_subscribers
from yuzuri.db import Connection
from yuzuri.kernel.ids import (
    HOME,
    DelegationId,
    GiftId,
    HolderId,
    Home,
    InvitationId,
    LinkId,
    PersonId,
    PoolId,
    PurchaseId,
    RequestId,
    SessionId,
    by_home,
    home_of,
)
from yuzuri.ledger.allowance_rows import AllowanceCache, load_allowances
from yuzuri.ledger.book import Book
from yuzuri.ledger.changes import HOUSE_IDS, TransferKind
from yuzuri.ledger.commands import (
    Capture,
    Deliver,
    ForgetTransit,
    LedgerCommand,
    Move,
    Release,
    Reserve,
    acting_home,
    decide_ledger,
    holders_named,
)
from yuzuri.ledger.expiry import ExpireBuckets, expire_buckets
from yuzuri.ledger.store import ask_for_book, confirm_book, foresee_book, take_book
from yuzuri.ledger.writes import Write, carry_out, pack_book
from yuzuri.operators.profiles import Profiles
from yuzuri.runtime.replies import Outcome, decode_outcome, encode_outcome
from yuzuri.sharing.delegation_decisions import apply_delegation_decision, decide_delegation
from yuzuri.sharing.delegation_facts import DelegationFacts
from yuzuri.sharing.delegation_store import (
    count_delegated_use,
    load_active_to,
    load_delegations,
    write_delegations,
)
from yuzuri.sharing.delegations import (
    AcceptDelegation,
    DelegationCommand,
    ExpireDelegation,
    ManagePool,
    OfferDelegation,
    Scope,
)
from yuzuri.sharing.gift_decisions import decide_gift
from yuzuri.sharing.gift_facts import GiftFacts
from yuzuri.sharing.gift_store import lines_of_gifts, take_in_gifts, write_gifts
from yuzuri.sharing.gifts import (
    AcceptGift,
    CancelGift,
    DeclineGift,
    ExpireGift,
    GiftCommand,
    OfferGift,
)
from yuzuri.sharing.link_decisions import apply_link_decision, decide_link
from yuzuri.sharing.link_facts import LinkFacts
from yuzuri.sharing.link_store import lines_of_links, take_in_links, write_link_facts
from yuzuri.sharing.links import ExpireLink, LinkCommand, PostLink, RevokeLink, TakeShare
from yuzuri.sharing.pool_decisions import apply_pool_decision, decide_pool
from yuzuri.sharing.pool_facts import PoolFacts
from yuzuri.sharing.pool_store import (
    lines_of_pools,
    load_invitations,
    load_members,
    load_pools,
    pools_of_invitations,
    take_in_pools,
    write_pools,
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
from yuzuri.sharing.request_decisions import (
    RequestFacts,
    apply_request_decision,
    decide_request,
)
from yuzuri.sharing.request_store import lines_of_requests, take_in_requests, write_request_facts
from yuzuri.sharing.requests import AskForGift, CloseRequest, FillRequest, RequestCommand
from yuzuri.sharing.tank_decisions import apply_tank_decision, decide_tank
from yuzuri.sharing.tank_facts import TankFacts
from yuzuri.sharing.tank_store import take_in_tanks, write_tanks
from yuzuri.sharing.tanks import (
    CloseTank,
    DrawFromTank,
    ExtendTank,
    GiveToTank,
    OpenTank,
    TankCommand,
)
from yuzuri.subscribers.lines import Line, lines_of, load_lines

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

_encode = msgspec.msgpack.Encoder(enc_hook=bytes).encode


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


@dataclass(slots=True)
class _Named:
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


class YuzuriRoad:
    """How each kind of command is loaded, decided and stored; the committer drives it."""

    def __init__(self, profiles: Profiles, homes: int, rating: RatingTable) -> None:
        self._profiles = profiles
        self._rating = rating
        self._homes = homes
        self._allowances = AllowanceCache()

    def home_of(self, command: Command) -> Home:
        """Return the home of whoever acts; one that does not exist has nothing to find anywhere."""
        match command:
            case Purchase() | OpenSession() | UpdateSession() | EndSession() | ChargeEvent():
                home = home_of(command.line)
            case ExpireBuckets():
                home = home_of(command.holders[0])
            case ExpireGift():
                home = home_of(command.gift)
            case TakeShare() | RevokeLink() | ExpireLink():
                home = home_of(command.link)
            case SettlePool():
                home = home_of(command.pool)
            case OpenTank() | ExtendTank() | CloseTank():
                home = home_of(command.tank)
            case ExpireDelegation():
                home = home_of(command.delegation)
            case Move() | Reserve() | Capture() | Release() | Deliver() | ForgetTransit():
                home = acting_home(command)
            case _:
                home = home_of(command.person)
        return self._existing(home)

    def _existing(self, home: Home) -> Home:
        return home if home < self._homes else HOME

    def fingerprint(self, command: Command) -> bytes:
        """Digest all that a command asks."""
        return _encode(command)

    async def foresee(
        self, connection: Connection, commands: Sequence[Command], at: datetime, after: Facts
    ) -> Facts | None:
        """Read the facts of these commands as they will be once those before are committed.

        None where they are not of balances and running sessions alone, or not of the same home.
        """
        home, named = self.home_of(commands[0]), _names(commands)
        if not named.is_plain or list(after.book.written) != [home]:
            return None
        if after.pools.changed:
            return None  # who draws on which pool is not seen before it is committed
        metered = set(named.sessions.values())
        unseen = named.sessions.keys() - after.charging.sessions.keys()
        asked = await ask_for_charging(connection, unseen, metered)
        holders = by_home(named.holders | metered).get(home, [])
        book = await foresee_book(connection, home, holders, at, after.book, self._allowances)
        book.homes = self._homes
        facts = self._facts(book)
        await take_charging(facts.charging, asked)
        foresee_charging(facts.charging, named.sessions, after.charging)
        # A pool's home may have to be locked too, even that of one that a line has left.
        return None if facts.charging.payers(metered) else facts

    def _facts(self, book: Book) -> Facts:
        gifts = GiftFacts(book, self._profiles, {}, {})
        pools = PoolFacts(book, self._profiles)
        charging = ChargingFacts(book, self._profiles, self._rating, pools)
        tanks = TankFacts(book, self._profiles)
        delegations = DelegationFacts(book, self._profiles, pools)
        pools.delegations = delegations.known
        links, requests = LinkFacts(gifts), RequestFacts(gifts)
        return Facts(book, gifts, links, requests, pools, tanks, delegations, charging)

    async def confirm(self, connection: Connection, facts: Facts) -> bool:
        """Lock what was foreseen, and tell whether it has become true."""
        return await confirm_book(connection, facts.book)

    async def load(
        self, connection: Connection, commands: Sequence[Command], at: datetime
    ) -> Facts:
        """Lock the homes that the commands name, and load all that their decisions may look at."""
        named = _names(commands)
        await _name_lines(connection, named)
        if named.invitations:
            named.pools |= await pools_of_invitations(connection, named.invitations)
        if named.settled:
            named.members |= await lines_of_pools(connection, named.settled)
        if named.delegations:
            await _name_delegated(connection, named, at)
        acted_on = await _owners_of(connection, named.pools) if named.pools else set()
        # Before the locks: a line never changes, and one that is made later is not named yet.
        lines = await load_lines(connection, named.lines) if named.lines else {}
        metered = set(named.sessions.values())
        payers = await payers_of(connection, named.sessions) if metered else set()
        asked = await ask_for_book(
            connection,
            named.holders | named.lines | named.pools | named.members | metered | payers,
            # That of a purchase too: it is made once, whichever lines it names.
            {
                self.home_of(commands[0]),
                *map(self._existing, map(home_of, named.purchases | acted_on | named.managed)),
            },
        )
        sessions = await ask_for_charging(connection, named.sessions, metered, payers)
        book = await take_book(connection, asked, at, self._allowances)
        book.homes = self._homes
        bought = [first_issued(purchase) for purchase in named.purchases]
        for home in range(self._homes) if bought else ():
            book.allowances |= await load_allowances(connection, Home(home), bought)
        facts = self._facts(book)
        facts.gifts.lines = lines
        await _load_giving(connection, facts, named)
        if named.pools:
            await self._load_pools(connection, facts.pools, named, lines)
        if named.tanks:
            facts.tanks.lines = lines
            await take_in_tanks(
                connection, facts.tanks, named.tanks, named.tank_operators, named.lines
            )
        await self._load_delegations(connection, facts, named, commands, lines)
        if metered:
            facts.charging.lines = lines
            await take_charging(facts.charging, sessions)
            if not facts.charging.payers(metered) <= payers | named.pools | named.lines:
                raise SerializationFailure("a line has come to another pool")
        return facts

    async def _load_pools(
        self,
        connection: Connection,
        pools: PoolFacts,
        named: _Named,
        lines: Mapping[HolderId, Line],
    ) -> None:
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

    async def _load_delegations(
        self,
        connection: Connection,
        facts: Facts,
        named: _Named,
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

    def decide(self, facts: Facts, command: Command) -> Outcome:
        """Decide one command, and let the next one see what it changed."""
        match command:
            case Move() | Reserve() | Capture() | Release() | Deliver() | ForgetTransit():
                outcome, changes = decide_ledger(facts.book, command)
                facts.book.apply(changes)
                return outcome
            case Purchase():
                bought, issued = decide_purchase(
                    facts.book, facts.gifts.lines, self._profiles, command
                )
                facts.book.apply(issued)
                return bought
            case ExpireBuckets():
                expired, booked = expire_buckets(facts.book, command)
                facts.book.apply(booked)
                return expired
            case OpenSession() | UpdateSession() | EndSession() | ChargeEvent():
                return decide_charging(facts.charging, command)
            case _ if isinstance(command, GivingCommand):
                return _decide_giving(facts, command)
            case _ if isinstance(command, PoolCommand):
                shared = decide_pool(facts.pools, command)
                apply_pool_decision(facts.pools, shared)
                if shared.action is not None:
                    facts.delegations.note(shared.action)
                return shared.outcome
            case _ if isinstance(command, TankCommand):
                common = decide_tank(facts.tanks, command)
                apply_tank_decision(facts.tanks, common)
                return common.outcome
            case _ if isinstance(command, DelegationCommand):
                agreed = decide_delegation(facts.delegations, command)
                apply_delegation_decision(facts.delegations, agreed)
                return agreed.outcome
            case _:
                assert_never(command)

    def prepare(self, facts: Facts) -> None:
        """Work out what will be written."""
        facts.book.touched |= facts.charging.homes_changed | facts.pools.homes_changed
        facts.book.touched |= facts.tanks.homes_changed | facts.delegations.homes_changed
        facts.writes = pack_book(facts.book)

    async def store(self, connection: Connection, facts: Facts) -> None:
        """Write all that the group changed."""
        await carry_out(connection, facts.writes)
        if facts.changed_gifts:
            changed = [facts.gifts.gifts[gift] for gift in facts.changed_gifts]
            await write_gifts(connection, changed)
        await write_link_facts(connection, facts.links)
        await write_request_facts(connection, facts.requests)
        await write_charging(connection, facts.charging)
        await write_pools(connection, facts.pools)  # then: who has used something may have left
        await write_tanks(connection, facts.tanks)
        await write_delegations(connection, facts.delegations)
        used = [m for m in facts.charging.changed_members.values() if m.delegation is not None]
        if used:
            await count_delegated_use(connection, used, facts.book.at)
        arrived = {t.target for t in facts.book.transfers} - HOUSE_IDS | facts.charging.credited
        if arrived:
            await ask_waiting(connection, arrived, facts.book.at)
        if facts.pools.touched_lines:
            await ask_running(connection, facts.pools.touched_lines, facts.book.at)
        # Of what is used up, charging says where that has mattered.
        moved = (t for t in facts.book.transfers if t.kind is not TransferKind.USE)
        counted = {holder for t in moved for holder in (t.source, t.target)} - HOUSE_IDS
        counted |= facts.charging.counters | facts.pools.touched_lines
        if counted:
            await tell_subscribers(connection, counted, facts.book.at)

    def encode(self, outcome: Outcome) -> bytes:
        """Turn an outcome into what is kept."""
        return encode_outcome(outcome)

    def decode(self, reply: bytes) -> Outcome:
        """Turn what is kept into the outcome."""
        return decode_outcome(reply)


def _decide_giving(facts: Facts, command: GivingCommand) -> Outcome:
    """Decide what is given from one line to another: by a gift, a posted link or a request."""
    match command:
        case _ if isinstance(command, LinkCommand):
            posted = decide_link(facts.links, command)
            apply_link_decision(facts.links, posted)
            if posted.gift is not None:
                facts.changed_gifts.add(posted.gift.id)
            return posted.outcome
        case _ if isinstance(command, RequestCommand):
            asked = decide_request(facts.requests, command)
            apply_request_decision(facts.requests, asked)
            if asked.gift is not None:
                facts.changed_gifts.add(asked.gift.id)
            return asked.outcome
        case _ if isinstance(command, GiftCommand):
            decision = decide_gift(facts.gifts, command)
            facts.book.apply(decision.ledger)
            for gift in decision.gifts:
                facts.delegations.count_gift(facts.gifts.gifts.get(gift.id), gift)
                facts.gifts.add_gift(gift)
                facts.changed_gifts.add(gift.id)
            if decision.action is not None:
                facts.delegations.note(decision.action)
            return decision.outcome
        case _:
            assert_never(command)


def _names(commands: Sequence[Command]) -> _Named:
    named = _Named()
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


def _name_shared(named: _Named, command: PoolCommand | TankCommand | DelegationCommand) -> None:
    match command:
        case _ if isinstance(command, PoolCommand):
            _name_pool(named, command)
        case _ if isinstance(command, TankCommand):
            _name_tank(named, command)
        case _ if isinstance(command, DelegationCommand):
            _name_delegation(named, command)
        case _:
            assert_never(command)


def _name_giving(named: _Named, command: GivingCommand) -> None:
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


async def _name_lines(connection: Connection, named: _Named) -> None:
    """Name the lines that gifts, links and requests are of."""
    if named.gifts:
        named.giving |= await lines_of_gifts(connection, named.gifts)
    if named.requests:
        named.giving |= await lines_of_requests(connection, named.requests)
    if named.links:
        named.lines |= await lines_of_links(connection, named.links)
    named.lines |= named.giving


async def _load_giving(connection: Connection, facts: Facts, named: _Named) -> None:
    if named.gifts or named.giving:
        await take_in_gifts(connection, facts.gifts, named.gifts, named.giving)
    if named.links:
        await take_in_links(connection, facts.links, named.links, named.takes)
    if named.requests:
        await take_in_requests(connection, facts.requests, named.requests)


def _name_pool(named: _Named, command: PoolCommand) -> None:
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
        case ClosePool() | SettlePool():
            named.settled.add(command.pool)
        case Invite() | WithdrawInvitation() | TakeOverPool():
            pass
        case _:
            assert_never(command)


def _name_tank(named: _Named, command: TankCommand) -> None:
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


def _name_delegation(named: _Named, command: DelegationCommand) -> None:
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


async def _name_delegated(connection: Connection, named: _Named, at: datetime) -> None:
    """Name what delegations are about, as far as it is known before the locks."""
    for delegation in (await load_delegations(connection, named.delegations, at)).values():
        named.lines.add(delegation.line)
        named.managed |= _pools_of(delegation.scopes)
        if delegation.used_line is not None:
            named.lines.add(delegation.used_line)
            named.users.add(delegation.used_line)


def _pools_of(scopes: Sequence[Scope]) -> set[PoolId]:
    return {scope.pool for scope in scopes if isinstance(scope, ManagePool)}


async def _owners_of(connection: Connection, pools: set[PoolId]) -> set[PersonId]:
    return {pool.owner for pool in (await load_pools(connection, pools)).values()}


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
