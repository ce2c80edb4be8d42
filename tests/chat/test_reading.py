"""Reading rooms: pages, changes, and lists, for those who may."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from chat import reading as module
from chat.commands import (
    DeleteMessage,
    EditMessage,
    History,
    Invite,
    LeaveRoom,
    Pin,
    RemoveMember,
    Sync,
)
from chat.events import RoomCreated
from chat.reading import Reading
from chat.recall import Recall, Shelf
from chat.rooms import Member
from models.records import EVERYONE, now
from tests.chat.engine import LONGEST, Call, Core, code_of, lost, nothing, speaker, turns, until
from tests.chat.engine import make_core as make_core

pytestmark = pytest.mark.gen_test(timeout=30)

OK, NO_ROOM = "ok", "room_not_found"


@pytest.fixture
def reading(core: Core) -> Reading:
    return Reading(  # type: ignore[arg-type]
        core.store, core.disk, core.rooms, core.people, core.attachments, core.chat.hints
    )


async def page(
    reading: Reading, user: str, room: str, limit: int = 4, **place: Any
) -> tuple[list[int], bool]:
    read = await reading.history(user, History(room_id=room, limit=limit, **place))
    return [message.seq for message in read.messages], read.has_more


async def test_pages_of_a_room(core: Core, reading: Reading) -> None:
    ann = core.person()
    room = await core.room({ann.id: "owner"})
    assert await page(reading, ann.id, room.id) == ([], False)
    for _ in range(9):
        await core.say(ann, room)
    for place, seqs, has_more in (
        ({}, [6, 7, 8, 9], True),
        ({"limit": 9}, [1, 2, 3, 4, 5, 6, 7, 8, 9], False),
        ({"limit": 8}, [2, 3, 4, 5, 6, 7, 8, 9], True),
        ({"before": 6}, [2, 3, 4, 5], True),
        ({"before": 5}, [1, 2, 3, 4], False),
        ({"before": 2}, [1], False),
        ({"before": 1}, [], False),
        ({"before": 99}, [6, 7, 8, 9], True),
        ({"before": 0}, [], False),
        ({"after": 0}, [1, 2, 3, 4], True),
        ({"after": 5}, [6, 7, 8, 9], False),
        ({"after": 4}, [5, 6, 7, 8], True),
        ({"after": 9}, [], False),
        ({"after": 2**53}, [], False),
        ({"around": 5}, [3, 4, 5, 6], True),
        ({"around": 7}, [5, 6, 7, 8], True),
        ({"around": 8}, [6, 7, 8, 9], False),
        ({"around": 9}, [7, 8, 9], False),
        ({"around": 1}, [1, 2, 3, 4], True),
        ({"around": 0}, [1, 2, 3, 4], True),
        ({"around": 99}, [8, 9], False),
        ({"around": 5, "limit": 1}, [5], True),
    ):
        assert await page(reading, ann.id, room.id, **place) == (seqs, has_more), place
        room.recall = Recall(Shelf())
        for _ in ("from the store", "from memory"):
            assert await page(reading, ann.id, room.id, **place) == (seqs, has_more), place


async def test_a_page_at_hand_takes_no_read_and_is_as_it_is_stored(
    core: Core, reading: Reading
) -> None:
    ann = core.person()
    room = await core.room({ann.id: "owner"})
    one, two, _ = [await core.say(ann, room) for _ in range(3)]
    core.store.plan("messages.history", lost)
    history = History(room_id=room.id)
    assert (await reading.history(ann.id, history)).messages[0] == one
    changed = await core.chat.edit(speaker(ann), EditMessage(message_id=two.id, content="x"))
    assert (await reading.history(ann.id, history)).messages[1] == changed


async def test_what_changes_while_a_page_is_read_is_not_kept_as_it_was(
    core: Core, reading: Reading
) -> None:
    ann = core.person()
    room = await core.room({ann.id: "owner"})
    await core.say(ann, room)
    two = await core.say(ann, room)
    room.recall = Recall(Shelf())
    history = History(room_id=room.id)
    gate = core.store.gate("messages.history")
    late = asyncio.ensure_future(reading.history(ann.id, history))
    await gate.reached()
    changed = await core.chat.edit(speaker(ann), EditMessage(message_id=two.id, content="x"))
    gate.open()
    await late
    assert (await reading.history(ann.id, history)).messages[1] == changed


async def test_a_room_that_wakes_has_its_newest_page_at_hand(core: Core, reading: Reading) -> None:
    ann = core.person()
    room = (await core.room({ann.id: "owner"})).id
    for _ in range(9):
        await core.say(ann, core.rooms.live(room))  # type: ignore[arg-type]
    core.rooms.drop(room)
    await core.rooms.get(room)
    core.store.plan("messages.history", lost)
    assert await page(reading, ann.id, room) == ([6, 7, 8, 9], True)


async def test_a_page_has_one_place(core: Core, reading: Reading) -> None:
    ann = core.person()
    room = await core.room({ann.id: "owner"})
    for places in (("before", "after"), ("after", "around"), ("before", "around")):
        command = History(room_id=room.id, **dict.fromkeys(places, 1))
        assert await code_of(reading.history(ann.id, command)) == "invalid_body"


async def test_a_page_knows_the_names_of_those_who_said_it(core: Core, reading: Reading) -> None:
    ann = core.person()
    room = await core.room({ann.id: "owner"})
    await core.say(ann, room)
    core.people._known.clear()
    await page(reading, ann.id, room.id)
    assert core.people.name(ann.id) == ann.name


@pytest.mark.parametrize(
    ("kind", "codes"),
    [("private", (OK, OK, OK, NO_ROOM, NO_ROOM)), ("public", (OK,) * 5)],
)
async def test_who_may_read(
    core: Core, reading: Reading, kind: str, codes: tuple[str, ...]
) -> None:
    cast = await core.cast(kind)
    people = (cast.owner, cast.admin, cast.member, cast.stranger, cast.removed)
    history, sync = History(room_id=cast.room.id), Sync(room_id=cast.room.id, since=0)
    for one, code in zip(people, codes, strict=True):
        assert await code_of(reading.history(one.id, history)) == code
        assert await code_of(reading.changes(one.id, sync)) == code
        # Whoever is not in a public room reads it, but it is none of theirs.
        mine = OK if cast.room.has(one.id) else NO_ROOM
        assert await code_of(reading.room(one.id, cast.room.id)) == mine
    assert await code_of(reading.history(cast.owner.id, History(room_id="0" * 24))) == NO_ROOM
    assert await code_of(reading.history(cast.stranger.id, History(room_id=EVERYONE))) == OK


async def test_changes_come_in_order_and_each_message_once(core: Core, reading: Reading) -> None:
    ann = core.person()
    room = await core.room({ann.id: "owner"})
    one, two, _ = [await core.say(ann, room) for _ in range(3)]
    await core.chat.edit(speaker(ann), EditMessage(message_id=two.id, content="x"))
    await core.chat.delete(speaker(ann), DeleteMessage(message_id=one.id))
    for since, limit, found, rev, complete in (
        (0, 3, [(3, 3), (2, 4), (1, 5)], 5, True),
        (0, 2, [(3, 3), (2, 4)], 4, False),
        (3, 2, [(2, 4), (1, 5)], 5, True),
        (4, 2, [(1, 5)], 5, True),
        (5, 2, [], 5, True),
        (6, 2, [], 5, False),
        (2**53, 2, [], 5, False),
    ):
        command = Sync(room_id=room.id, since=since, limit=limit)
        changes = await reading.changes(ann.id, command)
        heard = [(message.seq, message.rev) for message in changes.messages]
        assert (heard, changes.rev, changes.complete) == (found, rev, complete), command


async def test_what_is_stored_and_not_yet_told_is_left_to_those_who_tell_it(
    core: Core, reading: Reading
) -> None:
    ann = core.person()
    room = await core.room({ann.id: "owner"})
    ear = core.ear(ann)
    await core.say(ann, room)
    room.rev = 0  # as it is until the commit has returned
    changes = await reading.changes(ann.id, Sync(room_id=room.id, since=0))
    assert (changes.messages, changes.rev, changes.complete) == ([], 0, True)
    assert ear.kinds() == ["MessageStored"]


async def test_the_rooms_of_a_user_the_latest_first_and_in_pages(
    core: Core, reading: Reading
) -> None:
    ann, bob = core.person(), core.person()
    rooms = [await core.room({ann.id: "owner"}) for _ in range(3)]
    await core.room({bob.id: "owner"})
    for number in (2, 0, 1):
        await core.say(ann, rooms[number])
    some = await reading.rooms(ann.id, limit=2)
    assert [state.room.id for state in some.states] == [rooms[1].id, rooms[0].id]
    last = core.real.rooms.get(rooms[0].id)
    assert last is not None
    assert some.next == (last.active, last.id)
    rest = await reading.rooms(ann.id, before=some.next, limit=2)
    assert [state.room.id for state in rest.states] == [rooms[2].id]
    assert rest.next is None


async def next_moment() -> None:
    """Wait until what is said comes later, for rooms are listed by their milliseconds."""
    moment = now()
    await until(lambda: now() != moment)


@pytest.mark.parametrize("being_written", [False, True])
async def test_a_list_misses_no_room_in_which_something_was_said_just_now(
    core: Core, reading: Reading, *, being_written: bool
) -> None:
    ann = core.person()
    rooms = [await core.room({ann.id: "owner"}) for _ in range(3)]
    for room in rooms:
        await core.say(ann, room)
    await core.chat.hints.write()
    await next_moment()
    await core.say(ann, rooms[0])
    gate = core.store.gate("rooms.hint")
    listing = asyncio.ensure_future(
        core.chat.hints.write() if being_written else reading.rooms(ann.id, limit=2)
    )
    await gate.reached()
    if being_written:
        listing = asyncio.ensure_future(reading.rooms(ann.id, limit=2))
        await turns()
    gate.open()
    some = await listing
    rest = await reading.rooms(ann.id, before=some.next, limit=2)
    listed = [state.room.id for state in (*some.states, *rest.states)]
    assert listed == [rooms[0].id, rooms[2].id, rooms[1].id]


async def test_a_short_list_is_in_order_before_that_is_written_down(
    core: Core, reading: Reading
) -> None:
    ann = core.person()
    rooms = [await core.room({ann.id: "owner"}) for _ in range(3)]
    for number in (2, 0, 1):
        await core.say(ann, rooms[number])
    core.store.plan("rooms.hint", lost)
    for _ in ("from the store", "from memory"):
        states = (await reading.rooms(ann.id, limit=3)).states
        assert [state.room.id for state in states] == [rooms[n].id for n in (1, 0, 2)]


async def test_a_room_into_which_somebody_is_just_coming_is_told_and_not_listed(
    core: Core, reading: Reading
) -> None:
    cast = await core.cast()
    await core.say(cast.owner, cast.room)
    stored = threading.Event()
    come = threading.Event()

    def lingering(call: Call) -> Any:
        kept = call()
        stored.set()
        assert come.wait(LONGEST)
        return kept

    core.store.plan("rooms.join", lingering)
    ear = core.ear(cast.stranger)
    invite = Invite(room_id=cast.room.id, user_id=cast.stranger.id)
    coming = asyncio.ensure_future(core.memberships.invite(cast.owner.id, invite))
    assert await asyncio.to_thread(stored.wait, LONGEST)
    assert (await reading.rooms(cast.stranger.id, limit=5)).states == []
    come.set()
    await coming
    assert len(ear.of(RoomCreated)) == 1
    assert len((await reading.rooms(cast.stranger.id, limit=5)).states) == 1


async def test_a_room_that_is_deleted_meanwhile_ends_no_list(core: Core, reading: Reading) -> None:
    ann = core.person()
    rooms = [await core.room({ann.id: "owner"}) for _ in range(3)]
    for room in rooms:
        core.rooms.drop(room.id)
    core.store.plan("rooms.get", nothing)
    some = await reading.rooms(ann.id, limit=2)
    assert len(some.states) == 1
    assert some.next is not None
    assert len((await reading.rooms(ann.id, before=some.next, limit=2)).states) == 1


async def test_who_said_the_last_is_named_though_they_have_left(
    core: Core, reading: Reading
) -> None:
    cast = await core.cast()
    await core.say(cast.member, cast.room)
    await core.memberships.leave(cast.member.id, LeaveRoom(room_id=cast.room.id))
    core.people._known.clear()
    await reading.room(cast.owner.id, cast.room.id)
    assert core.people.name(cast.member.id) == cast.member.name


async def test_a_large_room_names_some_of_its_people(
    core: Core, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_NAMED", 2)
    people = [core.person() for _ in range(4)]
    room = await core.room(dict.fromkeys((one.id for one in people), "member"))
    state = await reading.room(people[0].id, room.id)
    assert [user.id for user in state.members] == sorted(one.id for one in people)[:2]


async def test_nobody_waits_until_all_in_a_large_room_are_looked_at(
    core: Core, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Watched(dict[str, Member]):
        seen = 0

        def __iter__(self) -> Iterator[str]:
            for user in super().__iter__():
                self.seen += 1
                yield user

    monkeypatch.setattr(module, "MAX_NAMED", 2)
    people = [core.person() for _ in range(50)]
    room = await core.room(dict.fromkeys((one.id for one in people), "member"))
    room.members = watched = Watched(room.members)
    await reading.room(people[0].id, room.id)
    assert watched.seen <= 3


async def test_what_is_read_while_it_is_written_has_no_gaps(core: Core, reading: Reading) -> None:
    ann = core.person()
    room = await core.room({ann.id: "owner"})
    ear = core.ear(ann)
    gate = core.store.gate("commit")
    saying = asyncio.ensure_future(core.say(ann, room))
    await gate.reached()
    changes = await reading.changes(ann.id, Sync(room_id=room.id, since=0))
    gate.open()
    await saying
    await until(lambda: ear.heard)
    assert len(changes.messages) + len(ear.heard) == 1


@pytest.mark.parametrize("method", ["changes", "history", "pinned"])
async def test_whoever_is_removed_meanwhile_does_not_read_what_comes_after_that(
    core: Core, reading: Reading, method: str
) -> None:
    cast = await core.cast()
    room, member = cast.room, cast.member.id
    said = await core.say(cast.owner, room)
    await core.chat.pin(speaker(cast.owner), Pin(message_id=said.id))
    room.recall = Recall(Shelf())
    gate = core.store.gate(f"messages.{method}")
    asking: dict[str, Any] = {
        "changes": lambda: reading.changes(member, Sync(room_id=room.id, since=0)),
        "history": lambda: reading.history(member, History(room_id=room.id)),
        "pinned": lambda: reading.pinned(member, room.id, before=None, limit=9),
    }
    asked = asyncio.ensure_future(code_of(asking[method]()))
    await gate.reached()
    await core.memberships.remove(cast.owner.id, RemoveMember(room_id=room.id, user_id=member))
    await core.say(cast.owner, room, "now that they are gone")
    gate.open()
    assert await asked == NO_ROOM
