"""Lists of rooms at hand: the same as those that would be read, whatever has changed."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from chat import room_lists
from chat.commands import (
    CreateRoom,
    DeleteRoom,
    Invite,
    JoinRoom,
    LeaveRoom,
    RemoveMember,
    SetRole,
)
from chat.errors import Refusal
from chat.live_room import LiveRoom
from chat.reading import Reading, RoomPage
from chat.room_lists import LIST_IDS, RoomLists
from models.records import User
from models.store import Unavailable
from tests.chat.engine import Core, Fault, kept, lost, until
from tests.chat.engine import make_core as make_core

pytestmark = pytest.mark.gen_test(timeout=60)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def reading(core: Core) -> Reading:
    return Reading(  # type: ignore[arg-type]
        core.store, core.disk, core.rooms, core.people, core.attachments, core.chat.hints
    )


def ids(page: RoomPage) -> list[str]:
    return [state.room.id for state in page.states]


async def test_a_list_is_at_hand_until_it_is_old() -> None:
    clock = Clock()
    lists = RoomLists(clock=clock)
    assert lists.of_user("ann") is None
    lists.keep("ann", lists.reading("ann"), ("one", "two"))
    clock.now += room_lists.KEPT_SECONDS
    assert lists.of_user("ann") == ("one", "two")
    clock.now += 1
    assert lists.of_user("ann") is None
    assert len(lists) == 0


async def test_nobody_needs_to_be_in_a_room() -> None:
    lists = RoomLists()
    lists.keep("ann", lists.reading("ann"), ())
    assert lists.of_user("ann") == ()


async def test_what_changed_while_it_was_read_is_not_kept() -> None:
    lists = RoomLists()
    being_read = lists.reading("ann")
    assert lists.of_user("ann") is None
    lists.forget(["ann", "ben"])
    lists.keep("ann", being_read, ("one",))
    assert lists.of_user("ann") is None


async def test_of_two_that_read_the_later_is_kept() -> None:
    lists = RoomLists()
    first, second = lists.reading("ann"), lists.reading("ann")
    lists.keep("ann", first, ("one",))
    assert lists.of_user("ann") is None
    lists.keep("ann", second, ("one", "two"))
    assert lists.of_user("ann") == ("one", "two")


async def test_the_list_that_was_used_longest_ago_is_forgotten() -> None:
    lists = RoomLists(most=2 * (LIST_IDS + 2))
    for user in ("ann", "ben"):
        lists.keep(user, lists.reading(user), ("one", "two"))
    assert lists.of_user("ann")
    lists.keep("cai", lists.reading("cai"), ("one",))
    assert [lists.of_user(user) is None for user in ("ann", "ben", "cai")] == [False, True, False]
    lists.keep("dan", lists.reading("dan"), tuple(map(str, range(99))))
    assert len(lists) == 0  # not even the one that is too long
    lists.keep("ann", lists.reading("ann"), ("one", "two"))
    assert lists.of_user("ann")


async def test_in_doubt_nothing_is_kept_for_a_while() -> None:
    clock = Clock()
    lists = RoomLists(clock=clock)
    lists.keep("ann", lists.reading("ann"), ("one",))
    being_read = lists.reading("ben")
    lists.doubt()
    lists.keep("ben", being_read, ("one",))
    lists.keep("ann", lists.reading("ann"), ("one",))
    assert (lists.of_user("ann"), lists.of_user("ben")) == (None, None)
    clock.now += room_lists.DOUBT_SECONDS
    lists.keep("ann", lists.reading("ann"), ("one",))
    assert lists.of_user("ann") == ("one",)


async def test_whoever_comes_back_takes_no_read(core: Core, reading: Reading) -> None:
    ann, ben = core.person(), core.person()
    quiet = await core.room({ann.id: "owner", ben.id: "member"})
    busy = await core.room({ann.id: "owner", ben.id: "member"})
    await reading.rooms(ann.id, limit=2)
    core.store.calls.clear()
    for room, other in ((quiet, busy), (busy, quiet)):
        await core.say(ben, room)
        assert ids(await reading.rooms(ann.id, limit=2)) == [room.id, other.id]
    assert core.store.calls["rooms.of_user"] == 0
    # A page that is smaller, or further down, is read.
    await core.chat.hints.write()
    some = await reading.rooms(ann.id, limit=1)
    assert some.next is not None
    assert len((await reading.rooms(ann.id, before=some.next, limit=1)).states) == 1
    assert core.store.calls["rooms.of_user"] == 2


async def test_more_rooms_than_are_listed_are_read_again(core: Core, reading: Reading) -> None:
    ann = core.person()
    for _ in range(3):
        await core.room({ann.id: "owner"})
    for _ in range(2):
        assert (await reading.rooms(ann.id, limit=2)).next is not None
    assert core.store.calls["rooms.of_user"] == 2


@pytest.mark.parametrize("fault", [kept, lost])
@pytest.mark.parametrize("kind", ["private", "direct"])
async def test_a_room_that_was_perhaps_made_is_looked_for(
    core: Core, reading: Reading, kind: str, fault: Fault
) -> None:
    ann, ben = core.person(), core.person()
    assert ids(await reading.rooms(ben.id, limit=5)) == []
    core.store.plan("rooms.direct" if kind == "direct" else "rooms.add", fault)
    with pytest.raises(Unavailable):
        await core.memberships.create(ann.id, create(kind, ben))
    stored = [room.id for room, _ in core.real.rooms.of_user(ben.id, limit=5)]
    for _ in range(2):
        assert ids(await reading.rooms(ben.id, limit=5)) == stored
    assert core.rooms.lists.of_user(ben.id) is None


async def test_a_room_that_nobody_could_be_told_of_is_listed(core: Core, reading: Reading) -> None:
    ann, ben = core.person(), core.person()
    assert ids(await reading.rooms(ben.id, limit=5)) == []
    core.store.plan("rooms.get", lost)
    with pytest.raises(Unavailable):
        await core.memberships.create(ann.id, create("private", ben))
    assert len(ids(await reading.rooms(ben.id, limit=5))) == 1


async def test_what_is_stored_while_a_list_is_read_is_in_the_next(
    core: Core, reading: Reading
) -> None:
    ann, ben = core.person(), core.person()
    room = await core.room({ann.id: "owner"}, "public")
    read = core.real.rooms.of_user(ben.id, limit=5)
    gate = core.store.gate("rooms.of_user")
    listing = reading.rooms(ben.id, limit=5)
    joining = core.memberships.join(ben.id, JoinRoom(room_id=room.id))

    async def join() -> None:
        await gate.reached()
        await joining
        gate.open()

    await asyncio.gather(listing, join())
    assert read == []
    assert ids(await reading.rooms(ben.id, limit=5)) == [room.id]


def create(kind: str, *others: User) -> CreateRoom:
    name = None if kind == "direct" else "a room"
    people = tuple(other.id for other in others)
    return CreateRoom(kind=kind, name=name, participant_ids=people)  # type: ignore[arg-type]


Step = Callable[[], Awaitable[object]]


def something(luck: random.Random, core: Core, one: User, other: User, room: LiveRoom) -> Step:
    """What somebody does, or its owner, to a room and to somebody else; or tries to do."""
    memberships = core.memberships
    by = next((m.user for m in room.members.values() if m.role == "owner"), one.id)
    owner = SetRole(room_id=room.id, user_id=other.id, role="owner")
    steps: list[tuple[Step, int]] = [
        (lambda: memberships.join(one.id, JoinRoom(room_id=room.id)), 4),
        (lambda: memberships.leave(one.id, LeaveRoom(room_id=room.id)), 4),
        (lambda: memberships.invite(by, Invite(room_id=room.id, user_id=other.id)), 4),
        (lambda: memberships.remove(by, RemoveMember(room_id=room.id, user_id=other.id)), 4),
        (lambda: memberships.set_role(by, owner), 2),
        (lambda: memberships.create(one.id, create("direct", other), own=luck.random() < 0.5), 4),
        (lambda: memberships.create(one.id, create("private", other), own=False), 1),
        (lambda: leave_all(core, one), 1),
        (lambda: core.say(one, room), 4),
        (lambda: memberships.delete(by, DeleteRoom(room_id=room.id)), 1),
    ]
    return luck.choices([step for step, _ in steps], [weight for _, weight in steps])[0]


async def leave_all(core: Core, user: User) -> None:
    async with core.memberships.leave_all(user.id):
        pass


@pytest.mark.parametrize("fails", [0.0, 0.1])
@pytest.mark.parametrize("seed", range(2))
async def test_lists_are_what_would_be_read(
    core: Core, reading: Reading, seed: int, fails: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody does anything, and everybody's list is the one that a restart would find."""
    monkeypatch.setattr(room_lists, "DOUBT_SECONDS", 0.01)
    luck = random.Random(seed)
    people = [core.person() for _ in range(4)]
    rooms = [await core.room({people[0].id: "owner"}, "public") for _ in range(3)]
    for _ in range(80):
        if luck.random() < fails:
            method = luck.choice(("join", "leave", "change_member", "delete", "direct", "add"))
            core.store.plan(f"rooms.{method}", luck.choice((kept, lost)))
        one, other = luck.sample(people, 2)
        # It may be refused; and what happened to it may not be known, and is found out.
        with suppress(Refusal, Unavailable):
            made = await something(luck, core, one, other, luck.choice(rooms))()
            if isinstance(made, tuple) and made[0] not in rooms:
                rooms.append(made[0])
        core.store.faults.clear()
        await until(lambda: core.memberships._doubts._task is None)
        for person in people:
            stored = {room.id for room, _ in core.real.rooms.of_user(person.id, limit=100)}
            assert set(ids(await reading.rooms(person.id, limit=100))) == stored
            at_hand = core.rooms.lists.of_user(person.id)
            assert at_hand is None or set(at_hand) == stored
