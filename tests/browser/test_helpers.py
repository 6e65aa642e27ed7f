"""Helpers in a browser: one lets another act on a line, in two languages, and stops it at once."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from tests.browser.axe import violations
from tests.browser.conftest import NewContext, Site
from tests.browser.test_pages import LANGUAGES, LOOK, watch

AKIS = "+819011110001"
CLOSED = "+819011110003"
"""A line of Aki's whose operator is not known to let anybody else act on it."""


def sign_in(page: Page, site: Site, who: str) -> None:
    page.goto(f"{site.address}/sign-in")
    page.locator("button.person", has_text=who).click()


def tick(page: Page, *names: str) -> None:
    """Tap the boxes with these names and values, such as "to=link"."""
    for each in names:
        name, _, value = each.partition("=")
        of_value = f'[value="{value}"]' if value else ""
        page.locator(f'label.choice:has(input[name="{name}"]{of_value})').click()


def ask(page: Page, site: Site, *ticks: str, **amounts: str) -> None:
    """Fill in what somebody may do with Aki's first line, and go on to the terms."""
    page.goto(f"{site.address}/delegations/new?line={site.line(AKIS)}")
    tick(page, *ticks)
    for field, amount in amounts.items():
        page.locator(f"#{field}").fill(amount)
    page.locator(".give > button").click()


def agree(page: Page) -> None:
    """Say that one has read the terms, and go on."""
    expect(page.locator(".terms")).to_be_visible()
    tick(page, "agree")
    page.locator("form.final button.primary").click()


def link_of(page: Page) -> str:
    return page.locator("#address").input_value()


def open_link(page: Page, site: Site, link: str) -> None:
    """Open a link as if the server's address were the one that it tells."""
    page.goto(f"{site.address}/l#{link.partition('#')[2]}")
    expect(page.locator(".tag .scopes")).to_be_visible()


def test_help_is_offered_agreed_to_in_japanese_given_seen_and_stopped(
    site: Site, new_context: NewContext
) -> None:
    aki, hina = new_context().new_page(), new_context(locale="ja-JP").new_page()
    sign_in(aki, site, "Aki")
    aki.locator(f"#line-{site.line(AKIS)}").get_by_role("link", name="Let someone help").click()
    tick(aki, "give", "to=link")
    aki.get_by_label("Data", exact=True).fill("1 GB")
    aki.get_by_role("button", name="Read the terms").click()
    expect(aki.locator(".terms")).to_contain_text("up to 1 GB (data) in all")
    expect(aki.locator(".terms")).to_contain_text("sign in as the holder or learn a password")
    aki.get_by_role("button", name="Offer it").click()
    aki.locator('input[name="agree"]').evaluate("box => { box.required = false }")
    aki.get_by_role("button", name="Offer it").click()
    expect(aki.get_by_role("alert")).to_contain_text("before you agree to the terms")
    agree(aki)
    expect(aki.get_by_role("status").first).to_contain_text("It is offered")
    expect(aki.locator(".code svg")).to_be_visible()
    link = link_of(aki)

    # Whoever opens it sees what is asked of them, and signs in to read the terms in Japanese.
    open_link(hina, site, link)
    expect(hina.get_by_role("heading", level=1)).to_contain_text("Akiさん")
    expect(hina.locator(".scopes")).to_contain_text("この回線から贈る（合計1GBまで）")
    hina.get_by_role("link", name="ログインして規約を読む").click()
    hina.locator("button.person", has_text="陽菜").click()
    expect(hina.locator(".terms")).to_contain_text("契約は契約者のもの")
    agree(hina)
    expect(hina.get_by_role("status")).to_contain_text("これで手伝えます")
    hers = hina.url.partition("?")[0]

    # She sees what is left, nothing of the contract, and gives on Aki's authority.
    expect(hina.locator(".left")).to_contain_text("データ")
    assert "1111" not in hina.content()
    hina.get_by_role("link", name="Akiさんの代わりに贈る").click()
    expect(hina.locator(".filters [aria-current]")).to_have_text("Aki •••01")
    assert "1111" not in hina.content()
    hina.locator("#amount").fill("2 GB")
    hina.locator(".recipient", has_text="Ben").first.click()
    expect(hina.locator(".verdict.refused")).to_contain_text("残り1GB")
    hina.locator("#amount").fill("100 MB")
    expect(hina.locator(".verdict.works")).to_contain_text("Akiさんの回線に戻ります")
    hina.locator(".give > button").click()
    expect(hina.locator(".tag")).to_contain_text("Akiさんに代わって")
    hina.locator("form[data-once] button").first.click()
    expect(hina.locator(".tag")).to_contain_text("Akiさんに代わって")
    gift = hina.url.partition("?")[0]

    # Aki is told of the first time, and sees each thing that was done.
    aki.goto(site.address)
    expect(aki.locator("#notices")).to_contain_text("陽菜 has used what you let them do with Main")
    aki.get_by_role("link", name="See what was done").click()
    aki.get_by_role("link", name="Gave 100 MB to Ben").click()
    expect(aki.locator(".tag")).to_contain_text("陽菜 gave it, on your authority")
    aki.goto(f"{site.address}/delegations")
    expect(aki.locator(".helper")).to_contain_text("100 MB given so far")
    with aki.expect_download() as download:
        aki.goto(hers)
        aki.get_by_role("link", name="Save what was agreed to").click()
    kept = download.value.path().read_text()
    assert "Terms for letting another person act on a line" in kept
    assert "他の方に回線の操作を任せるための規約" in kept

    # One tap stops it. She is told of nothing, and finds nothing.
    aki.goto(f"{site.address}/delegations")
    aki.get_by_role("button", name="Stop it now").click()
    expect(aki.get_by_role("status")).to_contain_text("from this moment on")
    for gone in (hers, gift):
        assert hina.goto(gone).status == 404  # type: ignore[union-attr]
    hina.goto(f"{site.address}/give?line={site.line(AKIS)}")
    expect(hina.locator("main")).not_to_contain_text("Aki •••01")
    for path in ("/", "/delegations", "/gifts"):
        hina.goto(f"{site.address}{path}")
        expect(hina.locator("main")).not_to_contain_text("Akiさんの回線")
        expect(hina.locator("main")).not_to_contain_text("Akiさんに代わって")


def test_help_works_without_scripts_and_two_taps_offer_once(
    site: Site, new_context: NewContext
) -> None:
    aki = new_context(java_script_enabled=False).new_page()
    ben = new_context(java_script_enabled=False).new_page()
    sign_in(aki, site, "Aki")
    ask(aki, site, "see", "to=number")
    expect(aki.locator(".alert")).to_contain_text("Choose at least one thing")
    expect(aki.locator(".alert")).to_contain_text("Type their phone number")
    ask(aki, site, "use", "to=number", use_per_day="lots", to_number="090-3333-0002")
    expect(aki.locator("#use_per_day")).to_have_value("lots")
    expect(aki.locator("#use_per_day")).to_have_attribute("aria-invalid", "true")
    aki.locator("#use_per_day").fill("200 MB")
    aki.locator(".give > button").click()
    agree(aki)
    expect(aki.get_by_role("status")).to_contain_text("They find it in their list")

    sign_in(ben, site, "Ben")
    ben.get_by_role("link", name="Aki asks for your help with a line").click()
    # Only a line of the same operator can use the data.
    expect(ben.locator('input[name="line"]')).to_have_count(1)
    agree(ben)
    expect(ben.locator(".scopes")).to_contain_text("Use its data, up to 200 MB a day")
    ben.get_by_role("button", name="Stop helping").click()
    aki.goto(f"{site.address}/delegations")
    expect(aki.locator(".history")).to_contain_text("Ben")


def every_page(aki: Page, hina: Page, site: Site) -> Iterator[tuple[Page, str]]:
    """Go from page to page as owner and as delegate, and say where we are."""
    sign_in(aki, site, "Aki")
    aki.goto(f"{site.address}/delegations")
    yield aki, "nobody helps"
    aki.goto(f"{site.address}/delegations/new?line={site.line(CLOSED)}")
    yield aki, "a line that nobody else can act on"
    ask(aki, site, "see", "use", "give", use_in_all="lots")
    yield aki, "a form with problems"
    ask(aki, site, "use", "give", "to=link", use_per_day="200 MB", give_data="1 GB")
    yield aki, "the terms"
    agree(aki)
    yield aki, "the link"
    link = link_of(aki)
    open_link(hina, site, link)
    yield hina, "what is asked of a stranger"
    hina.locator("main a.primary").click()
    hina.locator("button.person", has_text="陽菜").click()
    expect(hina.locator(".terms")).to_be_visible()
    yield hina, "what is asked of somebody"
    agree(hina)
    expect(hina.locator(".done")).to_be_visible()
    yield hina, "what one may do"
    hina.goto(site.address)
    yield hina, "lines of somebody who helps"
    hina.goto(f"{site.address}/give?line={site.line(AKIS)}&amount=10+MB")
    hina.locator(".recipient", has_text="Ben").first.click()
    expect(hina.locator(".verdict.works")).to_be_visible()
    yield hina, "giving for somebody"
    hina.locator(".give > button").click()
    hina.locator("form[data-once] button").first.click()
    expect(hina.locator(".done")).to_be_visible()
    yield hina, "a gift on somebody's authority"
    hina.goto(f"{site.address}/delegations")
    yield hina, "what one may do for others"
    aki.goto(f"{site.address}/delegations")
    yield aki, "who may act, and what was done"
    aki.locator(".gift-head a").first.click()
    yield aki, "all that was done"
    aki.locator(".halt").click()
    yield aki, "it has ended"


@pytest.mark.parametrize(("language", "scheme"), [("en", "dark"), ("ja", "light"), ("zh", "light")])
def test_every_page_of_helping_can_be_read_and_reached(
    site: Site, new_context: NewContext, language: str, scheme: str
) -> None:
    locale, tag = LANGUAGES[language]
    phone = {"width": 360, "height": 740}
    watched = [
        watch(
            new_context(
                locale=locale, viewport=phone, color_scheme=scheme, reduced_motion="reduce"
            ),
            site,
        )
        for _ in range(2)
    ]
    for page, where in every_page(watched[0].page, watched[1].page, site):
        assert page.evaluate("document.documentElement.lang") == tag, where
        assert page.evaluate(LOOK) == [], where
        if language == "en":  # what a page is made of is the same in every language
            assert violations(page) == [], where
    complaints = [said for one in watched for said in one.complaints]
    assert [said for said in complaints if not said.endswith("422 (Unprocessable Entity)")] == []
