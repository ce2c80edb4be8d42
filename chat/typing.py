"""Who is writing: told to the others in the room, and over with what they say, or by itself."""

import asyncio
from collections.abc import Callable, Iterable

from chat.events import Event, Pair, TypingStarted, TypingStopped, TypingTo
from chat.hub import Hub
from chat.live_room import LiveRoom
from chat.people import People
from models.records import Message

# Clients repeat it while their user writes; whoever does not, has stopped.
TYPING_SECONDS = 6.0

# Repeated more often than this, it says nothing new.
QUIET_SECONDS = 2.0

# In a larger room somebody is always writing, and each time everybody would be told.
MAX_MEMBERS = 200


Tell = Callable[[Event], None]
# Who is writing, and in which room, or to whom.
Key = tuple[str, str]


class Typing:
    """Notes who is writing where, and tells when that begins and ends."""

    def __init__(self, hub: Hub, people: People) -> None:
        self._hub = hub
        self._people = people
        self._writing: dict[Key, asyncio.TimerHandle] = {}
        self._told: dict[Key, float] = {}

    def start(self, room: LiveRoom, user: str, name: str) -> None:
        """Somebody is writing."""
        if len(room.members) > MAX_MEMBERS or room.is_everyone:
            return
        pair = self._people.pair(room, user)
        started = TypingStarted(room.id, user, name, pair)
        stopped = TypingStopped(room.id, user, pair)
        self._start(_key(room, user), started, stopped, self._to_room(room, user))

    def stop(self, room: LiveRoom, user: str) -> None:
        """Somebody is writing no more; nothing happens if they were not."""
        event = TypingStopped(room.id, user, self._people.pair(room, user))
        self._stop(_key(room, user), event, self._to_room(room, user))

    def over(self, room: LiveRoom, said: Iterable[Message]) -> None:
        """Whoever has said something in a room is writing it no more."""
        if not self._writing:  # as nearly always, and this is done for every message
            return
        for message in said:
            if _key(room, message.sender) in self._writing:
                self.stop(room, message.sender)

    def start_to(self, pair: Pair) -> None:
        """Somebody is writing to somebody with whom they have no room yet."""
        key = (pair.sender.id, pair.receiver.id)
        started, stopped = TypingTo(pair, is_typing=True), TypingTo(pair, is_typing=False)
        self._start(key, started, stopped, self._to_user(pair.receiver.id))

    def stop_to(self, pair: Pair) -> None:
        """Somebody is writing to them no more; nothing happens if they were not."""
        key = (pair.sender.id, pair.receiver.id)
        self._stop(key, TypingTo(pair, is_typing=False), self._to_user(pair.receiver.id))

    def close(self) -> None:
        """Forget everybody."""
        for handle in self._writing.values():
            handle.cancel()
        self._writing.clear()

    def _start(self, key: Key, started: Event, stopped: Event, tell: Tell) -> None:
        loop = asyncio.get_running_loop()
        known = self._writing.pop(key, None)
        if known is not None:
            known.cancel()
        self._writing[key] = loop.call_later(TYPING_SECONDS, self._stop, key, stopped, tell)
        if loop.time() - self._told.get(key, -QUIET_SECONDS) >= QUIET_SECONDS:
            self._told[key] = loop.time()
            tell(started)

    def _stop(self, key: Key, stopped: Event, tell: Tell) -> None:
        handle = self._writing.pop(key, None)
        self._told.pop(key, None)
        if handle is not None:
            handle.cancel()
            tell(stopped)

    def _to_room(self, room: LiveRoom, user: str) -> Tell:
        return lambda event: self._hub.tell_room(room, [event], without=user)

    def _to_user(self, user: str) -> Tell:
        return lambda event: self._hub.tell_users([user], event)


def _key(room: LiveRoom, user: str) -> Key:
    """In a direct room the other one, so that whoever began before there was one can stop."""
    return user, room.other(user) or room.id
