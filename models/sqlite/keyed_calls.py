"""The calls that came with a key, in SQLite."""

import sqlite3
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from models.records import KeyedCall
from models.sqlite.database import Database
from models.sqlite.rows import insertion, keyed_call_of, keyed_call_row, ms

T = TypeVar("T")


class SQLiteKeyedCalls:
    """The calls that came with a key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, call: KeyedCall, *, before: datetime) -> KeyedCall:
        """Keep a call unless it is there."""
        with self._database.write() as connection:
            connection.execute(
                "DELETE FROM keyed_calls WHERE id = ? AND created < ?", (call.id, ms(before))
            )
            there = _one(connection, call.id)
            if there is None:
                connection.execute(*insertion("keyed_calls", keyed_call_row(call)))
            return there or call

    def get(self, call_id: str) -> KeyedCall | None:
        """The call of an id."""
        with self._database.read() as connection:
            return _one(connection, call_id)

    def finish(self, call_id: str, write: Callable[[], T]) -> T:
        """Write, and note in the same transaction that a call is done."""
        with self._database.write() as connection:
            note_done(connection, call_id)
            return write()

    def answer(self, call_id: str, status: int, body: bytes) -> None:
        """Note the answer to a call."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE keyed_calls SET status = ?, body = ? WHERE id = ? AND status = 0",
                (status, body, call_id),
            )

    def forget(self, call_id: str) -> None:
        """Forget a call of which nothing has come."""
        with self._database.write() as connection:
            connection.execute(
                "DELETE FROM keyed_calls WHERE id = ? AND status = 0 AND progress = 'begun'",
                (call_id,),
            )

    def count(self, owner: str) -> int:
        """Count the calls of an owner."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT count(*) AS kept FROM keyed_calls WHERE owner = ?", (owner,)
            ).fetchone()
        return int(row["kept"])

    def sweep(self, before: datetime) -> int:
        """Forget the calls that came before a moment."""
        with self._database.write() as connection:
            return connection.execute(
                "DELETE FROM keyed_calls WHERE created < ?", (ms(before),)
            ).rowcount


def note_done(connection: sqlite3.Connection, call_id: str) -> None:
    """Note that a call is done, along with whatever else the transaction writes."""
    connection.execute("UPDATE keyed_calls SET progress = 'done' WHERE id = ?", (call_id,))


def _one(connection: sqlite3.Connection, call_id: str) -> KeyedCall | None:
    row = connection.execute("SELECT * FROM keyed_calls WHERE id = ?", (call_id,)).fetchone()
    return None if row is None else keyed_call_of(row)
