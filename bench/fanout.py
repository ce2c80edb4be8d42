"""Fan-out: what one says in a room, and five hundred hear."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Protocol

from bench import servers
from bench.course import Course, each, one_loop
from bench.languages import (
    Language,
    Native,
    Plain,
    SocketIo,
    enter,
    enter_all,
    stay_alive,
)
from bench.load import LoadFailed, Result
from bench.messages import hubbub_users
from bench.processes import Server
from bench.report import Figure, beside
from bench.servers import SOCKET_IO, WS
from bench.sockets import Counter, Place, Socket
from bench.turns import Conditions, Entrant, in_turn

LISTENERS = 500
WINDOWS = (10, 1)

# With the mark that listeners count; no frame around it may have it once more.
CONTENT = "the train on platform #4 leaves at half past seven, all aboard"


def fanout(conditions: Conditions) -> list[Figure]:
    """Measure deliveries a second in a room of 500; Hubbub alone stores them, and first."""
    figures = []
    with servers.rooms(conditions.server_cpu) as running, one_loop() as runner:
        rooms = [runner.run(connect(server)) for server in running.servers]
        for window in WINDOWS:
            for room in rooms:
                room.window = window
            measures = each(runner, [room.turn for room in rooms])
            entrants = [Entrant(*one) for one in zip(running.servers, measures, strict=True)]
            title = f"fan-out, {window} in flight"
            measured = in_turn(title, entrants, running.database, conditions)
            figures += beside(WS, measured)
    return figures


class Listener(Protocol):
    """One who counts what is heard, and says so whenever it is more than `before`."""

    count: int
    counted: Callable[[int], None] | None
    fail: Callable[[str], None]


class Room:
    """One who speaks and those who listen. A message is out until the last of them has it."""

    window = 1

    def __init__(
        self,
        socket: Socket,
        language: Language,
        sender: Iterator[bytes],
        listeners: Sequence[Listener],
    ) -> None:
        self._socket = socket
        self._language = language
        self._sender = sender
        self._listeners = listeners
        self._sent = 0
        self._acknowledged = 0
        self._delivered = 0  # to everybody
        self._behind = len(listeners)  # how many of them have no more than that
        self._times: deque[float] = deque()
        self._course: Course | None = None
        socket.listen(self._take)
        for listener in listeners:
            listener.counted = self._counted

    async def turn(self, seconds: float) -> Result:
        """Speak for a while."""
        before = self._delivered
        self._course = course = Course(seconds)
        self._socket.fail = course.fail
        for listener in self._listeners:
            listener.fail = course.fail
        self._speak(course)
        return await course.result(lambda: (self._delivered - before) * len(self._listeners))

    def _speak(self, course: Course) -> None:
        done = min(self._delivered, self._acknowledged)
        if course.goes_on():
            number = done + self.window - self._sent
            if number > 0:
                self._sent += number
                self._times.extend([time.perf_counter()] * number)
                self._socket.send(b"".join(islice(self._sender, number)))
        elif done == self._sent:
            course.finish()

    def _counted(self, before: int) -> None:
        if before != self._delivered:
            return
        self._behind -= 1
        if self._behind:
            return
        counts = [listener.count for listener in self._listeners]
        least, moment = min(counts), time.perf_counter()
        course = self._course
        if course is None or max(counts) > self._sent:
            raise AssertionError("a listener has heard more than was said")
        course.note(self._times, least - self._delivered, moment)
        self._delivered, self._behind = least, counts.count(least)
        self._speak(course)

    def _take(self, data: bytes, texts: list[Place]) -> None:
        course = self._course
        if course is None:
            return
        try:
            acknowledged, _ = self._language.hear(data, texts)
        except LoadFailed as error:
            course.fail(str(error))
            return
        if acknowledged:
            self._acknowledged += acknowledged
            self._speak(course)


async def connect(server: Server) -> Room:
    """Log everybody in."""
    if server.name not in (WS, SOCKET_IO):
        return await _on_hubbub(server)
    language = Plain() if server.name == WS else SocketIo()
    speaker, *others = servers.signed_users(server, 1 + LISTENERS)
    socket = await enter(server.port, language, Socket, speaker)
    listeners = await enter_all(server.port, language, Counter, others)
    stay_alive([socket, *listeners])
    match language:
        case Plain():
            sender = language.sender(CONTENT)
        case SocketIo():
            sender = language.sender("message", {"content": CONTENT})
    return Room(socket, language, sender, listeners)


async def _on_hubbub(server: Server) -> Room:
    native = Native()
    speaker, *others = hubbub_users(server, 1 + LISTENERS)
    socket = await enter(server.port, native, Socket, speaker)
    listeners = await enter_all(server.port, native, Counter, others)
    stay_alive([socket, *listeners])
    made = await native.ask(socket, "CREATE_ROOM", {"kind": "public", "name": "Platform"})
    room = made["room"]["id"]
    for listener in listeners:
        await native.ask(listener, "JOIN_ROOM", {"roomId": room})
    await asyncio.sleep(1)  # who has come is told, and is of no interest any more
    return Room(socket, native, native.sender(room, "bench-", CONTENT), listeners)
