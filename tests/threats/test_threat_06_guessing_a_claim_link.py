"""Threat 6, guessing a claim link: 128 random bits, stored hashed, uniform answers, throttling."""

import asyncio
import secrets
from collections.abc import Sequence
from hashlib import sha256
from itertools import chain

import httpx
import psycopg
from tests.journeys.served import Customer, keyed
from tests.threats.conftest import NewCustomer, Street, coming_from, post_link

from yuzuri.kernel.calendar import utc_now
from yuzuri.kernel.ids import LinkId, new_id
from yuzuri.runtime.running import Yuzuri
from yuzuri.sharing.link_secrets import SECRET_BYTES, SecretKind, mint_secret
from yuzuri.sharing.throttle import BY_ACCOUNT, BY_ADDRESS

GUESSES = 1_000_000
AT_ONCE = 100_000
LINKS = 300
CONNECTIONS = 8


async def test_a_million_guesses_hit_nothing(street: Street, inside: Yuzuri) -> None:
    async with inside.database.connection() as connection:
        at = utc_now()
        real = [
            await mint_secret(connection, SecretKind.LINK, LinkId(new_id()), at)
            for _ in range(LINKS)
        ]
    hits = 0
    with psycopg.connect(street.superuser_url) as connection:
        for _ in range(GUESSES // AT_ONCE):
            hits += count_hits(
                connection, [secrets.token_urlsafe(SECRET_BYTES) for _ in range(AT_ONCE)]
            )
        assert hits == 0
        assert count_hits(connection, real) == LINKS, "guesses are compared as secrets are kept"


def count_hits(connection: psycopg.Connection, guesses: Sequence[str]) -> int:
    digests = [sha256(guess.encode()).digest() for guess in guesses]
    row = connection.execute(
        "SELECT count(*) FROM yuzuri.link_secret WHERE hash = ANY(%b)", (digests,)
    ).fetchone()
    assert row is not None
    return int(row[0])


async def guess(street: Street, times: int, prefix: str) -> list[httpx.Response]:
    """Guess from addresses of one IPv6 network, over several connections at a time."""

    async def one_after_another(addresses: range) -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=street.served.url, timeout=60) as client:
            return [
                await client.post(
                    "/v1/links/open",
                    json={"secret": secrets.token_urlsafe(SECRET_BYTES)},
                    headers=coming_from(f"{prefix}:{number:x}"),
                )
                for number in addresses
            ]

    shares = (range(first, times, CONNECTIONS) for first in range(CONNECTIONS))
    return list(chain.from_iterable(await asyncio.gather(*map(one_after_another, shares))))


async def test_those_over_http_are_answered_alike_and_soon_not_at_all(
    street: Street, new_customer: NewCustomer
) -> None:
    secret = post_link(await new_customer("Hana"))["secret"]
    answers = await guess(street, 1_200, "2001:db8:6:1:")
    unknown = [answer for answer in answers if answer.status_code == 404]
    waiting = [answer for answer in answers if answer.status_code == 429]
    assert len(unknown) + len(waiting) == len(answers)
    # What is under way when the limit is reached is answered still: one a connection.
    assert BY_ADDRESS.failures <= len(unknown) <= BY_ADDRESS.failures + CONNECTIONS
    assert {answer.content for answer in unknown} == {unknown[0].content}
    assert all(1 <= int(answer.headers["Retry-After"]) <= 60 for answer in waiting)
    with street.served.client() as client:
        body = {"secret": secret}
        there = client.post("/v1/links/open", json=body, headers=coming_from("2001:db8:6:1::"))
        elsewhere = client.post("/v1/links/open", json=body, headers=coming_from("2001:db8:6:2::"))
    assert there.status_code == 429, "whoever guesses is not told that this one is right"
    assert elsewhere.status_code == 200


def take(taker: Customer, secret: str, address: str, **more: str) -> httpx.Response:
    body = {"secret": secret, "line": str(taker.line)} | more
    return taker.api.post("/v1/links/take", json=body, headers=keyed() | coming_from(address))


async def test_an_account_that_guesses_waits_wherever_it_comes_from(
    street: Street, new_customer: NewCustomer
) -> None:
    hana, ken, aya = [await new_customer(name) for name in ("Hana", "Ken", "Aya")]
    secret = post_link(hana)["secret"]
    answers = [
        take(ken, secrets.token_urlsafe(SECRET_BYTES), f"198.51.100.{number}")
        for number in range(BY_ACCOUNT.failures + 5)
    ]
    assert [answer.status_code for answer in answers] == [404] * BY_ACCOUNT.failures + [429] * 5
    assert take(ken, secret, "198.51.100.200").status_code == 429
    assert take(aya, secret, "198.51.100.1").status_code == 200


async def test_a_passcode_cannot_be_tried_out(street: Street, new_customer: NewCustomer) -> None:
    hana, ken = await new_customer("Hana"), await new_customer("Ken")
    secret = post_link(hana, audience="passcode", passcode="4711")["secret"]
    tried = [take(ken, secret, "192.0.2.6", passcode=f"{n:04}") for n in range(10)]
    codes = [answer.json()["code"] for answer in tried]
    assert codes == ["passcode.wrong"] * 4 + ["passcode.closed"] * 6
    assert take(ken, secret, "192.0.2.7", passcode="4711").json()["code"] == "passcode.closed"


async def test_wrong_spent_revoked_and_over_are_answered_alike(
    street: Street, new_customer: NewCustomer
) -> None:
    hana, ken, aya = [await new_customer(name) for name in ("Hana", "Ken", "Aya")]
    spent = post_link(hana, shares=1)
    assert take(ken, spent["secret"], "192.0.2.60").status_code == 200
    revoked, over = post_link(hana), post_link(hana)
    hana.api.post(f"/v1/links/{revoked['id']}/revoke", headers=keyed())
    with psycopg.connect(street.superuser_url) as connection:
        connection.execute(
            "UPDATE yuzuri.link SET deadline = now() - interval '1 s' WHERE id = %s", (over["id"],)
        )
    wrong = secrets.token_urlsafe(SECRET_BYTES)
    links = [wrong, spent["secret"], revoked["secret"], over["secret"], "", "no secret"]
    for path in ("open", "verdict", "take"):
        answers = []
        for number, secret in enumerate(links):
            body = {"secret": secret} | ({"line": str(aya.line)} if path == "take" else {})
            headers = keyed() | coming_from(f"203.0.113.{number}")
            answers.append(aya.api.post(f"/v1/links/{path}", json=body, headers=headers))
        assert {answer.status_code for answer in answers} == {404}
        assert {answer.content for answer in answers} == {answers[0].content}
        assert {tuple(told(answer)) for answer in answers} == {tuple(told(answers[0]))}


def told(answer: httpx.Response) -> list[tuple[str, str]]:
    return [(name, value) for name, value in answer.headers.items() if name != "date"]
