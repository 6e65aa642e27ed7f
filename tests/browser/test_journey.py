"""One whole gift in a real browser: from what is left on one phone to data on another."""

from playwright.sync_api import Page, expect
from tests.browser.conftest import NewContext, Site


def sign_in(page: Page, site: Site, nickname: str) -> None:
    page.goto(f"{site.address}/sign-in")
    page.locator("button.person", has_text=nickname).click()
    expect(page.get_by_role("heading", name="My lines")).to_be_visible()


def data_left(page: Page, site: Site, line: str) -> str:
    page.goto(site.address)
    card = page.locator(f"#line-{line}")
    return card.get_by_role("region", name="Data", exact=True).locator(".amount").inner_text()


def test_a_gift_from_sign_in_to_history(site: Site, new_context: NewContext) -> None:
    aki, hina = new_context().new_page(), new_context().new_page()
    aki_line, hina_line = site.line("+819011110001"), site.line("+819022220001")

    sign_in(aki, site, "Aki")
    assert data_left(aki, site, aki_line) == "21 GB"
    aki.locator(f"#line-{aki_line}").get_by_role("link", name="Give from this line").click()

    # The preview says what would come of it while the form is filled in.
    aki.locator(".recipient", has_text="陽菜").first.click()
    aki.get_by_label("Another amount").fill("12 GB")
    refused = aki.locator(".verdict.refused")
    expect(refused).to_contain_text("at most 10 GB")
    refused.get_by_text("Where this rule stands").first.click()
    expect(refused.get_by_text("yuzuri-mobile gift.maximum")).to_be_visible()
    expect(refused.get_by_text("2026-11", exact=True).first).to_be_visible()
    refused.get_by_role("button", name="Give 10 GB").click()
    works = aki.locator(".verdict.works")
    expect(works).to_contain_text("10 GB for 陽菜")
    # What ends first is given first, and all of it can be accepted only as long as that lasts.
    expect(works).to_contain_text("1 GB until Sat 14 Nov, 12:18 JST")
    expect(works).to_contain_text("9 GB until the end of 30 November")
    expect(works.locator(".facts > div").nth(1)).to_contain_text("until Sat 14 Nov, 12:18 JST")
    expect(works).to_contain_text("1 GB of it will have expired by then, for you too.")
    aki.get_by_label("Another amount").fill("1.5 GB")
    expect(works).to_contain_text("1.5 GB for 陽菜")

    aki.get_by_label("A few words with it").fill("For your trip")
    aki.get_by_role("button", name="Look it over").click()
    expect(aki.locator(".tag")).to_contain_text("For your trip")
    aki.get_by_role("button", name="Give 1.5 GB").click()
    expect(aki.get_by_role("status")).to_contain_text("It is on its way")
    assert data_left(aki, site, aki_line) == "19.5 GB"
    expect(aki.locator(f"#line-{aki_line}")).to_contain_text("1.5 GB waits in open gifts")

    sign_in(hina, site, "陽菜")
    assert data_left(hina, site, hina_line) == "5 GB / 5 GB"
    hina.get_by_role("link", name="Aki offers you 1.5 GB").click()
    expect(hina.get_by_role("blockquote")).to_have_text("For your trip")
    expect(hina.locator(".facts")).to_contain_text("500 MB until the end of 30 November")
    hina.get_by_role("button", name="Accept").click()
    expect(hina.get_by_role("status")).to_contain_text("It has arrived")

    assert data_left(hina, site, hina_line) == "6.5 GB"
    expect(hina.locator(f"#line-{hina_line}")).to_contain_text("received")
    assert data_left(aki, site, aki_line) == "19.5 GB / 20 GB"
    expect(aki.locator(f"#line-{aki_line}")).not_to_contain_text("waits")

    aki.goto(f"{site.address}/gifts?show=out")
    expect(aki.locator(".history li").first).to_contain_text("to 陽菜")
    expect(aki.locator(".history li").first).to_contain_text("−1.5 GB")
    aki.goto(f"{site.address}/gifts?show=in")
    expect(aki.locator(".history li")).to_have_count(0)
    hina.goto(f"{site.address}/gifts")
    hina.locator(".history a").first.click()
    expect(hina.locator(".timeline")).to_contain_text("Accepted, and arrived")


def test_a_gift_without_scripts_declined_and_one_taken_back(
    site: Site, new_context: NewContext
) -> None:
    ben = new_context(java_script_enabled=False).new_page()
    aki = new_context(java_script_enabled=False).new_page()
    ben_line = site.line("+819033330002")
    for answer in ("declined", "taken back"):
        sign_in(ben, site, "Ben")
        ben.goto(f"{site.address}/give?line={ben_line}&unit=voice")
        ben.get_by_label("Another amount").fill("10000 min")
        ben.get_by_label("Phone number").fill("090-1111-0001")
        ben.get_by_role("button", name="Look it over").click()
        # What was typed is still there, and what works instead is a button.
        expect(ben.get_by_label("Phone number")).to_have_value("090-1111-0001")
        expect(ben.locator(".verdict.refused")).to_contain_text("at most 60 min")
        ben.get_by_role("button", name="Give 59 min").click()
        expect(ben.locator(".tag")).to_contain_text("+81 90-1111-0001")
        ben.get_by_role("button", name="Give 59 min").click()
        expect(ben.get_by_role("status")).to_contain_text("It is on its way")

        if answer == "declined":
            sign_in(aki, site, "Aki")
            aki.goto(f"{site.address}/gifts")
            aki.get_by_role("button", name="Decline 59 min").click()
            expect(aki.get_by_role("status")).to_contain_text("back with Ben")
        else:
            ben.get_by_role("button", name="Take it back").click()
            expect(ben.get_by_role("status")).to_contain_text("on your line again")
        ben.goto(site.address)
        calls = ben.locator(f"#line-{ben_line}").get_by_role("region", name="Calls")
        expect(calls.locator(".amount")).to_contain_text("60 min / 60 min")


def test_two_taps_on_give_give_once(site: Site, new_context: NewContext) -> None:
    page = new_context().new_page()
    sign_in(page, site, "Wanjiru")
    line, to = site.line("+254711000001"), site.line("+254711000002")
    page.goto(f"{site.address}/give?line={line}&amount=5+MB")
    page.get_by_label("Phone number").fill("0711 000 002")
    page.get_by_role("button", name="Look it over").click()
    final = page.locator("form[data-once]")
    form = final.evaluate(
        "form => new URLSearchParams(new FormData(form)).toString()",
    )
    assert to not in form, "a number that was typed is not turned into a line's id"
    answers = page.evaluate(
        """async body => Promise.all(Array.from({length: 8}, async () => {
            const headers = {"Content-Type": "application/x-www-form-urlencoded"};
            const answer = await fetch("/give", {method: "POST", body, headers});
            return answer.url;
        }))""",
        form,
    )
    assert len(set(answers)) == 1, "each tap leads to the same gift"
    page.goto(f"{site.address}/gifts")
    expect(page.locator("#open-title ~ .cards .gift-card")).to_have_count(1)
