"""The index of words in SQLite: FTS5, fed with our own tokens.

A message has a `place` in it, its number there: the milliseconds of its creation, and behind them a
count of those that share them. So the index itself is in the order in which a search answers, and a
time is a range of it.
"""

import logging
import sqlite3
import time
from collections.abc import Iterable, Sequence

from models.records import Message
from models.sqlite.rows import insert_rows, message_of, ms
from models.store import Refused
from models.words import room_token, tokens_of

log = logging.getLogger("hubbub.store")

# So many messages may share a millisecond. The year 9999 still fits into 64 bits then.
SHARED = 1 << 15

# Older messages are put into the index in steps of some 0.1 s, and a line in the log tells of it.
_STEP = 2_000
_TELL_SECONDS = 5.0


def enter(connection: sqlite3.Connection, messages: Sequence[Message]) -> list[int | None]:
    """Put messages into the index, and return their places there; None if nothing can be found."""
    free: dict[int, int] = {}
    places: list[int | None] = []
    rows: list[tuple[object, ...]] = []
    for message in messages:
        tokens = tokens_of(message)
        if not tokens:
            places.append(None)
            continue
        moment = ms(message.created)
        place = free[moment] if moment in free else _free_place(connection, moment)
        if place == (moment + 1) * SHARED:
            raise Refused(f"{SHARED} messages have the same time")
        free[moment] = place + 1
        places.append(place)
        rows.append((place, _text(message, tokens)))
    insert_rows(connection, "search (rowid, tokens)", rows)
    return places


def enter_again(connection: sqlite3.Connection, message: Message) -> None:
    """Replace what the index has of a message, which is about to change."""
    row = connection.execute("SELECT * FROM messages WHERE id = ?", (message.id,)).fetchone()
    if row is None:
        return
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
        "INSERT INTO search (rowid, tokens) VALUES (?, ?)", (place, _text(message, tokens))
    )


def _forget(connection: sqlite3.Connection, row: sqlite3.Row) -> None:
    """Take a message out of the index, which must be told what it holds: it has no copy of it."""
    message = message_of(row)
    tokens = tokens_of(message)
    if tokens and row["place"] is not None:
        connection.execute(
            "INSERT INTO search (search, rowid, tokens) VALUES ('delete', ?, ?)",
            (row["place"], _text(message, tokens)),
        )


def _free_place(connection: sqlite3.Connection, moment: int) -> int:
    first = moment * SHARED
    last = connection.execute(
        "SELECT max(place) FROM messages WHERE place >= ? AND place < ?", (first, first + SHARED)
    ).fetchone()[0]
    return first if last is None else int(last) + 1


def _text(message: Message, tokens: list[str]) -> str:
    return " ".join([*tokens, room_token(message.room)])
