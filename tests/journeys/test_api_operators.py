"""Asking about operators and plans over HTTP, without being signed in."""

from collections.abc import Iterator

import httpx
import pytest
from tests.journeys.served import ServedYuzuri


@pytest.fixture
def client(served: ServedYuzuri) -> Iterator[httpx.Client]:
    with served.client() as client:
        yield client


def ask(client: httpx.Client, **query: str) -> httpx.Response:
    query = {name.rstrip("_"): value for name, value in query.items()}
    return client.get("/v1/feasibility", params=query)


def test_every_operator_can_be_read_rule_by_rule_with_its_source(client: httpx.Client) -> None:
    operators = client.get("/v1/operators").json()["operators"]
    assert {"docomo", "kddi", "mineo", "yuzuri-mobile"} <= {o["id"] for o in operators}
    for listed in operators:
        answer = client.get(f"/v1/operators/{listed['id']}")
        assert answer.status_code == 200
        operator = answer.json()
        assert [plan["id"] for plan in operator["plans"]] == listed["plans"]
        for cited in (*operator["plans"], *operator["rules"], *operator["services"]):
            assert cited["source"]
            assert cited["as_of"]
            assert cited["confidence"] in {"high", "medium", "low"}


def test_a_rule_has_its_amounts_in_base_units(client: httpx.Client) -> None:
    mineo = client.get("/v1/operators/mineo").json()
    rules = {rule["rule"]: rule["value"] for rule in mineo["rules"]}
    assert {"amount": 10_000_000, "unit": "data"} in rules["gift.step"]
    shown = client.get("/v1/operators/mineo", headers={"Accept-Language": "ja"}).json()
    assert shown["plans"][0]["name"] != mineo["plans"][0]["name"]


def test_mineo_takes_steps_of_10_mb_and_names_the_nearest(client: httpx.Client) -> None:
    answer = ask(client, from_="mineo", to="mineo", amount="15MB").json()
    route = answer["routes"][0]
    assert (answer["from"], answer["to"], answer["amount"], answer["unit"]) == (
        "mineo", "mineo", 15_000_000, "data",
    )  # fmt: skip
    assert route["feasible"] is False
    assert "gift.step" in {reason["code"] for reason in route["reasons"]}
    assert {10_000_000, 20_000_000} <= {other["amount"] for other in route["instead"]}


def test_there_is_no_direct_gift_from_ahamo_to_povo_and_the_source_is_named(
    client: httpx.Client,
) -> None:
    answer = ask(client, from_="docomo/ahamo", to="kddi/povo", amount="1GB").json()
    route = answer["routes"][0]
    assert [one["route"] for one in answer["routes"]] == [
        "gift", "link", "request", "pool", "delegation", "tank",
    ]  # fmt: skip
    assert [one["feasible"] for one in answer["routes"]] == [False] * 6
    assert route["feasible"] is False
    assert route["arrives"] is None
    refusal = route["reasons"][0]
    assert refusal["effect"] == "refuses"
    assert refusal["text"]
    assert refusal["source"]
    assert refusal["as_of"]


def test_one_may_choose_language_and_time_and_leave_out_the_rest(client: httpx.Client) -> None:
    query = {"from_": "yuzuri-mobile/monthly", "at": "2026-12-01T09:00+09:00"}
    english = ask(client, **query)
    japanese = ask(client, **query, lang="ja", unit="voice")
    assert english.json()["to"] == "yuzuri-mobile"
    assert english.json()["at"] == japanese.json()["at"] == "2026-12-01T09:00:00+09:00"
    assert english.json()["amount"] == 10_000_000
    assert (japanese.json()["unit"], japanese.json()["amount"]) == ("voice", 60)
    unescaped = client.get("/v1/feasibility?from=mineo&at=2026-12-01T09:00+09:00")
    assert unescaped.json()["at"] == "2026-12-01T09:00:00+09:00"


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({}, 400, "request.invalid"),
        ({"from_": "nobody"}, 404, "operator.unknown"),
        ({"from_": "mineo", "to": "nobody"}, 404, "operator.unknown"),
        ({"from_": "mineo/none"}, 404, "plan.unknown"),
        ({"from_": "mineo", "amount": "much"}, 400, "amount.unreadable"),
        ({"from_": "mineo", "amount": "-1GB"}, 400, "amount.not_positive"),
        ({"from_": "mineo", "amount": "1.5B"}, 400, "amount.fractional"),
        ({"from_": "mineo", "amount": "9223372036854775808B"}, 400, "amount.too_large"),
        ({"from_": "mineo", "amount": "1GB", "unit": "voice"}, 400, "unit.mismatch"),
        ({"from_": "mineo", "amount": "1GB", "unit": "minutes"}, 400, "unit.unknown"),
        ({"from_": "mineo", "at": "soon"}, 400, "time.unreadable"),
        ({"from_": "mineo", "at": "9999-12-31T23:59"}, 400, "time.unreadable"),
        ({"from_": "mineo", "at": "0001-01-01T00:00+14:00"}, 400, "time.unreadable"),
        ({"from_": "mineo", "lang": "tlh"}, 400, "language.unknown"),
    ],
)
def test_a_question_that_makes_no_sense_is_answered_with_a_code(
    client: httpx.Client, query: dict[str, str], status: int, code: str
) -> None:
    answer = ask(client, **query)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    unknown = client.get("/v1/operators/nobody")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "operator.unknown")
