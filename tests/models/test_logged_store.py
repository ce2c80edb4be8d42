"""A store that puts large batches into a log."""

import pytest
from msgspec.structs import replace

from models.logged import LoggedStore
from models.logged.placing import Underlying
from models.records import EVERYONE, new_id
from models.store import (
    ChangedMessage,
    Duplicate,
    MovedMark,
    NewMessage,
    NotFound,
    Stored,
    Taken,
    Unavailable,
    Write,
)
from tests.contract.samples import add_room, message
from tests.logs import HookedCommit, HookedLog, away, say_later


def test_what_was_logged_beside_a_room_that_was_just_deleted_has_its_numbers(
    logged: LoggedStore, log: HookedLog
) -> None:
    room, other = add_room(logged), add_room(logged)
    lost, said, rival = message(room.id, 1), message(other.id, 1), message(other.id, 1)
    log.before = lambda: logged.rooms.delete(room.id)
    with pytest.raises(NotFound):
        say_later(logged, lost, said)
    with pytest.raises(Taken):
        say_later(logged, rival)
    assert say_later(logged, said) == [Stored(said)]
    assert logged.messages.history(other.id, limit=5) == [said]
    assert logged.messages.get(lost.id) is None


def test_what_was_withdrawn_does_not_land_even_if_nobody_said_that_it_was(
    logged: LoggedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = add_room(logged)
    said = message(room.id, 1)
    withdraw = logged.underlying.withdraw

    def broken_off(*arguments: object, **options: int) -> None:
        withdraw(*arguments, **options)
        away()

    with monkeypatch.context() as patch:
        patch.setattr(logged.underlying, "withdraw", broken_off)
        with pytest.raises(Unavailable):
            logged.withdraw([NewMessage(said)], above=1)
    with pytest.raises(Taken):
        say_later(logged, said)


def test_a_stop_brings_what_is_pending_to_its_place(
    logged: LoggedStore, log: HookedLog, underlying: Underlying
) -> None:
    room = add_room(logged)
    said = [message(room.id, number) for number in range(1, 1_001)]
    say_later(logged, *said)
    assert len(log) == 1
    logged.close()
    underlying.open()
    assert len(log) == 0
    assert underlying.messages.history(room.id, limit=2_000) == said


def test_a_stop_does_not_wait_for_a_store_that_is_away(
    logged: LoggedStore, commits: HookedCommit, log: HookedLog, underlying: Underlying
) -> None:
    room = add_room(logged)
    said = message(room.id, 1)
    say_later(logged, said)
    commits.before = away
    logged.close()
    underlying.open()
    assert len(log) == 1
    underlying.close()
    logged.open()
    assert logged.messages.history(room.id, limit=2) == [said]


def test_marks_and_changes_of_a_deleted_room_change_nothing(logged: LoggedStore) -> None:
    someone = new_id()
    room = add_room(logged, someone)
    said, there = message(room.id, 1), message(EVERYONE, 1)
    say_later(logged, said)
    logged.rooms.delete(room.id)
    batch: list[Write] = [
        MovedMark(room.id, someone, 1, 1),
        ChangedMessage(replace(said, rev=2)),
        NewMessage(there),
    ]
    assert logged.commit(batch, later=True) == logged.underlying.commit(batch)
    assert logged.messages.latest(5) == [there]


@pytest.mark.parametrize("later", [False, True])
def test_a_duplicate_answers_with_a_change_of_the_first_that_is_pending(
    logged: LoggedStore, later: bool
) -> None:
    room, other = add_room(logged), add_room(logged)
    first = message(room.id, 1)
    edited = replace(first, rev=2, text="edited")
    again = replace(first, id=new_id(), room=other.id)
    logged.commit([NewMessage(first)])
    logged.commit([ChangedMessage(edited)], later=True)
    assert logged.commit([NewMessage(again)], later=later) == [Duplicate(edited)]
