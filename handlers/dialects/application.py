"""The chat behind Socket.IO: who may connect, and a client for each who does."""

from collections.abc import Awaitable

import msgspec
from msgspec import Raw, Struct

from chat import commands
from chat.errors import Invalid, Refusal
from handlers.dialects.choice import DIALECTS, Choice
from handlers.dialects.client import SocketIoClient
from handlers.dialects.wordings import Wordings
from handlers.dialects.words import refusal_body
from handlers.entering import require_identity
from handlers.services import Services
from handlers.socketio.connections import Application, ConnectError, Connection
from handlers.socketio.deadlines import Deadlines
from handlers.socketio.packets import Event
from handlers.socketio.peers import Acknowledge, Handshake, Home, Socket
from handlers.sockets import NOT_AUTHENTICATED, NOT_NOW, TOO_MANY, Closing
from models.store import StoreError


class Credentials(Struct, frozen=True):
    """What a client says when it connects: a token, a dialect, and what it has seen of rooms."""

    token: str | None = None
    dialect: str | None = None
    rooms: dict[str, commands.Number] = msgspec.field(default_factory=dict)


_auths = msgspec.json.Decoder(Credentials)


class Chatting(Application):
    """Lets clients of Socket.IO chat."""

    def __init__(self, services: Services, choice: Choice = DIALECTS) -> None:
        self._services = services
        self._choice = choice
        self._wordings = Wordings(services.attachments.links.base)
        self._nameless: Deadlines[Home] = Deadlines(
            services.socket_limits.authentication_seconds, _give_up
        )

    def admit(self, address_key: str, handshake: Handshake) -> None:
        """Refuse a connection too many."""
        self._services.sockets.admit(address_key)

    def opened(self, connection: Connection) -> None:
        """Count a connection, and bound the time until it is known who is behind it."""
        connection.state = SocketIoClient(
            self._services, connection, self._choice.by_name, self._wordings
        )
        self._nameless.add(connection)

    def connect(self, socket: Socket, auth: Raw) -> Awaitable[None]:
        """Find out who is there by their token; in open mode, whoever has none says so later."""
        return self._connect(socket, auth)

    async def _connect(self, socket: Socket, auth: Raw) -> None:
        client = _client(socket)
        try:
            known = _decoded(auth)
            token = known.token or _token_of(socket.connection.link.handshake)
            if not token:
                self._services.guests.require_open()
                client.speak(self._choice.by_name)
                socket.state = None
                return
            client.speak(self._choice.by_token(known.dialect))
            identity = await require_identity(self._services, token, client.address_key)
            socket.state = identity, known.rooms
        except StoreError:
            socket.connection.close(NOT_NOW)
        except Refusal as refusal:
            if refusal.retry_after is not None and refusal.code != TOO_MANY:
                # A connect error is final for a client; one that is cut off comes back by itself.
                # That is soon enough for what is over in a moment, and would go on each second, and
                # its page not know why, for as long as its user has too many others open.
                socket.connection.close(NOT_NOW)
                return
            raise ConnectError(refusal.message, refusal_body(refusal)) from refusal

    def connected(self, socket: Socket) -> None:
        """Let a client with a token hear, and tell it what it has missed."""
        if socket.state is None:
            return
        (identity, rooms), socket.state = socket.state, None
        self._nameless.remove(socket.connection)
        client = _client(socket)
        client.enter(identity)
        client.start(rooms)

    def event(
        self, socket: Socket, event: Event, acknowledge: Acknowledge | None
    ) -> Awaitable[None] | None:
        """Carry out what a client says."""
        client: SocketIoClient = socket.connection.state
        if client.speaker is not None:
            return client.hear(event, acknowledge)
        return self._first(socket, event, acknowledge)

    async def _first(self, socket: Socket, event: Event, acknowledge: Acknowledge | None) -> None:
        """Carry out what may tell who a client is."""
        client = _client(socket)
        work = client.hear(event, acknowledge)
        if work is not None:
            await work
        if client.is_known:
            self._nameless.remove(socket.connection)

    def disconnected(self, socket: Socket, closing: Closing) -> None:
        """Let a client go that has left, and may connect anew."""
        _client(socket).leave()
        if not socket.connection.is_closed:
            self._nameless.add(socket.connection)

    def closed(self, connection: Connection, closing: Closing) -> None:
        """Forget a client."""
        self._nameless.remove(connection)
        connection.state.forget()


def _client(socket: Socket) -> SocketIoClient:
    client: SocketIoClient = socket.connection.state
    return client


def _decoded(auth: Raw) -> Credentials:
    try:
        return _auths.decode(auth)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Invalid("invalid_auth", str(error)) from None


def _token_of(handshake: Handshake) -> str:
    """The token that old clients send as a header or in the query."""
    scheme, _, token = handshake.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return handshake.query.get("token", "")


def _give_up(connection: Home) -> None:
    # Whoever has said who they are may be told for longer than this what they have missed.
    if not connection.state.is_known:
        connection.state.end(NOT_AUTHENTICATED)
