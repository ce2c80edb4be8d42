"""The grammar of Socket.IO, in both directions, as literal packets."""

import json
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from handlers.socketio import packets
from handlers.socketio.packets import Event, Packet
from handlers.socketio.reasons import Malformed

DEEP = 100_000

PLACE = '{"_placeholder":true,"num":0}'

READ = {
    "0": Packet("0", "/", None, "", 0),
    '0{"token":"123"}': Packet("0", "/", None, '{"token":"123"}', 0),
    "0/admin,": Packet("0", "/admin", None, "", 0),
    "0/admin": Packet("0", "/admin", None, "", 0),
    '0/admin,{"token":"123"}': Packet("0", "/admin", None, '{"token":"123"}', 0),
    "1": Packet("1", "/", None, "", 0),
    "1/admin,": Packet("1", "/admin", None, "", 0),
    '2["hello",1]': Packet("2", "/", None, '["hello",1]', 0),
    '2/admin,456["project:delete",123]': Packet("2", "/admin", 456, '["project:delete",123]', 0),
    '20["hello"]': Packet("2", "/", 0, '["hello"]', 0),
    '2999999999999999["a"]': Packet("2", "/", 999999999999999, '["a"]', 0),
    '29007199254740991["a"]': Packet("2", "/", 2**53 - 1, '["a"]', 0),
    '2/a/b?c=d,["hello"]': Packet("2", "/a/b?c=d", None, '["hello"]', 0),
    '2["a line\nand another"]': Packet("2", "/", None, '["a line\nand another"]', 0),
    "3/admin,456[]": Packet("3", "/admin", 456, "[]", 0),
    f'51-["hello",{PLACE}]': Packet("5", "/", None, f'["hello",{PLACE}]', 1),
    f'51-/admin,456["hello",{PLACE}]': Packet("5", "/admin", 456, f'["hello",{PLACE}]', 1),
    f"61-/admin,456[{PLACE}]": Packet("6", "/admin", 456, f"[{PLACE}]", 1),
    '510-["ten"]': Packet("5", "/", None, '["ten"]', 10),
}

NO_PACKETS = [
    "", "7", "abc", "a", "9[]", "-1", "2abc[]", '2abc["a"]', "2hello", '2"hello"', "2null", "2 []",
    "0token", "2/admin", '2/admin["a"]x', "5[]", "50-[]", "5-1-[]", "5-[]", "5abc-[]", "51[]",
    '51.5-["a"]', '51000-["a"]', "6[]", '21-["a"]', '2-1["a"]', '212345678901234567["a"]',
    '29999999999999999["a"]', '29007199254740992["a"]', '2٣["a"]', "\ud8002", "2\x00[]",
]  # fmt: skip


@pytest.mark.parametrize("text", READ)
def test_a_packet_is_read(text: str) -> None:
    assert packets.parse(text) == READ[text]


@pytest.mark.parametrize("text", NO_PACKETS)
def test_what_is_no_packet_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        # Some can be read as a packet, and are not what such a packet carries.
        packets.event_of(packets.parse(text).payload)


def test_an_event_is_read() -> None:
    event = packets.event_of('["hello",1,{"a":[true]},"ü"]', (b"x",))
    assert event.name == "hello"
    assert [bytes(argument) for argument in event.arguments] == [
        b"1",
        b'{"a":[true]}',
        '"ü"'.encode(),
    ]
    assert event.attachments == (b"x",)
    assert packets.event_of("[1]") == Event(1, ())


def test_half_an_emoji_spoils_its_argument_alone() -> None:
    event = packets.event_of('["hello",1,{"a":"part\\uD83C"},"ü"]')
    assert event.name == "hello"
    assert [bytes(argument) for argument in event.arguments] == [
        b"1",
        b'{"a": "part\\ud83c"}',
        b'"\\u00fc"',
    ]
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(event.arguments[1])


@pytest.mark.parametrize(
    "payload",
    [
        "", "{}", "[]", "[null]", "[[]]", "[{}]", "[true]", "[1.5]", '["a"', '["a",]', '["a"]]',
        '["\\ud800"]', '["\\udc00x"]', '["a",NaN]', '["a",Infinity]', '["connect"]',
        '["disconnect"]', '["connect_error"]', '["disconnecting"]', '["newListener"]',
        '["removeListener"]', "[" + "9" * 5_000 + "]", "[" * DEEP, "[" * DEEP + "]" * DEEP,
        '["a",' + '{"a":' * DEEP, '["a","\\ud800"', '["a","\\ud800",NaN]', '{"a":"\\ud800"}',
        '["a","\\ud800",' + "[" * DEEP + "]" * DEEP + "]", '["a","\\ud800",' + "9" * 5_000 + "]",
    ],
)  # fmt: skip
def test_what_is_no_event_is_refused(payload: str) -> None:
    with pytest.raises(Malformed):
        packets.event_of(payload)


def test_what_comes_with_an_acknowledgement() -> None:
    assert [bytes(one) for one in packets.answer_of('[1,"a"]')] == [b"1", b'"a"']
    assert packets.answer_of("[]") == ()
    with pytest.raises(Malformed):
        packets.answer_of("{}")


def test_what_one_connects_with() -> None:
    assert bytes(packets.auth_of("")) == b"{}"
    assert bytes(packets.auth_of('{"token":"ü"}')) == '{"token":"ü"}'.encode()


def test_half_an_emoji_keeps_nobody_from_connecting() -> None:
    auth = packets.auth_of(r'{"token":"ü","\uD83C":{"a":["\ud83c\udf89\udf89"]}}')
    assert json.loads(bytes(auth)) == {"token": "ü", "?": {"a": ["🎉?"]}}


HALVES = ('["\\ud800"]', '{"\\ud800":NaN}', '{"\\ud800":1e999}', '{"\\ud800"')


@pytest.mark.parametrize("payload", ["[]", "{", '{"a"}', '{"a":' * DEEP, *HALVES])
def test_one_connects_with_an_object(payload: str) -> None:
    with pytest.raises(Malformed):
        packets.auth_of(payload)


WRITTEN = [
    (packets.connect("/", "abc"), b'40{"sid":"abc"}'),
    (packets.connect("/admin", "abc"), b'40/admin,{"sid":"abc"}'),
    (
        packets.connect_error("/random", "Invalid namespace"),
        b'44/random,{"message":"Invalid namespace"}',
    ),
    (
        packets.connect_error("/", "no", {"code": "bad_token"}),
        b'44{"message":"no","data":{"code":"bad_token"}}',
    ),
    (packets.disconnect(), b"41"),
    (packets.disconnect("/admin"), b"41/admin,"),
    (packets.event("hello", 1, {"a": "ü"}), '42["hello",1,{"a":"ü"}]'.encode()),
    (packets.event("hello", Raw(b'{"a": 1}')), b'42["hello",{"a": 1}]'),
    (packets.event("hello", namespace="/admin", packet_id=7), b'42/admin,7["hello"]'),
    (packets.acknowledgement(0), b"430[]"),
    (packets.acknowledgement(456, 1, namespace="/admin"), b"43/admin,456[1]"),
    (
        packets.binary_event(1, "hello", {"_placeholder": True, "num": 0}),
        f'451-["hello",{PLACE}]'.encode(),
    ),
    (
        packets.binary_acknowledgement(1, 8, {"_placeholder": True, "num": 0}, namespace="/a"),
        f"461-/a,8[{PLACE}]".encode(),
    ),
]


@pytest.mark.parametrize(("made", "wire"), WRITTEN)
def test_a_packet_is_written(made: bytes, wire: bytes) -> None:
    assert made == wire


@pytest.mark.parametrize(("made", "wire"), [pair for pair in WRITTEN if pair[1][1:2] != b"4"])
def test_what_is_written_can_be_read(made: bytes, wire: bytes) -> None:
    packet = packets.parse(made.decode()[1:])
    assert wire.decode().endswith(packet.payload)


@pytest.mark.parametrize(
    "values",
    [
        [],
        [b"\x01"],
        [1, "a", None, 1.5],
        [{"a": [b"\x01", {"b": b"\x02"}]}, b"\x01", [[b""]]],
    ],
)
def test_attachments_find_their_places_again(values: list[Any]) -> None:
    apart, attachments = packets.taken_apart(values)
    wire = [Raw(msgspec.json.encode(value)) for value in apart]
    assert packets.resolved(wire, attachments) == values


@pytest.mark.parametrize(
    "argument",
    [
        b'{"_placeholder":true,"num":1}', b'{"_placeholder":true,"num":-1}',
        b'{"_placeholder":true,"num":"0"}', b'{"_placeholder":true,"num":0.0}',
        b'{"_placeholder":true,"num":true}', b'{"_placeholder":true}',
        b'[{"a":{"_placeholder":true,"num":9}}]', b'"\\ud800"', b"1e999", b"[" * DEEP,
    ],
)  # fmt: skip
def test_a_place_without_its_attachment_is_refused(argument: bytes) -> None:
    with pytest.raises(Malformed):
        packets.resolved([Raw(argument)], [b"x"])


def test_what_only_looks_like_a_place_is_left_alone() -> None:
    looks = [Raw(b'{"_placeholder":false,"num":0}'), Raw(b'{"_placeholder":1,"num":0}')]
    assert packets.resolved(looks, []) == [
        {"_placeholder": False, "num": 0},
        {"_placeholder": 1, "num": 0},
    ]
