"""All native sockets: how many there may be, whether they are alive, and whose they still are."""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from chat.errors import TooMany
from chat.limits import Rule
from chat.sessions import Sessions
from models.store import StoreError

log = logging.getLogger("hubbub.sockets")

HEARTBEAT_SECONDS = 25.0

# The code of a refusal that lasts until some other socket is closed.
TOO_MANY = "too_many_sockets"

# A login that ends closes its sockets within a second, also when another process ended it; and one
# of them may have been opened by what was known half a second before (chat/sessions.py).
WATCH_SECONDS = 0.4


@dataclass(frozen=True, slots=True)
class Closing:
    """Why a socket is closed; `docs/websocket.md` says what a client does about each."""

    code: int
    reason: str


SERVER_STOPS = Closing(1001, "the server stops")
NOT_AUTHENTICATED = Closing(4001, "no authentication in time")
TOKEN_REFUSED = Closing(4002, "the token was refused")
SESSION_ENDED = Closing(4003, "the login has ended")
TOO_SLOW = Closing(4008, "too slow: reconnect and resume")
NO_HEARTBEAT = Closing(4010, "no answer to a ping")
TOO_MANY_SOCKETS = Closing(4004, "too many sockets or attempts: wait before you reconnect")
FLOOD = Closing(4009, "too many frames that make no sense")
NOT_NOW = Closing(1013, "not now: reconnect after a moment")
FAULT = Closing(1011, "something went wrong here")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """How many sockets there may be."""

    per_user: int
    per_address: int
    unauthenticated: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketLimits:
    """What one socket, its user and its address may do."""

    frame_bytes: int
    waiting_bytes: int
    authentication_seconds: float
    authentications: Rule
    messages: Rule
    commands: Rule


class Socket(Protocol):
    """A socket, as far as those see it who look after all of them."""

    address_key: str
    session_id: str | None
    heard: bool

    def ping(self) -> None:
        """Ask for a sign of life."""

    def end(self, closing: Closing) -> None:
        """Close, saying why."""


class Sockets:
    """Counts sockets, sweeps them for signs of life, and closes those whose login has ended."""

    def __init__(self, sessions: Sessions, caps: Caps | None) -> None:
        self._sessions = sessions
        self._caps = caps
        self._numbers = count(1)
        self._sockets: set[Socket] = set()
        self._by_address: Counter[str] = Counter()
        self._unauthenticated: set[Socket] = set()

    def __len__(self) -> int:
        return len(self._sockets)

    def admit(self, address_key: str) -> None:
        """Refuse one more socket from an address, or one more that nobody has logged in."""
        if self._caps is None:
            return
        if self._by_address[address_key] >= self._caps.per_address:
            raise TooMany(TOO_MANY, "too many sockets from this address", retry_after=30)
        if len(self._unauthenticated) >= self._caps.unauthenticated:
            raise TooMany(TOO_MANY, "too many sockets at once", retry_after=5)

    def admit_user(self, present: int) -> None:
        """Refuse one more socket of a user who has so many."""
        if self._caps is not None and present >= self._caps.per_user:
            raise TooMany(TOO_MANY, "too many sockets of this user", retry_after=30)

    def add(self, socket: Socket) -> int:
        """Count a socket that nobody has logged in yet, and give it its number."""
        self._sockets.add(socket)
        self._unauthenticated.add(socket)
        self._by_address[socket.address_key] += 1
        return next(self._numbers)

    def authenticated(self, socket: Socket) -> None:
        """Note that somebody has logged a socket in."""
        self._unauthenticated.discard(socket)

    def remove(self, socket: Socket) -> None:
        """Count a socket out; twice does no harm."""
        if socket not in self._sockets:
            return
        self._sockets.remove(socket)
        self._unauthenticated.discard(socket)
        self._by_address[socket.address_key] -= 1
        if not self._by_address[socket.address_key]:
            del self._by_address[socket.address_key]

    def close_sessions(self, session_ids: Iterable[str]) -> None:
        """Close the sockets of logins that have ended."""
        ended = set(session_ids)
        for socket in [socket for socket in self._sockets if socket.session_id in ended]:
            socket.end(SESSION_ENDED)

    def close_all(self) -> None:
        """Close every socket, because the server stops."""
        for socket in list(self._sockets):
            socket.end(SERVER_STOPS)

    async def keep(self) -> None:
        """Look after the sockets until cancelled."""
        await asyncio.gather(self._beat(), self._watch())

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            self._sweep()

    def _sweep(self) -> None:
        """Close who was silent since the last sweep, and ask the others."""
        for socket in list(self._sockets):
            if not socket.heard:
                socket.end(NO_HEARTBEAT)
                continue
            socket.heard = False
            socket.ping()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            known = {socket.session_id for socket in self._sockets if socket.session_id is not None}
            if not known:
                continue
            try:
                living = await self._sessions.living(known)
            except StoreError as error:
                log.warning("could not ask which logins have ended: %s", error)
            else:
                self.close_sessions(known - living)
