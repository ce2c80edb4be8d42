"""How far people have come in rooms: their marks, and who is told of them."""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from msgspec import Struct

from chat.commands import Delivered, Read
from chat.entries import Mark, ToldMarks
from chat.errors import Invalid, Refusal
from chat.events import MarksMoved, Passed
from chat.hub import Hub, Taker
from chat.journal import Journal
from chat.live_room import LiveRoom, Member, everyones_member
from chat.people import People
from chat.policy import has_receipts, no_such_message, require_member
from chat.rooms import Rooms
from models.disk import Disk
from models.records import now
from models.store import Store


class Marks(Struct, frozen=True):
    """How far somebody has come in a room."""

    room: str
    delivered: int
    read: int


class Receipts:
    """Moves marks, and tells of them."""

    def __init__(
        self,
        store: Store,
        disk: Disk,
        rooms: Rooms,
        people: People,
        hub: Hub,
        journal: Journal,
    ) -> None:
        self._store = store
        self._disk = disk
        self._rooms = rooms
        self._people = people
        self._hub = hub
        self._journal = journal

    async def read(self, user: str, command: Read) -> Marks:
        """Have read as far as a message."""
        room, seq = await self._place(user, command)
        await self._people.load([user])
        # Who hides what they read would give it away by what they received at the same moment.
        delivered = seq if self._people.tells_reading(user) else 0
        return await self._mark(room, user, delivered=delivered, read=seq)

    async def delivered(self, user: str, command: Delivered) -> Marks:
        """Have received as far as a message; larger rooms do not keep that."""
        room, seq = await self._place(user, command)
        return await self._mark(room, user, delivered=seq, read=0)

    async def _place(self, user: str, command: Read | Delivered) -> tuple[LiveRoom, int]:
        """The room and the place in it that a mark names."""
        if command.message_id is not None:
            message = await self._disk.run(self._store.messages.get, command.message_id)
            if message is None:
                raise no_such_message()
            room = await self._rooms.get(message.room)
            if not room.has(user):
                raise no_such_message()
            return room, message.seq
        if command.room_id is None or command.seq is None:
            raise Invalid("missing_field", "a mark needs a messageId, or a roomId and a seq")
        room = await self._rooms.get(command.room_id)
        require_member(room, user)
        return room, min(command.seq, room.seq)

    async def _mark(self, room: LiveRoom, user: str, *, delivered: int, read: int) -> Marks:
        member = room.members.get(user)
        # Who is told of it by name, and whether anybody is.
        await self._people.load([user, room.other(user) or user])
        news = member is None or delivered > member.delivered or read > member.read
        if news and (read or has_receipts(room)):
            await self._journal.mark(room, user, delivered=delivered, read=read)
        member = room.members.get(user)
        if member is None:
            return Marks(room.id, 0, 0)
        return Marks(room.id, member.delivered, member.read)

    def save(self, room: LiveRoom, members: Sequence[Member]) -> None:
        """Write down how far some people have read."""
        for member in members:
            with suppress(Refusal):  # it is tried again when the room is forgotten the next time
                self._journal.note(Mark(room, member.user, member.delivered, member.read))

    def mark_taken(self, room: LiveRoom) -> None:
        """Note what is delivered to those whose clients cannot say so, once they have it."""
        for user, takers in self._hub.takers(room):
            member = room.members.get(user)
            if member is None or member.delivered >= room.seq:
                continue  # as is whoever said the last
            if any(taker.has_taken for taker in takers):
                self._mark_taken(room, user, room.seq)
                continue
            for taker in takers:
                self.mark_once_taken(room, taker, room.seq)

    def mark_once_taken(self, room: LiveRoom, taker: Taker, seq: int) -> None:
        """Note what is delivered to somebody as far as they were told of a room, once they have it.

        Where that cannot be known any more it is told again when they come back.
        """
        taker.once_taken(partial(self._mark_taken, room, taker.user, seq))

    def _mark_taken(self, room: LiveRoom, user: str, seq: int) -> None:
        member = room.members.get(user)
        if member is not None and member.delivered < seq and has_receipts(room):
            with suppress(Refusal):  # the next message says it again
                # Who hides what they read says no more with what they say than that.
                is_implied = self._people.tells_reading(user)
                self._journal.note(Mark(room, user, seq, read=0, is_implied=is_implied))

    def tell(self, moved: ToldMarks) -> None:
        """Tell somebody's own sockets, and those whose messages the marks have passed."""
        room, user = moved.room, moved.user
        member = room.members.get(user)
        if member is None and room.is_everyone:
            member = room.members[user] = everyones_member(user)
        if member is None:
            return  # who has left meanwhile
        member.saved = max(member.saved, moved.read)
        if moved.read <= member.read and moved.delivered <= member.delivered:
            return  # only the store did not know it yet
        delivered, read = member.delivered, member.read
        member.delivered = max(delivered, moved.delivered)
        member.read = member.told = max(read, moved.read)
        event = MarksMoved(room.id, user, member.delivered, member.read)
        self._hub.tell_users([user], event)
        if not has_receipts(room):
            return
        if self._people.tells_reading(user):
            after, upto = min(delivered, read), max(event.delivered, event.read)
            passed = self._passed(event, room, delivered, read)
            self._tell_senders(event, room, after, upto, passed)
        elif event.delivered > delivered:
            event = MarksMoved(room.id, user, event.delivered, 0)
            passed = self._passed(event, room, delivered, read)
            self._tell_senders(event, room, delivered, event.delivered, passed)

    def tell_reading(self, room: LiveRoom, users: set[str]) -> None:
        """Tell of those who have said something that they have read what was said before."""
        for user in users:
            member = room.members.get(user)
            if member is None or member.read <= member.told:
                continue
            before, member.told = member.told, member.read
            if self._people.tells_reading(user):
                event = MarksMoved(room.id, user, member.delivered, member.read)
                passed = self._passed(event, room, before, before)
                self._tell_senders(event, room, before, member.read, passed)

    def _passed(
        self, event: MarksMoved, room: LiveRoom, delivered: int, read: int
    ) -> Passed | None:
        """The messages of the other one in a direct room that marks have passed.

        None where nobody would be told of them: most clients count.
        """
        sender = room.other(event.user)
        if sender is None:
            return None
        passed = None
        if self._hub.names_people((sender,)) and (pair := self._people.pair(room, event.user)):
            came = room.newly_come(sender, delivered, event.delivered)
            passed = Passed(pair, came, room.unread_of(sender, read, event.read), now())
        room.forget_read(sender, event.read)
        return passed

    def _tell_senders(
        self, event: MarksMoved, room: LiveRoom, after: int, upto: int, passed: Passed | None
    ) -> None:
        """Tell a receipt to the others whose messages it is about."""
        listeners = room.concerned(event.user, after, upto)
        if listeners:
            if passed is not None:
                event = MarksMoved(event.room, event.user, event.delivered, event.read, passed)
            self._hub.tell_users(listeners, event)
