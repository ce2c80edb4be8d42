"""All live rooms: read when they are first used, and forgotten when nobody uses them."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from weakref import WeakValueDictionary

from chat.badges import MAX_NAMING
from chat.live_room import LiveRoom, Member, live_member, no_such_room
from chat.recall import WAKING, Shelf
from chat.room_lists import RoomLists
from chat.senders import MAX_SENDERS
from models.disk import Disk
from models.records import Message, pair_of
from models.store import Store

# A live room with five members is some 4 KB, so this many are 40 MB; the one that was used longest
# ago makes room for another.
MAX_LIVE = 10_000

IDLE_SECONDS = 300.0


class Rooms:
    """All live rooms; reads a room from the store when it is first used."""

    def __init__(
        self, store: Store, disk: Disk, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._disk = disk
        self._clock = clock
        self._live: OrderedDict[str, LiveRoom] = OrderedDict()
        # Those of them that belong to two people, by their pair.
        self._pairs: dict[str, str] = {}
        self._shelf = Shelf()
        self.lists = RoomLists()
        # Also those that were forgotten while somebody still works with them: there are never two
        # of a room, of which one would be told what the other does not know.
        self._held: WeakValueDictionary[str, LiveRoom] = WeakValueDictionary()
        # Writes down how far people have read, before a room is forgotten.
        self.save: Callable[[LiveRoom, list[Member]], None] = lambda *_: None
        self._loading: dict[str, asyncio.Future[LiveRoom]] = {}

    def __len__(self) -> int:
        return len(self._live)

    def __contains__(self, room_id: str) -> bool:
        return room_id in self._live

    def live(self, room_id: str) -> LiveRoom | None:
        """The room, if it is in memory."""
        room = self._live.get(room_id)
        if room is None:
            room = self._held.get(room_id)
            if room is None:
                return None
            self._keep(room)
        room.used = self._clock()
        self._live.move_to_end(room_id)
        return room

    def live_direct(self, user_id: str, other: str) -> LiveRoom | None:
        """The direct room of two people, if it is in memory."""
        room_id = self._pairs.get(pair_of(user_id, other))
        return None if room_id is None else self.live(room_id)

    async def get(self, room_id: str) -> LiveRoom:
        """The room, from memory or from the store; many that want it at once read it once."""
        room = self.live(room_id)
        if room is not None:
            return room
        loading = self._loading.get(room_id)
        if loading is None:
            loading = self._loading[room_id] = asyncio.ensure_future(self._load(room_id))
            loading.add_done_callback(lambda done: self._loaded(room_id, done))
        # Shielded: one that gives up waiting must not take the room from the others.
        return await asyncio.shield(loading)

    def save_all(self) -> None:
        """Write down how far people have read, because all rooms are about to be forgotten."""
        for room in self._live.values():
            self.save(room, room.unsaved())

    def drop(self, room_id: str) -> None:
        """Forget a room, because it is gone or because what is known of it may be wrong."""
        room = self._live.pop(room_id, None)
        if room is not None and room.room.pair is not None:
            self._pairs.pop(room.room.pair, None)
        self._held.pop(room_id, None)

    async def keep(self) -> None:
        """Forget idle rooms now and then, until cancelled."""
        while True:
            await asyncio.sleep(IDLE_SECONDS / 5)
            self.sweep()

    def sweep(self) -> None:
        """Forget the rooms that nobody has used for a while."""
        oldest = self._clock() - IDLE_SECONDS
        for room in [room for room in self._live.values() if room.used < oldest]:
            self._evict(room)

    def _loaded(self, room_id: str, loading: asyncio.Future[LiveRoom]) -> None:
        del self._loading[room_id]
        if not loading.cancelled():
            loading.exception()  # perhaps nobody waits for it any more

    async def _load(self, room_id: str) -> LiveRoom:
        room, messages = await self._disk.run(self._read, room_id)
        room.recall.keep(messages)
        self._held[room_id] = room
        self._keep(room)
        return room

    def _keep(self, room: LiveRoom) -> None:
        room.used = self._clock()
        self._live[room.id] = room
        if room.room.pair is not None:
            self._pairs[room.room.pair] = room.id
        while len(self._live) > MAX_LIVE:
            # Rooms that are being written stay, so there may be a few more than that for a moment.
            if not self._evict(next(iter(self._live.values()))):
                break

    def _read(self, room_id: str) -> tuple[LiveRoom, list[Message]]:
        room = self._store.rooms.get(room_id)
        if room is None:
            raise no_such_room()
        counters = self._store.messages.counters(room_id)
        members = self._store.rooms.members(room_id)
        here = {member.user: live_member(member) for member in members}
        live = LiveRoom(room, counters, here, self._shelf)
        messages = self._store.messages.history(room_id, limit=MAX_SENDERS)
        for message in messages:
            live.note_sender(message)
        for seq, users in self._store.messages.naming(room_id, limit=MAX_NAMING):
            live.badges.note(seq, users)
        for member in live.members.values():
            member.told = member.read
        return live, messages[-WAKING:]

    def _evict(self, room: LiveRoom) -> bool:
        unsaved = room.unsaved()
        if unsaved:
            self.save(room, unsaved)
        if room.is_busy:
            self._live.move_to_end(room.id)
            return False
        del self._live[room.id]
        if room.room.pair is not None:
            self._pairs.pop(room.room.pair, None)
        return True
