"""A way past every page of links, requests and contacts."""

from collections.abc import Iterator

from playwright.sync_api import Page
from tests.browser.conftest import Site
from tests.browser.sharing import Post, read_qr, sign_in, tap

HINA = "+819022220001"

ENGLISH = """
() => {
  const said = [...document.querySelectorAll("body, body *")].flatMap((element) => [
    ...["aria-label", "placeholder", "title"].map((name) => element.getAttribute(name) ?? ""),
    ...(element.closest("code, .evidence dd, [lang]:not(html)") ? [] : [...element.childNodes]
      .filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data)),
  ]);
  return said.join("\\n").match(/[A-Za-z]{2,}(?:[ ,.'’]+[A-Za-z]{2,})+/g) ?? [];
}
"""
"""English words in a row, in what is to be in another language; sources keep their own."""

NAMES = {"Yuzuri Mobile", "Seoul trip"}


def every_page(giver: Page, taker: Page, site: Site) -> Iterator[tuple[Page, str]]:
    """Go from page to page as two people, and say where we are."""
    sign_in(giver, site, "陽菜")
    post = Post(HINA, "100 MB", split="random", audience="passcode", passcode="yuzu", message="♪")
    post.fill(giver, site)
    giver.locator(".verdict.works").wait_for()
    yield giver, "posting"
    giver.locator("#amount").fill("1000 GB")
    giver.locator(".verdict.refused").wait_for()
    yield giver, "posting refused"
    giver.locator("#amount").fill("lots")
    giver.locator("#shares").fill("many")
    giver.locator("#passcode").fill("")
    giver.locator(".give > button").click()
    giver.locator(".problem").first.wait_for()
    yield giver, "posting what cannot be read"
    post.fill(giver, site)
    giver.locator(".give > button").click()
    giver.locator("form[data-once]").wait_for()
    yield giver, "last look"
    giver.locator("form[data-once] button").first.click()
    url = read_qr(giver)
    yield giver, "poster"
    giver.locator("main > a.wide").click()
    giver.locator("#revoke summary").click()
    yield giver, "my link"

    taker.goto(url)
    taker.locator(".offer").wait_for()
    taker.locator(".evidence summary").click()
    yield taker, "opened by nobody"
    sign_in(taker, site, "晓晓")
    taker.goto(url)
    taker.locator(".verdict.refused").wait_for()
    yield taker, "opened by who cannot take it"
    sign_in(taker, site, "Ben")
    taker.goto(url)
    taker.locator(".choice-closed > summary").click()
    yield taker, "opened by who can take it"
    taker.locator(".take button.primary").click()
    taker.locator("#passcode").fill("lemon")
    taker.locator(".take button.primary").click()
    taker.locator(".problem").wait_for()
    yield taker, "a wrong passcode"
    taker.locator("#passcode").fill("yuzu")
    taker.locator(".take button.primary").click()
    taker.locator("#thanks").wait_for()
    yield taker, "a share of mine"
    taker.goto(url)
    taker.locator(".explained").wait_for()
    yield taker, "taken already"
    taker.goto(f"{site.address}/l#nothing")
    taker.locator(".code-form").wait_for()
    yield taker, "nothing behind it"

    giver.locator("#link-takers a").wait_for()
    giver.locator("#revoke form button").click()
    giver.locator("pre").wait_for()
    yield giver, "my link after its end"
    giver.goto(f"{site.address}/requests/new?line={site.line(HINA)}")
    yield giver, "asking"
    tap(giver, '.chips [value="500 MB"]')
    giver.locator(".give > button").click()
    asked = read_qr(giver)
    taker.goto(asked)
    taker.locator(".offer").wait_for()
    yield taker, "a friend's request"
    giver.locator("main > a.wide").click()
    giver.locator("#close summary").click()
    yield giver, "my request"
    for path in ("/links", "/contacts", "/gifts"):
        giver.goto(site.address + path)
        yield giver, path
