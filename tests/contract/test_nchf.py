"""Nchf_ConvergedCharging (TS 32.291): each answer is as described, and each byte counts once."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests import smf
from tests.conftest import Server
from tests.contract.calling import (
    NOTIFY,
    Caller,
    Phone,
    add_phone,
    beside,
    open_caller,
)
from tests.contract.nchf_answers import check_answer
from tests.model.world import MovedClock
from tests.smf import DATA, MESSAGES, OWN_PAGES, SENT, UNKNOWN, UPF, VOICE, Body, at, usage, used

from yuzuri.api.nchf import BASE_PATH, serve_charging
from yuzuri.api.nchf.application import BODY_BYTES_MAX
from yuzuri.kernel.ids import Home, home_of, in_home, new_id
from yuzuri.runtime.running import Yuzuri
from yuzuri.settings import Settings

SERVICE = "nchf-convergedcharging"
PATH = f"{BASE_PATH}chargingdata"
FILLED, MINUTES = 5_000_000_000, 30 * 60
GRANT = 50_000_000


@pytest.fixture(scope="module")
def its_settings(
    server: Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    name = f"yuzuri_charging_{uuid.uuid4().hex}"
    server.create(name, template)
    data = tmp_path_factory.mktemp("charging")
    yield Settings(data=data, database_url=server.url(name), demo=True)
    server.drop(name)


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock(SENT + timedelta(minutes=1))


@pytest.fixture
async def yuzuri(its_settings: Settings, clock: MovedClock) -> AsyncIterator[Yuzuri]:
    async with beside(its_settings, clock) as yuzuri:
        yield yuzuri


@pytest.fixture
async def core(yuzuri: Yuzuri) -> Caller:
    return await open_caller(yuzuri, serve_charging, SERVICE)


@pytest.fixture
async def phone(yuzuri: Yuzuri) -> Phone:
    """5 GB and 30 minutes, no message."""
    return await add_phone(yuzuri)


async def post(core: Caller, path: str, body: object) -> httpx.Response:
    answer = await core.send("POST", path, body)
    check_answer(answer)
    return answer


async def refusal(core: Caller, path: str, body: object) -> tuple[int, str | None]:
    answer = await post(core, path, body)
    return answer.status_code, answer.json().get("cause")


def of(phone: Phone, number: int = 0, *parts: Body, **more: Any) -> Body:
    return smf.message(number, *parts, **{"subscriberIdentifier": phone.supi} | more)


async def open_session(core: Caller, phone: Phone, *parts: Body) -> str:
    """Open a session; returns its path."""
    answer = await post(core, PATH, of(phone, 0, *parts))
    assert answer.status_code == httpx.codes.CREATED, answer.text
    return httpx.URL(answer.headers["location"]).path


async def update(core: Caller, session: str, body: Body) -> list[Body]:
    answer = await post(core, f"{session}/update", body)
    assert answer.status_code == httpx.codes.OK, answer.text
    information: list[Body] = answer.json().get("multipleUnitInformation", [])
    return information


async def release(core: Caller, session: str, body: Body) -> None:
    answer = await post(core, f"{session}/release", body)
    assert answer.status_code == httpx.codes.NO_CONTENT, answer.text


async def left(yuzuri: Yuzuri, phone: Phone, unit: str = "data") -> tuple[int, int]:
    """Return what a line has of a unit, and how much of it is set aside."""
    async with yuzuri.database.connection() as connection:
        cursor = await connection.execute(
            "SELECT coalesce(sum(balance), 0)::bigint, coalesce(sum(held), 0)::bigint FROM bucket"
            " JOIN allowance ON allowance.id = bucket.allowance AND allowance.home = bucket.home"
            " WHERE bucket.home = %s AND holder = %s AND unit = %s",
            (home_of(phone.line), phone.line, unit),
        )
        row = await cursor.fetchone()
    assert row is not None
    return row[0], row[1]


# ---------------------------------------------------------------- a session


async def test_a_session_of_free5gc_from_its_first_message_to_its_last(
    yuzuri: Yuzuri, core: Caller, phone: Phone
) -> None:
    def says(*parts: Body, sent: str) -> Body:
        return smf.free5gc(*parts, sent=sent, notify=NOTIFY) | {"subscriberIdentifier": phone.supi}

    opened = await post(core, PATH, says(sent=at(0)))
    assert opened.status_code == 201
    assert "multipleUnitInformation" not in opened.json()
    session = opened.headers["location"]
    assert session.startswith(f"http://chf.example:8080{PATH}/{phone.line}.")
    session = httpx.URL(session).path

    (first,) = await update(core, session, says(smf.free5gc_usage(0, at(1)), sent=at(1)))
    assert (first["grantedUnit"], first["uPFID"]) == ({"totalVolume": GRANT}, UPF)
    assert await left(yuzuri, phone) == (FILLED, GRANT)

    report = smf.free5gc_usage(40_000_000, at(5))
    (second,) = await update(core, session, says(report, sent=at(5)))
    (again,) = await update(core, session, says(report, sent=at(7)))
    assert second == again
    assert second["grantedUnit"] == {"totalVolume": GRANT}
    assert await left(yuzuri, phone) == (FILLED - 40_000_000, GRANT)

    last = smf.free5gc_usage(1_234_567, at(9))
    for sent in (at(9), at(12)):
        await release(core, session, says(last, sent=sent))
    assert await left(yuzuri, phone) == (FILLED - 41_234_567, 0)
    ended = says(smf.free5gc_usage(5, at(13)), sent=at(13))
    assert await refusal(core, f"{session}/update", ended) == (404, "CONTEXT_NOT_FOUND")


async def test_a_core_by_the_book_is_granted_a_quota_when_it_opens_a_session(
    core: Caller, phone: Phone
) -> None:
    answer = await post(core, PATH, of(phone, 0, usage(DATA, wants={}), usage(VOICE, wants={})))
    data, voice = answer.json()["multipleUnitInformation"]
    assert data["grantedUnit"] == {"totalVolume": GRANT}
    assert data["volumeQuotaThreshold"] == GRANT // 5
    assert voice["grantedUnit"] == {"time": 60}
    assert voice["timeQuotaThreshold"] == 12


async def test_a_request_for_more_than_31_bits_is_granted_below_2_gib(
    core: Caller, phone: Phone
) -> None:
    session = await open_session(core, phone)
    asking = of(phone, 1, usage(DATA, wants={"totalVolume": 2**64 - 1}))
    (granted,) = await update(core, session, asking)
    assert granted["grantedUnit"] == {"totalVolume": 2**31 - 1}


async def test_what_is_reported_and_not_wanted_again_is_given_back(
    yuzuri: Yuzuri, core: Caller, phone: Phone
) -> None:
    session = await open_session(core, phone, usage(DATA, wants={}))
    assert await left(yuzuri, phone) == (FILLED, GRANT)
    assert await update(core, session, of(phone, 1, usage(DATA, used(5)))) == []
    assert await left(yuzuri, phone) == (FILLED - 5, 0)


async def test_the_last_bytes_are_final_and_then_the_line_is_dry(
    yuzuri: Yuzuri, core: Caller, phone: Phone
) -> None:
    session = await open_session(core, phone)
    almost = used(FILLED - 700, triggerTimestamp=at(1))
    (final,) = await update(core, session, of(phone, 1, usage(DATA, almost, wants={})))
    assert final["grantedUnit"] == {"totalVolume": 700}
    assert final["finalUnitIndication"] == {"finalUnitAction": "TERMINATE"}
    assert "volumeQuotaThreshold" not in final
    rest = usage(DATA, used(700, triggerTimestamp=at(2)), wants={}, uPFID=UPF)
    (dry,) = await update(core, session, of(phone, 2, rest))
    assert dry == {
        "ratingGroup": DATA,
        "resultCode": "QUOTA_LIMIT_REACHED",
        "triggers": [{"triggerType": "QUOTA_EXHAUSTED", "triggerCategory": "IMMEDIATE_REPORT"}],
        "uPFID": UPF,
    }
    assert await left(yuzuri, phone) == (0, 0)


async def test_what_is_not_charged_and_what_has_no_rate_is_told_apart(
    core: Caller, phone: Phone
) -> None:
    session = await open_session(core, phone)
    parts = usage(OWN_PAGES, used(5), wants={}), usage(UNKNOWN, used(5), wants={})
    information = await update(core, session, of(phone, 1, *parts))
    assert [one["resultCode"] for one in information] == [
        "QUOTA_MANAGEMENT_NOT_APPLICABLE",
        "RATING_FAILED",
    ]


async def test_use_outside_of_a_quota_is_not_charged(
    yuzuri: Yuzuri, core: Caller, phone: Phone
) -> None:
    session = await open_session(core, phone)
    recorded = smf.free5gc_usage(40_000_000, at(1), method="OFFLINE_CHARGING")
    (told,) = await update(core, session, of(phone, 1, recorded))
    assert told["resultCode"] == "QUOTA_MANAGEMENT_NOT_APPLICABLE"
    assert await left(yuzuri, phone) == (FILLED, 0)


async def test_a_report_from_a_clock_that_is_ahead_counts_now_and_once(
    yuzuri: Yuzuri, core: Caller, phone: Phone, clock: MovedClock
) -> None:
    session = await open_session(core, phone)
    ahead = of(phone, 0, usage(DATA, used(5, triggerTimestamp="2199-12-31T00:00:00Z")), sent=at(1))
    for _ in range(2):
        await update(core, session, ahead)
        clock.move(timedelta(seconds=1))
    assert await left(yuzuri, phone) == (FILLED - 5, 0)


# ---------------------------------------------------------------- repeats


async def test_a_create_that_is_sent_again_is_the_same_session(
    yuzuri: Yuzuri, core: Caller, phone: Phone
) -> None:
    body = of(phone, 0, usage(DATA, wants={}))
    places = {(await post(core, PATH, body)).headers["location"] for _ in range(3)}
    assert len(places) == 1
    assert await left(yuzuri, phone) == (FILLED, GRANT)


async def test_one_message_sent_many_times_at_once_counts_once(
    yuzuri: Yuzuri, core: Caller, phone: Phone
) -> None:
    session = await open_session(core, phone)
    body = of(phone, 0, usage(DATA, used(1_000, triggerTimestamp=at(1)), wants={}))
    told = await asyncio.gather(*(update(core, session, body) for _ in range(20)))
    assert all(one == told[0] for one in told)
    assert await left(yuzuri, phone) == (FILLED - 1_000, GRANT)


async def test_two_requests_without_use_are_two_requests_although_nothing_is_numbered(
    yuzuri: Yuzuri, core: Caller, phone: Phone, clock: MovedClock
) -> None:
    session = await open_session(core, phone)
    for seconds in (1, 3_601):
        asking = of(phone, 0, usage(DATA, wants={}), sent=at(seconds))
        (granted,) = await update(core, session, asking)
        assert granted["grantedUnit"] == {"totalVolume": GRANT}
        assert await left(yuzuri, phone) == (FILLED, GRANT)
        clock.move(timedelta(hours=1))


async def test_an_indicator_of_repetition_that_lies_loses_no_byte(
    yuzuri: Yuzuri, core: Caller, phone: Phone
) -> None:
    session = await open_session(core, phone)
    for second in (1, 2):
        part = usage(DATA, used(1_000, triggerTimestamp=at(second)))
        await update(core, session, of(phone, 0, part, retransmissionIndicator=True))
    assert await left(yuzuri, phone) == (FILLED - 2_000, 0)


# ---------------------------------------------------------------- one-time events


async def test_a_one_time_event_is_paid_once_however_often_it_is_sent(
    yuzuri: Yuzuri, core: Caller, phone: Phone
) -> None:
    body = of(phone, 0, usage(DATA, wants={"totalVolume": 2_000}), oneTimeEvent=True)
    for _ in range(2):
        answer = await post(core, PATH, body | {"oneTimeEventType": "IEC"})
        assert answer.status_code == 201
        assert answer.json()["multipleUnitInformation"] == [
            {"ratingGroup": DATA, "resultCode": "SUCCESS", "grantedUnit": {"totalVolume": 2_000}}
        ]
    assert await left(yuzuri, phone) == (FILLED - 2_000, 0)
    there = httpx.URL(answer.headers["location"]).path
    assert await refusal(core, f"{there}/update", of(phone, 1)) == (404, "CONTEXT_NOT_FOUND")


async def test_a_message_that_nothing_is_left_for_is_not_sent(core: Caller, phone: Phone) -> None:
    body = of(phone, 0, usage(MESSAGES, wants={"serviceSpecificUnits": 1}), oneTimeEvent=True)
    answer = await post(core, PATH, body | {"oneTimeEventType": "IEC"})
    (told,) = answer.json()["multipleUnitInformation"]
    assert told["resultCode"] == "QUOTA_LIMIT_REACHED"
    assert "grantedUnit" not in told


async def test_what_has_happened_is_taken_as_far_as_it_is_there(
    yuzuri: Yuzuri, core: Caller, phone: Phone
) -> None:
    part = usage(VOICE, used(time=MINUTES + 60, triggerTimestamp=at(0)))
    body = of(phone, 0, part, oneTimeEvent=True, oneTimeEventType="PEC")
    assert (await post(core, PATH, body)).status_code == 201
    assert await left(yuzuri, phone, "voice") == (0, 0)


async def test_another_event_under_the_name_of_one_that_was_charged_is_refused(
    yuzuri: Yuzuri, core: Caller, phone: Phone
) -> None:
    first, second = (
        of(phone, 0, usage(DATA, wants={"totalVolume": amount}), oneTimeEvent=True)
        for amount in (2_000, 3_000)
    )
    assert (await post(core, PATH, first)).status_code == 201
    assert await refusal(core, PATH, second) == (400, "UNSPECIFIED_MSG_FAILURE")
    assert await left(yuzuri, phone) == (FILLED - 2_000, 0)


async def test_an_event_about_nothing_charges_nothing(
    yuzuri: Yuzuri, core: Caller, phone: Phone
) -> None:
    answer = await post(core, PATH, of(phone, 0, oneTimeEvent=True, oneTimeEventType="IEC"))
    assert answer.status_code == 201
    assert await left(yuzuri, phone) == (FILLED, 0)


# ---------------------------------------------------------------- who, and about whom


async def test_a_line_is_found_by_its_number_where_the_supi_is_not_told(
    core: Caller, phone: Phone
) -> None:
    body = of(
        phone, 0, pDUSessionChargingInformation={"userInformation": {"servedGPSI": phone.gpsi}}
    )
    del body["subscriberIdentifier"]
    assert (await post(core, PATH, body)).status_code == 201


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"subscriberIdentifier": "imsi-999999999999999"}, (404, "USER_UNKNOWN")),
        ({"subscriberIdentifier": "nai-nobody@example.com"}, (404, "USER_UNKNOWN")),
        ({"subscriberIdentifier": "imsi-１２３４５"}, (404, "USER_UNKNOWN")),
        ({"subscriberIdentifier": None}, (400, "MANDATORY_IE_MISSING")),
        ({"notifyUri": "http://127.0.0.1:7778/x"}, (400, "OPTIONAL_IE_INCORRECT")),
        ({"notifyUri": "http://169.254.169.254/latest"}, (400, "OPTIONAL_IE_INCORRECT")),
        ({"notifyUri": f"{NOTIFY}@evil.example/"}, (400, "OPTIONAL_IE_INCORRECT")),
        ({"invocationSequenceNumber": -1}, (400, "MANDATORY_IE_INCORRECT")),
        ({"invocationTimeStamp": "0001-01-01T00:00:00Z"}, (400, "MANDATORY_IE_INCORRECT")),
    ],
)
async def test_what_cannot_be_opened_is_told_apart(
    core: Caller, phone: Phone, changes: Body, told: tuple[int, str]
) -> None:
    assert await refusal(core, PATH, of(phone) | changes) == told


async def test_an_address_that_is_not_registered_is_named(core: Caller, phone: Phone) -> None:
    answer = await post(core, PATH, of(phone, notifyUri="http://evil.example/"))
    (named,) = answer.json()["invalidParams"]
    assert named["param"] == "/notifyUri"


async def test_a_session_of_another_network_function_is_one_that_is_not_there(
    yuzuri: Yuzuri, core: Caller, phone: Phone
) -> None:
    other = await open_caller(yuzuri, serve_charging, SERVICE)
    session = await open_session(core, phone, usage(DATA, wants={}))
    for what in ("update", "release"):
        told = await refusal(other, f"{session}/{what}", of(phone, 1, usage(DATA, used(5))))
        assert told == (404, "CONTEXT_NOT_FOUND")
    assert await left(yuzuri, phone) == (FILLED, GRANT)


async def test_a_session_of_another_line_is_one_that_is_not_there(
    yuzuri: Yuzuri, core: Caller, phone: Phone
) -> None:
    session = await open_session(core, phone)
    other = await add_phone(yuzuri)
    mixed = f"{PATH}/{other.line}.{session.rpartition('.')[2]}"
    told = await refusal(core, f"{mixed}/update", of(phone, 1, usage(DATA, used(5))))
    assert told == (404, "CONTEXT_NOT_FOUND")


async def test_a_name_that_no_session_has_is_unknown_whatever_it_is(
    core: Caller, phone: Phone
) -> None:
    line, session = phone.line, new_id(home_of(phone.line))
    elsewhere = in_home(session, Home(1023))
    names = [
        f"{line}.{session}",
        f"{line}.{elsewhere}",
        f"{in_home(line, Home(1023))}.{elsewhere}",
        f"{line}",
        f"{line}.",
        f".{session}",
        f"{line}{session}",
        "x",
        "%00",
        "ffffffff-ffff-7fff-bfff-ffffffffffff.ffffffff-ffff-7fff-bfff-ffffffffffff",
        "é" * 36 + "." + "é" * 36,
        "1" * 5_000,
    ]
    for name in names:
        for what in ("update", "release"):
            told = await refusal(core, f"{PATH}/{name}/{what}", of(phone, 1))
            assert told == (404, "CONTEXT_NOT_FOUND"), name


# ---------------------------------------------------------------- the way in


@pytest.mark.parametrize("authorization", [None, "Bearer", "Bearer a.b.c", "Basic YTpi"])
async def test_nobody_is_served_without_a_token_whatever_is_asked(
    yuzuri: Yuzuri, core: Caller, phone: Phone, authorization: str | None
) -> None:
    session = await open_session(core, phone)
    core.headers = {} if authorization is None else {"Authorization": authorization}
    body = of(phone, 1, usage(DATA, used(5)))
    for method, path in (
        ("POST", PATH),
        ("POST", f"{session}/update"),
        ("POST", f"{session}/release"),
        ("GET", PATH),
        ("POST", f"{BASE_PATH}x"),
    ):
        answer = await core.send(method, path, body)
        check_answer(answer)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert await left(yuzuri, phone) == (FILLED, 0)


@pytest.mark.parametrize("services", [(), ("nchf-spendinglimitcontrol",)])
async def test_a_token_for_something_else_is_not_enough(
    yuzuri: Yuzuri, phone: Phone, services: tuple[str, ...]
) -> None:
    other = await open_caller(yuzuri, serve_charging, *services)
    assert (await post(other, PATH, of(phone))).status_code == 403


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"", {}, 400),
        (b"{", {}, 400),
        (b'{"x": ' + b"[" * 200_000, {}, 400),
        (b'{"subscriberIdentifier": "\xff"}', {}, 400),
        (b"{}", {"content-type": "text/plain"}, 415),
        (b"{}", {"content-type": ""}, 415),
        (b"{}", {"content-encoding": "gzip"}, 415),
        (b'{"x": "' + b"x" * BODY_BYTES_MAX + b'"}', {}, 413),
    ],
    ids=["empty", "cut off", "deep", "no utf-8", "text", "of no type", "gzip", "large"],
)
async def test_what_cannot_be_read_is_refused(
    core: Caller, phone: Phone, content: bytes, headers: dict[str, str], status: int
) -> None:
    sent = core.headers | {"content-type": "application/json"} | headers
    session = f"{PATH}/{phone.line}.{new_id(home_of(phone.line))}"
    for path in (PATH, f"{session}/update", f"{session}/release"):
        answer = await core.http.post(path, content=content, headers=sent)
        check_answer(answer)
        assert answer.status_code == status


async def test_other_methods_and_other_paths_are_not_served(core: Caller, phone: Phone) -> None:
    for path in (PATH, f"{PATH}/x/update", f"{PATH}/x/release"):
        for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS"):
            answer = await core.send(method, path)
            check_answer(answer)
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    for path in (f"{BASE_PATH}", f"{PATH}/", f"{PATH}/x", f"{PATH}/x/delete", f"{PATH}/x/update/y"):
        told = await refusal(core, path, of(phone))
        assert told == (404, "RESOURCE_URI_STRUCTURE_NOT_FOUND")


async def test_while_the_database_is_away_the_network_is_told_to_try_again(
    its_settings: Settings, clock: MovedClock
) -> None:
    async with beside(its_settings, clock) as yuzuri:
        core = await open_caller(yuzuri, serve_charging, SERVICE)
        phone = await add_phone(yuzuri)
        session = await open_session(core, phone)
    for path in (PATH, f"{session}/update", f"{session}/release"):
        assert (await post(core, path, of(phone, 1))).status_code == 503
