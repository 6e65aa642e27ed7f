"""The verdict on an amount behind a posted link: when it is posted, and when a share is taken.

Posting is judged as so many gifts to nobody in particular. Taking is judged by what depends on
whoever takes, and by nothing else: the giver's limits were kept when the link was posted, and its
amount is set aside since then.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from yuzuri.feasibility.alternatives import other_amounts, other_services, other_times
from yuzuri.feasibility.gift import judge_by
from yuzuri.feasibility.gift_checks import (
    check_amount,
    check_blackout,
    check_notes,
    check_offered,
    check_unit,
)
from yuzuri.feasibility.holdings import check_balance, check_last_days, check_sources
from yuzuri.feasibility.limits import check_age, check_counts, check_giving, check_receiving
from yuzuri.feasibility.question import GiftQuestion
from yuzuri.feasibility.recipients import (
    check_giving_plan,
    check_receiving_plan,
    check_recipient,
)
from yuzuri.feasibility.verdict import Effect, Reason, Verdict
from yuzuri.kernel.errors import Code
from yuzuri.kernel.quantities import Quantity

ROUTE = "link"

Sizes = Callable[[int], Sequence[int]]
"""Given the whole amount, the extreme sizes that a share of it may have; none: it is too little."""


def judge_posting(question: GiftQuestion, sizes: Sizes) -> Verdict:
    """Say whether the whole amount may be given as `question.count` gifts to whoever comes.

    The receiver of the question is not looked at.
    """

    def check_sizes(question: GiftQuestion) -> Iterator[Reason]:
        said: set[Code] = set()
        found = sizes(question.amount)
        if not found:
            yield Reason(Code.LINK_TOO_MANY_SHARES, Effect.REFUSES)
        for size in found:
            share = replace(question, quantity=Quantity(size, question.unit))
            for reason in check_amount(share):
                if reason.code not in said:
                    said.add(reason.code)
                    yield reason

    checks = (
        check_offered,
        check_unit,
        check_giving_plan,
        check_sizes,
        check_counts,
        check_giving,
        check_age,
        check_blackout,
        check_balance,
        check_sources,
        check_last_days,
        check_notes,
    )

    def judge(question: GiftQuestion) -> Verdict:
        return judge_by(question, ROUTE, checks)

    verdict = judge(question)
    if verdict.feasible is True:
        return verdict
    instead = (*other_amounts(question, judge), *other_times(question, judge))
    return replace(verdict, instead=instead)


_TAKING_CHECKS = (check_offered, check_recipient, check_receiving_plan, check_receiving)


def judge_taking(question: GiftQuestion) -> tuple[Reason, ...]:
    """Return what stands in the way of taking a share: the rules that look at the receiver."""
    return tuple(reason for check in _TAKING_CHECKS for reason in check(question))


def judge_link(question: GiftQuestion) -> Verdict:
    """Say whether the giver could post so much, and the receiver take it as the only share."""
    posting = judge_posting(question, lambda amount: (amount,))
    taking = tuple(reason for reason in judge_taking(question) if reason not in posting.reasons)
    verdict = replace(posting, reasons=(*posting.reasons, *taking))
    if verdict.feasible is True:
        return verdict
    if taking:  # another amount or time changes nothing for whoever may not take
        verdict = replace(verdict, arrives=(), instead=())
    return replace(verdict, instead=(*verdict.instead, *other_services(question)))
