"""What MongoDB's store promises when the server is away, frozen or killed."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from msgspec.structs import replace

from models.mongo import MongoStore
from models.records import EVERYONE, Counters, new_id
from models.store import ChangedMessage, MovedMark, NewMessage, Store, Stored, Taken, Unavailable
from tests.contract.samples import add_messages, add_room, at_once, member, message, say, user
from tests.mongod import Mongod

T = TypeVar("T")

# What a caller may have to wait for an answer: the time limit of a call is 4 s, unless it is set.
LONGEST_WAIT = 5.0
SHORT = 1.0

# After a server is back, a driver may still answer from what it knew before.
RECOVERY_SECONDS = 30.0


@pytest.fixture(scope="module", params=["alone", "replica set"])
def server(request: pytest.FixtureRequest, mongod_program: Path) -> Iterator[Mongod]:
    """A mongod that may come to harm."""
    with Mongod(mongod_program, replica_set=request.param == "replica set") as running:
        yield running


@pytest.fixture
def store(server: Mongod) -> Iterator[MongoStore]:
    """A store over a database of its own."""
    opened = MongoStore(server.uri(f"hubbub_{new_id()}"), timeout=SHORT)
    opened.open()
    yield opened
    opened.close()


def unavailable(call: Callable[[], object]) -> None:
    """Hold a call to ending in Unavailable, and in time."""
    begun = time.monotonic()
    with pytest.raises(Unavailable):
        call()
    assert time.monotonic() - begun < LONGEST_WAIT


def recovered(call: Callable[[], T]) -> T:
    """What a call returns once the store has noticed that its server is back."""
    deadline = time.monotonic() + RECOVERY_SECONDS
    while True:
        try:
            return call()
        except Unavailable:
            if time.monotonic() > deadline:
                raise


def test_a_server_that_is_not_there_makes_a_store_unavailable(mongod_program: Path) -> None:
    absent = Mongod(mongod_program)
    store = MongoStore(absent.uri(), timeout=SHORT)
    unavailable(store.open)
    unavailable(store.ping)
    with absent:
        store.open()
        store.ping()
        store.close()


def test_a_frozen_server_is_unavailable_in_time_and_recovers(server: Mongod, store: Store) -> None:
    someone = new_id()
    room = add_room(store, someone)
    said = add_messages(store, room.id, 2)
    third = message(room.id, 3)
    batch = [NewMessage(third), MovedMark(room.id, someone, 3, 3)]
    server.pause()
    try:
        unavailable(lambda: store.commit(batch))
        unavailable(lambda: store.messages.history(room.id, limit=5))
        unavailable(lambda: store.rooms.join(member(room.id, new_id())))
    finally:
        server.resume()
    assert recovered(lambda: store.commit(batch)) == [Stored(third), Stored()]
    assert store.messages.history(room.id, limit=5) == [*said, third]
    assert store.messages.counters(room.id) == Counters(seq=3, rev=3)


def test_a_killed_server_recovers_with_all_that_was_acknowledged(
    server: Mongod, store: Store
) -> None:
    first = store.users.add(user(password_hash="x"))
    room = add_room(store, first.id)
    said = add_messages(store, room.id, 500)
    edited = replace(said[0], rev=501, text="edited")
    store.commit([ChangedMessage(edited), MovedMark(room.id, first.id, 500, 400)])
    server.kill()
    unavailable(lambda: store.messages.get(edited.id))
    unavailable(lambda: say(store, message(room.id, 501)))
    server.start()
    assert recovered(lambda: store.messages.get(edited.id)) == edited
    assert store.messages.history(room.id, limit=1000) == [edited, *said[1:]]
    assert store.users.administrators() == [first]
    kept = store.rooms.member(room.id, first.id)
    assert kept is not None
    assert (kept.delivered, kept.read) == (500, 400)


def test_a_restarted_server_is_found_by_the_same_store(server: Mongod, store: Store) -> None:
    room = add_room(store)
    said = message(room.id, 1)
    server.restart()
    assert recovered(lambda: say(store, said)) == [Stored(said)]
    assert store.messages.history(room.id, limit=5) == [said]


def test_a_batch_whose_outcome_was_unknown_is_stored_once(server: Mongod, store: Store) -> None:
    room = add_room(store)
    batch = [NewMessage(message(room.id, number)) for number in range(1, 201)]
    server.pause()
    try:
        unavailable(lambda: store.commit(batch))
    finally:
        server.resume()
    outcomes = recovered(lambda: store.commit(batch))
    assert outcomes == [Stored(write.message) for write in batch]
    assert store.commit(batch) == outcomes
    assert len(store.messages.history(room.id, limit=500)) == 200


def test_what_a_frozen_server_was_asked_can_be_withdrawn(server: Mongod, store: Store) -> None:
    room = add_room(store)
    first = add_messages(store, room.id, 1)[0]
    edited = replace(first, rev=2, text="late")
    said = [message(room.id, number, rev=number + 1) for number in range(2, 202)]
    batch = [ChangedMessage(edited), *map(NewMessage, said)]
    server.pause()
    try:
        unavailable(lambda: store.commit(batch))
    finally:
        server.resume()
    recovered(lambda: store.withdraw(batch, above=202))
    [*landed, last] = store.messages.changes(room.id, since=1, limit=500)
    assert landed == said[: len(landed)]
    assert last in (replace(first, rev=203), replace(edited, rev=203))
    if len(landed) < len(said):
        with pytest.raises(Taken):
            store.commit(batch)
    assert store.messages.changes(room.id, since=1, limit=500) == [*landed, last]


def test_a_deletion_that_broke_off_can_be_repeated(server: Mongod, store: Store) -> None:
    someone = new_id()
    room = add_room(store, someone)
    add_messages(store, room.id, 3)
    server.kill()
    unavailable(lambda: store.rooms.delete(room.id))
    server.start()
    assert recovered(lambda: store.rooms.get(room.id)) == room
    assert store.rooms.delete(room.id) is True
    assert store.rooms.members(room.id) == []


def test_closing_does_not_wait_for_a_frozen_server(server: Mongod, store: Store) -> None:
    server.pause()
    try:
        begun = time.monotonic()
        store.close()
        assert time.monotonic() - begun < LONGEST_WAIT
    finally:
        server.resume()


def test_a_frozen_server_is_unavailable_within_the_time_limit_that_nobody_set(
    server: Mongod,
) -> None:
    store, other = MongoStore(server.uri()), MongoStore(server.uri())
    store.open()
    batch = [MovedMark(EVERYONE, new_id(), 1, 1), NewMessage(message(EVERYONE, 1))]
    server.pause()
    try:
        calls = (lambda: store.commit(batch), store.ping, other.open)
        results = at_once([lambda call=call: unavailable(call) for call in calls])
    finally:
        server.resume()
    assert results == [None] * 3
    recovered(other.open)
    other.close()
    store.close()
