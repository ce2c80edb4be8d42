"""Live rooms: read once, kept while they are in use, dropped when they are not."""

import asyncio
from collections.abc import Iterator

import pytest
from tornado.ioloop import IOLoop

import chat.rooms as rooms_module
from chat.errors import NotFound
from chat.live_room import LiveRoom
from chat.rooms import Rooms
from models.disk import Disk
from models.records import new_id
from models.store import Store, Unavailable
from tests.chat.engine import Unreliable, lost, until
from tests.contract import samples

pytestmark = pytest.mark.gen_test(timeout=30)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Hall:
    """Rooms over a store that can be watched."""

    def __init__(self, store: Store) -> None:
        self.real = store
        self.store = Unreliable(store)
        self.clock = Clock()
        self.disk = Disk()
        self.rooms = Rooms(self.store, self.disk, self.clock)

    async def fill(self, number: int) -> list[LiveRoom]:
        return [await self.rooms.get(samples.add_room(self.real).id) for _ in range(number)]


@pytest.fixture
def hall(io_loop: IOLoop, store: Store) -> Iterator[Hall]:
    made = Hall(store)
    yield made
    made.disk.close()


async def test_a_room_wakes_with_all_that_is_stored_of_it(hall: Hall) -> None:
    one, two = sorted((new_id(), new_id()))
    made = samples.room("public")
    memberships = [
        samples.member(made.id, one, role="owner", delivered=2, read=1),
        samples.member(made.id, two, muted=True, hidden=True),
    ]
    hall.real.rooms.add(made, memberships)
    said = samples.add_messages(hall.real, made.id, 3)
    room = await hall.rooms.get(made.id)
    assert (room.room, room.seq, room.rev) == (made, 3, 3)
    assert list(room.members) == [one, two]
    first, second = room.members.values()
    assert (first.role, first.delivered, first.read, first.muted, first.hidden) == (
        "owner", 2, 1, False, False,
    )  # fmt: skip
    assert (second.role, second.muted, second.hidden) == ("member", True, True)
    assert room.senders(1, 3) == {said[1].sender, said[2].sender}


async def test_a_room_that_is_not_there_is_not_found(hall: Hall) -> None:
    for room_id in (new_id(), "no id", ""):
        with pytest.raises(NotFound) as caught:
            await hall.rooms.get(room_id)
        assert caught.value.code == "room_not_found"
        assert hall.rooms.live(room_id) is None


async def test_many_at_once_read_a_room_once(hall: Hall) -> None:
    room_id = samples.add_room(hall.real).id
    rooms = await asyncio.gather(*[hall.rooms.get(room_id) for _ in range(20)])
    rooms.append(await hall.rooms.get(room_id))
    assert len({id(room) for room in rooms}) == 1
    assert hall.store.calls["rooms.get"] == 1
    assert hall.rooms.live(room_id) is rooms[0]


async def test_one_that_gives_up_does_not_take_the_room_from_the_others(hall: Hall) -> None:
    room_id = samples.add_room(hall.real).id
    gate = hall.store.gate("rooms.get")
    first, second = (asyncio.ensure_future(hall.rooms.get(room_id)) for _ in range(2))
    await gate.reached()
    first.cancel()
    gate.open()
    assert (await second).id == room_id
    assert first.cancelled()


async def test_a_failed_load_does_not_stick(hall: Hall) -> None:
    room_id = samples.add_room(hall.real).id
    hall.store.plan("rooms.get", lost)
    results = await asyncio.gather(
        *[hall.rooms.get(room_id) for _ in range(3)], return_exceptions=True
    )
    assert [type(result) for result in results] == [Unavailable] * 3
    assert (await hall.rooms.get(room_id)).id == room_id


async def test_a_failed_load_that_nobody_waits_for_is_forgotten(hall: Hall) -> None:
    hall.store.plan("rooms.get", lost)
    gone = asyncio.ensure_future(hall.rooms.get(samples.add_room(hall.real).id))
    await asyncio.sleep(0)
    gone.cancel()
    await until(lambda: not hall.rooms._loading)
    assert gone.cancelled()


async def test_rooms_that_nobody_uses_are_dropped(hall: Hall) -> None:
    used, idle = await hall.fill(2)
    hall.clock.seconds += rooms_module.IDLE_SECONDS
    hall.rooms.live(used.id)
    hall.rooms.sweep()
    assert len(hall.rooms) == 2
    hall.clock.seconds += 1
    hall.rooms.sweep()
    assert idle.id not in hall.rooms
    assert hall.rooms.live(used.id) is used


async def test_the_room_that_was_used_longest_ago_makes_place(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms_module, "MAX_LIVE", 2)
    first, second = await hall.fill(2)
    hall.rooms.live(first.id)
    [third] = await hall.fill(1)
    assert [room.id in hall.rooms for room in (first, second, third)] == [True, False, True]


async def test_there_are_never_two_of_a_room(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for something between finding a room and using it still has the only one."""
    monkeypatch.setattr(rooms_module, "MAX_LIVE", 1)
    [held] = await hall.fill(1)
    room_id, reads = held.id, hall.store.calls["messages.counters"]
    await hall.fill(1)
    assert room_id not in hall.rooms
    assert await hall.rooms.get(room_id) is held
    assert (room_id in hall.rooms, len(hall.rooms)) == (True, 1)
    assert hall.store.calls["messages.counters"] == reads + 1
    await hall.fill(1)
    del held
    await hall.rooms.get(room_id)
    assert hall.store.calls["messages.counters"] == reads + 3


@pytest.mark.parametrize("why", ["pending", "locked", "held"])
async def test_a_room_that_is_being_changed_stays(
    hall: Hall, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    monkeypatch.setattr(rooms_module, "MAX_LIVE", 1)
    [room] = await hall.fill(1)
    holding = room.held(new_id())
    match why:
        case "pending":
            room.pending = 1
        case "locked":
            await room.lock.acquire()
        case "held":
            holding.__enter__()
    hall.clock.seconds += rooms_module.IDLE_SECONDS + 1
    hall.rooms.sweep()
    assert hall.rooms.live(room.id) is room
    await hall.fill(1)
    assert hall.rooms.live(room.id) is room
    match why:
        case "pending":
            room.pending = 0
        case "locked":
            room.lock.release()
        case "held":
            holding.__exit__(None, None, None)
    await hall.fill(2)
    assert (room.id in hall.rooms, len(hall.rooms)) == (False, 1)


async def test_a_room_can_be_forgotten(hall: Hall) -> None:
    [room] = await hall.fill(1)
    hall.rooms.drop(room.id)
    hall.rooms.drop(room.id)
    assert hall.rooms.live(room.id) is None
