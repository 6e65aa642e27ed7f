"""What charging grants is said so that each network finds it, and never more than was granted."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from tests import smf
from tests.smf import DATA, MESSAGES, OWN_PAGES, UNKNOWN, UPF, VOICE, Body, at, message, usage, used

from yuzuri.api.nchf.answers import answer_event, answer_session
from yuzuri.api.nchf.wire import decode_request, encode_answer
from yuzuri.charging.rating import read_rating_table
from yuzuri.charging.sessions import Grant, GrantResult

TABLE = read_rating_table()
NOW = datetime(2026, 11, 22, 1, 30, 1, tzinfo=UTC)
GRANTED, LIMIT_REACHED = GrantResult.GRANTED, GrantResult.LIMIT_REACHED


def answer(body: Body, *grants: Grant) -> Any:
    asked = decode_request(msgspec.json.encode(body))
    make = answer_event if asked.one_time_event else answer_session
    return msgspec.json.decode(encode_answer(make(asked, grants, TABLE, NOW)))


def parts(body: Body, *grants: Grant) -> list[Body]:
    information: list[Body] = answer(body, *grants).get("multipleUnitInformation", [])
    return information


def triggers(part: Body) -> set[str]:
    assert all(one["triggerCategory"] == "IMMEDIATE_REPORT" for one in part["triggers"])
    return {one["triggerType"] for one in part["triggers"]}


def test_the_number_is_echoed_and_the_time_is_ours() -> None:
    assert answer(message(4_000_000_000)) == {
        "invocationTimeStamp": "2026-11-22T01:30:01Z",
        "invocationSequenceNumber": 4_000_000_000,
    }


def test_a_grant_is_said_with_the_trigger_of_each_of_its_fields() -> None:
    (part,) = parts(
        message(0, usage(DATA, wants={}, uPFID=UPF)), Grant(DATA, GRANTED, 50_000_000, 1800)
    )
    assert triggers(part) == {"QUOTA_EXHAUSTED", "QUOTA_THRESHOLD", "VALIDITY_TIME", "QHT"}
    del part["triggers"]
    assert part == {
        "ratingGroup": DATA,
        "resultCode": "SUCCESS",
        "grantedUnit": {"totalVolume": 50_000_000},
        "validityTime": 1800,
        "quotaHoldingTime": 600,
        "volumeQuotaThreshold": 10_000_000,
        "uPFID": UPF,
    }


def test_the_last_grant_has_no_threshold_and_ends_the_service() -> None:
    (part,) = parts(message(0, usage(DATA, wants={})), Grant(DATA, GRANTED, 700, 60, is_final=True))
    assert part["finalUnitIndication"] == {"finalUnitAction": "TERMINATE"}
    assert "volumeQuotaThreshold" not in part
    assert triggers(part) == {"QUOTA_EXHAUSTED", "VALIDITY_TIME", "QHT"}


@pytest.mark.parametrize(
    ("group", "amount", "unit", "threshold"),
    [
        (VOICE, 60, {"time": 60}, {"timeQuotaThreshold": 12}),
        (MESSAGES, 1, {"serviceSpecificUnits": 1}, {}),
        (DATA, 4, {"totalVolume": 4}, {}),
    ],
)
def test_a_grant_is_in_the_field_of_its_unit(
    group: int, amount: int, unit: Body, threshold: Body
) -> None:
    (part,) = parts(message(0, usage(group, wants={})), Grant(group, GRANTED, amount, 60))
    assert part["grantedUnit"] == unit
    assert {key: part[key] for key in part if key.endswith("Threshold")} == threshold
    assert ("QUOTA_THRESHOLD" in triggers(part)) is bool(threshold)


def test_where_nothing_is_left_there_is_no_grant_but_the_trigger_that_means_stop() -> None:
    body = smf.free5gc(smf.free5gc_usage(5, at(1)), sent=at(1))
    assert parts(body, Grant(DATA, LIMIT_REACHED)) == [
        {
            "ratingGroup": DATA,
            "resultCode": "QUOTA_LIMIT_REACHED",
            "triggers": [{"triggerType": "QUOTA_EXHAUSTED", "triggerCategory": "IMMEDIATE_REPORT"}],
            "uPFID": UPF,
        }
    ]


@pytest.mark.parametrize(
    ("group", "result", "code"),
    [
        (OWN_PAGES, GrantResult.NOT_COUNTED, "QUOTA_MANAGEMENT_NOT_APPLICABLE"),
        (UNKNOWN, GrantResult.UNRATED, "RATING_FAILED"),
    ],
)
def test_what_needs_no_quota_or_has_no_rate_is_said(
    group: int, result: GrantResult, code: str
) -> None:
    assert parts(message(0, usage(group, wants={})), Grant(group, result)) == [
        {"ratingGroup": group, "resultCode": code}
    ]


def test_who_only_records_use_is_told_that_no_quota_is_needed() -> None:
    part = smf.free5gc_usage(5, at(1), method="OFFLINE_CHARGING")
    assert parts(smf.free5gc(part, sent=at(1))) == [
        {"ratingGroup": DATA, "resultCode": "QUOTA_MANAGEMENT_NOT_APPLICABLE", "uPFID": UPF}
    ]


def test_what_is_only_reported_gets_no_part() -> None:
    assert parts(message(0, usage(DATA, used(5)))) == []


@pytest.mark.parametrize(("amount", "each"), [(50_000_001, 25_000_000), (1, None)])
def test_two_user_planes_share_the_grant_of_a_rating_group(amount: int, each: int | None) -> None:
    body = message(0, *(usage(DATA, wants={}, uPFID=upf) for upf in ("a", "b")))
    first, second = parts(body, Grant(DATA, GRANTED, amount, 60))
    assert (first["uPFID"], second["uPFID"]) == ("a", "b")
    for part in (first, second):
        if each is None:
            assert part["resultCode"] == "QUOTA_LIMIT_REACHED"
            assert "grantedUnit" not in part
        else:
            assert part["grantedUnit"] == {"totalVolume": each}


@pytest.mark.parametrize(
    ("grant", "said"),
    [
        (
            Grant(MESSAGES, GRANTED, 2),
            {"resultCode": "SUCCESS", "grantedUnit": {"serviceSpecificUnits": 2}},
        ),
        (
            Grant(MESSAGES, LIMIT_REACHED),
            {
                "resultCode": "QUOTA_LIMIT_REACHED",
                "triggers": [
                    {"triggerType": "QUOTA_EXHAUSTED", "triggerCategory": "IMMEDIATE_REPORT"}
                ],
            },
        ),
    ],
)
def test_the_answer_to_an_event_says_whether_it_is_paid(grant: Grant, said: Body) -> None:
    body = message(0, usage(MESSAGES, wants={"serviceSpecificUnits": 2}), oneTimeEvent=True)
    assert parts(body, grant) == [{"ratingGroup": MESSAGES} | said]
