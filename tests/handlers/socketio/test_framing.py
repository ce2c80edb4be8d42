"""Packets of Engine.IO on each transport, byte for byte."""

import pytest

from handlers.socketio.framing import (
    POLLING,
    WEBSOCKET,
    packets_of,
    payload_of,
    reframed,
)
from handlers.socketio.reasons import Malformed

LONG = b"4" + b"x" * 300


@pytest.mark.parametrize(
    ("packet", "frame"),
    [
        (b"2", b"\x81\x012"),
        (b"4hello", b"\x81\x064hello"),
        ("4ü€".encode(), b"\x81\x064\xc3\xbc\xe2\x82\xac"),
        (LONG, b"\x81\x7e\x01\x2d" + LONG),
        (b"4" * 70_000, b"\x81\x7f" + (70_000).to_bytes(8) + b"4" * 70_000),
    ],
)
def test_a_text_in_a_frame(packet: bytes, frame: bytes) -> None:
    assert WEBSOCKET.text(packet) == frame


def test_bytes_in_a_frame() -> None:
    assert WEBSOCKET.binary(b"\x01\x02\x03") == b"\x82\x03\x01\x02\x03"
    assert WEBSOCKET.binary(b"") == b"\x82\x00"


def test_packets_in_a_payload() -> None:
    finished = POLLING.text(b"4hello") + POLLING.binary(b"\x01\x02\x03\x04") + POLLING.text(b"2")
    assert payload_of(finished) == b"4hello\x1ebAQIDBA==\x1e2"
    assert payload_of(POLLING.text(b"6")) == b"6"


@pytest.mark.parametrize(
    ("body", "packets"),
    [
        (b"4hello", ["4hello"]),
        (b"4a\x1e4b\x1e3", ["4a", "4b", "3"]),
        (b"4hello\x1ebAQIDBA==", ["4hello", b"\x01\x02\x03\x04"]),
        (b"b", [b""]),
        ("4ü".encode(), ["4ü"]),
        (b"", [""]),
        (b"4a\x1e", ["4a", ""]),
    ],
)
def test_a_payload_is_read(body: bytes, packets: list[str | bytes]) -> None:
    assert packets_of(body, 1_000) == packets


@pytest.mark.parametrize(
    "body", [b"4\xff", b"bAQIDBA=", b"b!!!!", "bü".encode(), b"b====", b"4\xed\xa0\x80"]
)
def test_what_is_no_payload_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        packets_of(body, 1_000)


def test_too_many_packets_are_refused() -> None:
    assert len(packets_of(b"\x1e".join([b"3"] * 10), 10)) == 10
    with pytest.raises(Malformed):
        packets_of(b"\x1e".join([b"3"] * 11), 10)


def test_what_waits_for_a_poll_becomes_frames() -> None:
    packets = (POLLING.text(b"2"), POLLING.text("4ü".encode()), POLLING.binary(b"\x01\xff"))
    assert reframed(b"".join(packets)) == b"\x81\x012" + b"\x81\x034\xc3\xbc" + b"\x82\x02\x01\xff"
    assert reframed(b"") == b""
