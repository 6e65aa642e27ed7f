"""Tanks in a browser: what is in one, who may draw, giving, drawing, and why not."""

import asyncio
import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.browser.axe import violations
from tests.browser.conftest import NewContext, Site, in_thread
from tests.browser.people import NOW
from tests.browser.test_pages import LANGUAGES, LOOK, watch

from yuzuri.db.connect import open_database
from yuzuri.kernel.ids import HolderId, PoolId, new_id
from yuzuri.kernel.quantities import Unit
from yuzuri.operators.profiles import read_profiles
from yuzuri.runtime.running import HOUSE_CLIENT, run_yuzuri
from yuzuri.sharing.tank_store import place_line
from yuzuri.sharing.tanks import GiveToTank, OpenTank, TankDone

GIVER, TAKER = "+819044440001", "+819033330001"
SHOTS = os.environ.get("YUZURI_TEST_SHOTS")
"""A folder for pictures of what was looked at, for whoever wants to look too."""


async def open_tanks(site: Site) -> int:
    """Open an ordinary tank with something in it, and one for where the taker is: two."""
    async with (
        open_database(site.settings, migrating=False) as database,
        run_yuzuri(site.settings, database, clock=lambda: NOW, profiles=read_profiles()) as yuzuri,
    ):
        ordinary, emergency = (PoolId(HolderId(new_id())) for _ in range(2))
        giver = site.known.lines[GIVER]
        for command in (
            OpenTank(tank=ordinary, operator="mineo", name="For all"),
            OpenTank(tank=emergency, operator="mineo", name="Noto", area="JP-17"),
            GiveToTank(
                person=site.known.people["晓晓"],
                line=giver,
                tank=ordinary,
                unit=Unit.DATA,
                amount=400 * 10**6,
            ),
        ):
            assert await yuzuri.submit(HOUSE_CLIENT, str(new_id()), command) == TankDone(
                command.tank
            )
        async with database.connection() as connection:
            await place_line(connection, site.known.lines[TAKER], "JP-17")
    return 2


@pytest.fixture(scope="module")
def tanks(site: Site) -> int:
    return in_thread(lambda: asyncio.run(open_tanks(site)))


def sign_in(page: Page, site: Site, who: str) -> None:
    page.goto(f"{site.address}/sign-in")
    page.locator("button.person", has_text=who).click()
    page.goto(f"{site.address}/tanks")


def give(page: Page, amount: str) -> None:
    tank = page.get_by_role("article", name="Noto")
    tank.locator("form[action$='/give'] input[name=amount]").fill(amount)
    tank.locator("form[action$='/give'] button").click()


@pytest.mark.usefixtures("tanks")
@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("ja", "light"), ("zh", "dark")])
def test_the_page_can_be_read_and_reached_whatever_has_happened(
    site: Site, new_context: NewContext, language: str, scheme: str
) -> None:
    locale, tag = LANGUAGES[language]
    context = new_context(
        locale=locale,
        viewport={"width": 360, "height": 740},
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    watched = watch(context, site)
    page = watched.page

    def look(where: str) -> None:
        assert page.evaluate("document.documentElement.lang") == tag, where
        if SHOTS:
            page.screenshot(
                path=Path(SHOTS) / f"tanks-{language}-{where}.png", full_page=True, caret="initial"
            )
        problems = page.evaluate(LOOK)
        assert not problems, f"{where}: {problems}"
        assert violations(page) == [], where

    sign_in(page, site, "晓晓")
    give(page, "100 MB")
    page.locator(".done").wait_for()
    look("given")
    give(page, "20 GB")
    page.locator(".verdict[role=alert]").wait_for()
    page.locator(".evidence summary").first.click()
    look("refused")
    sign_in(page, site, "Ben")
    look("taker")
    refused = "422 (Unprocessable Entity)"
    assert [said for said in watched.complaints if not said.endswith(refused)] == []


@pytest.mark.usefixtures("tanks")
def test_what_one_gives_another_draws(site: Site, new_context: NewContext) -> None:
    page = new_context().new_page()
    sign_in(page, site, "晓晓")
    ordinary = page.get_by_role("article", name="For all")
    expect(ordinary).to_contain_text("next from Sat 21 November 2026, 00:00 JST")
    expect(ordinary).to_contain_text("It would work from Sat 21 November 2026, 00:00 JST")
    give(page, "10 MB")
    expect(page.locator(".done")).to_contain_text("Given")

    sign_in(page, site, "Ben")
    tank = page.get_by_role("article", name="Noto")
    expect(tank).to_contain_text("You may draw up to")
    tank.locator("form[action$='/draw'] input[name=amount]").fill("lots")
    tank.locator("form[action$='/draw'] button").click()
    expect(page.locator(".verdict[role=alert]")).to_contain_text("“lots” is not an amount")
    tank.locator("form[action$='/draw'] input[name=amount]").fill("10 MB")
    tank.locator("form[action$='/draw'] button").click()
    expect(page.locator(".done")).to_contain_text("Drawn")
    expect(tank).to_contain_text("drew 10 MB")

    sign_in(page, site, "陽菜")
    expect(page.locator(".empty")).to_contain_text("No tank of your operators is open now.")


@pytest.mark.usefixtures("tanks")
def test_who_may_not_give_like_this_is_shown_the_other_ways(
    site: Site, new_context: NewContext
) -> None:
    page = new_context().new_page()
    sign_in(page, site, "Aki")
    page.goto(f"{site.address}/give?line={site.line('+819011110001')}")
    page.locator("#amount").fill("5 MB")
    page.locator("#to_number").fill("+81 90 3333 0002")
    ways = page.locator(".verdict.refused a.button")
    expect(ways).to_have_text(["Shared pool", "Delegated use"])
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / "ways.png", full_page=True, caret="initial")
    problems = page.evaluate(LOOK)
    assert not problems, problems
    ways.first.click()
    page.wait_for_url("**/pools")
