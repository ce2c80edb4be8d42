"""Group commit: what has gathered is written in one transaction, and told when it is durable.

One commit is under way at a time. While it runs, more gathers; so batches grow by themselves under
load, and a thousand senders share one wait for the disk. Numbers are given when a batch is made up,
and they count only once the store has taken it. Where much waits, the store is busy with the next
batch while the last is told.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from msgspec import Struct

from chat.batches import (
    NOTHING,
    Batch,
    answer,
    answer_covered,
    answer_idle,
    not_stored,
    numbered,
    refuse,
    settle,
)
from chat.entries import (
    Alter,
    Answer,
    Change,
    Entry,
    Mark,
    Said,
    Say,
    Teller,
    ToldMessage,
)
from chat.errors import Busy, Refusal
from chat.live_room import Held, LiveRoom, no_such_room
from chat.measures import Measures
from chat.uncertain import Uncertain
from chat.untold import Untold, came_as_numbered, gains
from models.disk import Disk, keyed
from models.records import Message
from models.store import (
    NotFound,
    Outcome,
    Refused,
    Store,
    StoreError,
    Taken,
    Unavailable,
    Write,
)

log = logging.getLogger("hubbub.journal")

# At 25 thousand messages a second this is a third of a second of waiting; beyond it, senders are
# told to come back rather than made to wait longer.
MAX_WAITING = 8_000

# A larger batch would not be written faster, and would make everybody in it wait for all of it.
MAX_BATCH = 1_000

# With so many the next batch is handed over before the last is stored and told: the store and the
# loop work side by side. Fewer are soon written, and told together with what comes meanwhile: in a
# room of five hundred, two tellings instead of one are five hundred writes more.
MIN_AHEAD = 50

# Of a larger batch the words are indexed later (chat/indexing.py): MongoDB takes twice as long for
# them as for all the rest, 1.6 ms for so many messages. Not where so many are left already, which
# take it ten seconds: later takes longer in all.
MAX_INDEXED = 32
MAX_LEFT = 100_000

# How long a store that does not answer is asked again with the same batch.
PATIENCE_SECONDS = 5.0
RETRY_SECONDS = 0.25

# Numbers that turn out to be taken are read again; a third time would need another writer, and
# there is none.
MAX_RENUMBERINGS = 3


class Commit(Struct, frozen=True, eq=False):
    """What is being written, since when, and the first attempt at it, if there is anything."""

    gathered: list[Entry]
    batch: Batch
    begun: float
    attempt: asyncio.Future[list[Outcome]] | None


class Journal:
    """The queue of what is to be written, and the one task that writes it.

    `tell` is called with what a commit has stored, in order, at once, and before any sender has an
    answer; it must not wait for anything. `ready` gives what to wait for while those who are told
    are behind, and nothing when they are not.
    """

    def __init__(
        self,
        store: Store,
        disk: Disk,
        tell: Teller,
        clock: Callable[[], float] = time.monotonic,
        *,
        max_waiting: int = MAX_WAITING,
        ready: Callable[[], asyncio.Event | None] | None = None,
    ) -> None:
        self._store = store
        self._disk = disk
        self._tell = tell
        self._clock = clock
        self._max_waiting = max_waiting
        self._ready = ready
        self.measures = Measures()
        self._waiting: list[Entry] = []
        self._is_writing = False
        # What is being written while the last is told.
        self._ahead: Commit | None = None
        # What is stored, and told together with the commit that is waited for.
        self._untold = Untold()
        # When the last one was over.
        self._over = 0.0
        self._uncertain = Uncertain(store, disk, tell)
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many writes wait for the one that is under way."""
        return len(self._waiting)

    def say(
        self, room: LiveRoom, draft: Message, answer: Answer, origin: int | None = None
    ) -> None:
        """Queue a new message; it is answered when it is durable and told."""
        self._add(Say(room, draft, answer, origin))

    def alter(self, room: LiveRoom, held: Held, change: Change) -> asyncio.Future[Said]:
        """Queue a change, to be made of whatever the message is when its turn comes."""
        done: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
        current = keyed.get()
        self._add(Alter(room, held, change, done, None if current is None else current.call))
        return done

    def mark(self, room: LiveRoom, user: str, *, delivered: int, read: int) -> asyncio.Future[None]:
        """Queue a move of marks."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._add(Mark(room, user, delivered, read, done))
        return done

    def note(self, mark: Mark) -> None:
        """Queue a move of marks that nobody waits for."""
        self._add(mark)

    async def lull(self, seconds: float) -> None:
        """Wait until nothing is being written, but not for longer than this."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=seconds)

    async def close(self) -> None:
        """Write what has gathered, and end; what is unknown then is found at the next start.

        What comes now is refused: nobody would write it, or the store would be closed under it.
        """
        self._closing = True
        if self._task is not None:
            await asyncio.wait([self._task])

    def _add(self, entry: Entry) -> None:
        if self._closing:
            raise not_stored()
        if len(self._waiting) >= self._max_waiting:
            raise Busy("busy", "too much is being written at once", retry_after=1)
        entry.room.pending += 1
        self._waiting.append(entry)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        written = 0
        while self._ahead or self._waiting or (self._uncertain and not self._closing):
            if not self._ahead and (behind := self._behind()):
                await behind.wait()
            if not self._ahead and written > MIN_AHEAD > len(self._waiting):
                # All who were answered say more at once, and it is here within a turn of the loop.
                await asyncio.sleep(0)
            commit, self._ahead = self._ahead, None
            gathered = self._gathered() if commit is None else commit.gathered
            try:
                if commit is None:  # or else behind it, for it has its numbers already
                    await self._find_out()
                await self._write(gathered, commit)
            except Refusal as refusal:
                refuse(gathered, refusal)
            except Exception:
                log.exception("a batch was not written")
                self._tell_untold()
                self._uncertain.doubt(gathered)
                refuse(gathered, not_stored())
                await asyncio.sleep(RETRY_SECONDS)  # or this would be all that is done
            for entry in gathered:
                entry.room.pending -= 1
            written = len(gathered)
        self._task = None

    def _behind(self) -> asyncio.Event | None:
        """What to wait for while those who are told have not taken what they were told."""
        return None if self._ready is None else self._ready()

    def _gathered(self) -> list[Entry]:
        """What is to be written next."""
        gathered, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
        return gathered

    async def _write(self, gathered: list[Entry], begun: Commit | None) -> None:
        """Commit what has gathered, tell what is stored of it, and answer to everybody in it."""
        in_part = False
        for _ in range(MAX_RENUMBERINGS):
            commit, begun = begun or self._begin(gathered), None
            try:
                outcomes = await self._measured(commit)
            except Taken:
                log.warning("the numbers of a batch were taken; reading them again")
                self._uncertain.doubt(gathered)
                await self._find_out()
            except NotFound:
                in_part = True  # what is in the other rooms may be stored
                gathered = await self._without_deleted_rooms(gathered)
            except StoreError as error:
                log.warning("a batch of %d was not stored: %s", len(gathered), error)
                if in_part or not isinstance(error, Refused):
                    self._uncertain.give_up(commit.batch)
                raise not_stored() from error
            else:
                self._tell_stored(commit, outcomes)
                return
        self._uncertain.doubt(gathered)
        raise not_stored()

    def _begin(self, gathered: list[Entry]) -> Commit:
        """Give what has gathered its numbers, and begin to write it."""
        batch = numbered(gathered, self._untold.batch)
        begun = time.perf_counter()
        attempt = self._attempt(batch.writes) if batch.writes else None
        return Commit(gathered, batch, begun, attempt)

    def _begin_ahead(self) -> None:
        """Begin to write what waits, if it is much."""
        if len(self._waiting) < MIN_AHEAD or self._uncertain or self._behind():
            return
        gathered = self._waiting[:MAX_BATCH]
        with suppress(Exception):  # what fails is no fault of those in front, and fails again
            self._ahead = self._begin(gathered)
            del self._waiting[: len(gathered)]

    def _attempt(self, writes: list[Write]) -> asyncio.Future[list[Outcome]]:
        later = len(writes) > MAX_INDEXED and self.measures.left < MAX_LEFT
        attempt = self._disk.start_in_order(self._store.commit, writes, later=later)
        if later:
            attempt.add_done_callback(partial(self._note_left, len(writes)))
        return attempt

    def _note_left(self, writes: int, attempt: asyncio.Future[list[Outcome]]) -> None:
        """Count what may be stored without its words: whatever became of it, unless it is known."""
        if not attempt.cancelled():
            self.measures.note_left(writes)

    def _tell_stored(self, commit: Commit, outcomes: list[Outcome]) -> None:
        """Tell what a commit has stored, now or together with what waits."""
        took = self._over - commit.begun
        if (
            0 < len(self._waiting) < MIN_AHEAD
            and not (self._untold or self._ahead or self._uncertain or self._behind())
            and gains(commit.batch, self._waiting, took)
            and came_as_numbered(commit.batch, outcomes)
        ):
            self._untold.keep(commit.batch, outcomes, self._tell_untold)
        else:
            self._settle(commit.batch, outcomes)

    def _tell_untold(self) -> None:
        """Wait no longer: what is behind takes too long, or has failed."""
        if self._untold:
            try:
                self._settle(NOTHING, [])
            except Exception:
                log.exception("a batch was not told")

    def _settle(self, batch: Batch, outcomes: list[Outcome]) -> None:
        """Begin the next commit, tell what is stored now, and answer."""
        batch, outcomes = self._untold.take(batch, outcomes)
        settled = [
            settle(entry, outcome) for entry, outcome in zip(batch.entries, outcomes, strict=True)
        ]
        if not self._is_writing and self._ahead is None:
            self._begin_ahead()
        told = [one for one in settled if one is not None]
        begun = time.perf_counter()
        try:
            self._tell(told)
        except Exception:
            self._uncertain.doubt(batch.entries)
            refuse((*batch.entries, *batch.covered), not_stored())
            raise
        took = time.perf_counter() - begun
        self.measures.telling_seconds.note(took)
        if len(batch.numbers) == 1:
            batch.entries[0].room.telling_seconds = took
        self.measures.messages += sum([isinstance(one, ToldMessage) and one.new for one in told])
        for entry, outcome, news in zip(batch.entries, outcomes, settled, strict=True):
            answer(entry, outcome, news)
        for entry in batch.idle:
            answer_idle(entry)
        for entry, refusal in batch.refused:
            refuse([entry], refusal)
        for mark in batch.covered:
            if not answer_covered(mark):
                mark.room.pending += 1
                self._waiting.append(mark)

    async def _measured(self, commit: Commit) -> list[Outcome]:
        """Wait for a commit, and note how long that took and how much it was."""
        if commit.attempt is None:
            return []
        writes = commit.batch.writes
        self._is_writing = True
        try:
            outcomes = await self._committed(writes, commit.attempt)
        except BaseException:
            self._tell_untold()
            raise
        finally:
            begun, self._over = max(commit.begun, self._over), time.perf_counter()
            self._is_writing = False
        self.measures.commit_seconds.note(self._over - begun)
        self.measures.commit_writes.note(len(writes))
        return outcomes

    async def _committed(
        self, writes: list[Write], attempt: asyncio.Future[list[Outcome]]
    ) -> list[Outcome]:
        """Wait for a commit, and ask again with the same batch while the store does not answer."""
        deadline = self._clock() + PATIENCE_SECONDS
        unknown = False
        while True:
            try:
                return await attempt
            except Unavailable:
                if self._clock() >= deadline:
                    raise
                unknown = True
                await asyncio.sleep(RETRY_SECONDS)
            except StoreError as error:
                if unknown:  # an earlier attempt may have been taken all the same
                    raise Unavailable(str(error)) from error
                raise
            attempt = self._attempt(writes)

    async def _find_out(self) -> None:
        try:
            await self._uncertain.find_out()
        except StoreError as error:
            # Whoever waits is told so; otherwise this is tried again and again.
            if not self._waiting:
                await asyncio.sleep(RETRY_SECONDS)
            raise not_stored() from error

    async def _without_deleted_rooms(self, batch: list[Entry]) -> list[Entry]:
        """Answer for the rooms that were deleted meanwhile, and go on with the others."""
        rooms = {entry.room for entry in batch}
        try:
            gone = {room for room in rooms if await self._is_gone(room)}
        except StoreError as error:
            self._uncertain.doubt(batch)
            raise not_stored() from error
        refuse([entry for entry in batch if entry.room in gone], no_such_room())
        return [entry for entry in batch if entry.room not in gone]

    async def _is_gone(self, room: LiveRoom) -> bool:
        return await self._disk.run(self._store.rooms.get, room.id) is None
