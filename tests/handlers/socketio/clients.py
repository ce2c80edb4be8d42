"""Clients that speak to a session packet by packet, over either transport."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders
from tornado.testing import bind_unused_port
from tornado.web import Application
from tornado.websocket import WebSocketClientConnection, websocket_connect

from handlers.socketio.sessions import Sessions
from tests.chat.engine import until

LONGEST = 10.0


@dataclass(frozen=True)
class Answer:
    """What a request was answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def denial(self) -> tuple[int, int, str]:
        """The status, the code and the words of a refusal."""
        return self.status, self.json["code"], self.json["message"]


class Site:
    """A running application, and those who call it."""

    def __init__(
        self, application: Application, sessions: Sessions, path: str, *, keeps: bool = False
    ) -> None:
        self.sessions = sessions
        self.path = path
        self.server = HTTPServer(application)
        sock, self.port = bind_unused_port()
        self.server.add_socket(sock)
        self.client = AsyncHTTPClient(force_instance=True, max_clients=100)
        self.sockets: list[WebSocket] = []
        # Whether callers keep their connections, as browsers do; and those that are free.
        self.keeps = keeps
        self._kept: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    def url(self, **query: str) -> str:
        """The address with a query; what is empty is left out, `EIO=4` unless it is given."""
        fields = {"EIO": "4", **query}
        return f"{self.path}?" + "&".join(f"{k}={v}" for k, v in fields.items() if v)

    async def call(
        self, method: str, body: bytes | None = None, /, headers: Any = None, **query: str
    ) -> Answer:
        """Make a request."""
        if self.keeps:
            return await self._call_kept(method, body, headers or {}, self.url(**query))
        response = await self.client.fetch(
            f"http://127.0.0.1:{self.port}{self.url(**query)}",
            method=method,
            body=body,
            headers=headers,
            raise_error=False,
            allow_nonstandard_methods=True,
            request_timeout=LONGEST,
        )
        return Answer(response.code, response.headers, response.body)

    async def _call_kept(
        self, method: str, body: bytes | None, headers: Mapping[str, str], target: str
    ) -> Answer:
        if not self._kept:
            self._kept.append(await asyncio.open_connection("127.0.0.1", self.port))
        reader, writer = self._kept.pop()
        sent = {"Host": f"127.0.0.1:{self.port}", **headers}
        if body is not None:
            sent["Content-Length"] = str(len(body))
        lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        try:
            writer.write(f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode() + (body or b""))
            async with asyncio.timeout(LONGEST):
                answer = await read_answer(reader, has_body=method != "HEAD")
        except BaseException:
            writer.transport.abort()
            raise
        if answer.status < 400:
            self._kept.append((reader, writer))
        else:  # Tornado hangs up on who is refused before their body has been read
            writer.close()
        return answer

    async def poller(self) -> "Poller":
        """Open a session of long polling."""
        answer = await self.call("GET", transport="polling")
        assert answer.status == 200, answer
        assert answer.text[0] == "0"
        return Poller(self, json.loads(answer.text[1:]))

    async def socket(self, headers: Mapping[str, str] | None = None, **query: str) -> "WebSocket":
        """Open a WebSocket; Denied if it is refused."""
        fields = {"transport": "websocket", **query}
        request = HTTPRequest(f"ws://127.0.0.1:{self.port}{self.url(**fields)}", headers=headers)
        try:
            connection = await websocket_connect(request)
        except HTTPClientError as error:
            raise Denied(error) from None
        self.sockets.append(WebSocket(connection))
        return self.sockets[-1]

    async def opened(self) -> "WebSocket":
        """Open a session on a WebSocket."""
        socket = await self.socket()
        opening = await socket.text()
        assert opening[0] == "0"
        return socket

    async def stop(self) -> None:
        """Close everything."""
        self.sessions.close_all()
        self.sessions.hang_up()
        for socket in self.sockets:
            socket.close()
            await socket.closed()
        self.client.close()
        for _, writer in self._kept:
            writer.close()
        self.server.stop()
        await self.server.close_all_connections()


async def read_answer(reader: asyncio.StreamReader, *, has_body: bool = True) -> Answer:
    """Read one answer of a connection that is kept."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    headers = HTTPHeaders()
    for line in lines:
        headers.parse_line(line)
    size = int(headers.get("Content-Length", "0")) if has_body else 0
    return Answer(int(first.split()[1]), headers, await reader.readexactly(size))


class Denied(Exception):
    """A WebSocket was refused."""

    def __init__(self, error: HTTPClientError) -> None:
        super().__init__(str(error))
        assert error.response is not None
        self.answer = Answer(error.code, error.response.headers, error.response.body)


class Poller:
    """A session of long polling."""

    def __init__(self, site: Site, opening: Any) -> None:
        self._site = site
        self.opening = opening
        self.sid: str = opening["sid"]

    async def poll(self) -> Answer:
        """Wait for packets."""
        return await self._site.call("GET", transport="polling", sid=self.sid)

    async def post(self, body: str | bytes) -> Answer:
        """Send packets."""
        data = body.encode() if isinstance(body, str) else body
        return await self._site.call("POST", data, transport="polling", sid=self.sid)

    async def texts(self) -> list[str]:
        """The packets that a poll brings."""
        answer = await self.poll()
        assert answer.status == 200, answer
        return answer.text.split("\x1e")

    async def held(self) -> "asyncio.Task[Answer]":
        """A poll that the server holds."""
        task = asyncio.ensure_future(self.poll())
        session = self._site.sessions.find(self.sid).session
        await until(lambda: session.is_polled)
        return task

    async def socket(self) -> "WebSocket":
        """A WebSocket that wants to take over."""
        return await self._site.socket(sid=self.sid)


class WebSocket:
    """One WebSocket."""

    def __init__(self, connection: WebSocketClientConnection) -> None:
        self._connection = connection
        self._is_over = False

    def send(self, *messages: str | bytes) -> None:
        """Send messages."""
        for message in messages:
            done = self._connection.write_message(message, binary=isinstance(message, bytes))
            asyncio.ensure_future(done).add_done_callback(lambda d: d.cancelled() or d.exception())

    async def next(self) -> str | bytes | None:
        """The next message that is no ping; None at the end."""
        while (message := await self.any()) == "2":
            pass
        return message

    async def any(self) -> str | bytes | None:
        """The next message, also a ping."""
        async with asyncio.timeout(LONGEST):
            message = await self._connection.read_message()
        self._is_over = message is None
        return message

    async def text(self) -> str:
        """The next text that is no ping."""
        message = await self.next()
        assert isinstance(message, str), message
        return message

    async def closed(self) -> tuple[int | None, str | None]:
        """Wait for the end, and return how it came."""
        while not self._is_over:
            await self.any()
        self._connection.close()
        return self._connection.close_code, self._connection.close_reason

    def close(self) -> None:
        """Say goodbye."""
        self._connection.close()
