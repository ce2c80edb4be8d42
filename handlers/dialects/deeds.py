"""What a dialect does for one of its clients: whatever its events ask for but saying something."""

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import convert

from chat import commands
from chat.chat import Speaker
from chat.conversations import Line
from chat.errors import Unauthenticated
from chat.events import Pair, Person
from handlers.catching_up import sync
from handlers.dialects.offline import Returned, release_held, take
from handlers.dialects.showing import whole
from handlers.dialects.tables import Reached, Told
from models.records import User


class Asking(Returned, Protocol):
    """A client that asks for something to be done."""

    name: str
    # What links begin with.
    base: str

    def emit(self, name: str, payload: object) -> None:
        """Tell this client alone."""


class Deeds:
    """Does what a dialect may do for its client; see `tables.Client`."""

    __slots__ = ("_client", "_services")

    def __init__(self, client: Asking) -> None:
        self._client = client
        self._services = client.services

    @property
    def user(self) -> str:
        """The id of whoever it is."""
        return self._client.user

    @property
    def name(self) -> str:
        """Their name."""
        return self._client.name

    def emit(self, name: str, payload: object) -> None:
        """Tell this client alone."""
        self._client.emit(name, payload)

    async def find(self, name: str) -> User | None:
        """Whoever has a name."""
        user = self._services.people.known_by_name(name.strip())
        return user or await self._services.guests.find(name)

    async def online(self) -> Sequence[User]:
        """Those who are online."""
        return await self._services.people.users(self._services.presence.online())

    def socket_id(self, user_id: str) -> str:
        """The name of a socket of somebody, over whatever they have come."""
        for outbox in self._services.hub.of_user(user_id):
            return str(getattr(outbox, "sid", outbox.number))
        return ""

    async def typing(self, user_id: str, *, on: bool) -> None:
        """Be writing to somebody, or be writing no more."""
        typing = self._services.typing
        room = await self._services.conversations.room(self.user, user_id)
        users = await self._services.people.load([self.user, user_id])
        if room is not None and on:
            typing.start(room, self.user, self.name)
        elif room is not None:
            typing.stop(room, self.user)
        elif user_id in users and user_id != self.user:
            pair = Pair(Person(self.user, self.name), Person(user_id, users[user_id].name))
            if on:
                typing.start_to(pair)
            else:
                typing.stop_to(pair)

    async def delivered(self, message_id: str) -> None:
        """Have received as far as a message."""
        command = commands.Delivered(message_id=message_id)
        await self._services.chat.delivered(self._speaker, command)

    async def read(self, message_id: str) -> None:
        """Have read as far as a message."""
        await self._services.chat.read(self._speaker, commands.Read(message_id=message_id))

    async def sync(self, command: commands.Sync) -> Reached:
        """Tell what has changed in a room."""
        return convert({"ok": True, **await sync(self._client, command)}, Reached)

    async def show_history(
        self, user_id: str, show: Callable[[list[Line]], Told], *, limit: int, skip: int = 0
    ) -> list[Line]:
        """Tell the latest lines with somebody, in order with what is told meanwhile."""
        client = self._client
        client.held = []
        shown: set[str] = set()
        lines: list[Line] = []
        try:
            lines = await self._services.conversations.latest(
                self.user, user_id, limit=limit, skip=skip
            )
            lines = _fitting(lines, self._services.socket_limits.waiting_bytes // 2)
            self.emit(*show([whole(line, client.base) for line in lines]))
            shown = {line.message.id for line in lines}
        finally:
            held = release_held(client, lambda message: message.id in shown)
        await take(client, held)
        return lines

    @property
    def _speaker(self) -> Speaker:
        if self._client.speaker is None:
            raise Unauthenticated("not_joined", "say first who you are")
        return self._client.speaker


def _fitting(lines: list[Line], most: int) -> list[Line]:
    """The newest of some lines that a client can be told at once without being cut."""
    left = most
    for number, line in enumerate(reversed(lines)):
        # In JSON a character is six bytes at most; the rest of a message is some 400, as is a link.
        left -= 6 * len(line.message.text) + 400 * (1 + len(line.shown))
        if left < 0:
            return lines[len(lines) - number :]
    return lines
