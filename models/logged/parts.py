"""The parts of a store that show what its log holds."""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from functools import partial
from typing import TypeVar, Unpack

from models.contract.keyed_calls import KeyedCalls
from models.contract.log import Log
from models.contract.messages import Found, Messages, Wanted
from models.contract.rooms import MembershipChange, Rooms
from models.contract.uploads import Uploads
from models.logged.entries import decoded
from models.logged.heads import Heads
from models.logged.pending import Pending, marked
from models.logged.placing import Placing
from models.records import (
    EVERYONE,
    Counters,
    Membership,
    Message,
    Room,
    RoomRole,
)
from models.store import ChangedMessage, MessageWrite, MovedMark, NewMessage

T = TypeVar("T")


class LoggedMessages:
    """Messages: what is pending of a room comes to its place before the room is read."""

    def __init__(
        self, messages: Messages, pending: Pending, placing: Placing, heads: Heads
    ) -> None:
        self._messages = messages
        self._pending = pending
        self._placing = placing
        self._heads = heads

    def counters(self, room_id: str) -> Counters:
        """The greatest numbers of a room."""
        return self._heads.read(room_id, self._counters)

    def get(self, message_id: str) -> Message | None:
        """The message of an id."""
        self._placing.find_out()
        write = self._pending.write(message_id)
        if isinstance(write, NewMessage):
            return write.message
        self._place_changes([write])
        return self._messages.get(message_id)

    def many(self, message_ids: Iterable[str]) -> dict[str, Message]:
        """The messages of these ids."""
        self._placing.find_out()
        ids = list(message_ids)
        writes = list(map(self._pending.write, ids))
        pending = {w.message.id: w.message for w in writes if isinstance(w, NewMessage)}
        self._place_changes(writes)
        return self._messages.many(ids) | pending

    def latest(self, limit: int) -> list[Message]:
        """The messages that were stored last."""
        self._placing.find_out()
        self._placing.place(self._pending.rooms())
        return self._messages.latest(limit)

    def by_client_id(self, sender: str, client_id: str) -> Message | None:
        """The message of a client id."""
        self._placing.find_out()
        write = self._pending.of_key((sender, client_id))
        if isinstance(write, NewMessage):
            return write.message
        self._place_changes([write])
        found = self._messages.by_client_id(sender, client_id)
        return None if found is None else self.get(found.id)

    def history(
        self, room_id: str, *, before: int | None = None, after: int | None = None, limit: int
    ) -> list[Message]:
        """A page of a room."""
        self._placing.place([room_id])
        return self._messages.history(room_id, before=before, after=after, limit=limit)

    def pinned(self, room_id: str, *, before: int | None = None, limit: int) -> list[Message]:
        """The last pinned messages of a room."""
        self._placing.place([room_id])
        return self._messages.pinned(room_id, before=before, limit=limit)

    def naming(self, room_id: str, *, limit: int) -> list[tuple[int, tuple[str, ...]]]:
        """The last messages of a room that mention somebody."""
        self._placing.place([room_id])
        return self._messages.naming(room_id, limit=limit)

    def search(self, wanted: Wanted) -> Found:
        """A page of what is wanted."""
        self._placing.place(wanted.rooms)
        return self._messages.search(wanted)

    def index(self, limit: int, rooms: Collection[str] | None = None) -> int:
        """Bring some messages to their places with their words, or index what came without."""
        placed = self._placing.place_some(limit, rooms)
        return placed + (self._messages.index(limit - placed, rooms) if placed < limit else 0)

    def changes(self, room_id: str, *, since: int, limit: int) -> list[Message]:
        """The messages changed since a number."""
        self._placing.place([room_id])
        return self._messages.changes(room_id, since=since, limit=limit)

    def _counters(self, room_id: str) -> Counters:
        self._placing.place([room_id])
        return self._messages.counters(room_id)

    def _place_changes(self, writes: Iterable[MessageWrite | None]) -> None:
        """Bring changes to their places: alone they do not say all of a message."""
        self._placing.place({w.message.room for w in writes if isinstance(w, ChangedMessage)})


class LoggedRooms:
    """Rooms: memberships have the marks that are pending."""

    def __init__(self, rooms: Rooms, pending: Pending, placing: Placing) -> None:
        self._rooms = rooms
        self._pending = pending
        self._placing = placing
        self.add = rooms.add
        self.direct = rooms.direct
        self.get = rooms.get
        self.of_pair = rooms.of_pair
        self.change = rooms.change
        self.public = rooms.public
        self.shown_to = rooms.shown_to
        self.hint = rooms.hint

    def of_user(
        self, user_id: str, *, before: tuple[datetime, str] | None = None, limit: int
    ) -> list[tuple[Room, Membership]]:
        """The rooms of a user."""
        self._placing.find_out()
        # Before they are read, for between the two it may come to its place.
        marks = self._pending.marks_of(user_id)
        found = self._rooms.of_user(user_id, before=before, limit=limit)
        return [(room, marked(membership, marks.get(room.id))) for room, membership in found]

    def members(
        self, room_id: str, *, after: str | None = None, limit: int | None = None
    ) -> list[Membership]:
        """The memberships of a room."""
        self._place_marks(room_id)
        marks = self._pending.marks(room_id)
        found = self._rooms.members(room_id, after=after, limit=limit)
        return [marked(membership, marks.get(membership.user)) for membership in found]

    def member(self, room_id: str, user_id: str) -> Membership | None:
        """One membership."""
        self._place_marks(room_id)
        mark = self._pending.mark(room_id, user_id)
        found = self._rooms.member(room_id, user_id)
        return None if found is None else marked(found, mark)

    def join(self, membership: Membership) -> Membership:
        """Make somebody a member."""
        self._place_marks(membership.room)
        mark = self._pending.mark(membership.room, membership.user)
        return marked(self._rooms.join(membership), mark)

    def change_member(
        self, room_id: str, user_id: str, **changes: Unpack[MembershipChange]
    ) -> Membership:
        """Change some fields of a membership."""
        self._place_marks(room_id)
        mark = self._pending.mark(room_id, user_id)
        return marked(self._rooms.change_member(room_id, user_id, **changes), mark)

    def delete(self, room_id: str) -> bool:
        """Remove a room."""
        was_there = self._rooms.delete(room_id)
        self._placing.behind(partial(self._pending.forget, room_id))
        return was_there

    def hand_over(self, room_id: str, user_id: str, heir_id: str, *, role: RoomRole | None) -> None:
        """Make another member the owner."""
        self._rooms.hand_over(room_id, user_id, heir_id, role=role)
        if role is None:
            self._placing.behind(partial(self._pending.forget_marks, room_id, user_id))

    def leave(self, room_id: str, user_id: str) -> bool:
        """End a membership."""
        self._place_marks(room_id)
        was_there = self._rooms.leave(room_id, user_id)
        self._placing.behind(partial(self._pending.forget_marks, room_id, user_id))
        return was_there

    def _place_marks(self, room_id: str) -> None:
        self._placing.find_out()
        # Marks make the memberships of this room, so there may be none to show them in.
        if room_id == EVERYONE:
            self._placing.place_marks(room_id)


class LoggedUploads:
    """Uploads: where one may be shown by what is pending, that comes to its place first."""

    def __init__(self, uploads: Uploads, pending: Pending, placing: Placing) -> None:
        self._uploads = uploads
        self._pending = pending
        self._placing = placing
        self.add = uploads.add
        self.get = uploads.get
        self.many = uploads.many
        self.page = uploads.page
        self.of_owner = uploads.of_owner
        self.used = uploads.used
        self.has_content = uploads.has_content
        self.delete = uploads.delete

    def rooms(self, upload_id: str) -> list[str]:
        """The rooms where a message shows an upload."""
        self._place_shown(upload_id)
        return self._uploads.rooms(upload_id)

    def shown_in(self, room_id: str) -> list[str]:
        """The uploads that the messages of a room show."""
        self._placing.place([room_id])
        return self._uploads.shown_in(room_id)

    def is_shown_to(self, upload_id: str, user_id: str) -> bool:
        """Look for a room of somebody where a message shows an upload."""
        self._place_shown(upload_id)
        return self._uploads.is_shown_to(upload_id, user_id)

    def _place_shown(self, upload_id: str) -> None:
        """Bring to its place what shows an upload, or may show it no more."""
        self._placing.find_out()
        # For a reaction somewhere is a change, too: of all rooms with one this took seconds.
        if showing := self._pending.showing():
            rooms = self._pending.rooms_showing(upload_id)
            self._placing.place(
                rooms.union(set(showing).intersection(self._uploads.rooms(upload_id)))
            )


class UploadsBeside(LoggedUploads):
    """Uploads for a guest: what shows one may be in the log of a server beside them."""

    def __init__(self, uploads: Uploads, pending: Pending, placing: Placing, log: Log) -> None:
        super().__init__(uploads, pending, placing)
        self._log = log

    def rooms(self, upload_id: str) -> list[str]:
        """The rooms where a message shows an upload, or has shown it a moment ago."""
        # The log first: what comes to its place meanwhile is found there.
        logged = {
            write.message.room
            for _, body in self._log.entries()
            if upload_id.encode() in body
            for write in decoded(body)
            if not isinstance(write, MovedMark) and upload_id in write.message.attachments
        }
        return sorted(logged.union(super().rooms(upload_id)))


class LoggedCalls:
    """Keyed calls: what completes one may be undone, so nothing comes to its place meanwhile."""

    def __init__(self, calls: KeyedCalls, placing: Placing) -> None:
        self._calls = calls
        self._placing = placing
        self.begin = calls.begin
        self.get = calls.get
        self.answer = calls.answer
        self.forget = calls.forget
        self.count = calls.count
        self.sweep = calls.sweep

    def finish(self, call_id: str, write: Callable[[], T]) -> T:
        """Write, and note that a call is done by it."""
        with self._placing.suspended():
            return self._calls.finish(call_id, write)
