"""A request may be sent again and again: what it does happens once, whatever dies in between."""

import asyncio
import contextlib
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx
import psycopg
from tests.journeys.conftest import AddCustomer
from tests.journeys.served import (
    ANSWER_TIMEOUT_S,
    Customer,
    ServedYuzuri,
    add_customer,
    as_headers,
    beside,
    broken_invariants,
    gift_body,
    keyed,
    serving,
)

from yuzuri.cli.serving import check_port
from yuzuri.kernel.errors import DomainError
from yuzuri.runtime.running import Yuzuri
from yuzuri.settings import Settings

GB = 10**9
FILLED = 5 * GB


def connecting(served: ServedYuzuri) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=served.url,
        timeout=ANSWER_TIMEOUT_S,
        limits=httpx.Limits(max_connections=None),
        trust_env=False,
    )


async def test_200_requests_at_once_with_one_key_move_the_data_once(
    served: ServedYuzuri, new_customer: AddCustomer, beside_served: Yuzuri
) -> None:
    hana, ken = await new_customer("Hana"), await new_customer("Ken")
    headers = as_headers(hana.token) | keyed("the-one-key")
    async with connecting(served) as client:
        answers = await asyncio.gather(
            *(
                client.post("/v1/gifts", json=gift_body(hana, ken, GB), headers=headers)
                for _ in range(200)
            )
        )

    counts = Counter(answer.status_code for answer in answers)
    assert set(counts) <= {201, 409}
    assert counts[201] >= 1
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["code"] == "request.in_flight"
            assert answer.headers["Retry-After"] == "1"
    assert len({answer.text for answer in answers if answer.status_code == 201}) == 1
    assert hana.balances() == (FILLED, GB)

    gift = next(answer.json()["id"] for answer in answers if answer.status_code == 201)
    accepts = as_headers(ken.token) | keyed("the-other-key")
    async with connecting(served) as client:
        taken = await asyncio.gather(
            *(client.post(f"/v1/gifts/{gift}/accept", headers=accepts) for _ in range(200))
        )

    assert {answer.status_code for answer in taken} <= {200, 409}
    assert (hana.balances(), ken.balances()) == ((FILLED - GB, 0), (FILLED + GB, 0))
    assert await broken_invariants(beside_served) == []


async def test_the_same_key_is_told_the_same_whatever_became_of_the_gift(
    new_customer: AddCustomer,
) -> None:
    hana, ken = await new_customer("Hana"), await new_customer("Ken")
    first = hana.give(ken, GB, key="k1")
    ken.end(first.json()["id"], "decline")
    again = hana.give(ken, GB, key="k1")
    assert (again.status_code, again.text) == (201, first.text)
    assert hana.balances() == (FILLED, 0)


async def test_a_refusal_stays_with_its_key_and_a_new_key_asks_anew(
    new_customer: AddCustomer,
) -> None:
    hana, ken = await new_customer("Hana"), await new_customer("Ken")
    held = hana.give(ken, FILLED - GB).json()["id"]
    refused = hana.give(ken, GB, key="k1")
    assert (refused.status_code, refused.json()["code"]) == (422, "gift.keep")
    hana.end(held, "cancel")
    assert hana.give(ken, GB, key="k1").text == refused.text
    assert hana.give(ken, GB, key="k2").status_code == 201


async def test_a_key_is_for_one_request_only(new_customer: AddCustomer) -> None:
    hana, ken = await new_customer("Hana"), await new_customer("Ken")
    gift = hana.give(ken, GB, key="k1").json()["id"]
    for other in (
        hana.give(ken, GB, key="k1", message="more"),
        hana.give(ken, GB // 10, key="k1"),
        hana.end(gift, "cancel", key="k1"),
    ):
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key.reused")
    assert hana.balances() == (FILLED, GB)


# ---------------------------------------------------------------- a server that is killed

GIVERS = 50
GIFTS_EACH = 20
GIFT = 10_000_000
CLIENTS = 32
KILLED_AFTER = (250, 900)
"""So many answers of the 2,000 are waited for before each kill."""


@dataclass
class Wish:
    """One gift that somebody wants to make and have accepted, with the keys they keep for it."""

    giver: Customer
    receiver: Customer
    number: int
    gift: str | None = None
    answers: list[str] = field(default_factory=list)
    is_done: bool = False

    async def pursue(self, client: httpx.AsyncClient) -> None:
        """Send what has not been answered yet, with the same keys as ever; may fail half-way."""
        offer = await client.post(
            "/v1/gifts",
            json=gift_body(self.giver, self.receiver, GIFT, message=f"no. {self.number}"),
            headers=as_headers(self.giver.token) | keyed(f"offer-{self.number}"),
        )
        self._note(offer, 201)
        accept = await client.post(
            f"/v1/gifts/{offer.json()['id']}/accept",
            headers=as_headers(self.receiver.token) | keyed(f"accept-{self.number}"),
        )
        self._note(accept, 200)
        self.is_done = True

    def _note(self, answer: httpx.Response, status: int) -> None:
        if answer.status_code in {409, 503}:  # in flight, or the server is going away
            raise httpx.TransportError(answer.text)
        assert answer.status_code == status, answer.text
        self.answers.append(answer.json()["id"])


async def pursue_all(served: ServedYuzuri, wishes: list[Wish], kill_after: int | None) -> None:
    """Let the clients work through the wishes, and kill the server in the middle of it."""
    waiting = list(wishes)
    random.Random(7).shuffle(waiting)
    answered = 0

    async def work(client: httpx.AsyncClient) -> None:
        nonlocal answered
        while waiting and served.process is not None:
            wish = waiting.pop()
            before = len(wish.answers)
            try:
                await wish.pursue(client)
            except httpx.TransportError:
                assert kill_after is not None, "a server that nobody kills answers everything"
            answered += len(wish.answers) - before
            if kill_after is not None and answered >= kill_after:
                served.stop(signal.SIGKILL)

    async with connecting(served) as client:
        await asyncio.gather(*(work(client) for _ in range(CLIENTS)))


async def test_a_server_killed_amid_a_thousand_gifts_loses_nothing_and_does_nothing_twice(
    settings: Settings, database_url: str
) -> None:
    with serving(settings) as served:
        async with beside(settings) as yuzuri:
            people = [
                await add_customer(yuzuri, served, f"Person {number}") for number in range(GIVERS)
            ]
        wishes = [
            Wish(giver, people[(place + 1 + turn) % GIVERS], place * GIFTS_EACH + turn)
            for place, giver in enumerate(people)
            for turn in range(GIFTS_EACH)
        ]
        for kill_after in KILLED_AFTER:
            await pursue_all(served, wishes, kill_after)
            assert served.process is None
            assert not all(wish.is_done for wish in wishes)
            served.start()
        assert any(wish.answers for wish in wishes)
        await pursue_all(served, wishes, None)

        assert all(wish.is_done for wish in wishes)
        for person in people:
            assert person.balances() == (FILLED, 0)

    # Whatever was ever answered for a wish was about one and the same gift.
    assert all(len(set(wish.answers)) == 1 for wish in wishes)
    gifts = {wish.answers[0]: wish for wish in wishes}
    assert len(gifts) == GIVERS * GIFTS_EACH
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT gift.id::text, from_line, to_line, gift.amount, message, gift.state,"
            " sum(entry.amount) FILTER (WHERE entry.holder = from_line),"
            " sum(entry.amount) FILTER (WHERE entry.holder = to_line)"
            " FROM yuzuri.gift JOIN yuzuri.entry ON entry.cause = gift.id"
            " GROUP BY gift.home, gift.id"
        ).fetchall()
    assert len(rows) == len(gifts)
    for gift, from_line, to_line, amount, message, state, given, received in rows:
        wish = gifts[gift]
        assert (from_line, to_line) == (wish.giver.line, wish.receiver.line)
        assert (amount, message, state) == (GIFT, f"no. {wish.number}", "accepted")
        assert (given, received) == (-GIFT, GIFT)
    async with beside(settings) as yuzuri:
        assert await broken_invariants(yuzuri) == []


def test_no_worker_of_a_killed_server_keeps_its_port(settings: Settings) -> None:
    with serving(settings) as served:
        assert served.process is not None
        served.process.kill()  # the server alone: nobody is left to stop its workers
        served.process.wait(30)
        give_up_at = time.monotonic() + 10
        while time.monotonic() < give_up_at:
            with contextlib.suppress(DomainError):
                check_port("127.0.0.1", served.port)
                break
            time.sleep(0.1)
        check_port("127.0.0.1", served.port)
