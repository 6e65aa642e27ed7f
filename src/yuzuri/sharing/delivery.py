"""How what is given arrives: each part through the house, on the terms of the rules."""

from collections.abc import Iterable, Iterator

from yuzuri.feasibility.arrival import received_terms
from yuzuri.feasibility.question import GiftQuestion
from yuzuri.kernel.ids import HoldId
from yuzuri.ledger.allowances import Allowance, received_allowance
from yuzuri.ledger.changes import HOUSE, House, LedgerChange, NewAllowance, Transfer, TransferKind
from yuzuri.sharing.gifts import Gift


def deliver(
    question: GiftQuestion, gift: Gift, parts: Iterable[tuple[Allowance, int, HoldId | None]]
) -> Iterator[LedgerChange]:
    """Yield the changes that bring each part to the receiver on the terms of the rules.

    What is received is another kind of allowance, so each part goes through the house: two
    transfers, both or neither.
    """
    house = HOUSE[House.CONVERTED]
    for given, amount, hold in parts:
        terms = received_terms(question, given)
        received = received_allowance(given, terms.expires_at, terms.expiry_rule)
        yield NewAllowance(allowance=received, holder=gift.to_line)
        for allowance, source, target, captured in (
            (given, gift.from_line, house, hold),
            (received, house, gift.to_line, None),
        ):
            yield Transfer(
                allowance=allowance.id,
                source=source,
                target=target,
                amount=amount,
                kind=TransferKind.GIFT,
                cause=gift.id,
                hold=captured,
                keep_rest=True,
            )
