"""Bringing what is in the log to its place."""

from collections.abc import Callable
from functools import partial

import pytest

from models.logged import LoggedStore, placing
from models.logged.placing import FORGOTTEN_AT_ONCE, PORTION, Underlying
from models.records import EVERYONE, new_id
from models.sqlite import SQLiteStore
from models.store import MovedMark, NewMessage, NotFound, Unavailable
from tests.contract.samples import START, add_room, at_once, keyed_call, member, message, room
from tests.logs import HookedCommit, HookedLog, away, say_later


def test_index_says_that_nothing_is_left_only_when_that_is_so(logged: LoggedStore) -> None:
    someone = new_id()
    rooms = [add_room(logged, someone).id for _ in range(3)]
    marks = [MovedMark(room, someone, 1, 1) for room in rooms]
    said = message(EVERYONE, 1)
    logged.commit([*marks, NewMessage(said)], later=True)
    while logged.messages.index(2) == 2:
        pass
    assert logged.underlying.messages.get(said.id) == said


def test_a_reader_waits_for_what_was_stored_before_and_not_for_what_comes(
    logged: LoggedStore, commits: HookedCommit
) -> None:
    room = add_room(logged)
    first, second = message(room.id, 1), message(room.id, 2)
    say_later(logged, first)
    commits.before = lambda: say_later(logged, second)
    assert logged.messages.history(room.id, limit=5) == [first]
    assert len(commits.batches) == 1
    assert logged.messages.history(room.id, limit=5) == [first, second]


def test_a_reader_waits_for_no_room_but_its_own(logged: LoggedStore, commits: HookedCommit) -> None:
    room, other = add_room(logged), add_room(logged)
    here, there = message(room.id, 1), message(other.id, 1)
    say_later(logged, there, here)
    assert logged.messages.history(room.id, limit=5) == [here]
    assert commits.batches == [[NewMessage(here)]]


def test_what_is_read_often_comes_in_portions(logged: LoggedStore, commits: HookedCommit) -> None:
    room = add_room(logged)
    said = [message(room.id, number) for number in range(1, 2 * PORTION + 2)]
    say_later(logged, *said)
    assert logged.messages.history(room.id, limit=9_999) == said
    assert [len(batch) for batch in commits.batches] == [PORTION, PORTION, 1]


def test_an_entry_is_removed_when_all_of_it_is_in_its_place_and_not_before(
    logged: LoggedStore, log: HookedLog
) -> None:
    someone = new_id()
    room, other = add_room(logged, someone), add_room(logged)
    say_later(logged, *(message(room.id, number) for number in (1, 2)), message(other.id, 1))
    logged.commit([MovedMark(room.id, someone, 2, 2)], later=True)
    for left in (2, 2, 0):
        logged.messages.index(1)
        assert len(log) == left


def test_entries_are_removed_many_at_once(logged: LoggedStore, log: HookedLog) -> None:
    room, other = add_room(logged), add_room(logged)
    for number in range(1, FORGOTTEN_AT_ONCE + 3):
        say_later(logged, message(room.id, number))
        if number == FORGOTTEN_AT_ONCE:
            say_later(logged, message(other.id, 1))
    logged.messages.index(FORGOTTEN_AT_ONCE - 1, [room.id])
    assert len(log) == FORGOTTEN_AT_ONCE + 3
    logged.messages.index(1, [room.id])
    assert len(log) == 3


def test_entries_of_a_deleted_room_are_removed(logged: LoggedStore, log: HookedLog) -> None:
    room = add_room(logged)
    say_later(logged, message(room.id, 1))
    logged.rooms.delete(room.id)
    assert logged.messages.index(5) == 0
    assert len(log) == 0


def test_what_does_not_come_to_its_place_stays_pending(
    logged: LoggedStore, commits: HookedCommit, log: HookedLog
) -> None:
    room = add_room(logged)
    said = message(room.id, 1)
    say_later(logged, said)
    for when in ("before", "behind"):
        setattr(commits, when, away)
        with pytest.raises(Unavailable):
            logged.messages.history(room.id, limit=5)
        assert logged.messages.get(said.id) == said
        assert len(log) == 1
    assert logged.messages.history(room.id, limit=5) == [said]
    assert len(log) == 0


def test_an_entry_that_cannot_be_removed_is_removed_later(
    logged: LoggedStore, log: HookedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = add_room(logged)
    said = message(room.id, 1)
    say_later(logged, said)
    with monkeypatch.context() as patch:
        patch.setattr(log, "remove", lambda _entries: away())
        with pytest.raises(Unavailable):
            logged.messages.history(room.id, limit=5)
    assert logged.messages.history(room.id, limit=5) == [said]
    logged.messages.index(1)
    assert len(log) == 0


def test_whoever_waits_too_long_is_told_so(
    logged: LoggedStore, commits: HookedCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placing, "WAIT_SECONDS", 0.01)
    room = add_room(logged)
    said = message(room.id, 1)
    say_later(logged, said)
    results: list[object] = []

    def wait() -> None:
        results.extend(at_once([lambda: logged.messages.history(room.id, limit=5)]))

    commits.before = wait
    assert logged.messages.history(room.id, limit=5) == [said]
    assert [type(result) for result in results] == [Unavailable]


def test_a_room_that_another_process_has_deleted_takes_nothing_of_what_is_pending(
    logged: LoggedStore, underlying: Underlying, log: HookedLog
) -> None:
    someone = new_id()
    room, other = add_room(logged, someone), add_room(logged)
    there = message(other.id, 1)
    logged.commit(
        [NewMessage(message(room.id, 1)), MovedMark(room.id, someone, 1, 1), NewMessage(there)],
        later=True,
    )
    assert underlying.rooms.delete(room.id)
    assert logged.messages.history(room.id, limit=5) == []
    assert logged.messages.history(other.id, limit=5) == [there]
    assert len(log) == 0


def test_a_number_that_another_server_took_is_replaced_and_that_is_told(
    logged: LoggedStore, underlying: Underlying, caplog: pytest.LogCaptureFixture
) -> None:
    room = add_room(logged)
    rival, said = message(room.id, 1), [message(room.id, number) for number in (1, 2)]
    say_later(logged, *said)
    underlying.commit([NewMessage(rival)])
    history = logged.messages.history(room.id, limit=5)
    assert [each.id for each in history] == [rival.id, *(each.id for each in said)]
    assert [each.seq for each in history] == [1, 2, 3]
    assert f"a number of message {said[0].id} was taken" in caplog.text


def test_within_a_call_with_a_key_nothing_comes_to_its_place(
    logged: LoggedStore, underlying: Underlying
) -> None:
    someone = new_id()
    room = add_room(logged, someone)
    said, call = message(room.id, 1), keyed_call()
    logged.keyed_calls.begin(call, before=START)
    logged.commit([NewMessage(said), MovedMark(room.id, someone, 1, 1)], later=True)

    def write() -> None:
        kept = logged.rooms.change_member(room.id, someone, muted=True)
        assert (kept.muted, kept.read) == (True, 1)
        assert logged.rooms.member(room.id, someone) is not None
        logged.messages.history(room.id, limit=5)
        assert underlying.messages.get(said.id) is None

    logged.keyed_calls.finish(call.id, write)
    assert logged.messages.history(room.id, limit=5) == [said]


def test_a_call_that_is_undone_leaves_what_is_pending_as_it_was(logged: LoggedStore) -> None:
    someone, heir = new_id(), new_id()
    room = room_with(logged, someone, heir)
    said, call = message(room, 1), keyed_call()
    logged.keyed_calls.begin(call, before=START)
    logged.commit([NewMessage(said), MovedMark(room, heir, 1, 1)], later=True)

    def break_off(write: Callable[[], object]) -> None:
        write()
        raise KeyboardInterrupt

    is_atomic = isinstance(logged.underlying, SQLiteStore)
    for write in (
        partial(logged.rooms.leave, room, heir),
        partial(logged.rooms.hand_over, room, someone, heir, role=None),
        partial(logged.rooms.delete, room),
    ):
        with pytest.raises(KeyboardInterrupt):
            logged.keyed_calls.finish(call.id, partial(break_off, write))
        assert logged.messages.get(said.id) == said
        if not is_atomic:
            return
        kept = logged.rooms.member(room, heir)
        assert kept is not None
        assert kept.read == 1
    assert logged.messages.history(room, limit=5) == [said]
    logged.keyed_calls.finish(call.id, partial(logged.rooms.delete, room))
    assert logged.messages.get(said.id) is None
    with pytest.raises(NotFound):
        say_later(logged, message(room, 2))


def room_with(logged: LoggedStore, owner: str, *others: str) -> str:
    """A room with an owner."""
    made = room()
    members = [member(made.id, owner, role="owner"), *(member(made.id, each) for each in others)]
    logged.rooms.add(made, members)
    return made.id
