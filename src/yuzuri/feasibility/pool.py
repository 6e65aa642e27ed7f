"""Pools: whether two lines may share one, and what one may put into it.

The checks are those by which pools are opened, joined and filled.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from yuzuri.feasibility.holdings import classes_of, total
from yuzuri.feasibility.question import GiftQuestion, Holding, Party
from yuzuri.feasibility.services import cite_service, not_published, refuse_by, services_of
from yuzuri.feasibility.verdict import Effect, Instead, Reason, Verdict
from yuzuri.kernel.errors import Code
from yuzuri.kernel.quantities import Quantity
from yuzuri.ledger.allowances import Allowance
from yuzuri.operators.gift_rules import Recipients
from yuzuri.operators.services import Pool

ROUTE = "pool"


def find_pool(party: Party) -> Pool | None:
    """Return what the operator publishes of pools for the plan of a party."""
    return next(iter(services_of(party, Pool)), None)


def may_be_put_in(pool: Pool, allowance: Allowance, at: datetime, zone: ZoneInfo) -> bool:
    """Tell whether the operator lets one put what is of an allowance into a pool."""
    return not pool.sources or bool(classes_of(allowance, at, zone) & set(pool.sources))


def to_put_in(
    party: Party, pool: Pool, holdings: Iterable[Holding], at: datetime
) -> tuple[Holding, ...]:
    """Return what of these may be put into a pool, in their order."""
    zone = party.profile.zone
    return tuple(h for h in holdings if may_be_put_in(pool, h.allowance, at, zone))


def check_account(party: Party, pool: Pool, *, same_account: bool | None) -> Iterator[Reason]:
    """Only lines of one account share a pool, where the operator says so."""
    if pool.recipients is Recipients.SAME_ACCOUNT and same_account is not True:
        reason = refuse_by(party, Code.POOL_OTHER_ACCOUNT, pool, "recipients")
        yield reason if same_account is False else replace(reason, effect=Effect.UNDECIDED)


def check_put_in(
    party: Party, pool: Pool, quantity: Quantity, holdings: Iterable[Holding], at: datetime
) -> Iterator[Reason]:
    """There is enough on the line, and enough of it is of what may be put in."""
    holdings = tuple(holdings)
    have = Quantity(total(holdings), quantity.unit)
    if quantity.amount > have.amount:
        fields = {"available": have, "amount": quantity}
        yield Reason(Code.BALANCE_NOT_ENOUGH, Effect.REFUSES, fields)
        return
    may_give = total(to_put_in(party, pool, holdings, at))
    if quantity.amount > may_give:
        yield _source_rule(party, pool, available=Quantity(may_give, quantity.unit))


def _source_rule(party: Party, pool: Pool, **fields: Quantity) -> Reason:
    classes = tuple(one.value for one in pool.sources)
    return refuse_by(party, Code.POOL_SOURCE, pool, "sources", classes=classes, **fields)


def judge_pool(question: GiftQuestion) -> Verdict:
    """Say whether the giver could put so much into a pool that the receiver draws on."""
    giver, receiver = question.giver, question.receiver
    if not question.is_within_operator:
        fields = {"operator": giver.profile.name, "other": receiver.profile.name}
        return Verdict(ROUTE, (Reason(Code.POOL_OTHER_OPERATOR, Effect.REFUSES, fields),))
    pool = find_pool(giver)
    if pool is None or find_pool(receiver) is None:
        party = giver if pool is None else receiver
        return Verdict(ROUTE, (not_published(party, Code.POOL_NOT_OFFERED),))
    reasons = (*_reasons(question, pool), *_notes(giver, pool))
    return Verdict(ROUTE, reasons, instead=tuple(_instead(question, pool)))


def _reasons(question: GiftQuestion, pool: Pool) -> Iterator[Reason]:
    giver = question.giver
    yield from check_account(giver, pool, same_account=question.relation.same_account)
    if question.holdings is not None:
        yield from check_put_in(giver, pool, question.quantity, question.usable(), question.at)
    elif pool.sources:
        yield replace(_source_rule(giver, pool), effect=Effect.UNDECIDED)


def _notes(party: Party, pool: Pool) -> Iterator[Reason]:
    if pool.lines_max is not None:
        reason = refuse_by(party, Code.POOL_FULL, pool, "lines_max", limit=pool.lines_max)
        yield replace(reason, effect=Effect.NOTES)


def _instead(question: GiftQuestion, pool: Pool) -> Iterator[Instead]:
    """Yield so much as may be put in now, where it is less than what is asked for."""
    most = total(to_put_in(question.giver, pool, question.usable(), question.at))
    if 0 < most < question.amount:
        amount = {"amount": Quantity(most, question.unit)}
        evidence = cite_service(question.giver, pool)
        yield Instead(Code.INSTEAD_AMOUNT, amount, evidence, amount=most)
