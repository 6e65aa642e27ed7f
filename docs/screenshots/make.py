"""Take the pictures of this folder from the running product.

`make.py [en ja zh] [--dark] [--all] [folder]`

It needs Debian's chromium, fonts-noto-cjk, fonts-inter and imagemagick.
"""

import asyncio
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
sys.path.insert(0, str(ROOT))

from tests.browser.browsing import launch  # noqa: E402
from tests.browser.people import USED_LINE, Known, fill  # noqa: E402
from tests.browser.serving import serve  # noqa: E402

from yuzuri.db.embedded import SUPERUSER, start_embedded  # noqa: E402
from yuzuri.settings import Settings  # noqa: E402

WIDTH, HEIGHT = 390, 844
LANGUAGES = {"en": "en-GB", "ja": "ja-JP", "zh": "zh-CN"}
BYTES_MAX = 150_000


def main(languages: list[str], *, folder: Path, dark: bool, everything: bool) -> None:
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
                    reduced_motion="reduce",
                )
                ending = f"{language}{'-dark' if dark else ''}.png"
                wanted = None if everything or language == "en" else {"lines", "give", "poster"}
                Camera(context.new_page(), folder, ending, wanted).walk(address, known)
                context.close()
            browser.close()
    shutil.rmtree(scratch, ignore_errors=True)


@dataclass
class Camera:
    """Walks through the product and takes a picture of each page that is wanted; None: of all."""

    page: Page
    folder: Path
    ending: str
    wanted: set[str] | None

    def take(self, what: str) -> None:
        """Take a picture of what a phone shows now, in 256 colours where it would be too large."""
        if self.wanted is not None and what not in self.wanted:
            return
        self.page.wait_for_load_state("networkidle")
        path = self.folder / f"{what}-{self.ending}"
        self.page.screenshot(path=path, animations="disabled")
        if path.stat().st_size > BYTES_MAX:
            fewer = ["-colors", "256", "-define", "png:compression-level=9"]
            subprocess.run(["convert", path, *fewer, f"PNG8:{path}"], check=True)
        assert path.stat().st_size < BYTES_MAX, f"{path} is too large"

    def scroll_to(self, selector: str) -> None:
        """Bring something to the top, under the page's own head."""
        self.page.locator(selector).first.evaluate("it => it.scrollIntoView()")

    def walk(self, address: str, known: Known) -> None:
        """Sign in, look, give, be refused, look at gifts."""
        page = self.page
        page.goto(f"{address}/sign-in")
        self.take("sign-in")
        page.locator("button.person", has_text="Aki").click()
        self.take("lines")
        line = known.lines["+819011110001"]
        page.goto(f"{address}/give?line={line}")
        page.locator('.chip:has(input[value="2 GB"])').click()
        page.locator(".recipient", has_text="陽菜").first.click()
        page.locator(".verdict.works").wait_for()
        self.scroll_to("#to-title")
        self.take("preview")
        self.scroll_to("h1")
        self.take("give")
        page.locator("#amount").fill("12.5 GB")
        page.locator(".verdict.refused").wait_for()
        page.locator(".evidence summary").first.click()
        page.locator("#amount").blur()
        self.scroll_to("#preview")
        self.take("refused")
        page.locator("button[name=use_amount]").first.click()
        page.locator(".verdict.works").wait_for()
        page.locator("#message").fill("Have a good trip!")
        page.locator(".give > button").click()
        self.take("review")
        page.goto(f"{address}/gifts")
        self.take("gifts")
        self.scroll_to("#open-title")
        self.take("history")
        page.locator(".history a").first.click()
        self.take("gift")
        page.goto(f"{address}/sign-in")
        page.locator("button.person", has_text="Ben").click()
        self.scroll_to(f"#line-{known.lines[USED_LINE]} .kind:last-of-type")
        self.take("use")
        self.share(address, line)

    def share(self, address: str, line: str) -> None:
        """Post a link, let two people take of it, and watch."""
        page = self.page
        page.goto(f"{address}/sign-in")
        page.locator("button.person", has_text="Aki").click()
        page.goto(f"{address}/links/new?line={line}")
        page.locator('.chip:has(input[value="3 GB"])').click()
        page.locator('.chip:has(input[name="chip-shares"][value="5"])').click()
        page.locator('label:has(input[value="random"])').click()
        page.locator("#least").fill("100 MB")
        page.locator("#message").fill("Have a good trip, everyone!")
        page.locator(".give > button").click()
        page.locator("form[data-once] button").first.click()
        url = page.locator("#address").input_value()
        self.take("poster")
        for nickname, thanks in (("Ben", "Just in time!"), ("陽菜", "ありがとう！")):
            page.goto(f"{address}/sign-in")
            page.locator("button.person", has_text=nickname).click()
            page.goto(url)
            page.locator(".take button").wait_for()
            if nickname == "Ben":
                self.take("opened")
            page.locator(".take > button").click()
            page.locator("#thanks").fill(thanks)
            page.locator(".code-form button").click()
            page.locator(".thanked").wait_for()
        page.goto(f"{address}/sign-in")
        page.locator("button.person", has_text="Aki").click()
        page.goto(f"{address}/links")
        page.locator("#my-links a").first.click()
        page.locator("#link-takers a").first.wait_for()
        self.take("link")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    main(
        [a for a in arguments if a in LANGUAGES] or list(LANGUAGES),
        folder=next((Path(a) for a in arguments if Path(a).is_dir()), FOLDER),
        dark="--dark" in arguments,
        everything="--all" in arguments,
    )
