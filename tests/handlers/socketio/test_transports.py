"""Long polling and WebSockets on a real port: what the public suites do not ask."""

import asyncio
from functools import partial

import pytest

from handlers.origins import Origins
from handlers.socketio import transports
from handlers.socketio.framing import POLLING
from handlers.socketio.reasons import TRANSPORT_ERROR
from tests import engineio_echo
from tests.chat.engine import until
from tests.handlers.socketio.clients import Denied, Poller, Site, WebSocket
from tests.handlers.socketio.conftest import Starter
from tests.handlers.socketio.keeping import make_keeps as make_keeps
from tests.handlers.sockets import dial

pytestmark = pytest.mark.gen_test(timeout=30)


PAGE = "https://app.example.org"


def only_our_page(monkeypatch: pytest.MonkeyPatch, start: Starter) -> Site:
    """An echo that is there for one page alone."""
    monkeypatch.setattr(engineio_echo, "Origins", lambda _: Origins((PAGE,)))
    return start(engineio_echo)


class TestOrigins:
    @pytest.fixture
    def site(self, monkeypatch: pytest.MonkeyPatch, start: Starter) -> Site:
        return only_our_page(monkeypatch, start)

    async def test_a_listed_page_may_poll(self, site: Site) -> None:
        answer = await site.call("GET", headers={"Origin": PAGE}, transport="polling")
        assert answer.status == 200
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE
        assert answer.headers["Vary"] == "Origin"

    async def test_errors_can_be_read_by_it(self, site: Site) -> None:
        answer = await site.call("GET", headers={"Origin": PAGE}, transport="polling", sid="x")
        assert answer.denial == (400, 1, "Session ID unknown")
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE

    async def test_it_may_ask_before(self, site: Site) -> None:
        headers = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
        answer = await site.call("OPTIONS", headers=headers, transport="polling")
        assert answer.status == 204
        assert "POST" in answer.headers["Access-Control-Allow-Methods"]
        assert "content-type" in answer.headers["Access-Control-Allow-Headers"]

    @pytest.mark.parametrize("method", ["GET", "OPTIONS", "POST"])
    async def test_another_page_may_not(self, site: Site, method: str) -> None:
        headers = {"Origin": "https://evil.example.org"}
        body = b"" if method == "POST" else None
        answer = await site.call(method, body, headers=headers, transport="polling")
        assert answer.denial == (403, 4, "Forbidden")
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert len(site.sessions) == 0

    async def test_who_is_refused_knows_that_the_connection_closes(self, site: Site) -> None:
        """Or a client that keeps its connections would send its next request into it."""
        for method, body, query in (
            ("GET", None, {"transport": "polling", "sid": "x"}),
            ("GET", None, {"transport": "polling", "EIO": "3"}),
            ("POST", b"4hi", {"transport": "polling", "sid": "x"}),
            ("PUT", b"", {"transport": "nonsense"}),
        ):
            answer = await site.call(method, body, **query)
            assert answer.status == 400
            assert answer.headers["Connection"] == "close"

    async def test_nor_with_the_session_of_somebody(self, site: Site) -> None:
        client = await site.poller()
        headers = {"Origin": "https://evil.example.org"}
        answer = await site.call("GET", headers=headers, transport="polling", sid=client.sid)
        assert answer.status == 403
        with pytest.raises(Denied) as denied:
            await site.socket(headers, sid=client.sid)
        assert denied.value.answer.status == 403

    async def test_a_websocket_of_another_page_is_refused(self, site: Site) -> None:
        with pytest.raises(Denied) as denied:
            await site.socket({"Origin": "https://evil.example.org"})
        assert denied.value.answer.denial == (403, 4, "Forbidden")
        await (await site.socket({"Origin": PAGE})).text()

    async def test_a_page_may_read_why_it_has_no_websocket(self, site: Site) -> None:
        with pytest.raises(Denied) as denied:
            await site.socket({"Origin": PAGE}, EIO="3")
        headers = denied.value.answer.headers
        assert headers["Access-Control-Allow-Origin"] == PAGE
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Server"] == "Hubbub"


class TestTaking:
    async def test_a_client_has_what_a_poll_brought_when_it_polls_again(self, engine: Site) -> None:
        client = await engine.poller()
        carrier = engine.sessions.find(client.sid)
        taken: list[str] = []
        for what in "abc":
            carrier.send(POLLING.text(f"4{what}".encode()))
            carrier.once_taken(partial(taken.append, what))
            if what == "a":
                assert await client.texts() == ["4a"]
        assert (carrier.has_taken, taken) == (False, [])
        assert await client.texts() == ["4b", "4c"]
        assert (carrier.has_taken, taken) == (False, ["a"])
        poll = await client.held()
        assert (carrier.has_taken, taken) == (True, ["a", "b", "c"])
        carrier.once_taken(partial(taken.append, "at once"))
        assert taken.pop() == "at once"
        carrier.send(POLLING.text(b"4d"))
        carrier.once_taken(partial(taken.append, "d"))
        assert (await poll).text == "4d"
        carrier.end(TRANSPORT_ERROR)
        carrier.once_taken(partial(taken.append, "e"))
        assert (carrier.has_taken, taken) == (False, ["a", "b", "c"])

    async def test_or_when_it_goes_over_to_a_websocket(self, engine: Site) -> None:
        client = await engine.poller()
        carrier = engine.sessions.find(client.sid)
        taken: list[str] = []
        carrier.send(POLLING.text(b"4a"))
        carrier.once_taken(lambda: taken.append("a"))
        socket = await client.socket()
        socket.send("2probe")
        assert await socket.text() == "3probe"
        assert await client.texts() == ["4a"]
        carrier.send(POLLING.text(b"4b"))
        carrier.once_taken(lambda: taken.append("b"))
        assert taken == []
        socket.send("5")
        assert await socket.text() == "4b"
        assert (carrier.has_taken, taken) == (True, ["a", "b"])
        carrier.once_taken(lambda: taken.append("c"))
        assert taken == ["a", "b", "c"]


class TestRequests:
    async def test_an_unknown_session(self, engine: Site) -> None:
        for method, body in (("GET", None), ("POST", b"4a"), ("PUT", b"4a")):
            answer = await engine.call(method, body, transport="polling", sid="x")
            assert answer.denial == (400, 1, "Session ID unknown")
        with pytest.raises(Denied) as denied:
            await engine.socket(sid="x")
        assert denied.value.answer.denial == (400, 1, "Session ID unknown")

    async def test_another_method_on_a_session(self, engine: Site) -> None:
        client = await engine.poller()
        for method in ("PUT", "PATCH", "DELETE"):
            answer = await engine.call(method, b"", transport="polling", sid=client.sid)
            assert answer.denial == (400, 3, "Bad request")
        assert (await engine.call("HEAD", transport="polling", sid=client.sid)).status == 400

    async def test_what_may_be_asked_is_said_where_the_method_is_wrong(self, engine: Site) -> None:
        client = await engine.poller()
        for method in ("PUT", "PATCH", "DELETE", "HEAD", "TRACE"):
            body = None if method in ("HEAD", "TRACE") else b""
            answer = await engine.call(method, body, transport="polling", sid=client.sid)
            assert answer.status == (405 if method == "TRACE" else 400)
            assert answer.headers["Allow"] == "GET, POST, OPTIONS"
        for method in ("PUT", "POST"):
            answer = await engine.call(method, b"", transport="polling")
            assert answer.denial == (400, 2, "Bad handshake method")
            assert answer.headers["Allow"] == "GET, OPTIONS"
        wanted = {"Upgrade": "websocket", "Connection": "Upgrade"}
        for sid in ("", client.sid):
            query = {"transport": "websocket", "sid": sid}
            answer = await engine.call("POST", b"", headers=wanted, **query)
            assert answer.status == (405 if sid else 400)
            assert answer.headers["Allow"] == "GET"
        for query in ({"sid": "x"}, {"EIO": "3"}, {"transport": "nonsense"}):
            answer = await engine.call("GET", **{"transport": "polling", **query})
            assert "Allow" not in answer.headers

    async def test_a_websocket_that_asks_for_polling(self, engine: Site) -> None:
        with pytest.raises(Denied) as denied:
            await engine.socket(transport="polling")
        assert denied.value.answer.denial == (400, 3, "Bad request")

    async def test_polling_that_asks_for_a_websocket(self, engine: Site) -> None:
        answer = await engine.call("GET", transport="websocket")
        assert answer.denial == (400, 3, "Bad request")
        client = await engine.poller()
        answer = await engine.call("GET", transport="websocket", sid=client.sid)
        assert answer.denial == (400, 3, "Bad request")
        assert len(engine.sessions) == 1

    async def test_a_websocket_of_an_old_kind(self, engine: Site) -> None:
        headers = {"Sec-WebSocket-Version": "6"}
        with pytest.raises(Exception, match="426"):
            await dial(engine.port, engine.url(transport="websocket"), headers)
        assert len(engine.sessions) == 0

    async def test_ids_cannot_be_guessed(self, engine: Site) -> None:
        ids = {(await engine.poller()).sid for _ in range(20)}
        assert len(ids) == 20
        assert all(len(one) == 20 for one in ids)

    async def test_answers_are_kept_by_nobody(self, engine: Site) -> None:
        answer = await engine.call("GET", transport="polling")
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Type"] == "text/plain; charset=UTF-8"

    async def test_the_path_without_its_end(self, engine: Site) -> None:
        engine.path = "/engine.io"
        await engine.poller()
        await (await engine.socket()).text()


class TestPosts:
    async def test_one_that_is_too_large(self, start: Starter) -> None:
        site = start(engineio_echo, max_payload=100)
        client = await site.poller()
        assert (await client.post("4" + "x" * 99)).status == 200
        assert (await client.post("4" + "x" * 100)).denial == (413, 3, "Payload too large")
        assert len(site.sessions) == 0

    async def test_one_that_says_it_will_be_far_too_large(self, engine: Site) -> None:
        client = await engine.poller()
        reader, writer = await asyncio.open_connection("127.0.0.1", engine.port)
        target = engine.url(transport="polling", sid=client.sid)
        head = f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {10**12}\r\n\r\n"
        writer.write(head.encode())
        assert b" 413 " in await reader.readline()
        writer.close()
        assert len(engine.sessions) == 0

    async def test_one_that_never_ends(self, engine: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(transports, "MAX_DISCARDED", 2_000_000)
        client = await engine.poller()
        reader, writer = await asyncio.open_connection("127.0.0.1", engine.port)
        target = engine.url(transport="polling", sid=client.sid)
        head = f"POST {target} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head.encode())
        chunk = b"10000\r\n" + b"4" * 0x10000 + b"\r\n"
        for _ in range(40):
            writer.write(chunk)
        assert b" 413 " in await reader.readline()
        writer.close()
        assert len(engine.sessions) == 0

    async def test_too_many_packets(self, start: Starter) -> None:
        site = start(engineio_echo, packets_per_payload=3)
        client = await site.poller()
        assert (await client.post("\x1e".join(["3"] * 3))).status == 200
        assert (await client.post("\x1e".join(["3"] * 4))).denial == (400, 3, "Bad request")
        assert len(site.sessions) == 0

    async def test_two_at_once_end_the_session(self, engine: Site) -> None:
        client = await engine.poller()
        _, writer = await asyncio.open_connection("127.0.0.1", engine.port)
        target = engine.url(transport="polling", sid=client.sid)
        writer.write(
            f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n4".encode()
        )
        carrier = engine.sessions.find(client.sid)
        await until(lambda: carrier.is_posting)
        assert (await client.post("4hello")).denial == (400, 3, "Bad request")
        assert len(engine.sessions) == 0
        writer.close()

    async def test_one_that_is_given_up_ends_the_session(self, engine: Site) -> None:
        client = await engine.poller()
        held = await client.held()
        _, writer = await asyncio.open_connection("127.0.0.1", engine.port)
        target = engine.url(transport="polling", sid=client.sid)
        writer.write(
            f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n4".encode()
        )
        carrier = engine.sessions.find(client.sid)
        await until(lambda: carrier.is_posting)
        writer.transport.abort()
        assert (await held).text == "1"
        assert len(engine.sessions) == 0

    async def test_one_after_the_other_is_fine(self, engine: Site) -> None:
        client = await engine.poller()
        for number in range(5):
            assert (await client.post(f"4{number}")).text == "ok"
        assert await client.texts() == ["40", "41", "42", "43", "44"]


async def both(site: Site) -> tuple[Poller, WebSocket]:
    """A client of each kind, in the main namespace."""
    client, socket = await site.poller(), await site.opened()
    await client.post("40")
    socket.send("40")
    told: list[str] = []
    while len(told) < 2:
        told += await client.texts()
    assert [(await socket.text())[:2], (await socket.text())[:2]] == ["40", "42"]
    return client, socket


class TestSocketIo:
    async def test_a_stop_tells_everybody(self, socketio: Site) -> None:
        client, socket = await both(socketio)
        held = await client.held()
        socketio.sessions.close_all()
        assert (await held).text == "1"
        assert await socket.closed() == (1001, "the server stops")
        assert len(socketio.sessions) == 0

    async def test_broken_packets_touch_nobody_else(self, socketio: Site) -> None:
        client, socket = await both(socketio)
        other = await socketio.opened()
        other.send("40", "42{}")
        await other.closed()
        third = await socketio.poller()
        await third.post("40\x1e42{}")
        assert (await third.texts())[-1] == "1"
        await client.post('42["message","hello"]')
        assert await client.texts() == ['42["message-back","hello"]']
        socket.send('42["message","hello"]')
        assert await socket.text() == '42["message-back","hello"]'

    async def test_bytes_over_polling(self, socketio: Site) -> None:
        client, _ = await both(socketio)
        place = '{"_placeholder":true,"num":0}'
        await client.post(f'451-["message",{place}]\x1ebAQID')
        assert await client.texts() == [f'451-["message-back",{place}]', "bAQID"]

    async def test_a_missing_attachment_is_a_broken_packet(self, socketio: Site) -> None:
        _, socket = await both(socketio)
        socket.send('451-["message",{"_placeholder":true,"num":1}]', b"\x01")
        assert await socket.closed() == (1002, "parse error")
