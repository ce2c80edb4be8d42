"""Long polling of Socket.IO: what one says, and a hundred hear, each by requests of its own."""

import asyncio
import json
from collections.abc import Callable
from typing import cast

from bench import servers, socketio_servers
from bench.course import each, one_loop
from bench.fanout import CONTENT, Room
from bench.languages import SocketIo, User, enter
from bench.load import LoadFailed
from bench.processes import HOST, Server
from bench.report import Figure, beside
from bench.servers import SOCKET_IO
from bench.sockets import Socket
from bench.turns import Conditions, Entrant, in_turn

LISTENERS = 100
WINDOWS = (10, 1)

PATH = "/socket.io/?EIO=4&transport=polling"
MARK = CONTENT[CONTENT.index("#")].encode()


def socketio_polling(conditions: Conditions) -> list[Figure]:
    """Measure deliveries a second of Socket.IO to 100 clients of long polling."""
    figures = []
    with socketio_servers.both(conditions.server_cpu) as running, one_loop() as runner:
        rooms = [runner.run(connect(server)) for server in running.servers]
        for window in WINDOWS:
            for room in rooms:
                room.window = window
            measures = each(runner, [room.turn for room in rooms])
            entrants = [Entrant(*one) for one in zip(running.servers, measures, strict=True)]
            title = f"Socket.IO polling, {window} in flight"
            figures += beside(SOCKET_IO, in_turn(title, entrants, None, conditions))
    return figures


class Poller(asyncio.Protocol):
    """A client that polls: it counts what comes, and asks again at once."""

    def __init__(self) -> None:
        self._rest = b""
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()
        self._polls = False
        self.count = 0
        self.counted: Callable[[int], None] | None = None
        self.fail: Callable[[str], None] = self._ignore

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Say so."""
        self.fail(f"the server closed a connection: {exc}")

    async def open(self, user: User) -> None:
        """Open a session, and enter the main namespace."""
        opening = await self._ask("GET", PATH)
        self._path = f"{PATH}&sid={json.loads(opening[1:])['sid']}"
        self._get = f"GET {self._path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
        self._pong = self._request("POST", self._path, "3")
        await self._ask("POST", self._path, "40" + json.dumps({"token": user.token}))
        answer = await self._ask("GET", self._path)
        if not answer.startswith(b"40"):
            raise LoadFailed(answer.decode())

    def poll(self) -> None:
        """Poll from now on."""
        self._polls = True
        self._transport.write(self._get)

    def data_received(self, data: bytes) -> None:
        """Take whole answers."""
        self._rest += data
        while True:
            end = self._rest.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._rest[:end].lower()
            at = head.index(b"content-length: ") + 16
            size = int(head[at : head.find(b"\r", at) if b"\r" in head[at:] else None])
            if len(self._rest) < end + 4 + size:
                return
            body = self._rest[end + 4 : end + 4 + size]
            self._rest = self._rest[end + 4 + size :]
            if not head.startswith(b"http/1.1 200"):
                self.fail(f"{head[:20].decode()} {body[:80].decode()}")
                return
            self._take(body)

    def _take(self, body: bytes) -> None:
        if not self._polls:
            self._answers.put_nowait(body)
            return
        if body == b"ok":
            return
        if body == b"2" or body.endswith(b"\x1e2"):
            self._transport.write(self._pong)
        # Behind the POST on the same connection, if there is one: the server takes them in order.
        self._transport.write(self._get)
        new = body.count(MARK)
        if new and self.counted is not None:
            before, self.count = self.count, self.count + new
            self.counted(before)

    async def _ask(self, method: str, path: str, body: str = "") -> bytes:
        self._transport.write(self._request(method, path, body))
        return await self._answers.get()

    def _request(self, method: str, path: str, body: str) -> bytes:
        length = f"Content-Length: {len(body)}\r\n" if method == "POST" else ""
        return f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\n{length}\r\n{body}".encode()

    def _ignore(self, reason: str) -> None:
        """Outside of a measurement, nobody is told."""


async def connect(server: Server) -> Room:
    """Connect everybody."""
    speaker, *others = servers.signed_users(server, 1 + LISTENERS)
    language = SocketIo()
    socket = await enter(server.port, language, Socket, speaker)
    socket.stay_alive()
    listeners = []
    loop = asyncio.get_running_loop()
    for user in others:
        _, poller = await loop.create_connection(Poller, HOST, server.port)
        await poller.open(user)
        listeners.append(poller)
    for listener in listeners:
        listener.poll()
    sender = language.sender("message", {"content": CONTENT})
    return Room(socket, language, sender, listeners)
