"""Uploads that may be continued after a break, until they are whole or too old."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from msgspec.structs import replace

from chat.errors import Busy, Conflict, NotFound, Refusal, TooLarge, TooMany
from chat.uploads import Uploads
from models.partials import Note, Partials
from models.records import new_id

log = logging.getLogger("hubbub.uploads")

MAX_UNFINISHED = 20

# Of those that are whole, so many of each person are remembered for whoever has missed the answer.
MAX_DONE = 20

SWEEP_SECONDS = 600.0

# Whoever asks how far an upload is, that is being kept, is answered when it is.
KEEPING_SECONDS = 60.0

# So long somebody waits who goes on with an upload while a connection that is dead is given up.
GIVE_WAY_SECONDS = 2.0


class Holder:
    """Whoever continues an upload; asked to `give_way`, one that has gone does."""

    def __init__(self, give_way: Callable[[], None]) -> None:
        self.give_way = give_way
        self.over = asyncio.Event()


def _stay() -> None:
    """What whoever is still there does when asked to give way."""


class Resumable:
    """Makes, continues and ends uploads that come in several goes."""

    def __init__(
        self,
        uploads: Uploads,
        partials: Partials,
        lifetime: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._uploads = uploads
        self._partials = partials
        self._lifetime = lifetime
        self._clock = clock
        self._notes: dict[str, Note] = {}
        # Those that are being continued at the moment.
        self._held: dict[str, Holder] = {}
        uploads.arrivals.promised = self.promised

    async def open(self) -> None:
        """Find what was not whole when the server stopped."""
        notes = await self._uploads.threads.run(lambda: list(self._partials.notes()))
        self._notes = {note.id: note for note in notes}
        await self.sweep()

    async def keep(self) -> None:
        """Remove what is too old now and then, until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            await self.sweep()

    async def sweep(self) -> None:
        """Remove what is too old."""
        moment = self._clock()
        for note in [note for note in self._notes.values() if note.expires <= moment]:
            if note.id not in self._held:
                await self._remove(note)

    def promised(self, user: str) -> int:
        """How much somebody may still send of what they have begun."""
        return sum(note.length for note in self._of(user, done=False))

    async def create(self, user: str, name: str, length: int) -> Note:
        """Begin an upload of a length that is known."""
        rules = self._uploads.arrivals.rules
        if length > rules.file_bytes:
            raise TooLarge("upload_too_large", f"a file has at most {rules.file_bytes} bytes")
        self._uploads.arrivals.take_turn(user)
        if len(self._of(user, done=False)) >= MAX_UNFINISHED:
            raise TooMany(
                "too_many_unfinished", f"one has at most {MAX_UNFINISHED} unfinished uploads"
            )
        expires = self._clock() + self._lifetime
        note = Note(id=new_id(), owner=user, name=name, length=length, expires=expires)
        # It counts at once, or several that are begun at the same time would not see one another.
        self._notes[note.id] = note
        promised = self.promised(user)
        try:
            await self._uploads.arrivals.require_space(user, promised)
            await self._uploads.threads.run(self._partials.note, note)
        except BaseException:
            del self._notes[note.id]
            raise
        return note

    def find(self, user: str, upload_id: str) -> Note:
        """An upload of somebody."""
        note = self._notes.get(upload_id)
        too_old = note is not None and note.expires <= self._clock() and upload_id not in self._held
        if note is None or note.owner != user or too_old:
            raise NotFound("upload_not_found", "there is no such upload, or it is too old")
        return note

    async def look(self, user: str, upload_id: str) -> tuple[Note, int]:
        """An upload of somebody, and how much of it has come.

        One that is whole is kept before that is said: whoever hears it may show it.
        """
        note = self.find(user, upload_id)
        size = await self._size(note)
        if note.done or size < note.length:
            return note, size
        holder = self._held.get(upload_id)
        if holder is not None:
            await _over(holder, KEEPING_SECONDS)
            note = self.find(user, upload_id)
        async with self.continued(note):
            if await self._size(note) == note.length:
                await self.finish(note)
        note = self.find(user, upload_id)
        return note, await self._size(note)

    async def take(self, note: Note, give_way: Callable[[], None] = _stay) -> int:
        """Continue an upload, alone, from where it is; `leave` it in any case."""
        holder = self._held.get(note.id)
        if holder is not None:
            holder.give_way()
            await _over(holder, GIVE_WAY_SECONDS)
        if note.id in self._held:
            raise Conflict("upload_busy", "this upload is being continued already")
        self._held[note.id] = Holder(give_way)
        try:
            # Others may have changed it meanwhile.
            note = self.find(note.owner, note.id)
            if note.done:
                return note.length
            return await self._uploads.threads.run(self._partials.cut, note.id)
        except BaseException:
            self.leave(note)
            raise

    def leave(self, note: Note) -> None:
        """Let others continue it."""
        holder = self._held.pop(note.id, None)
        if holder is not None:
            holder.over.set()

    @asynccontextmanager
    async def continued(self, note: Note) -> AsyncIterator[None]:
        """Be alone with an upload."""
        await self.take(note)
        try:
            yield
        finally:
            self.leave(note)

    async def begin_unproved(self, note: Note, start: int) -> None:
        """Note that what comes now counts only once it is proved."""
        await self._uploads.threads.run(self._partials.begin, note.id, start)

    async def write(self, note: Note, offset: int, data: bytes) -> None:
        """Take more of it."""
        await self._uploads.arrivals.write(self._partials.write, note.id, offset, data)

    async def prove(self, note: Note) -> None:
        """Count what has come."""
        await self._uploads.threads.run(self._partials.prove, note.id)

    async def cut(self, note: Note) -> None:
        """Do not count what has come and is not proved."""
        await self._uploads.threads.run(self._partials.cut, note.id)

    async def finish(self, note: Note) -> None:
        """Keep what is whole, as any other upload, under the same id.

        Refused, it is gone; where it is the server that fails, it can be tried again.
        """
        if self.find(note.owner, note.id).done:
            return
        draft = self._uploads.draft(note.owner, note.name)
        try:
            await draft.adopt(self._partials.path(note.id))
            await self._uploads.keep([draft], ids=[note.id])
        except Busy:
            raise
        except Refusal:
            await self._remove(note)
            raise
        finally:
            await draft.discard()
        del self._notes[note.id]  # the newest stands last
        self._notes[note.id] = replace(note, done=True)
        await self._uploads.threads.run(self._partials.note, self._notes[note.id])
        await self._uploads.threads.run(self._partials.drop, note.id)
        for former in self._of(note.owner, done=True)[:-MAX_DONE]:
            await self._remove(former)

    async def end(self, user: str, upload_id: str) -> None:
        """Give an upload up."""
        note = self.find(user, upload_id)
        async with self.continued(note):
            note = self.find(user, upload_id)
            await self._remove(note)
        if note.done:
            await self._uploads.release([note.id])

    def _of(self, user: str, *, done: bool) -> list[Note]:
        """Those of somebody that are whole, or those that are not, in the order of becoming so."""
        return [note for note in self._notes.values() if note.owner == user and note.done == done]

    async def _size(self, note: Note) -> int:
        if note.done:
            return note.length
        return await self._uploads.threads.run(self._partials.size, note.id)

    async def _remove(self, note: Note) -> None:
        self._notes.pop(note.id, None)
        await self._uploads.threads.run(self._partials.remove, note.id)


async def _over(holder: Holder, seconds: float) -> None:
    """Wait until somebody does not continue an upload any more, or for a while."""
    try:
        await asyncio.wait_for(holder.over.wait(), seconds)
    except TimeoutError:
        return
