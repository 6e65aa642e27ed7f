"""Moving what one holder has to another as it is: where, when and until when stay."""

from collections.abc import Iterable, Iterator

from yuzuri.feasibility.question import Holding
from yuzuri.kernel.ids import HolderId, Id, home_of
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
    """Yield the transfers that bring so much of each holding from one holder to another.

    Both homes are locked, so what lives in another home arrives as it leaves: it is never on a way.
    """
    is_one_home = home_of(source) == home_of(target)
    transit, kind = HOUSE[House.TRANSIT], TransferKind.TRANSIT
    steps = (
        ((source, target, TransferKind.MOVE),)
        if is_one_home
        else ((source, transit, kind), (transit, target, kind))
    )
    for holding, amount in parts:
        if not is_one_home:
            yield NewAllowance(allowance=holding.allowance, holder=target)
        for giver, taker, why in steps:
            yield Transfer(
                allowance=holding.allowance.id,
                source=giver,
                target=taker,
                amount=amount,
                kind=why,
                cause=cause,
            )
