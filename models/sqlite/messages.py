"""Reading messages in SQLite; they are written by the store's `commit`."""

from collections.abc import Collection, Iterable

from models.contract.messages import Found, Wanted
from models.records import Counters, Message
from models.sqlite.database import Database
from models.sqlite.index import enter_left, left
from models.sqlite.rows import listed, message_of, texts_of
from models.sqlite.search import search


class SQLiteMessages:
    """Reading messages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def counters(self, room_id: str) -> Counters:
        """The greatest numbers of a room."""
        # Two queries in one: SQLite reads a lone max() off the end of an index, but not a pair.
        with self._database.read() as connection:
            row = connection.execute(
                """SELECT (SELECT max(seq) FROM messages WHERE room = ?1) AS seq,
                    (SELECT max(rev) FROM messages WHERE room = ?1) AS rev""",
                (room_id,),
            ).fetchone()
        return Counters(seq=row["seq"] or 0, rev=row["rev"] or 0)

    def get(self, message_id: str) -> Message | None:
        """The message of an id."""
        found = self._all("id = ?", (message_id,))
        return found[0] if found else None

    def many(self, message_ids: Iterable[str]) -> dict[str, Message]:
        """The messages of these ids."""
        found = self._all("id IN (SELECT value FROM json_each(?))", (listed(message_ids),))
        return {message.id: message for message in found}

    def latest(self, limit: int) -> list[Message]:
        """The messages that were stored last."""
        return self._all("true ORDER BY id DESC LIMIT ?", (limit,))

    def by_client_id(self, sender: str, client_id: str) -> Message | None:
        """The message of a client id."""
        found = self._all("sender = ? AND client_id = ?", (sender, client_id))
        return found[0] if found else None

    def history(
        self, room_id: str, *, before: int | None = None, after: int | None = None, limit: int
    ) -> list[Message]:
        """A page of a room."""
        last = (1 << 62) if before is None else before
        if after is not None:
            condition = "room = ? AND seq > ? AND seq < ? ORDER BY seq LIMIT ?"
            return self._all(condition, (room_id, after, last, limit))
        condition = "room = ? AND seq < ? ORDER BY seq DESC LIMIT ?"
        return self._all(condition, (room_id, last, limit))[::-1]

    def pinned(self, room_id: str, *, before: int | None = None, limit: int) -> list[Message]:
        """The last pinned messages of a room."""
        last = (1 << 62) if before is None else before
        condition = "room = ? AND pinned AND seq < ? ORDER BY seq DESC LIMIT ?"
        return self._all(condition, (room_id, last, limit))[::-1]

    def naming(self, room_id: str, *, limit: int) -> list[tuple[int, tuple[str, ...]]]:
        """The last messages of a room that mention somebody."""
        with self._database.read() as connection:
            rows = connection.execute(
                """SELECT seq, mentions FROM messages WHERE room = ? AND mentions IS NOT NULL
                    ORDER BY seq DESC LIMIT ?""",
                (room_id, limit),
            ).fetchall()
        return [(row["seq"], texts_of(row["mentions"])) for row in rows][::-1]

    def search(self, wanted: Wanted) -> Found:
        """A page of what is wanted, by the index of words."""
        with self._database.read() as connection:
            return search(connection, wanted)

    def index(self, limit: int, rooms: Collection[str] | None = None) -> int:
        """Let some messages be found that were left for later."""
        with self._database.read() as connection:
            rows = left(connection, limit, rooms)
        if rows:
            with self._database.write() as connection:
                enter_left(connection, rows)
        return len(rows)

    def changes(self, room_id: str, *, since: int, limit: int) -> list[Message]:
        """The messages changed since a number."""
        condition = "room = ? AND rev > ? ORDER BY rev LIMIT ?"
        return self._all(condition, (room_id, since, limit))

    def _all(self, condition: str, values: tuple[object, ...]) -> list[Message]:
        with self._database.read() as connection:
            rows = connection.execute(
                f"SELECT * FROM messages WHERE {condition}",  # noqa: S608 - our own conditions
                values,
            ).fetchall()
        return [message_of(row) for row in rows]
