"""CAMARA Device Data Volume 0.1.0: what is left, to whom it is told, and what is answered else."""

import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from tests.conftest import Server
from tests.contract.calling import Caller, Phone, add_phone, beside, open_caller, use
from tests.contract.official import assert_as_described
from tests.model.world import MovedClock

from yuzuri.api.camara.device_data_volume import BASE_PATH, serve_device_data_volume
from yuzuri.charging.sessions import OpenSession, Wanted
from yuzuri.kernel.ids import SessionId, new_id
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.store import read_book
from yuzuri.networks.tokens import AUDIENCE
from yuzuri.runtime.running import HOUSE_CLIENT, Yuzuri
from yuzuri.settings import Settings
from yuzuri.sharing.gifts import GiftDone, OfferGift
from yuzuri.subscribers.lines import load_line

READ, ANY_LINE = "device-data-volume:read", "device-data-volume:any-line"
DESCRIPTION = "camara/device-data-volume.yaml"
MIB, GIB, FILLED = 2**20, 2**30, 5_000_000_000
NOON = datetime(2026, 11, 10, 3, 0, tzinfo=UTC)  # 12:00 in Japan
NOBODY = {"phoneNumber": "+999999999999"}


@pytest.fixture(scope="module")
def its_settings(
    server: Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    name = f"yuzuri_camara_{uuid.uuid4().hex}"
    server.create(name, template)
    yield Settings(data=tmp_path_factory.mktemp("camara"), database_url=server.url(name), demo=True)
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
    return await add_phone(yuzuri)


@pytest.fixture
async def shop(yuzuri: Yuzuri) -> Caller:
    """Who may ask about any line."""
    return await open_caller(yuzuri, serve_device_data_volume, READ, ANY_LINE)


async def app_of(yuzuri: Yuzuri, line: object, *services: str) -> Caller:
    """Who may ask about one line."""
    return await open_caller(yuzuri, serve_device_data_volume, READ, *services, line=str(line))


async def ask(
    caller: Caller, operation: str, body: object = None, **headers: str
) -> httpx.Response:
    """Ask, and check the answer by the description of its status."""
    answer = await caller.send(
        "POST", f"{BASE_PATH}{operation}", {} if body is None else body, **headers
    )
    if answer.status_code == httpx.codes.OK:
        name = f"{operation.capitalize()}DataVolumeResponse"
        assert_as_described(DESCRIPTION, f"/components/schemas/{name}", answer.json())
    else:
        place = (
            f"/components/responses/Generic{answer.status_code}/content/application~1json/schema"
        )
        assert_as_described(DESCRIPTION, place, answer.json())
    assert answer.headers["content-type"] == "application/json"
    return answer


async def told(caller: Caller, operation: str, body: object = None) -> dict[str, Any]:
    answer = await ask(caller, operation, body)
    assert answer.status_code == httpx.codes.OK, answer.text
    said: dict[str, Any] = answer.json()
    return said


async def refused(
    caller: Caller, operation: str, body: object = None, **headers: str
) -> tuple[int, str]:
    answer = await ask(caller, operation, body, **headers)
    assert answer.json()["status"] == answer.status_code
    return answer.status_code, answer.json()["code"]


def threshold(value: int, unit: str) -> dict[str, Any]:
    return {"volumeToCheck": {"value": value, "unit": unit}}


# ---------------------------------------------------------------- how much


@pytest.mark.parametrize(
    ("left", "category"),
    [
        (0, "<200MiB"),
        (200 * MIB - 1, "<200MiB"),
        (200 * MIB, "<1GiB"),
        (GIB - 1, "<1GiB"),
        (GIB, "<5GiB"),
        (FILLED, "<5GiB"),
    ],
)
async def test_a_category_begins_at_its_byte(
    yuzuri: Yuzuri, phone: Phone, left: int, category: str
) -> None:
    await use(yuzuri, phone, FILLED - left)
    app = await app_of(yuzuri, phone.line)
    assert await told(app, "retrieve") == {"dataVolumeCategory": category}


@pytest.mark.parametrize(("left", "category"), [(5 * GIB - 1, "<5GiB"), (5 * GIB, ">=5GiB")])
async def test_the_largest_category_begins_at_5_gib(
    yuzuri: Yuzuri, left: int, category: str
) -> None:
    phone = await add_phone(yuzuri, "monthly")  # 20 GB by day
    await use(yuzuri, phone, 20_000_000_000 - left)
    app = await app_of(yuzuri, phone.line)
    assert await told(app, "retrieve") == {"dataVolumeCategory": category}


@pytest.mark.parametrize(
    ("left", "value", "unit", "is_exceeded"),
    [
        (500 * MIB + 1, 500, "MiB", True),
        (500 * MIB, 500, "MiB", False),
        (500 * MIB - 1, 500, "MiB", False),
        (GIB + 1, 1, "GiB", True),
        (GIB, 1, "GiB", False),
        (1, 0, "MiB", True),
        (0, 0, "GiB", False),
        (FILLED, 1024, "GiB", False),
    ],
)
async def test_a_threshold_is_exceeded_by_more_than_itself(
    yuzuri: Yuzuri, phone: Phone, left: int, value: int, unit: str, is_exceeded: bool
) -> None:
    await use(yuzuri, phone, FILLED - left)
    app = await app_of(yuzuri, phone.line)
    assert await told(app, "check", threshold(value, unit)) == {"thresholdExceeded": is_exceeded}


async def test_night_data_counts_only_at_night(yuzuri: Yuzuri, clock: MovedClock) -> None:
    phone = await add_phone(yuzuri, "monthly")  # 20 GB by day, and 30 GB from 23:00 to 6:00
    app = await app_of(yuzuri, phone.line)
    is_above_20_gb = threshold(19, "GiB")
    assert not (await told(app, "check", is_above_20_gb))["thresholdExceeded"]
    clock.move(timedelta(hours=11))
    assert (await told(app, "check", is_above_20_gb))["thresholdExceeded"]
    clock.move(timedelta(hours=7))
    assert not (await told(app, "check", is_above_20_gb))["thresholdExceeded"]


async def test_what_is_over_does_not_count(yuzuri: Yuzuri, clock: MovedClock) -> None:
    phone = await add_phone(yuzuri, "hours-24")
    app = await app_of(yuzuri, phone.line)
    clock.move(timedelta(days=1) - timedelta(microseconds=1))
    assert (await told(app, "retrieve"))["dataVolumeCategory"] == "<5GiB"
    clock.move(timedelta(microseconds=1))
    assert (await told(app, "retrieve"))["dataVolumeCategory"] == "<200MiB"


async def test_what_waits_in_an_open_gift_does_not_count(yuzuri: Yuzuri, phone: Phone) -> None:
    other = await add_phone(yuzuri)
    app = await app_of(yuzuri, phone.line)
    await use(yuzuri, phone, FILLED - 200 * MIB - 10_000_000)
    assert (await told(app, "retrieve"))["dataVolumeCategory"] == "<1GiB"
    async with yuzuri.database.connection() as connection:
        person = (await load_line(connection, phone.line)).person
    gift = OfferGift(
        person=person,
        from_line=phone.line,
        to_line=other.line,
        unit=Unit.DATA,
        amount=11_000_000,
    )
    assert isinstance(await yuzuri.submit(person, "gift", gift), GiftDone)
    assert (await told(app, "retrieve"))["dataVolumeCategory"] == "<200MiB"


async def test_what_its_own_session_was_granted_counts(yuzuri: Yuzuri, phone: Phone) -> None:
    app = await app_of(yuzuri, phone.line)
    await use(yuzuri, phone, FILLED - 200 * MIB)
    await open_session(yuzuri, phone, "JP")
    async with yuzuri.database.connection() as connection:
        book = await read_book(connection, [phone.line], yuzuri.clock())
    assert sum(bucket.held for bucket in book.buckets_of(phone.line)) > 0
    assert (await told(app, "retrieve"))["dataVolumeCategory"] == "<1GiB"
    await use(yuzuri, phone, 1)
    assert (await told(app, "retrieve"))["dataVolumeCategory"] == "<200MiB"


async def open_session(yuzuri: Yuzuri, phone: Phone, country: str) -> None:
    """Open a session that is granted some data."""
    session = OpenSession(
        session=SessionId(new_id()),
        line=phone.line,
        network_function="smf",
        notify_uri=None,
        country=country,
        sequence=1,
        wanted=(Wanted(1),),
    )
    await yuzuri.submit(HOUSE_CLIENT, str(session.session), session)


@pytest.mark.parametrize(
    ("country", "category"), [("JP", "<5GiB"), ("KR", "<5GiB"), ("FR", "<200MiB")]
)
async def test_what_cannot_be_used_where_the_phone_is_does_not_count(
    yuzuri: Yuzuri, country: str, category: str
) -> None:
    phone = await add_phone(yuzuri, "travel-7d")  # in Asia
    await open_session(yuzuri, phone, country)
    app = await app_of(yuzuri, phone.line)
    assert (await told(app, "retrieve"))["dataVolumeCategory"] == category


async def test_a_line_that_never_had_data_has_the_least(yuzuri: Yuzuri) -> None:
    phone = await add_phone(yuzuri, filled=False)
    app = await app_of(yuzuri, phone.line)
    assert (await told(app, "retrieve"))["dataVolumeCategory"] == "<200MiB"


async def test_where_data_has_no_limit_there_is_no_answer(yuzuri: Yuzuri) -> None:
    phone = await add_phone(yuzuri, "saikyo", operator="rakuten-mobile", filled=False)
    app = await app_of(yuzuri, phone.line)
    not_applicable = 422, "SERVICE_NOT_APPLICABLE"
    assert await refused(app, "retrieve") == not_applicable
    assert await refused(app, "check", threshold(1, "MiB")) == not_applicable


# ---------------------------------------------------------------- whose


async def test_who_may_ask_about_any_line_names_it_by_its_number(
    shop: Caller, phone: Phone
) -> None:
    device = {"device": {"phoneNumber": phone.number}}
    assert await told(shop, "retrieve", device) == {"dataVolumeCategory": "<5GiB"}
    assert await told(shop, "check", device | threshold(1, "GiB")) == {"thresholdExceeded": True}


async def test_of_several_names_the_one_that_was_used_is_told(shop: Caller, phone: Phone) -> None:
    names = {
        "phoneNumber": phone.number,
        "ipv4Address": {"publicAddress": "203.0.113.7", "publicPort": 443},
        "ipv6Address": "2001:db8::7",
        "networkAccessIdentifier": "7@example.com",
    }
    said = await told(shop, "retrieve", {"device": names})
    assert said["device"] == {"phoneNumber": phone.number}


@pytest.mark.parametrize("operation", ["retrieve", "check"])
async def test_the_number_in_a_token_names_a_line_too(
    yuzuri: Yuzuri, phone: Phone, operation: str
) -> None:
    app = await app_of(yuzuri, phone.number)
    assert "device" not in await told(app, operation, threshold(1, "MiB"))


@pytest.mark.parametrize("operation", ["retrieve", "check"])
async def test_a_token_for_one_line_answers_for_no_other(
    yuzuri: Yuzuri, phone: Phone, operation: str
) -> None:
    other = await add_phone(yuzuri)
    for app in (await app_of(yuzuri, phone.line), await app_of(yuzuri, phone.line, ANY_LINE)):
        for number in (other.number, phone.number, NOBODY["phoneNumber"]):
            body = {"device": {"phoneNumber": number}} | threshold(1, "MiB")
            assert await refused(app, operation, body) == (422, "UNNECESSARY_IDENTIFIER")


@pytest.mark.parametrize("operation", ["retrieve", "check"])
async def test_without_leave_for_any_line_nothing_can_be_named(
    yuzuri: Yuzuri, phone: Phone, operation: str
) -> None:
    caller = await open_caller(yuzuri, serve_device_data_volume, READ)
    for device in ({"phoneNumber": phone.number}, NOBODY, None):
        named = {} if device is None else {"device": device}
        body: dict[str, object] = threshold(1, "MiB") | named
        assert await refused(caller, operation, body) == (403, "PERMISSION_DENIED")


@pytest.mark.parametrize("operation", ["retrieve", "check"])
@pytest.mark.parametrize(
    ("device", "refusal"),
    [
        (None, (422, "MISSING_IDENTIFIER")),
        (NOBODY, (404, "IDENTIFIER_NOT_FOUND")),
        ({"ipv6Address": "2001:db8::7"}, (422, "UNSUPPORTED_IDENTIFIER")),
        ({"networkAccessIdentifier": "7@example.com"}, (422, "UNSUPPORTED_IDENTIFIER")),
        (
            {"ipv4Address": {"publicAddress": "203.0.113.7", "privateAddress": "10.0.0.7"}},
            (422, "UNSUPPORTED_IDENTIFIER"),
        ),
        ({}, (400, "INVALID_ARGUMENT")),
        ({"phoneNumber": "090-1234-5678"}, (400, "INVALID_ARGUMENT")),
        ({"phoneNumber": "+819012345678\n"}, (400, "INVALID_ARGUMENT")),
        ({"phoneNumber": None}, (400, "INVALID_ARGUMENT")),
        ({"ipv4Address": {"publicAddress": "203.0.113.7"}}, (400, "INVALID_ARGUMENT")),
        (
            {"ipv4Address": {"publicAddress": "203.0.113", "publicPort": 1}},
            (400, "INVALID_ARGUMENT"),
        ),
        (
            {"ipv4Address": {"publicAddress": "203.0.113.7", "publicPort": 65536}},
            (400, "INVALID_ARGUMENT"),
        ),
        ({"ipv6Address": "2001:db8::7::"}, (400, "INVALID_ARGUMENT")),
        ("+819012345678", (400, "INVALID_ARGUMENT")),
    ],
)
async def test_a_device_that_cannot_be_found_is_told_apart(
    shop: Caller, operation: str, device: object, refusal: tuple[int, str]
) -> None:
    named = {} if device is None else {"device": device}
    assert await refused(shop, operation, threshold(1, "MiB") | named) == refusal


@pytest.mark.parametrize(
    "named",
    [str(new_id()), "+999999999999", "nobody", ""],
    ids=["an id", "a number", "a word", "nothing"],
)
async def test_a_token_for_a_line_that_is_not_there_finds_nothing(
    yuzuri: Yuzuri, named: str
) -> None:
    app = await app_of(yuzuri, named)
    assert await refused(app, "retrieve") == (404, "IDENTIFIER_NOT_FOUND")


# ---------------------------------------------------------------- who asks


@pytest.mark.parametrize("operation", ["retrieve", "check"])
@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer a.b.c", "Basic YTpi", "bearer e30.e30.e30"]
)
async def test_nobody_is_answered_without_a_token(
    shop: Caller, phone: Phone, operation: str, authorization: str | None
) -> None:
    shop.headers = {} if authorization is None else {"Authorization": authorization}
    bodies: list[object] = [{"device": {"phoneNumber": phone.number}}, {"device": NOBODY}, []]
    for body in bodies:
        assert await refused(shop, operation, body) == (401, "UNAUTHENTICATED")
    answer = await ask(shop, operation)
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("services", [("nchf-convergedcharging",), (ANY_LINE,), ()])
async def test_a_token_for_something_else_is_not_enough(
    yuzuri: Yuzuri, services: tuple[str, ...]
) -> None:
    caller = await open_caller(yuzuri, serve_device_data_volume, *services)
    assert await refused(caller, "retrieve", {"device": NOBODY}) == (403, "PERMISSION_DENIED")


async def test_a_token_gives_no_more_than_its_own_scopes(
    yuzuri: Yuzuri, shop: Caller, phone: Phone
) -> None:
    async def with_scope(scope: str) -> tuple[int, str]:
        token = await yuzuri.networks.issue(
            shop.function, AUDIENCE, scope, yuzuri.clock(), timedelta(hours=1)
        )
        shop.headers = {"Authorization": f"Bearer {token}"}
        return await refused(shop, "retrieve", {"device": NOBODY})

    assert await with_scope(f"{READ} {ANY_LINE}") == (404, "IDENTIFIER_NOT_FOUND")
    assert await with_scope(READ) == (403, "PERMISSION_DENIED")
    assert await with_scope(ANY_LINE) == (403, "PERMISSION_DENIED")


async def test_a_token_that_is_over_is_refused(
    yuzuri: Yuzuri, shop: Caller, clock: MovedClock
) -> None:
    clock.move(timedelta(days=365))
    assert await refused(shop, "retrieve", {"device": NOBODY}) == (401, "UNAUTHENTICATED")


# ---------------------------------------------------------------- how it is asked


@pytest.mark.parametrize(
    ("check", "code"),
    [
        ({"value": 1025, "unit": "MiB"}, "OUT_OF_RANGE"),
        ({"value": -1, "unit": "GiB"}, "OUT_OF_RANGE"),
        ({"value": 10**30, "unit": "MiB"}, "OUT_OF_RANGE"),
        ({"value": 1.5, "unit": "MiB"}, "INVALID_ARGUMENT"),
        ({"value": "1", "unit": "MiB"}, "INVALID_ARGUMENT"),
        ({"value": True, "unit": "MiB"}, "INVALID_ARGUMENT"),
        ({"value": 1, "unit": "MB"}, "INVALID_ARGUMENT"),
        ({"value": 1}, "INVALID_ARGUMENT"),
        ({"unit": "MiB"}, "INVALID_ARGUMENT"),
        (None, "INVALID_ARGUMENT"),
    ],
)
async def test_a_threshold_that_cannot_be_is_refused(
    yuzuri: Yuzuri, phone: Phone, check: object, code: str
) -> None:
    app = await app_of(yuzuri, phone.line)
    assert await refused(app, "check", {"volumeToCheck": check}) == (400, code)


async def test_a_check_needs_a_threshold(yuzuri: Yuzuri, phone: Phone) -> None:
    app = await app_of(yuzuri, phone.line)
    assert await refused(app, "check") == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    "sent",
    [
        {"content": b""},
        {"content": b"{"},
        {"content": b"[" * 10_000},
        {"content": b"[]"},
        {"content": b'{"device": "\xff"}'},
        {"content": b"{}", "headers": {"content-type": "text/plain"}},
        {"content": b"{}", "headers": {"content-encoding": "gzip"}},
        {"content": b'{"x": "' + b"x" * 20_000 + b'"}'},
    ],
)
async def test_what_cannot_be_read_is_an_invalid_argument(
    yuzuri: Yuzuri, phone: Phone, sent: dict[str, Any]
) -> None:
    app = await app_of(yuzuri, phone.line)
    headers = app.headers | {"content-type": "application/json"} | sent.get("headers", {})
    answer = await app.http.post(f"{BASE_PATH}retrieve", content=sent["content"], headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize("correlator", ["b4333c46-49c0", "a:b;c./<>{}_-", "", "x" * 256])
async def test_a_correlator_comes_back_with_every_answer(
    yuzuri: Yuzuri, phone: Phone, shop: Caller, correlator: str
) -> None:
    app = await app_of(yuzuri, phone.line)
    sent = {"x-correlator": correlator}
    for answer in (
        await ask(app, "retrieve", **sent),
        await ask(app, "check", **sent),
        await ask(shop, "retrieve", **sent),
        await ask(shop, "retrieve", {"device": NOBODY}, **sent),
    ):
        assert answer.headers["x-correlator"] == correlator
    shop.headers = {}
    assert (await ask(shop, "retrieve", **sent)).headers["x-correlator"] == correlator


@pytest.mark.parametrize("correlator", ["a b", "a=b", "x" * 257, "a,b", "a\tb"])
async def test_a_correlator_that_cannot_be_is_refused_and_not_sent_back(
    yuzuri: Yuzuri, phone: Phone, correlator: str
) -> None:
    app = await app_of(yuzuri, phone.line)
    sent = {"x-correlator": correlator}
    assert await refused(app, "retrieve", **sent) == (400, "INVALID_ARGUMENT")
    assert "x-correlator" not in (await ask(app, "retrieve", **sent)).headers


async def test_other_methods_and_other_paths_are_not_served(shop: Caller) -> None:
    for method in ("GET", "PUT", "DELETE", "PATCH", "HEAD"):
        answer = await shop.send(method, f"{BASE_PATH}retrieve")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    for path in ("", "retrieve/", "check/1", "Retrieve"):
        assert (await shop.send("POST", f"{BASE_PATH}{path}", {})).status_code == 404
