"""A room on Hubbub's Socket.IO, with nothing stored: peers/rooms.js in Python.

What is said in one turn of the loop is told in one, as the journal does it with what it has
stored; each packet is encoded once for each framing.
"""

import asyncio
import gc
import os
from collections.abc import Awaitable, Iterable
from datetime import UTC, datetime

import jwt
import msgspec
import uvloop
from msgspec import Raw, Struct
from tornado.httpserver import HTTPServer
from tornado.web import Application as WebApplication

from chat.events import Event as Told
from chat.events import Form
from chat.hub import Hub
from handlers.origins import Origins
from handlers.socketio import packets
from handlers.socketio.connections import Application, ConnectError, SocketIo
from handlers.socketio.engine import Limits
from handlers.socketio.packets import Event
from handlers.socketio.peers import Acknowledge, Socket
from handlers.socketio.sessions import Sessions
from handlers.socketio.transports import Edge, routes
from handlers.socketio.words import Framed, framed
from handlers.sockets import Closing

KEY = os.environ.get("JWT_SECRET", "")


class Content(Struct, frozen=True):
    """What is said."""

    content: str


class Said(Struct, frozen=True, rename="camel"):
    """What everybody hears."""

    id: int
    sender: str
    content: str
    created_at: datetime


class Message:
    """The words of this room."""

    kept_as = None

    def packets(self, event: Told, form: Form) -> Iterable[bytes]:
        """One event for what was said."""
        return (packets.event("message", event),)


class Box:
    """A client, as the hub sees it."""

    __slots__ = ("_dialects", "held", "number", "rooms", "send", "socket", "user")

    def __init__(self, socket: Socket, user: str, dialects: object) -> None:
        self.socket = socket
        self.user = user
        self.number = 0
        self.rooms: set[str] | None = None
        self.held: list[tuple[Told, Form]] | None = None
        self.send = socket.connection.link.send
        self._dialects = dialects

    @property
    def dialect(self) -> Framed:
        """The words in the framing that this client is on now."""
        return self._dialects[self.socket.connection.link.framing]


class Room(Application):
    """Tells everybody what anybody says."""

    def __init__(self) -> None:
        self._hub = Hub()
        self._dialects = framed(Message())
        self._decoder = msgspec.json.Decoder(Content)
        self._auths = msgspec.json.Decoder(dict[str, str])
        self._news: list[Said] = []
        self._answers: list[Acknowledge] = []
        self._last = 0

    def connect(self, socket: Socket, auth: Raw) -> None:
        """Let in who has a token."""
        try:
            token = self._auths.decode(auth)["token"]
            user = jwt.decode(token, KEY, algorithms=["HS256"])["sub"]
        except (msgspec.MsgspecError, KeyError, jwt.InvalidTokenError):
            raise ConnectError("the token is not valid") from None
        socket.state = Box(socket, user, self._dialects)

    def connected(self, socket: Socket) -> None:
        """Let somebody hear."""
        self._hub.connect(socket.state)

    def event(
        self, socket: Socket, event: Event, acknowledge: Acknowledge | None
    ) -> Awaitable[None] | None:
        """Tell everybody soon."""
        if event.name == "message" and acknowledge is not None:
            content = self._decoder.decode(event.arguments[0]).content
            self._last += 1
            now = datetime.now(UTC)
            self._news.append(Said(self._last, socket.state.user, content, now))
            self._answers.append(acknowledge)
            if len(self._news) == 1:
                # Twice, to look once more for what others have sent: each telling takes 3 ms.
                loop = asyncio.get_running_loop()
                loop.call_soon(loop.call_soon, self._tell)
        return None

    def disconnected(self, socket: Socket, closing: Closing) -> None:
        """Forget somebody."""
        self._hub.disconnect(socket.state)

    def _tell(self) -> None:
        news, self._news = self._news, []
        answers, self._answers = self._answers, []
        self._hub.tell_news(news)  # type: ignore[arg-type] - the hub tells whatever can be encoded
        for acknowledge in answers:
            acknowledge({"ok": True})


async def serve() -> None:
    """Serve until killed."""
    gc.freeze()
    limits = Limits(sessions_per_address=100_000)
    sessions = Sessions(SocketIo(Room(), limits), limits)
    application = WebApplication(
        routes("/socket.io/", Edge(sessions, Origins(()))), log_function=lambda _: None
    )
    server = HTTPServer(application)
    server.listen(int(os.environ["PORT"]), "127.0.0.1", backlog=1024)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve())
