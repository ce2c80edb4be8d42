"""The index of words in SQLite: FTS5, fed with our own tokens.

A message has a `place` in it, its number there: the milliseconds of its creation, and behind them a
count of those that share them. So the index itself is in the order in which a search answers, and a
time is a range of it. A message whose words are left for later has its place all the same, but so
far below zero that no time comes there; so the index of places tells which those are.
"""

import logging
import sqlite3
import time
from collections.abc import Collection, Iterable, Sequence

import msgspec

from models.records import Message
from models.sqlite.rows import insert_rows, listed, message_of, ms
from models.store import Refused
from models.words import room_token, tokens_of, tokens_said

log = logging.getLogger("hubbub.store")

# So many messages may share a millisecond. The year 9999 still fits into 64 bits then.
SHARED = 1 << 15

# How far below their place messages stand that are left for later; and where those end, which is
# below the year 1. What is said before 1970 or after 4198 is never left.
LEFT = 1 << 62
_LEFT_END = -(1 << 61)
_LEAVABLE = range(1 << 61)

# Older messages are put into the index in steps of some 0.1 s, and a line in the log tells of it.
_STEP = 2_000
_TELL_SECONDS = 5.0

# As one value, because every row lets go of the interpreter and has to get it back.
_TAKEN = """SELECT json_group_array(json_array(
        rowid, place, room, text, sender, attachments IS NOT NULL, deleted IS NOT NULL
    )) FROM messages WHERE rowid IN (SELECT value FROM json_each(?)) AND +place < ?"""

# The last place of each of some moments that is taken, be it by a message that was left.
_LAST = f"""SELECT moment, nullif(max(
        coalesce((SELECT max(place) FROM messages WHERE place >= first AND place < end), first - 1),
        coalesce((SELECT max(place) + ?2 FROM messages
            WHERE place >= first - ?2 AND place < end - ?2), first - 1)
    ), first - 1)
    FROM (SELECT value AS moment, value * {SHARED} AS first, (value + 1) * {SHARED} AS end
        FROM json_each(?1))"""  # noqa: S608 - a constant

_rows = msgspec.json.Decoder(list[int])
_taken = msgspec.json.Decoder(list[tuple[int, int, str, str, str, int, int]])


def enter(
    connection: sqlite3.Connection, messages: Sequence[Message], *, later: bool = False
) -> list[int | None]:
    """Put messages into the index, and return their places there; None if nothing can be found.

    Those that are left for `later` get their places alone.
    """
    findable = [message for message in messages if message.deleted is None]
    places = _free_places(connection, [ms(message.created) for message in findable])
    rows: list[tuple[object, ...]] = []
    entered: dict[str, int] = {}
    for message, place in zip(findable, places, strict=True):
        is_left = later and place in _LEAVABLE
        entered[message.id] = place - LEFT if is_left else place
        if not is_left:
            rows.append((place, _text(message.room, tokens_of(message))))
    insert_rows(connection, "search (rowid, tokens)", rows)
    return [entered.get(message.id) for message in messages]


def left(
    connection: sqlite3.Connection, limit: int, rooms: Collection[str] | None = None
) -> list[int]:
    """The rows of messages that were left for later, the oldest first."""
    condition, values = "true", []
    if rooms is not None:
        # With a plus, for SQLite would rather read all that was ever said in these rooms.
        condition, values = "+room IN (SELECT value FROM json_each(?))", [listed(rooms)]
    found = connection.execute(
        f"""SELECT json_group_array(id) FROM (
                SELECT rowid AS id FROM messages WHERE place < ? AND {condition}
                    ORDER BY place LIMIT ?
            )""",  # noqa: S608 - of our own conditions
        (_LEFT_END, *values, limit),
    ).fetchone()
    return _rows.decode(found[0])


def enter_left(connection: sqlite3.Connection, rows: Sequence[int]) -> None:
    """Put messages into the index that were left for later, if they are left still."""
    found = connection.execute(_TAKEN, (msgspec.json.encode(rows).decode(), _LEFT_END)).fetchone()
    taken = _taken.decode(found[0])
    insert_rows(
        connection,
        "search (rowid, tokens)",
        [
            (place + LEFT, _text(room, tokens_said(text, sender, showing=bool(showing))))
            for _, place, room, text, sender, showing, deleted in taken
            if not deleted
        ],
    )
    connection.execute(
        "UPDATE messages SET place = place + ? WHERE rowid IN (SELECT value FROM json_each(?))",
        (LEFT, msgspec.json.encode([row for row, *_ in taken]).decode()),
    )


def enter_again(connection: sqlite3.Connection, message: Message) -> None:
    """Replace what the index has of a message, which is about to change."""
    row = connection.execute("SELECT * FROM messages WHERE id = ?", (message.id,)).fetchone()
    if row is None or _is_left(row):
        return  # what is left for later is entered as it is then
    before, after = tokens_of(message_of(row)), tokens_of(message)
    if before == after:
        return
    _forget(connection, row)
    if after and row["place"] is not None:
        _insert(connection, row["place"], message, after)
    elif after:
        _enter_stored(connection, message)


def forget_room(connection: sqlite3.Connection, room_id: str) -> None:
    """Take all that was said in a room out of the index."""
    rows = connection.execute("SELECT * FROM messages WHERE room = ?", (room_id,))
    for row in rows:
        _forget(connection, row)


def fill(connection: sqlite3.Connection) -> None:
    """Put the messages into the index that were there before it; goes on where it broke off."""
    backlog = connection.execute("SELECT done, upto FROM search_backlog").fetchone()
    if backlog is None:
        return
    done, upto = backlog
    log.info("making %d messages searchable", upto - done)
    told = time.monotonic()
    while done < upto:
        rows = connection.execute(
            """SELECT rowid, * FROM messages WHERE rowid > ? AND rowid <= ?
                ORDER BY rowid LIMIT ?""",
            (done, upto, _STEP),
        ).fetchall()
        done = rows[-1]["rowid"] if rows else upto
        _fill_step(connection, (message_of(row) for row in rows if row["place"] is None), done)
        if time.monotonic() - told > _TELL_SECONDS:
            told = time.monotonic()
            log.info("making messages searchable: %d of %d", done, upto)
    connection.execute("DELETE FROM search_backlog")
    log.info("all messages are searchable")


def _fill_step(connection: sqlite3.Connection, messages: Iterable[Message], done: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for message in messages:
            _enter_stored(connection, message)
        connection.execute("UPDATE search_backlog SET done = ?", (done,))
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def _enter_stored(connection: sqlite3.Connection, message: Message) -> None:
    [place] = enter(connection, [message])
    connection.execute("UPDATE messages SET place = ? WHERE id = ?", (place, message.id))


def _insert(
    connection: sqlite3.Connection, place: int, message: Message, tokens: list[str]
) -> None:
    connection.execute(
        "INSERT INTO search (rowid, tokens) VALUES (?, ?)", (place, _text(message.room, tokens))
    )


def _forget(connection: sqlite3.Connection, row: sqlite3.Row) -> None:
    """Take a message out of the index, which must be told what it holds: it has no copy of it."""
    if row["place"] is None or _is_left(row):
        return
    tokens = tokens_of(message_of(row))
    if tokens:
        connection.execute(
            "INSERT INTO search (search, rowid, tokens) VALUES ('delete', ?, ?)",
            (row["place"], _text(row["room"], tokens)),
        )


def _is_left(row: sqlite3.Row) -> bool:
    return row["place"] is not None and row["place"] < _LEFT_END


def _free_places(connection: sqlite3.Connection, moments: Sequence[int]) -> list[int]:
    """The next places of some moments, in the order in which they come."""
    # Of each by itself: rooms that were in use while the clock was ahead are ahead of the others,
    # and between the two there may be all that was said in that time.
    found = connection.execute(_LAST, (msgspec.json.encode(list(set(moments))).decode(), LEFT))
    last: dict[int, int] = {moment: place for moment, place in found if place is not None}
    places = []
    for moment in moments:
        place = last[moment] + 1 if moment in last else moment * SHARED
        if place == (moment + 1) * SHARED:
            raise Refused(f"{SHARED} messages have the same time")
        last[moment] = place
        places.append(place)
    return places


def _text(room: str, tokens: list[str]) -> str:
    return " ".join([*tokens, room_token(room)])
