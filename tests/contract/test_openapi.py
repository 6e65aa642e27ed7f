"""The API does what its OpenAPI description says, whatever it is sent."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from litestar import Litestar
from litestar.serialization import encode_json
from schemathesis.checks import load_all_checks
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks
from tests.conftest import Server
from tests.journeys.served import (
    Customer,
    ServedYuzuri,
    add_customer,
    as_headers,
    beside,
    broken_invariants,
    keyed,
    serving,
)

from yuzuri.api.app import api_router, openapi_config
from yuzuri.kernel.errors import Code
from yuzuri.settings import Settings

EXAMPLES = 12
NAMES = ("Hana", "Ken", "Mai", "Aya")
SMALLEST = 10_000_000
NEWCOMER = {"X-Forwarded-For": "203.0.113.1"}
"""An address from which nothing was tried that does not work."""
CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.missing_required_header,
    checks.ignored_auth,
]


@dataclass
class Described:
    """A server with people on it; the last two have been asked nothing before."""

    served: ServedYuzuri
    hana: Customer
    ken: Customer
    mai: Customer
    aya: Customer

    @property
    def description(self) -> dict[str, Any]:
        answer: dict[str, Any] = httpx.get(
            f"{self.served.url}/schema/openapi.json", trust_env=False
        ).json()
        return answer


@pytest.fixture(scope="module")
def described(
    server: Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Described]:
    name = f"yuzuri_described_{uuid.uuid4().hex}"
    server.create(name, template)
    data = tmp_path_factory.mktemp("described")
    its_settings = Settings(data=data, database_url=server.url(name), demo=True, proxies=1)

    async def people(served: ServedYuzuri) -> list[Customer]:
        async with beside(its_settings) as yuzuri:
            return [await add_customer(yuzuri, served, name) for name in NAMES]

    async def broken() -> list[str]:
        async with beside(its_settings) as yuzuri:
            return await broken_invariants(yuzuri)

    with serving(its_settings) as served:
        yield Described(served, *asyncio.run(people(served)))
        assert asyncio.run(broken()) == []
    server.drop(name)


load_all_checks()
DESCRIPTION = json.loads(
    encode_json(Litestar([api_router], openapi_config=openapi_config).openapi_schema.to_schema())
)
OPERATIONS: list[Any] = [
    found.ok()  # type: ignore[union-attr]  # an operation that cannot be read fails here
    for found in schemathesis.openapi.from_dict(DESCRIPTION).get_all_operations()
]
CASES = [(operation, GenerationMode.POSITIVE) for operation in OPERATIONS] + [
    (operation, GenerationMode.NEGATIVE) for operation in OPERATIONS if operation.body
]
few = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize(
    ("operation", "mode"), CASES, ids=[f"{o.label} {mode.value}" for o, mode in CASES]
)
def test_every_answer_is_as_described(
    described: Described, operation: Any, mode: GenerationMode
) -> None:
    @few
    @given(case=operation.as_strategy(generation_mode=mode))
    def it_is(case: Any) -> None:
        # Signing out is tried unsigned, or else nobody would be signed in for the next case.
        is_signed = (case.method, case.path) != ("DELETE", "/v1/sessions")
        headers = as_headers(described.hana.token if is_signed else None)
        case.call_and_validate(
            base_url=described.served.url, headers=headers, checks=CHECKS, timeout=30
        )

    it_is()


@pytest.mark.parametrize(
    "operation",
    [operation for operation in OPERATIONS if operation.path.startswith("/v1/gifts")],
    ids=lambda o: o.label,
)
def test_every_answer_about_what_there_is_is_as_described(
    described: Described, operation: Any
) -> None:
    hana, ken = described.hana, described.ken

    @few
    @given(case=operation.as_strategy())
    def it_is(case: Any) -> None:
        if isinstance(case.body, dict):
            case.body |= {"from_line": str(hana.line), "to_line": str(ken.line)}
            case.body.pop("to_number", None)
        if "gift_id" in (case.path_parameters or {}):
            gift = hana.give(ken, SMALLEST).json()
            case.path_parameters["gift_id"] = gift.get("id", str(uuid.uuid4()))
        case.call_and_validate(
            base_url=described.served.url, headers=as_headers(hana.token), checks=CHECKS[:5],
            timeout=30,
        )  # fmt: skip

    it_is()


def test_what_is_told_of_a_link_and_a_request_is_as_described(described: Described) -> None:
    hana, ken = described.mai, described.aya
    by_label = {operation.label: operation for operation in OPERATIONS}
    known: dict[str, str] = {}

    def ask(who: Customer, label: str, /, **body: Any) -> dict[str, Any]:
        method, path = label.split()
        headers = keyed() | NEWCOMER
        path = path.format_map(known)
        answer = who.api.request(method, path, json=body or None, headers=headers)
        assert answer.is_success, answer.text
        by_label[label].validate_response(answer)
        told: dict[str, Any] = answer.json()
        return told

    much = {"unit": "data", "amount": SMALLEST}
    link = ask(hana, "POST /v1/links", line=str(hana.line), shares=1, **much)
    known["link_id"] = link["id"]
    ask(hana, "POST /v1/links/{link_id}/secret")
    ask(ken, "POST /v1/links/open", secret=link["secret"])
    ask(ken, "POST /v1/links/verdict", secret=link["secret"])
    gift = ask(ken, "POST /v1/links/take", secret=link["secret"], line=str(ken.line))
    known["gift_id"] = gift["id"]
    ask(ken, "POST /v1/gifts/{gift_id}/thanks", message="Thank you")
    ask(hana, "GET /v1/links")
    ask(hana, "GET /v1/links/{link_id}")
    known["link_id"] = ask(hana, "POST /v1/links", line=str(hana.line), shares=1, **much)["id"]
    ask(hana, "POST /v1/links/{link_id}/revoke")
    asked = ask(ken, "POST /v1/requests", line=str(ken.line), unit="data", amount=2 * SMALLEST)
    known["request_id"] = asked["id"]
    ask(ken, "POST /v1/requests/{request_id}/secret")
    ask(hana, "POST /v1/links/open", secret=asked["secret"])
    filling = {"secret": asked["secret"], "line": str(hana.line), "amount": SMALLEST}
    ask(hana, "POST /v1/requests/fill", **filling)
    ask(ken, "GET /v1/requests")
    ask(ken, "GET /v1/requests/{request_id}")
    ask(ken, "POST /v1/requests/{request_id}/close")
    ask(ken, "POST /v1/contacts", number=hana.number, label="Hana")
    ask(ken, "GET /v1/contacts")
    ask(ken, "POST /v1/contacts/remove", number=hana.number)


def test_the_server_serves_this_description(described: Described) -> None:
    assert described.description == DESCRIPTION


def test_the_description_is_openapi_3_1_and_names_every_operation(described: Described) -> None:
    description = described.description
    assert description["openapi"].startswith("3.1")
    assert set(description["paths"]) == {
        "/health",
        "/v1/sessions",
        "/v1/me",
        "/v1/people",
        "/v1/lines",
        "/v1/lines/{line_id}",
        "/v1/lines/{line_id}/use",
        "/v1/notices",
        "/v1/notices/{notice_id}/seen",
        "/v1/gifts",
        "/v1/gifts/preview",
        "/v1/gifts/{gift_id}",
        "/v1/gifts/{gift_id}/accept",
        "/v1/gifts/{gift_id}/decline",
        "/v1/gifts/{gift_id}/cancel",
        "/v1/gifts/{gift_id}/thanks",
        "/v1/links",
        "/v1/links/open",
        "/v1/links/verdict",
        "/v1/links/take",
        "/v1/links/{link_id}",
        "/v1/links/{link_id}/secret",
        "/v1/links/{link_id}/revoke",
        "/v1/posters",
        "/v1/requests",
        "/v1/requests/fill",
        "/v1/requests/{request_id}",
        "/v1/requests/{request_id}/secret",
        "/v1/requests/{request_id}/close",
        "/v1/contacts",
        "/v1/contacts/remove",
        "/v1/pools",
        "/v1/pools/{pool_id}",
        "/v1/pools/{pool_id}/contributions",
        "/v1/pools/{pool_id}/close",
        "/v1/pools/{pool_id}/hand-over",
        "/v1/pools/{pool_id}/take-over",
        "/v1/pools/{pool_id}/members/{line_id}",
        "/v1/pools/{pool_id}/invitations",
        "/v1/invitations",
        "/v1/invitations/join",
        "/v1/invitations/{invitation_id}/secret",
        "/v1/invitations/{invitation_id}/accept",
        "/v1/invitations/{invitation_id}/decline",
        "/v1/invitations/{invitation_id}/withdraw",
        "/v1/operators",
        "/v1/operators/{operator_id}",
        "/v1/feasibility",
        "/v1/tanks",
        "/v1/tanks/{tank_id}/donations",
        "/v1/tanks/{tank_id}/draws",
        "/v1/delegations/terms",
        "/v1/delegations",
        "/v1/delegations/{delegation_id}/secret",
        "/v1/delegations/{delegation_id}",
        "/v1/delegations/{delegation_id}/agreement",
        "/v1/delegations/{delegation_id}/agreement.txt",
        "/v1/delegations/accept",
        "/v1/delegations/{delegation_id}/accept",
        "/v1/delegations/{delegation_id}/decline",
        "/v1/delegations/{delegation_id}/end",
    }
    for methods in description["paths"].values():
        for operation in methods.values():
            assert operation["summary"]
            assert operation["description"]
    for name, shape in description["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(shape)
        assert name == shape.get("title", name)
    assert set(description["components"]["schemas"]["Code"]["enum"]) == set(Code)


def test_the_page_of_the_description_asks_no_other_host_for_anything(described: Described) -> None:
    page = httpx.get(f"{described.served.url}/schema", trust_env=False)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "//" not in page.text.replace("<!doctype html>", "")
    assert "<script" not in page.text
    for path in described.description["paths"]:
        assert f"<code>{path}</code>" in page.text
