"""A Socket.IO application that says back what it hears: `python -m tests.socketio_echo`.

The public test suite of the protocol can be pointed at it.
"""

import asyncio
import os
from collections.abc import Awaitable

from msgspec import Raw
from tornado.httpserver import HTTPServer
from tornado.web import Application as WebApplication

from handlers.origins import ANY, Origins
from handlers.socketio.connections import Application, SocketIo
from handlers.socketio.engine import Limits
from handlers.socketio.packets import Event, resolved
from handlers.socketio.peers import Acknowledge, Socket
from handlers.socketio.sessions import Sessions
from handlers.socketio.transports import Edge, routes

# What the public suites expect of a server.
LIMITS = Limits(ping_interval=0.3, ping_timeout=0.2, connect_timeout=1.0, max_payload=1_000_000)

PORT = 3000

# The public suite waits for one packet and then for the next: of two that come at once it sees the
# first alone.
MOMENT = 0.01


class Echo(Application):
    """Says on connection what one connected with, and `message-back` to every `message`."""

    namespaces = frozenset({"/", "/custom"})

    def connect(self, socket: Socket, auth: Raw) -> None:
        """Let everybody in."""
        socket.state = auth

    def connected(self, socket: Socket) -> None:
        """Say what one connected with, a moment later."""
        asyncio.get_running_loop().call_later(MOMENT, self._greet, socket)

    def _greet(self, socket: Socket) -> None:
        """Say it, once."""
        auth, socket.state = socket.state, None
        if auth is not None:
            socket.emit("auth", auth)

    def event(
        self, socket: Socket, event: Event, acknowledge: Acknowledge | None
    ) -> Awaitable[None] | None:
        """Say it back."""
        self._greet(socket)
        if event.name == "message":
            socket.emit_binary("message-back", *resolved(event.arguments, event.attachments))
        elif event.name == "message-with-ack" and acknowledge is not None:
            acknowledge.with_binary(*resolved(event.arguments, event.attachments))
        return None


def make_application(limits: Limits = LIMITS) -> tuple[WebApplication, Sessions]:
    """Make an application that serves this on /socket.io/."""
    sessions = Sessions(SocketIo(Echo(), limits), limits)
    return WebApplication(routes("/socket.io/", Edge(sessions, Origins((ANY,))))), sessions


async def serve(application: WebApplication) -> None:
    """Serve an application for ever, and say from when on."""
    port = int(os.environ.get("PORT", PORT))
    HTTPServer(application).listen(port, "localhost")
    print(f"listening on port {port}", flush=True)  # noqa: T201 - for whoever has started it
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(make_application()[0]))
