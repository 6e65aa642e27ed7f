"""Statements: the transfers of one line with their proof, for somebody who sees nobody else's.

A statement is one JSON document; docs/audit.md describes it to those who check it without Yuzuri.
Each transfer comes with what leads from it to the root of its page, and the headers of all pages
from the first of them to the last of the home lead to one digest, which can be compared with one
that was published. Pure: nothing here needs a database.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from struct import Struct
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from yuzuri.kernel.ids import Home, Id, home_of
from yuzuri.ledger.journal import (
    DIGEST_BYTES,
    FIRST_DIGEST,
    LEAF,
    PageHeader,
    leaf_hash,
    page_digest,
    root_from_path,
)

VERSION = 1
"""The version of statements that this program writes and reads."""

HEADER = Struct(f">qi{DIGEST_BYTES}s")
"""A page's header in a statement, big endian: time in µs since 1970, transfers, root."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Number = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


TransferName = Literal["issue", "gift", "move", "use", "transit", "expire"]
"""The kinds of transfer; the journal keeps the first letter."""


class Hours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The hours of the day in which an allowance can be used."""

    since: time
    until: time
    timezone: str


class Terms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an allowance is, as in `yuzuri.ledger.allowances.Allowance`."""

    id: UUID
    unit: str
    operator: str
    plan: str
    zone: str
    source: str
    paid: bool
    issued_at: Instant
    expires_at: Instant | None
    purchase: UUID
    hours: Hours | None
    hops: int
    parent: UUID | None
    expiry_rule: str | None


class Balance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of an allowance the line has, in base units."""

    allowance: UUID
    amount: Number


class ProvedTransfer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A transfer in base units, and the nodes that lead to the root of its page, in one piece."""

    page: Number
    position: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    at: Instant
    kind: TransferName
    amount: Number
    allowance: UUID
    source: UUID
    target: UUID
    cause: UUID
    path: bytes

    @property
    def place(self) -> str:
        """Page and position, as `yuzuri verify` names it."""
        return f"{self.page}/{self.position}"

    @property
    def at_us(self) -> int:
        """When it was written, in microseconds since 1970."""
        return _microseconds(self.at)

    def leaf(self, home: Home) -> bytes:
        """Return what was hashed of it."""
        return LEAF.pack(
            home,
            self.page,
            self.position,
            self.at_us,
            self.kind[:1].encode(),
            self.amount,
            self.allowance.bytes,
            self.source.bytes,
            self.target.bytes,
            self.cause.bytes,
        )


class PageChain(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The headers of all pages from `first` on, one after the other, and where they lead."""

    first: Number
    previous: Digest
    headers: bytes
    head: Digest

    @property
    def last(self) -> int:
        """The number of the last page; one less than `first` where there is none."""
        return self.first + len(self.headers) // HEADER.size - 1

    def pages(self, home: Home) -> Iterator[PageHeader]:
        """Yield the pages in order, each with the digest that follows from those before it."""
        digest = bytes.fromhex(self.previous)
        for number, header in enumerate(HEADER.iter_unpack(self.headers), start=self.first):
            at_us, transfers, root = header
            digest = page_digest(digest, home, number, at_us, transfers, root)
            yield PageHeader(number, at_us, transfers, root, digest)


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The transfers of a line in a stretch of pages, with their proof.

    The stretch begins with the first page that was written at `since` or later, and ends before the
    first that was written at `until` or later: clocks may be set back, page numbers never go back.
    None: from the first page, or to the last. `start` and `end` are the line's balances around it.
    """

    format: Literal["yuzuri-statement"] = "yuzuri-statement"
    version: Literal[1] = 1
    line: UUID
    home: Annotated[int, msgspec.Meta(ge=0, le=2**15 - 1)]
    since: Instant | None
    until: Instant | None
    allowances: tuple[Terms, ...]
    start: tuple[Balance, ...]
    end: tuple[Balance, ...]
    transfers: tuple[ProvedTransfer, ...]
    journal: PageChain


class FaultKind(StrEnum):
    """What can be wrong with a statement; `yuzuri.words` has a sentence for each."""

    UNREADABLE = "unreadable"
    VERSION = "version"
    HOME = "home"
    ROOTLESS = "rootless"
    BEGINNING = "beginning"
    HEADERS = "headers"
    HEAD = "head"
    PAGE = "page"
    TIME = "time"
    ORDER = "order"
    OTHER_LINE = "other_line"
    PERIOD = "period"
    NOT_WRITTEN = "not_written"
    TERMS = "terms"
    TWICE = "twice"
    START = "start"
    OVERDRAWN = "overdrawn"
    BALANCE = "balance"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and the values that its sentence needs."""

    kind: FaultKind
    fields: dict[str, str | int] = field(default_factory=dict)


class StatementError(Exception):
    """What was given is no statement that can be read."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.kind.value, fault.fields)
        self.fault = fault


class _Label(msgspec.Struct, frozen=True):
    format: Literal["yuzuri-statement"]
    version: int


def encode_statement(statement: Statement) -> bytes:
    """Write a statement as one line of JSON."""
    return msgspec.json.encode(statement) + b"\n"


def read_statement(text: bytes) -> Statement:
    """Read a statement; raises `StatementError` where it is none, or one of another version."""
    try:
        version = msgspec.json.decode(text, type=_Label).version
        if version != VERSION:
            raise StatementError(Fault(FaultKind.VERSION, {"version": version, "known": VERSION}))
        return msgspec.json.decode(text, type=Statement)
    except msgspec.DecodeError as error:
        raise StatementError(Fault(FaultKind.UNREADABLE, {"problem": str(error)})) from error


def check_statement(statement: Statement) -> Iterator[Fault]:
    """Yield what is wrong with a statement; where nothing is, its transfers are as written.

    What it cannot tell: whether a transfer was left out, and whether its last digest is the true
    one. See `find_published` for that.
    """
    yield from _check_journal(statement)
    yield from _check_transfers(statement)
    yield from _check_balances(statement)


def find_published(statement: Statement, digest: str) -> int | None:
    """Return the page that a published digest is of; all up to it is proved by that digest.

    It may be the page before the first: then it proves no transfer. None: it is of no page here.
    """
    journal = statement.journal
    if digest == journal.previous:
        return journal.first - 1
    for page in journal.pages(Home(statement.home)):
        if page.digest.hex() == digest:
            return page.number
    return None


def _check_journal(statement: Statement) -> Iterator[Fault]:
    journal, home = statement.journal, Home(statement.home)
    if home_of(Id(statement.line.bytes)) != home:
        yield Fault(FaultKind.HOME, {"line": str(statement.line), "home": home})
    if journal.first == 1 and journal.previous != FIRST_DIGEST.hex():
        yield Fault(FaultKind.ROOTLESS)
    if len(journal.headers) % HEADER.size:
        yield Fault(FaultKind.HEADERS)
        return
    if statement.since is not None and journal.headers:
        at_us, _, _ = HEADER.unpack_from(journal.headers)
        if at_us < _microseconds(statement.since):
            yield Fault(FaultKind.BEGINNING, {"page": journal.first})
    digest = journal.previous
    for page in journal.pages(home):
        digest = page.digest.hex()
    if digest != journal.head:
        yield Fault(FaultKind.HEAD, {"head": journal.head})


def _check_transfers(statement: Statement) -> Iterator[Fault]:
    journal, before = statement.journal, (0, 0)
    for transfer in statement.transfers:
        where: dict[str, str | int] = {"place": transfer.place}
        place = (transfer.page, transfer.position)
        if place <= before:
            yield Fault(FaultKind.ORDER, where)
        before = place
        if statement.line not in {transfer.source, transfer.target}:
            yield Fault(FaultKind.OTHER_LINE, where | {"line": str(statement.line)})
        if statement.until is not None and transfer.at >= statement.until:
            yield Fault(FaultKind.PERIOD, where)
        offset = (transfer.page - journal.first) * HEADER.size
        if not 0 <= offset <= len(journal.headers) - HEADER.size:
            yield Fault(FaultKind.PAGE, where)
            continue
        at_us, transfers, root = HEADER.unpack_from(journal.headers, offset)
        if transfer.at_us != at_us:
            yield Fault(FaultKind.TIME, where)
        elif not _leads_to(root, transfer, Home(statement.home), transfers):
            yield Fault(FaultKind.NOT_WRITTEN, where)


def _check_balances(statement: Statement) -> Iterator[Fault]:
    """From the start, the transfers must lead to the end, and never below zero on the way."""
    for balances in (statement.start, statement.end, statement.allowances):
        counted = Counter(b.allowance if isinstance(b, Balance) else b.id for b in balances)
        for allowance in (one for one, count in counted.items() if count > 1):
            yield Fault(FaultKind.TWICE, {"allowance": str(allowance)})
    if statement.since is None and statement.start:
        yield Fault(FaultKind.START)

    amounts = Counter({balance.allowance: balance.amount for balance in statement.start})
    end = {balance.allowance: balance.amount for balance in statement.end}
    for transfer in statement.transfers:
        if transfer.target == statement.line:
            amounts[transfer.allowance] += transfer.amount
        if transfer.source == statement.line:
            amounts[transfer.allowance] -= transfer.amount
        if amounts[transfer.allowance] < 0:
            named = {"allowance": str(transfer.allowance), "place": transfer.place}
            yield Fault(FaultKind.OVERDRAWN, {**named})
    known = {terms.id for terms in statement.allowances}
    for allowance in sorted({*amounts, *end}):
        if allowance not in known:
            yield Fault(FaultKind.TERMS, {"allowance": str(allowance)})
        if amounts[allowance] != end.get(allowance, 0):
            told = {"amount": amounts[allowance], "said": end.get(allowance, 0)}
            yield Fault(FaultKind.BALANCE, {"allowance": str(allowance), **told})


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _leads_to(root: bytes, transfer: ProvedTransfer, home: Home, transfers: int) -> bool:
    path = [
        transfer.path[at : at + DIGEST_BYTES] for at in range(0, len(transfer.path), DIGEST_BYTES)
    ]
    try:
        hashed = leaf_hash(transfer.leaf(home))
        return root_from_path(hashed, transfer.position - 1, transfers, path) == root
    except ValueError:
        return False
