"""Connections that are kept: what is served past Tornado, and what is handed back."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec import Raw
from tornado.iostream import IOStream
from tornado.web import Application as WebApplication

from handlers.origins import ANY, Origins
from handlers.socketio import sessions as sessions_module
from handlers.socketio.connections import Application, SocketIo
from handlers.socketio.engine import Limits
from handlers.socketio.framing import POLLING
from handlers.socketio.kept import MAX_AHEAD, Part, Request, request_at_head
from handlers.socketio.packets import Event
from handlers.socketio.peers import Acknowledge, Socket
from handlers.socketio.sessions import Sessions
from handlers.socketio.transports import Edge, PollingHandler, routes
from tests import engineio_echo
from tests.chat.engine import turns, until
from tests.handlers.socketio.clients import Answer, Site, read_answer
from tests.handlers.socketio.conftest import Starter

pytestmark = pytest.mark.gen_test(timeout=30)

PATH = b"/socket.io/"
QUERY = b"EIO=4&transport=polling&t=abc&sid=x_-9"


def head(method: bytes = b"GET", query: bytes = QUERY, fields: bytes = b"Host: a\r\n") -> bytes:
    return b"%b /socket.io/?%b HTTP/1.1\r\n%b\r\n" % (method, query, fields)


class TestRequests:
    def test_a_poll(self) -> None:
        data = head(fields=b"Host: a\r\nAccept: */*\r\nConnection: keep-alive\r\n")
        assert request_at_head(data, PATH) == Request(False, "x_-9", "a", None, 0, len(data))

    def test_a_post(self) -> None:
        data = head(b"POST", fields=b"host:a\r\norigin: http://b\r\nCONTENT-LENGTH: 2\r\n")
        found = request_at_head(data + b"4a" + head(), PATH)
        assert found == Request(True, "x_-9", "a", "http://b", 2, len(data))

    def test_a_part_of_one(self) -> None:
        data = head()
        for size in range(1, len(data)):
            assert request_at_head(data[:size], PATH) is Part.INCOMPLETE
        assert request_at_head(b"GET " + b"x" * MAX_AHEAD, PATH) is Part.OTHER

    @pytest.mark.parametrize(
        "data",
        [
            head(b"PUT"),
            head(b"OPTIONS"),
            head(b"get"),
            head(query=QUERY.replace(b"polling", b"websocket")),
            head(query=b"EIO=4&sid=x"),
            head().replace(b"HTTP/1.1", b"HTTP/1.0"),
            head().replace(b"/socket.io/?", b"/api/rooms?"),
            head().replace(b"/socket.io/?", b"/socket.io?"),
            head().replace(b"?", b"#?"),
            head(fields=b"Transfer-Encoding: chunked\r\n"),
            head(fields=b"transfer-encoding : chunked\r\n"),
            head(b"POST", fields=b"Content-Length: 2\r\nContent-Length: 3\r\n"),
            head(b"POST", fields=b"Content-Length: +2\r\n"),
            head(b"POST", fields=b"Content-Length: 2,2\r\n"),
            head(b"POST", fields=b"Content-Length: 9999999999\r\n"),
            head(b"POST", fields=b"Content-Length:\r\n"),
            head(fields=b"Content-Length: 2\r\n"),
            head(fields=b"Upgrade: websocket\r\nConnection: Upgrade\r\n"),
            head(fields=b"Connection: close\r\n"),
            head(fields=b"Expect: 100-continue\r\n"),
            head(fields=b"A: b\r\n c: d\r\n"),
            head(fields=b"A: b\r\n\tc: d\r\n"),
            head(fields=b"A: b\nTransfer-Encoding: chunked\r\n"),
            head(fields=b"A: b\rTransfer-Encoding: chunked\r\n"),
            b"\r\n\r\n",
            b"\x16\x03\x01\r\n\r\n",
        ],
        ids=str,
    )
    def test_another_kind(self, data: bytes) -> None:
        assert request_at_head(data, PATH) is Part.OTHER


class Caller:
    """Somebody on a connection of their own."""

    def __init__(
        self, site: Site, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._site = site
        self._reader = reader
        self.writer = writer
        self.sid = ""

    def ask(self, method: str, body: str | None = None, /, more: str = "", **query: str) -> None:
        """Send a request."""
        fields = {"transport": "polling", "sid": self.sid, **query}
        length = "" if body is None else f"Content-Length: {len(body)}\r\n"
        target = self._site.url(**fields)
        request = f"{method} {target} HTTP/1.1\r\nHost: a\r\n{length}{more}\r\n{body or ''}"
        self.writer.write(request.encode())

    async def answer(self) -> Answer:
        """Read the next answer."""
        async with asyncio.timeout(10):
            return await read_answer(self._reader)

    async def call(self, *arguments: Any, **more: Any) -> Answer:
        """Send a request, and read its answer."""
        self.ask(*arguments, **more)
        return await self.answer()


@asynccontextmanager
async def calling(site: Site) -> AsyncIterator[Caller]:
    """Open a connection, and a session by it."""
    caller = Caller(site, *await asyncio.open_connection("127.0.0.1", site.port))
    opening = await caller.call("GET")
    caller.sid = json.loads(opening.text[1:])["sid"]
    yield caller
    caller.writer.close()


class TestServing:
    @pytest.fixture
    def untouched(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The methods of the requests that Tornado has answered."""
        methods: list[str] = []
        prepare = PollingHandler.prepare

        def noted(handler: PollingHandler) -> None:
            methods.append(handler.request.method or "")
            prepare(handler)

        monkeypatch.setattr(PollingHandler, "prepare", noted)
        return methods

    async def test_only_the_first_request_goes_by_tornado(
        self, engine: Site, untouched: list[str]
    ) -> None:
        async with calling(engine) as caller:
            for number in range(3):
                posted = await caller.call("POST", f"4{number}")
                assert (posted.status, posted.text) == (200, "ok")
                polled = await caller.call("GET")
                assert (polled.status, polled.text) == (200, f"4{number}")
                assert polled.headers["Content-Type"] == "text/plain; charset=UTF-8"
                assert polled.headers["Cache-Control"] == "no-store"
                assert polled.headers["Date"].endswith("GMT")
        assert untouched == ["GET"]

    async def test_answers_have_the_headers_of_tornado(self, engine: Site) -> None:
        async with calling(engine) as caller:
            page = "Origin: https://app.example.org\r\n"
            await caller.call("POST", "4a")
            kept = await caller.call("GET", more=page)
            await caller.call("POST", "4a")
            slow = await caller.call("GET", more=page + "Connection: close\r\n")
        names = {name.lower() for name in slow.headers} - {"connection"}
        assert {name.lower() for name in kept.headers} == names
        assert kept.headers["Access-Control-Allow-Origin"] == ANY

    async def test_what_is_else_is_handed_back(self, engine: Site, untouched: list[str]) -> None:
        async with calling(engine) as caller:
            assert (await caller.call("OPTIONS")).status == 204
            assert (await caller.call("POST", "4a")).text == "ok"  # by Tornado, and then kept
            assert (await caller.call("GET")).text == "4a"
            assert (await caller.call("POST", "4a")).text == "ok"
            assert untouched == ["GET", "OPTIONS", "POST"]
            assert (await caller.call("GET", sid="x")).denial == (400, 1, "Session ID unknown")
        assert untouched == ["GET", "OPTIONS", "POST", "GET"]

    async def test_requests_in_one_go(self, engine: Site) -> None:
        async with calling(engine) as caller:
            caller.ask("POST", "4a")
            caller.ask("GET")
            caller.ask("GET")
            caller.ask("OPTIONS")
            assert [(await caller.answer()).text for _ in range(2)] == ["ok", "4a"]
            other = await engine.poller()
            await other.post("4b")
            assert engine.sessions.find(caller.sid).session.is_polled
            await engine.call("POST", b"4c", transport="polling", sid=caller.sid)
            assert (await caller.answer()).text == "4c"
            assert (await caller.answer()).status == 204

    async def test_one_connection_may_serve_many(self, engine: Site) -> None:
        others = [await engine.poller() for _ in range(3)]
        async with calling(engine) as caller:
            for number, other in enumerate(others):
                await caller.call("POST", f"4{number}", sid=other.sid)
            for number, other in enumerate(others):
                assert (await caller.call("GET", sid=other.sid)).text == f"4{number}"

    async def test_a_post_in_parts(self, engine: Site) -> None:
        async with calling(engine) as caller:
            await caller.call("POST", "4first")
            target = engine.url(transport="polling", sid=caller.sid)
            request = f"POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n4hello"
            for character in request:
                caller.writer.write(character.encode())
                await turns(2)
            assert (await caller.answer()).text == "ok"
            assert (await caller.call("GET")).text == "4first\x1e4hello"

    async def test_a_large_answer(self, engine: Site) -> None:
        async with calling(engine) as caller:
            text = "4" + "x" * 900_000
            assert (await caller.call("POST", text)).text == "ok"
            assert (await caller.call("GET")).text == text
            assert (await caller.call("POST", "4a")).text == "ok"

    async def test_a_broken_packet(self, engine: Site) -> None:
        async with calling(engine) as caller:
            await caller.call("POST", "4a")
            assert (await caller.call("POST", "abc")).denial == (400, 3, "Bad request")
            assert (await caller.call("GET")).denial == (400, 1, "Session ID unknown")

    async def test_a_body_that_is_too_large(self, start: Starter) -> None:
        site = start(engineio_echo, max_payload=10)
        async with calling(site) as caller:
            await caller.call("POST", "4a")
            assert (await caller.call("POST", "x" * 11)).status == 413

    async def test_a_page_that_may_not_call(
        self, monkeypatch: pytest.MonkeyPatch, start: Starter
    ) -> None:
        monkeypatch.setattr(engineio_echo, "Origins", lambda _: Origins(()))
        site = start(engineio_echo)
        async with calling(site) as caller:
            await caller.call("POST", "4a")
            own = await caller.call("GET", more="Origin: http://a\r\n")
            assert own.text == "4a"
            refused = await caller.call("GET", more="Origin: https://evil.example.org\r\n")
            assert refused.denial == (403, 4, "Forbidden")


class Broken:
    """A socket whose client is gone, which nobody has noticed."""

    def __init__(self, socket: socket.socket) -> None:
        self._socket = socket

    def send(self, _: object) -> int:
        raise BrokenPipeError

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


class TestGoing:
    async def test_with_a_poll_that_is_held(self, engine: Site) -> None:
        async with calling(engine) as caller:
            await caller.call("POST", "4a")
            await caller.call("GET")
            caller.ask("GET")
            session = engine.sessions.find(caller.sid).session
            await until(lambda: session.is_polled)
            caller.writer.transport.abort()
            await until(lambda: not len(engine.sessions))

    async def test_with_half_a_post(self, engine: Site) -> None:
        async with calling(engine) as caller:
            await caller.call("POST", "4a")
            caller.writer.write(
                head(b"POST", fields=b"Host: a\r\nContent-Length: 9\r\n")
                .replace(b"/socket.io/", b"/engine.io/")
                .replace(b"x_-9", caller.sid.encode())
            )
            await caller.writer.drain()
            await until(lambda: any(kept._in for kept in engine.sessions._kept))  # type: ignore[attr-defined]
            caller.writer.transport.abort()
            await until(lambda: not len(engine.sessions))

    async def test_with_half_a_post_on_each_of_many_connections(self, engine: Site) -> None:
        """Or the server would keep as many bodies of one session as it has connections."""
        async with calling(engine) as caller, calling(engine) as other:
            half = (
                head(b"POST", fields=b"Host: a\r\nContent-Length: 9\r\n")
                .replace(b"/socket.io/", b"/engine.io/")
                .replace(b"x_-9", caller.sid.encode())
            )
            await caller.call("POST", "4a")
            await other.call("POST", "4a")
            caller.writer.write(half)
            carrier = engine.sessions.find(caller.sid)
            await until(lambda: carrier.is_posting)
            other.writer.write(half)
            assert (await other.answer()).denial == (400, 3, "Bad request")
            caller.writer.write(b"4bcdefghi")
            assert (await caller.answer()).denial == (400, 1, "Session ID unknown")

    async def test_with_a_post_that_comes_in_parts(self, engine: Site) -> None:
        async with calling(engine) as caller:
            await caller.call("POST", "4a")
            caller.writer.write(
                head(b"POST", fields=b"Host: a\r\nContent-Length: 3\r\n")
                .replace(b"/socket.io/", b"/engine.io/")
                .replace(b"x_-9", caller.sid.encode())
            )
            carrier = engine.sessions.find(caller.sid)
            for part in (b"4", b"b", b"c"):
                await until(lambda: carrier.is_posting)
                caller.writer.write(part)
            assert (await caller.answer()).text == "ok"
            assert not carrier.is_posting
            assert (await caller.call("GET")).text == "4a\x1e4bc"

    async def test_with_an_answer_that_is_not_all_out(self, engine: Site) -> None:
        async with calling(engine) as caller:
            await caller.call("POST", "4a")
            await caller.call("GET")
            caller.ask("GET")
            carrier = engine.sessions.find(caller.sid)
            await until(lambda: carrier.session.is_polled)
            [kept] = engine.sessions._kept
            kept._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)  # type: ignore[attr-defined]
            carrier.send(POLLING.text(b"4" + b"x" * 900_000))
            await until(lambda: kept._out)  # type: ignore[attr-defined]
            caller.writer.transport.abort()
            await until(lambda: not len(engine.sessions))

    @pytest.mark.parametrize("fields", ["", "Connection: close\r\n"], ids=["kept", "tornado"])
    async def test_as_the_answer_is_written(
        self, engine: Site, monkeypatch: pytest.MonkeyPatch, fields: str
    ) -> None:
        async with calling(engine) as caller:
            await caller.call("POST", "4a")
            await caller.call("GET")
            caller.ask("GET", more=fields)
            carrier = engine.sessions.find(caller.sid)
            await until(lambda: carrier.session.is_polled)
            for kept in engine.sessions._kept:
                monkeypatch.setattr(kept, "_socket", Broken(kept._socket))  # type: ignore[attr-defined]
            monkeypatch.setattr(IOStream, "write_to_fd", Broken.send)
            carrier.send(POLLING.text(b"4b"))
            await until(lambda: not len(engine.sessions))

    async def test_before_the_answer_is_written(self, engine: Site) -> None:
        async with calling(engine) as caller:
            caller.ask("GET", more="Connection: close\r\n")
            carrier = engine.sessions.find(caller.sid)
            await until(lambda: carrier.session.is_polled)
            poll = carrier._poll
            assert isinstance(poll, PollingHandler)
            carrier.session.keep(POLLING.text(b"4b"))
            carrier._answer()
            poll.on_connection_close()
            assert not len(engine.sessions)

    async def test_without_anything_under_way(self, engine: Site) -> None:
        async with calling(engine) as caller:
            await caller.call("POST", "4a")
            caller.writer.transport.abort()
            await until(lambda: not engine.sessions._kept)
        assert len(engine.sessions) == 1

    async def test_who_sends_without_end_while_a_poll_is_held(self, engine: Site) -> None:
        async with calling(engine) as caller:
            await caller.call("POST", "4a")
            await caller.call("GET")
            caller.ask("GET")
            caller.writer.write(b"x" * (MAX_AHEAD + 100_000))
            await until(lambda: not len(engine.sessions))

    async def test_who_asks_nothing_for_long(
        self, monkeypatch: pytest.MonkeyPatch, start: Starter
    ) -> None:
        monkeypatch.setattr(sessions_module, "IDLE_SECONDS", 0.05)
        site = start(engineio_echo)
        async with calling(site) as caller:
            await caller.call("POST", "4a")
            await caller.call("GET")
            await until(lambda: not site.sessions._kept)

    @pytest.mark.expects_errors
    async def test_a_stop(self, engine: Site) -> None:
        async with calling(engine) as caller, calling(engine) as other, calling(engine) as idle:
            await caller.call("POST", "4a")
            await caller.call("GET")
            await other.call("OPTIONS")  # handed back
            caller.ask("GET")
            session = engine.sessions.find(caller.sid).session
            await until(lambda: session.is_polled)
            engine.sessions.close_all()
            assert (await caller.answer()).text == "1"
            await engine.sessions.running.drained(0)
            # What comes meanwhile is answered still.
            gone = await caller.call("POST", "4b")
            assert gone.denial == (400, 1, "Session ID unknown")
            refused = await other.call("GET", sid="")
            assert refused.denial == (503, 4, "The server stops")
            assert gone.headers["Connection"] == refused.headers["Connection"] == "close"
            engine.sessions.hang_up()
            with pytest.raises(asyncio.IncompleteReadError):
                await idle.answer()
            await until(lambda: not engine.sessions._kept)


class Slow(Application):
    """Takes its time for every event."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.taken: list[str | int] = []

    def connect(self, socket: Socket, auth: Raw) -> None:
        """Let everybody in."""

    def event(
        self, socket: Socket, event: Event, acknowledge: Acknowledge | None
    ) -> Awaitable[None]:
        return self._take(event)

    async def _take(self, event: Event) -> None:
        await self.go_on.wait()
        self.taken.append(event.name)


async def test_events_are_waited_for() -> None:
    slow, limits = Slow(), Limits()
    sessions = Sessions(SocketIo(slow, limits), limits)
    site = Site(
        WebApplication(routes("/socket.io/", Edge(sessions, Origins(())))), sessions, "/socket.io/"
    )
    async with calling(site) as caller:
        assert (await caller.call("POST", "40")).text == "ok"
        caller.ask("POST", '42["one"]\x1e42["two"]')
        caller.ask("POST", '42["three"]')
        await until(lambda: site.sessions.find(caller.sid).is_posting)
        other = await site.call("POST", b"4", transport="polling", sid=caller.sid)
        assert other.status == 400  # and that ends the session
        slow.go_on.set()
        assert (await caller.answer()).text == "ok"
        assert slow.taken[:1] == ["one"]
        assert (await caller.answer()).denial == (400, 1, "Session ID unknown")
    await site.stop()
