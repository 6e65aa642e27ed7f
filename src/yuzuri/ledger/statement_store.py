"""Reading a statement from the journal, and the digests that are there to be published."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from yuzuri.db import Connection
from yuzuri.db.arrays import BigintArray
from yuzuri.kernel.ids import AllowanceId, HolderId, Home, Id, home_of
from yuzuri.ledger.allowance_rows import load_allowances
from yuzuri.ledger.allowances import Allowance
from yuzuri.ledger.changes import TransferKind
from yuzuri.ledger.journal import FIRST_DIGEST, LEAF, audit_path, leaf_hash
from yuzuri.ledger.proof import AT_US, read_pages
from yuzuri.ledger.statement import (
    HEADER,
    Balance,
    Fault,
    FaultKind,
    Hours,
    PageChain,
    ProvedTransfer,
    Statement,
    StatementError,
    Terms,
    TransferName,
    check_statement,
)

_PAGES_AT_ONCE = 100
"""Of how many pages all transfers are asked for at once."""

_NEVER = 2**63
"""The number of no page."""

_NAMES: Mapping[str, TransferName] = {
    TransferKind.ISSUE: "issue",
    TransferKind.GIFT: "gift",
    TransferKind.MOVE: "move",
    TransferKind.USE: "use",
    TransferKind.TRANSIT: "transit",
    TransferKind.EXPIRE: "expire",
}

_OF_LINE = """
SELECT page, position, at, kind, amount, allowance, source, target, cause
FROM transfer
LEFT JOIN journal_page ON journal_page.home = transfer.home AND number = page AND isfinite(at)
WHERE transfer.home = %(home)s AND (source = %(line)s OR target = %(line)s)
ORDER BY page, position
"""

# In the order of the leaf.
_OF_PAGES = f"""
SELECT transfer.home, page, position, {AT_US}, charsend(kind), amount,
       uuid_send(allowance), uuid_send(source), uuid_send(target), uuid_send(cause)
FROM transfer
JOIN journal_page ON journal_page.home = transfer.home AND number = page
WHERE transfer.home = %s AND page = ANY(%b)
ORDER BY page, position
"""

_PAGES = f"""
SELECT {AT_US}, transfers, root FROM journal_page
WHERE home = %s AND number >= %s ORDER BY number
"""

_FIRST_PAGE = "SELECT min(number) FROM journal_page WHERE home = %s AND at >= %s"

_DIGEST = "SELECT digest FROM journal_page WHERE home = %s AND number = %s"

_HEADS = "SELECT home, page, digest FROM home ORDER BY home"


@dataclass(frozen=True, slots=True)
class Head:
    """The last page of a home's journal; its digest, once published, proves all up to it."""

    home: Home
    page: int
    digest: str


async def load_heads(connection: Connection) -> Sequence[Head]:
    """Return where the journal of each home ends."""
    cursor = await connection.execute(_HEADS)
    return [Head(home, page, digest.hex()) async for home, page, digest in cursor]


async def is_still_there(connection: Connection, head: Head) -> bool:
    """Tell whether a page still has the digest that was published of it."""
    return await _load_digest(connection, head.home, head.page) == head.digest


async def load_statement(
    connection: Connection,
    line: HolderId,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Statement:
    """Return the statement of a line; see `Statement` for what `since` and `until` choose.

    The connection must stand at the beginning of a transaction; reads only. Raises `StatementError`
    where the journal is not what was written, so that nobody is given what does not hold.
    """
    await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    home = home_of(line)
    head = await _load_head(connection, home)
    first, after = 1, _NEVER
    if since is not None:
        first = await _find_page(connection, home, since) or head.page + 1
    if until is not None:
        after = max(first, await _find_page(connection, home, until) or _NEVER)
    start, end, transfers = Counter[UUID](), Counter[UUID](), list[ProvedTransfer]()
    async for transfer in _load_transfers(connection, home, line):
        if transfer.page >= after:
            break
        amount = transfer.amount if transfer.target == line.uuid else -transfer.amount
        end[transfer.allowance] += amount
        if transfer.page < first:
            start[transfer.allowance] += amount
        else:
            transfers.append(transfer)
    named = {allowance for allowance, amount in end.items() if amount}
    named |= {transfer.allowance for transfer in transfers}
    if since is None:  # what was before its first transfer says nothing of the line
        first = transfers[0].page if transfers else head.page + 1
    statement = Statement(
        line=line.uuid,
        home=home,
        since=since,
        until=until,
        allowances=await _load_terms(connection, home, named),
        start=_balances(start),
        end=_balances(end),
        transfers=await _prove(connection, home, transfers),
        journal=await _load_chain(connection, head, first),
    )
    for fault in check_statement(statement):
        raise StatementError(fault)
    return statement


async def _load_transfers(
    connection: Connection, home: Home, line: HolderId
) -> AsyncIterator[ProvedTransfer]:
    """Yield all transfers of a line in order, without their paths."""
    cursor = await connection.execute(_OF_LINE, {"home": home, "line": line})
    async for page, position, at, kind, amount, *ids in cursor:
        if at is None:
            raise StatementError(Fault(FaultKind.PAGE, {"place": f"{page}/{position}"}))
        allowance, source, target, cause = (one.uuid for one in ids)
        yield ProvedTransfer(
            page=page,
            position=position,
            at=at,
            kind=_NAMES[kind],
            amount=amount,
            allowance=allowance,
            source=source,
            target=target,
            cause=cause,
            path=b"",
        )


async def _prove(
    connection: Connection, home: Home, transfers: Sequence[ProvedTransfer]
) -> tuple[ProvedTransfer, ...]:
    """Give each transfer its path; one that is not in its place stays without."""
    wanted = {(transfer.page, transfer.position) for transfer in transfers}
    pages = sorted({page for page, _ in wanted})
    paths: dict[tuple[int, int], bytes] = {}
    for first in range(0, len(pages), _PAGES_AT_ONCE):
        some = BigintArray(pages[first : first + _PAGES_AT_ONCE])
        async for (_, page), rows in read_pages(connection, _OF_PAGES, (home, some)):
            hashes = [leaf_hash(LEAF.pack(*row)) for row in rows]
            for index in range(len(hashes)):
                if (page, index + 1) in wanted:
                    paths[page, index + 1] = b"".join(audit_path(hashes, index))
    return tuple(
        msgspec.structs.replace(transfer, path=paths.get((transfer.page, transfer.position), b""))
        for transfer in transfers
    )


async def _load_head(connection: Connection, home: Home) -> Head:
    heads = {head.home: head for head in await load_heads(connection)}
    return heads.get(home, Head(home, 0, FIRST_DIGEST.hex()))


async def _find_page(connection: Connection, home: Home, at: datetime) -> int | None:
    """Return the first page of a home that was written then or later, if there is one."""
    row = await (await connection.execute(_FIRST_PAGE, (home, at))).fetchone()
    return None if row is None else row[0]


async def _load_chain(connection: Connection, head: Head, first: int) -> PageChain:
    """Return the headers from a page to the last of its home."""
    headers = bytearray()
    async with connection.cursor(binary=True) as cursor:
        async for row in cursor.stream(_PAGES, (head.home, first), size=1_000):
            headers += HEADER.pack(*row)
    return PageChain(
        first=first,
        previous=await _load_digest(connection, head.home, first - 1) or "",
        headers=bytes(headers),
        head=head.digest,
    )


async def _load_digest(connection: Connection, home: Home, number: int) -> str | None:
    """Return the digest of a page in hexadecimal digits; None where there is no such page."""
    if number == 0:
        return FIRST_DIGEST.hex()
    row = await (await connection.execute(_DIGEST, (home, number))).fetchone()
    return None if row is None else bytes(row[0]).hex()


async def _load_terms(connection: Connection, home: Home, ids: Iterable[UUID]) -> tuple[Terms, ...]:
    wanted = [AllowanceId(Id(one.bytes)) for one in sorted(ids)]
    known = await load_allowances(connection, home, wanted)
    return tuple(_terms(known[one]) for one in wanted if one in known)


def _terms(allowance: Allowance) -> Terms:
    hours, parent = allowance.hours, allowance.parent
    return Terms(
        id=allowance.id.uuid,
        unit=allowance.unit.value,
        operator=allowance.operator,
        plan=allowance.plan,
        zone=allowance.zone,
        source=allowance.source.value,
        paid=allowance.paid,
        issued_at=allowance.issued_at,
        expires_at=allowance.expires_at,
        purchase=allowance.purchase.uuid,
        hours=Hours(since=hours.since, until=hours.until, timezone=hours.timezone)
        if hours
        else None,
        hops=allowance.hops,
        parent=parent.uuid if parent else None,
        expiry_rule=allowance.expiry_rule,
    )


def _balances(amounts: Mapping[UUID, int]) -> tuple[Balance, ...]:
    """Return what is above zero; what is below makes the statement false, and so is found."""
    return tuple(
        Balance(allowance=allowance, amount=amount)
        for allowance, amount in sorted(amounts.items())
        if amount > 0
    )
