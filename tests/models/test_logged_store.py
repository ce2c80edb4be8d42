"""A store that puts large batches into a log."""

from functools import partial

import pytest
from msgspec.structs import replace

from models.logged import LoggedStore
from models.logged import store as store_module
from models.logged.entries import encoded
from models.logged.placing import FORGOTTEN_AT_ONCE
from models.logged.store import FEW
from models.records import EVERYONE, Counters, new_id
from models.store import (
    ChangedMessage,
    Duplicate,
    MovedMark,
    NewMessage,
    NotFound,
    Stored,
    Taken,
    Write,
)
from tests.contract.samples import START, add_room, at_once, keyed_call, message
from tests.logs import HookedLog, news, say_later


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


@pytest.mark.parametrize("later", [False, True])
def test_a_client_id_whose_first_message_is_pending_is_used(
    logged: LoggedStore, log: HookedLog, later: bool
) -> None:
    room, other = add_room(logged), add_room(logged)
    first, behind = message(room.id, 1), message(room.id, 3)
    again = replace(first, id=new_id(), seq=2, rev=2)
    elsewhere = replace(first, id=new_id(), room=other.id)
    say_later(logged, first)
    assert logged.commit(news([elsewhere]), later=later) == [Duplicate(first)]
    assert len(log) == 0
    say_later(logged, message(other.id, 1, sender=first.sender, client_id="new"))
    assert logged.commit(news([again, behind]), later=later) == [
        Duplicate(first),
        Stored(replace(behind, seq=2, rev=2)),
    ]
    assert logged.messages.counters(room.id) == Counters(seq=2, rev=2)


def test_a_client_id_twice_in_a_large_batch_is_used_once(logged: LoggedStore) -> None:
    room = add_room(logged)
    first = message(room.id, 1)
    again = replace(first, id=new_id(), seq=2, rev=2)
    assert say_later(logged, first, again) == [Stored(first), Duplicate(first)]
    assert logged.messages.history(room.id, limit=5) == [first]


@pytest.mark.parametrize("amount", [FEW, FEW + 1])
def test_a_small_batch_comes_behind_what_is_pending_of_its_room(
    logged: LoggedStore, log: HookedLog, amount: int
) -> None:
    room, other = add_room(logged), add_room(logged)
    said = [message(room.id, number) for number in range(1, amount + 1)]
    elsewhere, last = message(other.id, 1), message(room.id, amount + 1)
    edited = replace(said[0], rev=amount + 2, text="edited")
    say_later(logged, *said)
    assert logged.commit([NewMessage(elsewhere)]) == [Stored(elsewhere)]
    assert logged.underlying.messages.get(elsewhere.id) == elsewhere
    assert logged.underlying.messages.get(said[0].id) is None
    batch = [NewMessage(last), ChangedMessage(edited)]
    assert logged.commit(batch) == [Stored(last), Stored(edited)]
    assert len(log) == (2 if amount > FEW else 0)
    assert logged.messages.changes(room.id, since=0, limit=99) == [*said[1:], last, edited]


def test_a_change_that_a_call_makes_is_not_pending(logged: LoggedStore, log: HookedLog) -> None:
    room = add_room(logged)
    said = message(room.id, 1)
    call = keyed_call()
    logged.keyed_calls.begin(call, before=START)
    say_later(logged, said)
    edited = replace(said, rev=2, text="edited")
    assert logged.commit([ChangedMessage(edited, call.id)], later=True) == [Stored(edited)]
    assert len(log) == 0
    assert logged.underlying.messages.get(said.id) == edited
    kept = logged.keyed_calls.get(call.id)
    assert kept is not None
    assert kept.progress == "done"


@pytest.mark.parametrize("number", ["seq", "rev"])
def test_a_number_of_a_message_that_is_pending_is_taken(logged: LoggedStore, number: str) -> None:
    room = add_room(logged)
    first = message(room.id, 1)
    say_later(logged, first)
    late = replace(message(room.id, 2), **{number: 1})
    for later in (True, False):
        with pytest.raises(Taken) as refusal:
            logged.commit([NewMessage(late)], later=later)
        assert refusal.value.field == "number"
    assert logged.messages.history(room.id, limit=5) == [first]


def test_a_room_that_is_not_there_takes_nothing(logged: LoggedStore, log: HookedLog) -> None:
    room = add_room(logged)
    said = message(room.id, 1)
    with pytest.raises(NotFound):
        say_later(logged, message(new_id(), 1))
    assert len(log) == 0
    assert say_later(logged, said) == [Stored(said)]


def test_a_large_entry_is_written_to_its_place(
    logged: LoggedStore, log: HookedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "MAX_ENTRY_BYTES", 1_000)
    room = add_room(logged)
    said = message(room.id, 1, text="x" * 1_000)
    assert say_later(logged, said) == [Stored(said)]
    assert len(log) == 0
    assert logged.underlying.messages.get(said.id) == said


@pytest.mark.parametrize("limit", ["MAX_PENDING", "MAX_PENDING_BYTES"])
def test_what_is_pending_is_bounded(
    logged: LoggedStore, log: HookedLog, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    room = add_room(logged)
    said = [message(room.id, number) for number in range(1, 101)]
    edits = [replace(said[0], rev=rev) for rev in range(101, 201)]
    writes: list[Write] = [*news(said), *map(ChangedMessage, edits)]
    most = 40 if limit == "MAX_PENDING" else 4 * len(encoded(writes[:10]))
    monkeypatch.setattr(store_module, limit, most)
    for start in range(0, 200, 10):
        logged.commit(writes[start : start + 10], later=True)
        assert logged.underlying.messages.counters(room.id).rev >= start - 40
        assert len(log) <= 5 + FORGOTTEN_AT_ONCE
    assert logged.messages.counters(room.id) == Counters(seq=100, rev=200)
    assert logged.messages.get(said[0].id) == edits[-1]


def test_many_at_once_come_to_one_end(logged: LoggedStore, log: HookedLog) -> None:
    """One writes, large and small batches by turns, while others read and bring to their places."""
    rooms = [add_room(logged).id for _ in range(3)]
    said = {room: [message(room, number) for number in range(1, 121)] for room in rooms}

    def write() -> None:
        for start in range(0, 120, 20):
            for room in rooms:
                say_later(logged, *said[room][start : start + 19])
                logged.commit(news(said[room][start + 19 : start + 20]))

    def read(room: str) -> None:
        seen = 0
        while seen < 120:
            history = logged.messages.history(room, limit=999)
            assert history == said[room][: len(history)]
            assert len(history) >= seen
            seen = len(history)
            counters = logged.messages.counters(room)
            assert counters.seq >= seen
            assert logged.messages.get(said[room][seen - 1].id) in (said[room][seen - 1], None)
            logged.messages.index(7)

    assert at_once([write, *(partial(read, room) for room in rooms)]) == [None] * 4
    logged.messages.index(999)
    assert len(log) == 0
    for room in rooms:
        assert logged.underlying.messages.history(room, limit=999) == said[room]


def test_one_client_id_in_many_batches_at_once_is_stored_once(logged: LoggedStore) -> None:
    room, sender = add_room(logged), new_id()
    said = [message(room.id, 1, sender=sender, client_id="same") for _ in range(6)]
    calls = [partial(logged.commit, news([one]), later=bool(at % 2)) for at, one in enumerate(said)]
    results = at_once(calls)
    [first] = logged.messages.history(room.id, limit=9)
    assert results.count([Stored(first)]) == 1
    assert results.count([Duplicate(first)]) == 5
