"""A batch as one entry of the log, and back."""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from models.records import Message
from models.store import ChangedMessage, MovedMark, NewMessage, Unusable, Write


class _Entry(Struct, frozen=True, array_like=True, gc=False):
    """The messages of a batch in order, which of them are changes, and the marks."""

    messages: list[Message]
    changed: list[int]
    marks: list[MovedMark]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Entry)


def encoded(writes: Sequence[Write]) -> bytes:
    """A batch as an entry; which keyed calls are done by it is not a part of that."""
    entry = _Entry([], [], [])
    messages = entry.messages
    for write in writes:
        if isinstance(write, NewMessage):
            messages.append(write.message)
        elif isinstance(write, ChangedMessage):
            entry.changed.append(len(messages))
            messages.append(write.message)
        else:
            entry.marks.append(write)
    return _encoder.encode(entry)


def decoded(body: bytes) -> list[Write]:
    """The batch of an entry; the marks are behind the messages, for nothing comes of the order.

    Unusable if it is damaged: what was acknowledged is not left out without a word.
    """
    try:
        entry = _decoder.decode(body)
        writes: list[Write] = [NewMessage(message) for message in entry.messages]
        for index in entry.changed:
            writes[index] = ChangedMessage(entry.messages[index])
    except (msgspec.MsgspecError, ValueError, IndexError) as error:
        raise Unusable(f"an entry of the log is damaged: {error}") from error
    return [*writes, *entry.marks]
