"""A pool in a real browser: two people share one, by a link, and what was put in goes back."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.browser.conftest import NewContext, Site
from tests.browser.test_journey import data_left, sign_in
from tests.browser.test_pages import LANGUAGES, LOOK, watch

NARROW = {"width": 360, "height": 740}


def look(page: Page) -> None:
    """See that a page can be read and reached."""
    problems = page.evaluate(LOOK)
    assert not problems, f"{page.url}: {problems}"


def send(page: Page, button: str) -> None:
    page.locator("main").get_by_role("button", name=button, exact=True).click()


def put_in(page: Page, pool: str, amount: str) -> None:
    page.goto(f"{pool}/fill")
    page.get_by_label("Another amount").fill(amount)
    send(page, "Put it in")
    expect(page.get_by_role("status")).to_contain_text("in the pool now")


def test_two_people_share_a_pool_and_what_was_put_in_goes_back(
    site: Site, new_context: NewContext
) -> None:
    watched, other = (watch(new_context(viewport=NARROW), site) for _ in range(2))
    aki, hina = watched.page, other.page
    sign_in(aki, site, "Aki")
    aki.get_by_role("link", name="Pools").click()
    aki.get_by_role("link", name="Open a pool").click()
    send(aki, "Open the pool")
    expect(aki.locator(".problem")).to_have_text("Give it a name.")
    aki.get_by_label("What it is called").fill("Family")
    look(aki)
    send(aki, "Open the pool")
    pool = aki.url.split("?")[0]
    send(aki, "Join with Main")
    expect(aki.get_by_role("status")).to_contain_text("Welcome!")
    put_in(aki, pool, "4 GB")

    # She invites by a link, to a quarter of the pool; what cannot be meant is told at its field.
    aki.get_by_role("link", name="Invite").click()
    aki.get_by_label("Share, in %").fill("250")
    send(aki, "Invite")
    expect(aki.locator("#share_percent-problem")).to_contain_text("from 1 to 100")
    look(aki)
    aki.get_by_label("Share, in %").fill("25")
    send(aki, "Invite")
    expect(aki.locator(".poster svg")).to_be_visible()
    look(aki)
    link = aki.get_by_label("The link", exact=True).input_value()

    # He reads what he agrees to before he signs in, and joins.
    hina.goto(link)
    expect(hina.get_by_role("heading", name="Family")).to_be_visible()
    expect(hina.locator("main")).to_contain_text("What you put in stays yours")
    expect(hina.locator("main")).to_contain_text("At most 25% of the pool a month")
    look(hina)
    hina.get_by_role("link", name="Sign in to join").click()
    hina.locator("button.person", has_text="陽菜").click()
    expect(hina.locator(".choice")).to_contain_text("+81 90-2222-0001")
    look(hina)
    send(hina, "I agree, join")
    expect(hina.locator(".limits")).to_contain_text("/ 1 GB")
    put_in(hina, pool, "1.5 GB")
    expect(hina.locator(".returns")).to_contain_text("1.5 GB")
    expect(hina.locator(".limits")).to_contain_text("/ 1.375 GB")
    expect(hina.locator("main")).not_to_contain_text("Who draws on it")
    look(hina)
    assert data_left(hina, site, site.line("+819022220001")) == "3.5 GB / 5 GB"

    # She sees both, and changes how he draws.
    aki.goto(pool)
    expect(aki.locator("#in-pool .amount").first).to_have_text("5.5 GB")
    expect(aki.locator("#in-pool .bar-parts").first.locator("rect")).to_have_count(3)
    member = aki.locator("#members li", has_text="陽菜")
    expect(member).to_contain_text("•••01")
    member.get_by_role("link", name="Change").click()
    aki.get_by_label("A day").fill("500 MB")
    aki.get_by_label("Slowed", exact=True).check()
    look(aki)
    send(aki, "Change it now")
    expect(member).to_contain_text("0 MB / 500 MB")
    expect(member).to_contain_text("Slowed down for now")

    # He leaves, and has back to the byte what was his.
    hina.goto(pool)
    expect(hina.locator(".limits")).to_contain_text("/ 500 MB")
    hina.get_by_role("link", name="Leave with this line").click()
    expect(hina.locator(".returns")).to_contain_text("1.5 GB")
    look(hina)
    send(hina, "Leave")
    expect(hina.get_by_role("status")).to_contain_text("You have left")
    assert data_left(hina, site, site.line("+819022220001")) == "5 GB / 5 GB"
    hina.goto(pool)
    expect(hina.get_by_role("heading")).to_have_text("We do not know this pool.")

    # She closes it, and sees before what goes back to whom.
    aki.goto(f"{pool}/close")
    expect(aki.locator(".members")).to_contain_text("3 GB")
    look(aki)
    send(aki, "Close the pool")
    expect(aki.get_by_role("status")).to_contain_text("Closed.")
    assert data_left(aki, site, site.line("+819011110001")) == "21 GB"
    hina.goto("about:blank")
    hina.goto(link)
    expect(hina.locator("main")).to_contain_text("nothing behind this link")
    no_success = ("404 (Not Found)", "422 (Unprocessable Entity)")
    said = watched.complaints + other.complaints
    assert [one for one in said if not one.endswith(no_success)] == []


@pytest.fixture(scope="module")
def shared(site: Site, browser: Browser) -> Iterator[str]:
    """The address of a pool of Aki's that Ben is invited to, by number and as a manager."""
    context = browser.new_context(locale="en-GB")
    aki = context.new_page()
    sign_in(aki, site, "Aki")
    aki.goto(f"{site.address}/pools/new")
    aki.get_by_label("What it is called").fill("Trip")
    send(aki, "Open the pool")
    pool = aki.url.split("?")[0]
    send(aki, "Join with Seoul trip")
    put_in(aki, pool, "100 MB")
    aki.get_by_role("link", name="Invite").click()
    aki.get_by_label("By number", exact=True).check()
    aki.get_by_label("Phone number").fill("090-3333-0002")
    aki.get_by_label("Manager", exact=True).check()
    send(aki, "Invite")
    expect(aki.get_by_role("status")).to_contain_text("Invited")
    yield pool
    context.close()


@pytest.mark.parametrize(("language", "scheme"), [("en", "dark"), ("ja", "light"), ("zh", "light")])
def test_pages_of_pools_can_be_read_and_reached_in_every_language(
    site: Site, shared: str, new_context: NewContext, language: str, scheme: str
) -> None:
    locale, tag = LANGUAGES[language]
    context = new_context(locale=locale, viewport=NARROW, color_scheme=scheme)
    page = watch(context, site).page
    for nickname, paths in (
        ("Aki", ("", "/fill", "/invite", "/close", f"/members/{site.line('+819011110002')}")),
        ("Ben", ()),
    ):
        page.goto(f"{site.address}/sign-in")
        page.locator("button.person", has_text=nickname).click()
        page.goto(f"{site.address}/pools")
        look(page)
        for path in paths:
            page.goto(shared + path)
            look(page)
    page.locator("a.banner").click()
    expect(page.locator(".choice")).to_contain_text("+81 90-3333-0002")
    look(page)
    assert page.evaluate("document.documentElement.lang") == tag


def test_an_offered_pool_is_taken_over_without_scripts(
    site: Site, shared: str, new_context: NewContext
) -> None:
    aki, ben = (new_context(java_script_enabled=False).new_page() for _ in range(2))
    sign_in(ben, site, "Ben")
    ben.locator("a.banner", has_text="Trip").click()
    send(ben, "I agree, join")
    expect(ben.locator("#members")).to_contain_text("Aki")
    sign_in(aki, site, "Aki")
    aki.goto(shared)
    aki.locator("#members li", has_text="Ben").get_by_role("link", name="Change").click()
    send(aki, "Change it now")
    aki.get_by_text("Hand it over to somebody else").click()
    aki.locator(".recipient", has_text="Ben").click()
    send(aki, "Offer it to them")
    expect(aki.locator("main")).to_contain_text("You have offered it to Ben")
    ben.goto(f"{site.address}/pools")
    ben.locator("a.banner", has_text="hand Trip over").click()
    send(ben, "Take it over")
    expect(ben.locator(".pool-head")).to_contain_text("owned by you")
    aki.goto(shared)
    expect(aki.locator(".pool-head")).to_contain_text("owned by Ben")
    ben.locator("#members li", has_text="Aki").get_by_role("link", name="Change").click()
    ben.get_by_role("link", name="Remove from the pool").click()
    expect(ben.locator(".returns")).to_contain_text("100 MB")
    send(ben, "Remove them")
    expect(ben.get_by_role("status")).to_contain_text("Removed.")
