"""New messages as BSON: whatever is in them, they are what the driver would make of them."""

from typing import Any

import pytest
from bson import encode
from msgspec.structs import replace

from models.mongo.documents import message_document
from models.mongo.encoding import encoded_message
from models.records import FormerText, Message, Reaction, new_id
from tests.contract.samples import NOT_IDS, at, full_message, message

PLAIN = message(new_id(), 7, rev=9, text="hello", client_id="c-1", created=at(1.234))


def check(record: Message, *, later: bool = True) -> None:
    encoded = encoded_message(record, later=later)
    assert encoded.raw == encode(message_document(record, later=later))


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("text", ["", "hello", "100 %b", "\0", "é €", "👍🏽", "x" * 16_000])
def test_texts(text: str, later: bool) -> None:
    check(replace(PLAIN, text=text, client_id=text), later=later)


@pytest.mark.parametrize("number", [0, 1, 2**31 - 1, 2**31, 2**40])
def test_numbers(number: int) -> None:
    check(replace(PLAIN, seq=number))
    check(replace(PLAIN, rev=number))


@pytest.mark.parametrize("seconds", [0.0, 0.001, 3.999, 2e9])
def test_times(seconds: float) -> None:
    check(replace(PLAIN, created=at(seconds)))


@pytest.mark.parametrize("field", ["room", "sender"])
@pytest.mark.parametrize("text", NOT_IDS)
def test_what_is_no_id(field: str, text: str) -> None:
    check(replace(PLAIN, **{field: text}))


@pytest.mark.parametrize(
    "more",
    [
        {"attachments": (new_id(),)},
        {"reply_to": new_id()},
        {"reactions": (Reaction(emoji="x", users=(new_id(),)),)},
        {"mentions": (new_id(),)},
        {"pinned": True},
        {"former": (FormerText(text="before", until=at(1)),)},
        {"edited": at(1)},
        {"deleted": at(1)},
    ],
    ids=lambda more: next(iter(more)),
)
def test_what_else_may_be_in_one(more: dict[str, Any]) -> None:
    check(replace(PLAIN, **more))


def test_one_in_which_no_field_is_empty() -> None:
    check(full_message(new_id(), 3))
    check(full_message(new_id(), 3), later=False)
