"""One SQLite file: a connection that writes, a few that read, a lock and the migrations."""

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from models.records import look_of
from models.sqlite.index import fill
from models.sqlite.schema import MIGRATIONS
from models.store import NotFound, Refused, StoreError, Taken, TooSlow, Unavailable, Unusable

# Another process (the command line beside a server) may hold the file for a moment.
BUSY_SECONDS = 4.0

# What the writer keeps of the file in memory, and after how many pages it checkpoints. A batch of
# 400 messages in 100 rooms touches some 500 pages, for each room has places of its own in the
# indexes: with SQLite's 2 MB and 1,000 pages a message took 53 µs in a file of 70 MB, and now 42.
CACHE_KIB = 32 * 1024
WAL_PAGES = 4_000

# What is in use already, by the last column of the constraint that says so.
_UNIQUE = {
    "name_key": "name",
    "look_key": "name",
    "email_key": "email",
    "seq": "number",
    "rev": "number",
}

# What SQLite says when it has certainly not written; anything else leaves the outcome open.
_REFUSALS = frozenset({
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_TOOBIG,
})  # fmt: skip

_TAKEN = frozenset({
    sqlite3.SQLITE_CONSTRAINT_UNIQUE,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
    sqlite3.SQLITE_CONSTRAINT_TRIGGER,
})  # fmt: skip

_DAMAGES = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})


class Database:
    """The file and its connections; `read` and `write` are the two ways to them.

    Only one process may own a file, and only the owner checkpoints: before SQLite 3.51.3 two
    checkpoints at once can corrupt it. A guest (the command line) writes beside a running owner and
    leaves the checkpoints to it; where there is no owner it becomes the owner itself.
    """

    def __init__(self, path: Path, *, guest: bool = False) -> None:
        self.path = path
        self._guest = guest
        self._writing = threading.RLock()
        self._writer: sqlite3.Connection | None = None
        self._pool_lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = True
        self._lock_file: IO[bytes] | None = None

    def open(self) -> None:
        """Lock, open and migrate the file."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # The file holds password hashes: nobody else on this host needs to read it.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            owner = self._lock()
            with _translated():
                self._writer = self._connect()
                self._writer.execute("PRAGMA journal_mode = WAL")
                self._writer.execute("PRAGMA synchronous = FULL")
                self._writer.execute(f"PRAGMA cache_size = {-CACHE_KIB}")
                self._writer.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES if owner else 0}")
                self._migrate(self._writer)
                if owner:
                    fill(self._writer)
                # What a statement would undo is kept by pages, 4 for each message of a batch: in a
                # file that took 8 µs of 40. Not sooner, for what sorts a whole table needs a file.
                self._writer.execute("PRAGMA temp_store = MEMORY")
        except OSError as error:
            self.close()
            raise Unusable(f"cannot use {self.path}: {error.strerror}") from error
        except BaseException:
            self.close()
            raise
        self._closed = False

    def close(self) -> None:
        """Close the readers first and the writer last, so that the last one checkpoints alone."""
        with self._writing:
            with self._pool_lock:
                self._closed = True
                idle, self._idle = self._idle, []
            for connection in idle:
                connection.close()
            if self._writer is not None:
                self._writer.close()
                self._writer = None
            if self._lock_file is not None:
                self._lock_file.close()
                self._lock_file = None

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Lend a reading connection."""
        with _translated():
            connection = self._take()
            try:
                yield connection
            finally:
                self._give_back(connection)

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Lend the writing connection for one transaction, which an exception undoes.

        Within another `write` of the same thread, the transaction is that one.
        """
        with self._writing, _translated():
            connection = self._writer
            if connection is None or self._closed:
                raise Unavailable("the store is closed")
            if connection.in_transaction:
                yield connection
                return
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # some errors have rolled back already
                    connection.execute("ROLLBACK")
                raise

    def _take(self) -> sqlite3.Connection:
        with self._pool_lock:
            if self._closed:
                raise Unavailable("the store is closed")
            if self._idle:
                return self._idle.pop()
        connection = self._connect()
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._pool_lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def _lock(self) -> bool:
        """Become the owner of the file if nobody is; tell whether this process is."""
        lock_file = self.path.with_suffix(".lock").open("ab")
        try:
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock_file.close()
            if self._guest:
                return False
            raise Unusable(f"{self.path} is in use by another Hubbub process") from None
        self._lock_file = lock_file
        return True

    def _migrate(self, connection: sqlite3.Connection) -> None:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):
            raise Unusable(
                f"{self.path} was written by a newer Hubbub (data version {version}, "
                f"this one knows {len(MIGRATIONS)})"
            )
        connection.create_function("look_of", 1, look_of, deterministic=True)
        for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
            connection.execute("BEGIN IMMEDIATE")
            try:
                for statement in statements:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise


@contextmanager
def _translated() -> Iterator[None]:
    """Turn SQLite's errors into the store's."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translation(error) from error


def _translation(error: sqlite3.Error) -> StoreError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if code in _TAKEN:
        # SQLite names the columns in its message ("... failed: users.name_key") and nowhere else.
        column = str(error).rpartition(".")[2]
        return Taken(_UNIQUE.get(column, column))
    if code == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
        return NotFound("the room does not exist")
    if code == sqlite3.SQLITE_INTERRUPT:
        return TooSlow("the search took too long")
    if str(error).startswith("no such module"):
        return Unusable(f"this Python's SQLite cannot search: {error}")
    # The low byte is the primary code; the rest says more about it.
    if code & 0xFF in _DAMAGES:
        return Unusable(f"the data file is damaged: {error}")
    if code & 0xFF in _REFUSALS:
        return Refused(str(error))
    return Unavailable(str(error))
