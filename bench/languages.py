"""What clients say to each kind of server: how they enter, send, and know what they are told."""

import asyncio
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto
from typing import Protocol, TypeVar

from msgspec import Struct

from bench.processes import HOST
from bench.sockets import PONG, Socket, text_frame

# Sockets that are opened at once.
OPENING = 32

# Numbers of this length keep all frames of a sender of one length.
FIRST = 10_000_000

S = TypeVar("S", bound=Socket)


class Heard(Enum):
    """What a frame is about, as far as a benchmark cares."""

    DELIVERY = auto()
    ACKNOWLEDGEMENT = auto()
    ERROR = auto()
    OTHER = auto()


class User(Struct, frozen=True):
    """Who logs in."""

    id: str
    token: str


class Language(Protocol):
    """The words of one kind of server."""

    path: str
    alive: bytes

    async def enter(self, socket: Socket, user: User) -> None:
        """Log a socket in."""

    def heard(self, data: bytes, start: int, end: int) -> Heard:
        """Tell what a text is."""


class Native:
    """Hubbub's own words."""

    path = "/ws"
    alive = PONG

    async def enter(self, socket: Socket, user: User) -> None:
        """Log a socket in."""
        await self.ask(socket, "AUTH", {"token": user.token}, answer=b'{"type":"AUTH_SUCCESS"')

    async def ask(
        self, socket: Socket, kind: str, payload: object, answer: bytes = b'{"type":"ACK"'
    ) -> dict[str, dict[str, str]]:
        """Send a command and return what its answer says."""
        socket.text(json.dumps({"type": kind, "id": 0, "payload": payload}).encode())
        text = await socket.next_text(answer, b'{"type":"ERROR"', b'{"type":"AUTH_ERROR"')
        if not text.startswith(answer):
            raise ConnectionRefusedError(text.decode())
        said: dict[str, dict[str, str]] = json.loads(text)["payload"]
        return said

    def heard(self, data: bytes, start: int, end: int) -> Heard:
        """Tell what a text is; one's own message comes with the name that one gave it."""
        heard = _NATIVE.get(data[start + 9 : start + 13], Heard.OTHER)
        if heard is Heard.DELIVERY and data.find(b'"clientId":', start, end) > 0:
            return Heard.OTHER
        return heard

    def sender(self, room: str, prefix: str, content: str) -> "Sender":
        """Write the messages of one sender in a room."""
        before = b'{"type":"SEND_MESSAGE","id":'
        payload = {"roomId": room, "content": content, "clientId": prefix}
        after = b',"payload":' + json.dumps(payload, separators=(",", ":")).encode()[:-2]
        return Sender(before, after, b'"}}')


# What stands behind `{"type":"`.
_NATIVE = {
    b"MESS": Heard.DELIVERY,
    b'ACK"': Heard.ACKNOWLEDGEMENT,
    b"ERRO": Heard.ERROR,
}


class SocketIo:
    """Socket.IO 4 over a WebSocket: packets of Engine.IO, with packets of Socket.IO in them."""

    path = "/socket.io/?EIO=4&transport=websocket"
    alive = text_frame(b"3")
    # What a client says of itself besides its token.
    auth: Mapping[str, str] = {}

    async def enter(self, socket: Socket, user: User) -> None:
        """Log a socket in."""
        await socket.next_text(b"0{")
        socket.text(b"40" + json.dumps({"token": user.token, **self.auth}).encode())
        text = await socket.next_text(b"40", b"44")
        if text.startswith(b"44"):
            raise ConnectionRefusedError(text.decode())

    def heard(self, data: bytes, start: int, end: int) -> Heard:
        """Tell what a text is; that an acknowledgement says `ok` is looked at, too."""
        kind = data[start : start + 2]
        if kind == b"42":
            return Heard.DELIVERY
        if kind == b"43":
            good = data.find(b'[{"ok":true', start, end) > 0
            return Heard.ACKNOWLEDGEMENT if good else Heard.ERROR
        return Heard.ERROR if kind == b"41" else Heard.OTHER

    def sender(self, event: str, payload: dict[str, str]) -> "Sender":
        """Write the events of one sender, each to be acknowledged."""
        return Sender(b"42", json.dumps([event, payload], separators=(",", ":")).encode(), None)


class Plain:
    """The words of the server on `ws`: a token first, and then contents."""

    path = "/"
    alive = PONG

    async def enter(self, socket: Socket, user: User) -> None:
        """Log a socket in."""
        socket.text(json.dumps({"token": user.token}).encode())
        await socket.next_text(b'{"welcome":true')

    def heard(self, data: bytes, start: int, end: int) -> Heard:
        """Tell what a text is: what one hears of one's own stands for an acknowledgement."""
        return Heard.ACKNOWLEDGEMENT

    def sender(self, content: str) -> "Sender":
        """Write the messages of one sender."""
        return Sender(json.dumps({"content": content}).encode(), None, None)


class Sender:
    """Encodes one message after the other: the same but for a number, where there is one."""

    def __init__(self, before: bytes, after: bytes | None, end: bytes | None) -> None:
        self._numbers = itertools.count(FIRST)
        self._before, self._after, self._end = before, after, end

    def next(self) -> bytes:
        """Encode the next message as a frame."""
        if self._after is None:
            return text_frame(self._before)
        number = next(self._numbers)
        if self._end is None:
            return text_frame(b"%b%d%b" % (self._before, number, self._after))
        return text_frame(b"%b%d%b%d%b" % (self._before, number, self._after, number, self._end))


async def enter_all(port: int, language: Language, kind: type[S], users: Sequence[User]) -> list[S]:
    """Open a socket for each user, some at once, and return them in order."""
    sockets: list[S] = []
    for at in range(0, len(users), OPENING):
        some = users[at : at + OPENING]
        sockets += await asyncio.gather(*(enter(port, language, kind, user) for user in some))
    return sockets


async def enter(port: int, language: Language, kind: type[S], user: User) -> S:
    """Open a socket and log it in."""
    loop = asyncio.get_running_loop()
    _, socket = await loop.create_connection(
        lambda: kind(language.path, language.alive), HOST, port
    )
    await language.enter(socket, user)
    return socket


def stay_alive(sockets: Iterable[Socket]) -> None:
    """Have sockets give signs of life from now on."""
    for socket in sockets:
        socket.stay_alive()
