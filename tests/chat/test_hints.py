"""The copies of last messages, for the lists of rooms."""

import asyncio

import pytest

from chat.hints import MAX_TEXT, Hints
from models.disk import Disk
from models.store import Store, Unavailable
from tests.chat.conftest import HeldDisk
from tests.contract.samples import add_messages, add_room, at, message, say

pytestmark = pytest.mark.gen_test(timeout=10)


async def test_what_was_said_last_is_written_down_and_sorts_the_room(
    store: Store, disk: Disk
) -> None:
    room = add_room(store)
    hints = Hints(store, disk)
    hints.note(message(room.id, 1, text="first", created=at(1)))
    hints.note(message(room.id, 2, text="x" * 500, created=at(2)))
    await hints.write()
    kept = store.rooms.get(room.id)
    assert kept is not None
    assert kept.hint is not None
    assert (kept.hint.seq, kept.hint.text) == (2, "x" * MAX_TEXT)
    assert kept.active == max(room.active, at(2))


async def test_nothing_to_note_asks_nothing_of_the_store(disk: Disk, sqlite_store: Store) -> None:
    sqlite_store.close()
    await Hints(sqlite_store, disk).write()


async def test_what_could_not_be_written_is_written_later(
    sqlite_store: Store, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = add_room(sqlite_store)
    hints = Hints(sqlite_store, disk)
    hints.note(message(room.id, 1, created=at(1)))

    def fails(_: object) -> None:
        raise Unavailable("for a moment")

    with monkeypatch.context() as broken:
        broken.setattr(sqlite_store.rooms, "hint", fails)
        await hints.write()
    hints.note(message(room.id, 2, created=at(2)))
    await hints.write()
    kept = sqlite_store.rooms.get(room.id)
    assert kept is not None
    assert kept.hint is not None
    assert kept.hint.seq == 2


async def test_what_is_cancelled_as_it_is_written_is_written_again(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, disk = add_room(sqlite_store), HeldDisk()
    hints = Hints(sqlite_store, disk)
    hints.note(message(room.id, 1, created=at(1)))
    disk.hold_next()
    with monkeypatch.context() as gone:
        gone.setattr(sqlite_store.rooms, "hint", lambda _: None)
        writing = asyncio.create_task(hints.write())
        await disk.read.wait()
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
    assert hints.behind() == {room.id}
    await hints.write()
    assert hints.behind() == set()
    kept = sqlite_store.rooms.get(room.id)
    assert kept is not None
    assert kept.hint is not None
    disk.close()


async def test_an_unclean_stop_is_made_up_for(store: Store, disk: Disk) -> None:
    quiet, busy = add_room(store), add_room(store)
    say(store, message(quiet.id, 1, text="only"))
    add_messages(store, busy.id, 3)
    await Hints(store, disk).find()
    hints = [store.rooms.get(room.id) for room in (quiet, busy)]
    assert [room.hint.seq for room in hints if room and room.hint] == [1, 3]
