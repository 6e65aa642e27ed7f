"""Moving what one holder has to another as it is: where, when and until when stay."""

from collections.abc import Iterable, Iterator

from yuzuri.feasibility.question import Holding
from yuzuri.kernel.ids import HolderId, Id, home_of
from yuzuri.ledger.allowances import Allowance
from yuzuri.ledger.changes import (
    HOUSE,
    House,
    LedgerChange,
    NewAllowance,
    Transfer,
    TransferKind,
)


def move(
    parts: Iterable[tuple[Holding, int]], source: HolderId, target: HolderId, cause: Id
) -> Iterator[LedgerChange]:
    """Yield the transfers that bring so much of each holding from one holder to another."""
    for holding, amount in parts:
        yield from carry(holding.allowance, source, target, amount, cause)


def carry(
    allowance: Allowance, source: HolderId, target: HolderId, amount: int, cause: Id
) -> Iterator[LedgerChange]:
    """Yield the transfers that bring so much of an allowance from one holder to another.

    Both homes are locked, so what lives in another home arrives as it leaves: it is never on a way.
    """
    steps: tuple[tuple[HolderId, HolderId, TransferKind], ...]
    if home_of(source) == home_of(target):
        steps = ((source, target, TransferKind.MOVE),)
    else:
        yield NewAllowance(allowance=allowance, holder=target)
        transit, kind = HOUSE[House.TRANSIT], TransferKind.TRANSIT
        steps = ((source, transit, kind), (transit, target, kind))
    for giver, taker, kind in steps:
        yield Transfer(
            allowance=allowance.id,
            source=giver,
            target=taker,
            amount=amount,
            kind=kind,
            cause=cause,
        )
