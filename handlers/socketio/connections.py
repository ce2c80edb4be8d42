"""What an application sees of Socket.IO: clients in namespaces, events, acknowledgements.

No I/O here: messages come from a `Link` and go to it, whichever transport carries it at the moment.
A client is one `Connection`, and one `Socket` in each namespace that it is connected to.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

from msgspec import Raw

from handlers.socketio import packets
from handlers.socketio.deadlines import Deadlines
from handlers.socketio.engine import Limits
from handlers.socketio.framing import Packet
from handlers.socketio.packets import MAIN, Event
from handlers.socketio.peers import Acknowledge, Handshake, Held, Link, Socket
from handlers.socketio.reasons import (
    CLIENT_DISCONNECT,
    CONNECT_REFUSED,
    CONNECT_TIMEOUT,
    FAULT,
    PARSE_ERROR,
    SERVER_DISCONNECT,
    Malformed,
)
from handlers.sockets import Closing

log = logging.getLogger("hubbub.socketio")


class ConnectError(Exception):
    """A client may not connect to a namespace; it is told why."""

    def __init__(self, message: str, data: object = None) -> None:
        super().__init__(message)
        self.message = message
        self.data = data


class Application:
    """What is behind Socket.IO: override what you need.

    For one socket the calls come in this order, one at a time: `connect`, `connected`, any number
    of `event`, `disconnected`. `disconnected` comes once, and only behind `connected`; a client
    that goes while `connect` is pending cancels it. For a connection, `opened` comes first and
    `closed` last, once each, whatever else happens. What these raise unexpectedly is logged and
    closes that connection alone.
    """

    # Those who connect elsewhere are told `Invalid namespace`.
    namespaces: frozenset[str] = frozenset({MAIN})

    def admit(self, address_key: str, handshake: Handshake) -> None:
        """Refuse a client before it has a session, by raising a `chat.errors.Refusal`."""

    def opened(self, connection: "Connection") -> None:
        """Note that a client is there, which is connected to nothing yet."""

    def connect(self, socket: Socket, auth: Raw) -> Awaitable[None] | None:
        """Let a client into a namespace, or raise `ConnectError`, at once or after waiting.

        `auth` is a JSON object. Events that come meanwhile are held, and come behind `connected`.
        Send nothing here.
        """

    def connected(self, socket: Socket) -> None:
        """The client knows that it is connected: from here on everything may be sent to it."""

    def event(
        self, socket: Socket, event: Event, acknowledge: Acknowledge | None
    ) -> Awaitable[None] | None:
        """Take an event. What is returned is awaited before the next event is taken.

        Decode `event.arguments[n]` as what it should be, with a `msgspec.json.Decoder`.
        """

    def disconnected(self, socket: Socket, closing: Closing) -> None:
        """Forget a client that has left a namespace, or is gone."""

    def closed(self, connection: "Connection", closing: Closing) -> None:
        """Forget a client that is gone."""


class Connection:
    """A client, and the namespaces that it is connected to."""

    __slots__ = ("_home", "_left", "_partial", "_sockets", "is_closed", "link", "state")

    def __init__(self, home: "SocketIo", link: Link) -> None:
        self.link = link
        # What an application wants to keep with it.
        self.state: Any = None
        self.is_closed = False
        self._home = home
        self._sockets: dict[str, Socket] = {}
        # Namespaces that were left: what was under way to them is ignored.
        self._left: frozenset[str] = frozenset()
        # A binary packet, and those of its attachments that have come.
        self._partial: tuple[packets.Packet, list[bytes]] | None = None

    def socket(self, namespace: str = MAIN) -> Socket | None:
        """The client in a namespace, if it is connected there or about to be."""
        return self._sockets.get(namespace)

    @property
    def is_idle(self) -> bool:
        """Whether the client is in no namespace."""
        return not self._sockets

    def close(self, closing: Closing) -> None:
        """Close the transport alone: nothing is said, and the client comes back by itself."""
        self.link.close(closing)

    # What comes in.

    def receive(self, message: Packet) -> Awaitable[None] | None:
        """Take a message. What is returned is awaited before the next is taken; nothing escapes."""
        if self.is_closed:
            return None
        try:
            if isinstance(message, bytes):
                work = self._take_attachment(message)
            else:
                work = self._take(packets.parse(message))
        except Exception as error:  # noqa: BLE001 - whatever it is ends this connection alone
            self._fail(error)
            return None
        return None if work is None else self._guarded(work)

    def closed(self, closing: Closing) -> None:
        """Forget everything: the link has ended."""
        if self.is_closed:
            return
        self.is_closed = True
        self._home.waiting.remove(self)
        for socket in list(self._sockets.values()):
            self._remove(socket, closing)
        self._home.safely(self._home.application.closed, self, closing)

    def disconnect(self, socket: Socket) -> None:
        """Send a client out of a namespace."""
        if not socket.is_connected:
            return
        socket.send_packet(packets.disconnect(socket.namespace))
        self._remove(socket, SERVER_DISCONNECT)

    def _take(self, packet: packets.Packet) -> Awaitable[None] | None:
        if self._partial is not None:
            raise Malformed("attachments are still to come")
        if not packet.attachments:
            return self._carry_out(packet, ())
        if packet.attachments > self._home.limits.attachments:
            raise Malformed("too many attachments")
        self._partial = (packet, [])
        return None

    def _take_attachment(self, data: bytes) -> Awaitable[None] | None:
        if self._partial is None:
            raise Malformed("this attachment belongs to nothing")
        packet, attachments = self._partial
        attachments.append(data)
        if sum(map(len, attachments)) > self._home.limits.max_payload:
            raise Malformed("the attachments are too large")
        if len(attachments) < packet.attachments:
            return None
        self._partial = None
        return self._carry_out(packet, tuple(attachments))

    def _carry_out(
        self, packet: packets.Packet, attachments: tuple[bytes, ...]
    ) -> Awaitable[None] | None:
        socket = self._sockets.get(packet.namespace)
        if packet.kind == packets.CONNECT:
            if socket is not None or packet.id is not None:
                raise Malformed("one connects once")
            return self._connect(packet)
        if socket is None:
            if packet.namespace in self._left:
                return None
            raise Malformed("one connects first")
        match packet.kind:
            case packets.EVENT | packets.BINARY_EVENT:
                event = packets.event_of(packet.payload, attachments)
                acknowledge = None if packet.id is None else Acknowledge(socket, packet.id)
                if socket.held is None:
                    return self._home.application.event(socket, event, acknowledge)
                return self._early(socket, socket.held, event, acknowledge)
            case packets.ACK | packets.BINARY_ACK if packet.id is not None:
                socket.answer(packet.id, packets.answer_of(packet.payload))
            case packets.DISCONNECT if not packet.payload:
                self._remove(socket, CLIENT_DISCONNECT)
            case _:
                raise Malformed("this is for servers to say")
        return None

    # Namespaces.

    def _connect(self, packet: packets.Packet) -> Awaitable[None] | None:
        auth = packets.auth_of(packet.payload)
        application, namespace = self._home.application, packet.namespace
        if namespace not in application.namespaces or self._is_full:
            self._send(packets.connect_error(namespace, "Invalid namespace"))
            return None
        socket = self._sockets[namespace] = Socket(self, namespace, self._home.new_id())
        try:
            work = application.connect(socket, auth)
        except ConnectError as error:
            self._refuse(socket, error)
            return None
        if work is None:
            self._connected(socket)
            socket.held = None
        else:
            socket.task = asyncio.get_running_loop().create_task(self._connect_later(socket, work))
            socket.task.add_done_callback(partial(_discard, work))
        return None

    async def _connect_later(self, socket: Socket, work: Awaitable[None]) -> None:
        try:
            await work
            if socket.is_connected:
                self._connected(socket)
            while socket.held and socket.is_connected:
                event, acknowledge = socket.held.popleft()
                taken = self._home.application.event(socket, event, acknowledge)
                if taken is not None:
                    await taken
        except ConnectError as error:
            self._refuse(socket, error)
        except Exception as error:  # noqa: BLE001 - whatever it is ends this connection alone
            self._fail(error)
        finally:
            socket.held = socket.task = None

    def _connected(self, socket: Socket) -> None:
        self._home.waiting.remove(self)
        self._left -= {socket.namespace}
        socket.is_known = True
        socket.send_packet(packets.connect(socket.namespace, socket.sid))
        self._home.application.connected(socket)

    def _refuse(self, socket: Socket, error: ConnectError) -> None:
        if not socket.is_connected:
            return
        socket.send_packet(packets.connect_error(socket.namespace, error.message, error.data))
        self._remove(socket, CONNECT_REFUSED)
        if self.is_idle:
            self.close(CONNECT_REFUSED)

    def _remove(self, socket: Socket, closing: Closing) -> None:
        del self._sockets[socket.namespace]
        socket.is_connected = False
        self._left |= {socket.namespace}
        task = socket.task
        if task is not None and task is not asyncio.current_task():
            task.cancel()
        if socket.is_known:
            socket.is_known = False
            self._home.safely(self._home.application.disconnected, socket, closing)
        if self.is_idle and not self.is_closed:
            self._home.waiting.add(self)

    @property
    def _is_full(self) -> bool:
        return len(self._sockets) >= self._home.limits.namespaces

    # Events.

    def _early(
        self, socket: Socket, held: Held, event: Event, acknowledge: Acknowledge | None
    ) -> Awaitable[None] | None:
        """Take an event that comes before it is known whether the client may connect."""
        if len(held) < self._home.limits.pending_events:
            held.append((event, acknowledge))
            return None
        return self._event_later(socket, event, acknowledge)

    async def _event_later(
        self, socket: Socket, event: Event, acknowledge: Acknowledge | None
    ) -> None:
        """Wait for the connect, and read nothing more from this client meanwhile."""
        if socket.task is not None:
            await asyncio.wait([socket.task])
        if socket.is_connected:
            work = self._home.application.event(socket, event, acknowledge)
            if work is not None:
                await work

    async def _guarded(self, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - whatever it is ends this connection alone
            self._fail(error)

    def _send(self, packet: bytes) -> None:
        self.link.send(self.link.framing.text(packet))

    def _fail(self, error: Exception) -> None:
        if isinstance(error, Malformed):
            self.close(PARSE_ERROR)
            return
        log.error("uncaught exception", exc_info=error)
        self.close(FAULT)


class SocketIo:
    """Socket.IO over Engine.IO: what makes a `Connection` of each session."""

    def __init__(self, application: Application, limits: Limits) -> None:
        self.application = application
        self.limits = limits
        self.waiting: Deadlines[Connection] = Deadlines(limits.connect_timeout, _give_up)

    def admit(self, address_key: str, handshake: Handshake) -> None:
        """Ask the application whether a client may have a session."""
        self.application.admit(address_key, handshake)

    def open(self, link: Link) -> Connection:
        """Take a new session, whose client is expected to connect to a namespace."""
        connection = Connection(self, link)
        self.waiting.add(connection)
        self.safely(self.application.opened, connection)
        return connection

    def new_id(self) -> str:
        """Name a socket; it is another secret than the session's, for others may be told of it."""
        return secrets.token_urlsafe(15)

    def safely(self, call: Callable[..., None], *arguments: object) -> None:
        """Tell the application something, whatever it does."""
        try:
            call(*arguments)
        except Exception:
            log.exception("uncaught exception")


def _discard(work: Awaitable[None], _: asyncio.Task[None]) -> None:
    """Close a coroutine that was never begun, because its client was gone at once."""
    if isinstance(work, Coroutine):
        work.close()


def _give_up(connection: Connection) -> None:
    connection.close(CONNECT_TIMEOUT)
