"""Tanks over HTTP: given to by one, drawn on by another where the operator lets them."""

from typing import Any

from tests.journeys.conftest import AddCustomer
from tests.journeys.served import Customer, broken_invariants, keyed, new_uuid

from yuzuri.kernel.ids import HolderId, PoolId, new_id
from yuzuri.runtime.running import HOUSE_CLIENT, Yuzuri
from yuzuri.sharing.tank_store import place_line
from yuzuri.sharing.tanks import OpenTank, TankDone

MB = 10**6


async def opened(yuzuri: Yuzuri, area: str) -> str:
    tank = PoolId(HolderId(new_id()))
    command = OpenTank(tank=tank, operator="mineo", name="Noto", area=area)
    assert await yuzuri.submit(HOUSE_CLIENT, str(tank), command) == TankDone(tank)
    return str(tank)


async def giver_and_taker(new_customer: AddCustomer) -> tuple[Customer, Customer]:
    giver = await new_customer("Hana", operator="mineo", plan="mypita-10gb")
    return giver, await new_customer("Ken", operator="mineo", plan="mypita-1gb")


def seen(customer: Customer, tank: str) -> dict[str, Any]:
    tanks = customer.api.get("/v1/tanks").json()["tanks"]
    found: dict[str, Any] = next(one for one in tanks if one["id"] == tank)
    return found


def act(customer: Customer, tank: str, how: str, amount: int, key: str = "", **more: str) -> Any:
    body = {"line": str(customer.line), "amount": amount} | more
    return customer.api.post(f"/v1/tanks/{tank}/{how}", json=body, headers=keyed(key))


async def test_what_one_gives_another_draws(
    new_customer: AddCustomer, beside_served: Yuzuri
) -> None:
    hana, ken = await giver_and_taker(new_customer)
    tank = await opened(beside_served, "JP-17")

    (mine,) = seen(hana, tank)["lines"]
    assert [note["code"] for note in mine["notes"]] == ["tank.for_all"]
    given = act(hana, tank, "donations", 500 * MB)
    assert given.status_code == 200, given.text
    assert (given.json()["amount"], given.json()["arrives"]) == (500 * MB, None)

    (elsewhere,) = seen(ken, tank)["lines"]
    assert (elsewhere["may_draw"], elsewhere["most_to_draw"]) == (False, 0)
    assert [reason["code"] for reason in elsewhere["reasons"]] == ["tank.out_of_area"]
    async with beside_served.database.connection() as connection:
        await place_line(connection, ken.line, "JP-17")
    tank_seen = seen(ken, tank)
    (here,) = tank_seen["lines"]
    assert (tank_seen["amount"], here["may_draw"], here["most_to_draw"]) == (
        500 * MB,
        True,
        500 * MB,
    )

    drawn = act(ken, tank, "draws", 300 * MB, "once")
    assert drawn.status_code == 200, drawn.text
    assert drawn.json()["arrives"]["amount"] == 300 * MB
    assert drawn.json()["arrives"]["expires_at"] == tank_seen["inside"]["expires_at"]
    assert act(ken, tank, "draws", 300 * MB, "once").json() == drawn.json()
    assert ken.balances() == (1_300 * MB, 0)
    assert (seen(hana, tank)["amount"], hana.balances()) == (200 * MB, (9_500 * MB, 0))

    again = act(ken, tank, "draws", 1)
    assert (again.status_code, again.json()["code"]) == (422, "tank.left")
    (reason,) = again.json()["reasons"]
    assert reason["rule"] == "mineo services.tank.only_when_left_at_most"
    assert "1.3 GB" in reason["text"]
    assert [other["code"] for other in again.json()["instead"]] == ["instead.service"]
    assert await broken_invariants(beside_served) == []


async def test_nobody_acts_with_a_line_of_another_nor_at_a_tank_that_is_none(
    new_customer: AddCustomer, beside_served: Yuzuri
) -> None:
    hana, ken = await giver_and_taker(new_customer)
    tank = await opened(beside_served, "JP-16")
    stranger = await new_customer("Mai")
    for how in ("donations", "draws"):
        answers = [
            act(hana, tank, how, 1, line=str(ken.line)),
            act(hana, str(new_uuid()), how, 1),
            act(hana, "no-tank", how, 1),
            act(hana, tank, how, 0),
            act(stranger, tank, how, 1),
        ]
        assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
            (403, "line.not_yours"),
            (404, "tank.unknown"),
            (404, "tank.unknown"),
            (400, "amount.not_positive"),
            (422, "tank.other_operator"),
        ]
    assert stranger.api.get("/v1/tanks").json() == {"tanks": []}
    assert act(hana, tank, "donations", 10_001 * MB).json()["code"] == "balance.not_enough"
