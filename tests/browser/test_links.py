"""Links and requests in a real browser: from a poster's QR code to what arrives, and its end."""

import re

import httpx
import pytest
from playwright.sync_api import Page, expect
from tests.browser.axe import violations
from tests.browser.conftest import NewContext, Site
from tests.browser.link_pages import ENGLISH, NAMES, every_page
from tests.browser.sharing import Post, asked_addresses, read_qr, sign_in
from tests.browser.test_pages import LANGUAGES, LOOK, watch
from typer.testing import CliRunner

from yuzuri.cli.links import app as links_commands

NOTHING = "There is nothing behind this link"

AKI = "+819011110001"


def open_link(page: Page, url: str) -> None:
    page.goto(url)
    page.locator(".offer").wait_for()


def test_a_link_from_its_qr_code_to_its_end(site: Site, new_context: NewContext) -> None:
    aki, ben = new_context().new_page(), new_context().new_page()
    asked = asked_addresses(ben)
    sign_in(aki, site, "Aki")
    aki.goto(site.address)
    aki.locator(f"#line-{site.line(AKI)}").get_by_role("link", name="Share by link or QR").click()
    post = Post(AKI, "1.2 GB", shares=3, message="Have a good trip!")
    post.fill(aki, site)
    works = aki.locator(".verdict.works")
    expect(works).to_contain_text("3 shares of 400 MB")
    expect(works).to_contain_text("It comes back to you, to be used as before:")
    url = post.make(aki, site)
    assert url == aki.get_by_label("The link").input_value()
    assert re.fullmatch(re.escape(site.address) + r"/l#[\w-]{22}", url)
    secret = url.partition("#")[2]

    # Whoever opens it sees all of it, takes nothing, and comes back from signing in by themselves.
    open_link(ben, url)
    assert ben.url == f"{site.address}/l"
    offer = ben.locator(".offer")
    for said in ("Aki shares with you", "400 MB", "one of 3 shares", "3 of 3 shares are left",
                 "Have a good trip!", "not for resale", "Anyone with the link"):  # fmt: skip
        expect(offer).to_contain_text(said)
    ben.get_by_role("link", name="Sign in to take a share").click()
    ben.locator("button.person", has_text="Ben").click()
    expect(ben.locator(".offer")).to_contain_text("3 of 3 shares are left")
    assert ben.get_by_role("radio", name="Phone").is_checked()
    expect(ben.locator(".choice", has_text="Phone")).to_contain_text("400 MB until")

    # The giver's page moves while somebody takes, and reads what they say.
    aki.get_by_role("link", name="Watch the shares go").click()
    taken = aki.locator("#link-taken")
    expect(taken).to_have_text("0 of 3 shares are taken, 1.2 GB is left")
    expect(aki.locator("#link-facts")).to_contain_text("1 GB until Sat 14 Nov, 12:18 JST")
    ben.get_by_role("button", name="Take my share").click()
    expect(ben.get_by_role("status")).to_contain_text("It has arrived")
    expect(ben.locator(".tag")).to_contain_text("A share of a link")
    expect(taken).to_have_text("1 of 3 shares are taken, 800 MB is left")
    expect(aki.locator(".fruit-taken text")).to_have_text("B")
    ben.get_by_label("Say thank you to Aki").fill("You saved my evening")
    ben.get_by_role("button", name="Say thank you").click()
    expect(ben.locator(".thanked")).to_contain_text("You saved my evening")
    expect(ben.get_by_role("button", name="Say thank you")).to_have_count(0)
    expect(aki.locator("#link-takers")).to_contain_text("You saved my evening")

    # One share a person, and none once the giver has taken back what is left.
    ben.goto(url)
    expect(ben.get_by_role("heading", level=1)).to_contain_text(
        "taken a share of this link already"
    )
    aki.locator("#revoke summary").click()
    aki.get_by_role("button", name="Yes, take back what is left").click()
    expect(aki.locator(".tag")).to_contain_text("What was left is taken back")
    expect(aki.locator("#link-facts")).to_contain_text("800 MB")
    expect(aki.get_by_role("button", name="Show the link")).to_have_count(0)
    aki.goto(f"{site.address}/gifts?show=out")
    aki.get_by_role("link", name="Who took shares of my links").click()
    aki.locator("#my-links a").first.click()
    aki.locator("#link-takers a", has_text="You saved my evening").click()
    aki.get_by_role("link", name="A share of your link").click()
    expect(aki.locator("#link-taken")).to_have_text("1 of 3 shares were taken")
    late = new_context().new_page()
    late.goto(url)
    expect(late.get_by_role("heading", level=1)).to_contain_text(
        "There is nothing behind this link"
    )
    assert not [address for address in asked if secret in address]


def test_threat_7_whoever_only_fetches_a_link_takes_nothing_and_learns_nothing(
    site: Site, new_context: NewContext
) -> None:
    pages = [
        httpx.get(f"{site.address}/l", headers=headers)
        for headers in (
            {},
            {"accept-language": "ja", "user-agent": "Slackbot-LinkExpanding 1.0"},
            {"cookie": "yuzuri_language=zh; yuzuri_session=x"},
        )
    ]
    assert len({page.content for page in pages}) == 1
    for page in pages:
        assert "set-cookie" not in page.headers
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in page.headers["content-security-policy"]
    # What previews show of it: the product's name, and nothing of any link.
    titles = re.findall(r'property="og:([a-z_]+)" content="([^"]+)"', pages[0].text)
    assert dict(titles)["title"] == "Yuzuri 譲り"
    assert {name for name, _ in titles} == {"type", "site_name", "title", "description"}

    # A program that runs scripts, too, but posts no form: the link is as it was.
    aki, crawler = new_context().new_page(), new_context().new_page()
    sign_in(aki, site, "Aki")
    url = Post(AKI, "200 MB").make(aki, site)
    for _ in range(3):
        open_link(crawler, url)
    expect(crawler.locator(".offer")).to_contain_text("2 of 2 shares are left")
    assert httpx.get(f"{site.address}/l/take").status_code in {404, 405}


def test_another_operator_is_told_why_not_and_what_works(
    site: Site, new_context: NewContext
) -> None:
    aki, xiaoxiao, ben = (new_context().new_page() for _ in range(3))
    sign_in(aki, site, "Aki")
    url = Post(AKI, "200 MB").make(aki, site)
    sign_in(xiaoxiao, site, "晓晓")
    open_link(xiaoxiao, url)
    expect(xiaoxiao.get_by_role("button", name="Take my share")).to_have_count(0)
    closed = xiaoxiao.locator("details", has_text="Why 手机 cannot take it")
    expect(closed).to_have_attribute("open", "")
    expect(closed).to_contain_text("not to those of mineo")
    instead = xiaoxiao.locator(".verdict.refused")
    expect(instead).to_contain_text("None of my lines can take it")
    expect(instead).to_contain_text("It would work with a new line of Yuzuri Mobile (example)")
    expect(instead).to_contain_text("KDDI (au, povo) offers another way")
    # Of two lines the one that can take it is chosen, and the other says why not.
    sign_in(ben, site, "Ben")
    open_link(ben, url)
    assert ben.get_by_role("radio", name="Phone").is_checked()
    ben.get_by_text("Why Tablet cannot take it").click()
    expect(ben.locator(".choice-closed")).to_contain_text("not to those of mineo")


def test_a_passcode_and_two_hidden_names(site: Site, new_context: NewContext) -> None:
    aki, hina = new_context().new_page(), new_context().new_page()
    sign_in(aki, site, "Aki")
    post = Post(
        AKI, "300 MB", shares=3, split="random", audience="passcode", passcode="Ｙｕｚｕ",
        hides_name=True,
    )  # fmt: skip
    url = post.make(aki, site)
    sign_in(hina, site, "陽菜")
    open_link(hina, url)
    expect(hina.locator(".offer")).to_contain_text("Somebody shares with you")
    expect(hina.locator(".offer")).to_contain_text(
        "shared among 3 by chance, 10 MB or more for each"
    )
    assert "Aki" not in hina.locator("main").inner_text()
    hina.get_by_label("Passcode").fill("lemon")
    hina.get_by_label("Hide my name from the giver").check(force=True)
    hina.get_by_role("button", name="Take my share").click()
    expect(hina.locator(".problem")).to_contain_text("You can try 4 times more")
    assert hina.get_by_label("Hide my name from the giver").is_checked()
    hina.get_by_label("Passcode").fill("Yuzu ")
    hina.get_by_role("button", name="Take my share").click()
    expect(hina.locator(".tag")).to_contain_text("from somebody")
    assert "Aki" not in hina.locator("main").inner_text()

    aki.get_by_role("link", name="Watch the shares go").click()
    expect(aki.locator("#link-takers")).to_contain_text("Somebody who stays hidden")
    assert "陽菜" not in aki.locator("main").inner_text()
    # The draw is sealed while the link is open, and can be checked by anyone afterwards.
    seal = aki.locator("#link-draw code").inner_text()
    aki.locator("#revoke summary").click()
    aki.get_by_role("button", name="Yes, take back what is left").click()
    proof = aki.locator("#link-draw")
    command = proof.locator("pre").inner_text().split()
    assert seal in command
    done = CliRunner().invoke(links_commands, command[2:])
    assert "The seal was made of this seed." in done.output
    for size in proof.locator("dd").last.inner_text().split(" · "):
        assert size in done.output


def test_a_wrong_link_says_so_and_leaves_the_address_bar(
    site: Site, new_context: NewContext
) -> None:
    page = new_context().new_page()
    page.goto(f"{site.address}/l#AAAAAAAAAAAAAAAAAAAAAA")
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_contain_text(NOTHING)
    assert page.url == f"{site.address}/l"
    page.reload()
    expect(heading).to_have_text("Open a link")
    # Another one, pasted into the same address bar.
    page.goto(f"{site.address}/l#main")
    page.evaluate("location.hash = 'BBBBBBBBBBBBBBBBBBBBBB'")
    page.wait_for_url(f"{site.address}/l")
    expect(heading).to_contain_text(NOTHING)
    page.get_by_label("Paste the link or its code").fill("https://evil.example/l#CCCCCCCC")
    page.get_by_role("button", name="Open it").click()
    expect(heading).to_contain_text(NOTHING)


def test_without_scripts_a_link_is_pasted(site: Site, new_context: NewContext) -> None:
    aki = new_context().new_page()
    sign_in(aki, site, "Aki")
    url = Post(AKI, "200 MB").make(aki, site)
    hina = new_context(java_script_enabled=False).new_page()
    for is_signed_in in (False, True):
        hina.goto(f"{site.address}/l")
        hina.locator("#secret").fill(url)
        hina.locator("form button").click()
        expect(hina.locator(".offer")).to_contain_text("100 MB")
        if not is_signed_in:
            hina.get_by_role("link", name="Sign in to take a share").click()
            hina.locator("button.person", has_text="陽菜").click()
            assert hina.url == f"{site.address}/l"
    hina.get_by_role("button", name="Take my share").click()
    expect(hina.get_by_role("status")).to_contain_text("It has arrived")


def test_a_link_for_contacts_and_their_list(site: Site, new_context: NewContext) -> None:
    aki, ben = new_context().new_page(), new_context().new_page()
    sign_in(aki, site, "Aki")
    url = Post(AKI, "200 MB", audience="contacts").make(aki, site)
    sign_in(ben, site, "Ben")
    open_link(ben, url)
    expect(ben.locator(".take")).to_contain_text("for people whose number they have")
    aki.goto(f"{site.address}/contacts")
    for number in ("lots", "090-3333-0002"):
        aki.get_by_label("Name", exact=True).fill("Ben")
        aki.get_by_label("Phone number").fill(number)
        aki.get_by_role("button", name="Add").click()
    expect(aki.locator(".contact")).to_have_count(1)
    expect(aki.locator(".contact")).to_contain_text("+81 90-3333-0002")
    ben.reload()
    expect(ben.get_by_role("button", name="Take my share")).to_be_visible()
    aki.get_by_role("button", name="Remove Ben").click()
    expect(aki.locator("main")).to_contain_text("Nobody stands here yet.")


def test_friends_fill_a_request(site: Site, new_context: NewContext) -> None:
    hina, ben = new_context().new_page(), new_context().new_page()
    sign_in(hina, site, "陽菜")
    hina.goto(site.address)
    hina.locator(".line-foot").get_by_role("link", name="Ask my friends").click()
    hina.locator('.chip:has(input[value="500 MB"])').click()
    hina.get_by_label("A few words with it").fill("My month is over before the month is")
    hina.get_by_role("button", name="Make the link").click()
    url = read_qr(hina)
    hina.get_by_role("link", name="Watch it being filled").click()
    said = hina.locator("#request-said")
    expect(said).to_have_text("0 MB of 500 MB has been given")

    open_link(ben, url)
    expect(ben.locator(".offer")).to_contain_text("陽菜 asks: can anyone spare")
    ben.get_by_role("link", name="Sign in to give").click()
    ben.locator("button.person", has_text="Ben").click()
    ben.get_by_label("Another amount").fill("2 GB")
    ben.get_by_role("button", name="Give it").click()
    expect(ben.get_by_role("alert")).to_contain_text("Only 500 MB is still asked for.")
    ben.get_by_label("Another amount").fill("")
    ben.locator('.chip:has(input[value="100 MB"])').click()
    ben.get_by_role("button", name="Give it").click()
    expect(ben.get_by_role("status")).to_contain_text("It has been given, and has arrived.")
    expect(said).to_have_text("100 MB of 500 MB has been given")

    hina.locator("#request-givers a").click()
    expect(hina.locator(".tag")).to_contain_text("Given to your request")
    hina.get_by_role("link", name="Given to your request").click()
    hina.locator("#close summary").click()
    hina.get_by_role("button", name="Yes, close it").click()
    expect(hina.locator(".tag")).to_contain_text("Closed")
    late = new_context().new_page()
    late.goto(url)
    expect(late.get_by_role("heading", level=1)).to_contain_text(
        "There is nothing behind this link"
    )


def test_the_poster_is_saved_and_its_link_shown_again(site: Site, new_context: NewContext) -> None:
    page = new_context(permissions=["clipboard-read", "clipboard-write"]).new_page()
    sign_in(page, site, "Aki")
    url = Post(AKI, "200 MB").make(page, site)
    page.get_by_role("button", name="Copy the link").click()
    expect(page.locator("#address-copied")).to_have_text("The link is copied.")
    assert page.evaluate("navigator.clipboard.readText()") == url
    for kind, start in (("PNG", b"\x89PNG"), ("SVG", b"<svg")):
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Save as {kind}").click()
        assert download.value.suggested_filename == f"yuzuri.{kind.lower()}"
        assert download.value.path().read_bytes().startswith(start)
    page.get_by_role("link", name="Watch the shares go").click()
    page.get_by_role("button", name="Show the link and its QR").click()
    other = read_qr(page)
    assert other != url
    for address in (url, other):
        open_link(page, address)
        expect(page.locator("main")).to_contain_text("This is your own link")


def test_a_tab_keeps_a_link_until_another_is_wanted_or_its_person_leaves(
    site: Site, new_context: NewContext
) -> None:
    aki, ben = new_context().new_page(), new_context().new_page()
    sign_in(aki, site, "Aki")
    url = Post(AKI, "200 MB").make(aki, site)
    sign_in(ben, site, "Ben")
    heading = ben.get_by_role("heading", level=1)
    for leave in ("another", "sign out"):
        open_link(ben, url)
        ben.get_by_role("button", name="日本語").click()
        expect(ben.locator(".offer")).to_contain_text("Akiさんからのシェア")
        ben.get_by_role("button", name="English").click()
        expect(ben.locator(".offer")).to_contain_text("Aki shares with you")
        if leave == "another":
            ben.goto(f"{site.address}/links")
            ben.get_by_role("link", name="Open a link that I was sent").click()
        else:
            ben.get_by_label("Signed in as Ben").click()
            ben.get_by_role("button", name="Sign out").click()
            ben.get_by_role("heading", name="Who do you want to be?").wait_for()
            ben.goto(f"{site.address}/l")
        expect(heading).to_have_text("Open a link")


def test_only_ones_own_links_and_requests(site: Site, new_context: NewContext) -> None:
    aki, ben = new_context().new_page(), new_context().new_page()
    sign_in(aki, site, "Aki")
    Post(AKI, "200 MB").make(aki, site)
    aki.get_by_role("link", name="Watch the shares go").click()
    sign_in(ben, site, "Ben")
    for path in (aki.url, f"{site.address}/links/x", f"{site.address}/requests/x"):
        answer = ben.goto(path)
        assert answer is not None
        assert answer.status == 404


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("ja", "dark"), ("zh", "light")])
def test_every_page_of_links_can_be_read_and_reached(
    site: Site, new_context: NewContext, language: str, scheme: str
) -> None:
    locale, tag = LANGUAGES[language]
    narrow = {"width": 360, "height": 740}
    giver, taker = (
        watch(
            new_context(
                locale=locale, viewport=narrow, color_scheme=scheme, reduced_motion="reduce"
            ),
            site,
        )
        for _ in range(2)
    )
    for page, where in every_page(giver.page, taker.page, site):
        assert page.evaluate("document.documentElement.lang") == tag, where
        problems = page.evaluate(LOOK)
        assert not problems, f"{where}: {problems}"
        if language == "en":
            assert violations(page) == [], where
        else:
            assert set(page.evaluate(ENGLISH)) <= NAMES, where
    # The browser itself says on the console that these answers are no success.
    said = [complaint for seen in (giver, taker) for complaint in seen.complaints]
    no_success = ("404 (Not Found)", "409 (Conflict)", "422 (Unprocessable Entity)")
    assert [one for one in said if not one.endswith(no_success)] == []
