"""A request that waits for news: to the hub it is a socket that is told nothing but to look."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from chat.errors import Unauthenticated
from chat.events import (
    Event,
    Form,
    MarksMoved,
    MessageChanged,
    MessageStored,
    RoomCreated,
    RoomDeleted,
    RoomUpdated,
)
from chat.sessions import Identity
from handlers.services import Services
from handlers.sockets import SESSION_ENDED, Closing


class Poll:
    """One waiting request. It keeps the order of a socket: first it hears, and then it reads."""

    name = "poll"
    names_people = False
    is_alike = False
    number = 0
    rooms: set[str] | None = None
    held: list[tuple[Event, Form]] | None = None

    def __init__(self, identity: Identity, address_key: str, watched: set[str]) -> None:
        self.user = identity.user.id
        self.session_id: str | None = identity.session.id
        self.address_key = address_key
        self.heard = True
        # The rooms in which something has happened since one last looked.
        self.stirred: set[str] = set()
        self._watched = watched
        self._closing: Closing | None = None
        self._news = asyncio.Event()

    @property
    def dialect(self) -> "Poll":
        """Its own words: every poll watches other rooms."""
        return self

    def encode(self, event: Event, form: Form) -> bytes:
        """One byte for what one would want to know."""
        match event:
            case MessageStored(message=message) | MessageChanged(message=message):
                return self._noted(message.room)
            case MarksMoved(room=room, user=user) if user == self.user:
                return self._noted(room)
            case RoomCreated() | RoomUpdated() | RoomDeleted():
                return b"!"
        return b""

    def send(self, data: bytes) -> None:
        """Wake up."""
        self._news.set()

    def ping(self) -> None:
        """Be alive: whoever hangs up is noticed at once."""
        self.heard = True

    def end(self, closing: Closing) -> None:
        """Wait no longer."""
        self._closing = closing
        self._news.set()

    async def wait(self, seconds: float) -> bool:
        """Wait until there may be news; tell whether to go on afterwards."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return False
        self._news.clear()
        if self._closing is SESSION_ENDED:
            raise Unauthenticated("invalid_token", "this login has ended")
        return self._closing is None

    def _noted(self, room: str) -> bytes:
        if room not in self._watched:
            return b""
        self.stirred.add(room)
        return b"!"


@contextmanager
def listening(services: Services, poll: Poll) -> Iterator[None]:
    """Let a poll hear, and be as present as whoever has a socket."""
    services.sockets.admit(poll.address_key)
    services.sockets.admit_user(len(services.hub.of_user(poll.user)))
    services.sockets.add(poll)
    services.sockets.authenticated(poll)
    services.presence.connect(poll)
    try:
        yield
    finally:
        services.presence.disconnect(poll)
        services.sockets.remove(poll)
