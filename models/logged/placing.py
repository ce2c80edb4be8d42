"""Bringing what is in the log to its place."""

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from msgspec.structs import replace

from models.contract.log import Log
from models.logged.pending import Pending, room_of
from models.store import NewMessage, NotFound, Store, Taken, Unavailable, Write

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

    def place(self, rooms: Collection[str]) -> None:
        """See to it that what was stored of some rooms is in its place."""
        if getattr(self._local, "behind", None) is not None:
            return
        self._find_out()
        until = self._pending.entries
        while wanted := [room for room in rooms if self._pending.has(room, until)]:
            self.place_some(PORTION, wanted)

    def place_some(self, limit: int, rooms: Collection[str] | None = None) -> int:
        """Bring so many messages to their places, words and all; tell how many there were."""
        with self._in_turn():
            portion = self._pending.take(limit, rooms)
            if portion.writes:
                self._commit(portion.writes, later=False)
            self._done += self._pending.placed(portion)
            if len(self._done) >= FORGOTTEN_AT_ONCE or (self._done and not self._pending):
                self._store.log.remove(self._done)
                self._done = []
        return portion.size

    def replay(self, writes: Sequence[Write]) -> None:
        """Bring to its place what a server that is no more has left in the log."""
        with self._in_turn():
            self._commit(writes, later=True)

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=WAIT_SECONDS):
            raise Unavailable("what was stored last does not come to its place")
        try:
            yield
        finally:
            self._lock.release()

    def _commit(self, writes: Sequence[Write], *, later: bool) -> None:
        try:
            self._store.commit(writes, later=later)
        except (NotFound, Taken):
            for of_room in _by_room(writes):
                self._commit_room(of_room)

    def _commit_room(self, writes: Sequence[Write]) -> None:
        """Bring the writes of one room to their places, or drop what has none.

        A room may have been deleted, and what was given up may have been withdrawn.
        """
        try:
            self._store.commit(writes)
        except NotFound:
            pass
        except Taken as taken:
            if len(writes) > 1:
                for write in writes:
                    self._commit_room([write])
            elif taken.field == "number" and isinstance(writes[0], NewMessage):
                self._commit_room([self._renumbered(writes[0])])

    def _renumbered(self, write: NewMessage) -> NewMessage:
        """A message behind all others: nobody but another server can have taken its number."""
        message = write.message
        log.warning("the number of message %s was taken, so it gets another", message.id)
        counters = self._store.messages.counters(message.room)
        return NewMessage(replace(message, seq=counters.seq + 1, rev=counters.rev + 1))


def _by_room(writes: Sequence[Write]) -> Iterable[list[Write]]:
    rooms: dict[str, list[Write]] = {}
    for write in writes:
        rooms.setdefault(room_of(write), []).append(write)
    return rooms.values()
