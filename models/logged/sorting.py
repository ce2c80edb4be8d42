"""A batch, room by room: what is to be known of a room is asked once."""

from collections.abc import Iterable

from msgspec import Struct

from models.store import MessageWrite, MovedMark, NewMessage, Write


class Sorted(Struct, frozen=True):
    """The messages of each room in order, and the marks of all."""

    rooms: dict[str, list[MessageWrite]]
    marks: list[MovedMark]


def sort(writes: Iterable[Write]) -> Sorted:
    """Sort a batch."""
    rooms: dict[str, list[MessageWrite]] = {}
    marks: list[MovedMark] = []
    for write in writes:
        # The usual first: where `isinstance` says no it takes 0.1 µs.
        if not isinstance(write, NewMessage) and isinstance(write, MovedMark):
            marks.append(write)
        elif (room := write.message.room) in rooms:
            rooms[room].append(write)
        else:
            rooms[room] = [write]
    return Sorted(rooms, marks)


def room_of(write: Write) -> str:
    """The room of a write."""
    return write.room if isinstance(write, MovedMark) else write.message.room
