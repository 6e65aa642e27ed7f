"""Bugs that are planted on purpose into charging: each is caught by a test that is named here."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import Phase
from hypothesis.errors import Flaky
from msgspec.structs import replace
from psycopg import AsyncConnection
from tests.charging import test_edges, test_on_database
from tests.charging.test_charging_machine import tell_networks
from tests.charging.test_groups import ONE_HOME, tell_ways
from tests.ledger.stories import tried
from tests.model.world import World
from tests.unit.charging import test_decisions

from yuzuri.charging import charging_decisions as decisions
from yuzuri.charging import charging_store
from yuzuri.charging.charging_facts import ChargingFacts
from yuzuri.charging.rating import usable_until
from yuzuri.charging.sessions import Usage
from yuzuri.db import Connection
from yuzuri.ledger.allowances import Allowance
from yuzuri.ledger.book import BookError
from yuzuri.runtime import road
from yuzuri.settings import Settings
from yuzuri.sharing.pools import Member

Patch = pytest.MonkeyPatch
Plant = Callable[[Patch], None]

CAUGHT = (AssertionError, BookError)
"""By a comparison, or by the book."""

Meter = decisions._Meter


# ---------------------------------------------------------------- what is counted


def count_a_number_twice(patch: Patch) -> None:
    patch.setattr(decisions, "_is_new", lambda quota, session, sequence: True)


def believe_numbers_that_stand_still(patch: Patch) -> None:
    is_new = decisions._is_new

    def strict(quota: Any, session: Any, sequence: int) -> bool:
        is_again = sequence == quota.sequence and bool(quota.seen & 1)
        quota.seen |= 1
        return is_new(quota, session, sequence) and not is_again

    patch.setattr(decisions, "_is_new", strict)


def refuse_whatever_comes_late(patch: Patch) -> None:
    is_new = decisions._is_new

    def in_order(quota: Any, session: Any, sequence: int) -> bool:
        is_late = 0 < sequence < quota.sequence and quota.sequence > session.first_sequence
        return not is_late and is_new(quota, session, sequence)

    patch.setattr(decisions, "_is_new", in_order)


def count_zero_as_a_number(patch: Patch) -> None:
    is_new = decisions._is_new
    patch.setattr(
        decisions, "_is_new", lambda quota, session, number: is_new(quota, session, number or 1)
    )


def forget_what_is_unpaid(patch: Patch) -> None:
    pay = Meter.pay_beyond

    def forgetful(meter: Any, *asked: Any) -> None:
        before = meter.quota.unpaid
        pay(meter, *asked)
        meter.quota.unpaid = before

    patch.setattr(Meter, "pay_beyond", forgetful)


def pay_only_from_what_is_set_aside(patch: Patch) -> None:
    def beyond(meter: Any, amount: int, *_: Any) -> None:
        meter.quota.overrun += amount
        meter.quota.unpaid += amount

    patch.setattr(Meter, "pay_beyond", beyond)


# ---------------------------------------------------------------- what is set aside


def settle_nothing_that_has_run_out(patch: Patch) -> None:
    patch.setattr(Meter, "_settle_lapsed", lambda meter: None)


def give_nothing_back_at_the_end(patch: Patch) -> None:
    patch.setattr(Meter, "stop", lambda meter: meter.finish())


def return_it_and_hold_it(patch: Patch) -> None:
    def give_back(meter: Any) -> int:
        freed: int = sum(hold.amount for hold in meter._aside)
        meter.quota.returned += freed
        return freed

    patch.setattr(Meter, "give_back", give_back)


def forget_what_this_group_has_set_aside(patch: Patch) -> None:
    begin = Meter.__init__

    def forgetful(meter: Any, facts: Any, session: Any, quota: Any) -> None:
        holds = facts.book.holds_by_cause.pop(quota.id, []) if quota.is_new else []
        begin(meter, facts, session, quota)
        facts.book.holds_by_cause.setdefault(quota.id, []).extend(holds)

    patch.setattr(Meter, "__init__", forgetful)


def end_holds_with_the_validity(patch: Patch) -> None:
    patch.setattr(decisions, "_HOLD_LIFE", timedelta(minutes=30))


def never_prolong_a_hold(patch: Patch) -> None:
    patch.setattr(decisions, "_REPORT_DELAY", timedelta(minutes=-30))


def hold_for_ever(patch: Patch) -> None:
    patch.setattr(decisions, "_HOLD_LIFE", timedelta(days=1))


# ---------------------------------------------------------------- who pays


def pay_in_the_order_of_gifts(patch: Patch) -> None:
    """What is usable all day before what is for the night."""

    def order(allowance: Allowance) -> tuple[Any, ...]:
        usual = paying_order(allowance)
        return (*usual[:2], not usual[2], *usual[3:])

    paying_order = decisions._paying_order
    patch.setattr(decisions, "_paying_order", order)


def pay_from_what_lasts_longest(patch: Patch) -> None:
    def order(allowance: Allowance) -> tuple[Any, ...]:
        ends = allowance.expires_at
        return (-ends.timestamp() if ends else float("-inf"), allowance.issued_at, allowance.id)

    patch.setattr(decisions, "_paying_order", order)


def always_pay_from_the_own_first(patch: Patch) -> None:
    with_member(patch, pool_first=False)


def draw_on_a_pool_while_paused(patch: Patch) -> None:
    with_member(patch, is_paused=False)


def with_member(patch: Patch, **terms: bool) -> None:
    begin = Meter.__init__

    def other(meter: Any, facts: Any, session: Any, quota: Any) -> None:
        member = facts.pools.members.get(session.line)
        meter.planted = None if member is None else member.allotment
        if member is not None:
            member.allotment = replace(member.allotment, **terms)
        begin(meter, facts, session, quota)

    finish = Meter.finish

    def restored(meter: Any) -> None:
        finish(meter)
        if meter.planted is not None:
            meter._member.allotment = meter.planted

    patch.setattr(Meter, "__init__", other)
    patch.setattr(Meter, "finish", restored)


def pay_by_when_it_is_told(patch: Patch) -> None:
    """At the instant of the report, not of the use."""
    pay = Meter.pay

    def late(meter: Any, usage: Usage) -> None:
        pay(meter, replace(usage, since=meter._book.at, until=meter._book.at))

    patch.setattr(Meter, "pay", late)


def take_the_edge_for_the_next_window(patch: Patch) -> None:
    patch.setattr(decisions, "last_instant", lambda since, until: until)


def take_the_first_instant_for_the_last_window(patch: Patch) -> None:
    moment = timedelta(microseconds=1)
    patch.setattr(decisions, "last_instant", lambda since, until: until - moment)


def forget_where_the_phone_went(patch: Patch) -> None:
    update = decisions._update

    def at_home(facts: ChargingFacts, session: Any, command: Any) -> Any:
        outcome = update(facts, session, command)
        session.country = "JP"
        return outcome

    patch.setattr(decisions, "_update", at_home)


def pay_for_the_way_with_where_it_led(patch: Patch) -> None:
    """What was used before a border is paid as if it were used behind it."""
    update = decisions._update

    def ahead(facts: ChargingFacts, session: Any, command: Any) -> Any:
        session.country = command.country or session.country
        return update(facts, session, command)

    patch.setattr(decisions, "_update", ahead)


# ---------------------------------------------------------------- windows


def grant_over_the_end_of_the_night(patch: Patch) -> None:
    patch.setattr(decisions, "usable_until", lambda allowance, at: allowance.expires_at)


def grant_over_the_end_of_an_allowance(patch: Patch) -> None:
    until = usable_until

    def only_hours(allowance: Allowance, at: datetime) -> datetime | None:
        return until(allowance, at) if allowance.hours is not None else None

    patch.setattr(decisions, "usable_until", only_hours)


def wake_nobody(patch: Patch) -> None:
    patch.setattr(Meter, "_opens_next", lambda meter: None)


def call_the_last_byte_not_final(patch: Patch) -> None:
    grant = Meter.grant

    def never_final(meter: Any, wanted: int) -> Any:
        answer = grant(meter, wanted)
        return answer.__class__(*(getattr(answer, n) for n in answer.__struct_fields__[:-1]))

    patch.setattr(Meter, "grant", never_final)


def grant_more_than_31_bits_count(patch: Patch) -> None:
    patch.setattr(decisions, "GRANT_MAX", 2**31)


# ---------------------------------------------------------------- pools


def forget_what_a_member_takes(patch: Patch) -> None:
    patch.setattr(Member, "take", lambda member, *_: None)


def give_a_member_no_room_back(patch: Patch) -> None:
    patch.setattr(Member, "give_back", lambda member, *_: None)


def give_room_back_on_any_day(patch: Patch) -> None:
    give_back = Member.give_back

    def today(member: Member, unit: Any, amount: int, taken_at: Any, zone: Any) -> None:
        give_back(member, unit, amount, datetime.max.replace(tzinfo=zone), zone)

    patch.setattr(Member, "give_back", today)


def let_a_member_take_one_more(patch: Patch) -> None:
    may_take = Member.may_take

    def more(member: Member, *asked: Any) -> int | None:
        room = may_take(member, *asked)
        return room + 1 if room else room

    patch.setattr(Member, "may_take", more)


def let_overruns_pass_the_cap(patch: Patch) -> None:
    pay = Meter.pay_beyond

    def uncapped(meter: Any, *asked: Any) -> None:
        with patch.context() as inner:
            inner.setattr(Member, "may_take", lambda member, *_: None)
            pay(meter, *asked)

    patch.setattr(Meter, "pay_beyond", uncapped)


# ---------------------------------------------------------------- what is told


def count_what_a_pool_pays(patch: Patch) -> None:
    use = Meter._use

    def both(meter: Any, holder: Any, allowance: Any, amount: int, hold: Any) -> None:
        use(meter, holder, allowance, amount, hold)
        if holder != meter._session.line:
            meter._used_own += amount

    patch.setattr(Meter, "_use", both)


# ---------------------------------------------------------------- rows and groups


def foresee_sessions_as_they_were(patch: Patch) -> None:
    patch.setattr(road, "foresee_charging", lambda *_: None)


def foresee_without_the_pools_of_those_who_left(patch: Patch) -> None:
    patch.setattr(
        ChargingFacts,
        "payers",
        lambda facts, lines: {m.pool for m in facts.pools.members.values()},
    )


def forget_to_write_what_members_took(patch: Patch) -> None:
    patch.setattr(charging_store, "write_members", write_nothing)


async def write_nothing(*_: Any) -> None:
    """Leave the rows as they are."""


def ask_nobody_who_waits(patch: Patch) -> None:
    patch.setattr(road, "ask_waiting", write_nothing)


def ask_everybody_who_runs(patch: Patch) -> None:
    patch.setattr(road, "ask_waiting", charging_store.ask_running)


def tell_no_change_of_rights(patch: Patch) -> None:
    patch.setattr(road, "ask_running", write_nothing)


def ask_in_a_transaction_of_its_own(patch: Patch) -> None:
    async def apart(connection: Connection, lines: Any, at: datetime) -> None:
        info = connection.info
        async with await AsyncConnection.connect(info.dsn, password=info.password) as other:
            await other.execute("SET search_path = yuzuri")
            await charging_store.ask_running(other, lines, at)

    patch.setattr(road, "ask_waiting", apart)


def put_off_what_is_due(patch: Patch) -> None:
    asked = charging_store._ASK_SESSIONS
    least = "least(reauthorization.due_at, excluded.due_at)"
    assert least in asked
    patch.setattr(charging_store, "_ASK_SESSIONS", asked.replace(least, "excluded.due_at"))


# ---------------------------------------------------------------- stories

HOW: dict[str, Any] = {
    "derandomize": True,
    "database": None,
    "phases": [Phase.generate],
    "report_multiple_bugs": False,
}

PLANTS: list[Plant] = [
    count_a_number_twice,
    believe_numbers_that_stand_still,
    count_zero_as_a_number,
    forget_what_is_unpaid,
    pay_only_from_what_is_set_aside,
    settle_nothing_that_has_run_out,
    give_nothing_back_at_the_end,
    return_it_and_hold_it,
    forget_what_this_group_has_set_aside,
    end_holds_with_the_validity,
    pay_in_the_order_of_gifts,
    pay_from_what_lasts_longest,
    always_pay_from_the_own_first,
    pay_by_when_it_is_told,
    take_the_first_instant_for_the_last_window,
    forget_where_the_phone_went,
    pay_for_the_way_with_where_it_led,
    wake_nobody,
    call_the_last_byte_not_final,
    forget_what_a_member_takes,
    give_a_member_no_room_back,
    let_a_member_take_one_more,
    count_what_a_pool_pays,
]


@pytest.mark.parametrize("plant", PLANTS)
def test_stories_of_a_network_find(plant: Plant, monkeypatch: Patch) -> None:
    """That of `test_charging_machine.py`."""
    plant(monkeypatch)
    with pytest.raises(CAUGHT):
        tell_networks(tried(600, **HOW))


# ---------------------------------------------------------------- single tests

Check = Callable[[], None]
EDGES, SINGLE = test_edges, test_decisions

CHECKS: list[tuple[Plant, Check]] = [
    (refuse_whatever_comes_late, SINGLE.test_what_comes_late_counts_once),
    (count_a_number_twice, SINGLE.test_what_comes_late_counts_once),
    (
        draw_on_a_pool_while_paused,
        EDGES.test_who_is_paused_may_use_what_was_granted_and_gets_no_more,
    ),
    (grant_over_the_end_of_the_night, EDGES.test_a_grant_of_both_ends_with_the_night),
    (
        grant_over_the_end_of_an_allowance,
        partial(EDGES.test_a_grant_ends_with_the_month, "11-30 23:59:30", 50_000_000, 30),
    ),
    (give_room_back_on_any_day, EDGES.test_a_cap_of_a_day_is_that_of_the_operators_day),
    (
        never_prolong_a_hold,
        partial(EDGES.test_what_is_set_aside_outlasts_its_grant_by_ten_minutes_or_more, 45),
    ),
    (
        hold_for_ever,
        partial(EDGES.test_what_is_set_aside_outlasts_its_grant_by_ten_minutes_or_more, 1),
    ),
    (
        take_the_edge_for_the_next_window,
        partial(
            EDGES.test_use_is_paid_by_what_may_pay_when_it_ended,
            "05:50", "05:51", "06:00:00", "06:00:00", "night",
        ),
    ),
    (let_overruns_pass_the_cap, EDGES.test_what_goes_beyond_a_grant_does_not_go_beyond_the_cap),
    (
        forget_where_the_phone_went,
        EDGES.test_use_before_a_border_is_paid_by_home_data_and_behind_it_by_travel_data,
    ),
    (call_the_last_byte_not_final, SINGLE.test_the_last_byte_is_final_and_one_before_it_is_not),
    (
        grant_more_than_31_bits_count,
        partial(SINGLE.test_a_grant_is_below_two_gibibytes, 2**40),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("plant", "check"), CHECKS)
def test_a_test_of_its_own_finds(plant: Plant, check: Check, monkeypatch: Patch) -> None:
    check()
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        check()


# ---------------------------------------------------------------- on a database


@pytest.mark.parametrize(
    "plant",
    [
        foresee_sessions_as_they_were,
        foresee_without_the_pools_of_those_who_left,
        forget_to_write_what_members_took,
        forget_what_this_group_has_set_aside,
    ],
)
@pytest.mark.parametrize("homes", [1])
def test_groups_on_a_database_find(
    plant: Plant, settings: Settings, database_url: str, monkeypatch: Patch
) -> None:
    """That of `test_groups.py`."""
    plant(monkeypatch)
    with pytest.raises((*CAUGHT, Flaky)):
        tell_ways(settings, database_url, *ONE_HOME, tried(150, **HOW))


DATABASE = test_on_database
DRY = DATABASE.test_a_dry_line_is_asked_about_in_the_same_transaction
ENOUGH = DATABASE.test_nobody_is_asked_where_nothing_waits
RIGHTS = DATABASE.test_a_change_of_rights_is_told_of_every_session_that_runs_and_of_no_other
CAP = DATABASE.test_a_member_is_stopped_at_its_cap_and_nobody_else_is
WOKEN = DATABASE.test_who_is_dry_is_asked_about_when_the_night_begins_or_before_if_something_comes


@pytest.mark.parametrize(
    ("plant", "check"),
    [
        (ask_nobody_who_waits, partial(DRY, happens=DATABASE.a_gift_is_accepted)),
        (ask_nobody_who_waits, partial(DRY, happens=DATABASE.a_top_up_is_bought)),
        (ask_nobody_who_waits, partial(DRY, happens=DATABASE.the_pool_is_filled)),
        (ask_everybody_who_runs, partial(ENOUGH, happens=DATABASE.a_top_up_is_bought)),
        (ask_in_a_transaction_of_its_own, partial(DRY, happens=DATABASE.a_top_up_is_bought)),
        (tell_no_change_of_rights, partial(RIGHTS, happens=DATABASE.a_member_is_paused)),
        (tell_no_change_of_rights, partial(RIGHTS, happens=DATABASE.a_member_is_removed)),
        (put_off_what_is_due, WOKEN),
        (forget_what_a_member_takes, CAP),
        (forget_to_write_what_members_took, CAP),
    ],
)
@pytest.mark.parametrize("homes", [16])
async def test_a_test_on_a_database_finds(
    plant: Plant, check: Callable[..., Awaitable[None]], world: World, monkeypatch: Patch
) -> None:
    with monkeypatch.context() as patch:
        plant(patch)
        with pytest.raises(AssertionError):
            await check(world)
