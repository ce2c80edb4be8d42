"""Rooms and memberships in SQLite."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Unpack

from msgspec.structs import replace

from models.contract.rooms import MembershipChange, RoomChange
from models.records import EVERYONE, Hint, Membership, Room, RoomRole, is_id
from models.sqlite.database import Database
from models.sqlite.index import forget_room
from models.sqlite.rows import (
    assignments,
    behind,
    insertion,
    membership_of,
    membership_row,
    ms,
    packed,
    room_of,
    room_row,
)
from models.store import NotFound, Refused

# Later than any time that a record can carry, so that "from the top" needs no second query.
_LATEST = (1 << 62, "")
# And earlier: nothing comes behind what is no id.
_EARLIEST = (-(1 << 62), "")


class SQLiteRooms:
    """The rooms and who is in them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, room: Room, members: Sequence[Membership]) -> None:
        """Keep a new room with its members."""
        with self._database.write() as connection:
            _add(connection, room, members)

    def direct(self, room: Room, members: Sequence[Membership]) -> tuple[Room, bool]:
        """Find or make a direct room."""
        with self._database.write() as connection:
            row = connection.execute("SELECT * FROM rooms WHERE pair = ?", (room.pair,)).fetchone()
            if row is not None:
                return room_of(row), False
            _add(connection, room, members)
            return room, True

    def get(self, room_id: str) -> Room | None:
        """The room of an id."""
        with self._database.read() as connection:
            row = connection.execute("SELECT * FROM rooms WHERE id = ?", (room_id,)).fetchone()
        return None if row is None else room_of(row)

    def of_pair(self, pair: str) -> Room | None:
        """The direct room of a pair."""
        with self._database.read() as connection:
            row = connection.execute("SELECT * FROM rooms WHERE pair = ?", (pair,)).fetchone()
        return None if row is None else room_of(row)

    def change(self, room_id: str, **changes: Unpack[RoomChange]) -> Room:
        """Change some fields of a room."""
        with self._database.write() as connection:
            row = connection.execute("SELECT * FROM rooms WHERE id = ?", (room_id,)).fetchone()
            if row is None:
                raise NotFound("the room does not exist")
            room = replace(room_of(row), **changes)
            values = {"id": room_id, "name": room.name, "description": room.description}
            connection.execute(f"UPDATE rooms SET {assignments(values)} WHERE id = :id", values)  # noqa: S608
            return room

    def delete(self, room_id: str) -> bool:
        """Remove a room; its memberships and messages go with it by their foreign keys."""
        with self._database.write() as connection:
            forget_room(connection, room_id)
            return connection.execute("DELETE FROM rooms WHERE id = ?", (room_id,)).rowcount > 0

    def of_user(
        self, user_id: str, *, before: tuple[datetime, str] | None = None, limit: int
    ) -> list[tuple[Room, Membership]]:
        """The rooms of a user."""
        with self._database.read() as connection:
            rows = connection.execute(
                """SELECT rooms.*, m.room, m.user, m.role, m.joined, m.delivered, m.read, m.muted,
                        m.hidden
                    FROM memberships AS m JOIN rooms ON rooms.id = m.room
                    WHERE m.user = ? AND NOT m.hidden AND rooms.id <> ?
                        AND (rooms.active, rooms.id) < (?, ?)
                    ORDER BY rooms.active DESC, rooms.id DESC LIMIT ?""",
                (user_id, EVERYONE, *_bound(before), limit),
            ).fetchall()
        return [(room_of(row), membership_of(row)) for row in rows]

    def public(self, *, before: tuple[datetime, str] | None = None, limit: int) -> list[Room]:
        """The public rooms."""
        with self._database.read() as connection:
            rows = connection.execute(
                """SELECT * FROM rooms
                    WHERE kind = 'public' AND id <> ? AND (active, id) < (?, ?)
                    ORDER BY active DESC, id DESC LIMIT ?""",
                (EVERYONE, *_bound(before), limit),
            ).fetchall()
        return [room_of(row) for row in rows]

    def shown_to(self, user_id: str) -> list[str]:
        """The rooms of a user, and the one of everybody."""
        with self._database.read() as connection:
            rows = connection.execute(
                """SELECT ?2 AS room UNION
                    SELECT room FROM memberships WHERE user = ?1 AND NOT hidden ORDER BY room""",
                (user_id, EVERYONE),
            ).fetchall()
        return [row["room"] for row in rows]

    def hint(self, hints: dict[str, Hint]) -> None:
        """Note the last message of each room."""
        with self._database.write() as connection:
            connection.executemany(
                """UPDATE rooms SET hint = :hint, active = max(active, :active)
                    WHERE id = :id AND coalesce(json_extract(hint, '$.rev'), 0) < :rev""",
                [
                    {"id": room, "hint": packed(hint), "active": ms(hint.at), "rev": hint.rev}
                    for room, hint in hints.items()
                ],
            )

    def members(
        self, room_id: str, *, after: str | None = None, limit: int | None = None
    ) -> list[Membership]:
        """The memberships of a room."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT * FROM memberships WHERE room = ? AND user > ? ORDER BY user LIMIT ?",
                (room_id, behind(after), -1 if limit is None else limit),
            ).fetchall()
        return [membership_of(row) for row in rows]

    def member(self, room_id: str, user_id: str) -> Membership | None:
        """One membership."""
        with self._database.read() as connection:
            return _member(connection, room_id, user_id)

    def join(self, membership: Membership) -> Membership:
        """Make somebody a member."""
        with self._database.write() as connection:
            there = _member(connection, membership.room, membership.user)
            if there is not None:
                return there
            connection.execute(*insertion("memberships", membership_row(membership)))
            return membership

    def change_member(
        self, room_id: str, user_id: str, **changes: Unpack[MembershipChange]
    ) -> Membership:
        """Change some fields of a membership."""
        with self._database.write() as connection:
            there = _member(connection, room_id, user_id)
            if there is None:
                raise NotFound("the membership does not exist")
            membership = replace(there, **changes)
            if (membership.role == "owner") is not (there.role == "owner"):
                raise Refused("an owner hands the room over")
            row = membership_row(membership)
            connection.execute(
                f"UPDATE memberships SET {assignments(row)} WHERE room = :room AND user = :user",  # noqa: S608
                row,
            )
            return membership

    def hand_over(self, room_id: str, user_id: str, heir_id: str, *, role: RoomRole | None) -> None:
        """Make another member the owner, in one transaction."""
        with self._database.write() as connection:
            former, heir = (_member(connection, room_id, user) for user in (user_id, heir_id))
            if former is None or former.role != "owner" or heir is None:
                raise NotFound("the membership does not exist, or is not the owner's")
            _set_role(connection, room_id, heir_id, "owner")
            if role is None:
                _leave(connection, room_id, user_id)
            else:
                _set_role(connection, room_id, user_id, role)

    def leave(self, room_id: str, user_id: str) -> bool:
        """End a membership."""
        with self._database.write() as connection:
            there = _member(connection, room_id, user_id)
            if there is not None and there.role == "owner":
                raise Refused("an owner hands the room over")
            return _leave(connection, room_id, user_id)


def _add(connection: sqlite3.Connection, room: Room, members: Sequence[Membership]) -> None:
    connection.execute(*insertion("rooms", room_row(room)))
    for member in members:
        connection.execute(*insertion("memberships", membership_row(member)))


def _set_role(connection: sqlite3.Connection, room_id: str, user_id: str, role: RoomRole) -> None:
    connection.execute(
        "UPDATE memberships SET role = ? WHERE room = ? AND user = ?", (role, room_id, user_id)
    )


def _leave(connection: sqlite3.Connection, room_id: str, user_id: str) -> bool:
    ended = connection.execute(
        "DELETE FROM memberships WHERE room = ? AND user = ?", (room_id, user_id)
    )
    return ended.rowcount > 0


def _member(connection: sqlite3.Connection, room_id: str, user_id: str) -> Membership | None:
    row = connection.execute(
        "SELECT * FROM memberships WHERE room = ? AND user = ?", (room_id, user_id)
    ).fetchone()
    return None if row is None else membership_of(row)


def _bound(before: tuple[datetime, str] | None) -> tuple[int, str]:
    if before is None:
        return _LATEST
    return (ms(before[0]), before[1]) if is_id(before[1]) else _EARLIEST
