"""Take the pictures of this folder from the running product: `make.py [en ja zh] [--dark]`.

It needs Chromium, and fonts for Japanese and Chinese (Debian: chromium, fonts-noto-cjk).
"""

import asyncio
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
sys.path.insert(0, str(ROOT))

from tests.browser.browsing import launch  # noqa: E402
from tests.browser.people import fill  # noqa: E402
from tests.browser.serving import serve  # noqa: E402

from yuzuri.db.embedded import SUPERUSER, start_embedded  # noqa: E402
from yuzuri.settings import Settings  # noqa: E402

WIDTH, HEIGHT = 390, 844
LANGUAGES = {"en": "en-GB", "ja": "ja-JP", "zh": "zh-CN"}
BYTES_MAX = 150_000


def main(languages: list[str], *, dark: bool, folder: Path) -> None:
    """Serve a demo with some history, and take every picture."""
    scratch = Path(tempfile.mkdtemp(prefix="yuzuri-", dir="/tmp"))
    scratch.chmod(0o711)
    with start_embedded(scratch / "server") as embedded:
        url = embedded.url("postgres", SUPERUSER)
        settings = Settings(data=scratch / "data", database_url=url, demo=True)
        known = asyncio.run(fill(settings, with_history=True))
        with serve(settings) as address, sync_playwright() as playwright:
            browser = launch(playwright)
            for language in languages:
                context = browser.new_context(
                    viewport={"width": WIDTH, "height": HEIGHT},
                    device_scale_factor=2,
                    locale=LANGUAGES[language],
                    color_scheme="dark" if dark else "light",
                )
                page = context.new_page()
                name = f"{language}{'-dark' if dark else ''}"
                take_all(
                    page, address, known.lines, lambda what, n=name: folder / f"{what}-{n}.png"
                )
                context.close()
            browser.close()
    _ = replace


def take_all(
    page: Page, address: str, lines: dict[str, object], path: Callable[[str], Path]
) -> None:
    """Walk through the product and take a picture of each page."""

    def take(what: str) -> None:
        page.wait_for_load_state("networkidle")
        page.screenshot(path=path(what), animations="disabled")

    page.goto(f"{address}/sign-in")
    take("sign-in")
    page.locator("button.person", has_text="Aki").click()
    take("lines")
    page.screenshot(path=path("full-lines"), full_page=True)
    line = lines["+819011110001"]
    page.goto(f"{address}/give?line={line}")
    page.locator('.chip:has(input[value="2 GB"])').click()
    page.locator(".recipient", has_text="陽菜").first.click()
    page.locator(".verdict.works").wait_for()
    page.screenshot(path=path("full-give"), full_page=True)
    page.locator("#amount-title").scroll_into_view_if_needed()
    take("give")
    page.locator("#amount").fill("12.3456 GB")
    page.locator(".verdict.refused").wait_for()
    page.locator(".verdict").scroll_into_view_if_needed()
    take("refused")
    page.screenshot(path=path("full-refused"), full_page=True)
    page.locator("button[name=use_amount]").first.click()
    page.locator(".verdict.works").wait_for()
    page.locator("#message").fill("Have a good trip!")
    page.locator(".give > button").click()
    page.screenshot(path=path("full-review"), full_page=True)
    page.goto(f"{address}/gifts")
    take("gifts")
    page.locator("#past-title").scroll_into_view_if_needed()
    take("history")
    page.screenshot(path=path("full-gifts"), full_page=True)
    page.locator(".history a").first.click()
    page.screenshot(path=path("full-gift"), full_page=True)
    page.goto(f"{address}/give?line={lines['+819011110003']}")
    page.screenshot(path=path("full-closed"), full_page=True)
    page.goto(f"{address}/nothing-here")
    page.screenshot(path=path("full-404"), full_page=True)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    main(
        [a for a in arguments if a in LANGUAGES] or list(LANGUAGES),
        dark="--dark" in arguments,
        folder=next((Path(a) for a in arguments if Path(a).is_dir()), FOLDER),
    )
