"""Sessions that go over from long polling to a WebSocket."""

import pytest

from tests import engineio_echo
from tests.chat.engine import until
from tests.handlers.socketio.clients import Denied, Site
from tests.handlers.socketio.conftest import Starter
from tests.handlers.socketio.keeping import make_keeps as make_keeps

pytestmark = pytest.mark.gen_test(timeout=30)


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
