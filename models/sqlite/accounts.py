"""Users and sessions in SQLite."""

import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Unpack

from msgspec.structs import replace

from models.contract.accounts import UserChange
from models.records import Session, User, folded
from models.sqlite.database import Database
from models.sqlite.rows import (
    assignments,
    behind,
    insertion,
    listed,
    ms,
    session_of,
    session_row,
    user_of,
    user_row,
)
from models.store import NotFound

# Once for good: the mark stays when the role is taken away or the password is forgotten.
_APPOINT_FOUNDER = """UPDATE users SET role = 'admin', founder = 1
    WHERE id = (SELECT min(id) FROM users WHERE password_hash IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM users WHERE founder)"""


class SQLiteUsers:
    """The accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, user: User) -> User:
        """Keep a new user; the first with a password becomes the administrator."""
        with self._database.write() as connection:
            connection.execute(*insertion("users", user_row(user)))
            if user.password_hash is not None:
                connection.execute(_APPOINT_FOUNDER)
            return _require_user(connection, user.id)

    def get(self, user_id: str) -> User | None:
        """The user of an id."""
        return self._one("id = ?", user_id)

    def by_name(self, name: str) -> User | None:
        """The user of a name."""
        return self._one("name_key = ?", folded(name))

    def named(self, names: Iterable[str]) -> list[User]:
        """The users of some names."""
        keys = tuple(folded(name) for name in names)
        return self._all(f"name_key IN ({', '.join('?' * len(keys))})", keys)

    def by_email(self, email: str) -> User | None:
        """The user of an e-mail address."""
        return self._one("email_key = ?", folded(email))

    def many(self, user_ids: Iterable[str]) -> dict[str, User]:
        """The users of these ids."""
        users = self._all("id IN (SELECT value FROM json_each(?))", (listed(user_ids),))
        return {user.id: user for user in users}

    def page(self, *, after: str | None = None, limit: int) -> list[User]:
        """Users by id."""
        condition = "deleted IS NULL AND id > ? ORDER BY id LIMIT ?"
        return self._all(condition, (behind(after), limit))

    def search(self, text: str, *, limit: int, without: str | None = None) -> list[User]:
        """Users whose name contains a text."""
        if not text:
            return []
        # instr, because LIKE would give % and _ a meaning of their own.
        condition = """(instr(name_key, ?1) OR instr(display_key, ?1))
            AND deleted IS NULL AND NOT disabled AND id <> ?2 ORDER BY name_key LIMIT ?3"""
        return self._all(condition, (folded(text), without or "", limit))

    def change(self, user_id: str, **changes: Unpack[UserChange]) -> User:
        """Change some fields of a user."""
        with self._database.write() as connection:
            there = _require_user(connection, user_id)
            if there.deleted is not None:
                raise NotFound("the user is deleted")
            row = user_row(replace(there, **changes))
            if "name" not in changes:
                del row["look_key"]  # some that are older have none
            connection.execute(f"UPDATE users SET {assignments(row)} WHERE id = :id", row)  # noqa: S608
            if changes.get("password_hash") is not None:
                connection.execute(_APPOINT_FOUNDER)
            return _require_user(connection, user_id)

    def note_seen(self, moments: Mapping[str, datetime]) -> None:
        """Note when users were last there."""
        with self._database.write() as connection:
            connection.executemany(
                """UPDATE users SET last_seen = max(coalesce(last_seen, 0), ?)
                    WHERE id = ? AND deleted IS NULL""",
                [(ms(moment), user_id) for user_id, moment in moments.items()],
            )

    def administrators(self) -> list[User]:
        """The administrators that can act."""
        return self._all("role = 'admin' AND NOT disabled AND deleted IS NULL ORDER BY id", ())

    def _one(self, condition: str, value: str) -> User | None:
        users = self._all(condition, (value,))
        return users[0] if users else None

    def _all(self, condition: str, values: tuple[object, ...]) -> list[User]:
        with self._database.read() as connection:
            rows = connection.execute(f"SELECT * FROM users WHERE {condition}", values).fetchall()  # noqa: S608
        return [user_of(row) for row in rows]


class SQLiteSessions:
    """The logins."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, session: Session) -> None:
        """Keep a new session."""
        with self._database.write() as connection:
            connection.execute(*insertion("sessions", session_row(session)))

    def get(self, session_id: str) -> Session | None:
        """The session of an id."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT * FROM sessions WHERE id = ?", (session_id,)
            ).fetchone()
        return None if row is None else session_of(row)

    def many(self, session_ids: Iterable[str]) -> dict[str, Session]:
        """The sessions of these ids."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT * FROM sessions WHERE id IN (SELECT value FROM json_each(?))",
                (listed(session_ids),),
            ).fetchall()
        return {session.id: session for session in map(session_of, rows)}

    def of_user(self, user_id: str) -> list[Session]:
        """A user's sessions."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT * FROM sessions WHERE user = ? ORDER BY created DESC, id DESC", (user_id,)
            ).fetchall()
        return [session_of(row) for row in rows]

    def living(self, session_ids: Iterable[str], now: datetime) -> set[str]:
        """Those of some sessions that let somebody in."""
        with self._database.read() as connection:
            rows = connection.execute(
                """SELECT s.id FROM sessions AS s JOIN users AS u ON u.id = s.user
                    WHERE s.id IN (SELECT value FROM json_each(?))
                        AND s.expires > ? AND NOT u.disabled AND u.deleted IS NULL""",
                (listed(session_ids), ms(now)),
            ).fetchall()
        return {row["id"] for row in rows}

    def touch(self, session_id: str, seen: datetime) -> None:
        """Note when a session was last used."""
        with self._database.write() as connection:
            connection.execute("UPDATE sessions SET seen = ? WHERE id = ?", (ms(seen), session_id))

    def end(self, session_id: str) -> bool:
        """Forget a session."""
        with self._database.write() as connection:
            return (
                connection.execute("DELETE FROM sessions WHERE id = ?", (session_id,)).rowcount > 0
            )

    def end_all(self, user_id: str, *, keep: str | None = None) -> list[str]:
        """Forget a user's sessions."""
        with self._database.write() as connection:
            rows = connection.execute(
                "DELETE FROM sessions WHERE user = ? AND id <> ? RETURNING id",
                (user_id, keep or ""),
            ).fetchall()
        return [row["id"] for row in rows]

    def sweep(self, before: datetime) -> int:
        """Forget the expired sessions."""
        with self._database.write() as connection:
            return connection.execute(
                "DELETE FROM sessions WHERE expires < ?", (ms(before),)
            ).rowcount


def _require_user(connection: sqlite3.Connection, user_id: str) -> User:
    row = connection.execute("SELECT * FROM users WHERE id = ?", (user_id,)).fetchone()
    if row is None:
        raise NotFound("the user does not exist")
    return user_of(row)
