"""What a client may not take, and who is refused: sessions, packets that wait, frames."""

import asyncio
from typing import Any

import pytest
from msgspec import Raw
from tornado.web import Application as WebApplication

from chat.errors import TooMany
from handlers.origins import Origins
from handlers.socketio.carriers import Handshake
from handlers.socketio.connections import Application, ConnectError, SocketIo
from handlers.socketio.engine import Limits
from handlers.socketio.peers import Socket
from handlers.socketio.sessions import Sessions
from handlers.socketio.transports import Edge, routes
from tests import engineio_echo, socketio_echo
from tests.chat.engine import until
from tests.handlers.socketio.clients import Denied, Site
from tests.handlers.socketio.conftest import Starter
from tests.handlers.socketio.keeping import make_keeps as make_keeps
from tests.handlers.sockets import ABNORMAL

pytestmark = pytest.mark.gen_test(timeout=30)

HANDSHAKE = (
    "GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class TestBounds:
    async def test_sessions_of_an_address(self, start: Starter) -> None:
        site = start(engineio_echo, sessions_per_address=2)
        client, socket = await site.poller(), await site.opened()
        answer = await site.call("GET", transport="polling")
        assert answer.denial == (403, 4, "Too many sessions from this address")
        with pytest.raises(Denied) as denied:
            await site.socket()
        assert denied.value.answer.status == 403
        await client.post("1")
        await site.poller()
        socket.send("1")
        await socket.closed()
        await site.poller()

    async def test_all_sessions(self, start: Starter) -> None:
        site = start(engineio_echo, sessions=1)
        await site.poller()
        answer = await site.call("GET", transport="polling")
        assert answer.denial == (403, 4, "Too many sessions")

    async def test_what_waits_for_a_poll(self, start: Starter) -> None:
        site = start(engineio_echo, waiting_bytes=1_000)
        client = await site.poller()
        await client.post("4" + "x" * 900)
        assert len(site.sessions) == 1
        await client.post("4" + "x" * 900)
        assert len(site.sessions) == 0

    @pytest.mark.parametrize("soon", [False, True])
    async def test_what_waits_for_a_websocket(self, start: Starter, soon: bool) -> None:
        site = start(engineio_echo, waiting_bytes=100_000)
        _, slow = await asyncio.open_connection("127.0.0.1", site.port, limit=1)
        slow.write(HANDSHAKE.format(site.url(transport="websocket")).encode())
        await until(lambda: len(site.sessions) == 1)
        carrier = next(iter(site.sessions._carriers.values()))
        other = await site.opened()
        frame = carrier.framing.text(b"4" + b"x" * 50_000)
        for _ in range(1_000):
            (carrier.send_soon if soon else carrier.send)(frame)
        await until(lambda: len(site.sessions) == 1)
        other.send("4still there")
        assert await other.text() == "4still there"
        slow.transport.abort()

    async def test_a_session_that_nobody_polls_is_swept(self, start: Starter) -> None:
        site = start(engineio_echo, ping_interval=0.02, ping_timeout=0.02)
        await site.poller()
        await until(lambda: not len(site.sessions))

    async def test_an_end_that_nobody_asks_for_is_forgotten(self, start: Starter) -> None:
        site = start(socketio_echo, connect_timeout=0.01, ping_timeout=0.05)
        client = await site.poller()
        carrier = site.sessions.find(client.sid)
        await until(lambda: carrier.session.closing)
        assert len(site.sessions) == 1
        await until(lambda: not len(site.sessions))

    async def test_a_frame_that_is_too_large(self, start: Starter) -> None:
        site = start(engineio_echo, max_payload=1_000)
        socket = await site.opened()
        socket.send("4" + "x" * 1_000)
        assert (await socket.closed())[0] in (1009, ABNORMAL, None)
        await until(lambda: not len(site.sessions))


class Refusing(Application):
    """Lets nobody in."""

    def connect(self, socket: Socket, auth: Raw) -> None:
        raise ConnectError("no", {"code": "bad_token"})


class Full(Application):
    """Lets nobody have a session."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def admit(self, address_key: str, handshake: Handshake) -> None:
        self.asked.append((address_key, handshake.query["token"], handshake.headers["X-Who"]))
        raise TooMany("too_many_sockets", "too many sockets from this address")


class TestRefusals:
    def serve(self, application: Application) -> tuple[WebApplication, Sessions]:
        limits = Limits()
        sessions = Sessions(SocketIo(application, limits), limits)
        return WebApplication(routes("/socket.io/", Edge(sessions, Origins(())))), sessions

    async def test_of_a_connect_over_polling(self) -> None:
        site = Site(*self.serve(Refusing()), "/socket.io/")
        client = await site.poller()
        assert (await client.post("40")).text == "ok"
        words = '44{"message":"no","data":{"code":"bad_token"}}'
        # The client takes a close before what comes with it.
        assert await client.texts() == [words]
        assert await client.texts() == ["1"]
        assert (await client.poll()).denial == (400, 1, "Session ID unknown")
        await site.stop()

    async def test_of_a_connect_over_a_websocket(self) -> None:
        site = Site(*self.serve(Refusing()), "/socket.io/")
        socket = await site.opened()
        socket.send("40")
        assert await socket.text() == '44{"message":"no","data":{"code":"bad_token"}}'
        assert await socket.closed() == (4002, "the connect was refused")
        await site.stop()

    async def test_of_a_session(self) -> None:
        full = Full()
        site = Site(*self.serve(full), "/socket.io/")
        headers = {"X-Who": "me"}
        answer = await site.call("GET", headers=headers, transport="polling", token="t")
        assert answer.denial == (403, 4, "too many sockets from this address")
        with pytest.raises(Denied) as denied:
            await site.socket(headers, token="t")
        assert denied.value.answer.denial == answer.denial
        assert full.asked == [("127.0.0.1", "t", "me")] * 2
        await site.stop()
