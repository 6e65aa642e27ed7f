"""Threat 7, preview bots and leaks: the secret in the fragment, GET takes nothing, no referrer.

Whoever is sent a link in a chat has it fetched by that chat's machines first.
"""

import base64
import json
import re

import httpx
import psycopg
import pytest
from litestar import get, head
from litestar.routes import HTTPRoute
from tests.journeys.served import Customer, as_headers, keyed, table_digests
from tests.threats.conftest import NewCustomer, Street, post_link

from yuzuri.api.app import api_router
from yuzuri.web import web_router

BOTS = [
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "Twitterbot/1.0",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "WhatsApp/2.23.20.0",
    "line-poker/1.0",
]
WRITTEN = ("link", "link_taker", "gift", "hold", "transfer", "bucket", "gift_request")


def paths_that_can_be_got() -> list[str]:
    """Return every path that answers GET or HEAD, as the application itself lists them."""
    return sorted(
        {
            route.path
            for route in (*api_router.routes, *web_router.routes)
            if isinstance(route, HTTPRoute)
            and any(isinstance(handler, get | head) for handler in route.route_handlers)
        }
    )


async def test_what_a_crawler_fetches_leaves_the_gift_open(
    street: Street, new_customer: NewCustomer
) -> None:
    hana, ken = await new_customer("Hana"), await new_customer("Ken")
    posted = post_link(hana)
    before = table_digests(street.superuser_url, *WRITTEN)
    # What bots fetch has no fragment; some send it on all the same, as a path or a query.
    urls = [
        "/l",
        f"/l?secret={posted['secret']}",
        f"/l/{posted['secret']}",
        f"/l/open?secret={posted['secret']}",
        f"/l/take?secret={posted['secret']}&line={ken.line}",
        f"/v1/links/open?secret={posted['secret']}",
        f"/v1/links/take?secret={posted['secret']}&line={ken.line}",
    ]
    known = {"link": posted["id"], "line": str(ken.line)}
    urls += [
        re.sub(r"{(\w+?)(?:_id)?:\w+}", lambda m: known.get(m[1], posted["id"]), path)
        for path in paths_that_can_be_got()
    ]
    with street.served.client() as stranger, street.served.client(ken.token) as signed_in:
        for number, url in enumerate(urls):
            headers = {"User-Agent": BOTS[number % len(BOTS)]}
            for client in (stranger, signed_in):
                for method in ("GET", "HEAD"):
                    assert client.request(method, url, headers=headers).status_code < 500
    assert table_digests(street.superuser_url, *WRITTEN) == before
    link = hana.api.get(f"/v1/links/{posted['id']}").json()
    assert (link["state"], link["taken"]) == ("open", 0)


def test_the_landing_page_is_the_same_for_everyone_and_gives_nothing_away(street: Street) -> None:
    with street.served.client() as client:
        answers = [client.get("/l", headers={"User-Agent": bot}) for bot in BOTS]
    assert {answer.content for answer in answers} == {answers[0].content}
    page = answers[0]
    assert page.status_code == 200
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert "set-cookie" not in page.headers
    assert 'property="og:title"' in page.text
    for telling in ("GB", "MB", "Hana", "operator"):
        assert telling not in page.text


@pytest.mark.parametrize("path", ["/l", "/sign-in", "/links", "/schema", "/static/landing.js"])
def test_no_page_tells_another_site_where_one_was(street: Street, path: str) -> None:
    with street.served.client() as client:
        answer = client.get(path)
    # A fragment is in no Referer; and pages on which one acts send none at all.
    if "html" in answer.headers["content-type"] and path != "/schema":
        assert answer.headers["referrer-policy"] == "no-referrer"
    assert "//" not in re.sub(
        r"https?://www\.w3\.org/\S+|<!doctype html>|//[^\n]*\n", "", answer.text
    )


async def test_a_secret_stands_in_no_log_no_address_and_no_header(
    street: Street, new_customer: NewCustomer
) -> None:
    hana, ken = await new_customer("Hana"), await new_customer("Ken")
    posted = post_link(hana, audience="passcode", passcode="open sesame")
    secret = posted["secret"]
    answers = [
        *use(ken, secret),
        hana.api.post("/v1/posters", json={"secret": secret, "format": "svg"}),
        hana.api.get("/v1/links"),
        hana.api.get(f"/v1/links/{posted['id']}"),
        hana.api.post(f"/v1/links/{posted['id']}/revoke", headers=keyed()),
        *use(ken, secret),
    ]
    for answer in answers:
        assert answer.status_code < 500
        assert secret not in str(answer.url)
        assert secret not in str(answer.headers)
        assert secret not in answer.text
    log = street.log.read_text(errors="replace")
    assert "POST /v1/links/open" in log, "every request has a line in this log"
    assert secret not in log
    assert "open sesame" not in log


def use(ken: Customer, secret: str) -> list[httpx.Response]:
    """Send the secret wherever one can, and in ways that are faults."""
    opening, body = {"secret": secret}, {"secret": secret, "line": str(ken.line)}
    return [
        ken.api.post("/v1/links/open", json=opening),
        ken.api.post("/v1/links/open", content=json.dumps(opening)[:-1]),
        ken.api.post("/v1/links/open", json=opening | {"more": 1}),
        ken.api.post("/v1/links/open", json={"secret": [secret]}),
        ken.api.post("/v1/links/open", json={"secret": secret + "x" * 400}),
        ken.api.post("/v1/links/verdict", json=opening),
        ken.api.post("/v1/links/take", json=body, headers=keyed()),
        ken.api.post("/v1/links/take", json=body | {"passcode": "no"}, headers=keyed()),
        ken.api.post("/v1/links/take", json=body | {"passcode": "open sesame"}, headers=keyed()),
        ken.api.post("/v1/requests/fill", json=body | {"amount": 1}, headers=keyed()),
        httpx.post(f"{ken.api.base_url}/v1/links/open", json=opening, trust_env=False),
        httpx.post(
            f"{ken.api.base_url}/v1/links/verdict",
            json=opening,
            headers=as_headers("not signed in"),
            trust_env=False,
        ),
    ]


async def test_no_secret_is_kept_but_as_a_digest(street: Street, new_customer: NewCustomer) -> None:
    hana, ken = await new_customer("Hana"), await new_customer("Ken")
    posted = post_link(hana, audience="passcode", passcode="open sesame")
    secret = posted["secret"]
    asking = {"line": str(hana.line), "unit": "data", "amount": 10**9}
    asked = hana.api.post("/v1/requests", json=asking, headers=keyed()).json()["secret"]
    body = {"secret": secret, "line": str(ken.line), "passcode": "open sesame"}
    assert ken.api.post("/v1/links/take", json=body, headers=keyed()).status_code == 200
    kept = everything(street)
    for told in (secret, asked, "open sesame"):
        assert told not in kept
        assert told.encode().hex() not in kept
    for told in (secret, asked):
        assert base64.urlsafe_b64decode(told + "==").hex() not in kept


def everything(street: Street) -> str:
    """Return all rows of all tables as text."""
    with psycopg.connect(street.superuser_url) as connection:
        tables = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'yuzuri'"
        ).fetchall()
        rows = []
        for (table,) in tables:
            found = connection.execute(f'SELECT t::text FROM yuzuri."{table}" AS t')
            rows += [row[0] for row in found]
    assert len(rows) > 20
    return "\n".join(rows)
