"""All ways from one line to another, each with its verdict."""

from collections.abc import Sequence

from yuzuri.feasibility.delegation import judge_delegated_use
from yuzuri.feasibility.gift import judge_gift
from yuzuri.feasibility.link import judge_link
from yuzuri.feasibility.pool import judge_pool
from yuzuri.feasibility.question import GiftQuestion
from yuzuri.feasibility.request import judge_request
from yuzuri.feasibility.tank import judge_tank
from yuzuri.feasibility.verdict import Verdict

ROUTES = (judge_gift, judge_link, judge_request, judge_pool, judge_delegated_use, judge_tank)
"""In the order in which a reader wants them: from giving to using together."""


def judge_routes(question: GiftQuestion) -> Sequence[Verdict]:
    """Say of each way whether what is asked for could go it."""
    return [judge(question) for judge in ROUTES]
