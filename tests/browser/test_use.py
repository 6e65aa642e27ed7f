"""What a person sees of their use: charts with their figures, notices, and what to give in time."""

import asyncio
import re

from playwright.sync_api import Page, expect
from tests.browser.conftest import NewContext, Site, in_thread
from tests.browser.people import DRY_LINE, USED_LINE, use_up_now


def sign_in(page: Page, site: Site, nickname: str) -> None:
    page.goto(f"{site.address}/sign-in")
    page.locator("button.person", has_text=nickname).click()
    expect(page.get_by_role("heading", name="My lines")).to_be_visible()


def test_a_chart_says_what_it_shows_and_so_does_its_table(
    site: Site, new_context: NewContext
) -> None:
    page = new_context().new_page()
    sign_in(page, site, "Ben")
    used = page.locator(f"#line-{site.line(USED_LINE)}").get_by_role("region", name="Use")
    today = used.get_by_role("img", name="Data used today, by hour")
    expect(today).to_have_accessible_name(re.compile("in all, most of it .* of it was night data"))
    expect(used.get_by_role("img", name="Data used in the last 7 days, by hour")).to_be_visible()
    # Night is told apart by stripes, not by its colour alone.
    assert today.locator(".bar-night").count() == today.locator("rect[fill^=url]").count() == 1
    expect(used.locator(".others")).to_contain_text("2 SMS today · 14 SMS in 7 days")

    expect(used.get_by_role("table")).to_have_count(0)
    used.get_by_text("The same in figures").click()
    kinds, by_hour = used.get_by_role("table").all()
    expect(kinds.get_by_role("row", name="bonus · at night")).to_be_visible()
    bars = used.get_by_role("img", name="last 7 days").locator(".bar-day, .bar-night")
    assert by_hour.get_by_role("row").count() - 1 == bars.count()
    row = by_hour.get_by_role("row", name="Thu 12 Nov, 01:00")
    expect(row.get_by_role("cell")).to_have_text(["0 MB", "200 MB"])


def test_what_is_used_while_one_looks_appears_by_itself(
    site: Site, new_context: NewContext
) -> None:
    page = new_context().new_page()
    page.clock.install()
    sign_in(page, site, "Ben")
    line = page.locator(f"#line-{site.line(USED_LINE)}")
    line.get_by_text("The same in figures").click()
    amount = line.locator(".used-amount")
    before = amount.inner_text()
    number = site.known.lines[USED_LINE]
    in_thread(lambda: asyncio.run(use_up_now(site.settings, number, 500 * 10**6)))
    with page.expect_response(site.address + "/"):
        page.clock.run_for(9_000)
    expect(amount).not_to_have_text(before)
    expect(line.locator("details.figures")).to_have_attribute("open", "")
    # Whoever looks away is not asked for.
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(
        "Object.defineProperty(document, 'hidden', {value: true, configurable: true});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    page.clock.run_for(60_000)
    assert asked == []
    with page.expect_response(site.address + "/"):
        page.evaluate(
            "Object.defineProperty(document, 'hidden', {value: false, configurable: true});"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )


def test_a_notice_stays_until_it_is_put_away_and_says_what_helps(
    site: Site, new_context: NewContext
) -> None:
    page = new_context(java_script_enabled=False).new_page()
    sign_in(page, site, "Ben")
    notices = page.get_by_role("region", name="Notice")
    expect(notices).to_have_count(2)
    dry = notices.filter(has_text="Tablet has used up all of its data.")
    expect(dry).to_contain_text("A gift or a top-up works at once")
    expect(dry).to_contain_text("+81 90-3333-0001")
    waits = page.locator(f"#line-{site.line(DRY_LINE)}")
    expect(waits).to_contain_text("Your phone is waiting for data")
    expect(waits.get_by_role("region", name="Data", exact=True)).to_contain_text("0 MB / ")
    dry.get_by_role("button", name="Put away").click()
    expect(notices).to_have_count(1)
    expect(notices).to_contain_text("Phone has used 80% of this month's data.")
    page.reload()
    expect(notices).to_have_count(1)


def test_what_will_be_left_can_be_given_with_two_taps(site: Site, new_context: NewContext) -> None:
    page = new_context().new_page()
    sign_in(page, site, "Aki")
    card = page.locator(f"#line-{site.line('+819011110001')}")
    advice = card.get_by_role("region", name="Give before it expires")
    expect(advice).to_contain_text("About 1 GB will be left on Sat 14 Nov, 12:18 JST.")
    advice.get_by_role("link", name="Give some now").click()
    expect(page.locator('.chip:has(input[value="1 GB"]) input')).to_be_checked()
    page.locator(".recipient", has_text="陽菜").first.click()
    expect(page.locator(".verdict.works")).to_contain_text("1 GB for 陽菜")
