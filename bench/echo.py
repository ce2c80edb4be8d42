"""Echo: Hubbub's reader and writer of frames alone, beside those of `ws`."""

import asyncio

from bench import servers
from bench.course import Course, each, one_loop
from bench.load import Result
from bench.processes import HOST, Server
from bench.report import Figure, beside
from bench.servers import WS
from bench.sockets import Socket, text_frame
from bench.turns import Conditions, Entrant, in_turn

SOCKETS = 64
IN_FLIGHT = 8

TEXT = (
    b'{"type":"SEND_MESSAGE","id":7,"payload":{"roomId":"65766572796f6e6500000000","content":"hi"}}'
)
REQUEST = text_frame(TEXT)
ANSWER = bytes((0x81, len(TEXT))) + TEXT


def echo(conditions: Conditions) -> list[Figure]:
    """Measure frames a second that are read and sent back, with no chat behind them."""
    with servers.echoes(conditions.server_cpu) as running, one_loop() as runner:
        crowds = [runner.run(connect(server)) for server in running.servers]
        measures = each(runner, [crowd.turn for crowd in crowds])
        entrants = [Entrant(*one) for one in zip(running.servers, measures, strict=True)]
        figures = in_turn("echo, frames of 100 bytes", entrants, running.database, conditions)
    return beside(WS, figures)


class Echoed(Socket):
    """A socket that answers every frame that comes back with another."""

    crowd: "Crowd"
    count = 0
    _part = b""

    def data_received(self, data: bytes) -> None:
        """Compare what came with what must come, and send as many again."""
        if not self.upgraded.is_set():
            super().data_received(data)
            return
        if self._part:
            data = self._part + data
        times, left = divmod(len(data), len(ANSWER))
        if data != ANSWERS[times] + ANSWER[:left]:
            self.fail("what came back is not what was sent")
            return
        self._part = data[len(data) - left :]
        if times:
            self.count += times
            self.crowd.again(self, times)


ANSWERS = [ANSWER * times for times in range(IN_FLIGHT + 1)]
REQUESTS = [REQUEST * times for times in range(IN_FLIGHT + 1)]


class Crowd:
    """All sockets of one server."""

    def __init__(self, sockets: list[Echoed]) -> None:
        self._sockets = sockets
        self._out = 0
        self._course: Course | None = None
        for socket in sockets:
            socket.crowd = self

    async def turn(self, seconds: float) -> Result:
        """Send and get back for a while."""
        before = self._count()
        self._course = course = Course(seconds)
        for socket in self._sockets:
            socket.fail = course.fail
            self._out += IN_FLIGHT
            socket.send(REQUESTS[IN_FLIGHT])
        return await course.result(lambda: self._count() - before)

    def again(self, socket: Echoed, times: int) -> None:
        """Send as many as came back, while there is time."""
        course = self._course
        if course is None:
            return
        if course.goes_on():
            socket.send(REQUESTS[times])
            return
        self._out -= times
        if not self._out:
            course.finish()

    def _count(self) -> int:
        return sum(socket.count for socket in self._sockets)


async def connect(server: Server) -> Crowd:
    """Open all sockets."""
    loop = asyncio.get_running_loop()
    sockets = []
    for _ in range(SOCKETS):
        _, socket = await loop.create_connection(lambda: Echoed("/", b""), HOST, server.port)
        await socket.upgraded.wait()
        sockets.append(socket)
    return Crowd(sockets)
