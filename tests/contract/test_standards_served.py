"""Counters and data volume by a real server: whatever it is sent, and what it tells by itself."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks
from tests.conftest import Server
from tests.contract.calling import NOTIFY, Caller, Phone, add_phone, open_caller, use
from tests.contract.official import HAVE_SPECS, SPECS, assert_as_described
from tests.journeys.served import ServedYuzuri, beside, broken_invariants, serving

from yuzuri.api.camara import device_data_volume
from yuzuri.api.nchf import spending_limits
from yuzuri.networks.functions import NetworkFunction, register_function
from yuzuri.settings import Settings
from yuzuri.simulator.http2 import Request, Response, serve_http2

SPENDING, VOLUME = "3gpp/TS29594_Nchf_SpendingLimitControl.yaml", "camara/device-data-volume.yaml"
SUBSCRIPTIONS = f"{spending_limits.BASE_PATH}subscriptions"
RETRIEVE = f"{device_data_volume.BASE_PATH}retrieve"
TIME_TO_TELL_S = 20.0
CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
few = settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@dataclass
class Standards:
    """A server, a phone, and who may ask: a PCF, a shop about any line, an app about one."""

    served: ServedYuzuri
    phone: Phone
    pcf: Caller
    shop: Caller
    app: Caller


@pytest.fixture(scope="module")
def standards(
    server: Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Standards]:
    name = f"yuzuri_standards_{uuid.uuid4().hex}"
    server.create(name, template)
    data = tmp_path_factory.mktemp("standards")
    its_settings = Settings(data=data, database_url=server.url(name), demo=True)

    async def prepare(served: ServedYuzuri) -> Standards:
        async with beside(its_settings) as yuzuri:
            phone = await add_phone(yuzuri)
            pcf = await open_caller(
                yuzuri, spending_limits.serve_spending_limits, "nchf-spendinglimitcontrol"
            )
            serve, read = device_data_volume.serve_device_data_volume, "device-data-volume:read"
            shop = await open_caller(yuzuri, serve, read, "device-data-volume:any-line")
            app = await open_caller(yuzuri, serve, read, line=str(phone.line))
            return Standards(served, phone, pcf, shop, app)

    async def broken() -> list[str]:
        async with beside(its_settings) as yuzuri:
            return await broken_invariants(yuzuri)

    with serving(its_settings) as served:
        yield asyncio.run(prepare(served))
        assert asyncio.run(broken()) == []
    server.drop(name)


@pytest.mark.parametrize("path", [SUBSCRIPTIONS, RETRIEVE])
def test_the_server_serves_nobody_without_a_token(standards: Standards, path: str) -> None:
    answer = httpx.post(standards.served.url + path, json={}, trust_env=False)
    assert answer.status_code == 401


async def test_a_subscriber_is_told_within_seconds_over_http_2(standards: Standards) -> None:
    told: asyncio.Queue[Request] = asyncio.Queue()

    async def hear(request: Request) -> Response:
        told.put_nowait(request)
        return Response(204)

    async with (
        serve_http2(hear, "127.0.0.1") as port,
        beside(standards.served.settings) as yuzuri,
        httpx.AsyncClient(base_url=standards.served.url, trust_env=False) as http,
    ):
        origin = f"http://127.0.0.1:{port}"
        pcf = standards.pcf.function
        async with yuzuri.database.connection() as connection:
            await register_function(
                connection,
                NetworkFunction(
                    pcf, pcf, frozenset({spending_limits.SERVICE}), frozenset({NOTIFY, origin}),
                    yuzuri.clock(),
                ),
            )  # fmt: skip
        phone = await add_phone(yuzuri)
        body = {"supi": phone.supi, "notifUri": f"{origin}/pcf", "notifId": "n-1"}
        answer = await _post_once_known(http, body, standards.pcf.headers)
        assert answer.headers["location"].startswith(f"{standards.served.url}{SUBSCRIPTIONS}/")
        await use(yuzuri, phone, 4_000_000_000)
        request = await asyncio.wait_for(told.get(), TIME_TO_TELL_S)
        await use(yuzuri, phone, 24 * 60, rating_group=200)
        of_calls = await asyncio.wait_for(told.get(), TIME_TO_TELL_S)
    assert json.loads(of_calls.body)["statusInfos"].keys() == {"voice-percent"}
    assert (request.method, request.path) == ("POST", "/pcf/notify")
    said = json.loads(request.body)
    assert_as_described(SPENDING, "/components/schemas/SpendingLimitStatus", said)
    assert said["notifId"] == "n-1"
    assert said["statusInfos"] == {
        "data-percent": {"policyCounterId": "data-percent", "currentStatus": "reached-80"}
    }
    assert told.empty()


async def _post_once_known(
    http: httpx.AsyncClient, body: dict[str, str], headers: dict[str, str]
) -> httpx.Response:
    """Subscribe as soon as the server has read of the new address: within 5 s."""
    async with asyncio.timeout(TIME_TO_TELL_S):
        while True:
            answer = await http.post(SUBSCRIPTIONS, json=body, headers=headers)
            if answer.status_code == httpx.codes.CREATED:
                return answer
            assert answer.json()["invalidParams"][0]["param"] == "/notifUri"
            await asyncio.sleep(0.2)


# ---------------------------------------------------------------- whatever it is sent


def operations(path: str) -> list[Any]:
    found = schemathesis.openapi.from_path(SPECS / path).get_all_operations()
    return [one.ok() for one in found]  # type: ignore[union-attr]  # one that cannot be read fails here


if HAVE_SPECS:
    CASES = [
        (path, operation, mode)
        for path in (SPENDING, VOLUME)
        for operation in operations(path)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        if mode is GenerationMode.POSITIVE or operation.body
    ]

    @pytest.mark.parametrize(
        ("path", "operation", "mode"),
        CASES,
        ids=[f"{operation.label} {mode.value}" for _, operation, mode in CASES],
    )
    def test_every_answer_is_as_the_official_description_says(
        standards: Standards, path: str, operation: Any, mode: GenerationMode
    ) -> None:
        base = spending_limits.BASE_PATH if path == SPENDING else device_data_volume.BASE_PATH
        url = standards.served.url + base.rstrip("/")
        callers = [standards.pcf] if path == SPENDING else [standards.shop, standards.app]

        @few
        @given(case=operation.as_strategy(generation_mode=mode))
        def it_is(case: Any) -> None:
            sent = case.as_transport_kwargs(base_url=url)
            for caller in callers:
                case.call_and_validate(
                    base_url=url, headers=caller.headers, checks=CHECKS, timeout=30
                )
            anonymous = case.call(base_url=url, headers={"Authorization": ""}, timeout=30)
            assert anonymous.status_code == 401, sent
            if mode is GenerationMode.POSITIVE and isinstance(case.body, dict):
                _make_right(case.body, standards, path)
                for caller in callers:
                    case.call_and_validate(
                        base_url=url, headers=caller.headers, checks=CHECKS[:5], timeout=30
                    )

        it_is()

    def _make_right(body: dict[str, Any], standards: Standards, path: str) -> None:
        """Let a body name what is there, so that it comes as far as it can."""
        if path == SPENDING:
            body |= {"supi": standards.phone.supi, "notifUri": NOTIFY}
            body.pop("policyCounterIds", None)
            body.pop("expiry", None)
        elif "device" in body:
            body["device"] = {"phoneNumber": standards.phone.number}
