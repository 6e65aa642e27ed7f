"""A message becomes the command that it means, under a name that a repeat of it has too."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from tests import smf
from tests.ids import numbered
from tests.smf import DATA, MESSAGES, OWN_PAGES, UNKNOWN, VOICE, Body, at, message, usage, used

from yuzuri.api.nchf.exchange import (
    EVENT_MAX,
    WANTED_MAX,
    country_of,
    events_in,
    name_message,
    name_session,
    used_in,
    wanted_in,
)
from yuzuri.api.nchf.problems import NotServed
from yuzuri.api.nchf.wire import ChargingDataRequest, decode_request
from yuzuri.charging.rating import read_rating_table
from yuzuri.charging.sessions import ChargeEvent, Usage, Wanted
from yuzuri.kernel.ids import HolderId, Home, SessionId, home_of

TABLE = read_rating_table()
LINE = HolderId(numbered(7, Home(3)))
SESSION = SessionId(numbered(8, Home(3)))


def read(body: Body) -> ChargingDataRequest:
    return decode_request(msgspec.json.encode(body))


def reported(*parts: Body, **more: Any) -> tuple[Usage, ...]:
    return used_in(read(message(0, *parts, **more)), TABLE)


def wanted(*parts: Body) -> tuple[Wanted, ...]:
    return wanted_in(read(message(0, *parts)), TABLE)


def name(body: Body, what: str = "update") -> str:
    asked = read(body)
    return name_message(asked, SESSION, what, used_in(asked, TABLE))


# ---------------------------------------------------------------- which field counts


@pytest.mark.parametrize(
    ("group", "counted", "amount"),
    [
        (DATA, {"totalVolume": 5, "uplinkVolume": 1, "downlinkVolume": 1, "time": 9}, 5),
        (DATA, {"uplinkVolume": 2, "downlinkVolume": 3}, 5),
        (DATA, {"uplinkVolume": 2}, 2),
        (DATA, {"downlinkVolume": 3}, 3),
        (DATA, {"totalVolume": 0}, 0),
        (OWN_PAGES, {"totalVolume": 5}, 5),
        (VOICE, {"time": 61, "totalVolume": 4_000}, 61),
        (MESSAGES, {"serviceSpecificUnits": 2, "time": 3}, 2),
    ],
)
def test_the_unit_of_the_rating_group_decides_which_field_counts(
    group: int, counted: Body, amount: int
) -> None:
    (one,) = reported(usage(group, used(**counted)))
    assert (one.rating_group, one.amount) == (group, amount)
    assert wanted(usage(group, wants=counted)) == (Wanted(group, amount),)


@pytest.mark.parametrize(
    "part",
    [
        usage(DATA, used(time=60)),
        usage(VOICE, used(5)),
        usage(DATA, used()),
        usage(UNKNOWN, used(5)),
        usage(DATA, used(5, quotaManagementIndicator="OFFLINE_CHARGING")),
        usage(DATA, used(5, quotaManagementIndicator="QUOTA_MANAGEMENT_SUSPENDED")),
        usage(DATA),
    ],
    ids=["other unit", "bytes of a call", "empty", "no rate", "offline", "suspended", "nothing"],
)
def test_what_counts_nothing_under_a_quota_is_no_report(part: Body) -> None:
    assert reported(part) == ()


def test_several_containers_are_several_reports() -> None:
    first, second = used(3, triggerTimestamp=at(1)), used(4, triggerTimestamp=at(2))
    assert [(one.amount, one.until.second) for one in reported(usage(DATA, first, second))] == [
        (3, 1),
        (4, 2),
    ]


# ---------------------------------------------------------------- what is wanted


@pytest.mark.parametrize(
    ("parts", "wants"),
    [
        ([usage(DATA, wants={})], [(DATA, 0)]),
        ([usage(DATA, wants={"time": 60})], [(DATA, 0)]),
        ([usage(DATA, used(5))], []),
        ([usage(DATA, used(5), wants={"totalVolume": 9})], [(DATA, 9)]),
        ([usage(DATA, wants={"totalVolume": 2**64 - 1})], [(DATA, WANTED_MAX)]),
        ([usage(UNKNOWN, wants={"totalVolume": 9})], [(UNKNOWN, 0)]),
        ([usage(VOICE, wants={"time": 9}), usage(DATA, wants={})], [(VOICE, 9), (DATA, 0)]),
        ([usage(DATA, wants={"totalVolume": 2}), usage(DATA, wants={})], [(DATA, 2)]),
    ],
)
def test_a_quota_is_wanted_where_one_is_asked_for(
    parts: list[Body], wants: list[tuple[int, int]]
) -> None:
    assert wanted(*parts) == tuple(Wanted(group, amount) for group, amount in wants)


# ---------------------------------------------------------------- when and where


@pytest.mark.parametrize(
    ("container", "until", "since"),
    [
        ({}, at(0), None),
        ({"triggerTimestamp": at(5)}, at(5), None),
        (
            {
                "triggerTimestamp": at(5),
                "pDUContainerInformation": {"timeofFirstUsage": at(1), "timeofLastUsage": at(3)},
            },
            at(3),
            at(1),
        ),
        (
            {
                "triggerTimestamp": at(5),
                "pDUContainerInformation": {
                    "timeofFirstUsage": "0001-01-01T00:00:00Z",
                    "timeofLastUsage": "0001-01-01T00:00:00Z",
                },
            },
            at(5),
            None,
        ),
        ({"triggerTimestamp": "2026-11-22T10:30:05+09:00"}, at(5), None),
    ],
    ids=["sent", "triggered", "used", "the year 1 of Go", "another offset"],
)
def test_use_ended_when_it_was_last_used_or_else_when_it_was_reported(
    container: Body, until: str, since: str | None
) -> None:
    (one,) = reported(usage(DATA, used(5, **container)))
    assert one.until == datetime.fromisoformat(until)
    assert one.since == (since and datetime.fromisoformat(since))


def tai(mcc: str) -> Body:
    return {"tai": {"plmnId": {"mcc": mcc, "mnc": "10"}, "tac": "000001"}}


@pytest.mark.parametrize(
    ("told", "country"),
    [
        ({"pduSessionInformation": {"servingCNPlmnId": {"mcc": "440", "mnc": "10"}}}, "JP"),
        ({"userLocationinfo": {"nrLocation": tai("460")}}, "CN"),
        ({"userLocationinfo": {"eutraLocation": tai("440")}}, "JP"),
        ({"userLocationinfo": {"n3gaLocation": {"n3gppTai": tai("440")["tai"]}}}, "JP"),
        (
            {
                "pduSessionInformation": {"servingCNPlmnId": {"mcc": "440", "mnc": "10"}},
                "userLocationinfo": {"nrLocation": tai("460")},
            },
            "JP",
        ),
        ({"pduSessionInformation": {"servingCNPlmnId": {"mcc": "901", "mnc": "14"}}}, "ZZ"),
        ({"userLocationinfo": {"nrLocation": tai("901")}}, "ZZ"),
        ({"pduSessionInformation": {"servingCNPlmnId": {"mcc": "001", "mnc": "01"}}}, None),
        ({"pduSessionInformation": {"servingCNPlmnId": {"mcc": "999", "mnc": "70"}}}, None),
        ({"pduSessionInformation": {"servingCNPlmnId": {}}}, None),
        ({"pduSessionInformation": {"pduSessionID": 1}}, None),
        ({"userLocationinfo": {}}, None),
    ],
)
def test_where_the_phone_is_follows_from_the_network_that_serves_it(
    told: Body, country: str | None
) -> None:
    body = message(0, pDUSessionChargingInformation=told)
    assert country_of(read(body)) == country


def test_a_report_can_tell_where_it_was_used() -> None:
    there = {"userLocationInformation": {"nrLocation": tai("460")}}
    parts = usage(DATA, used(5, pDUContainerInformation=there), used(6))
    assert [one.country for one in reported(parts)] == ["CN", None]


# ---------------------------------------------------------------- names


def test_a_repeated_create_names_the_same_session_and_another_one_another() -> None:
    body = smf.free5gc(sent=at(0))
    names = {
        name_session(read(one), caller, line)
        for one, caller, line in [
            (body, "smf", LINE),
            (body | {"retransmissionIndicator": True}, "smf", LINE),
            (body | {"invocationTimeStamp": "2026-11-22T10:30:00+09:00"}, "smf", LINE),
        ]
    }
    assert len(names) == 1
    for one, caller, line in [
        (body, "smf-2", LINE),
        (body, "smf", HolderId(numbered(9, Home(3)))),
        (body | {"chargingId": 2}, "smf", LINE),
        (body | {"invocationTimeStamp": at(1)}, "smf", LINE),
        (body | {"invocationSequenceNumber": 1}, "smf", LINE),
    ]:
        names.add(name_session(read(one), caller, line))
    assert len(names) == 6
    assert {home_of(one) for one in names} == {Home(3)}


REPORT = used(5, triggerTimestamp=at(5))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (message(4, usage(DATA, REPORT)), message(4, usage(DATA, REPORT))),
        (
            message(0, usage(DATA, REPORT, wants={}), sent=at(6)),
            message(0, usage(DATA, REPORT, wants={}), sent=at(9), retransmissionIndicator=True),
        ),
        (
            message(0, usage(DATA, REPORT)),
            message(0, usage(DATA, used(5, triggerTimestamp="2026-11-22T10:30:05+09:00"))),
        ),
    ],
    ids=["numbered", "sent again later", "said in another offset"],
)
def test_a_repeat_has_the_name_of_the_first(first: Body, second: Body) -> None:
    assert name(first) == name(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (message(1, usage(DATA, REPORT)), message(2, usage(DATA, REPORT), sent=at(1))),
        (
            message(0, usage(DATA, REPORT)),
            message(0, usage(DATA, used(5, triggerTimestamp=at(6)))),
        ),
        (
            message(0, usage(DATA, REPORT)),
            message(0, usage(DATA, used(6, triggerTimestamp=at(5)))),
        ),
        (
            message(0, usage(DATA, REPORT), retransmissionIndicator=True),
            message(0, usage(DATA, used(6, triggerTimestamp=at(5))), retransmissionIndicator=True),
        ),
        (
            message(0, usage(DATA, wants={}), sent=at(1)),
            message(0, usage(DATA, wants={}), sent=at(2)),
        ),
        (
            message(0, usage(DATA, used(0, triggerTimestamp=at(5)), wants={}), sent=at(1)),
            message(0, usage(DATA, used(0, triggerTimestamp=at(5)), wants={}), sent=at(2)),
        ),
        (
            message(0, usage(DATA, used(5)), sent=at(1)),
            message(0, usage(DATA, used(5)), sent=at(2)),
        ),
        (
            message(0, usage(DATA, REPORT)),
            message(
                0,
                usage(DATA, REPORT),
                pDUSessionChargingInformation={"userLocationinfo": {"nrLocation": tai("460")}},
            ),
        ),
    ],
    ids=[
        "another number",
        "another time of use",
        "another volume",
        "a lying indicator of repetition",
        "asked again, nothing used",
        "asked again, used 0",
        "used at an unknown time",
        "in another country",
    ],
)
def test_what_is_not_the_same_has_another_name(first: Body, second: Body) -> None:
    assert name(first) != name(second)


def test_a_time_later_than_now_is_left_to_charging_so_that_a_repeat_stays_the_same() -> None:
    (one,) = reported(usage(DATA, used(5, triggerTimestamp="2199-01-01T00:00:00Z")))
    assert one.until == datetime(2199, 1, 1, tzinfo=UTC)


def test_the_same_report_in_an_update_and_in_a_release_are_two_messages() -> None:
    body = message(0, usage(DATA, REPORT))
    assert name(body, "update") != name(body, "release")


@pytest.mark.parametrize(
    "part",
    [
        usage(DATA, wants={"totalVolume": 2**64}),
        usage(DATA, used(5, triggerTimestamp="9999-12-31T23:59:59.999999-14:00")),
    ],
    ids=["65 bits", "the year 10000"],
)
def test_what_no_network_can_mean_is_refused(part: Body) -> None:
    with pytest.raises(NotServed) as refused:
        name(message(0, part))
    assert refused.value.problem.cause == "OPTIONAL_IE_INCORRECT"


def test_all_that_64_bits_can_ask_for_may_be_asked_for() -> None:
    assert name(message(0, usage(DATA, wants={"totalVolume": 2**64 - 1})))


# ---------------------------------------------------------------- one-time events


@pytest.mark.parametrize(
    ("kind", "parts", "charged"),
    [
        ("IEC", [usage(MESSAGES, wants={"serviceSpecificUnits": 2})], [(MESSAGES, 2, False)]),
        ("IEC", [usage(MESSAGES, wants={})], [(MESSAGES, 1, False)]),
        ("IEC", [usage(MESSAGES)], [(MESSAGES, 1, False)]),
        ("PEC", [usage(MESSAGES, used(serviceSpecificUnits=3))], [(MESSAGES, 3, True)]),
        ("PEC", [usage(DATA, used(5), used(6))], [(DATA, 11, True)]),
        (None, [usage(MESSAGES, wants={})], [(MESSAGES, 1, False)]),
        (None, [usage(MESSAGES, used(serviceSpecificUnits=1))], [(MESSAGES, 1, True)]),
        ("PEC", [usage(DATA, used(5, quotaManagementIndicator="OFFLINE_CHARGING"))], []),
        ("IEC", [usage(DATA, wants={"totalVolume": 2**64 - 1})], [(DATA, EVENT_MAX, False)]),
        ("IEC", [], []),
    ],
)
def test_a_one_time_event_charges_what_it_says(
    kind: str | None, parts: list[Body], charged: list[tuple[int, int, bool]]
) -> None:
    body = message(0, *parts, oneTimeEvent=True)
    if kind:
        body["oneTimeEventType"] = kind
    events: list[ChargeEvent] = list(events_in(read(body), TABLE, "smsf", LINE, SESSION))
    assert [(one.rating_group, one.amount, one.has_happened) for one in events] == charged
    assert all(home_of(one.event) == home_of(LINE) for one in events)


def test_each_rating_group_of_an_event_is_an_event_of_its_own() -> None:
    body = message(0, usage(MESSAGES, wants={}), usage(DATA, wants={}), oneTimeEvent=True)
    first, second = events_in(read(body), TABLE, "smsf", LINE, SESSION)
    assert first.event != second.event


# ---------------------------------------------------------------- what free5GC really sends


def test_free5gc_opens_a_session_without_any_rating_group() -> None:
    opening = read(smf.free5gc(sent=at(0)))
    assert opening.multiple_unit_usage == []
    assert wanted_in(opening, TABLE) == ()


def test_the_name_of_free5gc_is_no_uuid_and_does_not_matter() -> None:
    assert read(smf.free5gc(sent=at(0))).nf_consumer_identification.node_functionality == "SMF"


def test_free5gc_numbers_nothing_so_that_a_report_is_known_by_its_time_and_volumes() -> None:
    first = smf.free5gc(smf.free5gc_usage(40_000_000, at(5)), sent=at(5.1))
    again = smf.free5gc(smf.free5gc_usage(40_000_000, at(5)), sent=at(8))
    later = smf.free5gc(smf.free5gc_usage(40_000_000, at(9)), sent=at(9.1))
    assert name(first) == name(again) != name(later)


def test_free5gc_has_nine_digits_of_a_second() -> None:
    sent = "2026-11-22T10:30:00.123456789+09:00"
    (one,) = used_in(read(smf.free5gc(smf.free5gc_usage(7, sent), sent=sent)), TABLE)
    assert one.until == datetime(2026, 11, 22, 1, 30, 0, 123457, UTC)


def test_free5gc_asks_for_1000_bytes_and_not_for_three_times_as_many() -> None:
    asking = read(smf.free5gc(smf.free5gc_usage(40_000_000, at(5)), sent=at(5)))
    assert wanted_in(asking, TABLE) == (Wanted(DATA, 1000),)
    assert [one.amount for one in used_in(asking, TABLE)] == [40_000_000]


def test_free5gc_leaves_a_volume_of_0_out() -> None:
    starting = read(smf.free5gc(smf.free5gc_usage(0, at(5)), sent=at(5)))
    assert used_in(starting, TABLE) == ()
    assert wanted_in(starting, TABLE) == (Wanted(DATA, 1000),)


def test_free5gc_asks_for_an_empty_quota_where_it_only_records_use() -> None:
    part = smf.free5gc_usage(40_000_000, at(5), method="OFFLINE_CHARGING")
    recording = read(smf.free5gc(part, sent=at(5)))
    assert used_in(recording, TABLE) == ()
    assert wanted_in(recording, TABLE) == ()
