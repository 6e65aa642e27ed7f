"""Threat 9, fake QR codes: one fixed origin, no way off it, and claiming asks for no code.

A sticker over a poster leads to another site. Ours never sends anybody there, opens nothing that
came from there, and never asks for what such a site would be after.
"""

import io
import re
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
import zxingcpp
from PIL import Image
from tests.journeys.served import Customer, keyed
from tests.threats.conftest import ORIGIN, NewCustomer, Street, coming_from, post_link

FORGED = {
    "Host": "evil.example",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "https",
    "Forwarded": "host=evil.example;proto=https",
    "Origin": "https://evil.example",
    "Referer": "https://evil.example/",
}


async def test_a_link_begins_with_our_origin_whatever_a_request_says(
    street: Street, new_customer: NewCustomer
) -> None:
    hana = await new_customer("Hana")
    body = {"line": str(hana.line), "unit": "data", "amount": 10**8, "shares": 1}
    with street.served.client(hana.token, **FORGED) as client:
        posted = client.post("/v1/links", json=body, headers=keyed()).json()
        again = client.post(f"/v1/links/{posted['id']}/secret").json()
        poster = client.post("/v1/posters", json={"secret": posted["secret"]})
    assert posted["url"] == f"{ORIGIN}/l#{posted['secret']}"
    assert again["url"] == f"{ORIGIN}/l#{again['secret']}"
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(poster.content)))
    assert code.text == posted["url"]


async def test_an_address_of_another_site_opens_nothing_here(
    street: Street, new_customer: NewCustomer
) -> None:
    secret = post_link(await new_customer("Hana"))["secret"]
    with street.served.client() as client:
        for number, address in enumerate(
            (
                f"https://evil.example/l#{secret}",
                f"{ORIGIN}.evil.example/l#{secret}",
                f"{ORIGIN}@evil.example/l#{secret}",
                f"//evil.example/l#{secret}",
                f"javascript:alert(1)#{secret}",
            )
        ):
            headers = coming_from(f"203.0.113.{number}")
            answer = client.post("/v1/links/open", json={"secret": address}, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (404, "link.unknown")
        ours = f"{ORIGIN}/l#{secret}"
        assert client.post("/v1/links/open", json={"secret": ours}).status_code == 200


AWAY = [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "\\\\evil.example",
    "https:evil.example",
    "/%09/evil.example",
    "/\t/evil.example",
    " https://evil.example",
    "javascript:alert(1)",
    f"{ORIGIN}@evil.example/",
]


@pytest.mark.parametrize("then", AWAY, ids=range(len(AWAY)))
async def test_signing_in_to_claim_leads_nowhere_else(
    street: Street, new_customer: NewCustomer, then: str
) -> None:
    answer = sign_in(street, await new_customer("Hana"), then)
    assert answer.status_code == 303
    leads_to = urlsplit(urljoin(street.served.url, answer.headers["location"]))
    assert f"{leads_to.scheme}://{leads_to.netloc}" == street.served.url


def sign_in(street: Street, person: Customer, then: str) -> httpx.Response:
    """Sign in as a browser does, having been asked to go on somewhere afterwards."""
    with httpx.Client(base_url=street.served.url, trust_env=False) as browser:
        page = browser.get("/sign-in", params={"then": then})
        token = re.search(r'name="form_token" value="([0-9a-f]{64})"', page.text)
        assert token is not None
        form = {"form_token": token[1], "person": str(person.person), "then": then}
        return browser.post("/sign-in", data=form)


class Fields(HTMLParser):
    """The fields that a person sees in the forms of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: set[tuple[str, str]] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in {"input", "textarea"} and given.get("type") != "hidden":
            self.seen.add((given.get("name", ""), given.get("type", "text")))
        assert "one-time-code" not in given.get("autocomplete", "")


def pages_of(street: Street, person: Customer, secret: str) -> tuple[str, str]:
    """Return the page that every link leads to, and what it shows of this one."""
    cookies = {"yuzuri_session": person.token}
    with httpx.Client(base_url=street.served.url, trust_env=False, cookies=cookies) as browser:
        return browser.get("/l").text, browser.post("/l/open", data={"secret": secret}).text


async def test_claiming_never_asks_for_a_code(street: Street, new_customer: NewCustomer) -> None:
    hana, ken = await new_customer("Hana"), await new_customer("Ken")
    secret = post_link(hana)["secret"]
    landing, opened = pages_of(street, ken, secret)
    assert Fields(landing).seen == {("secret", "text")}
    assert Fields(opened).seen <= {("line", "radio"), ("hides_name", "checkbox")}
    assert ("hides_name", "checkbox") in Fields(opened).seen
    for page in (landing, opened):
        for address in re.findall(r'(?:href|src|action)="([^"]*)"', page):
            assert not urlsplit(address).netloc, "it leads to this site alone"
    with street.served.client() as client:
        shapes = client.get("/schema/openapi.json").json()["components"]["schemas"]
    assert set(shapes["TakeBody"]["properties"]) == {"secret", "line", "passcode", "hides_name"}
    taking = {"secret": secret, "line": str(ken.line)}
    assert ken.api.post("/v1/links/take", json=taking, headers=keyed()).status_code == 200
