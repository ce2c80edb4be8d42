"""What a store with a log in front of it keeps when its process is killed, over either kind."""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path

import pytest
from msgspec.structs import replace

from models import records
from models.choice import choose_store
from models.logged import LoggedStore
from models.logged import store as logged
from models.logged.entries import encoded
from models.logged.placing import FORGOTTEN_AT_ONCE, Underlying
from models.mongo import MongoStore
from models.records import EVERYONE, Counters, new_id
from models.store import (
    ChangedMessage,
    MovedMark,
    NewMessage,
    NotFound,
    Outcome,
    Store,
    Stored,
    Taken,
    Unusable,
    Write,
)
from tests.contract.samples import add_messages, add_room, message

Kill = Callable[[], LoggedStore]


@pytest.fixture(params=["sqlite_store", "mongo_store"])
def underlying(request: pytest.FixtureRequest) -> Underlying:
    """A store with a log beside its places."""
    kept: Underlying = request.getfixturevalue(request.param)
    return kept


@pytest.fixture
def store(underlying: Underlying) -> LoggedStore:
    """The log in front of it."""
    return LoggedStore(underlying)


@pytest.fixture
def kill(underlying: Underlying) -> Kill:
    """Forget all that is in memory, and begin anew."""

    def killed() -> LoggedStore:
        underlying.close()
        anew = LoggedStore(underlying)
        anew.open()
        return anew

    return killed


@pytest.mark.parametrize("clock", ["back", "still"])
def test_entries_come_back_in_order_whatever_the_clock_does(
    store: LoggedStore, kill: Kill, monkeypatch: pytest.MonkeyPatch, clock: str
) -> None:
    # Each message takes an id too, so at 14 thousand a second they begin anew every 20 minutes.
    moment = time.time()
    monkeypatch.setattr(records, "_numbers", count(0xFFFFFF))
    monkeypatch.setattr(time, "time", lambda: moment)
    said = message(EVERYONE, 1, text="hello")
    store.commit([NewMessage(said)], later=True)
    if clock == "back":
        moment -= 3600
    edited = replace(said, rev=2, text="hullo")
    store.commit([ChangedMessage(edited)], later=True)
    assert kill().messages.get(said.id) == edited


def counted(store: Underlying, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many writes each commit has from now on."""
    sizes: list[int] = []
    commit = store.commit

    def counting(writes: Sequence[Write], *, later: bool = False) -> list[Outcome]:
        sizes.append(len(writes))
        return commit(writes, later=later)

    monkeypatch.setattr(store, "commit", counting)
    return sizes


def test_changes_that_others_came_behind_cost_a_start_little(
    underlying: Underlying, kill: Kill, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each commit is a wait for the disk: of 1,000 messages one by one it was seconds.
    said = add_messages(underlying, EVERYONE, 300)
    edited = [replace(one, rev=300 + one.seq, text="once") for one in said]
    again = [replace(one, rev=300 + one.rev, text="twice") for one in edited[::2]]
    underlying.log.append(new_id(), encoded([*map(NewMessage, said), *map(ChangedMessage, edited)]))
    underlying.commit([*map(ChangedMessage, again)])
    sizes = counted(underlying, monkeypatch)
    anew = kill()
    assert sizes == [600, 450]
    kept = anew.messages.many(one.id for one in said)
    assert kept == {one.id: one for one in [*edited, *again]}


def test_a_room_that_is_gone_costs_the_others_little(
    store: LoggedStore, underlying: Underlying, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms = [add_room(store) for _ in range(20)]
    said = [message(room.id, n) for n in (1, 2) for room in rooms]
    store.commit([*map(NewMessage, said)], later=True)
    assert underlying.rooms.delete(rooms[7].id)  # by another process, so nobody has said so
    sizes = counted(underlying, monkeypatch)
    assert store.messages.index(100) == 40
    assert sizes == [40, 38]
    there = [one for one in said if one.room != rooms[7].id]
    assert underlying.messages.latest(100) == sorted(there, key=lambda one: one.id)[::-1]


def test_what_has_no_place_holds_up_nothing_else(underlying: Underlying, kill: Kill) -> None:
    said = [message(EVERYONE, n) for n in range(1, 41)]
    underlying.log.append(new_id(), encoded([*map(NewMessage, said)]))
    underlying.withdraw([NewMessage(said[9]), NewMessage(said[30])], above=40)
    taken = message(EVERYONE, 20)  # as another server might
    underlying.commit([NewMessage(taken)])
    anew = kill()
    kept = anew.messages.history(EVERYONE, limit=100)
    assert {one.id for one in kept} == {one.id for one in [*said, taken]} - {
        said[9].id,
        said[30].id,
    }


def test_a_quiet_room_does_not_keep_the_entries_of_a_busy_one(
    store: LoggedStore, underlying: Underlying, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy, quiet = add_room(store), add_room(store)
    first = message(quiet.id, 1)
    entry = len(encoded([NewMessage(first)] * 100))
    monkeypatch.setattr(logged, "MAX_PENDING_BYTES", 10 * entry)
    said = [message(busy.id, n) for n in range(1, 5001)]
    store.commit([NewMessage(said[0]), NewMessage(first)], later=True)
    for n in range(1, 5000, 100):
        store.commit([*map(NewMessage, said[n : n + 100])], later=True)
        assert len(list(underlying.log.entries())) < 10 + 2 * FORGOTTEN_AT_ONCE
    assert underlying.messages.get(first.id) == first
    assert store.messages.counters(busy.id) == Counters(seq=5000, rev=5000)


def test_nobody_waits_for_the_places_of_a_busy_room(
    store: LoggedStore, underlying: Underlying, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy, gone = add_room(store), add_room(store)
    said = [message(EVERYONE, n) for n in range(1, 1001)]
    talk = [message(busy.id, n) for n in range(1, 1001)]
    store.commit([*map(NewMessage, [*said, *talk])], later=True)
    someone = new_id()
    store.commit([MovedMark(EVERYONE, someone, 9, 9)] * 40, later=True)
    sizes = counted(underlying, monkeypatch)
    # Whoever logs in reads how far they are.
    marks = store.rooms.member(EVERYONE, someone)
    assert marks is not None
    assert marks.read == 9
    assert sizes == [1]
    # Of a room that was deleted the numbers of all others are not known for certain any more.
    assert store.rooms.delete(gone.id)
    with pytest.raises(NotFound):
        store.commit([NewMessage(message(gone.id, 1))], later=True)
    sizes.clear()
    more = NewMessage(message(busy.id, 1001))
    assert store.commit([more], later=True) == [Stored(more.message)]
    assert sizes == []
    with pytest.raises(Taken):
        store.commit([NewMessage(message(busy.id, 1001))], later=True)
    assert store.messages.history(EVERYONE, limit=3) == said[-3:]


@pytest.mark.parametrize("harm", [b"", b"x", b"\x93\x90\x91\x07\x90"])
def test_a_damaged_entry_is_no_reason_to_forget_it(
    store: LoggedStore, underlying: Underlying, kill: Kill, harm: bytes
) -> None:
    said = message(EVERYONE, 1)
    store.commit([NewMessage(said)], later=True)
    damaged = harm or encoded([NewMessage(said)])[:-1]
    underlying.log.append(new_id(), damaged)
    with pytest.raises(Unusable, match="an entry of the log is damaged"):
        kill()
    underlying.open()
    assert [body for _, body in underlying.log.entries()] == [damaged]
    assert underlying.messages.get(said.id) == said


def test_a_log_is_never_in_memory_as_a_whole(
    store: LoggedStore, underlying: Underlying, kill: Kill, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(1, 6):
        store.commit([NewMessage(message(EVERYONE, n))], later=True)
    read = 0
    entries = underlying.log.entries

    def one_by_one() -> Iterator[tuple[str, bytes]]:
        nonlocal read
        for entry in entries():
            assert underlying.messages.counters(EVERYONE).seq == read
            read += 1
            yield entry

    monkeypatch.setattr(underlying.log, "entries", one_by_one)
    assert kill().messages.counters(EVERYONE).seq == read == 5


@pytest.fixture
def guest(
    underlying: Underlying, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Store]:
    """The command line beside the server."""
    uri = request.getfixturevalue("mongo_uri") if isinstance(underlying, MongoStore) else None
    beside = choose_store(uri, tmp_path, guest=True)
    beside.open()
    yield beside
    beside.close()


def test_a_guest_leaves_the_log_to_its_server(
    store: LoggedStore, underlying: Underlying, guest: Store
) -> None:
    shown, other = new_id(), new_id()
    room, placed = add_room(store), add_room(store)
    store.commit([NewMessage(message(placed.id, 1, attachments=(shown,)))])
    said = message(room.id, 1, attachments=(shown,))
    store.commit([NewMessage(said)], later=True)
    guest.close()
    guest.open()
    assert len(list(underlying.log.entries())) == 1
    assert underlying.messages.get(said.id) is None
    # A check removes what nothing shows, and of what is about to be shown only the log knows.
    assert guest.uploads.rooms(shown) == sorted([placed.id, room.id])
    assert guest.uploads.rooms(other) == []
    assert store.uploads.rooms(shown) == sorted([placed.id, room.id])
    assert guest.uploads.rooms(shown) == sorted([placed.id, room.id])


def test_whoever_reads_a_busy_room_does_not_wait_for_all_that_may_be_pending(
    store: LoggedStore, underlying: Underlying, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logged, "MAX_OF_ROOM", 500)
    busy, other = add_room(store), add_room(store)
    for n in range(0, 4000, 100):
        said = [message(room.id, n + k) for k in range(1, 101) for room in (busy, other)]
        store.commit([*map(NewMessage, said)], later=True)
    sizes = counted(underlying, monkeypatch)
    assert len(store.messages.history(busy.id, limit=5000)) == 4000
    assert 0 < sum(sizes) <= 600


def test_who_looks_at_an_upload_waits_for_the_rooms_that_show_it_alone(
    store: LoggedStore, underlying: Underlying, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload, someone = new_id(), new_id()
    busy, first, second = add_room(store), add_room(store, someone), add_room(store, someone)
    said = [message(busy.id, n) for n in range(1, 11)]
    edited = [replace(one, rev=10 + one.seq, text="edited") for one in said]
    store.commit([*map(NewMessage, said), *map(ChangedMessage, edited)], later=True)
    shown = [message(room.id, 1, attachments=(upload,)) for room in (first, second)]
    store.commit([NewMessage(shown[0])], later=True)
    sizes = counted(underlying, monkeypatch)
    assert store.uploads.is_shown_to(upload, someone)
    assert sizes == [1]
    store.commit([NewMessage(shown[1])], later=True)
    assert store.uploads.rooms(upload) == sorted([first.id, second.id])
    deleted = [replace(one, rev=2, text="", attachments=()) for one in shown]
    store.commit([*map(ChangedMessage, deleted)], later=True)
    assert not store.uploads.is_shown_to(upload, someone)
    assert store.uploads.rooms(upload) == []
    assert sizes == [1, 1, 2]


def test_a_start_that_takes_long_tells_of_it(
    store: LoggedStore,
    kill: Kill,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for n in (1, 2):
        store.commit([NewMessage(message(EVERYONE, n))], later=True)
    monkeypatch.setattr(logged, "TELL_SECONDS", -1.0)
    with caplog.at_level("INFO", logger="hubbub.store"):
        kill()
    assert [one for one in caplog.messages if "logged" in one] == [
        f"bringing what was logged to its place: batch {n}" for n in (1, 2)
    ]
