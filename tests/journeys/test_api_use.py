"""What a line has used, and its notices, over HTTP."""

from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from tests.journeys.conftest import AddCustomer
from tests.journeys.served import ELSEWHERE, Customer, ServedYuzuri

from yuzuri.charging.notices import load_waiting
from yuzuri.charging.sessions import Charged, OpenSession, UpdateSession, Usage, Wanted
from yuzuri.kernel.calendar import day_start, month_start, utc_now
from yuzuri.kernel.ids import HoldId, SessionId, home_of, new_id
from yuzuri.kernel.quantities import Unit
from yuzuri.ledger.changes import HOUSE, House
from yuzuri.ledger.commands import DONE, Capture, Reserve
from yuzuri.ledger.store import read_book
from yuzuri.operators.profiles import read_profiles
from yuzuri.runtime.running import HOUSE_CLIENT, Yuzuri

MB = 10**6
DATA_GROUP = 1
NETWORK = new_id()
ZONE = read_profiles()["yuzuri-mobile"].zone


async def use_up(yuzuri: Yuzuri, customer: Customer, unit: Unit, amount: int) -> None:
    """Let a line use something now, as a network reports it."""
    async with yuzuri.database.connection() as connection:
        book = await read_book(connection, [customer.line], utc_now())
    ((bucket, _),) = book.holdings(customer.line, unit)
    hold = HoldId(new_id())
    reserve = Reserve(
        id=hold,
        holder=customer.line,
        allowance=bucket.allowance,
        amount=amount,
        cause=new_id(),
        expires_at=utc_now() + timedelta(minutes=1),
    )
    capture = Capture(
        hold=hold, holder=customer.line, target=HOUSE[House.USED], amount=amount, keep_rest=False
    )
    for command in (reserve, capture):
        assert await yuzuri.submit(HOUSE_CLIENT, str(new_id()), command) is DONE


async def test_what_was_used_stands_in_its_hour(
    new_customer: AddCustomer, beside_served: Yuzuri
) -> None:
    hana, ken = await new_customer("Hana"), await new_customer("Ken")
    before = utc_now()
    await use_up(beside_served, hana, Unit.DATA, 120 * MB)
    await use_up(beside_served, hana, Unit.VOICE, 95)

    answer = hana.api.get(f"/v1/lines/{hana.line}/use")

    assert answer.status_code == 200, answer.text
    use = answer.json()
    assert (use["line"], use["timezone"]) == (str(hana.line), "Asia/Tokyo")
    assert len(use["hours"]) == 7 * 24
    assert datetime.fromisoformat(use["hours"][0]["since"]) == day_start(before, ZONE, -6)
    used = [hour for hour in use["hours"] if hour["parts"]]
    parts = [part for hour in used for part in hour["parts"]]
    assert {(part["unit"], part["amount"]) for part in parts} == {
        ("data", 120 * MB),
        ("voice", 95),
    }
    data = next(part for part in parts if part["unit"] == "data")
    assert (data["kind"], data["zone"], data["night"], data["pooled"]) == (
        "base", "JP", False, False,
    )  # fmt: skip
    for hour in used:
        since, until = (datetime.fromisoformat(hour[edge]) for edge in ("since", "until"))
        assert since <= utc_now()
        assert before < until
        assert until - since == timedelta(hours=1)
    assert len(hana.api.get(f"/v1/lines/{hana.line}/use?days=31").json()["hours"]) == 31 * 24

    assert ken.api.get(f"/v1/lines/{hana.line}/use").json()["code"] == "line.not_yours"
    assert hana.api.get(f"/v1/lines/{ELSEWHERE}/use").json()["code"] == "line.unknown"


async def test_a_session_of_the_network_shows_as_it_goes(
    new_customer: AddCustomer, beside_served: Yuzuri
) -> None:
    hana = await new_customer("Hana")
    who = {"session": SessionId(new_id(home_of(hana.line))), "line": hana.line}
    network: dict[str, Any] = who | {"network_function": "smf"}

    async def report(sequence: int, gigabytes: int) -> Charged:
        used = (Usage(DATA_GROUP, gigabytes * 1_000 * MB, utc_now()),)
        command = UpdateSession(
            **network, sequence=sequence, used=used, wanted=(Wanted(DATA_GROUP),)
        )
        outcome = await beside_served.submit(NETWORK, f"{who['session']} {sequence}", command)
        assert isinstance(outcome, Charged), outcome
        return outcome

    opening = OpenSession(
        **network, notify_uri=None, country=None, sequence=1, wanted=(Wanted(DATA_GROUP),)
    )
    await beside_served.submit(NETWORK, f"{who['session']} 1", opening)
    balances = hana.api.get(f"/v1/lines/{hana.line}").json()["balances"]
    (data,) = (balance for balance in balances if balance["unit"] == "data")
    assert (data["held"], data["in_gifts"]) == (50 * MB, 0), "granted, and in no gift"

    await report(2, 3)
    assert hana.api.get("/v1/notices").json() == {"notices": [], "delegations": []}
    await report(3, 1)
    (notice,) = hana.api.get("/v1/notices").json()["notices"]
    assert (notice["unit"], notice["reached"]) == ("data", 80)
    assert (await report(4, 1)).grants[0].amount == 0
    (notice,) = hana.api.get("/v1/notices").json()["notices"]
    assert (notice["unit"], notice["reached"]) == ("data", 100)

    hours = hana.api.get(f"/v1/lines/{hana.line}/use?days=2").json()["hours"]
    assert sum(part["amount"] for hour in hours for part in hour["parts"]) == 5_000 * MB
    async with beside_served.database.connection() as connection:
        assert await load_waiting(connection, [hana.line]) == {(hana.line, Unit.DATA): False}


@pytest.mark.parametrize("days", ["0", "32", "-1", "many", "1.5"])
async def test_one_asks_about_1_to_31_days(new_customer: AddCustomer, days: str) -> None:
    hana = await new_customer("Hana")
    answer = hana.api.get(f"/v1/lines/{hana.line}/use?days={days}")
    assert (answer.status_code, answer.json()["code"]) == (400, "request.invalid")


async def test_a_notice_is_there_until_it_is_put_away(
    new_customer: AddCustomer, served: ServedYuzuri
) -> None:
    hana, ken = await new_customer("Hana"), await new_customer("Ken")
    assert hana.api.get("/v1/notices").json() == {"notices": [], "delegations": []}
    month = month_start(utc_now(), ZONE)
    with psycopg.connect(served.settings.database_url or "", autocommit=True) as connection:
        for reached in (80, 100):
            connection.execute(
                "INSERT INTO yuzuri.use_notice (home, line, unit, cycle_start, reached, at)"
                " VALUES (%s, %s, 'data', %s, %s, %s)",
                (home_of(hana.line), hana.line, month, reached, utc_now()),
            )

    (notice,) = hana.api.get("/v1/notices").json()["notices"]

    assert (notice["line"], notice["unit"], notice["reached"], notice["seen_at"]) == (
        str(hana.line), "data", 100, None,
    )  # fmt: skip
    assert datetime.fromisoformat(notice["month_since"]) == month
    assert ken.api.get("/v1/notices").json() == {"notices": [], "delegations": []}
    for stranger, name in ((ken, notice["id"]), (hana, ELSEWHERE), (hana, "nonsense")):
        answer = stranger.api.post(f"/v1/notices/{name}/seen")
        assert (answer.status_code, answer.json()["code"]) == (404, "notice.unknown")
    assert hana.api.get("/v1/notices").json()["notices"][0]["seen_at"] is None

    seen = hana.api.post(f"/v1/notices/{notice['id']}/seen")
    again = hana.api.post(f"/v1/notices/{notice['id']}/seen")

    assert (seen.status_code, again.status_code) == (200, 200)
    assert seen.json()["seen_at"] is not None
    assert again.json() == seen.json() == hana.api.get("/v1/notices").json()["notices"][0]
