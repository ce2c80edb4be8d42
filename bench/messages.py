"""Messages from one to another: stored, told, and then acknowledged."""

import asyncio
import time
from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from urllib.request import urlopen

from bench import servers
from bench.accounts import registered
from bench.course import Course, each, one_loop
from bench.languages import Language, Native, SocketIo, User, enter_all, stay_alive
from bench.load import LoadFailed, Result
from bench.processes import HOST, Server, wait_until
from bench.report import Figure, beside
from bench.servers import SOCKET_IO_MONGOOSE
from bench.sockets import Place, Socket
from bench.turns import Conditions, Entrant, in_turn

PAIRS = 100
IN_FLIGHT = 4

# Seconds for indexing what was said in a turn: 100,000 messages take MongoDB some 12.
PATIENCE = 60.0

CONTENT = "shall we meet at the station at half past seven, or later?"


def messages(conditions: Conditions) -> list[Figure]:
    """Measure durable one-to-one messages, acknowledged a second."""
    with servers.messengers(conditions.server_cpu) as running, one_loop() as runner:
        talks = [Talks(runner.run(connect(server))) for server in running.servers]
        measures = each(runner, [talk.turn for talk in talks])
        entrants = [
            Entrant(server, measure, partial(rest, server))
            for server, measure in zip(running.servers, measures, strict=True)
        ]
        figures = in_turn("messages", entrants, running.database, conditions)
    return beside(SOCKET_IO_MONGOOSE, figures)


def rest(server: Server) -> None:
    """Wait until Hubbub has indexed what was said, which it does when nothing is said any more.

    It would take its time from the next server otherwise.
    """
    if server.name != SOCKET_IO_MONGOOSE:
        late = f"{server.name}: what was said is not indexed after {PATIENCE:g} s"
        wait_until(lambda: waiting_for_index(server) == 0, PATIENCE, late)


def waiting_for_index(server: Server) -> float:
    """Ask a Hubbub for how many messages are not indexed yet."""
    with urlopen(f"http://{HOST}:{server.port}/metrics", timeout=PATIENCE) as answer:
        [line] = [line for line in answer if line.startswith(b"hubbub_index_waiting ")]
    return float(line.split()[1])


class Talker:
    """One of two who talk: sends as many messages as were acknowledged at once, at once."""

    def __init__(self, socket: Socket, language: Language, sender: Iterator[bytes]) -> None:
        self.socket = socket
        self.sender = sender
        self.sent = 0
        self.acknowledged = 0
        self.delivered = 0
        self.language = language
        self._times: deque[float] = deque()
        self._course: Course | None = None
        socket.listen(self._take)

    def begin(self, course: Course) -> None:
        """Send the first messages of a turn."""
        self._course = course
        self.socket.fail = course.fail
        self._send(IN_FLIGHT, time.perf_counter())

    def _send(self, number: int, moment: float) -> None:
        self.sent += number
        self._times.extend([moment] * number)
        self.socket.send(b"".join(islice(self.sender, number)))

    def _take(self, data: bytes, texts: list[Place]) -> None:
        course = self._course
        if course is None:
            return
        try:
            acknowledged, delivered = self.language.hear(data, texts)
        except LoadFailed as error:
            course.fail(str(error))
            return
        self.delivered += delivered
        if acknowledged:
            self.acknowledged += acknowledged
            moment = time.perf_counter()
            # They come in the order of sending, or nearly so; the mean is the same in any order.
            course.note(self._times, acknowledged, moment)
            if moment < course.deadline:
                self._send(acknowledged, moment)


class Talks:
    """All who talk on one server; the even ones with the odd ones."""

    def __init__(self, talkers: Sequence[Talker]) -> None:
        self._talkers = talkers

    async def turn(self, seconds: float) -> Result:
        """Let all talk for a while."""
        before = self._acknowledged()
        course = Course(seconds)
        for talker in self._talkers:
            talker.begin(course)
        ending = asyncio.create_task(self._end(course))
        try:
            return await course.result(lambda: self._acknowledged() - before)
        finally:
            ending.cancel()

    async def _end(self, course: Course) -> None:
        """Wait until every message is acknowledged and delivered, neither lost nor doubled."""
        await asyncio.sleep(course.seconds)
        await course.until(lambda: all(one.acknowledged == one.sent for one in self._talkers))
        partners = [(self._talkers[n], self._talkers[n ^ 1]) for n in range(len(self._talkers))]
        await course.until(lambda: all(one.delivered >= other.sent for one, other in partners))
        if any(one.delivered > other.sent for one, other in partners):
            course.fail("a message was delivered twice")
        course.finish()

    def _acknowledged(self) -> int:
        return sum(talker.acknowledged for talker in self._talkers)


async def connect(server: Server) -> list[Talker]:
    """Log the pairs in, and find out where each of them talks."""
    if server.name == SOCKET_IO_MONGOOSE:
        return await _on_socket_io(server)
    users = hubbub_users(server, 2 * PAIRS)
    native = Native()
    sockets = await enter_all(server.port, native, Socket, users)
    stay_alive(sockets)
    await asyncio.sleep(1)  # who has come is told, and is of no interest any more
    talkers = []
    for n, (socket, user) in enumerate(zip(sockets, users, strict=True)):
        room = await native.ask(
            socket, "CREATE_ROOM", {"kind": "direct", "participantIds": [users[n ^ 1].id]}
        )
        sender = native.sender(room["room"]["id"], f"bench-{user.id}-", CONTENT)
        talkers.append(Talker(socket, native, sender))
    return talkers


async def _on_socket_io(server: Server) -> list[Talker]:
    users = servers.signed_users(server, 2 * PAIRS)
    words = SocketIo()
    sockets = await enter_all(server.port, words, Socket, users)
    stay_alive(sockets)
    talkers = []
    for n, socket in enumerate(sockets):
        payload = {"to": users[n ^ 1].id, "content": CONTENT}
        talkers.append(Talker(socket, words, words.sender("private_message", payload)))
    return talkers


def hubbub_users(server: Server, number: int) -> list[User]:
    """Make accounts on Hubbub."""
    return [User(one["id"], one["token"]) for one in registered(server, number)]
