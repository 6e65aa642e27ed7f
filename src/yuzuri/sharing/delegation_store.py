"""The rows of delegations, of what both sides have agreed to, and of what delegates have done."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg.rows import TupleRow

from yuzuri.db import Connection
from yuzuri.kernel.ids import (
    AgreementId,
    DelegationId,
    GiftId,
    HolderId,
    Home,
    Id,
    InvitationId,
    PersonId,
    PoolId,
    by_home,
    home_of,
)
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Unit
from yuzuri.sharing.delegation_facts import DelegationFacts
from yuzuri.sharing.delegations import (
    OFFER_LIFE,
    Act,
    Action,
    Agreement,
    Delegation,
    DelegationState,
    Scope,
)
from yuzuri.sharing.pools import Member

_COLUMNS = """
id, owner, line, delegate, scopes, since, until, terms, state, offered_at, answered_at, ended_at,
used_line, first_used_at, last_used_at
"""

_DELEGATIONS = f"SELECT {_COLUMNS}, used FROM delegation WHERE home = %s AND id = ANY(%b)"

_ACTIVE_TO = f"""
SELECT {_COLUMNS}, used FROM delegation
WHERE home = ANY(%b) AND delegate = ANY(%b) AND state = 'active'
"""

_OF_OWNER = f"""
SELECT {_COLUMNS}, used FROM delegation WHERE home = %s AND owner = %s
ORDER BY offered_at DESC, id DESC LIMIT %s
"""

# The line may live in any home.
_TO_PERSON = f"""
SELECT {_COLUMNS}, used FROM delegation
WHERE delegate = %s AND state IN ('offered', 'active') ORDER BY offered_at DESC, id DESC
"""

# What a gift that nobody has accepted in time has set aside is free, swept or not.
_GIVEN = """
SELECT authority, unit, sum(amount)::bigint FROM gift
WHERE home = %s AND authority = ANY(%b)
    AND (state = 'accepted' OR state = 'open' AND deadline > %s)
GROUP BY authority, unit
"""

_DUE = """
SELECT id FROM delegation
WHERE home = %(home)s AND (state = 'active' AND until <= %(at)s
    OR state = 'offered' AND (until <= %(at)s OR offered_at <= %(since)s))
LIMIT %(limit)s
"""

# Charging may have written first in the same transaction.
_WRITE = f"""
INSERT INTO delegation (home, {_COLUMNS})
VALUES (%s, %s, %s, %s, %s, %s::jsonb, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (home, id) DO UPDATE
SET delegate = excluded.delegate, state = excluded.state, answered_at = excluded.answered_at,
    ended_at = excluded.ended_at, used_line = excluded.used_line,
    first_used_at = coalesce(delegation.first_used_at, excluded.first_used_at),
    last_used_at = greatest(delegation.last_used_at, excluded.last_used_at)
"""

_COUNT_USE = """
UPDATE delegation SET used = counted.used, last_used_at = greatest(last_used_at, %(at)s),
    first_used_at = coalesce(first_used_at, %(at)s)
FROM unnest(%(ids)b::uuid[], %(used)b::bigint[]) AS counted (id, used)
WHERE delegation.home = %(home)s AND delegation.id = counted.id
"""

_AGREEMENT_COLUMNS = "id, delegation, person, version, language, text, text_hash, agreed_at"

_ADD_AGREEMENT = f"""
INSERT INTO delegation_agreement (home, {_AGREEMENT_COLUMNS})
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""

# Both sides of all to which the person has agreed.
_AGREEMENTS = f"""
SELECT {_AGREEMENT_COLUMNS} FROM delegation_agreement AS agreed
WHERE EXISTS (
    SELECT FROM delegation_agreement AS own
    WHERE own.home = agreed.home AND own.delegation = agreed.delegation AND own.person = %s)
ORDER BY agreed_at, id
"""

_ACTION_COLUMNS = "id, delegation, person, what, at, unit, amount, gift, pool, line, invitation"

_ADD_ACTION = f"""
INSERT INTO delegation_action (home, {_ACTION_COLUMNS})
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""

_ACTIONS = f"""
SELECT {_ACTION_COLUMNS} FROM delegation_action WHERE home = %s AND delegation = %s
ORDER BY at DESC, id DESC LIMIT %s
"""

_FIRST_USES = """
SELECT id, first_used_at, first_use_seen_at FROM delegation
WHERE home = %s AND owner = %s AND first_used_at IS NOT NULL
ORDER BY first_used_at DESC, id DESC LIMIT %s
"""

_SEE_FIRST_USE = """
UPDATE delegation SET first_use_seen_at = coalesce(first_use_seen_at, %s)
WHERE home = %s AND id = %s AND owner = %s AND first_used_at IS NOT NULL
RETURNING first_used_at, first_use_seen_at
"""


# ---------------------------------------------------------------- for decisions


async def load_delegations(
    connection: Connection, delegations: Iterable[DelegationId], at: datetime
) -> dict[DelegationId, Delegation]:
    """Return the delegations with these ids, as far as they exist, with what was given on each."""
    found: list[Delegation] = []
    for home, ids in by_home(delegations).items():
        cursor = await connection.execute(_DELEGATIONS, (home, ids), prepare=True)
        found += [_delegation(row) async for row in cursor]
    return await _with_given(connection, found, at)


async def load_active_to(
    connection: Connection, homes: Iterable[Home], people: Iterable[PersonId], at: datetime
) -> dict[DelegationId, Delegation]:
    """Return on what these people may act in these homes, with what was given on each.

    It holds as long as the homes are locked.
    """
    asked = (sorted(set(homes)), list(set(people)))
    cursor = await connection.execute(_ACTIVE_TO, asked, prepare=True)
    return await _with_given(connection, [_delegation(row) async for row in cursor], at)


async def due_delegations(
    connection: Connection, home: Home, at: datetime, limit: int = 1_000
) -> Sequence[DelegationId]:
    """Return delegations that time has ended and that are not marked so."""
    asked = {"home": home, "at": at, "since": at - OFFER_LIFE, "limit": limit}
    cursor = await connection.execute(_DUE, asked)
    return [DelegationId(row[0]) async for row in cursor]


async def write_delegations(connection: Connection, facts: DelegationFacts) -> None:
    """Write all that decisions have changed of delegations, agreed to, and done on them."""
    for delegation in facts.changed:
        await _write(connection, facts.known[delegation])
    for a in facts.agreements:
        row = (a.id, a.delegation, a.person, a.version, a.language.value, a.text, a.text_hash,
               a.agreed_at)  # fmt: skip
        await connection.execute(_ADD_AGREEMENT, (home_of(a.delegation), *row))
    for done in facts.actions:
        unit = None if done.unit is None else done.unit.value
        did = (done.id, done.delegation, done.person, done.what.value, done.at, unit, done.amount,
               done.gift, done.pool, done.line, done.invitation)  # fmt: skip
        await connection.execute(_ADD_ACTION, (home_of(done.delegation), *did))


async def count_delegated_use(
    connection: Connection, members: Iterable[Member], at: datetime
) -> None:
    """Note how much these lines have taken of what delegations let them use, in bytes."""
    taken = {m.delegation: m.taken for m in members if m.delegation is not None}
    for home, ids in by_home(taken).items():
        asked = {"home": home, "at": at, "ids": ids, "used": [taken[one] for one in ids]}
        await connection.execute(_COUNT_USE, asked)


# ---------------------------------------------------------------- for showing


async def delegations_of(
    connection: Connection, owner: PersonId, at: datetime, limit: int = 100
) -> Sequence[Delegation]:
    """Return what a person has let others do, newest first."""
    cursor = await connection.execute(_OF_OWNER, (home_of(owner), owner, limit))
    found = [_delegation(row) async for row in cursor]
    return list((await _with_given(connection, found, at)).values())


async def delegations_to(
    connection: Connection, delegate: PersonId, at: datetime
) -> Sequence[Delegation]:
    """Return what a person may do or is offered to, newest first; what has ended is not there."""
    cursor = await connection.execute(_TO_PERSON, (delegate,))
    found = [
        one
        for one in [_delegation(row) async for row in cursor]
        if one.is_offered(at) or (one.state is DelegationState.ACTIVE and at < one.until)
    ]
    return list((await _with_given(connection, found, at)).values())


async def load_agreements(connection: Connection, person: PersonId) -> Sequence[Agreement]:
    """Return what a person and the other side of each has agreed to, oldest first: to be exported.

    It says nothing of what has become of it since.
    """
    cursor = await connection.execute(_AGREEMENTS, (person,))
    return [_agreement(row) async for row in cursor]


async def load_actions(
    connection: Connection, delegation: DelegationId, limit: int = 1_000
) -> Sequence[Action]:
    """Return what was done on a delegation, newest first."""
    cursor = await connection.execute(_ACTIONS, (home_of(delegation), delegation, limit))
    return [_action(row) async for row in cursor]


async def first_uses(
    connection: Connection, owner: PersonId, limit: int = 100
) -> Sequence[tuple[DelegationId, datetime, datetime | None]]:
    """Return which of a person's delegations were used, first when, and when they saw it."""
    cursor = await connection.execute(_FIRST_USES, (home_of(owner), owner, limit))
    return [(DelegationId(row[0]), row[1], row[2]) async for row in cursor]


async def see_first_use(
    connection: Connection, owner: PersonId, delegation: DelegationId, at: datetime
) -> tuple[datetime, datetime] | None:
    """Note that a person has seen the first use of theirs, once; returns when it was, and seen."""
    asked = (at, home_of(delegation), delegation, owner)
    row = await (await connection.execute(_SEE_FIRST_USE, asked)).fetchone()
    return None if row is None else (row[0], row[1])


# ---------------------------------------------------------------- rows


async def _with_given(
    connection: Connection, delegations: Sequence[Delegation], at: datetime
) -> dict[DelegationId, Delegation]:
    given: dict[DelegationId, dict[Unit, int]] = {}
    for home, ids in by_home(one.id for one in delegations).items() if delegations else ():
        cursor = await connection.execute(_GIVEN, (home, ids, at), prepare=True)
        async for authority, unit, amount in cursor:
            given.setdefault(DelegationId(authority), {})[Unit(unit)] = amount
    return {
        one.id: msgspec.structs.replace(one, given=given.get(one.id, {})) for one in delegations
    }


async def _write(connection: Connection, d: Delegation) -> None:
    scopes = msgspec.json.encode(d.scopes, enc_hook=str).decode()
    row = (d.id, d.owner, d.line, d.delegate, scopes, d.since, d.until, d.terms, d.state.value,
           d.offered_at, d.answered_at, d.ended_at, d.used_line, d.first_used_at,
           d.last_used_at)  # fmt: skip
    await connection.execute(_WRITE, (home_of(d.id), *row))


def _delegation(row: TupleRow) -> Delegation:
    (delegation, owner, line, delegate, scopes, since, until, terms, state, offered_at, answered_at,
     ended_at, used_line, first_used_at, last_used_at, used) = row  # fmt: skip
    return Delegation(
        id=DelegationId(delegation),
        owner=PersonId(owner),
        line=HolderId(line),
        delegate=None if delegate is None else PersonId(delegate),
        scopes=msgspec.convert(scopes, tuple[Scope, ...], dec_hook=_unpack_id),
        since=since,
        until=until,
        terms=terms,
        state=DelegationState(state),
        offered_at=offered_at,
        answered_at=answered_at,
        ended_at=ended_at,
        used_line=None if used_line is None else HolderId(used_line),
        used=used,
        first_used_at=first_used_at,
        last_used_at=last_used_at,
    )


def _agreement(row: TupleRow) -> Agreement:
    agreement, delegation, person, version, language, text, text_hash, agreed_at = row
    return Agreement(
        id=AgreementId(agreement),
        delegation=DelegationId(delegation),
        person=PersonId(person),
        version=version,
        language=Language(language),
        text=text,
        text_hash=text_hash,
        agreed_at=agreed_at,
    )


def _action(row: TupleRow) -> Action:
    action, delegation, person, what, at, unit, amount, gift, pool, line, invitation = row
    return Action(
        id=Id(action),
        delegation=DelegationId(delegation),
        person=PersonId(person),
        what=Act(what),
        at=at,
        unit=None if unit is None else Unit(unit),
        amount=amount,
        gift=None if gift is None else GiftId(gift),
        pool=None if pool is None else PoolId(HolderId(pool)),
        line=None if line is None else HolderId(line),
        invitation=None if invitation is None else InvitationId(invitation),
    )


def _unpack_id(_: type, packed: Any) -> Id:
    return Id(UUID(packed).bytes)
