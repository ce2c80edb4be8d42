"""When users were last there: noted at once, and written down without anybody waiting."""

import pytest

from chat import last_seen as module
from chat.last_seen import LastSeen
from models.disk import Disk
from models.store import Store
from tests.chat.engine import Unreliable, kept, lost
from tests.contract.samples import at, user

pytestmark = pytest.mark.gen_test(timeout=10)


@pytest.fixture(name="now")
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds = [1.0]
    monkeypatch.setattr(module, "now", lambda: at(seconds[0]))
    return seconds


async def test_the_last_moment_is_written_down(store: Store, disk: Disk, now: list[float]) -> None:
    ann, bob = store.users.add(user()), store.users.add(user())
    seen = LastSeen(store, disk)
    for moment, one in ((1, ann), (2, bob), (3, ann)):
        now[0] = moment
        seen.note(one.id)
    await seen.write()
    known = store.users.many([ann.id, bob.id])
    assert [known[one.id].last_seen for one in (ann, bob)] == [at(3), at(2)]


async def test_it_is_written_in_parts(
    store: Store, disk: Disk, monkeypatch: pytest.MonkeyPatch, now: list[float]
) -> None:
    monkeypatch.setattr(module, "MAX_WRITTEN", 2)
    watched = Unreliable(store)
    seen = LastSeen(watched, disk)  # type: ignore[arg-type]
    people = [store.users.add(user()) for _ in range(5)]
    for one in people:
        seen.note(one.id)
    await seen.write()
    await seen.write()
    assert watched.calls["users.note_seen"] == 3
    assert {one.last_seen for one in store.users.many([p.id for p in people]).values()} == {
        at(now[0])
    }


@pytest.mark.parametrize("fault", [lost, kept])
async def test_what_could_not_be_written_is_written_later(
    store: Store,
    disk: Disk,
    caplog: pytest.LogCaptureFixture,
    now: list[float],
    fault: object,
) -> None:
    ann, watched = store.users.add(user()), Unreliable(store)
    seen = LastSeen(watched, disk)  # type: ignore[arg-type]
    seen.note(ann.id)
    watched.plan("users.note_seen", fault)  # type: ignore[arg-type]
    with caplog.at_level("WARNING", "hubbub.presence"):
        await seen.write()
    assert "could not note who was last seen when" in caplog.text
    caplog.clear()
    now[0] = 2
    seen.note(ann.id)
    await seen.write()
    found = store.users.get(ann.id)
    assert found is not None
    assert found.last_seen == at(2)


async def test_only_so_much_is_kept_while_the_store_is_away(
    disk: Disk, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_NOTED", 2)
    seen = LastSeen(store, disk)
    people = [store.users.add(user()) for _ in range(3)]
    for one in (*people, people[1]):
        seen.note(one.id)
    await seen.write()
    known = store.users.many([one.id for one in people])
    assert [known[one.id].last_seen is not None for one in people] == [False, True, True]


async def test_whoever_comes_and_goes_while_it_is_written_is_noted_again(
    store: Store, disk: Disk, now: list[float]
) -> None:
    ann, watched = store.users.add(user()), Unreliable(store)
    seen = LastSeen(watched, disk)  # type: ignore[arg-type]
    seen.note(ann.id)

    def meanwhile(call: object) -> None:
        now[0] = 2
        seen.note(ann.id)
        call()  # type: ignore[operator]

    watched.plan("users.note_seen", meanwhile)
    await seen.write()
    found = store.users.get(ann.id)
    assert found is not None
    assert found.last_seen == at(2)
    assert watched.calls["users.note_seen"] == 2


async def test_nothing_to_note_asks_nothing_of_the_store(disk: Disk, sqlite_store: Store) -> None:
    sqlite_store.close()
    await LastSeen(sqlite_store, disk).write()
