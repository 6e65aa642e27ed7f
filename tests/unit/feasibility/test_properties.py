"""What holds of every verdict, whatever the operator, the rules and what is asked."""

from dataclasses import replace

import msgspec
from hypothesis import event, given, settings
from hypothesis import strategies as st
from tests.unit.feasibility.asking import MICROSECOND
from tests.unit.feasibility.questions import (
    LIMIT_RULES,
    MOST,
    made_up_questions,
    shipped_questions,
    timely_questions,
)

from yuzuri.feasibility.arrival import received_terms
from yuzuri.feasibility.gift import gift_parts, judge_acceptance, judge_gift
from yuzuri.feasibility.holdings import kept_back_by
from yuzuri.feasibility.question import GiftQuestion
from yuzuri.feasibility.verdict import Effect, Verdict
from yuzuri.kernel.calendar import FOREVER
from yuzuri.kernel.quantities import Quantity
from yuzuri.ledger.allowances import received_allowance
from yuzuri.operators.sources import Confidence

SOME = settings(max_examples=200, deadline=None)

any_questions = st.one_of(shipped_questions(), made_up_questions(), timely_questions())


def judge_amount(question: GiftQuestion, amount: int) -> Verdict:
    return judge_gift(replace(question, quantity=Quantity(amount, question.unit)))


@given(any_questions)
@SOME
def test_every_question_has_a_verdict_and_the_same_one_again(question: GiftQuestion) -> None:
    verdict = judge_gift(question)
    event(f"feasible {verdict.feasible}")

    assert judge_gift(question) == verdict
    judge_acceptance(question)
    if verdict.feasible is not True:
        assert verdict.refusals


@given(any_questions)
@SOME
def test_a_refusal_stands_on_what_we_are_sure_of(question: GiftQuestion) -> None:
    for reason in judge_gift(question).reasons:
        if reason.effect is Effect.REFUSES and reason.evidence is not None:
            assert reason.evidence.confidence is not Confidence.LOW


@given(any_questions)
@SOME
def test_what_is_possible_comes_out_of_what_may_be_given_and_all_of_it_arrives(
    question: GiftQuestion,
) -> None:
    verdict = judge_gift(question)
    if verdict.feasible is not True or question.holdings is None:
        return
    event("possible")
    parts = list(gift_parts(question))

    assert sum(amount for _, amount in parts) == question.amount
    assert sum(arrival.quantity.amount for arrival in verdict.arrives) == question.amount
    for holding, amount in parts:
        assert 0 < amount <= holding.available
        assert not list(kept_back_by(question.giver, holding.allowance, question.at))
    ends = [holding.allowance.expires_at or FOREVER for holding, _ in parts]
    assert ends == sorted(ends)


@given(any_questions)
@SOME
def test_an_offer_is_over_before_any_part_of_it_and_not_before_it_begins(
    question: GiftQuestion,
) -> None:
    verdict = judge_gift(question)
    if verdict.deadline is None:
        return
    assert question.at < verdict.deadline
    for holding, _ in gift_parts(question):
        assert verdict.deadline <= (holding.allowance.expires_at or FOREVER)


@given(any_questions)
@SOME
def test_nothing_is_lengthened_without_a_rule_nor_paid_value_at_all(
    question: GiftQuestion,
) -> None:
    for holding in question.holdings or ():
        given_, terms = holding.allowance, received_terms(question, holding.allowance)
        # The ledger refuses what breaks I8.
        received = received_allowance(given_, terms.expires_at, terms.expiry_rule)
        is_longer = (received.expires_at or FOREVER) > (given_.expires_at or FOREVER)
        assert is_longer is (terms.expiry_rule is not None)
        if is_longer:
            assert terms.is_known
            assert not given_.paid


@given(made_up_questions(), st.data())
@SOME
def test_one_more_limit_never_makes_possible_what_was_not(
    question: GiftQuestion, data: st.DataObject
) -> None:
    rules = question.giver.rules
    name = data.draw(st.sampled_from([n for n in sorted(LIMIT_RULES) if getattr(rules, n) is None]))
    stricter = msgspec.structs.replace(rules, **{name: data.draw(LIMIT_RULES[name])})
    profile = msgspec.structs.replace(question.giver.profile, gift=stricter)
    limited = replace(
        question,
        giver=replace(question.giver, profile=profile),
        receiver=replace(question.receiver, profile=profile),
    )
    order = {False: 0, None: 1, True: 2}

    assert order[judge_gift(limited).feasible] <= order[judge_gift(question).feasible]


@given(any_questions)
@SOME
def test_every_amount_and_time_that_is_told_would_work(question: GiftQuestion) -> None:
    for other in judge_gift(question).instead:
        if other.amount is not None:
            event("another amount")
            assert other.amount != question.amount
            assert judge_amount(question, other.amount).feasible is True
        if other.at is not None:
            event("another time")
            assert other.at > question.at
            assert judge_gift(replace(question, at=other.at)).feasible is True


@given(made_up_questions())
@SOME
def test_no_nearer_amount_would_work(question: GiftQuestion) -> None:
    # What fits beside what the receiver has had from others is not told.
    question = replace(question, received=())
    verdict = judge_gift(question)
    if verdict.feasible is True:
        return
    possible = {n for n in range(1, MOST + 1) if judge_amount(question, n).feasible is True}
    told = {other.amount for other in verdict.instead if other.amount is not None}

    below = {max((n for n in possible if n < question.amount), default=None)}
    above = {min((n for n in possible if n > question.amount), default=None)}
    event(f"{len(told)} amounts")
    assert told == (below | above) - {None}


@given(timely_questions(), st.data())
@SOME
def test_at_no_earlier_time_would_it_work(question: GiftQuestion, data: st.DataObject) -> None:
    verdict = judge_gift(question)
    for other in verdict.instead:
        if other.at is None:
            continue
        event("another time")
        wait = other.at - question.at
        shares = data.draw(st.lists(st.floats(0, 1, exclude_max=True), max_size=5))
        last = other.at - MICROSECOND
        for at in (last, *(min(question.at + wait * share, last) for share in shares)):
            assert judge_gift(replace(question, at=at)).feasible is not True
