"""Fan-out over Socket.IO: what one says, and five hundred hear, on WebSockets."""

from bench import servers, socketio_servers
from bench.course import each, one_loop
from bench.fanout import CONTENT, LISTENERS, WINDOWS, Room
from bench.languages import SocketIo, enter, enter_all, stay_alive
from bench.processes import Server
from bench.report import Figure, beside
from bench.servers import SOCKET_IO
from bench.sockets import Counter, Socket
from bench.turns import Conditions, Entrant, in_turn


def socketio_fanout(conditions: Conditions) -> list[Figure]:
    """Measure deliveries a second of Socket.IO to 500 WebSockets; nothing is stored."""
    figures = []
    with socketio_servers.both(conditions.server_cpu) as running, one_loop() as runner:
        rooms = [runner.run(connect(server)) for server in running.servers]
        for window in WINDOWS:
            for room in rooms:
                room.window = window
            measures = each(runner, [room.turn for room in rooms])
            entrants = [Entrant(*one) for one in zip(running.servers, measures, strict=True)]
            title = f"Socket.IO fan-out, {window} in flight"
            figures += beside(SOCKET_IO, in_turn(title, entrants, None, conditions))
    return figures


async def connect(server: Server) -> Room:
    """Connect everybody."""
    language = SocketIo()
    speaker, *others = servers.signed_users(server, 1 + LISTENERS)
    socket = await enter(server.port, language, Socket, speaker)
    listeners = await enter_all(server.port, language, Counter, others)
    stay_alive([socket, *listeners])
    sender = language.sender("message", {"content": CONTENT})
    return Room(socket, language, sender, listeners)
