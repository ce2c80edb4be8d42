"""Files that come in several goes: what has come so far, and a note of what it will be.

All methods block.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from models.files import push
from models.records import is_id

_END = ".json"
# Beside what arrives with a checksum: where it began. After a crash that is where it goes on.
_MARK = ".unproved"


class Note(Struct, frozen=True, kw_only=True):
    """What a file will be, and until when it may be continued; `done` when it has been kept."""

    id: str
    owner: str
    name: str
    length: int
    expires: float
    done: bool = False


class Partials:
    """The folder of files that are not whole yet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def note(self, note: Note) -> None:
        """Write a note, or write it again."""
        draft = self._path(note.id).with_suffix(".draft")
        draft.write_bytes(msgspec.json.encode(note))
        draft.chmod(0o600)
        draft.replace(self._path(note.id).with_suffix(_END))

    def notes(self) -> Iterator[Note]:
        """The notes that there are; what belongs to none of them is removed."""
        known = set()
        for path in sorted(self._folder.glob(f"*{_END}")):
            with suppress(msgspec.MsgspecError):
                note = msgspec.json.decode(path.read_bytes(), type=Note)
                known.add(note.id)
                yield note
        for path in self._folder.iterdir():
            if path.name.partition(".")[0] not in known:
                path.unlink(missing_ok=True)

    def size(self, partial_id: str) -> int:
        """How much of a file has come and is proved."""
        with suppress(FileNotFoundError):
            return int(self._path(partial_id).with_suffix(_MARK).read_text() or "0")
        path = self._path(partial_id)
        return path.stat().st_size if path.exists() else 0

    def begin(self, partial_id: str, start: int) -> None:
        """Note that what comes from here on is not proved yet."""
        mark = self._path(partial_id).with_suffix(_MARK)
        mark.write_text(str(start))

    def write(self, partial_id: str, offset: int, data: bytes) -> None:
        """Write a part of a file to its place."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW
        descriptor = os.open(self._path(partial_id), flags, 0o600)
        try:
            view, end = memoryview(data), offset + len(data)
            while view:
                view = view[os.pwrite(descriptor, view, end - len(view)) :]
            push(descriptor, offset, len(data))
        finally:
            os.close(descriptor)

    def prove(self, partial_id: str) -> None:
        """Note that all that has come is right."""
        self._path(partial_id).with_suffix(_MARK).unlink(missing_ok=True)

    def cut(self, partial_id: str) -> int:
        """Forget what has come and is not proved; return how much is left."""
        size = self.size(partial_id)
        path = self._path(partial_id)
        if path.exists():
            os.truncate(path, size)
        self.prove(partial_id)
        return size

    def drop(self, partial_id: str) -> None:
        """Remove what has come, and keep the note."""
        self._path(partial_id).unlink(missing_ok=True)

    def path(self, partial_id: str) -> Path:
        """Where a file is."""
        return self._path(partial_id)

    def remove(self, partial_id: str) -> None:
        """Remove a file and its note."""
        path = self._path(partial_id)
        for each in (path, path.with_suffix(_MARK), path.with_suffix(_END)):
            each.unlink(missing_ok=True)

    def _path(self, partial_id: str) -> Path:
        if not is_id(partial_id):
            raise ValueError("a partial file is named by an id")
        return self._folder / partial_id
