"""What pages give away, keep, and let others do: nothing that is not the person's own."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import httpx
import pytest
from litestar import post
from litestar.routes import HTTPRoute
from tests.browser.conftest import NewContext, Site, in_thread
from tests.browser.people import NOW
from tests.browser.serving import serve

from yuzuri.db.connect import open_database
from yuzuri.kernel.ids import PersonId
from yuzuri.subscribers.sessions import make_sign_in_code
from yuzuri.web import web_router

SECRETS = re.compile(r'name="form_token" value="([0-9a-f]{64})"')


class Browser:
    """What a browser keeps and sends, without one: cookies, and forms as pages gave them."""

    def __init__(self, site: Site, **headers: str) -> None:
        self.http = httpx.Client(base_url=site.address, headers=headers)

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path)

    def token(self, path: str = "/sign-in") -> str:
        found = SECRETS.search(self.get(path).text)
        assert found is not None
        return found.group(1)

    def send(self, path: str, **fields: str) -> httpx.Response:
        return self.http.post(path, data={"form_token": self.token(), **fields})

    def sign_in(self, person: PersonId) -> None:
        assert self.send("/sign-in", person=str(person)).status_code == 303


@pytest.fixture
def aki(site: Site) -> Iterator[Browser]:
    browser = Browser(site)
    browser.sign_in(site.known.people["Aki"])
    yield browser
    browser.http.close()


def post_paths() -> list[str]:
    """Return where each form of ours is sent, with an id in every place that takes one."""
    any_id = "01a203c6-d90c-77a3-9b2d-83a3a51883cb"
    return [
        re.sub(r"\{\w+:str\}", any_id, route.path.replace("{answer:str}", "accept"))
        for route in web_router.routes
        if isinstance(route, HTTPRoute)
        and any(isinstance(handler, post) for handler in route.route_handlers)
        and route.path not in WITHOUT_TOKEN
    ]


WITHOUT_TOKEN = {"/l/open"}
"""Its page is the same for everyone, and it changes nothing."""


def test_opening_a_link_is_for_our_own_page_alone(site: Site) -> None:
    assert {route.path for route in web_router.routes} > WITHOUT_TOKEN
    secret = {"secret": "AAAAAAAAAAAAAAAAAAAAAA"}
    for where, status in (("same-origin", 404), ("cross-site", 403), ("same-site", 403)):
        headers = {"sec-fetch-site": where}
        answer = httpx.post(f"{site.address}/l/open", data=secret, headers=headers)
        assert answer.status_code == status, where


@pytest.mark.parametrize("path", post_paths())
def test_a_form_of_another_site_does_nothing(site: Site, aki: Browser, path: str) -> None:
    token = aki.token("/give")
    for fields, headers in (
        ({"line": "x"}, {}),
        ({"form_token": ""}, {}),
        ({"form_token": "0" * 64}, {}),
        ({"form_token": Browser(site).token()}, {}),
        ({"form_token": token}, {"sec-fetch-site": "cross-site"}),
        ({"form_token": token}, {"sec-fetch-site": "same-site"}),
    ):
        answer = aki.http.post(path, data=fields, headers=headers)
        assert answer.status_code == 403, (path, fields, headers)
        assert "no longer good" in answer.text
    assert aki.get("/").status_code == 200, "nobody has been signed out"


def test_a_token_from_before_signing_in_is_worth_nothing_after(site: Site) -> None:
    browser = Browser(site)
    before = browser.token()
    browser.sign_in(site.known.people["Aki"])
    assert browser.http.post("/sign-out", data={"form_token": before}).status_code == 403


def test_a_form_can_only_be_sent_as_a_form(aki: Browser) -> None:
    for content_type in ("text/plain", "application/json", "multipart/form-data; boundary=x"):
        body = f"form_token={aki.token('/give')}"
        answer = aki.http.post("/sign-out", content=body, headers={"content-type": content_type})
        assert answer.status_code == 400
    assert aki.get("/").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/give",
        "/gifts",
        "/links",
        "/pools",
        "/l",
        "/sign-in",
        "/nothing",
        "/gifts/x",
        "/links/x",
    ],
)
def test_every_page_carries_its_headers(aki: Browser, path: str) -> None:
    headers = aki.get(path).headers
    policy = headers["content-security-policy"]
    for part in ("default-src 'none'", "script-src 'self'", "style-src 'self'"):
        assert part in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


def test_static_files_are_what_they_say(site: Site) -> None:
    page = Browser(site).get("/sign-in").text
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert len(files) == 3
    for file in files:
        answer = httpx.get(site.address + file)
        assert answer.status_code == 200
        assert answer.headers["x-content-type-options"] == "nosniff"
        kinds = {"css": "text/css", "js": "javascript", "svg": "image/svg+xml"}
        kind = kinds[urlsplit(file).path.rpartition(".")[2]]
        assert kind in answer.headers["content-type"]
    assert httpx.get(f"{site.address}/static/../routes.py").status_code == 404
    assert httpx.get(f"{site.address}/static/%2e%2e/routes.py").status_code == 404


def test_cookies_are_for_no_script_and_no_other_site(site: Site) -> None:
    for scheme, is_secure in (("http", False), ("https", True)):
        browser = Browser(site, **{"x-forwarded-proto": scheme})
        first = browser.get("/sign-in").headers.get_list("set-cookie")
        # httpx sends a Secure cookie over https only, as a browser does.
        cookie = first[0].partition(";")[0]
        page = httpx.get(f"{site.address}/sign-in", headers={"cookie": cookie})
        found = SECRETS.search(page.text)
        assert found is not None
        fields = {"form_token": found.group(1), "person": str(site.known.people["Ben"])}
        headers = {"cookie": cookie, "x-forwarded-proto": scheme}
        answer = httpx.post(f"{site.address}/sign-in", data=fields, headers=headers)
        for made in (*first, *answer.headers.get_list("set-cookie")):
            assert "HttpOnly" in made
            assert "SameSite=lax" in made.replace("Lax", "lax")
            assert ("Secure" in made) is is_secure
    assert len(answer.headers.get_list("set-cookie")) == 1


def test_nobody_sees_pages_without_signing_in(site: Site) -> None:
    browser = Browser(site)
    gift = "/gifts/01a203c6-d90c-77a3-9b2d-83a3a51883cb"
    for path in (
        "/",
        "/give",
        "/gifts",
        gift,
        "/links",
        "/links/new",
        "/requests/new",
        "/contacts",
    ):
        answer = browser.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/sign-in")
    assert browser.send("/give", line="x").status_code == 303


def test_signing_out_ends_the_session_itself(site: Site) -> None:
    browser = Browser(site)
    browser.sign_in(site.known.people["Ben"])
    session = browser.http.cookies["yuzuri_session"]
    token = browser.token("/")
    assert browser.http.post("/sign-out", data={"form_token": token}).status_code == 303
    kept = {"cookie": f"yuzuri_session={session}"}
    assert httpx.get(site.address, headers=kept).status_code == 303


def test_the_way_back_after_signing_in_leads_nowhere_else(site: Site) -> None:
    for path in ("//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example"):
        browser = Browser(site)
        person = str(site.known.people["Ben"])
        answer = browser.send("/sign-in", person=person, then=path)
        assert answer.headers["location"] == "/", path


def test_only_ones_own_notices(site: Site, aki: Browser) -> None:
    ben = Browser(site)
    ben.sign_in(site.known.people["Ben"])
    paths = re.findall(r"/notices/[^/]+/seen", ben.get("/").text)
    assert len(paths) == 2
    assert "/notices/" not in aki.get("/").text
    for path in paths:
        assert aki.http.post(path, data={"form_token": aki.token("/give")}).status_code == 303
    assert re.findall(r"/notices/[^/]+/seen", ben.get("/").text) == paths
    ben.http.close()


def test_only_ones_own_lines_and_gifts(site: Site, aki: Browser) -> None:
    benefactor = Browser(site)
    benefactor.sign_in(site.known.people["Ben"])
    token = benefactor.token("/give")
    bens = {
        "form_token": token,
        "line": site.line("+819033330002"),
        "unit": "data",
        "amount": "10 MB",
        "to_line": site.line("+819022220001"),
        "key": "01a203c6-d90c-77a3-9b2d-83a3a51883cb",
    }
    offered = benefactor.http.post("/give", data=bens)
    assert offered.status_code == 303
    gift = urlsplit(offered.headers["location"]).path

    # Aki is neither giver nor receiver: for her there is no such gift, and no such line.
    assert aki.get(gift).status_code == 404
    token = aki.token("/give")
    for answer in ("accept", "decline", "cancel"):
        fields = {"form_token": token, "key": bens["key"]}
        assert aki.http.post(f"{gift}/{answer}", data=fields).status_code == 404
    for path in ("/give", "/give/review"):
        refused = aki.http.post(path, data=bens | {"form_token": token})
        assert refused.status_code == 403
        assert "+81 90-3333-0002" not in refused.text
    preview = aki.http.post("/give/preview", data=bens | {"form_token": token})
    assert "verdict" not in preview.text
    assert "+81 90-3333-0002" not in aki.get(f"/give?line={bens['line']}").text
    # The giver cannot accept, and what is not an answer is no page.
    token = benefactor.token("/give")
    fields = {"form_token": token, "key": bens["key"]}
    assert benefactor.http.post(f"{gift}/accept", data=fields).status_code == 409
    assert benefactor.http.post(f"{gift}/steal", data=fields).status_code == 404
    assert benefactor.http.post(f"{gift}/cancel", data=fields).status_code == 303


def test_the_key_of_one_form_serves_no_other(site: Site, aki: Browser) -> None:
    fields = {
        "form_token": aki.token("/give"),
        "line": site.line("+819011110001"),
        "unit": "sms",
        "amount": "1",
        "to_number": "+819022220001",
        "key": "01a203c6-d90c-77a3-9b2d-83a3a51883cc",
    }
    assert aki.http.post("/give", data=fields).status_code == 303
    other = {"amount": "2", "message": "kept as typed"}
    for changed, status in ((other, 409), (other | {"key": "guessed"}, 400)):
        answer = aki.http.post("/give", data=fields | changed)
        assert answer.status_code == status
        assert "kept as typed" in answer.text


def test_hostile_text_is_refused_or_kept_as_text(site: Site, aki: Browser) -> None:
    line = site.line("+819011110001")
    token = aki.token("/give")
    for amount in ("-1 GB", "0", "1e9 GB", "9" * 39, "½ GB", "\0", "٣ GB", "NaN", "0.1 sms"):
        fields = {"form_token": token, "line": line, "unit": "data", "amount": amount}
        fields |= {"to_number": "+819022220001"}
        assert aki.http.post("/give/review", data=fields).status_code == 422, amount
    for unit in ("points", "", "<b>"):
        fields = {"form_token": token, "line": line, "unit": unit, "amount": "x" * 3_000}
        answer = aki.http.post("/give/review", data=fields)
        assert answer.status_code == 422
        assert "<b>" not in answer.text
    huge = {"form_token": token, "message": "x" * 100_000}
    assert aki.http.post("/give/review", data=huge).status_code == 413


def test_the_api_asks_for_no_form_token_and_takes_no_cookie(site: Site, aki: Browser) -> None:
    answer = aki.get("/v1/lines")
    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith("application/problem+json")


def test_outside_the_demo_only_a_code_signs_in(site: Site, new_context: NewContext) -> None:
    async def make_code() -> str:
        async with (
            open_database(site.settings, migrating=False) as database,
            database.connection() as connection,
        ):
            return await make_sign_in_code(connection, site.known.people["Ben"], NOW)

    code = in_thread(lambda: asyncio.run(make_code()))
    with serve(replace(site.settings, demo=False)) as address:
        earnest = Site(address, site.known, site.settings)
        stranger = Browser(earnest)
        refused = stranger.send("/sign-in", person=str(site.known.people["Aki"]))
        assert refused.status_code == 403
        assert "Aki" not in stranger.get("/sign-in").text
        assert stranger.get(f"/sign-in?code={code}").text.count(code) == 0

        page = new_context().new_page()
        page.goto(f"{address}/sign-in#{code}")
        assert page.get_by_label("Sign-in code").input_value() == code
        assert code not in page.url
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("heading", name="My lines").wait_for()
        # Outside the demo one can pick from one's own other lines only.
        page.goto(f"{address}/give?line={site.line('+819033330001')}")
        assert page.locator(".recipient-name").all_inner_texts() == ["Phone"]
        other = site.line("+819022220001")
        page.locator(".recipient input").evaluate("(input, line) => { input.value = line }", other)
        page.get_by_label("Another amount").fill("10 MB")
        page.locator(".recipient").click()
        page.locator(".verdict.unclear").wait_for()
        assert stranger.send("/sign-in", code=code).status_code == 403, "a code works once"
