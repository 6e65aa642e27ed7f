"""Bugs that are planted on purpose into the ledger: each is caught by a test that is named here.

Those of locks are in `test_bank.py`, as it takes several processes to see them.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import Phase
from hypothesis.errors import Flaky
from psycopg import Error as DatabaseError
from tests.ledger import test_busy, test_clock_jumps, test_groups, test_holds, test_transit
from tests.ledger.stories import tell_the_core, tell_the_database, tried
from tests.ledger.test_busy import new_pair
from tests.ledger.test_clock_jumps import DONE_, ENDED, HOUR, OVER, new_owned
from tests.ledger.test_holds import ENDS, new_owner
from tests.ledger.test_transit import another, new_journey
from tests.ledger.world import LedgerWorld, open_ledger

from yuzuri.db.committer import Committer
from yuzuri.db.connect import open_database
from yuzuri.kernel.errors import Code, DomainError, Refusal
from yuzuri.kernel.ids import HolderId, Home, new_id
from yuzuri.ledger import commands, expiry, store
from yuzuri.ledger.allowances import Allowance
from yuzuri.ledger.book import Book, BookError, Bucket, Hold
from yuzuri.ledger.changes import EnterTransit, OpenHold, ReleaseHold, Transfer
from yuzuri.ledger.commands import DONE, Capture, Deliver, ForgetTransit
from yuzuri.ledger.due import Traveller
from yuzuri.runtime import road
from yuzuri.runtime.road import YuzuriRoad
from yuzuri.runtime.running import HOUSE_CLIENT, Yuzuri
from yuzuri.settings import Settings

Patch = pytest.MonkeyPatch
Plant = Callable[[Patch], None]

CAUGHT = (AssertionError, BookError, DatabaseError, DomainError, TimeoutError, Flaky)
"""By a comparison or by verify, by the book, by the database, or by an answer that is no answer.

A story on a database that goes wrong may go wrong elsewhere when it is told again: that is `Flaky`.
"""


# ---------------------------------------------------------------- bugs


def lose_the_refusal_of_what_is_over(patch: Patch) -> None:
    patch.setattr(Allowance, "is_over", lambda allowance, at: False)


def answer_a_refusal_as_done(patch: Patch) -> None:
    decide = YuzuriRoad.decide

    def forgiving(self: YuzuriRoad, *asked: Any) -> Any:
        outcome = decide(self, *asked)
        return DONE if isinstance(outcome, Refusal) else outcome

    patch.setattr(YuzuriRoad, "decide", forgiving)


def give_one_more_than_there_is(patch: Patch) -> None:
    refusal = commands._refusal_to_take
    patch.setattr(
        commands,
        "_refusal_to_take",
        lambda book, holder, allowance, amount: refusal(book, holder, allowance, amount - 1),
    )


def keep_the_last_unit(patch: Patch) -> None:
    refusal = commands._refusal_to_take
    patch.setattr(
        commands,
        "_refusal_to_take",
        lambda book, holder, allowance, amount: refusal(book, holder, allowance, amount + 1),
    )


def give_what_is_held(patch: Patch) -> None:
    def refusal(book: Book, holder: HolderId, allowance: Any, amount: int) -> Refusal | None:
        bucket = book.bucket(holder, allowance)
        is_enough = bucket is not None and 0 < amount <= bucket.balance
        return None if is_enough else Refusal(Code.BALANCE_NOT_ENOUGH)

    def add(book: Book, holder: HolderId, allowance: Any, amount: int) -> None:
        bucket = book.bucket(holder, allowance) or Bucket(holder, allowance)
        book.add_bucket(bucket)
        bucket.balance += amount
        bucket.held = min(bucket.held, bucket.balance)
        book._mark(bucket)

    patch.setattr(commands, "_refusal_to_take", refusal)
    patch.setattr(Book, "_add", add)


def end_a_hold_twice(patch: Patch) -> None:
    end = Book._end_hold

    def end_and_keep(book: Book, hold: Hold) -> None:
        end(book, hold)
        book.holds[hold.id] = hold
        book.ended_holds.clear()

    patch.setattr(Book, "_end_hold", end_and_keep)


def end_a_hold_by_anybody(patch: Patch) -> None:
    decide = commands.decide_release

    def release(book: Book, command: Any) -> Any:
        hold = book.holds.get(command.hold)
        if hold is None:
            return decide(book, command)
        return DONE, (ReleaseHold(id=hold.id),)

    patch.setattr(commands, "decide_release", release)
    ask = store.ask_for_book

    async def ask_for_all(connection: Any, holders: Any, *homes: Any) -> Any:
        rows = await (await connection.execute("SELECT holder FROM hold")).fetchall()
        return await ask(connection, {*holders, *(row[0] for row in rows)}, *homes)

    patch.setattr(road, "ask_for_book", ask_for_all)


def keep_the_rest_unasked(patch: Patch) -> None:
    decide = commands.decide_capture

    def capture(book: Book, command: Capture) -> Any:
        return decide(book, msgspec.structs.replace(command, keep_rest=True))

    patch.setattr(commands, "decide_capture", capture)


def capture_what_has_run_out(patch: Patch) -> None:
    patch.setattr(Book, "end_lapsed_holds", lambda book: None)


def hold_a_moment_too_long(patch: Patch) -> None:
    lapse = Book.end_lapsed_holds

    def later(book: Book) -> None:
        at, book.at = book.at, book.at - timedelta(microseconds=1)
        lapse(book)
        book.at = at

    patch.setattr(Book, "end_lapsed_holds", later)


def forget_to_lower_what_is_held_for_a_part(patch: Patch) -> None:
    capture = Book._capture

    def in_part(book: Book, transfer: Transfer, hold_id: Any) -> None:
        hold = book._open(hold_id)
        if transfer.keep_rest and transfer.amount < hold.amount:
            hold.amount -= transfer.amount
            book.changed_holds[hold.id] = hold
        else:
            capture(book, transfer, hold_id)

    patch.setattr(Book, "_capture", in_part)


def forget_to_write_what_is_left_of_a_hold(patch: Patch) -> None:
    capture = Book._capture

    def in_part(book: Book, transfer: Transfer, hold_id: Any) -> None:
        capture(book, transfer, hold_id)
        book.changed_holds.pop(hold_id, None)

    patch.setattr(Book, "_capture", in_part)


def forget_to_write_that_a_hold_has_run_out(patch: Patch) -> None:
    lapse = Book.end_lapsed_holds

    def unwritten(book: Book) -> None:
        lapse(book)
        book.changed_holds.clear()

    patch.setattr(Book, "end_lapsed_holds", unwritten)


def hide_a_new_hold_from_its_group(patch: Patch) -> None:
    open_hold = Book._open_hold

    def hidden(book: Book, opened: OpenHold) -> None:
        open_hold(book, opened)
        del book.holds[opened.id]

    patch.setattr(Book, "_open_hold", hidden)


def book_what_is_held_as_expired(patch: Patch) -> None:
    expire = expiry.expire_buckets

    def all_of_it(book: Book, command: Any) -> Any:
        for holder in command.holders:
            for bucket in book.buckets_of(holder):
                bucket.held = 0
        return expire(book, command)

    patch.setattr(road, "expire_buckets", all_of_it)


def book_as_expired_too_early(patch: Patch) -> None:
    is_over = Allowance.is_over
    patch.setattr(
        Allowance, "is_over", lambda allowance, at: is_over(allowance, at + timedelta(seconds=1))
    )


def act_again_for_the_same_key(patch: Patch) -> None:
    enter: Callable[..., Any] = Committer._enter

    def anew(committer: Any, request: Any, *rest: Any) -> Any:
        return enter(committer, msgspec.structs.replace(request, key=str(new_id())), *rest)

    patch.setattr(Committer, "_enter", anew)


def keep_another_reply_than_was_given(patch: Patch) -> None:
    patch.setattr(YuzuriRoad, "encode", lambda self, outcome: b"1")


def deliver_twice(patch: Patch) -> None:
    async def bring_over(yuzuri: Yuzuri, traveller: Traveller, left: Home) -> None:
        delivery = Deliver(
            id=traveller.id,
            allowance=traveller.allowance,
            target=traveller.target,
            amount=traveller.amount,
        )
        await yuzuri.submit(HOUSE_CLIENT, str(new_id()), delivery)
        arrived = ForgetTransit(id=traveller.id, left=left)
        await yuzuri.submit(HOUSE_CLIENT, str(new_id()), arrived)

    patch.setattr(Yuzuri, "bring_over", bring_over)


def forget_what_has_not_arrived(patch: Patch) -> None:
    async def bring_over(yuzuri: Yuzuri, traveller: Traveller, left: Home) -> None:
        arrived = ForgetTransit(id=traveller.id, left=left)
        await yuzuri.submit(HOUSE_CLIENT, f"arrived {traveller.id}", arrived)
        delivery = Deliver(
            id=traveller.id,
            allowance=traveller.allowance,
            target=traveller.target,
            amount=traveller.amount,
        )
        await yuzuri.submit(HOUSE_CLIENT, f"deliver {traveller.id}", delivery)

    patch.setattr(Yuzuri, "bring_over", bring_over)


def list_nothing_that_leaves(patch: Patch) -> None:
    apply = Book.apply

    def unlisted(book: Book, changes: Sequence[Any]) -> None:
        apply(book, [change for change in changes if not isinstance(change, EnterTransit)])

    patch.setattr(Book, "apply", unlisted)


def bring_nothing_over_in_a_sweep(patch: Patch) -> None:
    async def nothing(*_: Any) -> list[Traveller]:
        return []

    patch.setattr("yuzuri.jobs.sweeps.travellers", nothing)


def never_be_late(patch: Patch) -> None:
    patch.setattr(commands, "TRANSIT_MAX", timedelta(days=10))


def lock_homes_in_any_order(patch: Patch) -> None:
    patch.setattr(store, "sorted", lambda homes: sorted(homes, reverse=True), raising=False)


def let_any_number_wait(patch: Patch) -> None:
    begin: Callable[..., None] = Committer.__init__

    def unbounded(*given: Any, **limits: Any) -> None:
        begin(*given, **limits | {"queue_max": 10**9})

    patch.setattr(Committer, "__init__", unbounded)
    patch.setattr(test_busy, "SOON_S", 0.3)


def read_under_a_lock(patch: Patch) -> None:
    patch.setattr(store, "_READ_BUCKETS", f"{store._READ_BUCKETS} FOR SHARE OF bucket")
    patch.setattr(test_busy, "SOON_S", 0.3)


def foresee_what_was_before(patch: Patch) -> None:
    """The next group is decided on what the one that is being written will have changed."""
    foresee: Callable[..., Awaitable[Book]] = store.foresee_book

    async def stale(*asked: Any) -> Book:
        *before, after, cache = asked
        forgotten = Book(after.at, locked=after.locked, written=after.written)
        return await foresee(*before, forgotten, cache)

    patch.setattr(road, "foresee_book", stale)


# ---------------------------------------------------------------- stories

HOW: dict[str, Any] = {
    "derandomize": True,
    "database": None,
    "phases": [Phase.generate],
    "report_multiple_bugs": False,
}


@pytest.mark.parametrize(
    "plant",
    [
        lose_the_refusal_of_what_is_over,
        answer_a_refusal_as_done,
        give_one_more_than_there_is,
        keep_the_last_unit,
        give_what_is_held,
        end_a_hold_twice,
        keep_the_rest_unasked,
        capture_what_has_run_out,
        hold_a_moment_too_long,
        forget_to_lower_what_is_held_for_a_part,
        forget_to_write_what_is_left_of_a_hold,
        forget_to_write_that_a_hold_has_run_out,
        book_what_is_held_as_expired,
        book_as_expired_too_early,
        list_nothing_that_leaves,
    ],
)
def test_stories_of_the_core_find(plant: Plant, monkeypatch: Patch) -> None:
    """Those of `test_ledger_machine.py`."""
    plant(monkeypatch)
    with pytest.raises(CAUGHT):
        tell_the_core(tried(1_000, **HOW))


@pytest.mark.parametrize(
    "plant",
    [
        keep_another_reply_than_was_given,
        act_again_for_the_same_key,
    ],
)
@pytest.mark.parametrize("homes", [16])
def test_stories_on_a_database_find(
    plant: Plant, settings: Settings, database_url: str, monkeypatch: Patch
) -> None:
    """Those of `test_ledger_machine.py`."""
    plant(monkeypatch)
    with pytest.raises(CAUGHT):
        tell_the_database(settings, database_url, tried(30, steps=30, **HOW))


# ---------------------------------------------------------------- groups


def test_groups_in_one_book_find_a_hold_that_its_group_does_not_see(monkeypatch: Patch) -> None:
    """That of `test_groups.py`."""
    hide_a_new_hold_from_its_group(monkeypatch)
    with pytest.raises(CAUGHT):
        test_groups.tell_cores(16, tried(500, **HOW))


@pytest.mark.parametrize("plant", [foresee_what_was_before, hide_a_new_hold_from_its_group])
@pytest.mark.parametrize("homes", [1])
def test_groups_on_a_database_find(
    plant: Plant, settings: Settings, database_url: str, twin_url: str, monkeypatch: Patch
) -> None:
    """That of `test_groups.py`."""
    plant(monkeypatch)
    with pytest.raises(CAUGHT):
        test_groups.tell_twins(settings, [database_url, twin_url], tried(60, **HOW))


# ---------------------------------------------------------------- single tests

Check = Callable[[LedgerWorld, Patch], Awaitable[None]]


def on(make: Callable[[LedgerWorld], Awaitable[Any]], test: Any, *given: Any) -> Check:
    async def check(ledger: LedgerWorld, patch: Patch) -> None:
        await test(await make(ledger), *given)

    return check


def between(test: Any, *given: Any) -> Check:
    async def check(ledger: LedgerWorld, patch: Patch) -> None:
        journey = await new_journey(ledger)
        async with another(ledger) as other:
            await test(journey, other, *given)

    return check


async def survives_a_crash(ledger: LedgerWorld, patch: Patch) -> None:
    test = test_transit.test_a_crash_after_any_step_of_bringing_it_over_loses_and_doubles_nothing
    await between(test, patch, 1)(ledger, patch)


async def locks_in_order(ledger: LedgerWorld, patch: Patch) -> None:
    await test_busy.test_whoever_waits_for_a_home_has_none_that_comes_after_it(ledger)


HOLDS, JUMPS, TRANSIT, BUSY = test_holds, test_clock_jumps, test_transit, test_busy
over_time = JUMPS.test_what_is_over_where_the_clock_has_jumped
ALL_DONE, ALL_ENDED, DAY_OVER = (DONE_,) * 3, (ENDED,) * 3, (OVER, DONE_, DONE_)

CHECKS: list[tuple[Plant, Check]] = [
    (
        lose_the_refusal_of_what_is_over,
        on(new_owned, over_time, [24 * HOUR], DAY_OVER, ALL_ENDED, DAY_OVER),
    ),
    (
        give_one_more_than_there_is,
        on(new_owner, HOLDS.test_many_holds_stand_on_one_bucket_up_to_the_last_unit),
    ),
    (
        keep_the_last_unit,
        on(new_pair, BUSY.test_a_thousand_at_one_holder_are_all_answered_up_to_the_last_unit),
    ),
    (give_what_is_held, on(new_owner, HOLDS.test_what_is_held_cannot_be_moved_away)),
    (end_a_hold_twice, on(new_owner, HOLDS.test_a_hold_ends_once, ENDS["released"])),
    (end_a_hold_by_anybody, on(new_owner, HOLDS.test_a_hold_is_nobody_elses_to_end)),
    (
        keep_the_rest_unasked,
        on(
            new_owner,
            HOLDS.test_a_capture_takes_what_it_asks_and_keeps_the_rest_only_if_asked,
            100, False, (900, 0),
        ),
    ),
    (capture_what_has_run_out, on(new_owner, HOLDS.test_a_hold_ends_once, ENDS["run out"])),
    (hold_a_moment_too_long, on(new_owned, over_time, [HOUR], ALL_DONE, ALL_ENDED, ALL_DONE)),
    (
        forget_to_lower_what_is_held_for_a_part,
        on(new_owner, HOLDS.test_a_hold_is_captured_in_parts_until_nothing_is_left),
    ),
    (
        forget_to_write_what_is_left_of_a_hold,
        on(new_owner, HOLDS.test_a_hold_is_captured_in_parts_until_nothing_is_left),
    ),
    (
        forget_to_write_that_a_hold_has_run_out,
        on(
            new_owned,
            JUMPS.test_what_was_written_down_as_run_out_stays_so_when_the_clock_goes_back,
        ),
    ),
    (
        book_what_is_held_as_expired,
        on(new_owned, JUMPS.test_what_is_held_is_booked_when_its_hold_has_run_out_and_not_before),
    ),
    (
        book_as_expired_too_early,
        on(new_owned, JUMPS.test_a_sweep_at_the_months_end_books_all_that_ends_and_nothing_else),
    ),
    (
        act_again_for_the_same_key,
        on(new_owned, JUMPS.test_the_same_key_is_answered_the_same_whenever_it_is, HOUR),
    ),
    (
        act_again_for_the_same_key,
        on(new_pair, BUSY.test_one_key_sent_200_times_at_once_acts_once),
    ),
    (
        keep_another_reply_than_was_given,
        on(new_owned, JUMPS.test_the_same_key_is_answered_the_same_whenever_it_is, HOUR),
    ),
    (
        deliver_twice,
        on(new_journey, TRANSIT.test_what_is_brought_over_again_arrives_once),
    ),
    (
        deliver_twice,
        between(TRANSIT.test_two_workers_that_finish_it_at_once_do_it_once),
    ),
    (forget_what_has_not_arrived, survives_a_crash),
    (
        list_nothing_that_leaves,
        on(new_journey, TRANSIT.test_what_is_brought_over_again_arrives_once),
    ),
    (
        bring_nothing_over_in_a_sweep,
        between(
            TRANSIT.test_what_a_crash_leaves_on_its_way_another_worker_finishes_before_its_deadline
        ),
    ),
    (never_be_late, on(new_journey, TRANSIT.test_what_is_late_is_named_until_it_has_arrived)),
    (lock_homes_in_any_order, locks_in_order),
    (
        let_any_number_wait,
        on(
            new_pair,
            BUSY.test_who_comes_when_the_queue_is_full_is_told_so_and_nothing_of_it_is_kept,
        ),
    ),
    (
        read_under_a_lock,
        on(new_pair, BUSY.test_reads_do_not_wait_for_a_home_that_a_long_transaction_has),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("plant", "check"), CHECKS)
@pytest.mark.parametrize("homes", [16])
async def test_a_test_of_its_own_finds(
    plant: Plant, check: Check, settings: Settings, monkeypatch: Patch
) -> None:
    async def planted() -> None:
        async with (
            open_database(settings, migrating=False) as database,
            open_ledger(settings, database) as ledger,
        ):
            with monkeypatch.context() as patch:
                plant(patch)
                await check(ledger, patch)

    with pytest.raises(CAUGHT):
        await planted()
