"""Links over HTTP: posted, opened by anyone, taken once a person, taken back, thanked."""

import io
import ipaddress
import uuid
from datetime import timedelta
from typing import Any

import httpx
import pytest
import zxingcpp
from PIL import Image
from tests.journeys.conftest import AddCustomer
from tests.journeys.served import Customer, ServedYuzuri, broken_invariants, keyed

from yuzuri.kernel.calendar import utc_now
from yuzuri.runtime.running import Yuzuri
from yuzuri.subscribers.contacts import add_contact

GB, MB = 10**9, 10**6
FILLED = 5 * GB


def elsewhere() -> dict[str, str]:
    """Return the header of a proxy that tells of an address nobody has failed from."""
    address = ipaddress.IPv6Address(uuid.uuid4().int)
    return {"X-Forwarded-For": str(address)}


def post(giver: Customer, amount: int = GB, shares: int = 2, **more: Any) -> dict[str, Any]:
    answer = try_post(giver, amount, shares, **more)
    assert answer.status_code == 201, answer.text
    posted: dict[str, Any] = answer.json()
    return posted


def try_post(giver: Customer, amount: int = GB, shares: int = 2, **more: Any) -> httpx.Response:
    body = {"line": str(giver.line), "unit": "data", "amount": amount, "shares": shares} | more
    return giver.api.post("/v1/links", json=body, headers=keyed())


def take(taker: Customer, secret: str, *, key: str = "", **more: Any) -> httpx.Response:
    body = {"secret": secret, "line": str(taker.line)} | more
    return taker.api.post("/v1/links/take", json=body, headers=keyed(key) | elsewhere())


def open_secret(served: ServedYuzuri, secret: str) -> httpx.Response:
    with served.client() as client:
        return client.post("/v1/links/open", json={"secret": secret}, headers=elsewhere())


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    problem: dict[str, Any] = answer.json()
    return problem


async def test_a_link_goes_from_hand_to_hand(
    served: ServedYuzuri, new_customer: AddCustomer, beside_served: Yuzuri
) -> None:
    hana, ken, aya, zoe = [await new_customer(name) for name in ("Hana", "Ken", "Aya", "Zoe")]

    posted = post(hana, message="For whoever is on the road 🚄")

    assert hana.balances() == (FILLED, GB)
    assert posted["url"] == f"{served.url}/l#{posted['secret']}"
    assert (posted["state"], posted["taken"], posted["seed"]) == ("open", 0, None)
    opened = open_secret(served, posted["url"]).json()
    assert opened == open_secret(served, posted["secret"]).json()
    assert {
        name: opened[name] for name in ("kind", "giver", "amount", "shares_left", "message")
    } == {
        "kind": "link",
        "giver": "Hana",
        "amount": GB,
        "shares_left": 2,
        "message": "For whoever is on the road 🚄",
    }
    verdict = ken.api.post("/v1/links/verdict", json={"secret": posted["secret"]}).json()
    assert [line["feasible"] for line in verdict["lines"]] == [True]
    assert hana.balances() == (FILLED, GB), "nothing is taken by looking"

    taken = take(ken, posted["secret"]).json()
    hidden = take(aya, posted["url"], hides_name=True).json()

    assert (taken["state"], taken["direction"], taken["amount"]) == ("accepted", "in", GB // 2)
    assert taken["arrives"]["expires_at"] == verdict["lines"][0]["arrives"]["expires_at"]
    assert taken["other"] == {"nickname": "Hana", "number": f"•••{hana.number[-2:]}"}
    assert (ken.balances(), hana.balances()) == ((FILLED + GB // 2, 0), (FILLED - GB, 0))
    ended = hana.api.get(f"/v1/links/{posted['id']}").json()
    assert (ended["state"], ended["taken"], ended["taken_amount"]) == ("spent", 2, GB)
    assert [(share["gift"], share["other"]) for share in ended["taken_by"]] == [
        (hidden["id"], None),
        (taken["id"], {"nickname": "Ken", "number": f"•••{ken.number[-2:]}"}),
    ]
    assert ended["seed"] is not None
    refused(take(zoe, posted["secret"]), 404, "link.unknown")
    refused(open_secret(served, posted["secret"]), 404, "link.unknown")
    assert await broken_invariants(beside_served) == []


async def test_one_share_a_person_however_often_they_ask(new_customer: AddCustomer) -> None:
    hana, ken = await new_customer("Hana"), await new_customer("Ken")
    secret = post(hana)["secret"]
    key = uuid.uuid4().hex
    first, again = take(ken, secret, key=key), take(ken, secret, key=key)
    assert first.json() == again.json()
    refused(take(ken, secret), 409, "link.taken")
    assert ken.balances() == (FILLED + GB // 2, 0)


async def test_the_same_post_again_is_the_same_link_with_another_secret(
    served: ServedYuzuri, new_customer: AddCustomer
) -> None:
    hana = await new_customer("Hana")
    body = {"line": str(hana.line), "unit": "data", "amount": GB, "shares": 2}
    key = keyed()
    first, again = (hana.api.post("/v1/links", json=body, headers=key).json() for _ in range(2))
    assert first["id"] == again["id"]
    assert first["secret"] != again["secret"]
    assert hana.balances() == (FILLED, GB)
    third = hana.api.post(f"/v1/links/{first['id']}/secret").json()
    for secret in (first["secret"], again["secret"], third["secret"]):
        assert open_secret(served, secret).json()["amount"] == GB


async def test_what_is_left_comes_back_when_the_giver_takes_it_back(
    served: ServedYuzuri, new_customer: AddCustomer
) -> None:
    hana, ken = await new_customer("Hana"), await new_customer("Ken")
    posted = post(hana, GB, 4)
    take(ken, posted["secret"])
    revoked = hana.api.post(f"/v1/links/{posted['id']}/revoke", headers=keyed())
    assert revoked.status_code == 200
    assert (revoked.json()["state"], revoked.json()["taken"]) == ("revoked", 1)
    assert hana.balances() == (FILLED - GB // 4, 0)
    assert hana.api.get("/v1/links").json()["links"] == [revoked.json()]
    again = hana.api.post(f"/v1/links/{posted['id']}/revoke", headers=keyed())
    refused(again, 409, "link.ended")
    refused(hana.api.post(f"/v1/links/{posted['id']}/secret"), 409, "link.ended")


async def test_another_persons_link_is_unknown(new_customer: AddCustomer) -> None:
    hana, ken = await new_customer("Hana"), await new_customer("Ken")
    link = f"/v1/links/{post(hana)['id']}"
    for answer in (
        ken.api.get(link),
        ken.api.post(f"{link}/secret"),
        ken.api.post(f"{link}/revoke", headers=keyed()),
        ken.api.get("/v1/links/none"),
    ):
        refused(answer, 404, "link.unknown")
    assert ken.api.get("/v1/links").json() == {"links": []}
    assert hana.balances() == (FILLED, GB)


async def test_drawn_shares_are_sealed_first_and_can_be_worked_out_afterwards(
    new_customer: AddCustomer,
) -> None:
    hana = await new_customer("Hana")
    posted = post(hana, GB, 3, split="random", least=100 * MB, giver_hidden=True)
    people = [await new_customer(name) for name in ("Ken", "Aya", "Zoe")]
    sizes = []
    for person in people:
        gift = take(person, posted["secret"]).json()
        assert gift["other"] is None
        sizes.append(gift["amount"])
    assert sum(sizes) == GB
    assert min(sizes) >= 100 * MB
    assert all(size % posted["step"] == 0 for size in sizes)
    ended = hana.api.get(f"/v1/links/{posted['id']}").json()
    assert ended["commitment"] == posted["commitment"]
    assert len(bytes.fromhex(ended["seed"])) == 32


async def test_a_passcode_is_asked_for_five_times_a_person(
    new_customer: AddCustomer, served: ServedYuzuri
) -> None:
    hana, ken, aya = [await new_customer(name) for name in ("Hana", "Ken", "Aya")]
    secret = post(hana, audience="passcode", passcode="まつり2026")["secret"]
    assert open_secret(served, secret).json()["audience"] == "passcode"
    refused(take(ken, secret), 422, "passcode.missing")
    for left in (4, 3, 2, 1):
        problem = refused(take(ken, secret, passcode="guess"), 422, "passcode.wrong")
        assert problem["fields"]["left"] == left
    refused(take(ken, secret, passcode="guess"), 422, "passcode.closed")
    refused(take(ken, secret, passcode="まつり2026"), 422, "passcode.closed")
    assert take(aya, secret, passcode=" まつり２０２６ ").status_code == 200


async def test_a_link_for_contacts_is_for_those_whom_the_giver_knows(
    new_customer: AddCustomer, beside_served: Yuzuri
) -> None:
    hana, ken, zoe = [await new_customer(name) for name in ("Hana", "Ken", "Zoe")]
    async with beside_served.database.connection() as connection:
        await add_contact(connection, hana.person, ken.number, "Ken", utc_now())
    secret = post(hana, audience="contacts")["secret"]
    refused(take(zoe, secret), 422, "link.contacts_only")
    assert take(ken, secret).status_code == 200


async def test_a_line_of_another_operator_is_told_why_and_what_works(
    new_customer: AddCustomer,
) -> None:
    hana = await new_customer("Hana")
    mio = await new_customer("Mio", operator="mineo", plan="mypita-1gb", filled=False)
    secret = post(hana)["secret"]
    verdict = mio.api.post("/v1/links/verdict", json={"secret": secret}, headers=elsewhere())
    (line,) = verdict.json()["lines"]
    problem = refused(take(mio, secret), 422, "gift.other_operator")
    assert (line["feasible"], line["arrives"]) == (False, None)
    assert line["reasons"] == problem["reasons"]
    assert line["instead"] == problem["instead"]
    assert "instead.new_line" in [choice["code"] for choice in problem["instead"]]


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"amount": 0}, 400, "amount.not_positive"),
        ({"amount": 1.5}, 400, "amount.fractional"),
        ({"amount": "1 GB"}, 400, "request.invalid"),
        ({"amount": 6 * GB}, 422, "balance.not_enough"),
        ({"shares": 0}, 400, "request.invalid"),
        ({"shares": 100_001}, 400, "request.invalid"),
        ({"shares": 200}, 422, "gift.minimum"),
        ({"unit": "points"}, 400, "unit.unknown"),
        ({"split": "fair"}, 400, "request.invalid"),
        ({"least": 600 * MB, "split": "random"}, 422, "link.too_many_shares"),
        ({"least": 0, "split": "random"}, 400, "request.invalid"),
        ({"audience": "passcode"}, 422, "passcode.missing"),
        ({"audience": "friends"}, 400, "request.invalid"),
        ({"deadline": "tomorrow"}, 400, "request.invalid"),
        ({"deadline": "2026-11-23T10:00:00"}, 400, "request.invalid"),
        ({"deadline": "2020-01-01T00:00:00Z"}, 422, "deadline.past"),
        ({"message": "x" * 201}, 400, "message.too_long"),
        ({"message": "a\0b"}, 400, "request.invalid"),
        ({"line": "none"}, 404, "line.unknown"),
        ({"giver_hiden": True}, 400, "request.invalid"),
    ],
    ids=range(20),
)
async def test_a_post_that_cannot_be_says_why(
    new_customer: AddCustomer, more: dict[str, Any], status: int, code: str
) -> None:
    hana = await new_customer("Hana")
    problem = refused(try_post(hana, **more), status, code)
    assert problem["detail"]
    assert hana.balances() == (FILLED, 0)


async def test_nobody_posts_from_another_persons_line(new_customer: AddCustomer) -> None:
    hana, ken = await new_customer("Hana"), await new_customer("Ken")
    refused(try_post(ken, line=str(hana.line)), 403, "line.not_yours")
    secret = post(hana)["secret"]
    refused(take(ken, secret, line=str(hana.line)), 403, "line.not_yours")
    assert hana.balances() == (FILLED, GB)


async def test_a_deadline_of_ones_own_ends_it_sooner(new_customer: AddCustomer) -> None:
    hana = await new_customer("Hana")
    soon = (utc_now() + timedelta(hours=1)).replace(microsecond=0)
    assert post(hana, deadline=soon.isoformat())["deadline"] == soon.isoformat().replace(
        "+00:00", "Z"
    )


# ---------------------------------------------------------------- posters


@pytest.mark.parametrize("language", ["en", "ja", "zh"])
async def test_a_poster_has_the_very_link(new_customer: AddCustomer, language: str) -> None:
    hana = await new_customer("Hana")
    posted = post(hana)
    body = {"secret": posted["secret"], "language": language}
    chosen = {"Accept-Language": language}
    png = hana.api.post("/v1/posters", json={"secret": posted["secret"]}, headers=chosen)
    assert png.content == hana.api.post("/v1/posters", json=body).content
    assert png.headers["content-type"] == "image/png"
    assert png.headers["cache-control"] == "no-store"
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(png.content)))
    assert code.text == posted["url"]
    svg = hana.api.post("/v1/posters", json=body | {"format": "svg"})
    assert svg.headers["content-type"].startswith("image/svg+xml")
    said = {"en": "Not for resale", "ja": "転売禁止", "zh": "禁止转售"}
    assert said[language] in svg.text
    assert posted["secret"] not in svg.text


async def test_there_is_no_poster_of_what_has_ended_or_is_elsewhere(
    new_customer: AddCustomer,
) -> None:
    hana = await new_customer("Hana")
    posted = post(hana)
    hana.api.post(f"/v1/links/{posted['id']}/revoke", headers=keyed())
    for secret in (posted["secret"], "https://evil.example/l#" + posted["secret"], ""):
        answer = hana.api.post("/v1/posters", json={"secret": secret}, headers=elsewhere())
        refused(answer, 404, "link.unknown")


# ---------------------------------------------------------------- thanks


async def test_whoever_takes_says_thank_you_once(new_customer: AddCustomer) -> None:
    hana, ken = await new_customer("Hana"), await new_customer("Ken")
    posted = post(hana)
    gift = take(ken, posted["secret"]).json()["id"]
    said = ken.api.post(f"/v1/gifts/{gift}/thanks", json={"message": "Saved my day!"})
    assert (said.status_code, said.json()["thanks"]) == (200, "Saved my day!")
    shares = hana.api.get(f"/v1/links/{posted['id']}").json()["taken_by"]
    assert [share["thanks"] for share in shares] == ["Saved my day!"]
    again = ken.api.post(f"/v1/gifts/{gift}/thanks", json={"message": "And again"})
    refused(again, 409, "gift.thanked")
    mine = hana.api.post(f"/v1/gifts/{gift}/thanks", json={"message": "To me"})
    refused(mine, 404, "gift.unknown")
    nothing = ken.api.post(f"/v1/gifts/{gift}/thanks", json={"message": ""})
    refused(nothing, 400, "request.invalid")
