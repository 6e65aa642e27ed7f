"""The one road: every command of every room, from its facts to what it changed."""

from collections.abc import Sequence
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
    EndSession,
    OpenSession,
    UpdateSession,
)
from yuzuri.charging.spending_limit_store import tell_subscribers
from yuzuri.db import Connection
from yuzuri.kernel.ids import (
    HOME,
    Home,
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
    Move,
    Release,
    Reserve,
    acting_home,
    decide_ledger,
)
from yuzuri.ledger.expiry import ExpireBuckets, expire_buckets
from yuzuri.ledger.store import ask_for_book, confirm_book, foresee_book, take_book
from yuzuri.ledger.writes import carry_out, pack_book
from yuzuri.operators.profiles import Profiles
from yuzuri.runtime.commands import (
    Command,
    GivingCommand,
    name_delegated,
    name_lines,
    names_of,
    owners_of,
)
from yuzuri.runtime.facts import Facts, load_delegation_facts, load_giving_facts, load_pool_facts
from yuzuri.runtime.replies import Outcome, decode_outcome, encode_outcome
from yuzuri.sharing.delegation_decisions import apply_delegation_decision, decide_delegation
from yuzuri.sharing.delegation_facts import DelegationFacts
from yuzuri.sharing.delegation_store import (
    count_delegated_use,
    write_delegations,
)
from yuzuri.sharing.delegations import (
    DelegationCommand,
    ExpireDelegation,
)
from yuzuri.sharing.gift_decisions import decide_gift
from yuzuri.sharing.gift_facts import GiftFacts
from yuzuri.sharing.gift_store import write_gifts
from yuzuri.sharing.gifts import (
    ExpireGift,
    GiftCommand,
)
from yuzuri.sharing.link_decisions import apply_link_decision, decide_link
from yuzuri.sharing.link_facts import LinkFacts
from yuzuri.sharing.link_store import write_link_facts
from yuzuri.sharing.links import ExpireLink, LinkCommand, RevokeLink, TakeShare
from yuzuri.sharing.pool_decisions import apply_pool_decision, decide_pool
from yuzuri.sharing.pool_facts import PoolFacts
from yuzuri.sharing.pool_store import (
    lines_of_pools,
    pools_of_invitations,
    write_pools,
)
from yuzuri.sharing.pools import (
    PoolCommand,
    SettlePool,
)
from yuzuri.sharing.request_decisions import (
    RequestFacts,
    apply_request_decision,
    decide_request,
)
from yuzuri.sharing.request_store import write_request_facts
from yuzuri.sharing.requests import RequestCommand
from yuzuri.sharing.tank_decisions import apply_tank_decision, decide_tank
from yuzuri.sharing.tank_facts import TankFacts
from yuzuri.sharing.tank_store import take_in_tanks, write_tanks
from yuzuri.sharing.tanks import (
    CloseTank,
    ExtendTank,
    OpenTank,
    TankCommand,
)
from yuzuri.subscribers.lines import load_lines

_encode = msgspec.msgpack.Encoder(enc_hook=bytes).encode


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
        home, named = self.home_of(commands[0]), names_of(commands)
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
        named = names_of(commands)
        await name_lines(connection, named)
        if named.invitations:
            named.pools |= await pools_of_invitations(connection, named.invitations)
        if named.settled:
            named.members |= await lines_of_pools(connection, named.settled)
        if named.delegations:
            await name_delegated(connection, named, at)
        acted_on = await owners_of(connection, named.pools) if named.pools else set()
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
        await load_giving_facts(connection, facts, named)
        if named.pools:
            await load_pool_facts(connection, facts.pools, named, lines)
        if named.tanks:
            facts.tanks.lines = lines
            await take_in_tanks(
                connection, facts.tanks, named.tanks, named.tank_operators, named.lines
            )
        await load_delegation_facts(connection, facts, named, commands, lines)
        if metered:
            facts.charging.lines = lines
            await take_charging(facts.charging, sessions)
            if not facts.charging.payers(metered) <= payers | named.pools | named.lines:
                raise SerializationFailure("a line has come to another pool")
        return facts

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
