"""A store whose large batches go into a log, and to their places when there is time, or need."""

import logging
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

from msgspec import Struct

from models.batch import client_key, client_keys
from models.logged.attempts import Attempts
from models.logged.entries import decoded, encoded
from models.logged.heads import Head, Heads
from models.logged.parts import (
    LoggedCalls,
    LoggedMessages,
    LoggedRooms,
    LoggedUploads,
    UploadsBeside,
)
from models.logged.pending import Pending
from models.logged.placing import PORTION, WAIT_SECONDS, Placing, Underlying
from models.logged.sorting import Sorted, room_of, sort
from models.records import Counters, Message, new_id
from models.store import (
    ChangedMessage,
    Duplicate,
    MessageWrite,
    MovedMark,
    NewMessage,
    NotFound,
    Outcome,
    Refused,
    Stored,
    StoreError,
    Unavailable,
    Write,
)

log = logging.getLogger("hubbub.store")

# A start with all that may be in the log takes some eleven seconds on MongoDB, by the six that
# 90,000 messages took, and tells of it.
TELL_SECONDS = 2.0

# More is not kept in memory, where a message is 340 to 510 bytes, and as entries in the log; then
# as much comes to its place as is stored. In an entry an everyday message is some 200 bytes, but
# there are longer ones.
MAX_PENDING = 150_000
MAX_PENDING_BYTES = 64 * 1024 * 1024

# Who reads a room waits for all that is pending of it: of 100,000 messages that was 4 s in SQLite
# and 7 in MongoDB, and eight such readers kept all others waiting.
MAX_OF_ROOM = 10_000

# What was given up is not written again, so they need not all be remembered.
MAX_WITHDRAWN = 20_000

# What is pending of a room comes to its place before a small batch if it is no more than this.
FEW = 32

_FIRST_ENTRY = "0" * 24

# How long a stop brings what is pending to its place; at the next start the rest takes no longer.
CLOSING_SECONDS = 2.0

# A larger entry might not fit where a store keeps it.
MAX_ENTRY_BYTES = 8 * 1024 * 1024


class _Doubt(Struct, frozen=True):
    """An entry of which it is not known whether it is in the log."""

    entry: str
    batch: Sorted
    size: int


class LoggedStore:
    """A store over another one, which keeps the same promises faster.

    What a batch stores is durable as an entry of the log; whoever reads it sees it, because it is
    brought to its place before, or because it is kept in memory until it is there.

    A guest (the command line) leaves the log to the server that may run beside it.
    """

    def __init__(self, store: Underlying, *, guest: bool = False) -> None:
        self.underlying = store
        self._guest = guest
        self._pending = Pending()
        self._placing = Placing(store, self._pending, self._find_out)
        self._lock = threading.RLock()
        self._heads = Heads()
        self._attempts = Attempts()
        self._doubt: _Doubt | None = None
        self._last_entry = _FIRST_ENTRY
        # Messages that the store does not take, so they may not go into the log either.
        self._withdrawn: dict[str, None] = {}
        self.users = store.users
        self.sessions = store.sessions
        self.rooms = LoggedRooms(store.rooms, self._pending, self._placing)
        self.messages = LoggedMessages(store.messages, self._pending, self._placing, self._heads)
        self.uploads = LoggedUploads(store.uploads, self._pending, self._placing)
        if guest:
            self.uploads = UploadsBeside(store.uploads, self._pending, self._placing, store.log)
        self.keyed_calls = LoggedCalls(store.keyed_calls, self._placing)

    def open(self) -> None:
        """Open the store, and bring to its place what a server that is no more has left."""
        self.underlying.open()
        try:
            self._find_out()
            self._pending.clear()
            self._heads.forget()
            if not self._guest:
                self._replay()
        except BaseException:
            self.underlying.close()
            raise

    def close(self) -> None:
        """Close the store; what is pending then comes to its place at the next start."""
        deadline = time.monotonic() + CLOSING_SECONDS
        with suppress(StoreError):
            while self._placing.place_some(PORTION) and time.monotonic() < deadline:
                pass
        self.underlying.close()

    def ping(self) -> None:
        """Return if the store answers."""
        self.underlying.ping()

    def commit(self, writes: Sequence[Write], *, later: bool = False) -> list[Outcome]:
        """Write a batch: as an entry, or to its place where that is no gain."""
        with self._lock:
            self._find_out()
            unsure = self._attempts.begin(_new(writes))
            if later or self._is_busy(writes):
                return self._enter(writes, unsure, later=later)
            return self._directly(writes, later=False)

    def withdraw(self, writes: Sequence[MessageWrite], *, above: int) -> None:
        """See to it that writes never land."""
        with self._lock:
            self._find_out()
            self._placing.place({write.message.room for write in writes})
            self._heads.forget()
            self._attempts.begin(_new(writes))
            # Also when it is not known what comes of that.
            self._withdrawn.update(dict.fromkeys(write.message.id for write in writes))
            while len(self._withdrawn) > MAX_WITHDRAWN:
                del self._withdrawn[next(iter(self._withdrawn))]
            self.underlying.withdraw(writes, above=above)

    def _is_busy(self, writes: Sequence[Write]) -> bool:
        """Tell whether much is pending, also of the rooms of some writes; that is nearly never."""
        return len(self._pending) > FEW and any(room_of(one) in self._pending for one in writes)

    def _enter(
        self, writes: Sequence[Write], unsure: Sequence[Message], *, later: bool
    ) -> list[Outcome]:
        """Write a batch into the log, if there is nothing about it that must be looked at."""
        body, batch = encoded(writes), sort(writes)
        self._make_room(batch.rooms)
        heads = self._news(batch, unsure) if len(body) <= MAX_ENTRY_BYTES else None
        if heads is None:
            return self._directly(writes, later=later)
        entry = self._next_entry()
        try:
            self.underlying.log.append(entry, body)
        except Refused:
            raise
        except BaseException:
            self._doubt = _Doubt(entry, batch, len(body))
            raise
        is_all = self._pending.add(entry, batch, len(body))
        self._heads.note(heads)
        if not is_all:
            raise NotFound("the room does not exist")
        return list(map(_stored, writes))

    def _replay(self) -> None:
        begun = time.monotonic()
        for number, (entry, body) in enumerate(self.underlying.log.entries(), start=1):
            if time.monotonic() - begun > TELL_SECONDS:
                begun = time.monotonic()
                log.info("bringing what was logged to its place: batch %d", number)
            if body:
                self._placing.replay(decoded(body))
            self.underlying.log.remove([entry])

    def _make_room(self, rooms: Iterable[str]) -> None:
        """Bring as much to its place as is to be stored, where no more may be pending."""
        pending = self._pending
        while len(pending) >= MAX_PENDING or pending.bytes >= MAX_PENDING_BYTES:
            self._placing.place_some(PORTION)
        while crowded := pending.crowded(rooms, MAX_OF_ROOM):
            self._placing.place_some(PORTION, crowded)

    def _next_entry(self) -> str:
        """An id behind all others, also where the clock stands still, or goes back."""
        self._last_entry = max(new_id(), f"{int(self._last_entry, 16) + 1:024x}")
        return self._last_entry

    def _directly(self, writes: Sequence[Write], *, later: bool) -> list[Outcome]:
        """Write a batch to its place, behind all that is pending and has to do with it."""
        if self._pending:
            self._place_before(writes)
        self._heads.begin()
        try:
            outcomes = self.underlying.commit(writes, later=later)
        except BaseException:
            self._heads.forget()
            raise
        self._heads.note(_heads_of(outcomes))
        return list(map(self._as_it_is, outcomes))

    def _place_before(self, writes: Sequence[Write]) -> None:
        """Bring to its place whatever is pending that has to do with some writes."""
        rooms = {room_of(write) for write in writes}
        of_keys = map(self._pending.of_key, client_keys(writes))
        of_ids = (
            self._pending.write(w.message.id) for w in writes if isinstance(w, ChangedMessage)
        )
        self._placing.place(rooms | {write.message.room for write in (*of_keys, *of_ids) if write})

    def _as_it_is(self, outcome: Outcome) -> Outcome:
        """A duplicate of what the first has become, of which a change may be pending elsewhere."""
        if not isinstance(outcome, Duplicate) or self._pending.write(outcome.first.id) is None:
            return outcome
        return Duplicate(self.messages.get(outcome.first.id) or outcome.first)

    def _news(self, batch: Sorted, unsure: Sequence[Message]) -> dict[str, Head] | None:
        """The last numbers of each room, if all of a batch can be taken as it is.

        That is: no client id was used, no number is taken, no keyed call is done by it.
        """
        heads: dict[str, Head] = {}
        told: list[str] = []
        for room, writes in batch.rooms.items():
            last, rev = self._head(room)
            seq = last
            for write in writes:
                message = write.message
                if message.rev <= rev:
                    return None
                rev = message.rev
                if isinstance(write, NewMessage):
                    if message.seq <= seq:
                        return None
                    seq = message.seq
                elif write.call is not None or not self._is_of_room(message):
                    return None
            heads[room] = seq, rev
            if seq > last:
                told.append(room)
        if (unsure and self._are_known(unsure)) or not self.underlying.log.has_rooms(told):
            return None
        return heads

    def _are_known(self, messages: Sequence[Message]) -> bool:
        """Tell whether a client id was used, also by another of these, or a message given up."""
        keys = set(map(client_key, messages))
        return (
            len(keys) < len(messages)
            or any(message.id in self._withdrawn for message in messages)
            or self._pending.has_any(keys)
            or not self.underlying.log.is_news(messages)
        )

    def _is_of_room(self, message: Message) -> bool:
        """Tell whether a change comes behind what is pending of its message."""
        former = self._pending.write(message.id)
        return former is None or former.message.room == message.room

    def _head(self, room: str) -> Head:
        head = self._heads.get(room)
        if head is None:
            # Not as a reader, who waits until all that is pending of a room is in its place: of a
            # busy one that would be seconds, in which nobody's message is stored.
            counters = self._heads.read(room, self._counters)
            head = counters.seq, counters.rev
        return head

    def _counters(self, room: str) -> Counters:
        # What is pending first: what comes to its place meanwhile is read there.
        seq, rev = self._pending.head(room)
        placed = self.underlying.messages.counters(room)
        return Counters(seq=max(seq, placed.seq), rev=max(rev, placed.rev))

    def _find_out(self) -> None:
        """Find out whether an entry is there that was not confirmed, or else never comes."""
        doubt = self._doubt
        if doubt is None:
            return
        if not self._lock.acquire(timeout=WAIT_SECONDS):
            raise Unavailable("it is not known yet what was stored last")
        try:
            if self._doubt is doubt:
                self._heads.forget()
                if self.underlying.log.withdraw(doubt.entry):
                    self._pending.add(doubt.entry, doubt.batch, doubt.size)
                self._doubt = None
        finally:
            self._lock.release()


def _new(writes: Iterable[Write]) -> list[Message]:
    return [write.message for write in writes if isinstance(write, NewMessage)]


def _stored(write: Write) -> Stored:
    if isinstance(write, NewMessage):
        return Stored(write.message)
    return Stored() if isinstance(write, MovedMark) else Stored(write.message)


def _heads_of(outcomes: Sequence[Outcome]) -> dict[str, Head]:
    """The last numbers of each room that were answered."""
    heads: dict[str, Head] = {}
    for outcome in outcomes:
        message = outcome.message if isinstance(outcome, Stored) else None
        if message is not None:
            seq, rev = heads.get(message.room, (0, 0))
            heads[message.room] = max(seq, message.seq), max(rev, message.rev)
    return heads
