"""What is in the log and not in its place yet, room by room."""

import threading
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from heapq import nsmallest

from msgspec import Struct
from msgspec.structs import replace

from models.batch import ClientKey, client_key
from models.logged.sorting import Sorted
from models.records import Membership
from models.store import MessageWrite, MovedMark, NewMessage, Write

# A batch that is on its way is written within seconds.
MAX_GONE = 10_000


class _Room:
    """What is pending of one room, and which entries have how much of it, from the oldest on."""

    __slots__ = ("marked", "marks", "parts", "rev", "seq", "shown", "writes")

    def __init__(self) -> None:
        self.writes: list[MessageWrite] = []
        self.parts: deque[list[int]] = deque()
        self.seq = self.rev = 0
        self.marks: dict[str, MovedMark] = {}
        # The uploads that some of it shows.
        self.shown: set[str] = set()
        # The oldest entry that has marks.
        self.marked = 0

    @property
    def oldest(self) -> int:
        """The oldest entry that has some of it."""
        if not self.parts:
            return self.marked if self.marks else 0
        entry = self.parts[0][0]
        return min(entry, self.marked) if self.marks else entry

    def add(self, writes: Sequence[MessageWrite], entry: int) -> None:
        """Note the writes of an entry."""
        self.writes += writes
        self.parts.append([entry, len(writes)])
        self.rev = writes[-1].message.rev

    def mark(self, mark: MovedMark, entry: int) -> None:
        """Note marks of an entry."""
        if not self.marks:
            self.marked = entry
        former = self.marks.get(mark.user)
        self.marks[mark.user] = mark if former is None else _further(former, mark)

    def forget(self, writes: int, marks: Iterable[MovedMark], upto: int) -> None:
        """Forget the first writes, and those of some marks behind which no others came."""
        del self.writes[:writes]
        while writes:
            part = self.parts[0]
            part[1] -= (taken := min(writes, part[1]))
            writes -= taken
            if not part[1]:
                self.parts.popleft()
        for mark in marks:
            if self.marks.get(mark.user) is mark:
                del self.marks[mark.user]
        self.marked = upto + 1


class _Taken(Struct, frozen=True):
    """What is taken of one room: its first writes, and its marks."""

    room: str
    writes: list[MessageWrite]
    marks: list[MovedMark]


class Portion(Struct, frozen=True):
    """Writes that are brought to their places next, in order."""

    rooms: list[_Taken]
    upto: int

    @property
    def writes(self) -> list[Write]:
        """The messages of each room in order, and its marks."""
        return [write for room in self.rooms for write in (*room.writes, *room.marks)]

    @property
    def size(self) -> int:
        """How many messages there are, and rooms where there are only marks."""
        return sum(max(1, len(room.writes)) for room in self.rooms)


class Pending:
    """Knows what is pending; whoever brings it to its place takes a portion, and says when."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rooms: dict[str, _Room] = {}
        # The rooms where an upload may be shown, or not any more.
        self._showing: set[str] = set()
        # The last write of each message, and the ids of new ones by what makes them the same when
        # they are sent again, but for those whose own id does.
        self._messages: dict[str, MessageWrite] = {}
        self._by_key: dict[ClientKey, str] = {}
        self._size = 0
        # Rooms that were deleted: a batch may have been on its way to them.
        self._gone: dict[str, None] = {}
        self._number = 0
        # The entries from the oldest on of which something is pending, and their bytes.
        self._entries: deque[tuple[int, str, int]] = deque()
        self._bytes = 0

    def clear(self) -> None:
        """Forget everything: it is read from the log again."""
        with self._lock:
            self._rooms.clear()
            self._showing.clear()
            self._messages.clear()
            self._by_key.clear()
            self._size = 0
            self._entries.clear()
            self._bytes = 0

    def __len__(self) -> int:
        return self._size

    def __contains__(self, room: object) -> bool:
        return room in self._rooms

    @property
    def entries(self) -> int:
        """How many entries there were."""
        return self._number

    @property
    def bytes(self) -> int:
        """How large the entries are that are needed still."""
        return self._bytes

    def has(self, room_id: str, until: int) -> bool:
        """Tell whether something of a room is pending that is in one of the first entries."""
        with self._lock:
            room = self._rooms.get(room_id)
            return room is not None and room.oldest <= until

    def crowded(self, rooms: Iterable[str], most: int) -> list[str]:
        """Those of some rooms of which so much is pending."""
        with self._lock:
            found = ((room_id, self._rooms.get(room_id)) for room_id in rooms)
            return [id_ for id_, room in found if room is not None and len(room.writes) >= most]

    def head(self, room_id: str) -> tuple[int, int]:
        """The greatest `seq` and `rev` of what is pending of a room, or nothing."""
        with self._lock:
            room = self._rooms.get(room_id)
            return (0, 0) if room is None else (room.seq, room.rev)

    def add(self, entry_id: str, batch: Sorted, size: int = 0) -> bool:
        """Note what an entry holds, but for rooms that are gone; tell if no message is of those."""
        with self._lock:
            self._number += 1
            self._entries.append((self._number, entry_id, size))
            self._bytes += size
            is_all = True
            for room_id, writes in batch.rooms.items():
                if room_id in self._gone:
                    # Other writes change nothing there, and that is no failure.
                    is_all = is_all and not any(isinstance(one, NewMessage) for one in writes)
                else:
                    self._add(room_id, writes)
            for mark in batch.marks:
                if mark.room not in self._gone:
                    self._room(mark.room).mark(mark, self._number)
            return is_all

    def _room(self, room_id: str) -> _Room:
        room = self._rooms.get(room_id)
        if room is None:
            room = self._rooms[room_id] = _Room()
        return room

    def _add(self, room_id: str, writes: Sequence[MessageWrite]) -> None:
        room = self._rooms.get(room_id) or self._room(room_id)
        room.add(writes, self._number)
        self._size += len(writes)
        messages = self._messages
        for write in writes:
            message = write.message
            messages[message.id] = write
            if isinstance(write, NewMessage):
                room.seq = message.seq
                if message.client_id != message.id:
                    self._by_key[client_key(message)] = message.id
            else:
                self._showing.add(room_id)
            if message.attachments:
                room.shown.update(message.attachments)
                self._showing.add(room_id)

    def write(self, message_id: str) -> MessageWrite | None:
        """The last write of a message that is pending."""
        return self._messages.get(message_id)

    def of_key(self, key: ClientKey) -> MessageWrite | None:
        """The last write of the new message of a client id."""
        with self._lock:
            write = self._messages.get(self._by_key.get(key) or key[1])
            return write if write is not None and client_key(write.message) == key else None

    def has_any(self, keys: Collection[ClientKey]) -> bool:
        """Tell whether there is a message of any of these client ids, or perhaps another's."""
        with self._lock:
            return not (
                self._by_key.keys().isdisjoint(keys)
                and self._messages.keys().isdisjoint(client_id for _, client_id in keys)
            )

    def forget_marks(self, room_id: str, user: str) -> None:
        """Forget the marks of somebody who is no member any more."""
        with self._lock:
            room = self._rooms.get(room_id)
            if room is not None:
                room.marks.pop(user, None)
                self._leave_out(room_id, room)

    def mark(self, room_id: str, user: str) -> MovedMark | None:
        """The mark of a member that is pending."""
        room = self._rooms.get(room_id)
        return None if room is None else room.marks.get(user)

    def marks(self, room_id: str) -> dict[str, MovedMark]:
        """The marks that are pending of a room, by user."""
        with self._lock:
            room = self._rooms.get(room_id)
            return {} if room is None else room.marks.copy()

    def marks_of(self, user: str) -> dict[str, MovedMark]:
        """The marks that are pending of a user, by room."""
        with self._lock:
            return {
                room_id: room.marks[user]
                for room_id, room in self._rooms.items()
                if user in room.marks
            }

    def rooms(self) -> list[str]:
        """The rooms of which something is pending."""
        with self._lock:
            return list(self._rooms)

    def showing(self) -> list[str]:
        """The rooms of which an upload may be shown by what is pending, or not any more."""
        with self._lock:
            return list(self._showing)

    def rooms_showing(self, upload_id: str) -> set[str]:
        """The rooms of which something pending shows an upload."""
        with self._lock:
            return {room_id for room_id in self._showing if upload_id in self._rooms[room_id].shown}

    def take(self, limit: int, rooms: Iterable[str] | None = None) -> Portion:
        """So many messages, of these rooms or else of the oldest entries, and marks of their rooms.

        They stay pending until they are `placed`, so one portion is taken at a time.
        """
        with self._lock:
            taken: list[_Taken] = []
            for room_id in self._oldest_first(limit) if rooms is None else rooms:
                room = self._rooms.get(room_id)
                if room is None:
                    continue
                if limit <= 0:
                    break
                writes = room.writes[:limit]
                limit -= max(1, len(writes))
                taken.append(_Taken(room_id, writes, list(room.marks.values())))
            return Portion(taken, self._number)

    def take_marks(self, room_id: str) -> Portion:
        """The marks of a room."""
        with self._lock:
            room = self._rooms.get(room_id)
            marks = [] if room is None else list(room.marks.values())
            return Portion([_Taken(room_id, [], marks)] if marks else [], self._number)

    def has_marks(self, room_id: str) -> bool:
        """Tell whether there are marks of a room."""
        room = self._rooms.get(room_id)
        return room is not None and bool(room.marks)

    def placed(self, portion: Portion) -> list[str]:
        """Forget what is in its place now; returns the entries that are not needed any more."""
        with self._lock:
            for taken in portion.rooms:
                self._forget(taken, portion.upto)
            oldest = min((room.oldest for room in self._rooms.values()), default=self._number + 1)
            done = []
            while self._entries and self._entries[0][0] < oldest:
                _, entry_id, size = self._entries.popleft()
                self._bytes -= size
                done.append(entry_id)
            return done

    def forget(self, room_id: str) -> None:
        """Forget what is pending of a room that is no more."""
        with self._lock:
            self._gone[room_id] = None
            if len(self._gone) > MAX_GONE:
                del self._gone[next(iter(self._gone))]
            room = self._rooms.get(room_id)
            if room is not None:
                self._forget(_Taken(room_id, room.writes[:], [*room.marks.values()]), 0)

    def _oldest_first(self, limit: int) -> list[str]:
        """So many rooms: by turns a busy one would keep the entries of all others in the log."""
        return nsmallest(limit, self._rooms, key=lambda room_id: self._rooms[room_id].oldest)

    def _forget(self, taken: _Taken, upto: int) -> None:
        room = self._rooms.get(taken.room)
        if room is None:  # the room was deleted meanwhile
            return
        room.forget(len(taken.writes), taken.marks, upto)
        self._size -= len(taken.writes)
        for write in taken.writes:
            message = write.message
            if message.client_id != message.id and isinstance(write, NewMessage):
                self._by_key.pop(client_key(message), None)
            if self._messages.get(message.id) is write:
                del self._messages[message.id]
        self._leave_out(taken.room, room)

    def _leave_out(self, room_id: str, room: _Room) -> None:
        if not room.writes:
            self._showing.discard(room_id)
            room.shown.clear()
            if not room.marks:
                del self._rooms[room_id]


def marked(membership: Membership, mark: MovedMark | None) -> Membership:
    """A membership with a mark that was pending when it was read."""
    if mark is None:
        return membership
    return replace(
        membership,
        delivered=max(membership.delivered, mark.delivered),
        read=max(membership.read, mark.read),
    )


def _further(one: MovedMark, other: MovedMark) -> MovedMark:
    return MovedMark(
        one.room,
        one.user,
        max(one.delivered, other.delivered),
        max(one.read, other.read),
    )
