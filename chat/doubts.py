"""Reads again who is in a room, where the store did not say whether it did what it was asked."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager

from chat.live_room import LiveRoom, Member, live_member
from chat.room_news import RoomNews
from chat.rooms import Rooms
from models.disk import Disk
from models.records import Membership, Room, User
from models.store import NotFound, Refused, Store, StoreError, Unavailable

log = logging.getLogger("hubbub.rooms")

RETRY_SECONDS = 0.25

# A frozen server that goes on carries out what it was asked, perhaps a moment behind the question
# what came of it; so that is asked twice.
LATE_SECONDS = 2.0


class Doubts:
    """The rooms of which it is not known who is in them, and the one task that finds it out."""

    def __init__(self, store: Store, disk: Disk, rooms: Rooms, news: RoomNews) -> None:
        self._store = store
        self._disk = disk
        self._rooms = rooms
        self._news = news
        self._doubtful: set[LiveRoom] = set()
        self._later: dict[LiveRoom, asyncio.TimerHandle] = {}
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False

    @asynccontextmanager
    async def changing(self, room: LiveRoom) -> AsyncIterator[None]:
        """Keep others from changing a room, once it is known who is in it and who may change it."""
        async with room.lock:
            await self._be_sure(room)
            yield

    @contextmanager
    def about(self, room: LiveRoom) -> Iterator[None]:
        """Change something of a room in the store; what came of it is found out at need."""
        try:
            yield
        except (NotFound, Refused):
            # It was done later than anybody asked, perhaps, and is not as it is known here.
            self._ask(room)
            raise
        except (Unavailable, asyncio.CancelledError):
            self._rooms.lists.doubt()
            later = self._later.pop(room, None)
            if later is not None:
                later.cancel()
            loop = asyncio.get_running_loop()
            self._later[room] = loop.call_later(LATE_SECONDS, self._ask_again, room)
            self._ask(room)
            raise

    def close(self) -> None:
        """Find out nothing more; at the next start everything is read anew."""
        self._is_closed = True
        for later in self._later.values():
            later.cancel()
        if self._task is not None:
            self._task.cancel()

    def _ask_again(self, room: LiveRoom) -> None:
        if room in self._doubtful:  # it was not answered yet, and so it is early for the last time
            self._later[room] = asyncio.get_running_loop().call_later(
                LATE_SECONDS, self._ask_again, room
            )
            return
        del self._later[room]
        self._ask(room)

    def _ask(self, room: LiveRoom) -> None:
        self._doubtful.add(room)
        if self._task is None and not self._is_closed:
            self._task = asyncio.get_running_loop().create_task(self._find_out())

    async def _find_out(self) -> None:
        while self._doubtful:
            room = next(iter(self._doubtful))
            try:
                async with room.lock:
                    await self._be_sure(room)
            except StoreError:
                await asyncio.sleep(RETRY_SECONDS)
                continue
            except Exception:
                log.exception("could not find out who is in a room")
            self._doubtful.discard(room)
        self._task = None

    async def _be_sure(self, room: LiveRoom) -> None:
        if room in self._doubtful:
            await self._read_again(room)
            self._doubtful.discard(room)

    async def _read_again(self, room: LiveRoom) -> None:
        stored = await self._disk.run(self._store.rooms.get, room.id)
        if stored is None:
            self._rooms.drop(room.id)
            self._news.deleted(room)
            room.members.clear()
            return
        memberships = await self._disk.run(self._store.rooms.members, room.id)
        users = {membership.user for membership in memberships}
        named = await self._news.named(room, *(users - room.members.keys()))
        # At once from here on, so that nobody hears half of it.
        here = tuple(user for user in named if user.id in users)
        changed = _shape(room.room, room.members.values()) != _shape(stored, memberships)
        room.room = stored
        for user in room.members.keys() - users:
            del room.members[user]
            self._news.left(room, user)
        for membership in memberships:
            self._take_over(room, membership, here)
        if changed and not room.is_everyone:
            self._news.updated(room, here)

    def _take_over(self, room: LiveRoom, membership: Membership, named: tuple[User, ...]) -> None:
        """Let a live room know of a membership what is stored of it, but for its marks."""
        user, member = membership.user, room.members.get(membership.user)
        if member is None:
            room.admit(live_member(membership))
            if not room.is_everyone:
                self._news.created(room, [user], named)
                self._news.joined(room, user, membership.role)
            return
        member.role = membership.role
        room.mute(user, on=membership.muted)
        if member.hidden != membership.hidden:
            room.hide(user, on=membership.hidden)
            if member.hidden:
                self._news.hidden(room, user)
            else:
                self._news.created(room, [user], named)


def _shape(room: Room, members: Iterable[Member | Membership]) -> object:
    """What all who are in a room see of it."""
    return room.name, room.description, {member.user: member.role for member in members}
