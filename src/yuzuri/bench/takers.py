"""People who come for a share of a posted link on a bench, and what the books say afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from yuzuri.bench import BenchFailed
from yuzuri.bench.books import open_as_owner
from yuzuri.bench.charged_lines import OPERATOR, PLAN, add_lines
from yuzuri.db.arrays import UuidArray
from yuzuri.db.login import Login
from yuzuri.kernel.ids import HolderId, LinkId, PersonId, new_id
from yuzuri.kernel.quantities import Unit
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.links import LinkDone, PostLink, Split

SHARE_LEAST = 1_000
"""Bytes that each taker gets at least: of a plan's data there is enough for all."""

_AGE = timedelta(days=100)

_ADD_PEOPLE = """
INSERT INTO person (id, nickname, language, joined_at)
SELECT id, 'Taker', 'en', %(at)s FROM unnest(%(people)b::uuid[]) AS id
"""

_ADD_LINES = """
INSERT INTO line (home, id, person, operator, plan, number, label, activated_at)
SELECT 0, line, person, %(operator)s, %(plan)s, '+81' || (8000000000 + place), 'Bench', %(since)s
FROM unnest(%(lines)b::uuid[], %(people)b::uuid[]) WITH ORDINALITY AS taker (line, person, place)
"""

_ONE_LINE = "SELECT id, person FROM line WHERE home = 0 LIMIT 1"


@dataclass(frozen=True, slots=True)
class Taker:
    """Somebody who comes for a share, with the line that it shall go to."""

    person: PersonId
    line: HolderId


async def add_takers(owner: Login, count: int, at: datetime) -> Sequence[Taker]:
    """Make so many people, each with one line of the giver's operator."""
    takers = [Taker(PersonId(new_id()), HolderId(new_id())) for _ in range(count)]
    people = UuidArray([taker.person for taker in takers])
    lines = UuidArray([taker.line for taker in takers])
    async with open_as_owner(owner) as connection, connection.transaction():
        await connection.execute(_ADD_PEOPLE, {"people": people, "at": at})
        names = {"operator": OPERATOR, "plan": PLAN, "since": at - _AGE}
        await connection.execute(_ADD_LINES, names | {"people": people, "lines": lines})
        for table in ("person", "line"):
            await connection.execute(f"ANALYZE {table}")
    return takers


async def post_link(yuzuri: Yuzuri, shares: int) -> tuple[LinkId, int]:
    """Let somebody with a plan, the only one so far, post a link of random shares.

    Returns it and its amount in bytes.
    """
    await add_lines(yuzuri, 1)
    async with yuzuri.database.connection() as connection:
        row = await (await connection.execute(_ONE_LINE)).fetchone()
    assert row is not None
    amount = 10 * SHARE_LEAST * shares
    command = PostLink(
        person=PersonId(row[1]),
        line=HolderId(row[0]),
        unit=Unit.DATA,
        amount=amount,
        shares=shares,
        split=Split.RANDOM,
        least=SHARE_LEAST,
    )
    outcome = await yuzuri.submit(command.person, "post", command)
    if not isinstance(outcome, LinkDone):
        raise BenchFailed(f"the link was not posted: {outcome!r}")
    return outcome.link.id, amount


_TAKEN = """
SELECT count(*), count(DISTINCT l.person), coalesce(sum(g.amount), 0)::bigint
FROM gift g JOIN line l ON l.home = g.home AND l.id = g.to_line
WHERE g.home = 0 AND g.via = %s
"""


async def check_shares(yuzuri: Yuzuri, link: LinkId, acknowledged: int, amount: int) -> int:
    """Return the bytes that were taken of a link.

    Raises `BenchFailed` where a share that was acknowledged is missing, or somebody has two.
    """
    async with yuzuri.database.connection() as connection:
        row = await (await connection.execute(_TAKEN, (link,))).fetchone()
    assert row is not None
    shares, people, taken = row
    if not acknowledged == shares == people or taken > amount:
        raise BenchFailed(
            f"{acknowledged} shares were acknowledged; {shares} are there, of {people} people,"
            f" {taken} of {amount} bytes"
        )
    return int(taken)
