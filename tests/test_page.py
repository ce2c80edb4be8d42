"""The demo page in a real browser."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.process import ServerProcess
from tests.requirements import missing

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("page")) as running:
        yield running


@contextmanager
def opened(url: str) -> Iterator[Page]:
    """A page of its own, which must not complain."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        missing("chromium", "no chromium on the PATH")
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            # A refused call is an error to the browser's console, and what some tests are about.
            lambda line: (
                complaints.append(line.text)
                if line.type in ("error", "warning") and "the server responded" not in line.text
                else None
            ),
        )
        page.goto(url)
        yield page
        browser.close()
    assert complaints == []


@pytest.fixture
def page(server: ServerProcess) -> Iterator[Page]:
    """The demo page."""
    with opened(server.url) as page:
        yield page


def register(page: Page, name: str, password: str = "correct horse 42") -> None:
    page.fill("#register [name=username]", name)
    page.fill("#register [name=password]", password)
    page.click("#register button")


def test_an_account_from_its_first_day_on(page: Page) -> None:
    register(page, "ann", "short")
    expect(page.locator("#notice")).to_have_text("a password has at least 8 characters")
    register(page, "ann")
    expect(page.locator("#who")).to_have_text("ann")
    page.fill("#profile [name=displayName]", "Ann <img src=x onerror=alert(1)>"[:30])
    page.click("#profile button")
    expect(page.locator("#who")).to_have_text("Ann <img src=x onerror=alert(1)>"[:30])
    expect(page.locator("#sessions li")).to_have_count(1)
    page.reload()
    expect(page.locator("#facts")).to_contain_text("ann")
    page.click("#logout")
    expect(page.locator("#entrance")).to_be_visible()


def test_people_are_found_and_an_ended_login_leads_back_to_the_entrance(
    page: Page, server: ServerProcess
) -> None:
    register(page, "bob")
    expect(page.locator("#who")).to_have_text("bob")
    other = {"username": "bobby", "password": "correct horse 42", "displayName": "Bobby Tables"}
    server.call("POST", "/api/auth/register", other)
    page.fill("#search", "tables")
    expect(page.locator("#people li")).to_have_text("Bobby Tables@bobby")
    token = page.evaluate("localStorage.getItem('hubbub.token')")
    assert server.call("POST", "/api/auth/logout-all", token=token)[0] == 200
    page.fill("#search", "table")
    expect(page.locator("#entrance")).to_be_visible()


def test_a_changed_password_keeps_this_login_and_ends_the_others(
    page: Page, server: ServerProcess
) -> None:
    register(page, "carol")
    expect(page.locator("#who")).to_have_text("carol")
    login = {"username": "carol", "password": "correct horse 42"}
    _, other = server.call("POST", "/api/auth/login", login)
    page.fill("#password [name=currentPassword]", "correct horse 42")
    page.fill("#password [name=newPassword]", "another horse 43")
    page.click("#password button")
    expect(page.locator("#notice")).to_have_text("Password changed")
    expect(page.locator("#sessions li")).to_have_count(1)
    assert server.call("GET", "/api/auth/me", token=other["token"])[0] == 401


def test_the_page_is_usable_on_a_small_screen(page: Page, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 360, "height": 640})
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360
