"""The grammar of Socket.IO packets: `42/chat,7["hello",{"_placeholder":true,"num":0}]`.

A packet is read without the `4` in front, which is Engine.IO's, and made with it. What an event
carries stays JSON until the application decodes it as what it should be.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, NoReturn

import msgspec
from msgspec import Raw, Struct

from handlers.socketio.reasons import Malformed

CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK = "0123456"

MAIN = "/"

# Names that mean something to clients and servers themselves.
RESERVED = frozenset(
    {"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}
)

# What an id may be: JavaScript counts no further.
MAX_ID = 2**53 - 1

# What may stand for half of a character that takes two in JavaScript.
_HALF = re.compile(r"\\ud[89a-f]", re.IGNORECASE)

# Behind the head of an event in the main namespace, with an id that is surely not too large.
_LONGEST = 17

# What stands before the payload; to match that as well took twice as long.
_HEAD = re.compile(
    r"""
    (?P<kind>[0-6])
    (?: (?P<attachments>[1-9][0-9]{0,2}) - )?
    (?: (?P<namespace>/[^,]*) (?:,|\Z) )?
    (?P<id>[0-9]{1,16})?
    """,
    re.VERBOSE | re.ASCII,
)


class Packet(Struct, frozen=True, gc=False):
    """A packet as it came; of a binary one, the attachments are still to come."""

    kind: str
    namespace: str
    id: int | None
    payload: str
    attachments: int


class Event(Struct, frozen=True, gc=False):
    """What was said: a name, and what came with it as JSON that nobody has decoded yet."""

    name: str | int
    arguments: tuple[Raw, ...]
    # What the placeholders among the arguments stand for; see `resolved`.
    attachments: tuple[bytes, ...] = ()


def parse(text: str) -> Packet:
    """Read a packet; Malformed if it is none."""
    if text[:1] == EVENT:
        # Nearly all are events in the main namespace; to match them takes twice as long.
        end = text.find("[", 1, _LONGEST)
        number = text[1:end]
        if end == 1:
            return Packet(EVENT, MAIN, None, text[1:], 0)
        if end > 0 and number.isdecimal() and number.isascii():
            return Packet(EVENT, MAIN, int(number), text[end:], 0)
    found = _HEAD.match(text)
    if found is None:
        raise Malformed("this is no packet")
    payload = text[found.end() :]
    if payload and payload[0] not in "[{":
        raise Malformed("this is no packet")
    kind, attachments, namespace, number = found.groups()
    if (attachments is None) == (kind in (BINARY_EVENT, BINARY_ACK)):
        raise Malformed("only binary packets have attachments")
    packet_id = None if number is None else int(number)
    if packet_id is not None and packet_id > MAX_ID:
        raise Malformed("this id is too large")
    return Packet(kind, namespace or MAIN, packet_id, payload, int(attachments or 0))


def event_of(payload: str, attachments: tuple[bytes, ...] = ()) -> Event:
    """Read what an event carries; Malformed if it is no list that begins with a name."""
    items = _items(payload)
    try:
        known: str | int = _names.decode(items[0] if items else b"")
    except (msgspec.MsgspecError, UnicodeError):
        raise Malformed("an event begins with its name") from None
    if known in RESERVED:
        raise Malformed("this name is reserved")
    return Event(known, items[1:], attachments)


def answer_of(payload: str) -> tuple[Raw, ...]:
    """Read what an acknowledgement carries."""
    return _items(payload)


def auth_of(payload: str) -> Raw:
    """Read what a client says when it connects: an object, empty if it says nothing."""
    if not payload:
        return Raw(b"{}")
    try:
        _objects.decode(payload)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return _auth_with_halves(payload)
    return Raw(payload.encode())


def connect(namespace: str, sid: str) -> bytes:
    """Say that a client is connected."""
    return _made(CONNECT, namespace, None, b'{"sid":"%b"}' % sid.encode())


def connect_error(namespace: str, message: str, data: object = None) -> bytes:
    """Say that a client is not connected, and why."""
    body: dict[str, object] = {"message": message}
    if data is not None:
        body["data"] = data
    return _made(CONNECT_ERROR, namespace, None, msgspec.json.encode(body))


def disconnect(namespace: str = MAIN) -> bytes:
    """Say that a client is disconnected."""
    return _made(DISCONNECT, namespace, None, b"")


def event(
    name: str | int, *arguments: object, namespace: str = MAIN, packet_id: int | None = None
) -> bytes:
    """An event as a packet of Engine.IO: `42["name",…]`."""
    payload = _encode((name, *arguments))
    if namespace == MAIN and packet_id is None:  # as nearly all are
        return b"42" + payload
    return _made(EVENT, namespace, packet_id, payload)


def acknowledgement(packet_id: int, *arguments: object, namespace: str = MAIN) -> bytes:
    """An answer to an event that asked for one: `43<id>[…]`."""
    payload = _encode(arguments)
    if namespace == MAIN:
        return b"43%d%b" % (packet_id, payload)
    return _made(ACK, namespace, packet_id, payload)


def binary_event(
    attachments: int,
    name: str | int,
    *arguments: object,
    namespace: str = MAIN,
    packet_id: int | None = None,
) -> bytes:
    """An event with placeholders; the attachments follow it as binary messages."""
    kind = f"{BINARY_EVENT}{attachments}-"
    return _made(kind, namespace, packet_id, msgspec.json.encode((name, *arguments)))


def binary_acknowledgement(
    attachments: int, packet_id: int, *arguments: object, namespace: str = MAIN
) -> bytes:
    """An answer with placeholders; the attachments follow it as binary messages."""
    kind = f"{BINARY_ACK}{attachments}-"
    return _made(kind, namespace, packet_id, msgspec.json.encode(arguments))


def resolved(arguments: Sequence[Raw], attachments: Sequence[bytes]) -> list[Any]:
    """Decode arguments, with attachments in their places; Malformed where one is missing."""
    try:
        decoded = [msgspec.json.decode(argument) for argument in arguments]
        return [_filled(value, attachments) for value in decoded]
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise Malformed("this cannot be decoded") from None


def taken_apart(values: Sequence[object]) -> tuple[list[object], list[bytes]]:
    """Take the bytes out of values and leave placeholders: the counterpart of `resolved`."""
    attachments: list[bytes] = []
    return [_emptied(value, attachments) for value in values], attachments


_encode = msgspec.json.Encoder().encode
_lists = msgspec.json.Decoder(tuple[Raw, ...])
_names = msgspec.json.Decoder(str | int)
_objects = msgspec.json.Decoder(dict[str, Raw])


def _items(payload: str) -> tuple[Raw, ...]:
    try:
        return _lists.decode(payload)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return _items_with_halves(payload)


def _items_with_halves(payload: str) -> tuple[Raw, ...]:
    r"""Take a list apart in which a text ends in the middle of an emoji.

    Pages cut texts so, and their JSON says it (`"\ud83c"`). Nobody can decode it, so it is refused
    like any other argument that makes no sense; the packet is one all the same.
    """
    if _HALF.search(payload) is None:
        raise Malformed("this is not a list")
    try:
        items = json.loads(payload, parse_constant=_refuse)
        if isinstance(items, list):
            return tuple(Raw(json.dumps(item).encode()) for item in items)
    except (ValueError, RecursionError):
        pass
    raise Malformed("this is not a list")


def _auth_with_halves(payload: str) -> Raw:
    """Read an object with half an emoji in it, as a `?`: nobody is let in by that."""
    if _HALF.search(payload) is not None:
        try:
            fields = json.loads(payload, parse_constant=_refuse)
            if isinstance(fields, dict):
                text = json.dumps(fields, ensure_ascii=False, allow_nan=False)
                return Raw(text.encode(errors="replace"))
        except (ValueError, RecursionError):
            pass
    raise Malformed("one connects with an object, or with nothing")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _made(kind: str, namespace: str, packet_id: int | None, payload: bytes) -> bytes:
    head = f"4{kind}" if namespace == MAIN else f"4{kind}{namespace},"
    if packet_id is not None:
        head += str(packet_id)
    return head.encode() + payload


def _filled(value: Any, attachments: Sequence[bytes]) -> Any:
    if isinstance(value, list):
        return [_filled(one, attachments) for one in value]
    if not isinstance(value, dict):
        return value
    if value.get("_placeholder") is not True:
        return {name: _filled(one, attachments) for name, one in value.items()}
    number = value.get("num")
    if type(number) is not int or not 0 <= number < len(attachments):
        raise Malformed("this attachment is missing")
    return attachments[number]


def _emptied(value: object, attachments: list[bytes]) -> object:
    if isinstance(value, bytes):
        attachments.append(value)
        return {"_placeholder": True, "num": len(attachments) - 1}
    if isinstance(value, list | tuple):
        return [_emptied(one, attachments) for one in value]
    if isinstance(value, dict):
        return {name: _emptied(one, attachments) for name, one in value.items()}
    return value
