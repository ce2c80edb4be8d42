"""Uploads that may be continued after a break, until they are whole or too old."""

import asyncio
import logging
import time
from collections.abc import Callable

from msgspec.structs import replace

from chat.errors import Conflict, NotFound, TooLarge, TooMany
from chat.uploads import Uploads
from models.partials import Note, Partials
from models.records import Upload, new_id

log = logging.getLogger("hubbub.uploads")

MAX_UNFINISHED = 20

SWEEP_SECONDS = 600.0


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
        self._busy: set[str] = set()

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
            if note.id not in self._busy:
                await self._remove(note)

    async def create(self, user: str, name: str, length: int) -> Note:
        """Begin an upload of a length that is known."""
        rules = self._uploads.rules
        if length > rules.file_bytes:
            raise TooLarge("upload_too_large", f"a file has at most {rules.file_bytes} bytes")
        self._uploads.take_turn(user)
        unfinished = [n for n in self._notes.values() if n.owner == user and not n.done]
        if len(unfinished) >= MAX_UNFINISHED:
            raise TooMany(
                "too_many_unfinished", f"one has at most {MAX_UNFINISHED} unfinished uploads"
            )
        promised = sum(note.length for note in unfinished)
        await self._uploads.require_space(user, promised + length)
        expires = self._clock() + self._lifetime
        note = Note(id=new_id(), owner=user, name=name, length=length, expires=expires)
        self._notes[note.id] = note
        await self._uploads.threads.run(self._partials.note, note)
        return note

    async def find(self, user: str, upload_id: str) -> tuple[Note, int]:
        """An upload of somebody, and how much of it has come."""
        note = self._notes.get(upload_id)
        if note is None or note.owner != user or note.expires <= self._clock():
            raise NotFound("upload_not_found", "there is no such upload, or it is too old")
        if note.done:
            return note, note.length
        return note, await self._uploads.threads.run(self._partials.size, note.id)

    def take(self, note: Note) -> None:
        """Continue an upload, alone."""
        if note.id in self._busy:
            raise Conflict("upload_busy", "this upload is being continued already")
        self._busy.add(note.id)

    def leave(self, note: Note) -> None:
        """Let others continue it."""
        self._busy.discard(note.id)

    async def begin_unproved(self, note: Note, start: int) -> None:
        """Note that what comes now counts only once it is proved."""
        await self._uploads.threads.run(self._partials.begin, note.id, start)

    async def append(self, note: Note, data: bytes) -> None:
        """Take more of it."""
        await self._uploads.threads.run(self._partials.append, note.id, data)

    async def prove(self, note: Note) -> None:
        """Count what has come."""
        await self._uploads.threads.run(self._partials.prove, note.id)

    async def cut(self, note: Note, size: int) -> None:
        """Do not count what has come behind a place."""
        await self._uploads.threads.run(self._partials.cut, note.id, size)

    async def finish(self, note: Note) -> Upload:
        """Keep what is whole, as any other upload, under the same id; refused, it is gone."""
        draft = self._uploads.draft(note.owner, note.name)
        try:
            await draft.adopt(self._partials.path(note.id))
            [upload] = await self._uploads.keep([draft], ids=[note.id])
        except BaseException:
            await self._remove(note)
            raise
        finally:
            await draft.discard()
        self._notes[note.id] = replace(note, done=True)
        await self._uploads.threads.run(self._partials.note, self._notes[note.id])
        return upload

    async def end(self, user: str, upload_id: str) -> None:
        """Give an upload up."""
        note, _ = await self.find(user, upload_id)
        self.take(note)
        try:
            await self._remove(note)
        finally:
            self.leave(note)
        if note.done:
            await self._uploads.release([note.id])

    async def _remove(self, note: Note) -> None:
        self._notes.pop(note.id, None)
        await self._uploads.threads.run(self._partials.remove, note.id)
