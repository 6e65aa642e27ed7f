"""Nchf_ConvergedCharging by a real server, over HTTP/2 without TLS; whatever it is sent."""

import asyncio
import copy
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks
from tests import smf
from tests.conftest import Server
from tests.contract.calling import NOTIFY, Phone, add_phone, open_caller
from tests.contract.nchf_answers import DESCRIPTION, check_answer
from tests.contract.official import HAVE_SPECS, SPECS
from tests.journeys.served import ServedYuzuri, beside, broken_invariants, serving
from tests.smf import DATA, MESSAGES, VOICE, Body, at, usage, used

from yuzuri.api.nchf import BASE_PATH, serve_charging
from yuzuri.kernel.calendar import utc_now
from yuzuri.settings import Settings

SERVICE = "nchf-convergedcharging"
PATH = f"{BASE_PATH}chargingdata"
GRANT = 50_000_000


@dataclass
class Core:
    """A core that speaks to the server, and a phone of its network."""

    served: ServedYuzuri
    phone: Phone
    http: httpx.Client
    """Over HTTP/2 by prior knowledge (h2c), with a token."""

    def post(self, path: str, body: object) -> httpx.Response:
        answer = self.http.post(path, json=body)
        check_answer(answer)
        return answer

    def message(self, number: int, *parts: Body, **more: Any) -> Body:
        return smf.message(number, *parts, subscriberIdentifier=self.phone.supi, **more)


@pytest.fixture(scope="module")
def core(server: Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Core]:
    name = f"yuzuri_nchf_{uuid.uuid4().hex}"
    server.create(name, template)
    data = tmp_path_factory.mktemp("nchf")
    its_settings = Settings(data=data, database_url=server.url(name), demo=True)

    async def prepare() -> tuple[Phone, dict[str, str]]:
        async with beside(its_settings) as yuzuri:
            caller = await open_caller(yuzuri, serve_charging, SERVICE)
            return await add_phone(yuzuri), caller.headers

    async def broken() -> list[str]:
        async with beside(its_settings) as yuzuri:
            return await broken_invariants(yuzuri)

    phone, headers = asyncio.run(prepare())
    with serving(its_settings) as served, httpx.Client(
        http1=False, http2=True, base_url=served.url, headers=headers, timeout=60, trust_env=False
    ) as http:  # fmt: skip
        yield Core(served, phone, http)
        assert asyncio.run(broken()) == []
    server.drop(name)


def test_a_session_over_http_2_by_prior_knowledge(core: Core) -> None:
    now = utc_now().isoformat()
    opened = core.post(PATH, core.message(0, usage(DATA, wants={}), sent=now, notifyUri=NOTIFY))
    assert (opened.status_code, opened.http_version) == (201, "HTTP/2")
    place = opened.headers["location"]
    assert place.startswith(f"{core.served.url}{PATH}/{core.phone.line}.")
    (granted,) = opened.json()["multipleUnitInformation"]
    assert granted["grantedUnit"] == {"totalVolume": GRANT}
    part = usage(DATA, used(1_000, triggerTimestamp=now), wants={})
    updated = core.post(f"{place}/update", core.message(1, part, sent=now))
    assert updated.status_code == 200
    assert updated.json()["invocationSequenceNumber"] == 1
    released = core.post(f"{place}/release", core.message(2, sent=now))
    assert released.status_code == 204


def test_over_http_2_too_nobody_is_served_without_a_token(core: Core) -> None:
    with httpx.Client(http1=False, http2=True, base_url=core.served.url, trust_env=False) as http:
        answer = http.post(PATH, json=core.message(0))
    check_answer(answer)
    assert (answer.status_code, answer.http_version) == (401, "HTTP/2")


def test_the_rest_is_served_beside_it(core: Core) -> None:
    assert core.http.get("/health").status_code == 200
    assert core.http.get("/v1/me").status_code == 401


# ---------------------------------------------------------------- whatever it is sent

few = settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)

WHOLE = smf.free5gc(smf.free5gc_usage(9, at(0)), sent=at(0), notify=NOTIFY) | {
    "oneTimeEvent": False,
    "oneTimeEventType": "IEC",
    "retransmissionIndicator": True,
    "multipleUnitUsage": [
        smf.free5gc_usage(9, at(0)),
        usage(VOICE, used(time=5), wants={"time": 9}),
        usage(MESSAGES, used(serviceSpecificUnits=1), wants={}),
    ],
}
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([-1, 0, 1, 2**31, 2**32, 2**63, 2**64, 2**80, 0.5, 1e300]),
    st.sampled_from(["", "\0", "é", "\U0001f4a9", "x" * 3_000, "0001-01-01T00:00:00Z"]),
    st.sampled_from(["9999-12-31T23:59:59-14:00", "2026-11-22T24:00:00Z", "PEC", "\u202e"]),
    st.sampled_from([[], {}, [[]], [{}], [None], {"a": {}}]),
)


def places(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Return the path of everything in a message."""
    if path:
        yield path
    if isinstance(value, dict | list):
        steps = value.items() if isinstance(value, dict) else enumerate(value)
        for step, inner in steps:
            yield from places(inner, (*path, step))


# The name of a user plane is echoed as it is, UUID or not: the network finds its rule by it.
PLACES = [path for path in places(WHOLE) if path[-1] != "uPFID"]


@given(
    changes=st.lists(st.tuples(st.sampled_from(PLACES), ODD), min_size=1, max_size=3),
    way=st.sampled_from(["", "/update", "/release"]),
)
@few
def test_no_part_of_a_message_makes_it_fail(
    core: Core, changes: list[tuple[tuple[str | int, ...], object]], way: str
) -> None:
    body: Any = copy.deepcopy(WHOLE) | {"subscriberIdentifier": core.phone.supi}
    for path, odd in changes:
        place = body
        try:
            for step in path[:-1]:
                place = place[step]
            place[path[-1]] = odd
        except (KeyError, IndexError, TypeError):
            continue  # what was changed before has taken its place
    there = PATH
    if way:
        opened = core.post(PATH, core.message(0, sent=utc_now().isoformat()))
        there = httpx.URL(opened.headers["location"]).path + way
    answer = core.http.post(
        there, content=json.dumps(body), headers={"content-type": "application/json"}
    )
    check_answer(answer)
    assert answer.status_code < 500, answer.text


if HAVE_SPECS:
    OPERATIONS: list[Any] = [
        found.ok()  # type: ignore[union-attr]  # an operation that cannot be read fails here
        for found in schemathesis.openapi.from_path(SPECS / DESCRIPTION).get_all_operations()
    ]
    CHECKS = [
        schemathesis.checks.not_a_server_error,
        checks.content_type_conformance,
        checks.response_schema_conformance,
    ]
    CASES = [(operation, GenerationMode.POSITIVE) for operation in OPERATIONS] + [
        (OPERATIONS[0], GenerationMode.NEGATIVE)
    ]

    @pytest.mark.parametrize(
        ("operation", "mode"), CASES, ids=[f"{o.label} {mode.value}" for o, mode in CASES]
    )
    def test_where_the_official_description_is_found_every_answer_is_as_it_says(
        core: Core, operation: Any, mode: GenerationMode
    ) -> None:
        @settings(few, max_examples=5)
        @given(case=operation.as_strategy(generation_mode=mode))
        def it_is(case: Any) -> None:
            for token in (core.http.headers["authorization"], ""):
                answer = case.call_and_validate(
                    base_url=core.served.url + BASE_PATH.rstrip("/"),
                    headers={"Authorization": token} if token else {},
                    checks=CHECKS,
                    timeout=30,
                )
                assert (answer.status_code == 401) is (not token)

        it_is()
