"""Bugs that are planted on purpose: the stories and checks that guard the product find each one."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase
from psycopg.errors import CheckViolation
from tests.model.gifts_machine import tell_stories

from yuzuri.db.committer import Committer
from yuzuri.feasibility import gift as verdicts
from yuzuri.feasibility import holdings
from yuzuri.feasibility import question as questions
from yuzuri.kernel.ids import AllowanceId, derived_id, new_id
from yuzuri.ledger.allowances import Allowance
from yuzuri.ledger.book import Book, BookError, Bucket, Hold
from yuzuri.ledger.changes import Transfer
from yuzuri.settings import Settings
from yuzuri.sharing import gift_decisions, gift_facts
from yuzuri.sharing.gifts import Gift, GiftState

Plant = Callable[[pytest.MonkeyPatch], None]


def release_holds_twice(patch: pytest.MonkeyPatch) -> None:
    release = gift_decisions._release

    def twice(*arguments: Any) -> Any:
        decision = release(*arguments)
        return replace(decision, ledger=decision.ledger * 2)

    patch.setattr(gift_decisions, "_release", twice)
    patch.setattr(Book, "_open", lambda book, hold_id: book.holds[hold_id])


def give_one_more_than_there_is(patch: pytest.MonkeyPatch) -> None:
    holding = questions.Holding
    patch.setattr(gift_facts, "Holding", lambda allowance, left: holding(allowance, left + 1))


def take_what_is_held_for_free(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Bucket, "available", property(lambda bucket: bucket.balance))
    patch.setattr(Book, "_set_bucket", unchecked(Book._set_bucket))


def unchecked(_: object) -> Callable[[Book, Bucket], None]:
    def set_bucket(book: Book, bucket: Bucket) -> None:
        book.add_bucket(bucket)
        book.changed_buckets.add((bucket.holder, bucket.allowance))

    return set_bucket


def lose_a_refusal(patch: pytest.MonkeyPatch) -> None:
    """Whoever declines may be anybody."""
    refused = gift_decisions._open_gift

    def forgiving(facts: Any, gift_id: Any, person: Any, becomes: GiftState) -> Any:
        if becomes is GiftState.DECLINED:
            person = facts.lines[facts.gifts[gift_id].to_line].person
        return refused(facts, gift_id, person, becomes)

    patch.setattr(gift_decisions, "_open_gift", forgiving)


def end_a_gift_again(patch: pytest.MonkeyPatch) -> None:
    refused = gift_decisions._open_gift

    def forgiving(facts: Any, gift_id: Any, *rest: Any) -> Any:
        gift = facts.gifts[gift_id]
        facts.gifts[gift_id] = replace(gift, state=GiftState.OPEN)
        try:
            return refused(facts, gift_id, *rest)
        finally:
            facts.gifts[gift_id] = gift

    patch.setattr(gift_decisions, "_open_gift", forgiving)
    patch.setattr(gift_decisions, "_is_held", lambda book, gift: True)


def lengthen_what_is_received(patch: pytest.MonkeyPatch) -> None:
    def longer(given: Allowance, ends: datetime | None, rule: str | None) -> Allowance:
        return replace(
            given,
            id=AllowanceId(derived_id(given.id, "longer")),
            expires_at=ends and ends + timedelta(days=30),
            hops=given.hops + 1,
            parent=given.id,
        )

    patch.setattr(gift_decisions, "received_allowance", longer)


def forget_the_last_moment(patch: pytest.MonkeyPatch) -> None:
    """A gift can be accepted at its deadline too, and its hold lasts as long."""
    patch.setattr(
        Gift, "is_open", lambda gift, at: gift.state is GiftState.OPEN and at <= gift.deadline
    )
    lapse = Book.end_lapsed_holds

    def later(book: Book) -> None:
        at, book.at = book.at, book.at - timedelta(microseconds=1)
        lapse(book)
        book.at = at

    patch.setattr(Book, "end_lapsed_holds", later)


def deliver_a_part_only(patch: pytest.MonkeyPatch) -> None:
    deliver: Callable[..., Iterator[Any]] = gift_decisions._deliver

    def less(question: Any, gift: Gift, parts: Any) -> Iterator[Any]:
        for change in deliver(question, gift, parts):
            is_much = isinstance(change, Transfer) and change.amount > 1
            yield replace(change, amount=change.amount - 1) if is_much else change

    patch.setattr(gift_decisions, "_deliver", less)


def spend_the_last_to_end_first(patch: pytest.MonkeyPatch) -> None:
    ready = holdings.ready
    patch.setattr(verdicts, "ready", lambda question: ready(question)[::-1])


def keep_no_replies(patch: pytest.MonkeyPatch) -> None:
    async def forget(*_: Any) -> None: ...

    patch.setattr(Committer, "_keep_replies", forget)


def take_a_new_key_at_each_retry(patch: pytest.MonkeyPatch) -> None:
    submit = Committer.submit

    async def anew(committer: Any, request: Any) -> Any:
        return await submit(committer, replace(request, key=str(new_id())))

    patch.setattr(Committer, "submit", anew)


def leave_holds_behind(patch: pytest.MonkeyPatch) -> None:
    """What is captured stays held."""

    def end(book: Book, hold: Hold, state: Any, captured: int = 0) -> None:
        if not captured:
            bucket = book._bucket(hold.holder, hold.allowance)
            book._set_bucket(replace(bucket, held=bucket.held - hold.amount))
        book._set_hold(replace(hold, state=state, captured=captured, ended_at=book.at))

    patch.setattr(Book, "_end_hold", end)


PLANTS = [
    release_holds_twice,
    give_one_more_than_there_is,
    take_what_is_held_for_free,
    lose_a_refusal,
    end_a_gift_again,
    lengthen_what_is_received,
    forget_the_last_moment,
    deliver_a_part_only,
    spend_the_last_to_end_first,
    keep_no_replies,
    take_a_new_key_at_each_retry,
    leave_holds_behind,
]

STORIES = hypothesis.settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)

FOUND = (AssertionError, BookError, CheckViolation, pytest.fail.Exception)
"""By a comparison or by verify, by the book, by the database, or by a refusal that is missing."""


@pytest.mark.parametrize("plant", PLANTS)
def test_stories_find(
    plant: Plant, settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    with pytest.raises(FOUND):
        tell_stories(settings, database_url, STORIES)
