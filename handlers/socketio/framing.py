"""Engine.IO packets, and how each transport carries them.

A packet is a text whose first character is its type, or a binary message. A WebSocket carries each
in a frame of its own; an answer or a body of long polling carries several, with a separator between
them and binary ones in base64.
"""

import binascii
from collections.abc import Iterator
from typing import Protocol

from handlers.frames import binary_frame, text_frame
from handlers.socketio.reasons import Malformed

OPEN, CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP = "0123456"
PROBE = "probe"
BASE64 = "b"

SEPARATOR = b"\x1e"

Packet = str | bytes


class Framing(Protocol):
    """How finished bytes for one kind of transport are made.

    Finished bytes of several packets are joined by writing one behind the other.
    """

    name: str

    def text(self, packet: bytes) -> bytes:
        """A packet that is text."""

    def binary(self, data: bytes) -> bytes:
        """A message that is binary."""


class _WebSocketFraming:
    """A packet is a frame."""

    name = "websocket"
    text = staticmethod(text_frame)
    binary = staticmethod(binary_frame)


class _PollingFraming:
    """A packet is a part of a payload; each is written with a separator behind it."""

    name = "polling"

    def text(self, packet: bytes) -> bytes:
        return packet + SEPARATOR

    def binary(self, data: bytes) -> bytes:
        return b"b" + binascii.b2a_base64(data, newline=False) + SEPARATOR


WEBSOCKET: Framing = _WebSocketFraming()
POLLING: Framing = _PollingFraming()


def payload_of(finished: bytes) -> bytes:
    """The body that carries finished packets of polling."""
    return finished.removesuffix(SEPARATOR)


def packets_of(body: bytes, most: int) -> list[Packet]:
    """The packets of a body; Malformed where there are too many or one cannot be read."""
    if body.count(SEPARATOR) >= most:
        raise Malformed(f"more than {most} packets")
    try:
        texts = body.decode().split(SEPARATOR.decode())
    except UnicodeDecodeError:
        raise Malformed("this is not UTF-8") from None
    return [_unpacked(text) for text in texts]


def reframed(finished: bytes) -> bytes:
    """Finished packets of polling as frames of a WebSocket."""
    return b"".join(_frames(finished))


def _frames(finished: bytes) -> Iterator[bytes]:
    for packet in finished.split(SEPARATOR)[:-1]:
        if packet.startswith(BASE64.encode()):
            yield binary_frame(binascii.a2b_base64(packet[1:]))
        else:
            yield text_frame(packet)


def _unpacked(text: str) -> Packet:
    if not text.startswith(BASE64):
        return text
    try:
        return binascii.a2b_base64(text[1:], strict_mode=True)
    except ValueError:  # also of characters that are not ASCII
        raise Malformed("this is not base64") from None
