"""The verdict on filling a request: a gift from a friend, which arrives at once."""

from dataclasses import replace

from yuzuri.feasibility.gift import judge_gift
from yuzuri.feasibility.question import GiftQuestion
from yuzuri.feasibility.verdict import Verdict
from yuzuri.kernel.errors import Code

ROUTE = "request"


def judge_request(question: GiftQuestion) -> Verdict:
    """Say whether the giver could fill a request of the receiver, by the rules on gifts.

    Nobody has to accept it, so that nothing can be over by then.
    """
    verdict = judge_gift(question)
    waits = Code.GIFT_EXPIRES_UNCLAIMED
    reasons = tuple(reason for reason in verdict.reasons if reason.code is not waits)
    return replace(verdict, route=ROUTE, reasons=reasons)
