"""The files that people sent: kept by their content, once, under names of our own.

    incoming/    what is on its way; whatever a crash left there is swept at start
    resumable/   what may be continued after a break, with a note beside each
    3f/3f…       a file, named by the SHA-256 of what is in it, and 3f/3f….320 its smaller copies

All methods block.
"""

import hashlib
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast

_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)

# What is said of a file is decided by its beginning.
HEAD_BYTES = 4096

# So much goes on its way to the disk while more arrives. If all of a file went at its end, 25 MB
# would be before whatever else is to be written at that moment: a message waited 10 ms for them.
PUSH_BYTES = 1024 * 1024

# A file that nobody has a record of may be about to get one.
ORPHAN_SECONDS = 3600.0


class Arrival:
    """A file while it arrives."""

    def __init__(self, path: Path, *, whole: bool = False) -> None:
        self.path = path
        self.size = 0
        self._pushed = 0
        self._hash = hashlib.sha256()
        self._file = -1
        if whole:
            self.size = path.stat().st_size
            with path.open("rb") as file:
                self._hash = hashlib.file_digest(file, hashlib.sha256)
        else:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            self._file = os.open(path, flags, 0o600)

    @property
    def sha256(self) -> str:
        """The hash of what has arrived."""
        return self._hash.hexdigest()

    def write(self, data: bytes) -> None:
        """Take more of the file."""
        self._hash.update(data)
        self.size += len(data)
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]
        if self.size - self._pushed >= PUSH_BYTES:
            push(self._file, self._pushed, self.size - self._pushed)
            self._pushed = self.size

    def head(self) -> bytes:
        """The beginning of what has arrived."""
        with self.path.open("rb") as file:
            return file.read(HEAD_BYTES)

    def close(self) -> None:
        """Take no more."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def discard(self) -> None:
        """Forget the file, and what was made of it."""
        self.close()
        for path in self.path.parent.glob(f"{self.path.name}*"):
            path.unlink(missing_ok=True)


class Files:
    """The folder of uploads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.incoming = folder / "incoming"
        self.resumable = folder / "resumable"

    def open(self) -> int:
        """Make the folders, sweep what a crash has left, and count that."""
        for folder in (self.folder, self.incoming, self.resumable):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        left = list(self.incoming.iterdir())
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def arrive(self) -> Arrival:
        """Begin a file."""
        return Arrival(self.incoming / secrets.token_hex(16))

    def adopt(self, path: Path) -> Arrival:
        """Take a file that came in another way, and stays until it is kept; none is an empty one.

        Nothing is written to it any more, for it may be one file under two names.
        """
        target = self.incoming / secrets.token_hex(16)
        path.touch(mode=0o600)
        try:
            os.link(path, target, follow_symlinks=False)
        except OSError:  # not every file system has links
            shutil.copyfile(path, target, follow_symlinks=False)
        return Arrival(target, whole=True)

    def beside(self, path: Path) -> Path:
        """Where to put what is made of a file that has arrived."""
        return self.incoming / f"{path.name}.clean"

    def settle(self, source: Path, variants: Iterable[str] = ()) -> None:
        """Make a file and its smaller copies durable, which takes as long as the disk takes."""
        for path in (source, *(_copy(source, variant) for variant in variants)):
            _make_durable(path)

    def keep(self, source: Path, sha256: str, variants: Iterable[str] = ()) -> None:
        """Keep a file that has settled, and its copies, under the name of its content.

        The file itself comes last: where it is, its copies are.
        """
        target = self.path(sha256)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        for path in (source, *(_copy(source, variant) for variant in variants)):
            os.utime(path)  # some of it may have come long ago
        for variant in variants:
            _copy(source, variant).replace(self.path(sha256, variant))
        source.replace(target)
        _make_durable(target.parent)
        _make_durable(self.folder)

    def add(self, source: Path, sha256: str, variants: Iterable[str]) -> None:
        """Keep more copies of a file that is there."""
        for variant in variants:
            _make_durable(_copy(source, variant))
            _copy(source, variant).replace(self.path(sha256, variant))

    def renew(self, sha256: str, size: int, variants: Iterable[str] = ()) -> bool:
        """Tell whether a file is there, whole and with its copies; then it is young again."""
        try:
            for variant in ("", *variants):
                os.utime(self.path(sha256, variant))
            return self.path(sha256).stat().st_size == size
        except FileNotFoundError:
            return False

    def size(self, sha256: str) -> int | None:
        """How large a file is; None where there is none."""
        try:
            return self.path(sha256).stat().st_size
        except FileNotFoundError:
            return None

    def has(self, sha256: str, variant: str = "") -> bool:
        """Tell whether a file is there."""
        return self.path(sha256, variant).is_file()

    def path(self, sha256: str, variant: str = "") -> Path:
        """Where the file of a content is, or a smaller copy of it."""
        if not _HASH.fullmatch(sha256):
            raise ValueError("a content is named by its hash")
        return self.folder / sha256[:2] / (f"{sha256}.{variant}" if variant else sha256)

    def read(self, path: Path) -> tuple[BinaryIO, int]:
        """Open a file, and say how large it is; links are not followed."""
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        file = os.fdopen(descriptor, "rb", buffering=0)
        return cast(BinaryIO, file), os.fstat(descriptor).st_size

    def remove(self, sha256: str) -> None:
        """Remove a file with its copies."""
        path = self.path(sha256)
        with suppress(FileNotFoundError):
            for copy in path.parent.glob(f"{sha256}*"):
                copy.unlink(missing_ok=True)

    def remove_old(self, sha256: str) -> bool:
        """Remove a file that nobody has a record of, unless somebody is about to get one."""
        latest = time.time() - ORPHAN_SECONDS
        copies = [*self.path(sha256).parent.glob(f"{sha256}*")]
        with suppress(FileNotFoundError):
            if any(copy.stat().st_mtime > latest for copy in copies):
                return False
        self.remove(sha256)
        return True

    def contents(self) -> Iterator[str]:
        """The hashes of the files that have been there for a while, each once."""
        latest = time.time() - ORPHAN_SECONDS
        for folder in sorted(self.folder.glob("[0-9a-f][0-9a-f]")):
            ages: dict[str, float] = {}
            for path in folder.iterdir():
                sha256 = path.name.partition(".")[0]
                if _HASH.fullmatch(sha256):
                    with suppress(FileNotFoundError):
                        ages[sha256] = max(ages.get(sha256, 0.0), path.stat().st_mtime)
            yield from (sha256 for sha256, age in sorted(ages.items()) if age <= latest)


def push(descriptor: int, offset: int, length: int) -> None:
    """Have the disk begin with a part of a file that was just written, and wait for nothing."""
    if sys.platform == "linux":
        # Which is what Linux does with what is not needed and not on the disk yet; it stays cached.
        os.posix_fadvise(descriptor, offset, length, os.POSIX_FADV_DONTNEED)


def _copy(source: Path, variant: str) -> Path:
    return source.with_name(f"{source.name}.{variant}")


def _make_durable(path: Path) -> None:
    """Put on the disk what was written under a path, or which names a folder holds."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
