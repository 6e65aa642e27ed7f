"""A server with people on it, and a real browser to look at it."""

import asyncio
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright
from tests.browser.browsing import find_chromium, launch
from tests.browser.people import Known, fill
from tests.browser.serving import serve
from tests.conftest import Server

from yuzuri.settings import Settings

PHONE = {"width": 390, "height": 844}


@dataclass(frozen=True)
class Site:
    """A running server: its address, and who and what is known there."""

    address: str
    known: Known
    settings: Settings

    def line(self, number: str) -> str:
        """Return the id of the line with a number."""
        return str(self.known.lines[number])


@pytest.fixture(scope="module")
def site_settings(
    server: Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """The settings of a process over a database that is this module's own."""
    name = f"yuzuri_test_{uuid.uuid4().hex}"
    server.create(name, template)
    data = tmp_path_factory.mktemp("site")
    yield Settings(data=data, database_url=server.url(name), demo=True)
    server.drop(name)


@pytest.fixture(scope="module")
def site(site_settings: Settings) -> Iterator[Site]:
    """A server of this module's own, with people on it."""
    known = in_thread(lambda: asyncio.run(fill(site_settings)))
    with serve(site_settings) as address:
        yield Site(address, known, site_settings)


@pytest.fixture(scope="module")
def browser(site: Site) -> Iterator[Browser]:
    """Chromium. Where it is missing tests fail, unless someone says that there is to be none."""
    if find_chromium() is None and os.environ.get("YUZURI_NO_BROWSER") == "1":
        pytest.skip("YUZURI_NO_BROWSER=1: nothing was looked at in a browser")
    # Closed with the module: while it is open, no other test can run an event loop here.
    with sync_playwright() as playwright:
        chromium = launch(playwright)
        yield chromium
        chromium.close()


NewContext = Callable[..., BrowserContext]
T = TypeVar("T")


@pytest.fixture
def new_context(browser: Browser) -> Iterator[NewContext]:
    """Make browser contexts the size of a phone; each is somebody's own browser."""
    opened = []
    defaults: dict[str, Any] = {"viewport": PHONE, "locale": "en-GB"}

    def make(**options: Any) -> BrowserContext:
        context = browser.new_context(**(defaults | options))
        context.set_default_timeout(10_000)
        opened.append(context)
        return context

    yield make
    for context in opened:
        context.close()


def in_thread(call: Callable[[], T]) -> T:
    """Call something that runs an event loop of its own, beside the one that Playwright keeps."""
    results: list[T] = []
    thread = threading.Thread(target=lambda: results.append(call()))
    thread.start()
    thread.join()
    assert results, "what ran beside the browser has failed"
    return results[0]
