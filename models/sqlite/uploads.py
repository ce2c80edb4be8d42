"""The records of files in SQLite."""

import sqlite3

from models.records import Upload
from models.sqlite.database import Database
from models.sqlite.rows import behind, insertion, upload_of, upload_row
from models.store import NotFound


class SQLiteUploads:
    """The records of files."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, upload: Upload) -> None:
        """Keep a new record."""
        with self._database.write() as connection:
            connection.execute(*insertion("uploads", upload_row(upload)))
            for room in upload.rooms:
                _show(connection, upload.id, room)

    def get(self, upload_id: str) -> Upload | None:
        """The upload of an id."""
        with self._database.read() as connection:
            return _get(connection, upload_id)

    def of_owner(self, user_id: str, *, after: str | None = None, limit: int) -> list[Upload]:
        """A user's uploads."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT * FROM uploads WHERE owner = ? AND id > ? ORDER BY id LIMIT ?",
                (user_id, behind(after), limit),
            ).fetchall()
            return [upload_of(row, _rooms(connection, row["id"])) for row in rows]

    def show(self, upload_id: str, room_id: str) -> Upload:
        """Note that an upload was shown in a room."""
        with self._database.write() as connection:
            if _get(connection, upload_id) is None:
                raise NotFound("the upload does not exist")
            _show(connection, upload_id, room_id)
            shown = _get(connection, upload_id)
            assert shown is not None  # noqa: S101 - same transaction
            return shown

    def delete(self, upload_id: str) -> bool:
        """Forget a record."""
        with self._database.write() as connection:
            return connection.execute("DELETE FROM uploads WHERE id = ?", (upload_id,)).rowcount > 0


def _get(connection: sqlite3.Connection, upload_id: str) -> Upload | None:
    row = connection.execute("SELECT * FROM uploads WHERE id = ?", (upload_id,)).fetchone()
    return None if row is None else upload_of(row, _rooms(connection, upload_id))


def _rooms(connection: sqlite3.Connection, upload_id: str) -> tuple[str, ...]:
    rows = connection.execute(
        "SELECT room FROM upload_rooms WHERE upload = ? ORDER BY room", (upload_id,)
    )
    return tuple(row["room"] for row in rows)


def _show(connection: sqlite3.Connection, upload_id: str, room_id: str) -> None:
    connection.execute("INSERT OR IGNORE INTO upload_rooms VALUES (?, ?)", (upload_id, room_id))
