"""A real browser: Debian's Chromium, with a profile of its own and nothing that calls home."""

import shutil
from pathlib import Path

from playwright.sync_api import Browser, Playwright

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_chromium() -> str | None:
    """Return where Chromium is, if it is installed."""
    return CHROMIUM if Path(CHROMIUM).exists() else shutil.which("chromium")


def launch(playwright: Playwright) -> Browser:
    """Start Chromium; Playwright gives it a new user-data folder and removes it afterwards."""
    found = find_chromium()
    assert found is not None, "Chromium is missing: install it (Debian: apt-get install chromium)."
    return playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
