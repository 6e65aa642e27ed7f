"""A gift over HTTP, from what one has to what the other has."""

import httpx
from tests.journeys.conftest import AddCustomer
from tests.journeys.served import Customer, ServedYuzuri, broken_invariants

from yuzuri.runtime.running import Yuzuri

GB = 10**9
FILLED = 5 * GB


def codes(answer: httpx.Response) -> list[str]:
    return [reason["code"] for reason in answer.json()["reasons"]]


async def two(new_customer: AddCustomer) -> tuple[Customer, Customer]:
    return await new_customer("Hana"), await new_customer("Ken")


async def test_a_gift_goes_from_one_line_to_the_other(
    new_customer: AddCustomer, beside_served: Yuzuri
) -> None:
    hana, ken = await two(new_customer)

    preview = hana.preview(ken, GB)
    offer = hana.give(ken, GB, message="For the train 🚄")

    assert preview.status_code == 200
    assert preview.json()["feasible"] is True
    assert offer.status_code == 201, offer.text
    gift = offer.json()
    assert offer.headers["Location"] == f"/v1/gifts/{gift['id']}"
    assert (gift["state"], gift["direction"], gift["amount"]) == ("open", "out", GB)
    assert gift["message"] == "For the train 🚄"
    assert gift["other"] == {"nickname": "Ken", "number": f"•••{ken.number[-2:]}"}
    assert (hana.balances(), ken.balances()) == ((FILLED, GB), (FILLED, 0))

    accepted = ken.end(gift["id"], "accept")

    assert accepted.status_code == 200
    assert (accepted.json()["state"], accepted.json()["direction"]) == ("accepted", "in")
    assert accepted.json()["arrives"] == gift["arrives"] == preview.json()["arrives"]
    assert gift["arrives"]["amount"] == GB
    assert (hana.balances(), ken.balances()) == ((FILLED - GB, 0), (FILLED + GB, 0))
    received = [
        balance
        for balance in ken.api.get(f"/v1/lines/{ken.line}").json()["balances"]
        if balance["received"]
    ]
    assert [(b["amount"], b["hops"], b["expires_at"]) for b in received] == [
        (GB, 1, gift["arrives"]["expires_at"])
    ]
    assert await broken_invariants(beside_served) == []


async def test_the_receiver_can_be_named_by_number_as_people_write_it(
    new_customer: AddCustomer,
) -> None:
    hana, ken = await two(new_customer)
    national = f"0{ken.number[3:5]}-{ken.number[5:9]}-{ken.number[9:]}"
    for number in (ken.number, national):
        offer = hana.give(ken, GB // 10, to_line=None, to_number=number)
        assert offer.status_code == 201, offer.text
        assert offer.json()["other"]["nickname"] == "Ken"


async def test_voice_is_given_in_seconds(new_customer: AddCustomer) -> None:
    hana, ken = await two(new_customer)
    gift = hana.give(ken, 600, unit="voice").json()
    assert ken.end(gift["id"], "accept").status_code == 200
    assert (hana.balances("voice"), ken.balances("voice")) == ((1_200, 0), (2_400, 0))


async def test_what_is_declined_or_taken_back_is_where_it_was(new_customer: AddCustomer) -> None:
    hana, ken = await two(new_customer)
    before = hana.api.get(f"/v1/lines/{hana.line}").json()

    declined = ken.end(hana.give(ken, GB).json()["id"], "decline")
    cancelled = hana.end(hana.give(ken, GB).json()["id"], "cancel")

    assert (declined.json()["state"], cancelled.json()["state"]) == ("declined", "cancelled")
    assert hana.api.get(f"/v1/lines/{hana.line}").json() == before
    assert ken.balances() == (FILLED, 0)


async def test_a_gift_that_has_ended_does_not_end_again(new_customer: AddCustomer) -> None:
    hana, ken = await two(new_customer)
    gift = hana.give(ken, GB).json()["id"]
    assert ken.end(gift, "accept").status_code == 200

    for customer, how in ((hana, "cancel"), (ken, "accept"), (ken, "decline")):
        again = customer.end(gift, how)
        assert (again.status_code, again.json()["code"]) == (409, "gift.ended")
    assert (hana.balances(), ken.balances()) == ((FILLED - GB, 0), (FILLED + GB, 0))


async def test_only_the_giver_cancels_and_only_the_receiver_decides(
    new_customer: AddCustomer,
) -> None:
    hana, ken = await two(new_customer)
    gift = hana.give(ken, GB).json()["id"]
    for customer, how in ((ken, "cancel"), (hana, "accept"), (hana, "decline")):
        refused = customer.end(gift, how)
        assert (refused.status_code, refused.json()["code"]) == (403, "gift.not_yours")
    assert hana.api.get(f"/v1/gifts/{gift}").json()["state"] == "open"


async def test_a_refusal_says_why_and_what_would_work(new_customer: AddCustomer) -> None:
    hana, ken = await two(new_customer)

    preview = hana.preview(ken, 1_500_000)
    refused = hana.give(ken, 1_500_000)

    assert preview.status_code == 200
    assert preview.json()["feasible"] is False
    problem = refused.json()
    assert (refused.status_code, refused.headers["content-type"]) == (
        422, "application/problem+json",
    )  # fmt: skip
    assert problem["code"] == "gift.minimum" == codes(preview)[0]
    assert problem["type"] == "urn:yuzuri:problem:gift.minimum"
    assert problem["reasons"] == preview.json()["reasons"]
    assert problem["instead"] == preview.json()["instead"]
    assert problem["instead"][0]["amount"] == 10_000_000
    assert problem["fields"]["limit"] == {"quantity": [10_000_000, "data"]}
    assert problem["reasons"][0]["rule"] == "yuzuri-mobile gift.minimum"
    assert problem["reasons"][0]["as_of"] == "2026-11"
    assert hana.give(ken, 10_000_000).status_code == 201


async def test_sentences_follow_the_readers_language(new_customer: AddCustomer) -> None:
    hana, ken = await two(new_customer)
    said = set()
    for language in ("en", "ja", "zh"):
        hana.api.headers["Accept-Language"] = language
        refused = hana.give(ken, 1_500_000)
        assert refused.headers["Content-Language"] == language
        assert "10" in refused.json()["detail"]
        assert refused.json()["reasons"][0]["text"] == refused.json()["detail"]
        said.add(refused.json()["detail"])
    assert len(said) == 3


async def test_the_list_tells_what_came_in_from_what_went_out(new_customer: AddCustomer) -> None:
    hana, ken = await two(new_customer)
    first = hana.give(ken, GB).json()["id"]
    second = ken.give(hana, GB).json()["id"]

    def listed(customer: Customer, **query: str) -> list[str]:
        answer = customer.api.get("/v1/gifts", params=query).json()
        return [gift["id"] for gift in answer["gifts"]]

    assert listed(hana) == listed(hana, direction="all") == [second, first]
    assert listed(hana, direction="out") == listed(ken, direction="in") == [first]
    assert listed(hana, direction="in") == listed(ken, direction="out") == [second]
    assert listed(hana, limit="1") == [second]


async def test_private_answers_are_not_kept_on_the_way(
    new_customer: AddCustomer, served: ServedYuzuri
) -> None:
    hana = await new_customer("Hana")
    for answer in (hana.api.get("/v1/lines"), hana.api.get("/v1/lines/none")):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
