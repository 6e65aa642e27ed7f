"""What of a gift is decided without a database: what can be asked, and how parts arrive."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.model.world import ISSUED, OPEN, START

from yuzuri.catalog.purchases import Purchase, decide_purchase
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import HolderId, PersonId, PurchaseId, new_id
from yuzuri.kernel.quantities import AMOUNT_MAX, Unit
from yuzuri.ledger.book import Book
from yuzuri.sharing.gift_decisions import decide_gift
from yuzuri.sharing.gift_facts import GiftFacts
from yuzuri.sharing.gifts import (
    MESSAGE_LENGTH_MAX,
    AcceptGift,
    GiftDone,
    GiftState,
    OfferGift,
    checked_offer,
)
from yuzuri.subscribers.lines import Line


def offer(amount: int = 1, message: str = "", giver: Line | None = None) -> OfferGift:
    return OfferGift(
        person=giver.person if giver else PersonId(new_id()),
        from_line=giver.id if giver else HolderId(new_id()),
        to_line=RECEIVER.id,
        unit=Unit.DATA,
        amount=amount,
        message=message,
    )


def line() -> Line:
    return Line(
        id=HolderId(new_id()),
        person=PersonId(new_id()),
        operator="open",
        plan="plan",
        number="+81000000000",
        label="a line",
        activated_at=START,
    )


GIVER, RECEIVER = line(), line()


@pytest.mark.parametrize("amount", [1, AMOUNT_MAX])
@pytest.mark.parametrize("message", ["", "ありがとう", "x" * MESSAGE_LENGTH_MAX, "two\nlines"])
def test_an_offer_that_can_be_understood_is_let_through(amount: int, message: str) -> None:
    asked = offer(amount, message)
    assert checked_offer(asked) is asked


@pytest.mark.parametrize(
    ("amount", "message", "code"),
    [
        (0, "", Code.AMOUNT_NOT_POSITIVE),
        (-1, "", Code.AMOUNT_NOT_POSITIVE),
        (AMOUNT_MAX + 1, "", Code.AMOUNT_TOO_LARGE),
        (1, "x" * (MESSAGE_LENGTH_MAX + 1), Code.MESSAGE_TOO_LONG),
        (1, "a\0b", Code.REQUEST_INVALID),
    ],
)
def test_an_offer_that_can_not_is_not(amount: int, message: str, code: Code) -> None:
    asked = offer(amount, message)
    for look in (checked_offer, lambda o: decide_gift(facts_with([]), o)):
        with pytest.raises(DomainError) as raised:
            look(asked)
        assert raised.value.refusal.code is code


def facts_with(top_ups: Sequence[str]) -> GiftFacts:
    """Two lines, of which the first has bought these."""
    lines = {GIVER.id: GIVER, RECEIVER.id: RECEIVER}
    book = Book(START)
    for top_up in top_ups:
        bought = Purchase(id=PurchaseId(new_id()), line=GIVER.id, top_up=top_up)
        book.apply(decide_purchase(book, lines, OPEN, bought)[1])
    return GiftFacts(book, OPEN, lines, {})


def test_each_part_arrives_with_its_own_expiry_soonest_first() -> None:
    facts = facts_with(["never", "month", "day", "week"])
    decision = decide_gift(facts, offer(3 * ISSUED + 5, giver=GIVER))
    assert isinstance(decision.outcome, GiftDone)
    days = [ISSUED, ISSUED, ISSUED, 5]
    ends = [START + timedelta(days=d) for d in (1, 7, 30)] + [None]
    seen = [(a.quantity.amount, a.expires_at) for a in decision.outcome.arrives]
    assert seen == list(zip(days, ends, strict=True))
    assert decision.outcome.gift.deadline == START + timedelta(days=1)
    facts.book.apply(decision.ledger)
    for gift in decision.gifts:
        facts.add_gift(gift)
    accept = AcceptGift(person=RECEIVER.person, gift=decision.gifts[0].id)
    accepted = decide_gift(facts, accept)
    assert isinstance(accepted.outcome, GiftDone)
    assert accepted.outcome.arrives == decision.outcome.arrives
    facts.book.apply(accepted.ledger)
    received = facts.book.holdings(RECEIVER.id, Unit.DATA)
    assert [(b.balance, a.expires_at, a.hops) for b, a in received] == [
        (amount, end, 1) for amount, end in zip(days, ends, strict=True)
    ]


def test_a_decision_changes_nothing_by_itself() -> None:
    facts = facts_with(["month"])
    before = list(facts.book.buckets_of(GIVER.id))
    decide_gift(facts, offer(10, giver=GIVER))
    assert facts.book.buckets_of(GIVER.id) == before
    assert facts.gifts == {}
    assert facts.book.holds == {}


def test_a_gift_past_its_deadline_has_expired_swept_or_not() -> None:
    facts = facts_with(["day"])
    (gift,) = decide_gift(facts, offer(10, giver=GIVER)).gifts
    almost = gift.deadline - timedelta(microseconds=1)
    assert (gift.state, gift.state_at(almost)) == (GiftState.OPEN, GiftState.OPEN)
    assert gift.state_at(gift.deadline) is GiftState.EXPIRED
    declined = replace(gift, state=GiftState.DECLINED, ended_at=almost)
    assert declined.state_at(gift.deadline) is GiftState.DECLINED
