"""The store over one SQLite file, put together from its parts."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from models.batch import ClientKey, client_keys, done_calls, parted, plan
from models.records import EVERYONE, Message, now
from models.sqlite.accounts import SQLiteSessions, SQLiteUsers
from models.sqlite.database import Database
from models.sqlite.index import enter, enter_again
from models.sqlite.keyed_calls import SQLiteKeyedCalls, note_done
from models.sqlite.log import SQLiteLog
from models.sqlite.messages import SQLiteMessages
from models.sqlite.rooms import SQLiteRooms
from models.sqlite.rows import content_row, insert_rows, message_of, message_row, ms
from models.sqlite.uploads import SQLiteUploads
from models.store import (
    ChangedMessage,
    MessageWrite,
    MovedMark,
    NewMessage,
    Outcome,
    Taken,
    Write,
)

# With the columns in the order of `message_row`.
_MESSAGES = """messages (
        id, room, seq, sender, client_id, reply_to, created, rev, text, attachments, reactions,
        mentions, pinned, former, edited, deleted, place
    )"""

_CHANGE = """UPDATE messages SET
        rev = :rev, text = :text, attachments = :attachments, reactions = :reactions,
        mentions = :mentions, pinned = :pinned, former = :former, edited = :edited,
        deleted = :deleted
    WHERE id = :id"""

_MARK = """UPDATE memberships
    SET delivered = max(delivered, :delivered), read = max(read, :read)
    WHERE room = :room AND user = :user"""

_MARK_EVERYONE = """INSERT INTO memberships
        (room, user, role, joined, delivered, read, muted, hidden)
    VALUES (:room, :user, 'member', :joined, :delivered, :read, 0, 0)
    ON CONFLICT (room, user) DO UPDATE
    SET delivered = max(delivered, excluded.delivered), read = max(read, excluded.read)"""


class SQLiteStore:
    """Everything that is kept, in one file of the data folder."""

    def __init__(self, path: Path, *, guest: bool = False) -> None:
        self._database = Database(path, guest=guest)
        self.users = SQLiteUsers(self._database)
        self.sessions = SQLiteSessions(self._database)
        self.rooms = SQLiteRooms(self._database)
        self.messages = SQLiteMessages(self._database)
        self.uploads = SQLiteUploads(self._database)
        self.keyed_calls = SQLiteKeyedCalls(self._database)
        self.log = SQLiteLog(self._database)

    def open(self) -> None:
        """Open and migrate the file."""
        self._database.open()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def ping(self) -> None:
        """Read one row."""
        with self._database.read() as connection:
            connection.execute("SELECT 1 FROM rooms LIMIT 1").fetchone()

    def commit(self, writes: Sequence[Write], *, later: bool = False) -> list[Outcome]:
        """Write a batch in one transaction, and once more if it was in part stored before.

        That is looked up only then, for the indexes tell of it anyway.
        """
        try:
            return self._commit(writes, later=later, again=False)
        except Taken:
            return self._commit(writes, later=later, again=True)

    def _commit(self, writes: Sequence[Write], *, later: bool, again: bool) -> list[Outcome]:
        with self._database.write() as connection:
            firsts = _firsts(connection, client_keys(writes)) if again else {}
            batch = plan(writes, firsts)
            # New ones before all changes: what changes one of them comes behind it in any order.
            new = [write.message for write in batch.writes if isinstance(write, NewMessage)]
            _add(connection, new, later=later)
            for write in batch.writes:
                _apply(connection, write)
            for call_id in done_calls(writes):
                note_done(connection, call_id)
        return batch.outcomes

    def withdraw(self, writes: Sequence[MessageWrite], *, above: int) -> None:
        """Use up the ids of new messages, and stamp the others."""
        new, changed = parted(writes)
        with self._database.write() as connection:
            connection.executemany(
                """INSERT OR IGNORE INTO withdrawn (id)
                    SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM messages WHERE id = ?1)""",
                [(message.id,) for message in new],
            )
            connection.executemany(
                "UPDATE messages SET rev = ? WHERE id = ? AND rev <= ?",
                [(rev, each.id, above) for rev, each in enumerate(changed, start=above + 1)],
            )


def _firsts(connection: sqlite3.Connection, keys: list[ClientKey]) -> dict[ClientKey, Message]:
    firsts = {}
    for key in keys:
        row = connection.execute(
            "SELECT * FROM messages WHERE sender = ? AND client_id = ?", key
        ).fetchone()
        if row is not None:
            firsts[key] = message_of(row)
    return firsts


def _add(connection: sqlite3.Connection, messages: Sequence[Message], *, later: bool) -> None:
    places = enter(connection, messages, later=later)
    rows = [
        (*message_row(message).values(), place)
        for message, place in zip(messages, places, strict=True)
    ]
    insert_rows(connection, _MESSAGES, rows)
    for message in messages:
        _show(connection, message)


def _apply(connection: sqlite3.Connection, write: Write) -> None:
    match write:
        case NewMessage():
            pass  # with all others
        case ChangedMessage(message):
            _require_newer(connection, message)
            enter_again(connection, message)
            connection.execute(_CHANGE, {"id": message.id, **content_row(message)})
            connection.execute("DELETE FROM attachments WHERE message = ?", (message.id,))
            _show(connection, message)
        case MovedMark(room=room, user=user, delivered=delivered, read=read):
            statement = _MARK_EVERYONE if room == EVERYONE else _MARK
            marks = {"room": room, "user": user, "delivered": delivered, "read": read}
            connection.execute(statement, {**marks, "joined": ms(now())})


def _show(connection: sqlite3.Connection, message: Message) -> None:
    # Selected, because a change may be of a message that does not exist.
    for upload in message.attachments:
        connection.execute(
            """INSERT OR IGNORE INTO attachments (message, upload, room)
                SELECT id, ?, room FROM messages WHERE id = ?""",
            (upload, message.id),
        )


def _require_newer(connection: sqlite3.Connection, change: Message) -> None:
    kept = connection.execute("SELECT rev FROM messages WHERE id = ?", (change.id,)).fetchone()
    if kept is not None and kept["rev"] > change.rev:
        raise Taken("number")
