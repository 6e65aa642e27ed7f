"""Every page in every language: it says it all, fits a phone, and can be read and reached."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from tests.browser.conftest import NewContext, Site

LANGUAGES = {"en": ("en-GB", "en"), "ja": ("ja-JP", "ja"), "zh": ("zh-CN", "zh-Hans")}
SCRIPT = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"

LOOK = Path(__file__).with_name("look.js").read_text()
"""What is wrong with a page, by measuring it: a list of sentences."""


@dataclass
class Watched:
    """A page, and all that it complained of or asked another host for."""

    page: Page
    complaints: list[str] = field(default_factory=list)


def watch(context: BrowserContext, site: Site) -> Watched:
    watched = Watched(context.new_page())
    page, complaints = watched.page, watched.complaints
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith(site.address)
            else complaints.append(f"asked another host: {request.url}")
        ),
    )
    return watched


def offer(page: Page, site: Site, message: str, amount: str = "10 MB") -> None:
    """Offer something from Aki's first line to Ben's, with a message."""
    page.goto(f"{site.address}/sign-in")
    page.locator("button.person", has_text="Aki").click()
    page.goto(f"{site.address}/give?line={site.line('+819011110001')}")
    page.locator("#amount").fill(amount)
    page.locator("#to_number").fill("+81 90 3333 0002")
    page.locator("#message").fill(message)
    page.locator(".give > button").click()
    page.locator("form[data-once] button").first.click()
    page.locator(".done").wait_for()


@pytest.fixture(scope="module")
def offered(site: Site, browser: Any) -> Iterator[None]:
    """An open gift with a message that is a script."""
    context = browser.new_context(locale="en-GB")
    offer(context.new_page(), site, SCRIPT)
    yield
    context.close()


def every_page(page: Page, site: Site) -> Iterator[str]:
    """Go from page to page as two people, and say where we are."""
    page.goto(f"{site.address}/sign-in")
    yield "sign in"
    page.goto(f"{site.address}/nothing/here")
    yield "no such page"
    page.goto(f"{site.address}/sign-in")
    page.locator("button.person", has_text="Ben").click()
    for path in ("/", "/give", "/gifts"):
        page.goto(f"{site.address}{path}")
        yield path
    page.locator(".gift-card a").first.click()
    yield "a gift"
    page.goto(f"{site.address}/give?line={site.line('+819033330002')}")
    page.locator("#amount").fill("11 GB")
    page.locator(".recipient", has_text="陽菜").click()
    page.locator(".verdict.refused").wait_for()
    page.locator(".evidence summary").first.click()
    yield "refused"
    page.locator(".give > button").click()
    page.locator(".verdict.refused").wait_for()
    yield "refused without the preview"
    page.locator("#amount").fill("lots")
    page.locator("#to_number").fill("nobody")
    page.locator(".verdict.unclear").wait_for()
    yield "not readable yet"
    page.locator(".give > button").click()
    page.locator(".problem").first.wait_for()
    yield "not readable"
    page.locator("#amount").fill("10 MB")
    page.locator(".recipient", has_text="陽菜").click()
    page.locator(".verdict.works").wait_for()
    yield "possible"
    page.locator(".give > button").click()
    page.locator("form[data-once]").wait_for()
    yield "review"
    page.goto(f"{site.address}/sign-in")
    page.locator("button.person", has_text="Aki").click()
    yield "lines with something that ends soon"
    page.goto(f"{site.address}/give?line={site.line('+819011110003')}")
    yield "a line that can give nothing"
    page.goto(f"{site.address}/gifts")
    yield "my open gift"


@pytest.mark.usefixtures("offered")
@pytest.mark.parametrize(
    ("language", "scheme"), [("en", "light"), ("ja", "light"), ("zh", "light"), ("en", "dark")]
)
def test_every_page_can_be_read_and_reached(
    site: Site, new_context: NewContext, language: str, scheme: str
) -> None:
    locale, tag = LANGUAGES[language]
    narrow = {"width": 360, "height": 740}
    context = new_context(
        locale=locale, viewport=narrow, color_scheme=scheme, reduced_motion="reduce"
    )
    watched = watch(context, site)
    for where in every_page(watched.page, site):
        assert watched.page.evaluate("document.documentElement.lang") == tag, where
        problems = watched.page.evaluate(LOOK)
        assert not problems, f"{where}: {problems}"
    # The browser itself says on the console that these two answers are no success.
    no_success = ("404 (Not Found)", "422 (Unprocessable Entity)")
    assert [said for said in watched.complaints if not said.endswith(no_success)] == []


@pytest.mark.usefixtures("offered")
def test_a_message_that_is_a_script_stays_text(site: Site, new_context: NewContext) -> None:
    watched = watch(new_context(), site)
    page = watched.page
    page.goto(f"{site.address}/sign-in")
    page.locator("button.person", has_text="Ben").click()
    page.goto(f"{site.address}/gifts")
    expect(page.get_by_role("blockquote")).to_have_text(SCRIPT)
    page.locator(".gift-card a").first.click()
    expect(page.get_by_role("blockquote")).to_have_text(SCRIPT)
    assert "Yuzuri" in page.title()
    assert watched.complaints == []


def test_the_language_is_chosen_and_kept(site: Site, new_context: NewContext) -> None:
    page = new_context(locale="fr-FR").new_page()
    page.goto(f"{site.address}/sign-in")
    assert page.evaluate("document.documentElement.lang") == "en"
    page.get_by_role("button", name="日本語").click()
    assert page.evaluate("document.documentElement.lang") == "ja"
    page.locator("button.person", has_text="Ben").click()
    page.goto(f"{site.address}/gifts?show=in")
    assert page.evaluate("document.documentElement.lang") == "ja"
    page.get_by_role("button", name="中文").click()
    assert page.url.endswith("/gifts?show=in")
    assert page.evaluate("document.documentElement.lang") == "zh-Hans"


def test_everything_can_be_done_with_the_keyboard_alone(
    site: Site, new_context: NewContext
) -> None:
    page = new_context().new_page()
    page.goto(f"{site.address}/sign-in")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    for _ in range(5):
        page.keyboard.press("Tab")
    expect(page.locator("button.person").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="My lines")).to_be_visible()
    page.goto(f"{site.address}/give?line={site.line('+819011110001')}")
    page.locator('input[name="unit"][value="data"]').focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator('input[name="unit"][value="voice"]')).to_be_checked()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Another amount")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.locator(".verdict")).to_be_visible()
