"""What a client may ask; decoding is the whole of its type checking."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from msgspec import UNSET, ValidationError
from msgspec.structs import FieldInfo, fields

from chat.commands import ChangeProfile, Command, LogIn, Register

PASSWORD = "correct horse 42"

# What no field of any command takes: operators, what has no end, and numbers that are none.
SENSELESS = [
    {}, {"$ne": 1}, {"$where": "1"}, {"a.b": "c"}, [[]], [{"$gt": ""}], ["x"] * 1000,
    "x" * 10_000, 2**64, -1, 1.5, float("nan"), float("inf"), 10**400,
]  # fmt: skip


# The dialects have commands of their own, which are theirs to test.
COMMANDS = [kind for kind in Command.__subclasses__() if kind.__module__ == Command.__module__]


def every_field() -> Iterator[Any]:
    for kind in COMMANDS:
        for field in fields(kind):
            yield pytest.param(field, id=f"{kind.__name__}.{field.encode_name}")


@pytest.mark.parametrize("field", list(every_field()))
def test_every_field_is_typed_and_bounded(field: FieldInfo) -> None:
    for value in SENSELESS:
        with pytest.raises(ValidationError):
            msgspec.convert(value, field.type)


@pytest.mark.parametrize("kind", COMMANDS, ids=lambda kind: kind.__name__)
def test_no_command_can_be_changed(kind: type[Command]) -> None:
    assert kind.__struct_config__.frozen


def test_a_command_is_decoded_from_the_names_that_javascript_uses() -> None:
    body = b'{"username":"ann","password":"correct horse 42","displayName":"Ann"}'
    command = msgspec.json.decode(body, type=Register)
    assert command == Register(username="ann", password=PASSWORD, display_name="Ann")


def test_what_is_not_known_is_left_out() -> None:
    body = b'{"password":"p","role":"admin","__proto__":{"role":"admin"},"constructor":1}'
    assert msgspec.json.decode(body, type=LogIn) == LogIn(password="p")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"{}", "missing required field `username`"),
        (b'{"username":"ann"}', "missing required field `password`"),
        (b'{"username":{"$ne":1},"password":"p"}', r"at `\$\.username`"),
        (b'{"username":"ann","password":null}', r"at `\$\.password`"),
        (b'{"username":"ann","password":["p"]}', r"at `\$\.password`"),
        (b'{"username":"ann","password":true}', r"at `\$\.password`"),
        (b"[]", "Expected `object`"),
        (b'"ann"', "Expected `object`"),
    ],
)
def test_a_refusal_names_the_place(body: bytes, place: str) -> None:
    with pytest.raises(ValidationError, match=place):
        msgspec.json.decode(body, type=Register)


def test_lengths_are_counted_in_characters() -> None:
    fields = {"username": "🦆" * 64, "password": "🦆" * 1024}
    assert msgspec.convert(fields, Register).username == "🦆" * 64
    for name, text in (("username", "🦆" * 65), ("password", "🦆" * 1025)):
        with pytest.raises(ValidationError):
            msgspec.convert({**fields, name: text}, Register)


def test_half_a_character_is_no_text() -> None:
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(rb'{"password":"\ud800"}', type=LogIn)


def test_a_field_that_is_left_out_differs_from_one_that_is_null() -> None:
    left_out = msgspec.json.decode(b"{}", type=ChangeProfile)
    assert (left_out.avatar, left_out.display_name) == (UNSET, UNSET)
    assert msgspec.json.decode(b'{"avatar":null}', type=ChangeProfile).avatar is None
