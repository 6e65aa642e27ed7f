"""Nchf_SpendingLimitControl (TS 29.594): who is told what of a line's counters, and when."""

import json
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from tests.conftest import Server
from tests.contract.calling import NOTIFY, Caller, Phone, add_phone, beside, open_caller, use
from tests.contract.official import assert_as_described
from tests.model.world import MovedClock
from tests.pools import let_in

from yuzuri.api.nchf.spending_limits import BASE_PATH, serve_spending_limits
from yuzuri.catalog.purchases import Purchase
from yuzuri.charging.outbox import COUNTER_CHANGES, take_due
from yuzuri.charging.spending_limit_store import (
    LOOK_PAUSE,
    due_counter_notifications,
    look_at_counters,
    note_told,
    tell_subscribers,
)
from yuzuri.kernel.ids import HOME, HolderId, Id, PoolId, PurchaseId, new_id
from yuzuri.runtime.counter_messages import counter_message
from yuzuri.runtime.replies import Outcome
from yuzuri.runtime.running import HOUSE_CLIENT, Yuzuri
from yuzuri.settings import Settings
from yuzuri.sharing.pools import Allotment, ChangeMember, OpenPool, PoolCommand, PoolDone
from yuzuri.subscribers.lines import load_line

SERVICE = "nchf-spendinglimitcontrol"
DESCRIPTION = "3gpp/TS29594_Nchf_SpendingLimitControl.yaml"
COMMON = "3gpp/TS29571_CommonData.yaml"
PATH = f"{BASE_PATH}subscriptions"
FILLED = 5_000_000_000
NOON = datetime(2026, 11, 10, 3, 0, tzinfo=UTC)  # 12:00 in Japan
DAY = timedelta(days=1)
ALL = {"data-percent", "voice-percent", "sms-percent", "pool-speed"}


@pytest.fixture(scope="module")
def its_settings(
    server: Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    name = f"yuzuri_spending_{uuid.uuid4().hex}"
    server.create(name, template)
    data = tmp_path_factory.mktemp("spending")
    yield Settings(data=data, database_url=server.url(name), demo=True)
    server.drop(name)


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock(NOON)


@pytest.fixture
async def yuzuri(its_settings: Settings, clock: MovedClock) -> AsyncIterator[Yuzuri]:
    async with beside(its_settings, clock) as yuzuri:
        yield yuzuri


@pytest.fixture
async def phone(yuzuri: Yuzuri) -> Phone:
    """5 GB and 30 minutes until the end of December, no message."""
    return await add_phone(yuzuri)


@pytest.fixture
async def pcf(yuzuri: Yuzuri) -> Caller:
    return await open_caller(yuzuri, serve_spending_limits, SERVICE)


def asked(phone: Phone, *counters: str, **more: object) -> dict[str, object]:
    body: dict[str, object] = {"supi": phone.supi, "notifUri": f"{NOTIFY}/pcf", **more}
    return body | ({"policyCounterIds": list(counters)} if counters else {})


async def subscribe(
    pcf: Caller, phone: Phone, *counters: str, **more: object
) -> tuple[str, dict[str, Any]]:
    """Subscribe; returns the path of the subscription, and what was answered."""
    answer = await pcf.send("POST", PATH, asked(phone, *counters, **more))
    assert answer.status_code == httpx.codes.CREATED, answer.text
    assert_as_described(DESCRIPTION, "/components/schemas/SpendingLimitStatus", answer.json())
    return httpx.URL(answer.headers["location"]).path, answer.json()


def statuses(said: Mapping[str, Any]) -> dict[str, str]:
    infos = said["statusInfos"]
    assert all(info["policyCounterId"] == counter for counter, info in infos.items())
    return {counter: info["currentStatus"] for counter, info in infos.items()}


def cause(answer: httpx.Response) -> tuple[int, str | None]:
    assert answer.headers["content-type"] == "application/problem+json"
    assert_as_described(COMMON, "/components/schemas/ProblemDetails", answer.json())
    assert answer.json()["status"] == answer.status_code
    return answer.status_code, answer.json().get("cause")


async def told_now(yuzuri: Yuzuri, phone: Phone) -> list[dict[str, Any]]:
    """Let whoever has subscribed to a line's counters be told; returns what they are sent."""
    async with yuzuri.database.connection() as connection:
        due = await due_counter_notifications(
            connection, yuzuri.profiles, phone.line, yuzuri.clock()
        )
        for notification in due:
            await note_told(connection, notification)
    sent = []
    for uri, body in map(counter_message, due):
        said = json.loads(body)
        assert uri == f"{NOTIFY}/pcf/notify"
        assert_as_described(DESCRIPTION, "/components/schemas/SpendingLimitStatus", said)
        sent.append(said)
    return sent


async def lines_due(yuzuri: Yuzuri) -> set[Id]:
    """Take the lines whose counters are to be told now."""
    at = yuzuri.clock()
    async with yuzuri.database.connection() as connection:
        await look_at_counters(connection, at)
        due = await take_due(connection, COUNTER_CHANGES, HOME, at, at + 365 * DAY, 1_000)
    return {one.key for one in due}


# ---------------------------------------------------------------- subscribing


async def test_whoever_subscribes_is_told_how_the_counters_stand(pcf: Caller, phone: Phone) -> None:
    place, said = await subscribe(pcf, phone, "data-percent", "sms-percent", notifId="n-1")
    assert statuses(said) == {"data-percent": "below-80", "sms-percent": "reached-100"}
    assert (said["supi"], said["notifId"]) == (phone.supi, "n-1")
    assert "supportedFeatures" not in said
    assert place.startswith(f"{PATH}/")


async def test_the_place_of_a_subscription_is_a_whole_uri(pcf: Caller, phone: Phone) -> None:
    answer = await pcf.send("POST", PATH, asked(phone))
    assert answer.headers["location"].startswith(f"http://chf.example:8080{PATH}/")


async def test_without_a_list_of_counters_all_are_meant(pcf: Caller, phone: Phone) -> None:
    _, said = await subscribe(pcf, phone)
    assert statuses(said).keys() == ALL


async def test_a_counter_that_is_named_twice_is_told_once(pcf: Caller, phone: Phone) -> None:
    _, said = await subscribe(pcf, phone, "data-percent", "data-percent")
    assert statuses(said) == {"data-percent": "below-80"}


async def test_a_line_is_found_by_its_number_too(pcf: Caller, phone: Phone) -> None:
    body = asked(phone, gpsi=phone.gpsi)
    del body["supi"]
    answer = await pcf.send("POST", PATH, body)
    assert answer.status_code == httpx.codes.CREATED
    assert "supi" not in answer.json()


async def test_no_optional_feature_is_supported(pcf: Caller, phone: Phone) -> None:
    _, said = await subscribe(pcf, phone, supportedFeatures="1F")
    assert said["supportedFeatures"] == "0"


@pytest.mark.parametrize(
    ("used", "status"),
    [
        (FILLED * 80 // 100 - 1, "below-80"),
        (FILLED * 80 // 100, "reached-80"),
        (FILLED - 1, "reached-80"),
        (FILLED, "reached-100"),
    ],
)
async def test_a_status_changes_at_its_byte(
    yuzuri: Yuzuri, pcf: Caller, phone: Phone, used: int, status: str
) -> None:
    await use(yuzuri, phone, used)
    _, said = await subscribe(pcf, phone, "data-percent")
    assert statuses(said) == {"data-percent": status}


async def test_calls_have_a_counter_of_their_own(yuzuri: Yuzuri, pcf: Caller, phone: Phone) -> None:
    await use(yuzuri, phone, 24 * 60, rating_group=200)
    _, said = await subscribe(pcf, phone, "data-percent", "voice-percent")
    assert statuses(said) == {"data-percent": "below-80", "voice-percent": "reached-80"}


async def test_what_has_no_limit_never_reaches_one(yuzuri: Yuzuri, pcf: Caller) -> None:
    phone = await add_phone(yuzuri, "saikyo", operator="rakuten-mobile", filled=False)
    _, said = await subscribe(pcf, phone, "data-percent")
    assert statuses(said) == {"data-percent": "below-80"}


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"supi": "imsi-999999999999999"}, "USER_UNKNOWN"),
        ({"supi": "nai-nobody@example.com"}, "USER_UNKNOWN"),
        ({"supi": None}, "OPTIONAL_IE_INCORRECT"),
        ({"supi": ...}, "MANDATORY_IE_MISSING"),
        ({"notifUri": ...}, "MANDATORY_IE_MISSING"),
        ({"notifUri": "http://127.0.0.1:7778/pcf"}, "OPTIONAL_IE_INCORRECT"),
        ({"notifUri": "http://169.254.169.254/latest"}, "OPTIONAL_IE_INCORRECT"),
        ({"notifUri": f"{NOTIFY}@evil.example/"}, "OPTIONAL_IE_INCORRECT"),
        ({"notifUri": "ftp://127.0.0.1:7777"}, "OPTIONAL_IE_INCORRECT"),
        ({"policyCounterIds": ["data-percent", "money"]}, "UNKNOWN_POLICY_COUNTERS"),
        ({"policyCounterIds": []}, "OPTIONAL_IE_INCORRECT"),
        ({"policyCounterIds": [1]}, "OPTIONAL_IE_INCORRECT"),
        ({"expiry": "2026-11-10T03:00:00Z"}, "OPTIONAL_IE_INCORRECT"),
        ({"expiry": "2026-11-10T03:00:01"}, "OPTIONAL_IE_INCORRECT"),
        ({"expiry": "soon"}, "OPTIONAL_IE_INCORRECT"),
        ({"notifId": "\0"}, "OPTIONAL_IE_INCORRECT"),
        ({"supportedFeatures": "xyz"}, "OPTIONAL_IE_INCORRECT"),
    ],
)
async def test_what_cannot_be_subscribed_to_is_told_apart(
    pcf: Caller, phone: Phone, changes: dict[str, object], refusal: str
) -> None:
    body = {key: value for key, value in (asked(phone) | changes).items() if value is not Ellipsis}
    assert cause(await pcf.send("POST", PATH, body)) == (400, refusal)


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"", {}, 400),
        (b"{", {}, 400),
        (b"[" * 10_000, {}, 400),
        (b"[]", {}, 400),
        (b'{"supi": "\xff"}', {}, 400),
        (b"{}", {"content-type": "text/plain"}, 415),
        (b"{}", {"content-encoding": "gzip"}, 415),
        (b'{"x": "' + b"x" * 20_000 + b'"}', {}, 413),
    ],
)
async def test_what_cannot_be_read_is_refused(
    pcf: Caller, content: bytes, headers: dict[str, str], status: int
) -> None:
    sent = pcf.headers | {"content-type": "application/json"} | headers
    answer = await pcf.http.post(PATH, content=content, headers=sent)
    assert cause(answer)[0] == status


async def test_other_methods_and_other_paths_are_not_served(pcf: Caller, phone: Phone) -> None:
    place, _ = await subscribe(pcf, phone)
    for method, path, allowed in (
        ("GET", PATH, "POST"),
        ("PUT", PATH, "POST"),
        ("GET", place, "PUT, DELETE"),
        ("POST", place, "PUT, DELETE"),
        ("PATCH", place, "PUT, DELETE"),
    ):
        answer = await pcf.send(method, path)
        assert cause(answer)[0] == 405
        assert answer.headers["allow"] == allowed
    unknown = 404, "RESOURCE_URI_STRUCTURE_NOT_FOUND"
    for path in (BASE_PATH, f"{BASE_PATH}subscription", f"{place}/notify"):
        assert cause(await pcf.send("POST", path, {})) == unknown


# ---------------------------------------------------------------- who asks


@pytest.mark.parametrize("authorization", [None, "Bearer", "Bearer a.b.c", "Basic YTpi"])
async def test_nobody_is_served_without_a_token(
    pcf: Caller, phone: Phone, authorization: str | None
) -> None:
    place, _ = await subscribe(pcf, phone)
    own = pcf.headers
    pcf.headers = {} if authorization is None else {"Authorization": authorization}
    for method, path in (("POST", PATH), ("PUT", place), ("DELETE", place), ("GET", "/x")):
        answer = await pcf.send(method, path, asked(phone))
        assert cause(answer)[0] == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
    pcf.headers = own
    assert (await pcf.send("DELETE", place)).status_code == 204


@pytest.mark.parametrize("services", [(), ("nchf-convergedcharging",)])
async def test_a_token_for_something_else_is_not_enough(
    yuzuri: Yuzuri, phone: Phone, services: tuple[str, ...]
) -> None:
    smf = await open_caller(yuzuri, serve_spending_limits, *services)
    assert cause(await smf.send("POST", PATH, asked(phone)))[0] == 403


async def test_anothers_subscription_is_as_one_that_is_not_there(
    yuzuri: Yuzuri, phone: Phone
) -> None:
    pcf = await open_caller(yuzuri, serve_spending_limits, SERVICE)
    other = await open_caller(yuzuri, serve_spending_limits, SERVICE)
    place, _ = await subscribe(pcf, phone)
    unknown = 404, "SUBSCRIPTION_NOT_FOUND"
    for method in ("PUT", "DELETE"):
        assert cause(await other.send(method, place, asked(phone))) == unknown
        for name in (new_id(), "ffffffff-ffff-7fff-bfff-ffffffffffff", "x", "%00"):
            answer = await pcf.send(method, f"{PATH}/{name}", asked(phone))
            assert cause(answer) == unknown
    assert (await pcf.send("DELETE", place)).status_code == 204


# ---------------------------------------------------------------- changing and ending


async def test_a_change_replaces_the_counters_and_leaves_what_it_does_not_name(
    pcf: Caller, phone: Phone
) -> None:
    place, _ = await subscribe(
        pcf, phone, "data-percent", notifId="n-1", expiry="2026-11-12T00:00:00Z"
    )
    answer = await pcf.send("PUT", place, {"policyCounterIds": ["sms-percent"]})
    assert answer.status_code == httpx.codes.OK
    said = answer.json()
    assert_as_described(DESCRIPTION, "/components/schemas/SpendingLimitStatus", said)
    assert statuses(said) == {"sms-percent": "reached-100"}
    assert (said["notifId"], said["expiry"]) == ("n-1", "2026-11-12T00:00:00Z")
    answer = await pcf.send("PUT", place, {"notifId": "n-2", "expiry": "2026-11-20T00:00:00Z"})
    assert statuses(answer.json()).keys() == ALL
    assert (answer.json()["notifId"], answer.json()["expiry"]) == ("n-2", "2026-11-20T00:00:00Z")


async def test_a_change_is_checked_as_a_subscription_is(
    yuzuri: Yuzuri, pcf: Caller, phone: Phone
) -> None:
    other = await add_phone(yuzuri)
    place, _ = await subscribe(pcf, phone)
    for body, refusal in (
        ({"supi": other.supi}, "USER_UNKNOWN"),
        ({"policyCounterIds": ["money"]}, "UNKNOWN_POLICY_COUNTERS"),
        ({"notifUri": "http://evil.example"}, "OPTIONAL_IE_INCORRECT"),
        ({"expiry": "2026-11-09T00:00:00Z"}, "OPTIONAL_IE_INCORRECT"),
    ):
        assert cause(await pcf.send("PUT", place, body)) == (400, refusal)


async def test_a_subscription_ends_once(yuzuri: Yuzuri, pcf: Caller, phone: Phone) -> None:
    place, _ = await subscribe(pcf, phone, "data-percent")
    assert (await pcf.send("DELETE", place)).status_code == 204
    assert cause(await pcf.send("DELETE", place)) == (404, "SUBSCRIPTION_NOT_FOUND")
    await use(yuzuri, phone, FILLED)
    assert await told_now(yuzuri, phone) == []


@pytest.mark.parametrize("wanted", [None, "2027-12-01T00:00:00Z", "9999-12-31T23:59:59-14:00"])
async def test_no_subscription_lasts_longer_than_a_year(
    pcf: Caller, phone: Phone, wanted: str | None
) -> None:
    named = {} if wanted is None else {"expiry": wanted}
    place, said = await subscribe(pcf, phone, **named)
    assert said["expiry"] == "2027-11-11T03:00:00Z"
    assert (await pcf.send("PUT", place, named)).json()["expiry"] == "2027-11-11T03:00:00Z"


async def test_a_subscription_is_over_at_its_expiry(
    yuzuri: Yuzuri, pcf: Caller, phone: Phone, clock: MovedClock
) -> None:
    place, said = await subscribe(pcf, phone, "data-percent", expiry="2026-11-11T03:00:00Z")
    assert said["expiry"] == "2026-11-11T03:00:00Z"
    clock.move(DAY - timedelta(microseconds=1))
    assert (await pcf.send("PUT", place, {})).status_code == 200
    await use(yuzuri, phone, FILLED)
    clock.move(timedelta(microseconds=1))
    assert await told_now(yuzuri, phone) == []
    for method in ("PUT", "DELETE"):
        assert cause(await pcf.send(method, place, {})) == (404, "SUBSCRIPTION_NOT_FOUND")


# ---------------------------------------------------------------- being told


async def test_a_status_is_told_once_when_it_is_reached(
    yuzuri: Yuzuri, pcf: Caller, phone: Phone
) -> None:
    await subscribe(pcf, phone, "data-percent", "sms-percent", notifId="n-1")
    assert await told_now(yuzuri, phone) == []
    await lines_due(yuzuri)
    await use(yuzuri, phone, FILLED * 80 // 100 - 1)
    assert phone.line not in await lines_due(yuzuri)
    assert await told_now(yuzuri, phone) == []
    await use(yuzuri, phone, 1)
    assert phone.line in await lines_due(yuzuri)
    (said,) = await told_now(yuzuri, phone)
    assert statuses(said) == {"data-percent": "reached-80"}
    assert (said["supi"], said["notifId"]) == (phone.supi, "n-1")
    await use(yuzuri, phone, 1)
    assert await told_now(yuzuri, phone) == []
    await use(yuzuri, phone, FILLED)
    (said,) = await told_now(yuzuri, phone)
    assert statuses(said) == {"data-percent": "reached-100"}


async def test_what_is_bought_is_told_by_the_status_that_it_leaves(
    yuzuri: Yuzuri, pcf: Caller, phone: Phone
) -> None:
    await use(yuzuri, phone, FILLED)
    _, said = await subscribe(pcf, phone, "data-percent")
    assert statuses(said) == {"data-percent": "reached-100"}
    bought = Purchase(id=PurchaseId(new_id()), line=phone.line, top_up="1gb-30d")
    await lines_due(yuzuri)
    await yuzuri.submit(HOUSE_CLIENT, str(bought.id), bought)
    assert phone.line in await lines_due(yuzuri)
    (said,) = await told_now(yuzuri, phone)
    assert statuses(said) == {"data-percent": "reached-80"}


async def test_everybody_is_told_of_what_they_asked_about(
    yuzuri: Yuzuri, pcf: Caller, phone: Phone
) -> None:
    for number, counter in enumerate(("data-percent", "voice-percent", "data-percent")):
        await subscribe(pcf, phone, counter, notifId=str(number))
    await use(yuzuri, phone, FILLED)
    assert sorted(said["notifId"] for said in await told_now(yuzuri, phone)) == ["0", "2"]


async def test_one_that_was_not_reached_is_told_again_and_the_others_are_not(
    yuzuri: Yuzuri, pcf: Caller, phone: Phone
) -> None:
    await subscribe(pcf, phone, "data-percent", notifId="reached")
    await subscribe(pcf, phone, "data-percent", notifId="missed")
    await use(yuzuri, phone, FILLED)
    async with yuzuri.database.connection() as connection:
        due = await due_counter_notifications(
            connection, yuzuri.profiles, phone.line, yuzuri.clock()
        )
        for one in due:
            if one.subscription.notify_id == "reached":
                await note_told(connection, one)
    assert [said["notifId"] for said in await told_now(yuzuri, phone)] == ["missed"]


async def test_a_new_month_is_told_although_nobody_does_anything(
    yuzuri: Yuzuri, pcf: Caller, phone: Phone, clock: MovedClock
) -> None:
    await use(yuzuri, phone, FILLED * 9 // 10)
    _, said = await subscribe(pcf, phone, "data-percent")
    assert statuses(said) == {"data-percent": "reached-80"}
    assert phone.line in await lines_due(yuzuri)  # at once, for what came between
    assert await told_now(yuzuri, phone) == []
    clock.now = datetime(2026, 11, 30, 15, tzinfo=UTC) - timedelta(microseconds=1)
    assert phone.line not in await lines_due(yuzuri)
    clock.move(timedelta(microseconds=1))  # 1 December in Japan
    assert phone.line in await lines_due(yuzuri)
    (said,) = await told_now(yuzuri, phone)
    assert statuses(said) == {"data-percent": "below-80"}


async def test_what_expires_is_told_although_nobody_does_anything(
    yuzuri: Yuzuri, pcf: Caller, clock: MovedClock
) -> None:
    phone = await add_phone(yuzuri, "hours-24")
    await subscribe(pcf, phone, "data-percent")
    await lines_due(yuzuri)
    assert await told_now(yuzuri, phone) == []
    clock.move(DAY)
    assert phone.line in await lines_due(yuzuri)
    (said,) = await told_now(yuzuri, phone)
    assert statuses(said) == {"data-percent": "reached-100"}


async def test_a_line_is_slowed_as_soon_as_whoever_manages_its_pool_wants_that(
    yuzuri: Yuzuri, pcf: Caller, phone: Phone
) -> None:
    async with yuzuri.database.connection() as connection:
        line = await load_line(connection, phone.line)
    pool = PoolId(HolderId(new_id()))

    async def submit(command: PoolCommand) -> Outcome:
        return await yuzuri.submit(line.person, str(new_id()), command)

    await submit(OpenPool(person=line.person, pool=pool, name="us", line=line.id))
    assert await let_in(submit, line.person, pool, line) == PoolDone(pool)
    _, said = await subscribe(pcf, phone, "pool-speed")
    assert statuses(said) == {"pool-speed": "full"}
    await lines_due(yuzuri)
    for allotment, status in ((Allotment(is_slowed=True), "slowed"), (Allotment(), "full")):
        change = ChangeMember(person=line.person, pool=pool, line=line.id, allotment=allotment)
        assert await submit(change) == PoolDone(pool)
        assert await lines_due(yuzuri) == {phone.line}
        (said,) = await told_now(yuzuri, phone)
        assert statuses(said) == {"pool-speed": status}


async def test_a_look_that_came_to_nothing_is_tried_again_after_a_while(
    yuzuri: Yuzuri, pcf: Caller, phone: Phone, clock: MovedClock
) -> None:
    await subscribe(pcf, phone)
    assert phone.line in await lines_due(yuzuri)
    assert phone.line not in await lines_due(yuzuri)
    clock.move(LOOK_PAUSE)
    async with yuzuri.database.connection() as connection:
        await connection.execute("DELETE FROM counter_change")
    assert phone.line in await lines_due(yuzuri)


async def test_lines_that_nobody_has_subscribed_to_are_not_looked_at(
    yuzuri: Yuzuri, pcf: Caller, phone: Phone
) -> None:
    other = await add_phone(yuzuri)
    await subscribe(pcf, phone)
    await lines_due(yuzuri)
    async with yuzuri.database.connection() as connection:
        await connection.execute("DELETE FROM counter_change")
        await tell_subscribers(connection, {phone.line, other.line}, yuzuri.clock())
    assert await lines_due(yuzuri) == {phone.line}
