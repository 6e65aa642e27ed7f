"""The one road: every command of every room, from its facts to what it changed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import assert_never

import msgspec

from yuzuri.catalog.purchases import Purchase, decide_purchase, first_issued
from yuzuri.db import Connection
from yuzuri.kernel.ids import HOME, GiftId, HolderId, Home, PurchaseId, by_home, home_of
from yuzuri.ledger.allowance_rows import AllowanceCache, load_allowances
from yuzuri.ledger.book import Book
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
from yuzuri.ledger.store import confirm_book, foresee_book, load_book
from yuzuri.ledger.writes import Write, carry_out, pack_book
from yuzuri.operators.profiles import Profiles
from yuzuri.runtime.replies import Outcome, decode_outcome, encode_outcome
from yuzuri.sharing.gift_decisions import decide_gift
from yuzuri.sharing.gift_facts import GiftFacts
from yuzuri.sharing.gift_store import lines_of_gifts, load_gift_facts, write_gifts
from yuzuri.sharing.gifts import (
    AcceptGift,
    CancelGift,
    DeclineGift,
    ExpireGift,
    GiftCommand,
    OfferGift,
)
from yuzuri.subscribers.lines import load_lines

Command = GiftCommand | Purchase | ExpireBuckets | LedgerCommand

_encode = msgspec.msgpack.Encoder(enc_hook=bytes).encode


@dataclass(slots=True)
class Facts:
    """The facts of one group, and which gifts it has changed."""

    book: Book
    gifts: GiftFacts
    changed_gifts: set[GiftId] = field(default_factory=set)
    writes: list[Write] = field(default_factory=list)


@dataclass(slots=True)
class _Named:
    """What the commands of a group name."""

    holders: set[HolderId] = field(default_factory=set)
    lines: set[HolderId] = field(default_factory=set)
    gifts: set[GiftId] = field(default_factory=set)
    purchases: set[PurchaseId] = field(default_factory=set)


class YuzuriRoad:
    """How each kind of command is loaded, decided and stored; the committer drives it."""

    def __init__(self, profiles: Profiles, homes: int) -> None:
        self._profiles = profiles
        self._homes = homes
        self._allowances = AllowanceCache()

    def home_of(self, command: Command) -> Home:
        """Return the home of whoever acts; one that does not exist has nothing to find anywhere."""
        match command:
            case Move() | Reserve() | Capture() | Release() | Deliver() | ForgetTransit():
                home = acting_home(command)
            case OfferGift() | AcceptGift() | DeclineGift() | CancelGift():
                home = home_of(command.person)
            case ExpireGift():
                home = home_of(command.gift)
            case Purchase():
                home = home_of(command.line)
            case ExpireBuckets():
                home = home_of(command.holders[0])
            case _:
                assert_never(command)
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

        None where they are not of balances alone, or not of the same home.
        """
        home, named = self.home_of(commands[0]), _names(commands)
        if named.lines or named.gifts or named.purchases or list(after.book.written) != [home]:
            return None
        holders = by_home(named.holders).get(home, [])
        book = await foresee_book(connection, home, holders, at, after.book, self._allowances)
        book.homes = self._homes
        return Facts(book, GiftFacts(book, self._profiles, {}, {}))

    async def confirm(self, connection: Connection, facts: Facts) -> bool:
        """Lock what was foreseen, and tell whether it has become true."""
        return await confirm_book(connection, facts.book)

    async def load(
        self, connection: Connection, commands: Sequence[Command], at: datetime
    ) -> Facts:
        """Lock the homes that the commands name, and load all that their decisions may look at."""
        named = _names(commands)
        if named.gifts:
            named.lines |= await lines_of_gifts(connection, named.gifts)
        # Before the locks: a line never changes, and one that is made later is not named yet.
        lines = await load_lines(connection, named.lines) if named.lines else {}
        book = await load_book(
            connection,
            named.holders | named.lines,
            at,
            # That of a purchase too: it is made once, whichever lines it names.
            homes={
                self.home_of(commands[0]),
                *(self._existing(home_of(one)) for one in named.purchases),
            },
            cache=self._allowances,
        )
        book.homes = self._homes
        bought = [first_issued(purchase) for purchase in named.purchases]
        for home in range(self._homes) if bought else ():
            book.allowances |= await load_allowances(connection, Home(home), bought)
        gifts = GiftFacts(book, self._profiles, lines, {})
        if named.gifts or any(isinstance(command, OfferGift) for command in commands):
            gifts = await load_gift_facts(connection, book, self._profiles, lines, named.gifts)
        return Facts(book, gifts)

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
            case _:
                decision = decide_gift(facts.gifts, command)
                facts.book.apply(decision.ledger)
                for gift in decision.gifts:
                    facts.gifts.add_gift(gift)
                    facts.changed_gifts.add(gift.id)
                return decision.outcome

    def prepare(self, facts: Facts) -> None:
        """Work out what will be written."""
        facts.writes = pack_book(facts.book)

    async def store(self, connection: Connection, facts: Facts) -> None:
        """Write all that the group changed."""
        await carry_out(connection, facts.writes)
        if facts.changed_gifts:
            changed = [facts.gifts.gifts[gift] for gift in facts.changed_gifts]
            await write_gifts(connection, changed)

    def encode(self, outcome: Outcome) -> bytes:
        """Turn an outcome into what is kept."""
        return encode_outcome(outcome)

    def decode(self, reply: bytes) -> Outcome:
        """Turn what is kept into the outcome."""
        return decode_outcome(reply)


def _names(commands: Sequence[Command]) -> _Named:
    named = _Named()
    for command in commands:
        match command:
            case Move() | Reserve() | Capture() | Release() | Deliver() | ForgetTransit():
                named.holders |= holders_named(command)
            case OfferGift():
                named.lines |= {command.from_line, command.to_line}
            case AcceptGift() | DeclineGift() | CancelGift() | ExpireGift():
                named.gifts.add(command.gift)
            case Purchase():
                named.lines.add(command.line)
                named.purchases.add(command.id)
            case ExpireBuckets():
                named.holders.update(command.holders)
            case _:
                assert_never(command)
    return named
