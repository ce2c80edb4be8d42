"""Connections without a transport: what they send and what they tell are kept."""

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Raw

from handlers.socketio.carriers import Handshake
from handlers.socketio.connections import Application, Connection, SocketIo
from handlers.socketio.engine import Limits
from handlers.socketio.framing import POLLING, Framing
from handlers.socketio.packets import Event
from handlers.socketio.peers import Acknowledge, Socket
from handlers.sockets import Closing


class Wire:
    """A link that keeps what is sent, as packets."""

    address = address_key = "192.0.2.1"
    handshake = Handshake()
    waiting_bytes = 0
    has_taken = True

    def __init__(self) -> None:
        self.framing: Framing = POLLING
        self.sent: list[str] = []
        # How much of it may wait for what else is sent.
        self.soon = 0
        self.closing: Closing | None = None
        self.connection: Connection

    def send(self, data: bytes) -> None:
        if self.closing is None:
            self.sent += data.decode().removesuffix("\x1e").split("\x1e")

    def send_soon(self, data: bytes) -> None:
        self.soon += 1
        self.send(data)

    def once_taken(self, call: Callable[[], None]) -> None:
        call()

    def close(self, closing: Closing) -> None:
        if self.closing is None:
            self.closing = closing
            self.connection.closed(closing)

    def taken(self) -> list[str]:
        """What was sent since the last time."""
        sent, self.sent = self.sent, []
        return sent


class Noted(Application):
    """Notes what it is told; `connecting` and `taking` are what it does."""

    namespaces = frozenset({"/", "/chat", "/more"})

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.events: list[Event] = []
        self.acknowledges: list[Acknowledge | None] = []
        self.sockets: list[Socket] = []
        self.connecting: Callable[[Socket, Raw], Awaitable[None] | None] = lambda *_: None
        self.taking: Callable[[Socket, Event], Awaitable[None] | None] = lambda *_: None

    def opened(self, connection: Connection) -> None:
        self.notes.append("opened")

    def connect(self, socket: Socket, auth: Raw) -> Awaitable[None] | None:
        self.notes.append(f"connect {socket.namespace} {bytes(auth).decode()}")
        self.sockets.append(socket)
        return self.connecting(socket, auth)

    def connected(self, socket: Socket) -> None:
        self.notes.append(f"connected {socket.namespace}")

    def event(
        self, socket: Socket, event: Event, acknowledge: Acknowledge | None
    ) -> Awaitable[None] | None:
        self.notes.append(f"event {event.name}")
        self.events.append(event)
        self.acknowledges.append(acknowledge)
        return self.taking(socket, event)

    def disconnected(self, socket: Socket, closing: Closing) -> None:
        self.notes.append(f"disconnected {socket.namespace} {closing.reason}")

    def closed(self, connection: Connection, closing: Closing) -> None:
        self.notes.append(f"closed {closing.reason}")

    def taken(self) -> list[str]:
        """What was noted since the last time."""
        notes, self.notes = self.notes, []
        return notes


def opened(application: Application, **limits: Any) -> tuple[Wire, Connection]:
    """A client that has said nothing yet."""
    wire = Wire()
    wire.connection = SocketIo(application, Limits(**limits)).open(wire)
    return wire, wire.connection


def connected(application: Noted, **limits: Any) -> tuple[Wire, Connection]:
    """A client in the main namespace."""
    wire, connection = opened(application, **limits)
    connection.receive("0")
    wire.taken()
    application.taken()
    return wire, connection
