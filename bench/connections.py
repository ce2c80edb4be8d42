"""Connections: sockets that are accepted and logged in, one after the other."""

import asyncio
import time

from bench import servers
from bench.course import Course, Turn, each, one_loop
from bench.languages import Language, Native, SocketIo, User, enter
from bench.load import LoadFailed, Result
from bench.messages import hubbub_users
from bench.processes import Server
from bench.report import Figure, beside
from bench.servers import SOCKET_IO_MONGOOSE
from bench.sockets import Socket
from bench.turns import Conditions, Entrant, in_turn

USERS = 200
AT_ONCE = 16


def connections(conditions: Conditions) -> list[Figure]:
    """Measure sockets a second that are opened and logged in."""
    with servers.messengers(conditions.server_cpu) as running, one_loop() as runner:
        measures = each(runner, [turn_of(server) for server in running.servers])
        entrants = [Entrant(*one) for one in zip(running.servers, measures, strict=True)]
        figures = in_turn("sockets opened", entrants, running.database, conditions)
    return beside(SOCKET_IO_MONGOOSE, figures)


def turn_of(server: Server) -> Turn:
    """Say how a server is measured."""
    if server.name == SOCKET_IO_MONGOOSE:
        return Door(server, SocketIo(), servers.signed_users(server, USERS)).turn
    return Door(server, Native(), hubbub_users(server, USERS)).turn


class Door:
    """Goes in and out."""

    def __init__(self, server: Server, language: Language, users: list[User]) -> None:
        self._port = server.port
        self._language = language
        self._users = users

    async def turn(self, seconds: float) -> Result:
        """Open sockets for a while, some at once."""
        course = Course(seconds)
        rounds = (self._go_on(course, n) for n in range(AT_ONCE))
        working = asyncio.gather(*rounds)
        working.add_done_callback(lambda _: course.finish())
        result = await course.result(lambda: len(course.latencies))
        await working
        return result

    async def _go_on(self, course: Course, n: int) -> None:
        while course.goes_on():
            began = time.perf_counter()
            try:
                user = self._users[n % len(self._users)]
                socket = await enter(self._port, self._language, Socket, user)
            except ConnectionRefusedError as refusal:
                raise LoadFailed(str(refusal)) from None
            course.latencies.append(time.perf_counter() - began)
            socket.close()
            n += AT_ONCE
