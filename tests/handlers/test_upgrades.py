"""Requests that become sockets: in one step or in Tornado's own way, and the same either way."""

import asyncio
from collections.abc import Mapping

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from handlers import upgrades
from handlers.light import LightSocket
from handlers.upgrades import is_usual
from handlers.websocket import SocketHandler
from tests.handlers.conftest import Hubbub, Starter
from tests.handlers.sockets import Denied, bearer

pytestmark = pytest.mark.gen_test

# The sample of RFC 6455.
KEY, ACCEPT = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

HEADERS = {
    "Host": "localhost",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY,
}


@pytest.fixture(params=["one step", "Tornado's way"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Go one of the two ways."""
    if request.param != "one step":
        monkeypatch.setattr(upgrades, "is_usual", lambda _: False)
    return str(request.param)


async def handshake(
    hub: Hubbub, headers: Mapping[str, str], path: str = "/ws"
) -> tuple[str, HTTPHeaders]:
    reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    writer.close()
    first, _, rest = head.partition("\r\n")
    return first, HTTPHeaders.parse(rest)


def usual(method: str = "GET", version: str = "HTTP/1.1", **headers: str | None) -> bool:
    given = {**HEADERS, **{name.replace("_", "-"): value for name, value in headers.items()}}
    request = HTTPServerRequest(
        headers=HTTPHeaders({n: v for n, v in given.items() if v is not None}),
        start_line=RequestStartLine(method, "/ws", version),
        connection=type("Connection", (), {"context": None})(),
    )
    return is_usual(request)


async def test_what_is_usual() -> None:
    assert usual()
    assert usual(Upgrade="WebSocket", Connection="keep-alive, Upgrade")
    assert usual(Sec_WebSocket_Protocol="hubbub", Cookie="a=b", Origin="https://app.example")
    assert not usual("POST")
    assert not usual(version="HTTP/1.0")
    assert not usual(Upgrade="h2c")
    assert not usual(Upgrade=None)
    assert not usual(Connection="keep-alive")
    assert not usual(Connection="upgraded")
    assert not usual(Connection=None)
    assert not usual(Sec_WebSocket_Version="99")
    assert not usual(Sec_WebSocket_Version=None)
    assert not usual(Sec_WebSocket_Key=None)
    assert not usual(Sec_WebSocket_Key="")
    assert not usual(Host="")


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("path", ["/ws", "/", "/socket.io/?EIO=4&transport=websocket"])
async def test_a_socket_is_accepted(hub: Hubbub, path: str) -> None:
    first, headers = await handshake(hub, HEADERS, path)
    assert first == "HTTP/1.1 101 Switching Protocols"
    assert headers["Sec-WebSocket-Accept"] == ACCEPT
    assert (headers["Upgrade"], headers["Connection"]) == ("websocket", "Upgrade")
    assert "Sec-WebSocket-Protocol" not in headers
    assert "Sec-WebSocket-Extensions" not in headers
    assert hub.services.answers[101] == 1


@pytest.mark.usefixtures("way")
async def test_no_extension_is_taken_and_of_protocols_ours(hub: Hubbub) -> None:
    more = {
        "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
        "Sec-WebSocket-Protocol": "other, hubbub, bearer.x",
    }
    first, headers = await handshake(hub, HEADERS | more)
    assert " 101 " in first
    assert headers["Sec-WebSocket-Protocol"] == "hubbub"
    assert "Sec-WebSocket-Extensions" not in headers
    _, headers = await handshake(hub, HEADERS | {"Sec-WebSocket-Protocol": "other"})
    assert "Sec-WebSocket-Protocol" not in headers


@pytest.mark.usefixtures("way")
async def test_what_comes_along_with_the_handshake_is_heard(hub: Hubbub) -> None:
    ann = await hub.resident("ann")
    behind = b"\x89\x82\0\0\0\0hi"
    early = await hub.dial(headers=bearer(ann.token), behind=behind)
    await early.hear("AUTH_SUCCESS")
    late = await hub.dial(behind=behind)
    late.tell("AUTH", token=ann.token)
    await late.hear("AUTH_SUCCESS")


@pytest.mark.usefixtures("way")
async def test_what_is_refused_is_refused_before_there_is_a_socket(start: Starter) -> None:
    hub = start(rate_limits=True, sockets_per_address=1, client_url=("https://app.example",))
    evil = {"Origin": "https://evil.example"}
    for site in ({"Sec-Fetch-Site": "cross-site"}, {}):
        first, _ = await handshake(hub, HEADERS | evil | site)
        assert " 403 " in first
    await hub.dial()
    first, headers = await handshake(hub, HEADERS)
    assert " 503 " in first
    assert headers["Retry-After"] == "30"
    assert "json" in headers["Content-Type"]
    with pytest.raises(Denied) as denied:
        await hub.dial("/socket.io/?EIO=3&transport=websocket")
    assert denied.value.status == 400


@pytest.mark.usefixtures("way")
async def test_a_fault_before_the_socket_is_an_answer_and_one_behind_it_a_close(
    hub: Hubbub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a fault")

    async def fail_later(*_: object) -> None:
        await asyncio.sleep(0)
        fail()

    with monkeypatch.context() as patched:
        patched.setattr(SocketHandler, "prepare", fail)
        with pytest.raises(Denied) as denied:
            await hub.dial()
        assert denied.value.status == 500
    for faulty in (fail, fail_later):
        with monkeypatch.context() as patched:
            patched.setattr(SocketHandler, "open", faulty)
            client = await hub.dial()
            await client.closed()
    assert len(hub.services.sockets) == 0
    assert len(caplog.records) == 3
    caplog.clear()
    await hub.dial()


async def test_nothing_but_sockets_goes_the_short_way(hub: Hubbub) -> None:
    assert issubclass(SocketHandler, LightSocket)
    first, _ = await handshake(hub, HEADERS, "/health")
    assert " 101 " not in first
