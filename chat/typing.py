"""Who is writing: told to the others in the room, and over by itself."""

import asyncio

from chat.events import TypingStarted, TypingStopped
from chat.hub import Hub
from chat.people import People
from chat.rooms import LiveRoom

# Clients repeat it while their user writes; whoever does not, has stopped.
TYPING_SECONDS = 6.0

# Repeated more often than this, it says nothing new.
QUIET_SECONDS = 2.0

# In a larger room somebody is always writing, and each time everybody would be told.
MAX_MEMBERS = 200


class Typing:
    """Notes who is writing where, and tells when that begins and ends."""

    def __init__(self, hub: Hub, people: People) -> None:
        self._hub = hub
        self._people = people
        self._writing: dict[tuple[str, str], asyncio.TimerHandle] = {}
        self._told: dict[tuple[str, str], float] = {}

    def start(self, room: LiveRoom, user: str, name: str) -> None:
        """Somebody is writing."""
        if len(room.members) > MAX_MEMBERS or room.is_everyone:
            return
        key, loop = (room.id, user), asyncio.get_running_loop()
        known = self._writing.pop(key, None)
        if known is not None:
            known.cancel()
        self._writing[key] = loop.call_later(TYPING_SECONDS, self.stop, room, user)
        if loop.time() - self._told.get(key, -QUIET_SECONDS) >= QUIET_SECONDS:
            self._told[key] = loop.time()
            event = TypingStarted(room.id, user, name, self._people.pair(room, user))
            self._hub.tell_room(room, [event], without=user)

    def stop(self, room: LiveRoom, user: str) -> None:
        """Somebody is writing no more; nothing happens if they were not."""
        handle = self._writing.pop((room.id, user), None)
        self._told.pop((room.id, user), None)
        if handle is not None:
            handle.cancel()
            event = TypingStopped(room.id, user, self._people.pair(room, user))
            self._hub.tell_room(room, [event], without=user)

    def close(self) -> None:
        """Forget everybody."""
        for handle in self._writing.values():
            handle.cancel()
        self._writing.clear()
