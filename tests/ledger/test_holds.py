"""Holds through the committer: part and whole, run out, ended once, many on one bucket."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.ledger.ledger_machine import Asked
from tests.ledger.world import USED, LedgerWorld, asked, move
from tests.model.world import ISSUED

from yuzuri.kernel.errors import Code, Refusal
from yuzuri.kernel.ids import AllowanceId, HolderId, HoldId, Id, new_id
from yuzuri.ledger.changes import HOUSE, House
from yuzuri.ledger.commands import DONE, Capture, Release, Reserve
from yuzuri.ledger.expiry import ExpireBuckets, Expired
from yuzuri.runtime.replies import Outcome

HOUR = timedelta(hours=1)
CAUSE = Id(bytes(15) + b"c")


class Owner:
    """One holder with one bucket, and the commands that are about it."""

    def __init__(self, ledger: LedgerWorld, holder: HolderId, allowance: AllowanceId) -> None:
        self.ledger = ledger
        self.holder = holder
        self.allowance = allowance

    def reserve(self, amount: int, hold: HoldId | None = None, lasts: timedelta = HOUR) -> Reserve:
        return Reserve(
            id=hold or HoldId(new_id()),
            holder=self.holder,
            allowance=self.allowance,
            amount=amount,
            cause=CAUSE,
            expires_at=self.ledger.clock.now + lasts,
        )

    def capture(self, hold: HoldId, amount: int, *, keep_rest: bool = False) -> Capture:
        return Capture(
            hold=hold, holder=self.holder, target=USED, amount=amount, keep_rest=keep_rest
        )

    def release(self, hold: HoldId) -> Release:
        return Release(hold=hold, holder=self.holder)

    async def held(self, amount: int, lasts: timedelta = HOUR) -> HoldId:
        reserve = self.reserve(amount, lasts=lasts)
        assert await self.ledger.ask(reserve) is DONE
        return reserve.id

    async def has(self) -> tuple[int, int] | None:
        return await self.ledger.has(self.holder, self.allowance)


async def new_owner(ledger: LedgerWorld) -> Owner:
    (holder,) = await ledger.new_holders([7])
    return Owner(ledger, holder, await ledger.issue(holder))


@pytest.fixture
async def owner(ledger: LedgerWorld) -> Owner:
    return await new_owner(ledger)


def code(outcome: Outcome) -> Code:
    assert isinstance(outcome, Refusal), outcome
    return outcome.code


async def test_many_holds_stand_on_one_bucket_up_to_the_last_unit(owner: Owner) -> None:
    for _ in range(9):
        await owner.held(100)
    assert await owner.has() == (ISSUED, 900)
    assert code(await owner.ledger.ask(owner.reserve(101))) is Code.BALANCE_NOT_ENOUGH
    assert await owner.ledger.ask(owner.reserve(100)) is DONE
    assert code(await owner.ledger.ask(owner.reserve(1))) is Code.BALANCE_NOT_ENOUGH
    assert await owner.has() == (ISSUED, ISSUED)


async def test_what_is_held_cannot_be_moved_away(owner: Owner) -> None:
    (other,) = await owner.ledger.new_holders([7])
    await owner.held(600)
    too_much = move(owner.allowance, owner.holder, other, 401)
    assert code(await owner.ledger.ask(too_much)) is Code.BALANCE_NOT_ENOUGH
    assert await owner.ledger.ask(move(owner.allowance, owner.holder, other, 400)) is DONE
    assert await owner.has() == (600, 600)


@pytest.mark.parametrize(
    ("amount", "keep_rest", "left"),
    [
        (300, False, (700, 0)),
        (100, False, (900, 0)),
        (100, True, (900, 200)),
        (300, True, (700, 0)),
    ],
)
async def test_a_capture_takes_what_it_asks_and_keeps_the_rest_only_if_asked(
    owner: Owner, amount: int, keep_rest: bool, left: tuple[int, int]
) -> None:
    hold = await owner.held(300)
    assert await owner.ledger.ask(owner.capture(hold, amount, keep_rest=keep_rest)) is DONE
    assert await owner.has() == left


async def test_a_hold_is_captured_in_parts_until_nothing_is_left(owner: Owner) -> None:
    hold = await owner.held(300)
    for left in (200, 100):
        assert await owner.ledger.ask(owner.capture(hold, 100, keep_rest=True)) is DONE
        assert await owner.has() == (700 + left, left)
    assert code(await owner.ledger.ask(owner.capture(hold, 101))) is Code.HOLD_TOO_SMALL
    assert await owner.ledger.ask(owner.capture(hold, 100, keep_rest=True)) is DONE
    assert await owner.has() == (700, 0)
    assert code(await owner.ledger.ask(owner.capture(hold, 1))) is Code.HOLD_ENDED


ENDS: dict[str, Callable[[Owner, HoldId], Asked | None]] = {
    "captured": lambda owner, hold: owner.capture(hold, 300),
    "released": lambda owner, hold: owner.release(hold),
    "run out": lambda owner, hold: None,
}


@pytest.mark.parametrize("end", ENDS.values(), ids=list(ENDS))
async def test_a_hold_ends_once(owner: Owner, end: Callable[[Owner, HoldId], Asked | None]) -> None:
    hold = await owner.held(300)
    await owner.held(50, lasts=10 * HOUR)
    ended = end(owner, hold)
    if ended is None:
        owner.ledger.clock.move(HOUR)
        left = ISSUED
    else:
        assert await owner.ledger.ask(ended) is DONE
        left = (await owner.has() or (0, 0))[0]
    for command in (owner.capture(hold, 1), owner.release(hold), owner.capture(hold, 300)):
        assert code(await owner.ledger.ask(command)) is Code.HOLD_ENDED
    assert await owner.has() == (left, 50)


@pytest.mark.parametrize("together", [False, True], ids=["one by one", "as a group"])
@pytest.mark.parametrize("end", ENDS.values(), ids=list(ENDS))
async def test_the_name_of_a_hold_that_has_ended_may_be_used_again(
    owner: Owner, end: Callable[[Owner, HoldId], Asked | None], together: bool
) -> None:
    hold = await owner.held(300)
    first = end(owner, hold)
    if first is None:
        owner.ledger.clock.move(HOUR)
        first = ExpireBuckets((owner.holder,))
    commands = [
        first, owner.reserve(10, hold), owner.release(hold), owner.reserve(20, hold),
        owner.capture(hold, 5, keep_rest=True),
    ]  # fmt: skip
    if together:
        outcomes = await owner.ledger.yuzuri.post([asked(command) for command in commands])
    else:
        outcomes = [await owner.ledger.ask(command) for command in commands]
    assert outcomes[1:] == [DONE] * 4
    assert [hold[2] for hold in (await owner.ledger.kept()).holds.values()] == [15]
    assert (await owner.has() or (0, 0))[1] == 15


async def test_a_hold_is_nobody_elses_to_end(owner: Owner) -> None:
    (thief,) = await owner.ledger.new_holders([7])
    hold = await owner.held(300)
    capture = Capture(hold=hold, holder=thief, target=USED, amount=1)
    assert code(await owner.ledger.ask(capture)) is Code.HOLD_ENDED
    assert code(await owner.ledger.ask(Release(hold=hold, holder=thief))) is Code.HOLD_ENDED
    assert await owner.has() == (ISSUED, 300)


async def test_a_hold_cannot_outlive_its_allowance(ledger: LedgerWorld) -> None:
    (holder,) = await ledger.new_holders([7])
    owner = Owner(ledger, holder, await ledger.issue(holder, "day"))
    hold = await owner.held(300, lasts=timedelta(days=60))
    ledger.clock.move(timedelta(days=1))
    assert code(await ledger.ask(owner.capture(hold, 1))) is Code.ALLOWANCE_EXPIRED
    assert await ledger.ask(ExpireBuckets((holder,))) == Expired(0)  # it is held
    assert await ledger.ask(owner.release(hold)) is DONE
    assert await ledger.ask(ExpireBuckets((holder,))) == Expired(1)
    assert await owner.has() is None


async def test_what_is_held_waits_for_its_hold_to_run_out_before_it_is_booked(
    ledger: LedgerWorld,
) -> None:
    (holder,) = await ledger.new_holders([7])
    owner = Owner(ledger, holder, await ledger.issue(holder, "day"))
    await owner.held(1, lasts=timedelta(days=2))
    ledger.clock.move(timedelta(days=1))
    assert await ledger.ask(ExpireBuckets((holder,))) == Expired(0)
    assert await owner.has() == (ISSUED, 1)
    ledger.clock.move(timedelta(days=1))
    assert await ledger.ask(ExpireBuckets((holder,))) == Expired(1)
    assert await owner.has() is None


REFUSED: dict[str, tuple[Callable[[Owner, HoldId], Asked], Code]] = {
    "nothing reserved": (lambda o, h: o.reserve(0), Code.AMOUNT_NOT_POSITIVE),
    "less than nothing reserved": (lambda o, h: o.reserve(-1), Code.AMOUNT_NOT_POSITIVE),
    "reserved until now": (lambda o, h: o.reserve(1, lasts=timedelta(0)), Code.HOLD_ENDED),
    "reserved by the name of an open hold": (lambda o, h: o.reserve(1, h), Code.KEY_REUSED),
    "nothing captured": (lambda o, h: o.capture(h, 0), Code.AMOUNT_NOT_POSITIVE),
    "too much captured": (lambda o, h: o.capture(h, 301), Code.HOLD_TOO_SMALL),
    "captured to itself": (
        lambda o, h: Capture(hold=h, holder=o.holder, target=o.holder, amount=1),
        Code.TRANSFER_TO_ITSELF,
    ),
    "an unknown hold captured": (
        lambda o, h: o.capture(HoldId(new_id()), 1),
        Code.HOLD_ENDED,
    ),
    "an unknown hold released": (lambda o, h: o.release(HoldId(new_id())), Code.HOLD_ENDED),
    "moved to oneself": (
        lambda o, h: move(o.allowance, o.holder, o.holder, 1),
        Code.TRANSFER_TO_ITSELF,
    ),
    "nothing moved": (lambda o, h: move(o.allowance, o.holder, USED, 0), Code.AMOUNT_NOT_POSITIVE),
    "moved what nobody has": (
        lambda o, h: move(AllowanceId(new_id()), o.holder, USED, 1),
        Code.ALLOWANCE_UNKNOWN,
    ),
}


@pytest.mark.parametrize(("command", "refused"), REFUSED.values(), ids=list(REFUSED))
async def test_refused_is(
    owner: Owner, command: Callable[[Owner, HoldId], Asked], refused: Code
) -> None:
    hold = await owner.held(300)
    before = await owner.ledger.kept()
    assert code(await owner.ledger.ask(command(owner, hold))) is refused
    assert await owner.ledger.kept() == before


@pytest.mark.parametrize("house", [house for house in House if house is not House.USED])
async def test_what_the_ledger_alone_accounts_for_cannot_be_given_to(
    owner: Owner, house: House
) -> None:
    hold = await owner.held(300)
    target = HOUSE[house]
    capture = Capture(hold=hold, holder=owner.holder, target=target, amount=1)
    for command in (move(owner.allowance, owner.holder, target, 1), capture):
        assert code(await owner.ledger.ask(command)) is Code.HOLDER_UNKNOWN
    assert await owner.has() == (ISSUED, 300)
