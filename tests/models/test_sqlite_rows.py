"""Records to rows and back."""

import sqlite3

import pytest

from models.records import Hint, new_id
from models.sqlite import rows
from tests.contract.samples import (
    NOT_IDS,
    at,
    full_message,
    member,
    message,
    room,
    session,
    upload,
    user,
)


def through_sqlite(row: rows.Row) -> sqlite3.Row:
    """A row as SQLite gives it back."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.row_factory = sqlite3.Row
        columns = ", ".join(f":{column} AS {column}" for column in row)
        returned: sqlite3.Row = connection.execute(f"SELECT {columns}", row).fetchone()
        return returned
    finally:
        connection.close()


def test_users() -> None:
    full = user("Ada", email="A@b.c", avatar="x", last_seen=at(1), deleted=at(2), disabled=True)
    for record in (user(), full):
        assert rows.user_of(through_sqlite(rows.user_row(record))) == record
    assert rows.user_row(full)["email_key"] == "a@b.c"


def test_sessions() -> None:
    record = session(new_id())
    assert rows.session_of(through_sqlite(rows.session_row(record))) == record


def test_rooms() -> None:
    hint = Hint(seq=1, rev=2, sender=new_id(), text="\0é", at=at(0.001))
    for record in (room(), room("direct", name=None, pair="a:b", creator=new_id(), hint=hint)):
        assert rows.room_of(through_sqlite(rows.room_row(record))) == record


def test_memberships() -> None:
    record = member(new_id(), new_id(), role="owner", delivered=3, read=2, muted=True, hidden=True)
    assert rows.membership_of(through_sqlite(rows.membership_row(record))) == record


def test_messages() -> None:
    for record in (message(new_id(), 1), full_message(new_id(), 2)):
        assert rows.message_of(through_sqlite(rows.message_row(record))) == record


def test_uploads() -> None:
    record = upload(new_id(), width=1, height=2, placeholder="data:x")
    assert rows.upload_of(through_sqlite(rows.upload_row(record))) == record


def test_what_is_empty_takes_no_room() -> None:
    row = rows.message_row(message(new_id(), 1))
    assert row["attachments"] is row["reactions"] is row["mentions"] is row["former"] is None


@pytest.mark.parametrize("seconds", [0, 0.001, 0.999, -2_000_000_000, 4_000_000_000])
def test_moments_survive_to_the_millisecond(seconds: float) -> None:
    assert rows.moment(rows.ms(at(seconds))) == at(seconds)


def test_only_ids_are_listed() -> None:
    known = new_id()
    assert rows.listed([known, *NOT_IDS]) == f'["{known}"]'


@pytest.mark.parametrize("text", NOT_IDS)
def test_nothing_comes_behind_what_is_no_id(text: str) -> None:
    assert rows.behind(text) > "f" * 24
    assert rows.behind(None) == ""
