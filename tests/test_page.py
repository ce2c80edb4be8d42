"""The demo page in a real browser."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser import OpenPage
from tests.process import ServerProcess


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("page")
    with ServerProcess(folder, RATE_LIMITS="off", PRESENCE_GRACE="0.2") as running:
        yield running


@pytest.fixture
def page(open_page: OpenPage, server: ServerProcess) -> Page:
    """The demo page."""
    return open_page(server.url)


def register(page: Page, name: str, password: str = "correct horse 42") -> None:
    page.fill("#register [name=username]", name)
    page.fill("#register [name=password]", password)
    page.click("#register button")


def enter(page: Page, name: str) -> None:
    register(page, name)
    expect(page.locator("#who")).to_have_text(name)
    expect(page.locator(".room")).not_to_have_count(0)


def say(page: Page, text: str) -> None:
    page.fill("#say", text)
    page.press("#say", "Enter")


def make_room(page: Page, name: str, kind: str = "public") -> None:
    page.click("#start-open")
    page.fill("#new-room [name=name]", name)
    page.check(f"#new-room [value={kind}]")
    page.click("#new-room button")
    expect(page.locator("#room-title")).to_have_text(name)


def join(page: Page, name: str) -> None:
    page.click("#start-open")
    page.get_by_role("button", name=f"Join: {name}").click()
    expect(page.locator("#room-title")).to_have_text(name)


def choose(page: Page, text: str, action: str) -> None:
    """Choose something from the menu of a message."""
    message = page.locator(".message", has=page.get_by_text(text, exact=True))
    message.hover()
    message.locator(".menu > button").click()
    message.locator(".choices").get_by_text(action, exact=True).click()


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def test_an_account_from_its_first_day_on(page: Page) -> None:
    register(page, "ann", "short")
    expect(page.locator("#notice")).to_have_text("a password has at least 8 characters")
    register(page, "ann")
    expect(page.locator("#who")).to_have_text("ann")
    page.click("#account-open")
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
    enter(page, "bob")
    other = {"username": "bobby", "password": "correct horse 42", "displayName": "Bobby Tables"}
    server.call("POST", "/api/auth/register", other)
    page.click("#start-open")
    page.fill("#search", "tables")
    expect(page.locator("#people li")).to_contain_text("Bobby Tables@bobby")
    token = page.evaluate("localStorage.getItem('hubbub.token')")
    assert server.call("POST", "/api/auth/logout-all", token=token)[0] == 200
    expect(page.locator("#entrance")).to_be_visible()


def test_a_changed_password_keeps_this_login_and_ends_the_others(
    page: Page, server: ServerProcess
) -> None:
    enter(page, "carol")
    login = {"username": "carol", "password": "correct horse 42"}
    _, other = server.call("POST", "/api/auth/login", login)
    page.click("#account-open")
    page.fill("#password [name=currentPassword]", "correct horse 42")
    page.fill("#password [name=newPassword]", "another horse 43")
    page.click("#password button")
    expect(page.locator("#notice")).to_have_text("Password changed")
    expect(page.locator("#sessions li")).to_have_count(1)
    assert server.call("GET", "/api/auth/me", token=other["token"])[0] == 401
    page.keyboard.press("Escape")
    make_room(page, "still here")


def test_two_people_talk(open_page: OpenPage, server: ServerProcess) -> None:
    dan, eve = open_page(server.url), open_page(server.url)
    enter(dan, "dan")
    enter(eve, "eve")
    make_room(dan, "kitchen")
    say(dan, "<b>who</b> brings the bread?")
    join(eve, "kitchen")
    expect(eve.locator(".message .text")).to_have_text("<b>who</b> brings the bread?")
    eve.locator("#say").press_sequentially("I do")
    expect(dan.locator("#room-status")).to_have_text("eve is typing…")
    eve.press("#say", "Enter")
    expect(dan.locator(".message")).to_have_count(2)
    choose(dan, "I do", "👍")
    expect(eve.locator(".reactions button")).to_have_text("👍 1")
    eve.click(".reactions button")
    expect(dan.locator(".reactions button")).to_have_text("👍 2")
    choose(dan, "I do", "Reply")
    say(dan, "thank you")
    expect(eve.locator(".quote")).to_have_text("eve I do")
    choose(dan, "thank you", "Edit")
    say(dan, "thanks a lot")
    expect(eve.locator(".message", has_text="thanks a lot").locator(".edited")).to_be_visible()
    choose(eve, "I do", "Delete")
    expect(dan.locator(".gone")).to_have_text("Message deleted")


def test_a_message_to_somebody_is_counted_until_it_is_read(
    open_page: OpenPage, server: ServerProcess
) -> None:
    fay, gus = open_page(server.url), open_page(server.url)
    enter(fay, "fay")
    enter(gus, "gus")
    fay.click("#start-open")
    fay.fill("#search", "gus")
    fay.get_by_role("button", name="Write: gus").click()
    expect(fay.locator("#room-status")).to_have_text("online")
    say(fay, "psst")
    expect(gus.locator(".badge")).to_have_text("1 unread")
    expect(gus).to_have_title("(1) Hubbub")
    expect(fay.locator(".receipt")).to_have_text("Delivered")
    gus.click(".room:has-text('fay')")
    expect(fay.locator(".receipt")).to_have_text("Read")
    expect(gus.locator(".badge")).to_have_count(0)
    gus.close()
    expect(fay.locator("#room-status")).to_have_text("")


def test_pictures_and_files_go_with_a_message(
    open_page: OpenPage, server: ServerProcess, tmp_path: Path
) -> None:
    picture, note = tmp_path / "tea.png", tmp_path / "note.txt"
    Image.new("RGB", (60, 40), "teal").save(picture)
    note.write_text("two sugars")
    kim, lou = open_page(server.url), open_page(server.url)
    enter(kim, "kim")
    enter(lou, "lou")
    make_room(kim, "pantry")
    join(lou, "pantry")
    kim.set_input_files("#files", [picture, note])
    expect(kim.locator("#attached li")).to_have_text(["tea.png✕", "note.txt✕"])
    kim.press("#say", "Enter")
    expect(lou.locator(".file")).to_contain_text("note.txt 10 bytes")
    shown = lou.locator(".picture img")
    expect(shown).to_have_js_property("complete", True)
    assert shown.evaluate("(image) => image.naturalWidth") == 60
    expect(lou.locator(".room[aria-current=true] .last")).to_have_text("kim: 📎 tea.png")


def test_older_messages_come_as_one_scrolls(page: Page, server: ServerProcess) -> None:
    enter(page, "hal")
    token = page.evaluate("localStorage.getItem('hubbub.token')")
    _, room = server.call("POST", "/api/rooms", {"kind": "private", "name": "long"}, token)
    for number in range(1, 71):
        said = {"content": f"number {number}"}
        server.call("POST", f"/api/rooms/{room['id']}/messages", said, token)
    page.click(".room:has-text('long')")
    expect(page.locator(".message .text").last).to_have_text("number 70")
    expect(page.locator(".message")).to_have_count(50)
    page.locator("#messages").evaluate("(list) => { list.scrollTop = 0; }")
    expect(page.locator(".message")).to_have_count(70)
    expect(page.locator(".message .text").first).to_have_text("number 1")


def test_a_server_that_starts_again_loses_nothing(open_page: OpenPage, tmp_path: Path) -> None:
    port = free_port()
    with ServerProcess(tmp_path, "--port", port) as first:
        ida, jon = open_page(first.url), open_page(first.url)
        enter(ida, "ida")
        enter(jon, "jon")
        make_room(ida, "study")
        join(jon, "study")
        say(ida, "before")
        expect(jon.locator(".message")).to_have_count(1)
        expect(ida.locator(".message:not(.draft)")).to_have_count(1)
        first.kill()
    expect(ida.locator("#connection")).to_be_visible()
    say(ida, "while it was away")
    expect(ida.locator(".draft")).to_have_count(1)
    say(jon, "here, too")
    with ServerProcess(tmp_path, "--port", port) as second:
        assert second.url
        for page in (ida, jon):
            expect(page.locator(".message:not(.draft)")).to_have_count(3, timeout=20_000)
            expect(page.locator("#connection")).to_be_hidden()
        say(jon, "after")
        expect(ida.locator(".message:not(.draft)")).to_have_count(4)


@pytest.mark.parametrize("width", [360, 1200])
def test_the_page_is_usable_on_a_screen_of_any_size(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 640})
    enter(page, f"user-{width}")
    make_room(page, f"a room with a name of some length {width}")
    say(page, "word" * 200)
    expect(page.locator(".message:not(.draft)")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("#composer button:not([type=button])").is_visible()
