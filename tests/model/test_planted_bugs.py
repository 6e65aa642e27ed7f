"""Bugs that are planted on purpose: the stories and checks that guard the product find each one."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase
from msgspec import structs
from psycopg.errors import CheckViolation
from tests.model.gifts_machine import tell_stories

from yuzuri.db import groups
from yuzuri.db.committer import Committer
from yuzuri.feasibility import gift as verdicts
from yuzuri.feasibility import holdings
from yuzuri.feasibility import question as questions
from yuzuri.kernel.ids import AllowanceId, HolderId, HoldId, derived_id, new_id
from yuzuri.ledger.allowances import Allowance
from yuzuri.ledger.book import Book, BookError, Bucket, Hold
from yuzuri.ledger.changes import Transfer
from yuzuri.settings import Settings
from yuzuri.sharing import delivery, gift_decisions, gift_facts
from yuzuri.sharing.gifts import Gift, GiftState

Plant = Callable[[pytest.MonkeyPatch], None]


def release_holds_twice(patch: pytest.MonkeyPatch) -> None:
    release = gift_decisions._release

    def twice(*arguments: Any) -> Any:
        decision = release(*arguments)
        return replace(decision, ledger=decision.ledger * 2)

    ended: dict[HoldId, Hold] = {}
    end = Book._end_hold

    def end_again(book: Book, hold: Hold) -> None:
        ended[hold.id] = book.holds.setdefault(hold.id, hold)
        end(book, hold)

    patch.setattr(gift_decisions, "_release", twice)
    patch.setattr(Book, "_end_hold", end_again)
    patch.setattr(Book, "_open", lambda book, hold_id: book.holds.get(hold_id) or ended[hold_id])


def give_one_more_than_there_is(patch: pytest.MonkeyPatch) -> None:
    holding = questions.Holding
    patch.setattr(gift_facts, "Holding", lambda allowance, left: holding(allowance, left + 1))


def take_what_is_held_for_free(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Bucket, "available", property(lambda bucket: bucket.balance))
    patch.setattr(Book, "_add", unchecked("balance"))
    patch.setattr(Book, "_hold_back", unchecked_held)


def unchecked(name: str) -> Callable[..., None]:
    """Change a number of a bucket, whatever it becomes."""

    def add(book: Book, holder: HolderId, allowance: AllowanceId, amount: int) -> None:
        bucket = book.bucket(holder, allowance)
        if bucket is None:
            bucket = Bucket(holder, allowance)
            book.add_bucket(bucket)
        setattr(bucket, name, getattr(bucket, name) + amount)
        book._mark(bucket)

    return add


def unchecked_held(book: Book, hold: Hold, amount: int) -> None:
    unchecked("held")(book, hold.holder, hold.allowance, amount)


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

    patch.setattr(delivery, "received_allowance", longer)


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
    deliver: Callable[..., Iterator[Any]] = delivery.deliver

    def less(question: Any, gift: Gift, parts: Any) -> Iterator[Any]:
        for change in deliver(question, gift, parts):
            is_much = isinstance(change, Transfer) and change.amount > 1
            yield structs.replace(change, amount=change.amount - 1) if is_much else change

    patch.setattr(gift_decisions, "deliver", less)


def spend_the_last_to_end_first(patch: pytest.MonkeyPatch) -> None:
    ready = holdings.ready
    patch.setattr(verdicts, "ready", lambda question: ready(question)[::-1])


def keep_no_replies(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(groups, "_KEEP_REPLIES", groups._KEEP_REPLIES + " WHERE false")


def take_a_new_key_at_each_retry(patch: pytest.MonkeyPatch) -> None:
    submit = Committer.submit

    def anew(committer: Any, request: Any) -> Any:
        return submit(committer, structs.replace(request, key=str(new_id())))

    patch.setattr(Committer, "submit", anew)


def leave_holds_behind(patch: pytest.MonkeyPatch) -> None:
    """What is captured stays held."""
    capture = Book._capture

    def leave(book: Book, transfer: Transfer, hold_id: HoldId) -> None:
        capture(book, transfer, hold_id)
        bucket = book.buckets[transfer.source][transfer.allowance]
        bucket.held += transfer.amount

    patch.setattr(Book, "_capture", leave)


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
    max_examples=300,
    stateful_step_count=30,
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
