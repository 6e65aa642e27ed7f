"""Lines to charge on a bench: people with a plan each, whom a network knows by their SUPIs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from yuzuri.bench import BenchFailed
from yuzuri.catalog.purchases import Purchase, Purchased
from yuzuri.db.committer import Request
from yuzuri.kernel.ids import HolderId, PersonId, PurchaseId, new_id
from yuzuri.kernel.names import Language
from yuzuri.runtime.commands import Command
from yuzuri.runtime.running import HOUSE_CLIENT, Yuzuri
from yuzuri.runtime.verify import verify
from yuzuri.subscribers.lines import Line, Person, add_line, add_person
from yuzuri.subscribers.network_identities import add_identity

OPERATOR, PLAN = "yuzuri-mobile", "carry-over"
"""A plan with data for more than a month, so that no hour and no day makes a difference."""

_FIRST_IMSI = 440_990_000_000_001
_FIRST_NUMBER = 900_000_0000
_AGE = timedelta(days=100)


@dataclass(frozen=True, slots=True)
class Used:
    """What the database says was used: by its transfers, and by its sessions."""

    transferred: int
    reported: int
    unpaid: int


async def add_lines(yuzuri: Yuzuri, count: int) -> Sequence[str]:
    """Make so many people, each with one line and a cycle of its plan; returns the SUPIs."""
    lines = [HolderId(new_id()) for _ in range(count)]
    supis = [f"imsi-{_FIRST_IMSI + number}" for number in range(count)]
    now = yuzuri.clock()
    async with yuzuri.database.connection() as connection, connection.transaction():
        for number, (line, supi) in enumerate(zip(lines, supis, strict=True)):
            person = PersonId(new_id())
            await add_person(connection, Person(person, f"Line {number}", Language.EN, now))
            await add_line(
                connection,
                Line(
                    id=line,
                    person=person,
                    operator=OPERATOR,
                    plan=PLAN,
                    number=f"+81{_FIRST_NUMBER + number}",
                    label="Bench",
                    activated_at=now - _AGE,
                ),
            )
            await add_identity(connection, supi, line)
    purchases = [Purchase(id=PurchaseId(new_id()), line=line) for line in lines]
    requests: list[Request[Command]] = [
        Request(HOUSE_CLIENT, f"bench {one.id}", one) for one in purchases
    ]
    for outcome in await yuzuri.post(requests):
        if not isinstance(outcome, Purchased):
            raise BenchFailed(f"a line got no plan: {outcome!r}")
    return supis


_CHARGED = """
SELECT (SELECT coalesce(sum(amount), 0)::bigint FROM transfer WHERE kind = 'u'),
       (SELECT coalesce(sum(used), 0)::bigint FROM charging_quota),
       (SELECT coalesce(sum(unpaid), 0)::bigint FROM charging_quota)
"""


async def read_charged(yuzuri: Yuzuri) -> Used:
    """Add up what was used of everything."""
    async with yuzuri.database.connection() as connection:
        row = await (await connection.execute(_CHARGED)).fetchone()
    assert row is not None
    return Used(*row)


async def check_books(yuzuri: Yuzuri) -> None:
    """Raise `BenchFailed` where `yuzuri verify` finds something."""
    async with yuzuri.database.connection() as connection:
        findings = await verify(connection, yuzuri.clock())
    broken = [f"{f.number} {f.title}: {f.breaches[:3]}" for f in findings if not f.holds]
    if broken:
        raise BenchFailed(f"the books do not hold after the run: {'; '.join(broken)}")
