"""What two people have said to each other, for clients that know people and no rooms.

A message that was deleted is not there for them: they have no word for what is left of it.
"""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from heapq import nlargest
from typing import Literal

from msgspec import Struct

from chat.attachments import Attachments, Shown
from chat.errors import Invalid, NotFound
from chat.events import MessageStored, Person
from chat.live_room import LiveRoom, Member
from chat.people import People
from chat.rooms import Rooms
from models.disk import Disk
from models.records import EVERYONE, Membership, Message, Room, User, pair_of
from models.store import Store

Status = Literal["sent", "delivered", "read"]
Mark = Callable[[Member | Membership], int]
Whom = Callable[[User], bool]

# Read at a time, of messages and of rooms.
PAGE = 200
ROOM_PAGE = 500

# Older clients leave out what they have seen by counting; further back one searches.
MAX_SKIPPED = 10_000


class Line(Struct, frozen=True, gc=False):
    """A message with whom it is from and for (nobody: for everybody), and how far it has come."""

    message: Message
    sender: Person
    receiver: Person | None
    status: Status = "sent"
    shown: tuple[Shown, ...] = ()

    @property
    def text(self) -> str:
        """What it says and what it shows, for clients that know texts alone."""
        if not self.shown:
            return self.message.text
        return "\n".join(filter(None, [self.message.text, *(one.url for one in self.shown)]))


class TimePage(Struct, frozen=True):
    """Some lines, the newest first, and the time before which there are more, if there are."""

    lines: list[Line]
    next: datetime | None


def line_of(event: MessageStored) -> Line | None:
    """What was said just now, if it was said to one person or to everybody."""
    if event.pair is not None:
        sender, receiver = event.pair.sender, event.pair.receiver
        return Line(event.message, sender, receiver, shown=event.shown)
    if event.message.room == EVERYONE:
        sender = Person(event.message.sender, event.sender_name)
        return Line(event.message, sender, None, shown=event.shown)
    return None


class Conversations:
    """Reads what people have said to each other."""

    def __init__(
        self, store: Store, disk: Disk, rooms: Rooms, people: People, attachments: Attachments
    ) -> None:
        self._store = store
        self._disk = disk
        self._rooms = rooms
        self._people = people
        self._attachments = attachments

    async def room(self, user: str, other: str) -> LiveRoom | None:
        """The direct room of two people, if they have one."""
        live = self._rooms.live_direct(user, other)
        if live is not None or user == other:
            return live
        room = await self._disk.run(self._store.rooms.of_pair, pair_of(user, other))
        return None if room is None else await self._rooms.get(room.id)

    async def latest(self, user: str, other: str, *, limit: int, skip: int = 0) -> list[Line]:
        """The latest lines but the newest `skip`, ascending."""
        if skip > MAX_SKIPPED:
            raise Invalid("invalid_query", f"one leaves out at most {MAX_SKIPPED} messages")
        room = await self.room(user, other)
        if room is None:
            return []
        found: list[Message] = []
        async for message in self._backwards(room):
            found.append(message)
            if len(found) >= skip + limit:
                break
        return await self._lines(room, found[skip:][::-1], user)

    async def before(
        self, user: str, other: str, moment: datetime | None, *, limit: int
    ) -> TimePage:
        """The latest lines strictly before a time, the newest first.

        A page ends where the time changes, so that nothing is lost between two of them: it has
        fewer lines than asked for where more of one millisecond would not fit, and more only where
        as many as that were said in one.
        """
        room = await self.room(user, other)
        if room is None:
            return TimePage([], None)
        start = None if moment is None else await self._place(room, moment)
        found: list[Message] = []
        async for message in self._backwards(room, before=start):
            # The first line that does not fit says whether what came before it is complete.
            if len(found) >= limit and message.created != found[-1].created:
                return TimePage(await self._lines(room, found, user), found[-1].created)
            if len(found) >= limit and message.created != found[0].created:
                split = message.created
                found = [one for one in found if one.created != split]
                return TimePage(await self._lines(room, found, user), found[-1].created)
            found.append(message)
        return TimePage(await self._lines(room, found, user), None)

    async def undelivered(self, user: str, *, limit: int, whom: Whom | None = None) -> list[Line]:
        """What others have said to somebody who has not received it, the oldest first."""
        rooms = await self._behind(user, lambda member: max(member.delivered, member.read), whom)
        return await self._waiting(rooms, user, limit)

    async def unread(self, user: str, *, limit: int, whom: Whom | None = None) -> list[Line]:
        """What others have said to somebody who has not read it, the oldest first."""
        rooms = await self._behind(user, lambda member: member.read, whom)
        return await self._waiting(rooms, user, limit)

    async def unread_counts(self, user: str, *, whom: Whom | None = None) -> dict[str, int]:
        """How much somebody has not read, by the names of those who said it."""
        rooms = await self._behind(user, lambda member: member.read, whom)
        names = {room.id: self._people.name(room.other(user) or user) for room, _ in rooms}
        return {names[room.id]: room.seq - seen for room, seen in rooms}

    async def around(self, user: str, *, limit: int) -> list[Line]:
        """What was said to everybody, to somebody and by them; the newest first."""
        everyone = await self._rooms.get(EVERYONE)
        found = [line async for line in self._newest(everyone, user, limit)]
        rooms = await self._disk.run(self._store.rooms.of_user, user, limit=ROOM_PAGE)
        direct = [(self._active(room), room.id) for room, _ in rooms if room.kind == "direct"]
        for active, room_id in sorted(direct, reverse=True):
            found = nlargest(limit, found, key=_age)
            if len(found) == limit and active < found[-1].message.created:
                break  # as are all behind it
            live = await self._rooms.get(room_id)
            found += [line async for line in self._newest(live, user, limit)]
        return nlargest(limit, found, key=_age)

    def _active(self, room: Room) -> datetime:
        """When something was last said in a room; of a live one, what is kept may be a bit old."""
        live = self._rooms.live(room.id)
        return room.active if live is None or live.last is None else live.last.created

    async def _newest(self, room: LiveRoom, user: str, limit: int) -> AsyncIterator[Line]:
        found: list[Message] = []
        async for message in self._backwards(room):
            if len(found) == limit:
                break
            found.append(message)
        for line in await self._lines(room, found, user):
            yield line

    async def _lines(self, room: LiveRoom, messages: list[Message], viewer: str) -> list[Line]:
        """Messages as one of two sees them; or as anybody does, in the room of everybody."""
        senders = {message.sender for message in messages}
        others = {room.other(sender) for sender in senders} - {None}
        await self._people.load(senders | {other for other in others if other is not None})
        await self._attachments.load(messages)
        return [self._line(room, message, viewer) for message in messages]

    def _line(self, room: LiveRoom, message: Message, viewer: str) -> Line:
        sender = Person(message.sender, self._people.name(message.sender))
        pair = self._people.pair(room, message.sender)
        shown = self._attachments.shown(message)
        if pair is None:
            return Line(message, sender, None, shown=shown)
        status = self._status(room, message, pair.receiver.id, viewer)
        return Line(message, sender, pair.receiver, status, shown)

    def _status(self, room: LiveRoom, message: Message, receiver: str, viewer: str) -> Status:
        member = room.members.get(receiver)
        if member is None:
            return "sent"
        tells = viewer == receiver or self._people.tells_reading(receiver)
        if member.read >= message.seq and tells:
            return "read"
        return "delivered" if member.delivered >= message.seq else "sent"

    async def _backwards(
        self, room: LiveRoom, *, before: int | None = None
    ) -> AsyncIterator[Message]:
        """The messages of a room that are there, the newest first."""
        while True:
            page = await self._disk.run(
                self._store.messages.history, room.id, before=before, limit=PAGE
            )
            for message in reversed(page):
                if message.deleted is None:
                    yield message
            if len(page) < PAGE:
                return
            before = page[0].seq

    async def _place(self, room: LiveRoom, moment: datetime) -> int:
        """The first `seq` at a time or behind it; times never go back within a room."""
        low, high = 1, room.seq + 1
        while low < high:
            middle = (low + high) // 2
            page = await self._disk.run(
                self._store.messages.history, room.id, after=middle - 1, limit=1
            )
            if page and page[0].created < moment:
                low = middle + 1
            else:
                high = middle
        return low

    async def _behind(self, user: str, mark: Mark, whom: Whom | None) -> list[tuple[LiveRoom, int]]:
        """The direct rooms where somebody's mark is behind, and where it is."""
        found = []
        async for room, membership in self._direct(user):
            live = self._rooms.live(room.id)
            if live is None:
                if room.hint is None or room.hint.seq <= mark(membership):
                    continue
                try:
                    live = await self._rooms.get(room.id)
                except NotFound:  # deleted since the list was read
                    continue
            member = live.members.get(user)
            if member is not None and live.seq > mark(member):
                found.append((live, mark(member)))
        users = await self._people.load(room.other(user) or user for room, _ in found)
        if whom is None:
            return found
        return [(r, m) for r, m in found if (o := users.get(r.other(user) or "")) and whom(o)]

    async def _direct(self, user: str) -> AsyncIterator[tuple[Room, Membership]]:
        before: tuple[datetime, str] | None = None
        while True:
            page = await self._disk.run(
                self._store.rooms.of_user, user, before=before, limit=ROOM_PAGE
            )
            for room, membership in page:
                if room.kind == "direct":
                    yield room, membership
            if len(page) < ROOM_PAGE:
                return
            before = page[-1][0].active, page[-1][0].id

    async def _waiting(
        self, rooms: list[tuple[LiveRoom, int]], user: str, limit: int
    ) -> list[Line]:
        found: list[Line] = []
        for room, seen in rooms:
            messages = await self._disk.run(
                self._store.messages.history, room.id, after=seen, limit=limit
            )
            # What is stored beyond the room's own count is about to be told.
            theirs = [
                message
                for message in messages
                if message.sender != user and message.deleted is None and message.seq <= room.seq
            ]
            found += await self._lines(room, theirs, user)
        return sorted(found, key=_age)[:limit]


def _age(line: Line) -> tuple[datetime, str]:
    return line.message.created, line.message.id
