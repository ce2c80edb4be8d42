"""The parts of a store that show what its log holds."""

import pytest

from models.logged import LoggedStore
from models.records import new_id
from models.store import MovedMark
from tests.contract.samples import add_room, member


def test_a_room_can_be_read_of_which_only_the_marks_of_one_who_left_were_pending(
    logged: LoggedStore,
) -> None:
    someone = new_id()
    room = add_room(logged, someone)
    logged.commit([MovedMark(room.id, someone, 1, 1)], later=True)
    assert logged.rooms.leave(room.id, someone)
    assert logged.messages.history(room.id, limit=5) == []
