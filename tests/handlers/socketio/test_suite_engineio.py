"""The cases of the public test suite of Engine.IO 4, against the echo application."""

import asyncio
import json
from typing import Any

import pytest

from tests import engineio_echo
from tests.chat.engine import until
from tests.handlers.socketio.clients import Denied, Site
from tests.handlers.socketio.conftest import Starter

pytestmark = pytest.mark.gen_test(timeout=30)


@pytest.fixture(params=[False, True], ids=["", "kept"])
def keeps(request: pytest.FixtureRequest) -> bool:
    """Try all with connections that are kept, too."""
    return bool(request.param)


KEYS = {"sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"}
TOLD = {"pingInterval": 300, "pingTimeout": 20_000, "maxPayload": 1_000_000}


@pytest.fixture
def site(quick_engine: Site) -> Site:
    return quick_engine


@pytest.fixture
def hasty(start: Starter) -> Site:
    """The same, which does not wait for answers to its pings."""
    return start(engineio_echo, ping_interval=0.1, ping_timeout=0.1)


class TestHandshake:
    async def test_polling_opens_a_session(self, site: Site) -> None:
        answer = await site.call("GET", transport="polling")
        assert answer.status == 200
        assert answer.text[0] == "0"
        opening = json.loads(answer.text[1:])
        assert opening.keys() == KEYS
        assert isinstance(opening["sid"], str)
        assert opening["upgrades"] == ["websocket"]
        assert opening.items() >= TOLD.items()

    @pytest.mark.parametrize("version", ["", "abc", "3"])
    async def test_polling_in_another_version(self, site: Site, version: str) -> None:
        answer = await site.call("GET", transport="polling", EIO=version)
        assert answer.denial == (400, 5, "Unsupported protocol version")

    @pytest.mark.parametrize("transport", ["", "abc"])
    async def test_polling_by_another_transport(self, site: Site, transport: str) -> None:
        answer = await site.call("GET", transport=transport)
        assert answer.denial == (400, 0, "Transport unknown")

    @pytest.mark.parametrize("method", ["POST", "PUT"])
    async def test_polling_by_another_method(self, site: Site, method: str) -> None:
        answer = await site.call(method, b"", transport="polling")
        assert answer.denial == (400, 2, "Bad handshake method")

    async def test_a_websocket_opens_a_session(self, site: Site) -> None:
        text = await (await site.socket()).text()
        assert text[0] == "0"
        opening = json.loads(text[1:])
        assert opening.keys() == KEYS
        assert opening["upgrades"] == []
        assert opening.items() >= TOLD.items()

    @pytest.mark.parametrize("version", ["", "abc", "3"])
    async def test_a_websocket_in_another_version(self, site: Site, version: str) -> None:
        with pytest.raises(Denied) as denied:
            await site.socket(EIO=version)
        assert denied.value.answer.denial == (400, 5, "Unsupported protocol version")

    @pytest.mark.parametrize("transport", ["", "abc"])
    async def test_a_websocket_by_another_transport(self, site: Site, transport: str) -> None:
        with pytest.raises(Denied) as denied:
            await site.socket(transport=transport)
        assert denied.value.answer.denial == (400, 0, "Transport unknown")


class TestPolling:
    @pytest.mark.parametrize(
        "payload",
        ["4hello", "4test1\x1e4test2\x1e4test3", "4hello\x1ebAQIDBA=="],
        ids=["one", "several", "binary"],
    )
    async def test_a_payload_is_echoed(self, site: Site, payload: str) -> None:
        client = await site.poller()
        posted = await client.post(payload)
        assert (posted.status, posted.text) == (200, "ok")
        polled = await client.poll()
        assert (polled.status, polled.text) == (200, payload)

    async def test_an_invalid_packet_ends_the_session(self, site: Site) -> None:
        client = await site.poller()
        assert (await client.post("abc")).status == 400
        assert (await client.poll()).status == 400

    async def test_a_second_poll_ends_the_session(self, site: Site) -> None:
        client = await site.poller()
        first = await client.held()
        assert (await client.poll()).status == 400
        assert ((await first).status, (await first).text) == (200, "1")
        assert (await client.poll()).denial == (400, 1, "Session ID unknown")

    async def test_an_aborted_poll_ends_the_session(self, site: Site) -> None:
        client = await site.poller()
        _, writer = await asyncio.open_connection("127.0.0.1", site.port)
        target = site.url(transport="polling", sid=client.sid)
        writer.write(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        session = site.sessions.find(client.sid).session
        await until(lambda: session.is_polled)
        writer.transport.abort()
        await until(lambda: not len(site.sessions))
        assert (await client.poll()).denial == (400, 1, "Session ID unknown")

    async def test_pings_are_answered(self, site: Site) -> None:
        client = await site.poller()
        for _ in range(3):
            polled = await client.poll()
            assert (polled.status, polled.text) == (200, "2")
            assert (await client.post("3")).status == 200

    async def test_a_ping_without_answer_ends_the_session(self, hasty: Site) -> None:
        client = await hasty.poller()
        await until(lambda: not len(hasty.sessions))
        assert (await client.poll()).denial == (400, 1, "Session ID unknown")

    async def test_a_close_ends_the_session(self, site: Site) -> None:
        client = await site.poller()
        held = await client.held()
        assert (await client.post("1")).status == 200
        assert ((await held).status, (await held).text) == (200, "6")
        assert (await client.poll()).status == 400


class TestWebSocket:
    @pytest.mark.parametrize("message", ["4hello", b"\x01\x02\x03\x04"])
    async def test_a_packet_is_echoed(self, site: Site, message: Any) -> None:
        socket = await site.opened()
        socket.send(message)
        assert await socket.next() == message

    async def test_an_invalid_packet_ends_the_session(self, site: Site) -> None:
        socket = await site.opened()
        socket.send("abc")
        assert await socket.closed() == (1002, "parse error")

    async def test_pings_are_answered(self, site: Site) -> None:
        socket = await site.opened()
        for _ in range(3):
            assert await socket.any() == "2"
            socket.send("3")

    async def test_a_ping_without_answer_ends_the_session(self, hasty: Site) -> None:
        socket = await hasty.opened()
        assert await socket.closed() == (4010, "ping timeout")

    async def test_a_close_ends_the_session(self, site: Site) -> None:
        socket = await site.opened()
        socket.send("1")
        assert await socket.closed() == (1000, "transport close")


class TestUpgrade:
    async def test_a_websocket_takes_over(self, site: Site) -> None:
        client = await site.poller()
        socket = await client.socket()
        socket.send("2probe")
        assert await socket.text() == "3probe"
        polled = await client.poll()
        assert (polled.status, polled.text) == (200, "6")
        socket.send("5", "4hello")
        assert await socket.text() == "4hello"

    async def test_requests_of_polling_are_refused_after_it(self, site: Site) -> None:
        client = await site.poller()
        socket = await client.socket()
        socket.send("2probe", "5")
        assert await socket.text() == "3probe"
        socket.send("4there")
        assert await socket.text() == "4there"
        assert (await client.poll()).denial == (400, 3, "Bad request")
        assert (await client.post("4no")).denial == (400, 3, "Bad request")
        socket.send("4hello")
        assert await socket.text() == "4hello"

    async def test_another_websocket_is_closed_after_it(self, site: Site) -> None:
        client = await site.poller()
        socket = await client.socket()
        socket.send("2probe", "5", "4there")
        assert [await socket.text(), await socket.text()] == ["3probe", "4there"]
        assert await (await client.socket()).closed() == (1002, "no upgrade")
        socket.send("4hello")
        assert await socket.text() == "4hello"
