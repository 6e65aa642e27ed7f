"""Signing in and out over HTTP: who is signed in, and who is not."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.journeys.conftest import AddCustomer
from tests.journeys.served import ELSEWHERE, ServedYuzuri, new_uuid, serving

from yuzuri.kernel.calendar import utc_now
from yuzuri.runtime.running import Yuzuri
from yuzuri.subscribers.sessions import make_sign_in_code


async def test_in_the_demo_one_signs_in_as_a_person_of_ones_choice(
    served: ServedYuzuri, new_customer: AddCustomer
) -> None:
    await new_customer("Hana")
    with served.client() as client:
        chosen = client.get("/v1/people").json()["people"][0]
        answer = client.post("/v1/sessions", json={"person": chosen["id"]})
    assert answer.status_code == 201
    assert answer.json()["person"] == chosen
    with served.client(answer.json()["token"]) as signed_in:
        assert signed_in.get("/v1/me").json() == chosen
        assert signed_in.delete("/v1/sessions").status_code == 204
        assert signed_in.get("/v1/me").json()["code"] == "session.invalid"


async def test_a_sign_in_code_works_once(
    served: ServedYuzuri, new_customer: AddCustomer, beside_served: Yuzuri
) -> None:
    hana = await new_customer("Hana")
    async with beside_served.database.connection() as connection:
        code = await make_sign_in_code(connection, hana.person, utc_now())
    with served.client() as client:
        first, second = (client.post("/v1/sessions", json={"sign_in_code": code}) for _ in range(2))
    assert first.json()["person"]["id"] == str(hana.person)
    assert (second.status_code, second.json()["code"]) == (403, "sign_in.refused")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "request.invalid"),
        ({"sign_in_code": "a", "person": "b"}, 400, "request.invalid"),
        ({"sign_in_code": "never made"}, 403, "sign_in.refused"),
        ({"sign_in_code": ""}, 403, "sign_in.refused"),
        ({"person": "nobody"}, 404, "person.unknown"),
        ({"person": str(new_uuid())}, 404, "person.unknown"),
        ({"person": ELSEWHERE}, 404, "person.unknown"),
        ({"person": None}, 400, "request.invalid"),
    ],
)
def test_nobody_is_signed_in_by_anything_else(
    served: ServedYuzuri, body: dict[str, str], status: int, code: str
) -> None:
    with served.client() as client:
        answer = client.post("/v1/sessions", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.fixture(scope="module")
def served_in_earnest(served: ServedYuzuri) -> Iterator[ServedYuzuri]:
    """A server over the same database that is not in its demo mode."""
    with serving(replace(served.settings, demo=False)) as in_earnest:
        yield in_earnest


async def test_outside_the_demo_nobody_chooses_whom_to_be(
    served_in_earnest: ServedYuzuri, new_customer: AddCustomer
) -> None:
    hana = await new_customer("Hana")
    with served_in_earnest.client() as client:
        people = client.get("/v1/people")
        chosen = client.post("/v1/sessions", json={"person": str(hana.person)})
    assert (people.status_code, people.json()["code"]) == (404, "path.unknown")
    assert (chosen.status_code, chosen.json()["code"]) == (403, "sign_in.refused")


SIGNED = [
    ("GET", "/v1/me"),
    ("GET", "/v1/lines"),
    ("GET", "/v1/lines/{id}"),
    ("GET", "/v1/lines/{id}/use"),
    ("GET", "/v1/notices"),
    ("POST", "/v1/notices/{id}/seen"),
    ("GET", "/v1/gifts"),
    ("GET", "/v1/gifts/{id}"),
    ("POST", "/v1/gifts"),
    ("POST", "/v1/gifts/preview"),
    ("POST", "/v1/gifts/{id}/accept"),
    ("POST", "/v1/gifts/{id}/decline"),
    ("POST", "/v1/gifts/{id}/cancel"),
    ("POST", "/v1/gifts/{id}/thanks"),
    ("GET", "/v1/links"),
    ("POST", "/v1/links"),
    ("GET", "/v1/links/{id}"),
    ("POST", "/v1/links/{id}/secret"),
    ("POST", "/v1/links/{id}/revoke"),
    ("POST", "/v1/links/verdict"),
    ("POST", "/v1/links/take"),
    ("POST", "/v1/posters"),
    ("GET", "/v1/requests"),
    ("POST", "/v1/requests"),
    ("GET", "/v1/requests/{id}"),
    ("POST", "/v1/requests/{id}/secret"),
    ("POST", "/v1/requests/{id}/close"),
    ("POST", "/v1/requests/fill"),
    ("GET", "/v1/contacts"),
    ("POST", "/v1/contacts"),
    ("POST", "/v1/contacts/remove"),
    ("GET", "/v1/tanks"),
    ("POST", "/v1/tanks/{id}/donations"),
    ("POST", "/v1/tanks/{id}/draws"),
    ("GET", "/v1/pools"),
    ("POST", "/v1/pools"),
    ("GET", "/v1/pools/{id}"),
    ("POST", "/v1/pools/{id}/contributions"),
    ("POST", "/v1/pools/{id}/close"),
    ("POST", "/v1/pools/{id}/hand-over"),
    ("POST", "/v1/pools/{id}/take-over"),
    ("PUT", "/v1/pools/{id}/members/{id}"),
    ("DELETE", "/v1/pools/{id}/members/{id}"),
    ("POST", "/v1/pools/{id}/invitations"),
    ("POST", "/v1/invitations/{id}/secret"),
    ("GET", "/v1/invitations"),
    ("POST", "/v1/invitations/join"),
    ("POST", "/v1/invitations/{id}/accept"),
    ("POST", "/v1/invitations/{id}/decline"),
    ("POST", "/v1/invitations/{id}/withdraw"),
    ("GET", "/v1/delegations"),
    ("POST", "/v1/delegations"),
    ("POST", "/v1/delegations/terms"),
    ("GET", "/v1/delegations/{id}"),
    ("POST", "/v1/delegations/{id}/secret"),
    ("GET", "/v1/delegations/{id}/agreement"),
    ("GET", "/v1/delegations/{id}/agreement.txt"),
    ("POST", "/v1/delegations/accept"),
    ("POST", "/v1/delegations/{id}/accept"),
    ("POST", "/v1/delegations/{id}/decline"),
    ("POST", "/v1/delegations/{id}/end"),
    ("DELETE", "/v1/sessions"),
]


@pytest.mark.parametrize(("method", "path"), SIGNED)
def test_who_is_not_signed_in_is_told_so_before_anything_else(
    served: ServedYuzuri, method: str, path: str
) -> None:
    path = path.format(id=new_uuid())
    unsigned = [
        ({}, "session.missing"),
        ({"Cookie": "session=" + "a" * 43}, "session.missing"),
        ({"Authorization": "Bearer " + "a" * 43}, "session.invalid"),
        ({"Authorization": "Basic YTpi"}, "session.invalid"),
        ({"Authorization": ""}, "session.invalid"),
    ]
    with served.client() as client:
        for headers, code in unsigned:
            answer = client.request(method, path, headers=headers, content=b"{")
            if method == "GET":
                answer = client.request(method, path, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, code)
            assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="yuzuri"')


def test_the_list_above_has_every_operation_that_needs_a_session(
    served: ServedYuzuri,
) -> None:
    with served.client() as client:
        paths = client.get("/schema/openapi.json").json()["paths"]
    described = {
        (method.upper(), re.sub(r"\w+_id", "id", path))
        for path, methods in paths.items()
        for method, operation in methods.items()
        if operation.get("security")
    }
    assert described == set(SIGNED)
