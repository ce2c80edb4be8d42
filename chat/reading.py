"""Reading rooms: their pages, their changes, and the list of those that somebody is in."""

import asyncio
from datetime import datetime

from msgspec import Struct

from chat.commands import History, Sync
from chat.errors import Invalid, NotFound
from chat.people import People
from chat.policy import require_member, require_visible
from chat.rooms import LiveRoom, Rooms
from models.disk import Disk
from models.records import Message, Room, User
from models.store import Store

# A list of rooms names this many of the people in each; a larger room is asked for its members.
MAX_NAMED = 100

# Reading a room that is not in memory takes four reads; so many at a time keep the threads busy.
AT_ONCE = 8


class Page(Struct, frozen=True):
    """A part of a room, ascending, and whether there is more in the direction of reading."""

    messages: list[Message]
    has_more: bool


class Changes(Struct, frozen=True):
    """What has changed in a room, in order; all of it, or as much as was asked for."""

    messages: list[Message]
    rev: int
    complete: bool


class RoomState(Struct, frozen=True):
    """A room as one who is in it sees it."""

    room: LiveRoom
    members: list[User]


class RoomPage(Struct, frozen=True):
    """A part of a list of rooms, and where the next part begins if there is one."""

    states: list[RoomState]
    next: tuple[datetime, str] | None


class Reading:
    """Reads what somebody may read."""

    def __init__(self, store: Store, disk: Disk, rooms: Rooms, people: People) -> None:
        self._store = store
        self._disk = disk
        self._rooms = rooms
        self._people = people

    async def history(self, user: str, command: History) -> Page:
        """A page of a room."""
        room = await self._rooms.get(command.room_id)
        require_visible(room, user)
        places = [command.before, command.after, command.around]
        if sum(place is not None for place in places) > 1:
            raise Invalid("invalid_body", "a page is before, after or around a message")
        page = await self._page(command)
        await self._people.load(message.sender for message in page.messages)
        return page

    async def changes(self, user: str, command: Sync) -> Changes:
        """What has changed in a room since a `rev`."""
        room = await self._rooms.get(command.room_id)
        require_visible(room, user)
        # One more than asked for tells whether there is more.
        messages = await self._disk.run(
            self._store.messages.changes, room.id, since=command.since, limit=command.limit + 1
        )
        # What is stored beyond the room's own count is about to be told to all who are in it.
        messages = [message for message in messages if message.rev <= room.rev]
        # Whoever has seen more than there is (the data may be an older copy) must start anew.
        complete = len(messages) <= command.limit and command.since <= room.rev
        messages = messages[: command.limit]
        rev = messages[-1].rev if messages else min(command.since, room.rev)
        await self._people.load(message.sender for message in messages)
        return Changes(messages, rev, complete)

    async def rooms(
        self, user: str, *, before: tuple[datetime, str] | None = None, limit: int
    ) -> RoomPage:
        """The rooms of a user, the latest first."""
        # One more than asked for tells whether there is more.
        of_user = self._store.rooms.of_user
        theirs = await self._disk.run(of_user, user, before=before, limit=limit + 1)
        return await self._room_page([room for room, _ in theirs], limit)

    async def public(self, *, before: tuple[datetime, str] | None = None, limit: int) -> RoomPage:
        """The rooms that anybody may come into, the latest first."""
        rooms = await self._disk.run(self._store.rooms.public, before=before, limit=limit + 1)
        return await self._room_page(rooms, limit)

    async def room(self, user: str, room_id: str) -> RoomState:
        """One room, as one who is in it sees it."""
        room = await self._rooms.get(room_id)
        require_member(room, user)
        return await self.state(room)

    async def state(self, room: LiveRoom) -> RoomState:
        """A room with the people in it."""
        if room.last is not None:  # who may have left
            await self._people.load([room.last.sender])
        return RoomState(room, await self._people.users(sorted(room.members)[:MAX_NAMED]))

    async def _room_page(self, rooms: list[Room], limit: int) -> RoomPage:
        last = rooms[limit - 1] if len(rooms) > limit else None
        turn = asyncio.Semaphore(AT_ONCE)

        async def read(room_id: str) -> RoomState | None:
            async with turn:
                try:
                    return await self.state(await self._rooms.get(room_id))
                except NotFound:  # deleted since the list was read
                    return None

        states = await asyncio.gather(*(read(room.id) for room in rooms[:limit]))
        return RoomPage(
            [state for state in states if state is not None],
            None if last is None else (last.active, last.id),
        )

    async def _page(self, command: History) -> Page:
        history, limit = self._store.messages.history, command.limit
        if command.around is not None:
            older = await self._disk.run(
                history, command.room_id, before=command.around, limit=limit // 2
            )
            newer = await self._disk.run(
                history, command.room_id, after=command.around - 1, limit=limit - len(older) + 1
            )
            return Page([*older, *newer][:limit], len(older) + len(newer) > limit)
        messages = await self._disk.run(
            history, command.room_id, before=command.before, after=command.after, limit=limit + 1
        )
        has_more = len(messages) > limit
        if command.after is not None:
            return Page(messages[:limit], has_more)
        return Page(messages[-limit:], has_more)
