"""The page of calls and frames in a real browser."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests import pictures
from tests.browser import OpenPage
from tests.process import ServerProcess


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("docs")) as running:
        yield running


@pytest.fixture
def page(open_page: OpenPage, server: ServerProcess) -> Iterator[Page]:
    """The page, which must not complain, nor ask anybody else for anything."""
    page = open_page(server.url)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(server.url + "/docs")
    expect(page.locator(".call").first).to_be_visible()
    yield page
    assert all(url.startswith(server.url) for url in asked)


def enter(page: Page, name: str) -> None:
    page.click("#login-open")
    page.fill("#login [name=username]", name)
    page.fill("#login [name=password]", "correct horse 42")
    page.click("#register-do")
    expect(page.locator("#who")).to_have_text(name)


def opened_call(page: Page, name: str) -> None:
    page.locator(f"[id='{name}'] > summary").click()
    expect(page.locator(f"[id='{name}'] .inside")).to_be_visible()


def test_a_call_is_tried_with_a_token(page: Page) -> None:
    enter(page, "ann")
    opened_call(page, "postRooms")
    room = page.locator("#postRooms")
    room.locator("textarea").fill('{"kind": "public", "name": "<b>Club</b>"}')
    room.locator("form button").click()
    expect(room.locator(".status")).to_have_text(re.compile("^201 "))
    shown = room.locator("form > div:last-child pre").inner_text()
    assert json.loads(shown.partition("\n\n")[2])["name"] == "<b>Club</b>"
    assert shown.startswith("curl -X POST")
    opened_call(page, "getOneRoom")
    one = page.locator("#getOneRoom")
    one.locator("input").fill(json.loads(shown.partition("\n\n")[2])["id"])
    one.locator("form button").click()
    expect(one.locator(".status")).to_have_text(re.compile("^200 "))


def test_a_file_is_sent_and_fetched(page: Page, tmp_path: Path) -> None:
    enter(page, "cyn")
    (tmp_path / "tea.png").write_bytes(pictures.plain("PNG"))
    opened_call(page, "postUploads")
    sent = page.locator("#postUploads")
    sent.locator("input[type=file]").set_input_files(tmp_path / "tea.png")
    sent.locator("form button").click()
    expect(sent.locator(".status")).to_have_text(re.compile("^201 "))
    shown = sent.locator("form > div:last-child pre").inner_text()
    assert "-F 'file=@tea.png'" in shown
    opened_call(page, "getFile")
    one = page.locator("#getFile")
    [upload] = json.loads(shown.partition("\n\n")[2])["uploads"]
    one.locator("input").first.fill(upload["id"])
    one.locator("form button").click()
    expect(one.locator("form > div:last-child pre")).to_contain_text("bytes of image/png")


def test_every_call_and_every_frame_opens(page: Page) -> None:
    calls = page.locator(".call")
    page.evaluate("for (const one of document.querySelectorAll('.call')) one.open = true")
    expect(page.locator(".call .inside, .call .log")).not_to_have_count(0)
    for number in range(calls.count()):
        expect(calls.nth(number).locator("h3, form, .log, pre").first).to_be_attached()


def test_a_refusal_is_shown_as_one(page: Page) -> None:
    page.evaluate("localStorage.clear()")
    opened_call(page, "getMe")
    page.locator("#getMe form button").click()
    expect(page.locator("#getMe .status.bad")).to_have_text(re.compile("^401 "))


def test_frames_are_listed_and_a_socket_is_tried(page: Page) -> None:
    enter(page, "bob")
    opened_call(page, "native.client.SEND_MESSAGE")
    expect(page.locator("[id='native.client.SEND_MESSAGE'] pre").first).to_contain_text("replyTo")
    console = page.locator("#frames .call").first
    console.locator("summary").click()
    console.get_by_role("button", name="Connect").click()
    expect(console.locator(".log")).to_contain_text("AUTH_SUCCESS")
    console.get_by_role("button", name="Send").click()
    expect(console.locator(".log")).to_contain_text('"type":"ACK"')
    console.get_by_role("button", name="Disconnect").click()
    expect(console.locator(".log")).to_contain_text("closed")


def test_events_of_socket_io_are_listed_with_what_callbacks_are_given(page: Page) -> None:
    opened_call(page, "C.client.message:send")
    shown = page.locator("[id='C.client.message:send'] pre")
    expect(shown.nth(0)).to_contain_text("recipient")
    expect(shown.nth(1)).to_contain_text("timestamp")
    expect(shown.nth(2)).to_contain_text("error")


def test_what_is_looked_for_is_left(page: Page) -> None:
    page.fill("#filter", "reactions")
    expect(page.locator(".call:visible .path")).to_have_text(
        ["/api/messages/:message_id/reactions/:emoji"] * 2
    )


def test_a_call_has_an_address(page: Page, server: ServerProcess) -> None:
    page.goto("about:blank")
    page.goto(server.url + "/docs#getSync")
    expect(page.locator("#getSync .inside")).to_be_visible()


def test_it_is_usable_on_a_small_screen(page: Page, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 360, "height": 640})
    opened_call(page, "getMessages")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
