"""A real browser, whose pages must not complain."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.requirements import missing

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip

# A refused call and a server that is away are errors to the browser's console, and what some tests
# are about.
EXPECTED = ("the server responded", "WebSocket connection to", "ERR_CONNECTION_REFUSED")

OpenPage = Callable[[str], Page]


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser; there is an event loop in this thread for as long as it runs."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        missing("chromium", "no chromium on the PATH")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running
        running.close()


@contextmanager
def strict_pages(browser: Browser) -> Iterator[OpenPage]:
    """Opens pages, each as somebody of its own, which are gone afterwards."""
    complaints: list[str] = []
    contexts: list[BrowserContext] = []

    def complain(line: ConsoleMessage) -> None:
        expected = any(words in line.text for words in EXPECTED)
        if line.type in ("error", "warning") and not expected:
            complaints.append(line.text)

    def open_page(url: str) -> Page:
        contexts.append(browser.new_context())
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", complain)
        page.goto(url)
        return page

    try:
        yield open_page
    finally:
        for context in contexts:
            context.close()
    assert complaints == []
