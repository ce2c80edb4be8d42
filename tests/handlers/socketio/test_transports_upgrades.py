"""Sessions that go over from long polling to a WebSocket."""

import asyncio

import pytest

from handlers.light import LightProtocol
from tests import engineio_echo
from tests.chat.engine import until
from tests.handlers.socketio.clients import Denied, Site, read_answer
from tests.handlers.socketio.conftest import Starter
from tests.handlers.socketio.keeping import make_keeps as make_keeps
from tests.handlers.wires import TEXT, frame

pytestmark = pytest.mark.gen_test(timeout=30)

UPGRADE = (
    "Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


class TestUpgrades:
    async def test_one_that_is_half_open_is_closed(self, start: Starter) -> None:
        site = start(engineio_echo, upgrade_timeout=0.05)
        client = await site.poller()
        socket = await client.socket()
        assert await socket.closed() == (4011, "no upgrade in time")
        await client.post("4hello")
        assert await client.texts() == ["4hello"]

    async def test_two_at_once(self, engine: Site) -> None:
        client = await engine.poller()
        first, second = await client.socket(), await client.socket()
        assert await second.closed() == (1002, "no upgrade")
        first.send("2probe", "5", "4hello")
        assert [await first.text(), await first.text()] == ["3probe", "4hello"]

    async def test_one_that_says_something_else(self, engine: Site) -> None:
        client = await engine.poller()
        for words in ("5", "4hello", "abc"):
            socket = await client.socket()
            socket.send(words)
            assert await socket.closed() == (1002, "no upgrade")
        held = await client.held()
        await client.post("4hello")
        assert (await held).text == "4hello"

    async def test_one_that_vanishes(self, engine: Site) -> None:
        client = await engine.poller()
        socket = await client.socket()
        socket.send("2probe")
        await socket.text()
        socket.close()
        await socket.closed()
        session = engine.sessions.find(client.sid).session
        await until(lambda: not session.upgrading)
        held = await client.held()
        await client.post("4hello")
        assert (await held).text == "4hello"

    async def test_a_poll_that_is_held_is_answered(self, engine: Site) -> None:
        client = await engine.poller()
        held = await client.held()
        socket = await client.socket()
        socket.send("2probe")
        assert await socket.text() == "3probe"
        assert (await held).text == "6"

    async def test_what_waited_comes_by_the_websocket(self, engine: Site) -> None:
        client = await engine.poller()
        await client.post("4one\x1ebAQI=")
        socket = await client.socket()
        socket.send("2probe", "5")
        assert [await socket.next() for _ in range(3)] == ["3probe", "4one", b"\x01\x02"]

    async def test_what_is_said_at_once_is_not_overtaken_by_a_poll(
        self, start: Starter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The public suite polls right behind it, on a connection that is kept."""
        site = start(engineio_echo)
        client = await site.poller()
        reader, poller = await asyncio.open_connection("127.0.0.1", site.port)
        _, upgrader = await asyncio.open_connection("127.0.0.1", site.port)
        target = site.url(transport="polling", sid=client.sid)
        poll = f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        poller.write(poll)
        await client.post("4hello")
        assert (await read_answer(reader)).text == "4hello"
        read = LightProtocol._read

        def read_as_more_comes(protocol: LightProtocol) -> None:
            read(protocol)
            upgrader.write(frame(TEXT, "2probe") + frame(TEXT, "5"))
            poller.write(poll)

        monkeypatch.setattr(LightProtocol, "_read", read_as_more_comes)
        target = site.url(transport="websocket", sid=client.sid)
        upgrader.write(f"GET {target} HTTP/1.1\r\n{UPGRADE}\r\n".encode())
        assert (await read_answer(reader)).denial == (400, 3, "Bad request")
        for writer in (poller, upgrader):
            writer.close()

    async def test_in_another_version(self, engine: Site) -> None:
        client = await engine.poller()
        with pytest.raises(Denied):
            await engine.socket(sid=client.sid, EIO="3")

    async def test_a_session_that_ends_takes_it_along(self, engine: Site) -> None:
        client = await engine.poller()
        socket = await client.socket()
        await client.post("1")
        assert await socket.closed() == (1000, "transport close")

    async def test_a_websocket_that_vanishes_ends_the_session(self, engine: Site) -> None:
        socket = await engine.opened()
        socket.close()
        await socket.closed()
        await until(lambda: not len(engine.sessions))
