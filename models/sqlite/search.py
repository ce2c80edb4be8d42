"""Searching in SQLite: FTS5 names the candidates, in the order in which a search answers."""

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import groupby

from models.contract.messages import Found, Wanted
from models.records import Message
from models.sift import is_findable, sifted
from models.sqlite.index import SHARED
from models.sqlite.rows import message_of, ms
from models.store import TooSlow
from models.words import needed, room_token, sender_token, showing_token

# So many steps of SQLite's machine take some 0.1 ms.
_STEPS = 10_000

# FTS5 gathers all that begins alike before it answers, 0.1 s for two letters in a million messages,
# and nothing stops it there; so only the longest of many beginnings are asked for.
_BEGUN = 2

_LAST = (1 << 63) - 1


def search(connection: sqlite3.Connection, wanted: Wanted) -> Found:
    """A page of what is wanted."""
    if not is_findable(wanted):
        return Found([])
    deadline = time.monotonic() + wanted.seconds
    connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
    try:
        # Closed at once: an open cursor would show the next reader what was there before.
        with closing(_rows(connection, wanted)) as rows:
            return sifted(_in_order(_messages(rows)), wanted, deadline)
    finally:
        connection.set_progress_handler(None, 0)


def _rows(connection: sqlite3.Connection, wanted: Wanted) -> sqlite3.Cursor:
    return connection.execute(
        """SELECT messages.* FROM search
            JOIN messages ON messages.place = search.rowid
            WHERE search MATCH ? AND search.rowid >= ? AND search.rowid < ?
            ORDER BY search.rowid DESC""",
        (_expression(wanted), *_places(wanted)),
    )


def _expression(wanted: Wanted) -> str:
    """What FTS5 is asked for."""
    tokens = needed(wanted.terms)
    begun = sorted(tokens.begun, key=len, reverse=True)[:_BEGUN]
    parts = [*map(_quoted, tokens.whole), *(f"{_quoted(one)} *" for one in begun)]
    if wanted.sender is not None:
        parts.append(_quoted(sender_token(wanted.sender)))
    if wanted.showing:
        parts.append(_quoted(showing_token()))
    rooms = " OR ".join(_quoted(room_token(room)) for room in wanted.rooms)
    return " AND ".join([*parts, f"({rooms})"])


def _quoted(token: str) -> str:
    # No token holds a quotation mark, or any other character of ASCII but letters and digits.
    return f'"{token}"'


def _places(wanted: Wanted) -> tuple[int, int]:
    """The part of the index in which everything that is wanted stands."""
    ends = [_LAST]
    if wanted.until is not None:
        ends.append(ms(wanted.until) * SHARED)
    if wanted.before is not None:
        ends.append((ms(wanted.before.created) + 1) * SHARED)
    return -_LAST if wanted.since is None else ms(wanted.since) * SHARED, min(ends)


def _messages(rows: Iterable[sqlite3.Row]) -> Iterator[Message]:
    try:
        yield from map(message_of, rows)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        raise TooSlow("the search took too long") from error


def _in_order(messages: Iterable[Message]) -> Iterator[Message]:
    """Messages by time, the latest first, and by id where they share one."""
    for _, same in groupby(messages, key=lambda message: message.created):
        yield from sorted(same, key=lambda message: message.id, reverse=True)
