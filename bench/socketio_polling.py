"""Long polling of Socket.IO: what one says, and a hundred hear, each by requests of its own."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Sequence
from typing import cast

from bench import servers, socketio_servers
from bench.course import Course, each, one_loop
from bench.fanout import CONTENT
from bench.languages import Heard, Sender, SocketIo, User, enter
from bench.load import LoadFailed, Result
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

    def __init__(self, room: "Room") -> None:
        self._room = room
        self._rest = b""
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()
        self._polls = False
        self.count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Say so."""
        self._room.fail(f"the server closed a connection: {exc}")

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
                self._room.fail(f"{head[:20].decode()} {body[:80].decode()}")
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
        if new:
            before, self.count = self.count, self.count + new
            self._room.counted(before)

    async def _ask(self, method: str, path: str, body: str = "") -> bytes:
        self._transport.write(self._request(method, path, body))
        return await self._answers.get()

    def _request(self, method: str, path: str, body: str) -> bytes:
        length = f"Content-Length: {len(body)}\r\n" if method == "POST" else ""
        return f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\n{length}\r\n{body}".encode()


class Room:
    """One who speaks by a WebSocket, and those who poll."""

    window = 1

    def __init__(self) -> None:
        self.listeners: Sequence[Poller] = ()
        self._sent = self._acknowledged = self._delivered = 0
        self._behind = 0
        self._times: deque[float] = deque()
        self._course: Course | None = None

    def begin(self, socket: Socket, sender: Sender, listeners: Sequence[Poller]) -> None:
        """Let everybody begin."""
        self._socket, self._sender, self.listeners = socket, sender, listeners
        self._language = SocketIo()
        self._behind = len(listeners)
        socket.listen(self._take)
        for listener in listeners:
            listener.poll()

    def fail(self, reason: str) -> None:
        """End the measurement."""
        if self._course is not None:
            self._course.fail(reason)

    async def turn(self, seconds: float) -> Result:
        """Speak for a while."""
        before = self._delivered
        course = self._course = Course(seconds)
        self._speak(course)
        return await course.result(lambda: (self._delivered - before) * len(self.listeners))

    def counted(self, before: int) -> None:
        """A listener has more than `before`."""
        if before != self._delivered:
            return
        self._behind -= 1
        if self._behind or self._course is None:
            return
        counts = [listener.count for listener in self.listeners]
        least, moment = min(counts), time.perf_counter()
        if max(counts) > self._sent:
            raise AssertionError("a listener has heard more than was said")
        course = self._course
        course.latencies += [moment - self._times.popleft() for _ in range(least - self._delivered)]
        self._delivered, self._behind = least, counts.count(least)
        self._speak(course)

    def _speak(self, course: Course) -> None:
        done = min(self._delivered, self._acknowledged)
        if course.goes_on():
            frames = []
            while self._sent - done < self.window:
                self._sent += 1
                self._times.append(time.perf_counter())
                frames.append(self._sender.next())
            if frames:
                self._socket.send(b"".join(frames))
        elif done == self._sent:
            course.finish()

    def _take(self, data: bytes, start: int, end: int) -> None:
        heard = self._language.heard(data, start, end)
        if self._course is None:
            return
        if heard is Heard.ERROR:
            self._course.fail(data[start:end].decode(errors="replace"))
        elif heard is Heard.ACKNOWLEDGEMENT:
            self._acknowledged += 1
            self._speak(self._course)


async def connect(server: Server) -> Room:
    """Connect everybody."""
    speaker, *others = servers.signed_users(server, 1 + LISTENERS)
    language, room = SocketIo(), Room()
    socket = await enter(server.port, language, Socket, speaker)
    socket.stay_alive()
    listeners = []
    loop = asyncio.get_running_loop()
    for user in others:
        _, poller = await loop.create_connection(lambda: Poller(room), HOST, server.port)
        await poller.open(user)
        listeners.append(poller)
    room.begin(socket, language.sender("message", {"content": CONTENT}), listeners)
    return room
