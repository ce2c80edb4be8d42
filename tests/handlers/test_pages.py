"""The demo page and its files."""

import pytest

from tests.handlers.conftest import Hubbub

pytestmark = pytest.mark.gen_test(timeout=20)

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


async def test_a_browser_gets_the_page_and_anybody_else_json(hub: Hubbub) -> None:
    page = await hub.get("/", headers=BROWSER)
    assert page.headers["Content-Type"].startswith("text/html")
    assert b"<!doctype html>" in page.body
    data = await hub.get("/")
    assert data.json["name"] == "Hubbub"
    assert "Accept" in page.headers["Vary"]
    assert "Accept" in data.headers["Vary"]


async def test_the_page_may_load_nothing_but_its_own_files(hub: Hubbub) -> None:
    page = await hub.get("/", headers=BROWSER)
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert b"<script>" not in page.body
    assert b"style=" not in page.body


async def test_every_file_that_the_page_names_is_there(hub: Hubbub) -> None:
    for name in ("main.js", "api.js", "style.css", "chat.css", "icon.svg"):
        assert (await hub.get(f"/static/{name}")).status == 200


async def test_an_unchanged_file_is_not_sent_again(hub: Hubbub) -> None:
    first = await hub.get("/static/style.css")
    again = await hub.get("/static/style.css", headers={"If-None-Match": first.headers["Etag"]})
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    "path",
    ["../server.py", "..%2fserver.py", "%2e%2e/server.py", "....//server.py", "/etc/passwd",
     "%2fetc%2fpasswd", "style.css%00.html", "..%5cserver.py", ""],
)  # fmt: skip
async def test_no_path_leaves_the_folder(hub: Hubbub, path: str) -> None:
    answer = await hub.get(f"/static/{path}")
    assert (answer.status, answer.code) == (404, "not_found")
