"""What people do with links on the pages: post one, read its QR, sign in behind it."""

import io
import re
from dataclasses import dataclass
from typing import Any

import zxingcpp
from PIL import Image
from playwright.sync_api import Page
from tests.browser.conftest import Site


def sign_in(page: Page, site: Site, nickname: str) -> None:
    """Sign in as the page would, without looking at it."""
    http, address = page.context.request, f"{site.address}/sign-in"
    found = re.search(r'name="form_token" value="([0-9a-f]{64})"', http.get(address).text())
    assert found is not None
    person = str(site.known.people[nickname])
    answer = http.post(
        address, form={"form_token": found.group(1), "person": person}, max_redirects=0
    )
    assert answer.status == 303


@dataclass(frozen=True)
class Post:
    """What somebody puts behind a link."""

    number: str
    amount: str
    shares: int = 2
    split: str = "equal"
    audience: str = "anyone"
    passcode: str = ""
    message: str = ""
    hides_name: bool = False

    def fill(self, page: Page, site: Site) -> None:
        """Fill the form."""
        page.goto(f"{site.address}/links/new?line={site.line(self.number)}")
        page.locator("#amount").fill(self.amount)
        page.locator("#shares").fill(str(self.shares))
        tap(page, f'input[name="split"][value="{self.split}"]')
        tap(page, f'input[name="audience"][value="{self.audience}"]')
        if self.passcode:
            page.locator("#passcode").fill(self.passcode)
        if self.hides_name:
            tap(page, 'input[name="is_giver_hidden"]')
        page.locator("#message").fill(self.message)

    def make(self, page: Page, site: Site) -> str:
        """Post it, and return the address that its QR code leads to."""
        self.fill(page, site)
        page.locator(".give > button").click()
        page.locator("form[data-once] button").first.click()
        return read_qr(page)


def tap(page: Page, selector: str) -> None:
    """Tap what lies invisibly over its label."""
    page.locator(selector).evaluate("field => field.click()")


def read_qr(page: Page) -> str:
    """Return what a telephone's camera reads on the poster."""
    poster = page.locator(".poster svg")
    poster.wait_for()
    picture = Image.open(io.BytesIO(poster.screenshot(caret="initial")))
    return str(zxingcpp.read_barcodes(picture)[0].text)


def asked_addresses(page: Page) -> list[str]:
    """Return a list that every address that a page asks for, or names as where it was, joins."""
    addresses: list[str] = []

    def note(request: Any) -> None:
        addresses.extend([request.url, request.headers.get("referer", "")])

    page.on("request", note)
    return addresses
