"""On whose authority somebody acts on what is another person's: looked up, never told by a client.

Pure. Whoever has lost a right finds what a stranger finds.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from yuzuri.feasibility.verdict import Verdict
from yuzuri.kernel.errors import Code, Refusal
from yuzuri.kernel.ids import HolderId, PersonId
from yuzuri.kernel.quantities import Quantity
from yuzuri.sharing.delegations import Delegation, Give, ManagePool, See
from yuzuri.sharing.gifts import OfferGift
from yuzuri.sharing.pools import Pool


def authority_to_give(
    delegations: Iterable[Delegation], offer: OfferGift, at: datetime
) -> Delegation | Refusal:
    """Return the delegation on which a person gives from a line of another's, or why not.

    Of several that cover it, that which ends first.
    """
    covering = [
        (delegation, scope.in_all - delegation.given.get(scope.unit, 0))
        for delegation in delegations
        if delegation.line == offer.from_line
        and delegation.delegate == offer.person
        and delegation.is_active(at)
        for scope in delegation.scopes_of(Give)
        if scope.unit is offer.unit
    ]
    if not covering:
        return Refusal(Code.LINE_NOT_YOURS)
    enough = [delegation for delegation, left in covering if left >= offer.amount]
    if not enough:
        left = Quantity(max(left for _, left in covering), offer.unit)
        asked = Quantity(offer.amount, offer.unit)
        return Refusal(Code.DELEGATION_CAP, {"available": left, "amount": asked})
    return min(enough, key=lambda delegation: (delegation.until, delegation.id))


def authority_to_manage(
    delegations: Iterable[Delegation], pool: Pool, person: PersonId, at: datetime
) -> Delegation | None:
    """Return the delegation on which a person does what a manager of a pool may.

    It is the owner's that the pool has now: one of an owner before says nothing any more.
    """
    for delegation in delegations:
        if (
            delegation.delegate == person
            and delegation.owner == pool.owner
            and delegation.is_active(at)
            and ManagePool(pool=pool.id) in delegation.scopes
        ):
            return delegation
    return None


def may_see(
    delegations: Iterable[Delegation], line: HolderId, person: PersonId, at: datetime
) -> bool:
    """Tell whether a person may see what is left on a line of another's."""
    return any(
        delegation.line == line
        and delegation.delegate == person
        and delegation.is_active(at)
        and See() in delegation.scopes
        for delegation in delegations
    )


_OF_HOLDINGS = frozenset({"available", "left", "since"})
"""Fields of reasons that tell what the giver has, or has given before."""


def without_holdings(verdict: Verdict) -> Verdict:
    """Return a verdict for whoever may give from a line and not see what is left on it."""
    reasons = tuple(
        replace(
            reason,
            fields={
                name: value for name, value in reason.fields.items() if name not in _OF_HOLDINGS
            },
        )
        for reason in verdict.reasons
    )
    return replace(verdict, reasons=reasons, instead=())
