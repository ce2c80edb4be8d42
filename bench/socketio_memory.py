"""Memory of Socket.IO: what an idle WebSocket holds, once it is connected."""

from msgspec.structs import replace

from bench import servers, socketio_servers
from bench.languages import SocketIo
from bench.memory import measured, sockets_allowed
from bench.report import Figure
from bench.turns import Conditions


def socketio_memory(conditions: Conditions) -> list[Figure]:
    """Measure resident memory per idle connection of Socket.IO."""
    number = sockets_allowed()
    figures = []
    for describe in (socketio_servers.theirs, socketio_servers.ours):
        with describe(conditions.server_cpu) as server:
            users = servers.signed_users(server, number)
            figures.append(measured(server, SocketIo(), users))
    first = figures[0].socket_kib or 1
    return [replace(one, ratio=(one.socket_kib or 0) / first) for one in figures]
