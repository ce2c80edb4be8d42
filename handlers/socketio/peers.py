"""One client of Socket.IO, in one namespace: what is sent to it, and what it answers."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from msgspec import Raw, Struct

from handlers.socketio import packets
from handlers.socketio.framing import Framing
from handlers.socketio.packets import Event
from handlers.sockets import Closing

# Acknowledgements that a client owes at most; whoever asks for more is answered by nobody.
MAX_ASKED = 1_000

Answered = Callable[[tuple[Raw, ...]], None]


class Handshake(Protocol):
    """How a client came; kept until it is connected somewhere, or is gone."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of its first request."""

    @property
    def query(self) -> Mapping[str, str]:
        """The query of its first request; of names that come twice, the last."""


class Link(Protocol):
    """One client, whichever transport it is on."""

    @property
    def framing(self) -> Framing:
        """How bytes must be made to be sent now; changes when the client upgrades."""

    @property
    def address(self) -> str:
        """Where the client is."""

    @property
    def address_key(self) -> str:
        """What limits count its address by."""

    @property
    def handshake(self) -> Handshake:
        """How it came."""

    @property
    def waiting_bytes(self) -> int:
        """How much it has not taken yet."""

    def send(self, data: bytes) -> None:
        """Send finished bytes, made for `framing`. Never waits and never raises.

        Whoever leaves too many of them untaken is cut, and hears of nothing any more.
        """

    def send_soon(self, data: bytes) -> None:
        """Send finished bytes together with what else is sent in this turn of the loop."""

    @property
    def has_taken(self) -> bool:
        """Whether it is there, and has taken what was sent."""

    def once_taken(self, call: Callable[[], None]) -> None:
        """Call something once it has taken what was sent; never, if it goes before."""

    def close(self, closing: Closing) -> None:
        """Close the transport behind what was sent; twice does no harm."""


class Home(Protocol):
    """The connection that a client is in a namespace of."""

    # What an application wants to keep with it.
    state: Any
    is_closed: bool

    @property
    def link(self) -> Link:
        """The transport, whichever it is at the moment."""

    def disconnect(self, socket: "Socket") -> None:
        """Send a client out of a namespace."""

    def close(self, closing: Closing) -> None:
        """Close the transport alone: nothing is said, and the client comes back by itself."""


class Acknowledge(Struct, eq=False):
    """Answers an event, once: call it with what its callback is to be called with."""

    socket: "Socket | None"
    id: int

    def __call__(self, *arguments: object, soon: bool = False) -> None:
        """Send values, encoded as JSON (`msgspec.Raw` as it is).

        If `soon`, together with what else is sent in this turn of the loop.
        """
        socket, self.socket = self.socket, None
        if socket is not None:
            packet = packets.acknowledgement(self.id, *arguments, namespace=socket.namespace)
            socket.send_packet(packet, soon=soon)

    def with_binary(self, *arguments: object) -> None:
        """Send values that may have bytes in them, anywhere in lists and mappings."""
        values, attachments = packets.taken_apart(arguments)
        socket, self.socket = self.socket, None
        if socket is None:
            return
        if not attachments:
            packet = packets.acknowledgement(self.id, *values, namespace=socket.namespace)
        else:
            packet = packets.binary_acknowledgement(
                len(attachments), self.id, *values, namespace=socket.namespace
            )
        socket.send_packet(packet, *attachments)


# Events that came before it was known whether their client may connect.
Held = deque[tuple[Event, Acknowledge | None]]


class Socket:
    """A client in a namespace. What an application wants to keep with it goes to `state`."""

    __slots__ = (
        "_asked",
        "_next_id",
        "connection",
        "held",
        "is_connected",
        "is_known",
        "namespace",
        "sid",
        "state",
        "task",
    )

    def __init__(self, connection: Home, namespace: str, sid: str) -> None:
        self.connection = connection
        self.namespace = namespace
        self.sid = sid
        self.state: Any = None
        # Whether what is sent reaches anybody.
        self.is_connected = True
        # Whether the application knows that it is connected.
        self.is_known = False
        # Events that wait for the connect to be decided; None when it has been.
        self.held: Held | None = deque()
        self.task: asyncio.Task[None] | None = None
        self._asked: dict[int, Answered] | None = None
        self._next_id = 0

    def emit(self, name: str, *arguments: object) -> None:
        """Send an event; its arguments are encoded as JSON (`msgspec.Raw` as it is)."""
        self.send_packet(packets.event(name, *arguments, namespace=self.namespace))

    def emit_binary(self, name: str, *arguments: object) -> None:
        """Send an event that may have bytes in it, anywhere in lists and mappings."""
        values, attachments = packets.taken_apart(arguments)
        if not attachments:
            self.emit(name, *values)
            return
        packet = packets.binary_event(len(attachments), name, *values, namespace=self.namespace)
        self.send_packet(packet, *attachments)

    def ask(self, name: str, *arguments: object, answered: Answered) -> None:
        """Send an event that asks for an acknowledgement; `answered` may never be called."""
        if self._asked is None:
            self._asked = {}
        if len(self._asked) < MAX_ASKED:
            self._asked[self._next_id] = answered
        packet_id, self._next_id = self._next_id, self._next_id + 1
        packet = packets.event(name, *arguments, namespace=self.namespace, packet_id=packet_id)
        self.send_packet(packet)

    def send_packet(self, packet: bytes, *attachments: bytes, soon: bool = False) -> None:
        """Send a packet of Engine.IO that is encoded already, as `packets` makes them."""
        if not self.is_connected:
            return
        link = self.connection.link
        framing = link.framing
        data = framing.text(packet)
        if attachments:
            data += b"".join([framing.binary(attachment) for attachment in attachments])
        if soon:
            link.send_soon(data)
        else:
            link.send(data)

    def disconnect(self) -> None:
        """Leave the namespace. The client is told so, and does not come back by itself."""
        self.connection.disconnect(self)

    def answer(self, packet_id: int, arguments: tuple[Raw, ...]) -> None:
        """Take what the client answers to `ask`; what nobody asked for is ignored."""
        answered = self._asked.pop(packet_id, None) if self._asked else None
        if answered is not None:
            answered(arguments)
