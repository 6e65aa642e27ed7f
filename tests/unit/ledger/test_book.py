"""The book: what each change does to balances, holds and entries, and what it stops."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from hashlib import sha256
from uuid import UUID

import pytest

from yuzuri.kernel.calendar import DailyWindow
from yuzuri.kernel.ids import AllowanceId, HolderId, HoldId, PurchaseId, TransferId, new_id
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.allowances import Allowance, Source, received_allowance
from yuzuri.ledger.book import (
    FIRST_HASH,
    Book,
    BookError,
    Bucket,
    HoldState,
    entry_hash,
    spending_order,
)
from yuzuri.ledger.changes import (
    HOUSE,
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
ANN, BEN = HolderId(UUID(int=101)), HolderId(UUID(int=102))
HELD, OTHER_HOLD = HoldId(UUID(int=301)), HoldId(UUID(int=302))
CAUSE = UUID(int=401)

DATA = Allowance(
    id=AllowanceId(UUID(int=201)),
    unit=Unit.DATA,
    operator="op",
    plan="plan",
    zone="JP",
    source=Source.BASE,
    paid=False,
    issued_at=AT - timedelta(days=1),
    expires_at=AT + timedelta(days=1),
    purchase=PurchaseId(UUID(int=501)),
)
MORE = dataclasses.replace(DATA, id=AllowanceId(UUID(int=202)))


def book_with(**balances: int) -> Book:
    """A book in which Ann has some of `data` and of `more`."""
    book = Book(AT, allowances={DATA.id: DATA, MORE.id: MORE})
    for name, balance in balances.items():
        allowance = {"data": DATA, "more": MORE}[name]
        book.apply([move(balance, HOUSE[House.ISSUED], ANN, allowance)])
    book.entries.clear()
    return book


def move(
    amount: int,
    source: HolderId = ANN,
    target: HolderId = BEN,
    allowance: Allowance = DATA,
    hold: HoldId | None = None,
) -> Transfer:
    return Transfer(
        id=TransferId(new_id()),
        allowance=allowance.id,
        source=source,
        target=target,
        amount=amount,
        kind=TransferKind.GIFT,
        cause=CAUSE,
        hold=hold,
    )


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

# What Ann has 100 of, the changes, and then: Ann's balance and held, Ben's balance, Ann's hold.
CHANGES: list[tuple[list[LedgerChange], int, int, int, str]] = [
    ([], 100, 0, 0, ""),
    ([move(1)], 99, 0, 1, ""),
    ([move(100)], 0, 0, 100, ""),
    ([move(60), move(40)], 0, 0, 100, ""),
    ([move(60), move(60, BEN, ANN)], 100, 0, 0, ""),
    ([hold(1)], 100, 1, 0, "open 0"),
    ([hold(100)], 100, 100, 0, "open 0"),
    ([hold(60), hold(40, OTHER_HOLD)], 100, 100, 0, "open 0"),
    ([hold(60), move(40)], 40 + 20, 60, 40, "open 0"),
    ([hold(60), RELEASE], 100, 0, 0, "released 0"),
    ([hold(60), RELEASE, move(100)], 0, 0, 100, "released 0"),
    ([hold(60), move(60, hold=HELD)], 40, 0, 60, "captured 60"),
    ([hold(60), move(20, hold=HELD)], 80, 0, 20, "captured 20"),
    ([hold(60), move(20, hold=HELD), move(80)], 0, 0, 100, "captured 20"),
    ([hold(100), move(100, hold=HELD)], 0, 0, 100, "captured 100"),
]


@pytest.mark.parametrize(("changes", "balance", "held", "other", "ended"), CHANGES)
def test_changes_leave(
    changes: list[LedgerChange], balance: int, held: int, other: int, ended: str
) -> None:
    book = book_with(data=100)
    book.apply(changes)
    [ann] = book.buckets_of(ANN)
    assert (ann.balance, ann.held, ann.available) == (balance, held, balance - held)
    assert sum(bucket.balance for bucket in book.buckets_of(BEN)) == other
    found = book.holds.get(HELD)
    assert (f"{found.state.value} {found.captured}" if found else "") == ended
    assert sum(entry.amount for entry in book.entries) == 0


UNKNOWN = dataclasses.replace(DATA, id=AllowanceId(UUID(int=299)))

# What no rule should have let through, and what the book says of it.
DEFECTS: dict[str, tuple[list[LedgerChange], str]] = {
    "more than there is": ([move(101)], "would hold"),
    "more than is free": ([hold(60), move(41)], "would hold"),
    "more held than there is": ([hold(101)], "would hold"),
    "more held than is free": ([hold(60), hold(41, OTHER_HOLD)], "would hold"),
    "more captured than held": ([hold(60), move(61, hold=HELD)], "is for less"),
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
    "held of a kind that is not known": ([hold(1, allowance=UNKNOWN)], "not in the book"),
    "issued of a kind that is not known": (
        [move(1, HOUSE[House.ISSUED], ANN, UNKNOWN)],
        "not in the book",
    ),
    "a kind made known on other terms": (
        [NewAllowance(allowance=dataclasses.replace(DATA, expires_at=None))],
        "on other terms",
    ),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_the_book_stops(defect: str) -> None:
    changes, said = DEFECTS[defect]
    book = book_with(data=100, more=50)
    with pytest.raises(BookError, match=said):
        book.apply(changes)


def test_a_kind_made_known_again_on_the_same_terms_changes_nothing() -> None:
    book = book_with()
    book.apply([NewAllowance(allowance=dataclasses.replace(DATA))])
    assert book.new_allowances == {}


def test_the_house_has_no_bucket_and_no_bound() -> None:
    book = book_with(data=100)
    house = HOUSE[House.CONVERTED]
    book.apply([move(70, ANN, house), move(70, house, BEN, MORE)])
    assert book.buckets_of(house) == []
    assert [(e.holder, e.amount, e.number) for e in book.entries if e.holder == house] == [
        (house, 70, 0),
        (house, -70, 0),
    ]


# ---------------------------------------------------------------- holds end by themselves


@pytest.mark.parametrize(
    ("at", "state", "held"),
    [
        (LATER - timedelta(microseconds=1), HoldState.OPEN, 60),
        (LATER, HoldState.LAPSED, 0),
        (LATER + timedelta(microseconds=1), HoldState.LAPSED, 0),
    ],
)
def test_a_hold_lapses_at_its_very_instant(at: datetime, state: HoldState, held: int) -> None:
    book = book_with(data=100)
    book.apply([hold(60)])
    book.at = at
    book.end_lapsed_holds()
    book.end_lapsed_holds()
    assert book.holds[HELD].state is state
    assert book.buckets[ANN][DATA.id].held == held


@pytest.mark.parametrize("change", [RELEASE, move(1, hold=HELD)])
def test_a_lapsed_hold_ends_no_second_time(change: LedgerChange) -> None:
    book = book_with(data=100)
    book.apply([hold(60)])
    book.at = LATER
    book.end_lapsed_holds()
    with pytest.raises(BookError, match="is not open"):
        book.apply([change])
    assert book.buckets[ANN][DATA.id].held == 0


def test_open_holds_of_a_cause_are_those_that_have_not_ended() -> None:
    book = book_with(data=100)
    book.apply([hold(60), hold(40, OTHER_HOLD), RELEASE])
    assert [found.id for found in book.open_holds(CAUSE)] == [OTHER_HOLD]
    assert book.open_holds(UUID(int=1)) == []


# ---------------------------------------------------------------- the chain of entries


def test_each_entry_is_chained_to_the_one_before_of_its_bucket() -> None:
    book = book_with(data=100, more=100)
    head = book.buckets[ANN][DATA.id].head
    one, between, two = move(1), move(5, allowance=MORE), move(2)
    book.apply([one, between, two])
    mine = [e for e in book.entries if (e.holder, e.allowance) == (ANN, DATA.id)]
    assert [entry.number for entry in mine] == [2, 3]
    first = entry_hash(head, one, ANN, -1, AT)
    assert [entry.hash for entry in mine] == [first, entry_hash(first, two, ANN, -2, AT)]
    assert book.buckets[ANN][DATA.id].head == mine[-1].hash
    assert book.buckets[ANN][DATA.id].entries == 3


def test_the_hash_of_an_entry_never_changes() -> None:
    transfer = Transfer(
        id=TransferId(UUID(int=1)),
        allowance=AllowanceId(UUID(int=2)),
        source=HolderId(UUID(int=3)),
        target=HolderId(UUID(int=4)),
        amount=5,
        kind=TransferKind.GIFT,
        cause=UUID(int=6),
    )
    at = datetime(2026, 11, 10, 3, 0, 0, 7, tzinfo=UTC)
    found = entry_hash(FIRST_HASH, transfer, HolderId(UUID(int=3)), -5, at)
    text = (
        "00" * 32
        + f"{1:032x}{3:032x}{2:032x}"
        + "fffffffffffffffb"
        + f"{6:032x}"
        + b"gift".hex()
        + f"{1_794_279_600_000_007:016x}"
    )
    assert found == sha256(bytes.fromhex(text)).digest()
    assert found.hex() == "fb776dc32d52def170feaf19f2f9e4a5099aec1dc54a26f0e49d91c62aedc177"


ENTRY = move(5)


@pytest.mark.parametrize(
    "change",
    [
        lambda: entry_hash(bytes(31) + b"\1", ENTRY, ANN, 5, AT),
        lambda: entry_hash(
            FIRST_HASH, dataclasses.replace(ENTRY, id=TransferId(new_id())), ANN, 5, AT
        ),
        lambda: entry_hash(FIRST_HASH, ENTRY, BEN, 5, AT),
        lambda: entry_hash(FIRST_HASH, dataclasses.replace(ENTRY, allowance=MORE.id), ANN, 5, AT),
        lambda: entry_hash(FIRST_HASH, ENTRY, ANN, -5, AT),
        lambda: entry_hash(FIRST_HASH, dataclasses.replace(ENTRY, cause=new_id()), ANN, 5, AT),
        lambda: entry_hash(
            FIRST_HASH, dataclasses.replace(ENTRY, kind=TransferKind.EXPIRE), ANN, 5, AT
        ),
        lambda: entry_hash(FIRST_HASH, ENTRY, ANN, 5, AT + timedelta(microseconds=1)),
    ],
)
def test_whatever_is_changed_in_an_entry_changes_its_hash(change: Callable[[], bytes]) -> None:
    assert change() != entry_hash(FIRST_HASH, ENTRY, ANN, 5, AT)


# ---------------------------------------------------------------- what is used first

NEVER = dataclasses.replace(DATA, id=AllowanceId(UUID(int=203)), expires_at=None)
SOON = dataclasses.replace(DATA, id=AllowanceId(UUID(int=204)), expires_at=LATER)
OLD = dataclasses.replace(
    DATA, id=AllowanceId(UUID(int=205)), issued_at=DATA.issued_at - timedelta(days=1)
)
NIGHT = dataclasses.replace(
    OLD, id=AllowanceId(UUID(int=206)), hours=DailyWindow(time(23), time(6), "UTC")
)
OVER = dataclasses.replace(DATA, id=AllowanceId(UUID(int=207)), expires_at=AT)
VOICE = dataclasses.replace(DATA, id=AllowanceId(UUID(int=208)), unit=Unit.VOICE)


@pytest.mark.parametrize(
    ("first", "then"),
    [(SOON, DATA), (DATA, NEVER), (OLD, DATA), (DATA, NIGHT), (OLD, NIGHT), (DATA, MORE)],
)
def test_what_ends_soonest_is_used_first(first: Allowance, then: Allowance) -> None:
    assert spending_order(first) < spending_order(then)


def test_only_what_can_be_used_is_offered_to_rules() -> None:
    empty = dataclasses.replace(DATA, id=AllowanceId(UUID(int=209)))
    held = dataclasses.replace(DATA, id=AllowanceId(UUID(int=210)))
    known = (NEVER, DATA, OVER, VOICE, SOON, empty, held)
    book = Book(AT, allowances={allowance.id: allowance for allowance in known})
    for allowance in known:
        has = 0 if allowance is empty else 10
        book.add_bucket(Bucket(ANN, allowance.id, has, 10 if allowance is held else 0))
    assert [a for _, a in book.holdings(ANN, Unit.DATA)] == [SOON, DATA, NEVER]
    assert [a for _, a in book.holdings(ANN, Unit.VOICE)] == [VOICE]
    assert book.holdings(BEN, Unit.DATA) == []


# ---------------------------------------------------------------- expiry


@pytest.mark.parametrize(
    ("at", "expired"),
    [
        (AT + timedelta(days=1, microseconds=-1), 0),
        (AT + timedelta(days=1), 40),
        (AT + timedelta(days=400), 40),
    ],
)
def test_what_is_over_and_not_held_is_booked_to_the_house(at: datetime, expired: int) -> None:
    book = book_with(data=100)
    book.apply([hold(60, until=AT + timedelta(days=500))])
    book.at = at
    outcome, changes = expire_buckets(book, ExpireBuckets(ANN))
    book.apply(changes)
    assert outcome.buckets == (1 if expired else 0)
    assert book.buckets[ANN][DATA.id].balance == 100 - expired
    assert sum(e.amount for e in book.entries if e.holder == HOUSE[House.EXPIRED]) == expired
    again, changes = expire_buckets(book, ExpireBuckets(ANN))
    assert (again.buckets, changes) == (0, [])


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
