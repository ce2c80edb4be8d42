"""Bringing what is in the log to its place."""

from models.logged import LoggedStore
from models.records import EVERYONE, new_id
from models.store import MovedMark, NewMessage
from tests.contract.samples import add_room, message


def test_index_says_that_nothing_is_left_only_when_that_is_so(logged: LoggedStore) -> None:
    someone = new_id()
    rooms = [add_room(logged, someone).id for _ in range(3)]
    marks = [MovedMark(room, someone, 1, 1) for room in rooms]
    said = message(EVERYONE, 1)
    logged.commit([*marks, NewMessage(said)], later=True)
    while logged.messages.index(2) == 2:
        pass
    assert logged.underlying.messages.get(said.id) == said
