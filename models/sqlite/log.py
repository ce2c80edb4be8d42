"""The log in SQLite: one row an entry."""

import sqlite3
from collections.abc import Collection, Iterator, Sequence

from models.batch import client_key
from models.records import Message
from models.sqlite.database import Database
from models.sqlite.rows import listed

# So many are looked for by one statement, and so many of the rest: of few sizes SQLite has met
# nearly every statement before.
_SIZES = (400, 100, 25, 5, 1)


class SQLiteLog:
    """The entries, in a table of their own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, entry_id: str, body: bytes) -> None:
        """Keep an entry."""
        with self._database.write() as connection:
            connection.execute("INSERT INTO log (id, body) VALUES (?, ?)", (entry_id, body))

    def withdraw(self, entry_id: str) -> bool:
        """Look for an entry, and put an empty one in its place."""
        with self._database.write() as connection:
            connection.execute("INSERT OR IGNORE INTO log (id, body) VALUES (?, x'')", (entry_id,))
            row = connection.execute("SELECT body FROM log WHERE id = ?", (entry_id,)).fetchone()
        return bool(row["body"])

    def entries(self) -> Iterator[tuple[str, bytes]]:
        """All entries, by id."""
        after = ""
        while True:
            with self._database.read() as connection:
                row = connection.execute(
                    "SELECT id, body FROM log WHERE id > ? ORDER BY id LIMIT 1", (after,)
                ).fetchone()
            if row is None:
                return
            after = row["id"]
            yield after, row["body"]

    def remove(self, entry_ids: Collection[str]) -> None:
        """Forget entries."""
        with self._database.write() as connection:
            connection.execute(
                "DELETE FROM log WHERE id IN (SELECT value FROM json_each(?))", (listed(entry_ids),)
            )

    def is_news(self, messages: Sequence[Message]) -> bool:
        """Look for the client ids."""
        keys = [part for message in messages for part in client_key(message)]
        with self._database.read() as connection:
            return not _is_used(connection, keys)

    def has_rooms(self, rooms: Collection[str]) -> bool:
        """Count them."""
        with self._database.read() as connection:
            there = connection.execute(
                "SELECT count(*) FROM rooms WHERE id IN (SELECT value FROM json_each(?))",
                (listed(rooms),),
            ).fetchone()
        return int(there[0]) == len(rooms)


def _is_used(connection: sqlite3.Connection, keys: Sequence[str]) -> bool:
    """Look for any of these pairs of sender and client id, each by the index."""
    at = 0
    for size in _SIZES:
        while len(keys) - at >= 2 * size:
            pairs = ",".join(["(?,?)"] * size)
            found = connection.execute(
                f"""SELECT 1 FROM (VALUES {pairs}) AS wanted CROSS JOIN messages AS m
                    ON m.sender = wanted.column1 AND m.client_id = wanted.column2 LIMIT 1""",  # noqa: S608
                keys[at : at + 2 * size],
            ).fetchone()
            if found is not None:
                return True
            at += 2 * size
    return False
