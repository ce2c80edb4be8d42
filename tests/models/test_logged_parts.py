"""The parts of a store that show what its log holds."""

import pytest

from models.logged import LoggedStore
from models.records import new_id
from models.store import MovedMark, Taken
from tests.contract.samples import add_room, message
from tests.logs import HookedCommit, say_later


def test_a_room_can_be_read_of_which_only_the_marks_of_one_who_left_were_pending(
    logged: LoggedStore,
) -> None:
    someone = new_id()
    room = add_room(logged, someone)
    logged.commit([MovedMark(room.id, someone, 1, 1)], later=True)
    assert logged.rooms.leave(room.id, someone)
    assert logged.messages.history(room.id, limit=5) == []


def test_numbers_that_were_read_as_another_batch_came_are_not_taken_for_the_last(
    logged: LoggedStore, commits: HookedCommit
) -> None:
    room = add_room(logged)
    first, second, rival = (message(room.id, number) for number in (1, 2, 2))
    say_later(logged, first)
    commits.behind = lambda: say_later(logged, second)
    logged.messages.counters(room.id)
    with pytest.raises(Taken):
        say_later(logged, rival)
    assert logged.messages.history(room.id, limit=5) == [first, second]
