"""What all native words have in common."""

import msgspec
import pytest

from chat import commands
from chat.commands import Command
from chat.errors import Busy, Invalid, NotFound
from handlers.dialects.words import AskPresence, Reader, id_of, refusal_body, written


class Odd(Command, frozen=True):
    """A command of a test."""

    some_room: commands.Id


READER = Reader({"ODD_COMMAND": Odd, "ASK": AskPresence})


def test_a_frame_is_read_in_one_step() -> None:
    frame = READER.read('{"type":"ODD_COMMAND","id":"x","payload":{"someRoom":"r"}}')
    assert (frame.payload, frame.id) == (Odd(some_room="r"), "x")


def test_a_command_without_fields_needs_no_payload() -> None:
    assert READER.read('{"type":"ASK"}').payload == AskPresence()
    with pytest.raises(Invalid):
        READER.read('{"type":"ODD_COMMAND"}')


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("{", "invalid_json", "this is not valid JSON"),
        ('"\\ud800"', "invalid_json", "this is not valid JSON"),
        ("\ud800", "invalid_json", "this is not valid JSON"),
        ('{"type":"ASK","x":' + "[" * 9999 + "]" * 9999 + "}", "invalid_json", "nested too deeply"),
        ('{"type":"ODD_COMMAND","payload":{"someRoom":5}}', "invalid_frame", "$.payload.someRoom"),
        ('{"type":"OTHER"}', "invalid_frame", "OTHER"),
    ],
)
def test_what_cannot_be_read(text: str, code: str, message: str) -> None:
    with pytest.raises(Invalid) as refusal:
        READER.read(text)
    assert refusal.value.code == code
    assert message in refusal.value.message


@pytest.mark.parametrize(
    ("text", "frame_id"),
    [
        ('{"id":5,"type":"WHAT"}', 5),
        ('{"type":[],"id":"x"}', "x"),
        ('{"id":[]}', None),
        ("{}", None),
        ("[]", None),
        ("{", None),
        ("\ud800", None),
        ('{"x":' + "[" * 9999 + "]" * 9999 + ',"id":1}', None),
    ],
)
def test_the_id_of_what_is_not_understood(text: str, frame_id: object) -> None:
    assert id_of(text) == frame_id


def test_a_finished_frame() -> None:
    assert written("ACK", {"a": 1}) == b'\x81\x20{"type":"ACK","payload":{"a":1}}'
    assert written("A", None, 0) == b'\x81\x22{"type":"A","payload":null,"id":0}'


def test_a_refusal_in_words() -> None:
    assert refusal_body(NotFound("no", "none")) == {"code": "no", "message": "none"}
    busy = refusal_body(Busy("busy", "wait", retry_after=2))
    assert msgspec.json.encode(busy) == b'{"code":"busy","message":"wait","retryAfter":2}'
