"""What every store promises about calls that came with a key: SQLite, a lone mongod, a set."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from models.mongo import MongoStore
from models.records import KeyedCall, Membership, new_id
from models.sqlite import SQLiteStore
from models.store import ChangedMessage, NewMessage, NotFound, Store, Taken, Unavailable
from tests.contract.samples import (
    NOT_IDS,
    START,
    at,
    at_once,
    direct,
    keyed_call,
    member,
    message,
    room,
    user,
)
from tests.mongod import Mongod

LONG_AGO = datetime.fromisoformat("2000-01-01T00:00:00Z")


@pytest.fixture(scope="module")
def replica_set(mongod_program: Path) -> Iterator[Mongod]:
    """A set of one, which has transactions."""
    with Mongod(mongod_program, replica_set=True) as running:
        yield running


@pytest.fixture(params=["sqlite", "alone", "replica set"])
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Makes stores over the same data."""
    if request.param == "sqlite":
        return partial(SQLiteStore, tmp_path / "hubbub.db")
    server: Mongod = request.getfixturevalue(
        "mongod" if request.param == "alone" else "replica_set"
    )
    return partial(MongoStore, server.uri(f"keyed_{new_id()}"))


@pytest.fixture
def store(make_store: Callable[[], Store]) -> Iterator[Store]:
    """An empty store."""
    opened = make_store()
    opened.open()
    yield opened
    opened.close()


@pytest.fixture
def is_atomic(request: pytest.FixtureRequest) -> bool:
    """Whether the store has transactions."""
    return "alone" not in request.node.callspec.id


def begun(store: Store, **fields: Any) -> KeyedCall:
    return store.keyed_calls.begin(keyed_call(**fields), before=LONG_AGO)


def progress(store: Store, call: KeyedCall) -> str:
    kept = store.keyed_calls.get(call.id)
    assert kept is not None
    return kept.progress


def said(store: Store) -> Any:
    where = room()
    store.rooms.add(where, [])
    first = message(where.id, 1)
    store.commit([NewMessage(first)])
    return first


def test_a_call_is_kept_as_it_came(store: Store) -> None:
    came = keyed_call(session=new_id(), status=201, body=b"\0{}\xff", progress="done")
    for call in (keyed_call(created=at(0.001)), came):
        assert store.keyed_calls.begin(call, before=LONG_AGO) == call
        assert store.keyed_calls.get(call.id) == call


def test_the_first_call_of_an_id_stays(store: Store) -> None:
    first = begun(store)
    assert begun(store, id=first.id, owner="another", digest="1" * 64) == first
    assert store.keyed_calls.count("another") == 0


def test_a_call_that_is_too_old_is_as_good_as_none(store: Store) -> None:
    first = begun(store, status=200, created=at(1))
    second = keyed_call(id=first.id, created=at(9))
    assert store.keyed_calls.begin(second, before=at(1)) == first
    assert store.keyed_calls.begin(second, before=at(2)) == second
    assert store.keyed_calls.get(first.id) == second


def test_of_many_at_once_one_is_kept(store: Store) -> None:
    call_id = new_id()
    calls = [partial(begun, store, id=call_id) for _ in range(8)]
    assert at_once(calls) == [store.keyed_calls.get(call_id)] * 8


def test_a_call_is_answered_once(store: Store, make_store: Callable[[], Store]) -> None:
    call = begun(store)
    store.keyed_calls.answer(call.id, 201, b"first")
    store.keyed_calls.answer(call.id, 200, b"second")
    store.close()
    other = make_store()
    other.open()
    answered = other.keyed_calls.get(call.id)
    other.close()
    assert answered is not None
    assert (answered.status, answered.body) == (201, b"first")


def test_what_a_call_writes_is_written_with_the_note_that_it_is_done(store: Store) -> None:
    call, where = begun(store), room()
    store.rooms.add(where, [])
    add = partial(store.rooms.join, Membership(room=where.id, user=new_id(), joined=START))
    assert store.keyed_calls.finish(call.id, add) in store.rooms.members(where.id)
    assert progress(store, call) == "done"


def test_what_a_call_cannot_write_is_not_noted(store: Store, *, is_atomic: bool) -> None:
    call, there = begun(store), user()
    store.users.add(there)
    with pytest.raises(Taken):
        store.keyed_calls.finish(call.id, partial(store.users.add, user(there.name)))
    assert progress(store, call) == ("begun" if is_atomic else "tried")
    rename = partial(store.rooms.change, new_id(), name="x")
    with pytest.raises(NotFound):
        store.keyed_calls.finish(call.id, rename)
    assert progress(store, call) == ("begun" if is_atomic else "tried")


def test_what_breaks_off_leaves_nothing_of_a_call(store: Store, *, is_atomic: bool) -> None:
    call, added = begun(store), user()

    def break_off() -> None:
        store.users.add(added)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.keyed_calls.finish(call.id, break_off)
    assert (store.users.get(added.id) is None) == is_atomic
    assert progress(store, call) == ("begun" if is_atomic else "tried")
    if is_atomic:
        store.users.add(added)  # the store is as usable as before


def test_every_write_may_be_that_of_a_call(store: Store) -> None:
    one, other = store.users.add(user()), store.users.add(user())
    where, members = direct(one.id, other.id)
    left, new = room(), room()
    store.rooms.add(left, [member(left.id, one.id)])
    for write in (
        partial(store.users.change, one.id, display_name="x", password_hash="y"),
        partial(store.rooms.direct, where, members),
        partial(store.rooms.direct, *direct(one.id, other.id)),
        partial(store.rooms.join, member(left.id, other.id)),
        partial(store.rooms.change_member, left.id, other.id, muted=True),
        partial(store.rooms.change, left.id, name="z"),
        partial(store.rooms.leave, left.id, one.id),
        partial(store.rooms.delete, left.id),
        partial(store.rooms.add, new, [member(new.id, other.id)]),
        partial(store.sessions.end_all, one.id),
        partial(store.sessions.end, new_id()),
    ):
        call = begun(store)
        store.keyed_calls.finish(call.id, write)
        assert progress(store, call) == "done"
    assert store.rooms.get(left.id) is None
    assert store.rooms.of_pair(where.pair or "") == where


def test_many_calls_at_once_write_the_same(store: Store) -> None:
    where = room()
    store.rooms.add(where, [])
    calls = [begun(store) for _ in range(6)]
    joins = [partial(store.rooms.join, member(where.id, new_id())) for _ in calls]
    rename = [partial(store.rooms.change, where.id, name=str(n)) for n in range(6)]
    at_once([
        partial(store.keyed_calls.finish, call.id, lambda j=join, r=change: (j(), r()))
        for call, join, change in zip(calls, joins, rename, strict=True)
    ])  # fmt: skip
    assert len(store.rooms.members(where.id)) == 6
    assert {progress(store, call) for call in calls} == {"done"}


def test_a_change_of_a_message_is_stored_with_the_note_that_its_call_is_done(store: Store) -> None:
    first, calls = said(store), [begun(store), begun(store)]
    edits = [message(first.room, 1, id=first.id, rev=rev, text=str(rev)) for rev in (2, 3)]
    new = message(first.room, 2, rev=4)
    store.commit([
        ChangedMessage(edits[0], calls[0].id),
        ChangedMessage(edits[1], calls[1].id),
        NewMessage(new),
    ])  # fmt: skip
    kept = store.messages.get(first.id)
    assert kept is not None
    assert (kept.text, kept.rev) == ("3", 3)
    assert store.messages.get(new.id) == new
    assert [progress(store, call) for call in calls] == ["done", "done"]


def test_a_change_that_is_refused_is_not_noted(store: Store, *, is_atomic: bool) -> None:
    first, call = said(store), begun(store)
    other = message(first.room, 2)
    store.commit([NewMessage(other)])
    late = message(first.room, 2, id=other.id, rev=1, text="late")
    with pytest.raises(Taken):
        store.commit([NewMessage(message(first.room, 3)), ChangedMessage(late, call.id)])
    assert store.messages.counters(first.room).seq == 2
    assert progress(store, call) == ("begun" if is_atomic else "tried")


def test_what_is_said_while_a_call_deletes_a_room_goes_with_it(replica_set: Mongod) -> None:
    store = MongoStore(replica_set.uri(f"keyed_{new_id()}"))
    store.open()
    first = said(store)
    late, heir = message(first.room, 2), member(first.room, new_id())

    def delete() -> None:
        store.rooms.delete(first.room)
        at_once([partial(store.commit, [NewMessage(late)]), partial(store.rooms.join, heir)])

    store.keyed_calls.finish(begun(store).id, delete)
    assert store.rooms.get(first.room) is None
    assert store.messages.get(late.id) is None
    assert store.rooms.members(first.room) == []
    store.close()


def test_what_a_killed_server_left_in_the_middle_holds_up_nobody(replica_set: Mongod) -> None:
    uri = replica_set.uri(f"keyed_{new_id()}")
    store = MongoStore(uri, timeout=2.0)
    store.open()
    ada = store.users.add(user("ada"))
    with MongoClient[dict[str, Any]](uri, appname="hubbub") as killed:
        session = killed.start_session()
        session.start_transaction()
        killed.get_default_database().users.update_one(
            {"name": "ada"}, {"$set": {"display_name": "Ada"}}, session=session
        )
        store.open()
        assert store.users.change(ada.id, display_name="A").display_name == "A"
        with pytest.raises(OperationFailure, match="aborted"):
            session.commit_transaction()
    store.close()


def test_what_breaks_off_as_the_store_is_away_holds_up_nobody(mongod_program: Path) -> None:
    with Mongod(mongod_program, replica_set=True) as running:
        store = MongoStore(running.uri(), timeout=2.0)
        store.open()
        ada, call = store.users.add(user("ada")), begun(store)

        def write() -> None:
            store.users.change(ada.id, display_name="Ada")
            running.pause()
            store.users.change(ada.id, display_name="Ada L.")

        with pytest.raises(Unavailable):
            store.keyed_calls.finish(call.id, write)
        running.resume()
        assert store.users.change(ada.id, display_name="A").display_name == "A"
        assert progress(store, call) == "begun"
        store.close()


def test_only_calls_of_which_nothing_came_are_forgotten(store: Store) -> None:
    calls = [begun(store), begun(store, status=200), begun(store, progress="done")]
    for call in calls:
        store.keyed_calls.forget(call.id)
    assert [store.keyed_calls.get(call.id) for call in calls] == [None, *calls[1:]]
    assert store.keyed_calls.count("somebody") == 2


def test_old_calls_are_swept(store: Store) -> None:
    old, young = begun(store, created=at(1), status=200), begun(store, created=at(2))
    assert store.keyed_calls.sweep(at(2)) == 1
    assert store.keyed_calls.get(old.id) is None
    assert store.keyed_calls.get(young.id) == young


def test_nothing_is_found_under_what_is_no_id(store: Store) -> None:
    for text in NOT_IDS:
        assert store.keyed_calls.get(text) is None
        store.keyed_calls.answer(text, 200, b"")
        store.keyed_calls.forget(text)
