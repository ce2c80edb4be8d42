"""A batch as an entry of the log, and back."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from models.logged.entries import decoded, encoded
from models.records import EVERYONE, new_id
from models.store import ChangedMessage, MovedMark, NewMessage, Unusable, Write
from tests.contract.samples import full_message, message

ROOM = new_id()


def test_an_empty_batch_is_an_entry_too() -> None:
    body = encoded([])
    assert body
    assert decoded(body) == []


def test_a_batch_comes_back_with_its_marks_behind_the_messages() -> None:
    full, plain = full_message(ROOM, 1), message(EVERYONE, 1)
    mark = MovedMark(ROOM, new_id(), 7, 3)
    new, change = NewMessage(full), ChangedMessage(replace(full, rev=2, text="edited"))
    last = ChangedMessage(replace(plain, rev=2))
    batch: list[Write] = [new, mark, change, NewMessage(plain), mark, last]
    assert decoded(encoded(batch)) == [new, change, NewMessage(plain), last, mark, mark]


def test_which_call_is_done_by_a_change_is_not_kept() -> None:
    said = message(ROOM, 1)
    assert decoded(encoded([ChangedMessage(said, new_id())])) == [ChangedMessage(said)]


@pytest.mark.parametrize(
    "text", ["", "\0", "a\0b", "\U0010ffff", "Ärger ﬁ 東京 👍🏽", "x" * 100_000]
)
def test_any_text_comes_back(text: str) -> None:
    said = NewMessage(message(ROOM, 1, text=text, client_id=text))
    assert decoded(encoded([said])) == [said]


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999000, tzinfo=UTC),
        datetime(2024, 2, 29, 12, 0, 0, 1000, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC),
    ],
)
def test_any_time_comes_back_in_utc(moment: datetime) -> None:
    said = NewMessage(message(ROOM, 1, created=moment, edited=moment))
    [back] = decoded(encoded([said]))
    assert back == said
    assert isinstance(back, NewMessage)
    assert back.message.created.utcoffset() == timedelta(0)


def test_the_greatest_numbers_come_back() -> None:
    writes: list[Write] = [
        NewMessage(message(ROOM, 1, seq=1 << 53, rev=1 << 53)),
        MovedMark(ROOM, new_id(), 1 << 53, 0),
    ]
    assert decoded(encoded(writes)) == writes


@pytest.mark.parametrize(
    "body", [b"", b"\x93", b"\x93\x90\x91\x05\x90", b"no entry", encoded([])[:-1], b"\x90"]
)
def test_a_damaged_entry_is_unusable(body: bytes) -> None:
    with pytest.raises(Unusable, match="damaged"):
        decoded(body)
