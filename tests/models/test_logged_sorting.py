"""A batch, room by room."""

from models.logged.sorting import Sorted, room_of, sort
from models.records import new_id
from models.store import ChangedMessage, MovedMark, NewMessage
from tests.contract.samples import message

ROOM, OTHER, ADA = new_id(), new_id(), new_id()


def test_each_room_has_its_messages_in_order() -> None:
    first, there, edited = message(ROOM, 1), message(OTHER, 1), message(ROOM, 2)
    said = [NewMessage(first), NewMessage(there), ChangedMessage(edited)]
    mark = MovedMark(ROOM, ADA, 1, 1)
    batch = sort([said[0], mark, *said[1:], mark])
    assert batch == Sorted({ROOM: [said[0], said[2]], OTHER: [said[1]]}, [mark, mark])
    assert sort([]) == Sorted({}, [])


def test_a_write_knows_its_room() -> None:
    said = message(ROOM, 1)
    assert room_of(NewMessage(said)) == room_of(ChangedMessage(said)) == ROOM
    assert room_of(MovedMark(OTHER, ADA, 1, 1)) == OTHER
