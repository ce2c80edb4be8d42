"""What clients say to each kind of server: how they enter, send, and know what they are told."""

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

from msgspec import Struct

from bench.load import LoadFailed
from bench.numbered import numbered
from bench.processes import HOST
from bench.sockets import PONG, Place, Socket, text_frame

# Sockets that are opened at once.
OPENING = 32

S = TypeVar("S", bound=Socket)

# How many messages were acknowledged to somebody, and how many of others were delivered.
Heard = tuple[int, int]


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

    def hear(self, data: bytes, texts: list[Place]) -> Heard:
        """Count what texts tell, or raise LoadFailed for one that tells of an error."""


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

    def hear(self, data: bytes, texts: list[Place]) -> Heard:
        """Count what texts tell; one's own message ends with the name that one gave it."""
        acknowledged = delivered = 0
        for start, end in texts:
            kind = data[start + 9 : start + 13]  # behind `{"type":"`
            if kind == b"MESS":
                delivered += not data.endswith(b'"}}', start, end)
            elif kind == b'ACK"':
                acknowledged += 1
            elif kind == b"ERRO":
                raise LoadFailed(data[start:end].decode(errors="replace"))
        return acknowledged, delivered

    def sender(self, room: str, prefix: str, content: str) -> Iterator[bytes]:
        """Write the messages of one sender in a room."""
        before = b'{"type":"SEND_MESSAGE","id":'
        payload = {"roomId": room, "content": content, "clientId": prefix}
        after = b',"payload":' + json.dumps(payload, separators=(",", ":")).encode()[:-2]
        return numbered(before, after, b'"}}')


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

    def hear(self, data: bytes, texts: list[Place]) -> Heard:
        """Count what texts tell; that an acknowledgement says `ok` is looked at, too."""
        acknowledged = delivered = 0
        for start, end in texts:
            kind = data[start : start + 2]
            if kind == b"42":
                delivered += self.is_delivery(data, start, end)
            elif kind == b"43" and data.find(b'[{"ok":true', start, end) > 0:
                acknowledged += 1
            elif kind in (b"41", b"43"):
                raise LoadFailed(data[start:end].decode(errors="replace"))
        return acknowledged, delivered

    def is_delivery(self, data: bytes, start: int, end: int) -> bool:
        """Tell whether an event is a message of somebody else."""
        return True

    def sender(self, event: str, payload: dict[str, str]) -> Iterator[bytes]:
        """Write the events of one sender, each to be acknowledged."""
        return numbered(b"42", json.dumps([event, payload], separators=(",", ":")).encode())


class Plain:
    """The words of the server on `ws`: a token first, and then contents."""

    path = "/"
    alive = PONG

    async def enter(self, socket: Socket, user: User) -> None:
        """Log a socket in."""
        socket.text(json.dumps({"token": user.token}).encode())
        await socket.next_text(b'{"welcome":true')

    def hear(self, data: bytes, texts: list[Place]) -> Heard:
        """Count texts: what one hears of one's own stands for an acknowledgement."""
        return len(texts), 0

    def sender(self, content: str) -> Iterator[bytes]:
        """Write the messages of one sender."""
        return numbered(json.dumps({"content": content}).encode())


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
