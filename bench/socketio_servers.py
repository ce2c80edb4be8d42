"""The two servers that speak Socket.IO with nothing stored: Node's, and Hubbub's transport."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bench.processes import Server
from bench.servers import ROOT, SECRET, SOCKET_IO, Running, peer

HUBBUB = "Hubbub's Socket.IO"


def ours(cpu: int | None) -> Server:
    """Describe Hubbub's transport with a room on it."""
    command = [sys.executable, "-m", "bench.socketio_server"]
    return Server(HUBBUB, command, {"PYTHONPATH": str(ROOT), "JWT_SECRET": SECRET}, cpu)


def theirs(cpu: int | None) -> Server:
    """Describe Socket.IO on Node with the same room."""
    return peer(SOCKET_IO, cpu, "rooms.js", "socket.io")


@contextmanager
def both(cpu: int | None) -> Iterator[Running]:
    """Run both."""
    with theirs(cpu) as node, ours(cpu) as hubbub:
        yield Running([node, hubbub], None)
