"""Bringing what is in the log to its place."""

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from msgspec.structs import replace

from models.contract.log import Log
from models.logged.pending import Pending, Portion
from models.logged.sorting import room_of
from models.store import (
    ChangedMessage,
    MessageWrite,
    MovedMark,
    NewMessage,
    NotFound,
    Store,
    Taken,
    Unavailable,
    Write,
)

log = logging.getLogger("hubbub.store")

# What one commit brings to its place. A reader waits for no more than that of others.
PORTION = 400

# Entries are forgotten so many at once, for that is a write of its own.
FORGOTTEN_AT_ONCE = 32

# How long a reader waits for those in front to bring a portion to its place.
WAIT_SECONDS = 4.0


class Underlying(Store, Protocol):
    """A store that has a log beside its places."""

    @property
    def log(self) -> Log:
        """The log."""


class Placing:
    """Takes what is pending to its place: for a reader who needs it, or when there is time."""

    def __init__(self, store: Underlying, pending: Pending, find_out: Callable[[], None]) -> None:
        self._store = store
        self._pending = pending
        self._find_out = find_out
        self._lock = threading.Lock()
        self._done: list[str] = []
        # What a thread does for a keyed call may be a transaction, which could be undone.
        self._local = threading.local()

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Bring nothing to its place in this thread."""
        behind: list[Callable[[], None]] = []
        self._local.behind = behind
        try:
            yield
        finally:
            self._local.behind = None
        for call in behind:
            call()

    def behind(self, call: Callable[[], None]) -> None:
        """Do something once it is certain that what this thread has done is not undone."""
        behind: list[Callable[[], None]] | None = getattr(self._local, "behind", None)
        if behind is None:
            call()
        else:
            behind.append(call)

    def find_out(self) -> None:
        """See to it that it is known what is pending."""
        if not self._is_suspended:
            self._find_out()

    def place(self, rooms: Collection[str]) -> None:
        """See to it that what was stored of some rooms is in its place."""
        if self._is_suspended:
            return
        self._find_out()
        until = self._pending.entries
        while wanted := [room for room in rooms if self._pending.has(room, until)]:
            self.place_some(PORTION, wanted)

    def place_some(self, limit: int, rooms: Collection[str] | None = None) -> int:
        """Bring so many messages to their places, words and all; tell how many there were."""
        with self._in_turn():
            portion = self._pending.take(limit, rooms)
            self._place(portion)
            if len(self._done) >= FORGOTTEN_AT_ONCE or (self._done and not self._pending):
                self._store.log.remove(self._done)
                self._done = []
        return portion.size

    def place_marks(self, room: str) -> None:
        """Bring the marks of a room to their places, and nothing else."""
        if self._is_suspended:
            return
        self._find_out()
        if self._pending.has_marks(room):
            with self._in_turn():
                self._place(self._pending.take_marks(room))

    def replay(self, writes: Sequence[Write]) -> None:
        """Bring to its place what a server that is no more has left in the log."""
        with self._in_turn():
            self._commit(writes, later=True)

    @property
    def _is_suspended(self) -> bool:
        return getattr(self._local, "behind", None) is not None

    def _place(self, portion: Portion) -> None:
        if writes := portion.writes:
            self._commit(writes, later=False)
        self._done += self._pending.placed(portion)

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=WAIT_SECONDS):
            raise Unavailable("what was stored last does not come to its place")
        try:
            yield
        finally:
            self._lock.release()

    def _commit(self, writes: Sequence[Write], *, later: bool) -> None:
        """Bring writes to their places, but for those that have none any more."""
        try:
            self._store.commit(writes, later=later)
        except NotFound:
            rest = self._of_rooms(writes)
        except Taken:
            rest = self._not_too_late(writes)
        else:
            return
        if len(rest) == len(writes) == 1:
            self._commit_one(writes[0], later=later)
            return
        # What is left of them, or all of them in two parts, for one of the two may be as it should.
        parts = [rest] if len(rest) < len(writes) else _halves(writes)
        for part in parts:
            if part:
                self._commit(part, later=later)

    def _commit_one(self, write: Write, *, later: bool) -> None:
        """Bring a write to its place, or drop it if it was given up and withdrawn."""
        try:
            self._store.commit([write], later=later)
        except NotFound:
            pass
        except Taken as taken:
            if taken.field == "number" and not isinstance(write, MovedMark):
                self._store.commit([self._renumbered(write)], later=later)

    def _of_rooms(self, writes: Sequence[Write]) -> Sequence[Write]:
        """Some writes but for those to rooms that were deleted."""
        rooms = set(map(room_of, writes))
        there = {room for room in rooms if self._store.rooms.get(room) is not None}
        return [write for write in writes if room_of(write) in there]

    def _not_too_late(self, writes: Sequence[Write]) -> Sequence[Write]:
        """Some writes but for changes behind which others are in their places already."""
        changed = {write.message.id for write in writes if isinstance(write, ChangedMessage)}
        kept = self._store.messages.many(changed)
        return [
            write
            for write in writes
            if not isinstance(write, ChangedMessage)
            or write.message.id not in kept
            or kept[write.message.id].rev <= write.message.rev
        ]

    def _renumbered(self, write: MessageWrite) -> MessageWrite:
        """A write behind all others: nobody but another server can have taken its number."""
        message = write.message
        log.warning("a number of message %s was taken, so it gets another", message.id)
        counters = self._store.messages.counters(message.room)
        if isinstance(write, ChangedMessage):
            return ChangedMessage(replace(message, rev=counters.rev + 1))
        return NewMessage(replace(message, seq=counters.seq + 1, rev=counters.rev + 1))


def _halves(writes: Sequence[Write]) -> list[Sequence[Write]]:
    middle = len(writes) // 2
    return [writes[:middle], writes[middle:]]
