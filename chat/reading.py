"""Reading rooms: their pages, their changes, and the list of those that somebody is in."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice

from msgspec import Struct

from chat.attachments import Attachments, Shown
from chat.commands import History, Sync
from chat.errors import Invalid, NotFound
from chat.hints import Hints
from chat.live_room import LiveRoom
from chat.people import People
from chat.policy import (
    has_receipts,
    looks_after,
    no_such_message,
    require_may_see_former,
    require_member,
    require_visible,
)
from chat.rooms import Rooms
from models.disk import Disk
from models.records import EVERYONE, FormerText, Membership, Message, Room, RoomRole, User
from models.store import Store

# A list of rooms names this many of the people in each; a larger room is asked for its members.
MAX_NAMED = 100

# Reading a room that is not in memory takes five reads; so many at a time keep the threads busy.
AT_ONCE = 8


class Page(Struct, frozen=True):
    """A part of a room, ascending, and whether there is more in the direction of reading."""

    messages: list[Message]
    has_more: bool


class Changes(Struct, frozen=True):
    """What has changed in a room, in order; all of it, or as much as was asked for."""

    room: LiveRoom
    messages: list[Message]
    rev: int
    complete: bool


class RoomState(Struct, frozen=True):
    """A room as one who is in it sees it, and what its last message shows."""

    room: LiveRoom
    members: list[User]
    shown: tuple[Shown, ...] = ()


class RoomPage(Struct, frozen=True):
    """A part of a list of rooms, and where the next part begins if there is one."""

    states: list[RoomState]
    next: tuple[datetime, str] | None


class Seen(Struct, frozen=True):
    """Somebody in a room, as the others in it see them."""

    user: User
    role: RoomRole
    delivered: int = 0
    read: int = 0


class Reading:
    """Reads what somebody may read."""

    def __init__(
        self,
        store: Store,
        disk: Disk,
        rooms: Rooms,
        people: People,
        attachments: Attachments,
        hints: Hints,
    ) -> None:
        self._store = store
        self._disk = disk
        self._rooms = rooms
        self._people = people
        self._attachments = attachments
        self._hints = hints

    async def history(self, user: str, command: History) -> Page:
        """A page of a room."""
        room = await self._rooms.get(command.room_id)
        require_visible(room, user)
        places = [command.before, command.after, command.around]
        if sum(place is not None for place in places) > 1:
            raise Invalid("invalid_body", "a page is before, after or around a message")
        page = _at_hand(room, command) or await self._page(room, command)
        await self._people.load(message.sender for message in page.messages)
        await self._attachments.load(page.messages)
        require_visible(room, user)  # who was removed meanwhile does not get what came after that
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
        await self._people.load(
            [*(message.sender for message in messages), room.other(user) or user]
        )
        await self._attachments.load(messages)
        require_visible(room, user)  # again, as above
        return Changes(room, messages, rev, complete)

    async def rooms(
        self, user: str, *, before: tuple[datetime, str] | None = None, limit: int
    ) -> RoomPage:
        """The rooms of a user, the latest first."""
        kept = None if before is not None else self._rooms.lists.of_user(user)
        if kept is not None and len(kept) <= limit:
            page = RoomPage(await self._states(_latest_first(await self._live(kept))), None)
        else:
            page = await self._read_rooms(user, before, limit)
        # Whoever comes or goes at this moment is told so, and has no place in the room meanwhile.
        there = [state for state in page.states if state.room.has(user)]
        return RoomPage(there, page.next)

    async def _read_rooms(
        self, user: str, before: tuple[datetime, str] | None, limit: int
    ) -> RoomPage:
        being_read = self._rooms.lists.reading(user)
        # One more than asked for tells whether there is more.
        of_user = self._store.rooms.of_user
        theirs = await self._disk.run(of_user, user, before=before, limit=limit + 1)
        if before is None and len(theirs) > limit and self._is_behind(user):
            # Of more rooms than a page has, the latest would be missing here, and on the pages
            # behind it as well, when they come to the front before those are read.
            await self._hints.write()
            theirs = await self._disk.run(of_user, user, limit=limit + 1)
        page = await self._room_page([room for room, _ in theirs], limit)
        if before is None and page.next is None:
            ids = tuple(state.room.id for state in page.states)
            self._rooms.lists.keep(user, being_read, ids)
        return page

    async def public(self, *, before: tuple[datetime, str] | None = None, limit: int) -> RoomPage:
        """The rooms that anybody may come into, the latest first."""
        rooms = await self._disk.run(self._store.rooms.public, before=before, limit=limit + 1)
        return await self._room_page(rooms, limit)

    async def room(self, user: str, room_id: str) -> RoomState:
        """One room, as one who is in it sees it."""
        room = await self._rooms.get(room_id)
        require_member(room, user)
        return await self.state(room)

    async def listing(self, user: str, *, limit: int) -> list[tuple[Room, Membership]]:
        """The rooms that somebody is in, as they are kept and without what was said in them."""
        return await self._disk.run(self._store.rooms.of_user, user, limit=limit)

    async def members(
        self, user: str, room_id: str, *, after: str | None, limit: int
    ) -> list[Seen]:
        """Those in a room, by id."""
        room = await self._rooms.get(room_id)
        require_member(room, user)
        if room.is_everyone:
            people = await self._disk.run(self._store.users.page, after=after, limit=limit)
            return [Seen(one, "admin" if looks_after(room, one) else "member") for one in people]
        behind = sorted(one for one in room.members if after is None or one > after)[:limit]
        people = await self._people.users(behind)
        return [self._seen(room, one, user) for one in people if one.id in room.members]

    async def message(self, user: str, message_id: str) -> Message:
        """One message."""
        _, message = await self._found(user, message_id)
        return message

    async def former(self, user: str, message_id: str) -> tuple[FormerText, ...]:
        """What a message said before its edits, the oldest first."""
        room, message = await self._found(user, message_id)
        require_may_see_former(room, message, await self._people.as_stored(user))
        return message.former

    async def pinned(self, user: str, room_id: str, *, before: int | None, limit: int) -> Page:
        """The pinned messages of a room, ascending, the last of them or those before a `seq`."""
        room = await self._rooms.get(room_id)
        require_visible(room, user)
        messages = await self._disk.run(
            self._store.messages.pinned, room.id, before=before, limit=limit + 1
        )
        await self._people.load(message.sender for message in messages)
        await self._attachments.load(messages)
        require_visible(room, user)  # again, as above
        return Page(messages[-limit:], len(messages) > limit)

    async def place(self, user: str, room_id: str, moment: datetime) -> int:
        """The `seq` that the first message not older than a moment has, or would have."""
        room = await self._rooms.get(room_id)
        require_visible(room, user)
        return await self._disk.run(self._place, room.id, room.seq, moment)

    async def state(self, room: LiveRoom) -> RoomState:
        """A room with the people in it."""
        (state,) = await self._states([room])
        return state

    async def _room_page(self, rooms: list[Room], limit: int) -> RoomPage:
        last = rooms[limit - 1] if len(rooms) > limit else None
        live = await self._live([room.id for room in rooms[:limit]])
        states = await self._states(_latest_first(live))
        return RoomPage(states, None if last is None else (last.active, last.id))

    def _is_behind(self, user: str) -> bool:
        """Whether something was said in a room of somebody of which lists do not know yet."""
        rooms = map(self._rooms.live, self._hints.behind() - {EVERYONE})
        return any(room is not None and user in room.members for room in rooms)

    async def _live(self, room_ids: Sequence[str]) -> list[LiveRoom]:
        """Some rooms in their order, but for those that are gone."""
        # Most are in memory, and a task for each of those would cost more than all the rest.
        live = {room_id: self._rooms.live(room_id) for room_id in room_ids}
        missing = [room_id for room_id, room in live.items() if room is None]
        if missing:
            live |= zip(missing, await self._woken(missing), strict=True)
        return [room for room in live.values() if room is not None]

    async def _woken(self, room_ids: Sequence[str]) -> list[LiveRoom | None]:
        turn = asyncio.Semaphore(AT_ONCE)

        async def read(room_id: str) -> LiveRoom | None:
            async with turn:
                try:
                    return await self._rooms.get(room_id)
                except NotFound:  # deleted since the list was read
                    return None

        return await asyncio.gather(*map(read, room_ids))

    async def _states(self, rooms: list[LiveRoom]) -> list[RoomState]:
        """Rooms with the people in them, and who said what was said last, who may have left."""
        # Not the first of all by id: to sort 50,000 took 38 ms, for everybody who logs in.
        named = {room: sorted(islice(room.members, MAX_NAMED)) for room in rooms}
        senders = {room.last.sender for room in rooms if room.last is not None}
        users = await self._people.load(senders.union(*named.values()))
        await self._attachments.load(room.last for room in rooms if room.last is not None)
        return [
            RoomState(room, [users[one] for one in people if one in users], self._shown(room.last))
            for room, people in named.items()
        ]

    def _shown(self, message: Message | None) -> tuple[Shown, ...]:
        return () if message is None else self._attachments.shown(message)

    async def _found(self, user: str, message_id: str) -> tuple[LiveRoom, Message]:
        message = await self._disk.run(self._store.messages.get, message_id)
        if message is None:
            raise no_such_message()
        room = await self._rooms.get(message.room)
        if room.room.kind != "public" and not room.has(user):
            raise no_such_message()
        await self._people.load([message.sender])
        await self._attachments.load([message])
        return room, message

    def _seen(self, room: LiveRoom, person: User, by: str) -> Seen:
        member = room.members[person.id]
        told = has_receipts(room) or person.id == by
        read = told and (person.receipts or person.id == by)
        delivered = member.delivered if told else 0
        return Seen(person, member.role, delivered, member.read if read else 0)

    def _place(self, room_id: str, last: int, moment: datetime) -> int:
        """Halve the room until the place is found: twenty reads in a room of a million messages."""
        low, high = 1, last + 1
        while low < high:
            middle = (low + high) // 2
            found = self._store.messages.history(room_id, after=middle - 1, limit=1)
            if found and found[0].created < moment:
                low = middle + 1
            else:
                high = middle
        return low

    async def _page(self, room: LiveRoom, command: History) -> Page:
        """A page as it is stored; it is at hand from now on, unless something changed meanwhile."""
        rev = room.rev
        page = await self._stored_page(command)
        if room.rev == rev:
            room.recall.keep(message for message in page.messages if message.rev <= rev)
        return page

    async def _stored_page(self, command: History) -> Page:
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


def _latest_first(rooms: Iterable[LiveRoom]) -> list[LiveRoom]:
    return sorted(rooms, key=lambda room: (room.active, room.id), reverse=True)


def _at_hand(room: LiveRoom, command: History) -> Page | None:
    """A page of a room, if all of it is in memory; `seq`s have no gaps."""
    limit, last = command.limit, room.seq
    if command.after is not None:
        first, end = command.after + 1, min(command.after + limit, last)
        has_more = end < last
    elif command.around is not None:
        middle = min(command.around, last + 1)
        first = max(1, middle - limit // 2)
        end = min(first + limit - 1, last)
        has_more = end < last
    else:
        end = last if command.before is None else min(command.before - 1, last)
        first = max(1, end - limit + 1)
        has_more = first > 1
    messages = room.recall.page(first, end) if first <= end else []
    return None if messages is None else Page(messages, has_more)
