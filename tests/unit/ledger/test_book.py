"""The book: what each change does to balances and holds, what is to be written, what it stops."""

import dataclasses
from datetime import UTC, datetime, time, timedelta

import pytest
from tests.ids import numbered

from yuzuri.kernel.calendar import DailyWindow
from yuzuri.kernel.ids import AllowanceId, HolderId, HoldId, Home, PurchaseId
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.allowances import Allowance, Source, received_allowance
from yuzuri.ledger.book import Book, BookError, Bucket, spending_order
from yuzuri.ledger.changes import (
    HOUSE,
    CloseBucket,
    House,
    LedgerChange,
    NewAllowance,
    OpenHold,
    ReleaseHold,
    Transfer,
    TransferKind,
)
from yuzuri.ledger.expiry import ExpireBuckets, expire_buckets

AT = datetime(2026, 11, 10, 3, 0, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
ANN, BEN = HolderId(numbered(101)), HolderId(numbered(102))
ELSEWHERE = HolderId(numbered(103, Home(1)))
HELD, OTHER_HOLD = HoldId(numbered(301)), HoldId(numbered(302))
CAUSE = numbered(401)

DATA = Allowance(
    id=AllowanceId(numbered(201)),
    unit=Unit.DATA,
    operator="op",
    plan="plan",
    zone="JP",
    source=Source.BASE,
    paid=False,
    issued_at=AT - timedelta(days=1),
    expires_at=AT + timedelta(days=1),
    purchase=PurchaseId(numbered(501)),
)
MORE = dataclasses.replace(DATA, id=AllowanceId(numbered(202)))
OVER = dataclasses.replace(DATA, id=AllowanceId(numbered(207)), expires_at=AT)


def book_with(*changes: LedgerChange, **balances: int) -> Book:
    """A book in which Ann has some of `data`, `more` and `over`, and changes are long written."""
    known = {"data": DATA, "more": MORE, "over": OVER}
    book = Book(AT, allowances={allowance.id: allowance for allowance in known.values()})
    for name, balance in balances.items():
        book.add_bucket(Bucket(ANN, known[name].id, place=bytes(6)))
        if balance:
            book.apply([move(balance, HOUSE[House.ISSUED], ANN, known[name])])
    book.apply(changes)
    as_written(book)
    return book


def as_written(book: Book) -> None:
    """Let all that has changed be what stands in the database."""
    for bucket in book.changed_buckets:
        bucket.is_changed, bucket.place = False, bucket.place or bytes(6)
    for held in book.changed_holds.values():
        held.is_new = False
    for changed in (book.transfers, book.changed_buckets, book.changed_holds, book.ended_holds):
        changed.clear()


def move(
    amount: int,
    source: HolderId = ANN,
    target: HolderId = BEN,
    allowance: Allowance = DATA,
    hold: HoldId | None = None,
    *,
    keep_rest: bool = False,
) -> Transfer:
    return Transfer(
        allowance=allowance.id,
        source=source,
        target=target,
        amount=amount,
        kind=TransferKind.GIFT,
        cause=CAUSE,
        hold=hold,
        keep_rest=keep_rest,
    )


def part(amount: int) -> Transfer:
    """Captures so much of a hold, and lets the rest of it stand."""
    return move(amount, hold=HELD, keep_rest=True)


def hold(
    amount: int,
    hold_id: HoldId = HELD,
    *,
    until: datetime = LATER,
    allowance: Allowance = DATA,
    holder: HolderId = ANN,
) -> OpenHold:
    return OpenHold(
        id=hold_id,
        holder=holder,
        allowance=allowance.id,
        amount=amount,
        cause=CAUSE,
        expires_at=until,
    )


RELEASE = ReleaseHold(id=HELD)

# What Ann has 100 of, the changes, and then: Ann's balance and held, Ben's balance, what is left
# of Ann's hold.
CHANGES: list[tuple[list[LedgerChange], int, int, int, int]] = [
    ([], 100, 0, 0, 0),
    ([move(1)], 99, 0, 1, 0),
    ([move(100)], 0, 0, 100, 0),
    ([move(60), move(40)], 0, 0, 100, 0),
    ([move(60), move(60, BEN, ANN)], 100, 0, 0, 0),
    ([hold(1)], 100, 1, 0, 1),
    ([hold(100)], 100, 100, 0, 100),
    ([hold(60), hold(40, OTHER_HOLD)], 100, 100, 0, 60),
    ([hold(60), move(40)], 40 + 20, 60, 40, 60),
    ([hold(60), RELEASE], 100, 0, 0, 0),
    ([hold(60), RELEASE, move(100)], 0, 0, 100, 0),
    ([hold(60), move(60, hold=HELD)], 40, 0, 60, 0),
    ([hold(60), move(20, hold=HELD)], 80, 0, 20, 0),
    ([hold(60), move(20, hold=HELD), move(80)], 0, 0, 100, 0),
    ([hold(100), move(100, hold=HELD)], 0, 0, 100, 0),
    ([hold(60), part(20)], 80, 40, 20, 40),
    ([hold(60), part(20), part(39)], 41, 1, 59, 1),
    ([hold(60), part(20), part(40)], 40, 0, 60, 0),
    ([hold(60), part(60)], 40, 0, 60, 0),
    ([hold(60), part(20), move(10, hold=HELD)], 70, 0, 30, 0),
    ([hold(60), part(20), RELEASE], 80, 0, 20, 0),
    ([hold(60), part(20), move(40)], 40, 40, 60, 40),
]


@pytest.mark.parametrize(("changes", "balance", "held", "other", "left"), CHANGES)
def test_changes_leave(
    changes: list[LedgerChange], balance: int, held: int, other: int, left: int
) -> None:
    book = book_with(data=100)
    book.apply(changes)
    [ann] = book.buckets_of(ANN)
    assert (ann.balance, ann.held, ann.available) == (balance, held, balance - held)
    assert sum(bucket.balance for bucket in book.buckets_of(BEN)) == other
    assert (book.holds[HELD].amount if HELD in book.holds else 0) == left
    assert held == sum(found.amount for found in book.holds.values())
    received = sum(-t.amount if t.source == ANN else t.amount for t in book.transfers)
    assert received == balance - 100
    assert book.transfers == [change for change in changes if isinstance(change, Transfer)]


@pytest.mark.parametrize(("changes", "balance", "held", "other", "left"), CHANGES)
def test_what_is_to_be_written_is_each_bucket_and_hold_that_changed_once(
    changes: list[LedgerChange], balance: int, held: int, other: int, left: int
) -> None:
    for before in range(len(changes) + 1):
        book = book_with(*changes[:before], data=100)
        stood = set(book.holds)
        book.apply(changes[before:])
        written = [(bucket.holder, bucket.allowance) for bucket in book.changed_buckets]
        touched = {(ANN, DATA.id), (BEN, DATA.id)} if any(book.transfers) else {(ANN, DATA.id)}
        assert sorted(written) == sorted(touched if before < len(changes) else ())
        # A hold that ended where it was opened is not written at all.
        assert {found.id for found in book.ended_holds.values()} == stood - set(book.holds)
        assert {hold_id for hold_id, found in book.changed_holds.items() if found.is_new} == (
            set(book.holds) - stood
        )
        assert book.changed_holds.keys() <= book.holds.keys()
        if HELD in stood & set(book.holds):
            kept = [c for c in changes[before:] if isinstance(c, Transfer) and c.keep_rest]
            assert (HELD in book.changed_holds) == bool(kept)


UNKNOWN = dataclasses.replace(DATA, id=AllowanceId(numbered(299)))

# What no rule should have let through, and what the book says of it.
DEFECTS: dict[str, tuple[list[LedgerChange], str]] = {
    "more than there is": ([move(101)], "would hold"),
    "more than is free": ([hold(60), move(41)], "would hold"),
    "more held than there is": ([hold(101)], "does not fit"),
    "more held than is free": ([hold(60), hold(41, OTHER_HOLD)], "does not fit"),
    "more captured than held": ([hold(60), move(61, hold=HELD)], "is for less"),
    "more captured than is left": ([hold(60), part(20), part(41)], "is for less"),
    "captured after the last part": ([hold(60), part(20), part(40), part(1)], "is not open"),
    "held twice by one name": ([hold(1), hold(2)], "holds nothing"),
    "captured twice": ([hold(60), *[move(30, hold=HELD)] * 2], "is not open"),
    "captured after release": ([hold(60), RELEASE, move(1, hold=HELD)], "is not open"),
    "released twice": ([hold(60), RELEASE, RELEASE], "is not open"),
    "released after capture": ([hold(60), move(1, hold=HELD), RELEASE], "is not open"),
    "released what nobody holds": ([RELEASE], "is not open"),
    "captured what nobody holds": ([move(1, hold=HELD)], "is not open"),
    "captured by another person": (
        [hold(60), move(10), move(10, BEN, ANN, hold=HELD)],
        "another bucket",
    ),
    "captured from another kind": (
        [hold(60), move(10, allowance=MORE, hold=HELD)],
        "another bucket",
    ),
    "nothing moved": ([move(0)], "moves nothing"),
    "less than nothing moved": ([move(-1)], "moves nothing"),
    "moved to oneself": ([move(1, ANN, ANN)], "moves nothing"),
    "nothing held": ([hold(0)], "holds nothing"),
    "less than nothing held": ([hold(-1)], "holds nothing"),
    "held until now": ([hold(1, until=AT)], "holds nothing"),
    "of a kind that is not known": ([move(1, allowance=UNKNOWN)], "not in the book"),
    "held of a kind that is not known": ([hold(1, allowance=UNKNOWN)], "does not fit"),
    "issued of a kind that is not known": (
        [move(1, HOUSE[House.ISSUED], ANN, UNKNOWN)],
        "not in the book",
    ),
    "a kind made known on other terms": (
        [NewAllowance(allowance=dataclasses.replace(DATA, expires_at=None), holder=ANN)],
        "on other terms",
    ),
    "moved to another home in one step": ([move(1, ANN, ELSEWHERE)], "cross homes"),
    "closed although it has something": (
        [CloseBucket(holder=ANN, allowance=OVER.id)],
        "cannot be closed",
    ),
    "closed although it is not over": (
        [move(100), CloseBucket(holder=ANN, allowance=DATA.id)],
        "cannot be closed",
    ),
    "closed what nobody has": ([CloseBucket(holder=BEN, allowance=OVER.id)], "cannot be closed"),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_the_book_stops(defect: str) -> None:
    changes, said = DEFECTS[defect]
    book = book_with(data=100, more=50, over=1)
    with pytest.raises(BookError, match=said):
        book.apply(changes)


def test_a_kind_is_made_known_to_a_home_once() -> None:
    book, home = book_with(), Home(0)
    for _ in range(2):
        book.apply([NewAllowance(allowance=dataclasses.replace(DATA), holder=ANN)])
    book.apply([NewAllowance(allowance=DATA, holder=BEN)])
    assert book.new_allowances == {(home, DATA.id): DATA}
    again = Book(AT, allowances={DATA.id: DATA}, recorded={(home, DATA.id)})
    again.apply([NewAllowance(allowance=dataclasses.replace(DATA), holder=ANN)])
    assert again.new_allowances == {}


def test_each_home_is_told_of_a_kind_itself() -> None:
    book = Book(AT, allowances={DATA.id: DATA}, recorded={(Home(0), DATA.id)})
    book.apply([NewAllowance(allowance=DATA, holder=ELSEWHERE)])
    assert book.new_allowances == {(Home(1), DATA.id): DATA}


def test_the_house_has_no_bucket_and_no_bound() -> None:
    book = book_with(data=100)
    house = HOUSE[House.CONVERTED]
    book.apply([move(70, ANN, house), move(70, house, BEN, MORE), move(7, house, ANN, MORE)])
    assert book.buckets_of(house) == []
    assert [(t.source, t.target, t.amount) for t in book.transfers] == [
        (ANN, house, 70),
        (house, BEN, 70),
        (house, ANN, 7),
    ]


def test_the_house_lives_in_every_home() -> None:
    book = book_with(data=100)
    house = HOUSE[House.TRANSIT]
    book.apply([move(70, ANN, house), move(70, house, ELSEWHERE)])
    assert [bucket.balance for bucket in book.buckets_of(ELSEWHERE)] == [70]


def test_what_is_over_and_empty_can_be_closed_and_opened_again() -> None:
    book = book_with(over=5)
    [ended] = book.buckets_of(ANN)
    house = HOUSE[House.EXPIRED]
    book.apply([move(5, ANN, house, OVER), CloseBucket(holder=ANN, allowance=OVER.id)])
    assert book.buckets_of(ANN) == []
    assert book.changed_buckets == [ended]
    assert ended.is_closed
    book.apply([move(3, HOUSE[House.TRANSIT], ANN, OVER)])
    [anew] = book.buckets_of(ANN)
    assert (anew.balance, anew.place, anew.is_closed) == (3, None, False)
    assert book.changed_buckets == [ended, anew]


# ---------------------------------------------------------------- holds end by themselves


@pytest.mark.parametrize(
    ("at", "held"),
    [
        (LATER - timedelta(microseconds=1), 60),
        (LATER, 0),
        (LATER + timedelta(microseconds=1), 0),
    ],
)
def test_a_hold_lapses_at_its_very_instant(at: datetime, held: int) -> None:
    book = book_with(hold(60), data=100)
    book.at = at
    book.end_lapsed_holds()
    book.end_lapsed_holds()
    assert book.buckets[ANN][DATA.id].held == held
    assert [found.amount for found in book.open_holds(CAUSE)] == ([held] if held else [])
    # What ran out stays, with the moment at which that was written down.
    assert book.ended_holds == {}
    lapsed = {} if held else {HELD: at}
    assert {found.id: found.lapsed_at for found in book.changed_holds.values()} == lapsed


@pytest.mark.parametrize("change", [RELEASE, move(1, hold=HELD), part(1)])
def test_a_lapsed_hold_ends_no_second_time(change: LedgerChange) -> None:
    book = book_with(hold(60), data=100)
    book.at = LATER
    book.end_lapsed_holds()
    with pytest.raises(BookError, match="is not open"):
        book.apply([change])
    assert book.buckets[ANN][DATA.id].held == 0


def test_open_holds_of_a_cause_are_those_that_have_not_ended() -> None:
    book = book_with(data=100)
    book.apply([hold(60), hold(40, OTHER_HOLD), RELEASE])
    assert [found.id for found in book.open_holds(CAUSE)] == [OTHER_HOLD]
    assert book.open_holds(numbered(1)) == []


def test_open_holds_of_a_cause_come_with_the_soonest_expiry_first() -> None:
    book = book_with(data=100, more=100)
    book.allowances[MORE.id] = dataclasses.replace(MORE, expires_at=LATER)
    book.apply([hold(60), hold(40, OTHER_HOLD, allowance=MORE)])
    assert [found.id for found in book.open_holds(CAUSE)] == [OTHER_HOLD, HELD]


# ---------------------------------------------------------------- what is used first

NEVER = dataclasses.replace(DATA, id=AllowanceId(numbered(203)), expires_at=None)
SOON = dataclasses.replace(DATA, id=AllowanceId(numbered(204)), expires_at=LATER)
OLD = dataclasses.replace(
    DATA, id=AllowanceId(numbered(205)), issued_at=DATA.issued_at - timedelta(days=1)
)
NIGHT = dataclasses.replace(
    OLD, id=AllowanceId(numbered(206)), hours=DailyWindow(time(23), time(6), "UTC")
)
VOICE = dataclasses.replace(DATA, id=AllowanceId(numbered(208)), unit=Unit.VOICE)


@pytest.mark.parametrize(
    ("first", "then"),
    [(SOON, DATA), (DATA, NEVER), (OLD, DATA), (DATA, NIGHT), (OLD, NIGHT), (DATA, MORE)],
)
def test_what_ends_soonest_is_used_first(first: Allowance, then: Allowance) -> None:
    assert spending_order(first) < spending_order(then)


def test_only_what_can_be_used_is_offered_to_rules() -> None:
    empty = dataclasses.replace(DATA, id=AllowanceId(numbered(209)))
    held = dataclasses.replace(DATA, id=AllowanceId(numbered(210)))
    known = (NEVER, DATA, OVER, VOICE, SOON, empty, held)
    book = Book(AT, allowances={allowance.id: allowance for allowance in known})
    for allowance in known:
        has = 0 if allowance is empty else 10
        book.add_bucket(Bucket(ANN, allowance.id, has, 10 if allowance is held else 0))
    assert [a for _, a in book.holdings(ANN, Unit.DATA)] == [SOON, DATA, NEVER]
    assert [a for _, a in book.holdings(ANN, Unit.VOICE)] == [VOICE]
    assert book.holdings(BEN, Unit.DATA) == []


# ---------------------------------------------------------------- expiry

END = AT + timedelta(days=1)


def expired(book: Book, *holders: HolderId) -> int:
    """How many buckets of these holders are over."""
    outcome, changes = expire_buckets(book, ExpireBuckets(holders))
    book.apply(changes)
    return outcome.buckets


@pytest.mark.parametrize(
    ("at", "booked"),
    [(END - timedelta(microseconds=1), 0), (END, 100), (END + timedelta(days=400), 100)],
)
def test_what_is_over_is_booked_to_the_house_and_its_bucket_removed(
    at: datetime, booked: int
) -> None:
    book = book_with(data=100)
    [bucket] = book.buckets_of(ANN)
    book.at = at
    assert expired(book, ANN) == (1 if booked else 0)
    assert bucket.balance == 100 - booked
    assert book.buckets_of(ANN) == ([] if booked else [bucket])
    assert [(t.source, t.target, t.amount, t.kind) for t in book.transfers] == [
        (ANN, HOUSE[House.EXPIRED], 100, TransferKind.EXPIRE)
    ] * bool(booked)
    assert expired(book, ANN) == 0


def test_what_is_over_and_empty_is_removed_without_a_transfer() -> None:
    book = book_with(data=100)
    book.apply([move(100)])
    book.transfers.clear()
    book.at = END
    assert expired(book, ANN) == 1
    assert (book.buckets_of(ANN), book.transfers) == ([], [])


def test_what_is_over_waits_as_a_whole_for_what_is_held_of_it() -> None:
    book = book_with(hold(60, until=END + timedelta(days=1)), data=100)
    book.at = END
    assert expired(book, ANN) == 0
    assert [bucket.balance for bucket in book.buckets_of(ANN)] == [100]
    book.apply([RELEASE])
    assert expired(book, ANN) == 1
    assert book.buckets_of(ANN) == []


def test_many_holders_are_looked_through_at_once() -> None:
    book = book_with(data=100, more=100, over=1)
    book.apply([move(40), move(1, ANN, BEN, OVER)])
    assert expired(book, ANN, BEN) == 2
    book.at = END
    assert expired(book, BEN, ANN) == 3
    assert (book.buckets_of(ANN), book.buckets_of(BEN)) == ([], [])
    booked = [t.amount for t in book.transfers if t.kind is TransferKind.EXPIRE]
    assert booked == [1, 40, 60, 100]


# ---------------------------------------------------------------- what is received (I8, I9)

LONGER, SHORTER = AT + timedelta(days=2), AT + timedelta(hours=2)
RULE = "op gift.expiry"


@pytest.mark.parametrize(
    ("given", "ends", "rule", "kept_rule"),
    [
        (DATA, DATA.expires_at, None, None),
        (DATA, DATA.expires_at, RULE, None),
        (DATA, SHORTER, None, None),
        (DATA, LONGER, RULE, RULE),
        (DATA, None, RULE, RULE),
        (NEVER, None, None, None),
        (NEVER, LONGER, None, None),
        (dataclasses.replace(DATA, paid=True), SHORTER, RULE, None),
    ],
)
def test_what_is_received_keeps_its_terms(
    given: Allowance, ends: datetime | None, rule: str | None, kept_rule: str | None
) -> None:
    received = received_allowance(given, ends, rule)
    assert received == dataclasses.replace(
        given,
        id=received.id,
        expires_at=ends,
        hops=given.hops + 1,
        parent=given.id,
        expiry_rule=kept_rule,
    )
    assert received == received_allowance(given, ends, rule)
    assert received.id != given.id


@pytest.mark.parametrize(
    ("given", "ends", "rule"),
    [
        (DATA, LONGER, None),
        (DATA, None, None),
        (dataclasses.replace(DATA, paid=True), LONGER, RULE),
        (dataclasses.replace(DATA, paid=True), None, RULE),
        (DATA, DATA.expires_at and DATA.expires_at + timedelta(microseconds=1), None),
    ],
)
def test_a_gift_never_lengthens_an_expiry(
    given: Allowance, ends: datetime | None, rule: str | None
) -> None:
    with pytest.raises(ValueError, match="I8"):
        received_allowance(given, ends, rule)
