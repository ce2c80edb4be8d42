"""Messages from one to another over Socket.IO, in the words of dialect P: stored, then told."""

import asyncio
from collections.abc import Mapping
from functools import partial

from bench import servers
from bench.course import each, one_loop
from bench.languages import SocketIo, User, enter, stay_alive
from bench.messages import CONTENT, PAIRS, Talker, Talks, connect, hubbub_users, rest
from bench.processes import Server
from bench.report import Figure, beside
from bench.servers import SOCKET_IO_MONGOOSE
from bench.sockets import Socket
from bench.turns import Conditions, Entrant, in_turn


def socketio_messages(conditions: Conditions) -> list[Figure]:
    """Measure durable one-to-one messages of Socket.IO clients, acknowledged a second."""
    with servers.messengers(conditions.server_cpu) as running, one_loop() as runner:
        talks = [Talks(runner.run(_talkers(server))) for server in running.servers]
        measures = each(runner, [talk.turn for talk in talks])
        entrants = [
            Entrant(server, measure, partial(rest, server))
            for server, measure in zip(running.servers, measures, strict=True)
        ]
        figures = in_turn("Socket.IO messages", entrants, running.database, conditions)
    return beside(SOCKET_IO_MONGOOSE, figures)


PRIVATE_MESSAGE = b'42["private_message"'


class Private(SocketIo):
    """The words of one client of dialect P."""

    auth: Mapping[str, str] = {"dialect": "P"}

    def __init__(self, user: User) -> None:
        self._own = b'"senderId":"%b"' % user.id.encode()

    def is_delivery(self, data: bytes, start: int, end: int) -> bool:
        """Tell whether an event is a message of somebody else; one's own comes back, too."""
        return data.startswith(PRIVATE_MESSAGE, start) and data.find(self._own, start, end) < 0


async def _talkers(server: Server) -> list[Talker]:
    if server.name == SOCKET_IO_MONGOOSE:
        return await connect(server)
    users = hubbub_users(server, 2 * PAIRS)
    languages = [Private(user) for user in users]
    sockets = [
        await enter(server.port, language, Socket, user)
        for language, user in zip(languages, users, strict=True)
    ]
    stay_alive(sockets)
    await asyncio.sleep(1)  # who has come is told, and is of no interest any more
    talkers = []
    for n, (socket, language) in enumerate(zip(sockets, languages, strict=True)):
        payload = {"receiverId": users[n ^ 1].id, "message": CONTENT}
        talkers.append(Talker(socket, language, language.sender("private_message", payload)))
    return talkers
