"""Bad input is answered with a problem document and a stable code, and no row changes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from tests.journeys.conftest import AddCustomer
from tests.journeys.served import (
    ELSEWHERE,
    Customer,
    ServedYuzuri,
    add_customer,
    beside,
    gift_body,
    keyed,
    new_uuid,
    serving,
    table_digests,
)

from yuzuri.settings import Settings

GB = 10**9
ABSENT = "ABSENT"


def assert_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), answer.text
    assert problem["status"] == status
    assert problem["type"] == f"urn:yuzuri:problem:{code}"
    assert problem["title"]
    assert problem["detail"]
    return problem


@pytest.fixture
def nothing_changes(served: ServedYuzuri, served_database_url: str) -> Iterator[None]:
    """The rows of balances and gifts are the same after the test as when it began."""
    before = table_digests(served_database_url)
    yield
    assert table_digests(served_database_url) == before


@pytest.fixture
async def hana(new_customer: AddCustomer) -> Customer:
    return await new_customer("Hana")


@pytest.fixture
async def ken(new_customer: AddCustomer) -> Customer:
    return await new_customer("Ken")


# ---------------------------------------------------------------- what is sent

BAD_FIELDS: list[tuple[dict[str, Any], int, str]] = [
    ({"amount": -1}, 400, "amount.not_positive"),
    ({"amount": 0}, 400, "amount.not_positive"),
    ({"amount": 1.5}, 400, "amount.fractional"),
    ({"amount": 1e9}, 400, "amount.fractional"),
    ({"amount": 2**63}, 400, "amount.too_large"),
    ({"amount": 10**400}, 400, "amount.too_large"),
    ({"amount": -(2**63) - 1}, 400, "amount.not_positive"),
    ({"amount": "1000000000"}, 400, "request.invalid"),
    ({"amount": True}, 400, "request.invalid"),
    ({"amount": None}, 400, "request.invalid"),
    ({"amount": ABSENT}, 400, "request.invalid"),
    ({"unit": "minutes"}, 400, "unit.unknown"),
    ({"unit": "DATA"}, 400, "unit.unknown"),
    ({"unit": 1}, 400, "request.invalid"),
    ({"unit": ABSENT}, 400, "request.invalid"),
    ({"message": "x" * 201}, 400, "message.too_long"),
    ({"message": "a\0b"}, 400, "request.invalid"),
    ({"message": ["a"]}, 400, "request.invalid"),
    ({"surprise": 1}, 400, "request.invalid"),
    ({"person": str(new_uuid())}, 400, "request.invalid"),
    ({"to_line": ABSENT}, 400, "request.invalid"),
    ({"to_number": "+819012345678"}, 400, "request.invalid"),
    ({"to_line": 5}, 400, "request.invalid"),
    ({"to_line": "no such thing"}, 404, "line.unknown"),
    ({"to_line": str(new_uuid())}, 404, "line.unknown"),
    ({"to_line": ELSEWHERE}, 404, "line.unknown"),
    ({"from_line": "no such thing"}, 404, "line.unknown"),
    ({"from_line": str(new_uuid())}, 404, "line.unknown"),
    ({"from_line": ELSEWHERE}, 404, "line.unknown"),
    ({"from_line": ABSENT}, 400, "request.invalid"),
    ({"to_line": ABSENT, "to_number": "+8190"}, 400, "number.unreadable"),
    ({"to_line": ABSENT, "to_number": "call me"}, 400, "number.unreadable"),
    ({"to_line": ABSENT, "to_number": "+81312345678"}, 404, "line.unknown"),
    ({"amount": 6 * GB}, 422, "balance.not_enough"),
    ({"amount": 2**53 - 1}, 422, "gift.maximum"),
    ({"unit": "sms", "amount": 1}, 422, "balance.not_enough"),
]


@pytest.mark.parametrize(("fields", "status", "code"), BAD_FIELDS)
async def test_a_bad_field_changes_nothing(
    hana: Customer,
    ken: Customer,
    nothing_changes: None,
    fields: dict[str, Any],
    status: int,
    code: str,
) -> None:
    body = {k: v for k, v in (gift_body(hana, ken, GB) | fields).items() if v != ABSENT}
    content = json.dumps(body)

    offer = hana.api.post("/v1/gifts", content=content, headers=keyed())
    preview = hana.api.post("/v1/gifts/preview", content=content)

    problem = assert_problem(offer, status, code)
    if status == 422:
        assert preview.json()["reasons"][0]["code"] == code
    else:
        assert assert_problem(preview, status, code)["detail"] == problem["detail"]
    if code == "request.invalid":
        assert problem["fields"]["field"]
        assert problem["fields"]["problem"]


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b'{"amount":',
        b"\xff\xfe",
        b'{"amount": NaN}',
        b'{"message": "\\ud800"}',
        b"amount=5",
        b"[" * 60_000,
    ],
)
async def test_what_is_no_json_changes_nothing(
    hana: Customer, nothing_changes: None, content: bytes
) -> None:
    for path in ("/v1/gifts", "/v1/gifts/preview", "/v1/sessions"):
        answer = hana.api.post(path, content=content, headers=keyed())
        assert_problem(answer, 400, "request.malformed")


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"5"])
async def test_what_is_no_object_changes_nothing(
    hana: Customer, nothing_changes: None, content: bytes
) -> None:
    answer = hana.api.post("/v1/gifts", content=content, headers=keyed())
    problem = assert_problem(answer, 400, "request.invalid")
    assert problem["fields"]["field"] == "body"
    assert problem["fields"]["problem"] in {
        "there is none",
        "Expected `object`, got `array`",
        "Expected `object`, got `null`",
        "Expected `object`, got `int`",
    }


async def test_what_is_too_large_is_not_read(hana: Customer, nothing_changes: None) -> None:
    def in_pieces() -> Iterator[bytes]:
        yield b'{"message": "'
        for _ in range(70):
            yield b"x" * 1_024

    whole = b"".join(in_pieces())
    for content in (whole, in_pieces()):
        answer = hana.api.post("/v1/gifts", content=content, headers=keyed())
        assert_problem(answer, 413, "request.too_large")


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (None, "idempotency_key.missing"),
        ("", "idempotency_key.invalid"),
        ("two words", "idempotency_key.invalid"),
        ("é", "idempotency_key.invalid"),
        ("x" * 129, "idempotency_key.invalid"),
    ],
)
async def test_a_change_needs_a_key_that_can_be_kept(
    hana: Customer, ken: Customer, nothing_changes: None, key: str | None, code: str
) -> None:
    headers = {} if key is None else {b"Idempotency-Key": key.encode("latin-1")}
    gift = new_uuid()
    for path in ("", f"/{gift}/accept", f"/{gift}/decline", f"/{gift}/cancel"):
        answer = hana.api.request(
            "POST", f"/v1/gifts{path}", json=gift_body(hana, ken, GB), headers=headers
        )
        assert_problem(answer, 400, code)


async def test_two_keys_are_none(hana: Customer, ken: Customer, nothing_changes: None) -> None:
    headers = [("Idempotency-Key", "one"), ("Idempotency-Key", "two")]
    answer = hana.api.post("/v1/gifts", json=gift_body(hana, ken, GB), headers=headers)
    assert_problem(answer, 400, "idempotency_key.invalid")


@pytest.mark.parametrize("how", ["accept", "decline", "cancel"])
@pytest.mark.parametrize(
    "gift", ["none", str(new_uuid()), ELSEWHERE], ids=["no id", "an id", "an id elsewhere"]
)
async def test_a_gift_that_is_not_there_does_not_end(
    hana: Customer, nothing_changes: None, how: str, gift: str
) -> None:
    assert_problem(hana.end(gift, how), 404, "gift.unknown")


async def test_a_query_that_cannot_be_read_is_named(hana: Customer) -> None:
    for query in ({"limit": "0"}, {"limit": "101"}, {"limit": "many"}, {"direction": "sideways"}):
        problem = assert_problem(hana.api.get("/v1/gifts", params=query), 400, "request.invalid")
        assert problem["fields"]["field"] in query


async def test_expired_data_cannot_be_given(settings: Settings, database_url: str) -> None:
    # A server of its own: it sweeps as it starts, and then not for half a minute.
    async with beside(settings) as yuzuri:
        with serving(settings) as served:
            hana = await add_customer(yuzuri, served, "Hana")
            ken = await add_customer(yuzuri, served, "Ken")
            with psycopg.connect(database_url, autocommit=True) as connection:
                connection.execute(
                    "UPDATE yuzuri.allowance SET expires_at = now() - interval '1 hour'"
                )
            before = table_digests(database_url)
            problem = assert_problem(hana.give(ken, GB), 422, "allowance.expired")
            assert hana.preview(ken, GB).json()["feasible"] is False
            assert table_digests(database_url) == before
            assert problem["fields"]["available"] == {"quantity": [0, "data"]}
            assert hana.balances() == (0, 0)


# ---------------------------------------------------------------- where it is sent


async def test_a_path_that_is_not_there(served: ServedYuzuri) -> None:
    with served.client() as client:
        for path in ("/v1/nothing", "/v1", "/v1/gifts/1/2/3", "/health/x"):
            for method in ("GET", "POST", "DELETE"):
                assert_problem(client.request(method, path), 404, "path.unknown")


async def test_a_method_that_a_path_does_not_take(served: ServedYuzuri) -> None:
    with served.client() as client:
        answer = client.put("/v1/gifts")
    assert_problem(answer, 405, "method.not_allowed")
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


# ---------------------------------------------------------------- when there is no database


def test_without_a_database_one_is_told_to_come_back(
    settings: Settings, database_url: str, tmp_path: Path
) -> None:
    name = httpx.URL(database_url).path.removeprefix("/")
    server_url = str(httpx.URL(database_url).copy_with(path="/postgres"))
    close = f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"
    end = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    with serving(settings) as served, served.client("a" * 43) as client:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(close)
            connection.execute(end)
            answer = client.get("/health")
            assert_problem(answer, 503, "database.unavailable")
            assert int(answer.headers["Retry-After"]) > 0
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        assert_problem(client.get("/v1/lines"), 401, "session.invalid")
        assert client.get("/health").json() == {"status": "ok"}
