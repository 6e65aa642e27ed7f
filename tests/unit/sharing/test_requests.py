"""What of requests is decided without a database, one case a line."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec
import pytest
from tests.model.world import ISSUED, OPEN, START
from tests.unit.sharing.test_links import codes, line

from yuzuri.catalog.purchases import Purchase, decide_purchase
from yuzuri.feasibility.verdict import Verdict
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import PersonId, PurchaseId, RequestId, new_id
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.book import Book
from yuzuri.sharing.gift_facts import GiftFacts
from yuzuri.sharing.gifts import GiftDone, GiftState
from yuzuri.sharing.request_decisions import (
    REQUEST_LIFETIME,
    RequestFacts,
    apply_request_decision,
    decide_request,
    preview_fill,
)
from yuzuri.sharing.requests import (
    AskForGift,
    CloseRequest,
    FillRequest,
    Request,
    RequestCommand,
    RequestDone,
    RequestOutcome,
    RequestState,
)
from yuzuri.subscribers.lines import Line


@dataclass
class Told:
    """A story of one who asks, and friends who have bought something."""

    asker: Line
    friends: Sequence[Line]
    facts: RequestFacts = field(init=False)

    def __post_init__(self) -> None:
        book = Book(START)
        lines = {one.id: one for one in (self.asker, *self.friends)}
        for friend in self.friends:
            bought = Purchase(id=PurchaseId(new_id()), line=friend.id, top_up="week")
            book.apply(decide_purchase(book, lines, OPEN, bought)[1])
        self.facts = RequestFacts(GiftFacts(book, OPEN, lines))

    def tell(self, command: RequestCommand) -> RequestOutcome:
        decision = decide_request(self.facts, command)
        apply_request_decision(self.facts, decision)
        return decision.outcome

    def ask(self, **terms: object) -> Request:
        outcome = self.tell(ask(self.asker, **terms))
        assert isinstance(outcome, RequestDone), outcome
        return outcome.request

    def request(self, request: Request) -> Request:
        return self.facts.requests[request.id]

    @property
    def has(self) -> int:
        return sum(b.balance for b in self.facts.gifts.book.buckets_of(self.asker.id))


def ask(asker: Line, **terms: object) -> AskForGift:
    command = AskForGift(person=asker.person, line=asker.id, unit=Unit.DATA, amount=500)
    return msgspec.structs.replace(command, **terms)


def fill(request: Request, friend: Line, amount: int) -> FillRequest:
    return FillRequest(person=friend.person, line=friend.id, request=request.id, amount=amount)


def test_friends_fill_a_request_and_what_they_give_is_there_at_once() -> None:
    one, other = line(), line()
    story = Told(line(), [one, other])
    request = story.ask(message="for the way home")
    assert request.deadline == START + REQUEST_LIFETIME
    for friend, amount, state in (
        (one, 200, RequestState.OPEN),
        (other, 100, RequestState.OPEN),
        (one, 200, RequestState.FILLED),
    ):
        done = story.tell(fill(request, friend, amount))
        assert isinstance(done, GiftDone)
        assert (done.gift.state, done.gift.via, done.gift.is_share) == (
            GiftState.ACCEPTED,
            request.id,
            False,
        )
        assert sum(arrival.quantity.amount for arrival in done.arrives) == amount
        assert story.request(request).state is state
    assert story.has == 500
    assert story.request(request).missing == 0
    assert codes(story.tell(fill(request, one, 1))) == [Code.GIFT_REQUEST_UNKNOWN]


@pytest.mark.parametrize(
    ("amount", "code"),
    [(500, None), (501, Code.GIFT_REQUEST_TOO_MUCH), (ISSUED, Code.GIFT_REQUEST_TOO_MUCH)],
)
def test_nobody_gives_more_than_is_missing(amount: int, code: Code | None) -> None:
    friend = line()
    story = Told(line(), [friend])
    command = fill(story.ask(), friend, amount)
    preview, outcome = preview_fill(story.facts, command), story.tell(command)
    if code is None:
        assert isinstance(outcome, GiftDone)
        assert isinstance(preview, Verdict)
        assert (preview.feasible, preview.arrives) == (True, outcome.arrives)
    else:
        assert codes(outcome) == [code]
        assert preview == outcome


def test_a_fill_is_judged_as_a_gift_and_refused_with_what_would_work() -> None:
    poor = line()
    story = Told(line(), [poor])
    request = story.ask(amount=2 * ISSUED)
    assert codes(story.tell(fill(request, poor, ISSUED + 1))) == [Code.BALANCE_NOT_ENOUGH]
    own = line(person=story.asker.person)
    story.facts.gifts.lines = {**story.facts.gifts.lines, own.id: own}
    assert codes(story.tell(fill(request, story.asker, 1)))[0] is Code.GIFT_TO_ONESELF
    assert codes(story.tell(fill(request, own, 1))) == [Code.BALANCE_NOT_ENOUGH]


def test_what_is_closed_or_over_is_as_unknown_as_what_never_was() -> None:
    friend = line()
    story = Told(line(), [friend])
    closed, over = story.ask(), story.ask(deadline=START + timedelta(hours=1))
    close = CloseRequest(person=story.asker.person, request=closed.id)
    stranger = CloseRequest(person=friend.person, request=closed.id)
    assert codes(story.tell(stranger)) == [Code.GIFT_REQUEST_UNKNOWN]
    assert isinstance(story.tell(close), RequestDone)
    assert codes(story.tell(close)) == [Code.GIFT_REQUEST_ENDED]
    assert codes(story.tell(fill(closed, friend, 1))) == [Code.GIFT_REQUEST_UNKNOWN]
    assert isinstance(story.tell(fill(over, friend, 1)), GiftDone)
    story.facts.gifts.book.at = over.deadline
    assert story.request(over).state_at(over.deadline) is RequestState.EXPIRED
    assert codes(story.tell(fill(over, friend, 1))) == [Code.GIFT_REQUEST_UNKNOWN]
    never = msgspec.structs.replace(over, id=RequestId(new_id()))
    assert codes(story.tell(fill(never, friend, 1))) == [Code.GIFT_REQUEST_UNKNOWN]


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"amount": 0}, Code.AMOUNT_NOT_POSITIVE),
        ({"message": "x" * 201}, Code.MESSAGE_TOO_LONG),
        ({"deadline": START}, Code.DEADLINE_PAST),
    ],
    ids=str,
)
def test_a_request_that_cannot_be_understood_is_not_made(
    terms: dict[str, object], code: Code
) -> None:
    story = Told(line(), [])
    with pytest.raises(DomainError) as raised:
        story.ask(**terms)
    assert raised.value.refusal.code is code


def test_one_asks_for_ones_own_lines_and_gives_from_them() -> None:
    friend = line()
    story = Told(line(), [friend])
    theirs = ask(story.asker, person=PersonId(new_id()))
    assert codes(story.tell(theirs)) == [Code.LINE_NOT_YOURS]
    assert codes(story.tell(ask(line()))) == [Code.LINE_UNKNOWN]
    request = story.ask()
    stolen = msgspec.structs.replace(fill(request, friend, 1), person=story.asker.person)
    assert codes(story.tell(stolen)) == [Code.LINE_NOT_YOURS]
    assert codes(story.tell(fill(request, line(), 1))) == [Code.LINE_UNKNOWN]
    assert story.has == 0
