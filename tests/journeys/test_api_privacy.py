"""Nobody reads or acts on what is another's: every operation, tried by a stranger."""

from dataclasses import dataclass

import httpx
import pytest
from tests.journeys.conftest import AddCustomer
from tests.journeys.served import Customer, gift_body, keyed, table_digests

from yuzuri.runtime.running import Yuzuri

GB = 10**9


@dataclass
class Town:
    """Hana has offered one gift to Ken and Ken has taken another; Mei has nothing to do with it."""

    hana: Customer
    ken: Customer
    mei: Customer
    offered: str
    taken: str


@pytest.fixture
async def town(new_customer: AddCustomer) -> Town:
    hana, ken, mei = [await new_customer(name) for name in ("Hana", "Ken", "Mei")]
    offered, taken = (hana.give(ken, GB, message="secret").json()["id"] for _ in range(2))
    assert ken.end(taken, "accept").status_code == 200
    return Town(hana, ken, mei, offered, taken)


@pytest.mark.parametrize("which", ["offered", "taken"])
@pytest.mark.parametrize("operation", ["read", "accept", "decline", "cancel"])
def test_a_stranger_learns_nothing_of_a_gift_and_ends_none(
    town: Town, served_database_url: str, which: str, operation: str
) -> None:
    gift = getattr(town, which)
    before = table_digests(served_database_url)
    if operation == "read":
        answer = town.mei.api.get(f"/v1/gifts/{gift}")
    else:
        answer = town.mei.end(gift, operation)
    assert (answer.status_code, answer.json()["code"]) == (404, "gift.unknown")
    assert "secret" not in answer.text
    assert table_digests(served_database_url) == before


def test_a_stranger_sees_only_what_is_their_own(town: Town) -> None:
    assert town.mei.api.get("/v1/gifts").json() == {"gifts": []}
    lines = town.mei.api.get("/v1/lines").json()["lines"]
    assert [line["id"] for line in lines] == [str(town.mei.line)]
    assert town.mei.api.get("/v1/me").json()["id"] == str(town.mei.person)


@pytest.mark.parametrize("reader", ["mei", "ken"])
def test_nobody_reads_another_persons_line(town: Town, reader: str) -> None:
    answer = getattr(town, reader).api.get(f"/v1/lines/{town.hana.line}")
    assert (answer.status_code, answer.json()["code"]) == (403, "line.not_yours")
    assert town.hana.number not in answer.text


@pytest.mark.parametrize("taker", ["mei", "ken"])
@pytest.mark.parametrize("path", ["/v1/gifts", "/v1/gifts/preview"])
def test_nobody_gives_from_another_persons_line(
    town: Town, served_database_url: str, taker: str, path: str
) -> None:
    before = table_digests(served_database_url)
    customer: Customer = getattr(town, taker)
    for to in (customer, town.ken):
        answer = customer.api.post(path, json=gift_body(town.hana, to, GB), headers=keyed())
        assert (answer.status_code, answer.json()["code"]) == (403, "line.not_yours")
    assert table_digests(served_database_url) == before


def test_the_two_people_of_a_gift_see_each_other_by_nickname_only(town: Town) -> None:
    def texts(customer: Customer) -> str:
        answers: list[httpx.Response] = [
            customer.api.get("/v1/gifts"),
            customer.api.get(f"/v1/gifts/{town.offered}"),
            customer.api.get("/v1/lines"),
        ]
        return "".join(answer.text for answer in answers)

    for reader, other in ((town.hana, town.ken), (town.ken, town.hana)):
        seen = texts(reader)
        assert other.number not in seen
        assert other.number.removeprefix("+81") not in seen
        assert str(other.person) not in seen
        assert str(other.line) not in seen


def test_a_key_belongs_to_the_person_who_uses_it(town: Town, beside_served: Yuzuri) -> None:
    first = town.hana.give(town.ken, GB, key="the-same-key")
    second = town.mei.give(town.ken, GB, key="the-same-key")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] != second.json()["id"]
