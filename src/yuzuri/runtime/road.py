"""The one road: every command of every room, from its facts to what it changed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import assert_never

import msgspec

from yuzuri.catalog.purchases import Purchase, decide_purchase, first_issued
from yuzuri.db import Connection
from yuzuri.kernel.ids import AllowanceId, GiftId, HolderId, Home
from yuzuri.ledger.expiry import ExpireBuckets, expire_buckets
from yuzuri.ledger.store import load_allowances, load_book, write_book
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

Command = GiftCommand | Purchase | ExpireBuckets


@dataclass(slots=True)
class Facts:
    """The facts of one group, and which gifts it has changed."""

    gifts: GiftFacts
    changed_gifts: set[GiftId] = field(default_factory=set)


class YuzuriRoad:
    """How each kind of command is loaded, decided and stored; the committer drives it."""

    def __init__(self, profiles: Profiles, home: Home) -> None:
        self._profiles = profiles
        self._home = home

    def fingerprint(self, command: Command) -> bytes:
        """Digest all that a command asks."""
        return sha256(msgspec.msgpack.encode(command)).digest()

    async def load(
        self, connection: Connection, commands: Sequence[Command], at: datetime
    ) -> Facts:
        """Lock the lines that the commands name, and load all that their decisions may look at."""
        holders: set[HolderId] = set()
        gifts: set[GiftId] = set()
        bought: set[AllowanceId] = set()
        for command in commands:
            match command:
                case OfferGift():
                    holders |= {command.from_line, command.to_line}
                case AcceptGift() | DeclineGift() | CancelGift() | ExpireGift():
                    gifts.add(command.gift)
                case Purchase():
                    holders.add(command.line)
                    bought.add(first_issued(command.id))
                case ExpireBuckets():
                    holders.add(command.holder)
                case _:
                    assert_never(command)
        if gifts:
            holders |= await lines_of_gifts(connection, self._home, gifts)
        # Before the locks: a line that is known by now has its row to lock.
        lines = await load_lines(connection, self._home, holders)
        book = await load_book(connection, self._home, holders, at)
        if bought:
            book.allowances |= await load_allowances(connection, self._home, bought)
        return Facts(
            await load_gift_facts(connection, self._home, book, self._profiles, lines, gifts)
        )

    def decide(self, facts: Facts, command: Command) -> Outcome:
        """Decide one command, and let the next one see what it changed."""
        book = facts.gifts.book
        match command:
            case Purchase():
                outcome, changes = decide_purchase(book, facts.gifts.lines, self._profiles, command)
                book.apply(changes)
                return outcome
            case ExpireBuckets():
                expired, changes = expire_buckets(book, command)
                book.apply(changes)
                return expired
            case _:
                decision = decide_gift(facts.gifts, command)
                book.apply(decision.ledger)
                for gift in decision.gifts:
                    facts.gifts.add_gift(gift)
                    facts.changed_gifts.add(gift.id)
                return decision.outcome

    async def store(self, connection: Connection, facts: Facts) -> None:
        """Write all that the group changed."""
        await write_book(connection, self._home, facts.gifts.book)
        changed = [facts.gifts.gifts[gift] for gift in facts.changed_gifts]
        await write_gifts(connection, self._home, changed)

    def encode(self, outcome: Outcome) -> bytes:
        """Turn an outcome into what is kept."""
        return encode_outcome(outcome)

    def decode(self, reply: bytes) -> Outcome:
        """Turn what is kept into the outcome."""
        return decode_outcome(reply)
