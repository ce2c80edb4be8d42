"""What every answer has in common."""

import asyncio
import logging
import re
import socket

import pytest

from handlers.origins import METHODS
from tests.handlers import described
from tests.handlers.conftest import Hubbub, Starter
from tests.handlers.socketio.clients import read_answer

pytestmark = pytest.mark.gen_test(timeout=20)

PAGE = "https://chat.example.com"
VERBS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}


@pytest.mark.parametrize("path", ["/health", "/nowhere", "/", "/static/style.css", "/api/auth/me"])
async def test_every_answer_carries_the_security_headers(hub: Hubbub, path: str) -> None:
    answer = await hub.get(path)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "Tornado" not in answer.headers["Server"]
    assert len(answer.headers["X-Request-Id"]) == 16


async def test_api_answers_are_not_kept_by_caches(hub: Hubbub) -> None:
    assert (await hub.get("/health")).headers["Cache-Control"] == "no-store"


async def test_a_harmless_request_id_is_kept_and_any_other_replaced(hub: Hubbub) -> None:
    kept = await hub.get("/health", headers={"X-Request-Id": "my-call.42"})
    assert kept.headers["X-Request-Id"] == "my-call.42"
    for bad in ("a b", "x" * 65, "é", "<script>"):
        replaced = await hub.get("/health", headers={"X-Request-Id": bad})
        assert replaced.headers["X-Request-Id"] != bad


async def test_an_error_names_the_request(hub: Hubbub) -> None:
    answer = await hub.get("/nowhere", headers={"X-Request-Id": "my-call"})
    assert answer.json["requestId"] == "my-call"


@pytest.mark.parametrize(
    "path", ["/nowhere", "/api", "/api/users/a/b", "/static", "/static/none.js", "/api/auth/ME"]
)
async def test_an_unknown_path_is_a_404_in_json(hub: Hubbub, path: str) -> None:
    answer = await hub.get(path)
    assert (answer.status, answer.code) == (404, "not_found")
    assert answer.headers["Content-Type"].startswith("application/json")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/rooms"), ("POST", "/api/uploads"), ("GET", "/api/auth/sessions")],
)
async def test_whoever_is_not_logged_in_is_asked_for_a_token(
    hub: Hubbub, method: str, path: str
) -> None:
    for token in (None, "nonsense"):
        answer = await hub.call(method, path, token=token)
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "WWW-Authenticate" not in (await hub.get("/nowhere")).headers


async def test_who_is_refused_before_their_body_came_knows_that_the_connection_closes(
    hub: Hubbub,
) -> None:
    """Or a client that keeps its connections would send its next request into it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
    call = "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n{}\r\n{{}}"
    for origin, status in (("", 415), ("Origin: https://evil.example.org\r\n", 403)):
        writer.write(call.format(origin).encode())
        answer = await read_answer(reader)
        assert answer.status == status
        assert answer.headers.get("Connection") == ("close" if origin else None)
    assert await reader.read() == b""
    writer.close()


async def test_an_unknown_path_takes_any_method_and_body_for_a_404(hub: Hubbub) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = await hub.call(method, "/nowhere", {"a": 1})
        assert (answer.status, answer.code) == (404, "not_found")


async def test_a_wrong_method_is_a_405_that_says_which_are_right(hub: Hubbub) -> None:
    answer = await hub.call("PUT", "/api/auth/profile", {})
    assert (answer.status, answer.code) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, PATCH, HEAD, OPTIONS"
    assert (await hub.call("BREW", "/health")).code == "method_not_allowed"


async def test_head_is_get_without_a_body(hub: Hubbub) -> None:
    ann = await hub.person("ann")
    for path in ("/api/users", "/health", "/", "/static/style.css"):
        got = await hub.get(path, ann.token)
        head = await hub.call("HEAD", path, token=ann.token)
        assert (head.status, head.body) == (200, b"")
        assert head.headers["Content-Length"] == got.headers["Content-Length"]


async def test_every_path_says_what_it_takes_and_answers_to_head_as_to_get(hub: Hubbub) -> None:
    ann = await hub.person("ann")
    for named, operations in described.rest()["paths"].items():
        path = re.sub(r"\{\w+\}", "0" * 24, named)
        takes = {name.upper() for name in operations if name.upper() in VERBS}
        answer = await hub.call("OPTIONS", path)
        allowed = set(answer.headers["Allow"].split(", "))
        assert (named, answer.status) == (named, 204)
        assert (named, allowed - {"HEAD", "OPTIONS"}) == (named, takes - {"HEAD"})
        assert "OPTIONS" in allowed
        if "GET" in takes:
            assert "HEAD" in allowed
            got = await hub.get(path, ann.token)
            head = await hub.call("HEAD", path, token=ann.token)
            assert (named, head.status, head.body) == (named, got.status, b"")


async def test_a_fault_of_ours_is_logged_and_tells_the_client_nothing(
    hub: Hubbub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken() -> None:
        raise ZeroDivisionError("a secret of ours")

    monkeypatch.setattr(type(hub.services), "ping", property(lambda _: broken))
    answer = await hub.get("/ready")
    assert (answer.status, answer.code) == (500, "internal_error")
    assert b"secret" not in answer.body
    assert b"Traceback" not in answer.body
    [record] = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert record.exc_info is not None
    caplog.clear()


async def test_a_listed_origin_gets_cors_headers_on_every_answer(start: Starter) -> None:
    hub = start(client_url=(PAGE,))
    for path in ("/health", "/nowhere", "/api/auth/me"):
        answer = await hub.get(path, headers={"Origin": PAGE})
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert "Origin" in answer.headers["Vary"]


async def test_a_preflight_is_answered_with_what_may_be_asked(start: Starter) -> None:
    hub = start(client_url=(PAGE,))
    asks = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    for path in ("/api/auth/login", "/nowhere", "/api/users/" + "0" * 24):
        answer = await hub.call("OPTIONS", path, headers=asks)
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE
        assert answer.headers["Access-Control-Allow-Methods"] == METHODS
        for name in ("authorization", "content-type"):
            assert name in answer.headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "https://chat.example.com.evil.example",
     "http://chat.example.com", "https://chat.example.com:8443", "https://CHAT.example.com.", ""],
)  # fmt: skip
async def test_any_other_origin_is_refused_and_nothing_is_done(start: Starter, origin: str) -> None:
    hub = start(client_url=(PAGE,))
    fields = {"username": "ann", "password": "correct horse 42"}
    answer = await hub.post("/api/auth/register", fields, headers={"Origin": origin})
    assert (answer.status, answer.code) == (403, "origin_not_allowed")
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert hub.core.store.users.page(limit=1) == []
    preflight = await hub.call("OPTIONS", "/api/auth/register", headers={"Origin": origin})
    assert preflight.status == 403


async def test_the_servers_own_page_may_call(hub: Hubbub) -> None:
    own = {"Origin": f"http://127.0.0.1:{hub.port}"}
    assert (await hub.get("/health", headers=own)).status == 200


async def test_any_origin_means_no_credentials(start: Starter) -> None:
    hub = start(client_url=("*",))
    answer = await hub.get("/health", headers={"Origin": "https://anything.example"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_a_line_is_logged_without_the_token_and_with_the_request_id(
    hub: Hubbub, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hubbub.access")
    await hub.get("/health?token=sesame&page=2")
    [record] = [r for r in caplog.records if r.name == "hubbub.access"]
    assert "sesame" not in record.getMessage()
    assert "page=2" in record.getMessage()


async def test_a_server_that_stops_asks_clients_to_hang_up(hub: Hubbub) -> None:
    def said() -> bytes:
        with socket.create_connection(("127.0.0.1", hub.port)) as client:
            client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            return client.recv(65536)

    # In a thread, for Tornado's client asks for a close itself.
    assert b"\r\nConnection: close\r\n" not in await asyncio.to_thread(said)
    await hub.services.running.drained(0)
    assert b"\r\nConnection: close\r\n" in await asyncio.to_thread(said)
