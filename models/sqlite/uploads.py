"""The records of files in SQLite."""

from collections.abc import Iterable

from models.records import EVERYONE, Upload
from models.sqlite.database import Database
from models.sqlite.rows import behind, insertion, listed, upload_of, upload_row


class SQLiteUploads:
    """The records of files."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, upload: Upload) -> None:
        """Keep a new record."""
        with self._database.write() as connection:
            connection.execute(*insertion("uploads", upload_row(upload)))

    def get(self, upload_id: str) -> Upload | None:
        """The upload of an id."""
        with self._database.read() as connection:
            row = connection.execute("SELECT * FROM uploads WHERE id = ?", (upload_id,)).fetchone()
        return None if row is None else upload_of(row)

    def many(self, upload_ids: Iterable[str]) -> dict[str, Upload]:
        """The uploads of these ids."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT * FROM uploads WHERE id IN (SELECT value FROM json_each(?))",
                (listed(upload_ids),),
            ).fetchall()
        return {row["id"]: upload_of(row) for row in rows}

    def page(self, *, after: str | None = None, limit: int) -> list[Upload]:
        """Everybody's uploads."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT * FROM uploads WHERE id > ? ORDER BY id LIMIT ?", (behind(after), limit)
            ).fetchall()
        return [upload_of(row) for row in rows]

    def of_owner(self, user_id: str, *, after: str | None = None, limit: int) -> list[Upload]:
        """A user's uploads."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT * FROM uploads WHERE owner = ? AND id > ? ORDER BY id LIMIT ?",
                (user_id, behind(after), limit),
            ).fetchall()
        return [upload_of(row) for row in rows]

    def used(self, user_id: str) -> int:
        """The bytes of a user's uploads."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT coalesce(sum(size), 0) AS used FROM uploads WHERE owner = ?", (user_id,)
            ).fetchone()
        return int(row["used"])

    def has_content(self, sha256: str) -> bool:
        """Look for an upload of a content."""
        return self._exists("SELECT 1 FROM uploads WHERE sha256 = ? LIMIT 1", sha256)

    def rooms(self, upload_id: str) -> list[str]:
        """The rooms where a message shows an upload."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT DISTINCT room FROM attachments WHERE upload = ? ORDER BY room", (upload_id,)
            ).fetchall()
        return [row["room"] for row in rows]

    def shown_in(self, room_id: str) -> list[str]:
        """The uploads that the messages of a room show."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT DISTINCT upload FROM attachments WHERE room = ? ORDER BY upload", (room_id,)
            ).fetchall()
        return [row["upload"] for row in rows]

    def is_shown_to(self, upload_id: str, user_id: str) -> bool:
        """Look for a room of somebody where a message shows an upload."""
        return self._exists(
            f"""SELECT 1 FROM attachments AS shown WHERE shown.upload = ? AND (
                    shown.room = '{EVERYONE}' OR EXISTS (
                        SELECT 1 FROM memberships AS m WHERE m.room = shown.room AND m.user = ?
                    )
                ) LIMIT 1""",  # noqa: S608 - a constant
            upload_id,
            user_id,
        )

    def delete(self, upload_id: str) -> bool:
        """Forget a record."""
        with self._database.write() as connection:
            return connection.execute("DELETE FROM uploads WHERE id = ?", (upload_id,)).rowcount > 0

    def _exists(self, query: str, *values: str) -> bool:
        with self._database.read() as connection:
            return connection.execute(query, values).fetchone() is not None
