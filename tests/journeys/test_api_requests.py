"""Requests over HTTP: asked, filled by friends, closed; and the numbers that a person knows."""

from typing import Any

import httpx
import pytest
from tests.journeys.conftest import AddCustomer
from tests.journeys.served import Customer, ServedYuzuri, broken_invariants, keyed
from tests.journeys.test_api_links import elsewhere, open_secret, refused

from yuzuri.runtime.running import Yuzuri

GB, MB = 10**9, 10**6
FILLED = 5 * GB


def try_ask(asker: Customer, amount: int = GB, **more: Any) -> httpx.Response:
    body = {"line": str(asker.line), "unit": "data", "amount": amount} | more
    return asker.api.post("/v1/requests", json=body, headers=keyed())


def ask(asker: Customer, amount: int = GB, **more: Any) -> dict[str, Any]:
    answer = try_ask(asker, amount, **more)
    assert answer.status_code == 201, answer.text
    asked: dict[str, Any] = answer.json()
    return asked


def fill(
    giver: Customer, secret: str, amount: int, *, key: str = "", **more: Any
) -> httpx.Response:
    body = {"secret": secret, "line": str(giver.line), "amount": amount} | more
    return giver.api.post("/v1/requests/fill", json=body, headers=keyed(key) | elsewhere())


async def test_friends_fill_a_request_until_nothing_is_missing(
    served: ServedYuzuri, new_customer: AddCustomer, beside_served: Yuzuri
) -> None:
    mai, ken, aya = [await new_customer(name) for name in ("Mai", "Ken", "Aya")]

    asked = ask(mai, GB, message="Can anyone spare 1 GB?")

    assert asked["url"] == f"{served.url}/l#{asked['secret']}"
    opened = open_secret(served, asked["secret"]).json()
    assert (opened["kind"], opened["asker"], opened["missing"]) == ("request", "Mai", GB)
    given = fill(ken, asked["secret"], 600 * MB, message="Here you are").json()
    assert (given["state"], given["direction"]) == ("accepted", "out")
    assert open_secret(served, asked["url"]).json()["missing"] == 400 * MB
    refused(fill(aya, asked["secret"], 600 * MB), 422, "gift_request.too_much")
    assert fill(aya, asked["secret"], 400 * MB).status_code == 200
    ended = mai.api.get(f"/v1/requests/{asked['id']}").json()
    assert (ended["state"], ended["filled"]) == ("filled", GB)
    assert mai.api.get("/v1/requests").json() == {"requests": [ended]}
    refused(open_secret(served, asked["secret"]), 404, "link.unknown")
    refused(fill(ken, asked["secret"], 10 * MB), 404, "link.unknown")
    assert (mai.balances(), ken.balances(), aya.balances()) == (
        (FILLED + GB, 0), (FILLED - 600 * MB, 0), (FILLED - 400 * MB, 0),
    )  # fmt: skip
    assert await broken_invariants(beside_served) == []


async def test_the_same_gift_again_is_given_once(new_customer: AddCustomer) -> None:
    mai, ken = await new_customer("Mai"), await new_customer("Ken")
    secret = ask(mai)["secret"]
    first, again = (fill(ken, secret, 100 * MB, key="one-gift") for _ in range(2))
    assert first.json() == again.json()
    assert ken.balances() == (FILLED - 100 * MB, 0)


async def test_whoever_asks_closes_and_keeps_what_was_given(
    served: ServedYuzuri, new_customer: AddCustomer
) -> None:
    mai, ken = await new_customer("Mai"), await new_customer("Ken")
    asked = ask(mai)
    fill(ken, asked["secret"], 100 * MB)
    path = f"/v1/requests/{asked['id']}"
    refused(ken.api.post(f"{path}/close", headers=keyed()), 404, "gift_request.unknown")
    refused(ken.api.get(path), 404, "gift_request.unknown")
    refused(ken.api.post(f"{path}/secret"), 404, "gift_request.unknown")
    other = mai.api.post(f"{path}/secret").json()["secret"]
    assert open_secret(served, other).json()["missing"] == GB - 100 * MB
    closed = mai.api.post(f"{path}/close", headers=keyed()).json()
    assert (closed["state"], closed["filled"]) == ("closed", 100 * MB)
    refused(mai.api.post(f"{path}/close", headers=keyed()), 409, "gift_request.ended")
    refused(mai.api.post(f"{path}/secret"), 409, "gift_request.ended")
    for secret in (asked["secret"], other):
        refused(open_secret(served, secret), 404, "link.unknown")
    assert mai.balances() == (FILLED + 100 * MB, 0)


async def test_a_secret_of_a_request_takes_no_share_and_that_of_a_link_fills_nothing(
    new_customer: AddCustomer,
) -> None:
    mai, ken = await new_customer("Mai"), await new_customer("Ken")
    body = {"line": str(mai.line), "unit": "data", "amount": GB, "shares": 2}
    link = mai.api.post("/v1/links", json=body, headers=keyed()).json()["secret"]
    refused(fill(ken, link, 100 * MB), 404, "link.unknown")
    taking = {"secret": ask(mai)["secret"], "line": str(ken.line)}
    answer = ken.api.post("/v1/links/take", json=taking, headers=keyed() | elsewhere())
    refused(answer, 404, "link.unknown")


async def test_a_poster_asks_in_three_languages(new_customer: AddCustomer) -> None:
    mai = await new_customer("Mai")
    secret = ask(mai)["secret"]
    for language, said in (("en", "Mai asks for"), ("ja", "Maiさんのお願い"), ("zh", "Mai的请求")):
        body = {"secret": secret, "format": "svg", "language": language}
        assert said in mai.api.post("/v1/posters", json=body).text


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"amount": -1}, 400, "amount.not_positive"),
        ({"unit": "points"}, 400, "unit.unknown"),
        ({"deadline": "2020-01-01T00:00:00Z"}, 422, "deadline.past"),
        ({"line": "none"}, 404, "line.unknown"),
        ({"message": "x" * 201}, 400, "message.too_long"),
    ],
    ids=range(5),
)
async def test_a_request_that_cannot_be_says_why(
    new_customer: AddCustomer, more: dict[str, Any], status: int, code: str
) -> None:
    refused(try_ask(await new_customer("Mai"), **more), status, code)


# ---------------------------------------------------------------- contacts


async def test_a_contact_is_kept_the_same_way_whether_anybody_has_the_number(
    new_customer: AddCustomer,
) -> None:
    mai, ken = await new_customer("Mai"), await new_customer("Ken")
    nobodys = "+81 90-0000-0001"
    for number in (ken.number, nobodys):
        answer = mai.api.post("/v1/contacts", json={"number": number, "label": "a friend"})
        assert answer.status_code == 200
        listed = {contact["number"]: contact for contact in answer.json()["contacts"]}
        contact = listed[number.replace(" ", "").replace("-", "")]
        assert set(contact) == {"number", "label", "added_at"}
        assert contact["label"] == "a friend"
    assert ken.api.get("/v1/contacts").json() == {"contacts": []}
    left = mai.api.post("/v1/contacts/remove", json={"number": nobodys}).json()["contacts"]
    assert [contact["number"] for contact in left] == [ken.number]
    again = mai.api.post("/v1/contacts/remove", json={"number": nobodys})
    assert again.json()["contacts"] == left


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"number": "a friend"}, "number.unreadable"),
        ({"number": "090-1234-5678"}, "number.unreadable"),
        ({"number": "+819012345678", "label": "x" * 41}, "request.invalid"),
        ({"number": "+819012345678", "label": "a\0b"}, "request.invalid"),
        ({"label": "nobody"}, "request.invalid"),
    ],
    ids=range(5),
)
async def test_a_contact_that_cannot_be_kept_says_why(
    new_customer: AddCustomer, body: dict[str, str], code: str
) -> None:
    mai = await new_customer("Mai")
    refused(mai.api.post("/v1/contacts", json=body), 400, code)
