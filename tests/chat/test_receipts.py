"""How far people have come: marks move forward, and those are told whom they concern."""

import pytest

from chat.chat import Marks
from chat.commands import Delivered, Read, RemoveMember
from chat.events import MarksMoved
from models.records import EVERYONE
from models.store import Store
from tests.chat.engine import PARTS, Core, code_of, speaker, until
from tests.chat.engine import make_core as make_core

pytestmark = pytest.mark.gen_test(timeout=30)


async def test_marks_move_forward_only(core: Core) -> None:
    cast = await core.cast()
    for _ in range(5):
        await core.say(cast.member, cast.room)
    by = speaker(cast.owner)
    place = {"room_id": cast.room.id}
    for command, marks in (
        (Delivered(seq=3, **place), (3, 0)),
        (Read(seq=2, **place), (3, 2)),
        (Read(seq=1, **place), (3, 2)),
        (Read(seq=4, **place), (4, 4)),
        (Delivered(seq=1, **place), (4, 4)),
        (Delivered(seq=10**9, **place), (5, 4)),
        (Read(seq=10**9, **place), (5, 5)),
    ):
        doing = core.chat.read if isinstance(command, Read) else core.chat.delivered
        assert await doing(by, command) == Marks(cast.room.id, *marks)
        core.check_members(cast.room)
    kept_marks = core.real.rooms.member(cast.room.id, cast.owner.id)
    assert kept_marks is not None
    assert (kept_marks.delivered, kept_marks.read) == (5, 5)


async def test_a_mark_needs_a_place(core: Core) -> None:
    cast = await core.cast()
    for command in (Read(), Read(room_id=cast.room.id), Read(seq=1)):
        assert await code_of(core.chat.read(speaker(cast.owner), command)) == "missing_field"


async def test_receipts_go_to_those_whose_messages_were_read(core: Core) -> None:
    cast = await core.cast()
    for part in ("member", "admin", "member"):
        await core.say(cast[part], cast.room)
    ears = core.ears(cast)
    by = speaker(cast.owner)
    await core.chat.read(by, Read(room_id=cast.room.id, seq=1))
    moved = MarksMoved(cast.room.id, cast.owner.id, 1, 1)
    assert [ears[part].heard for part in PARTS] == [[moved], [], [moved], [], []]
    await core.chat.read(by, Read(room_id=cast.room.id, seq=3))
    assert [len(ears[part].heard) for part in PARTS] == [2, 1, 2, 0, 0]
    await core.chat.read(by, Read(room_id=cast.room.id, seq=3))
    assert [len(ears[part].heard) for part in PARTS] == [2, 1, 2, 0, 0]


async def test_a_receipt_does_not_go_to_one_who_was_removed(core: Core) -> None:
    cast = await core.cast()
    await core.say(cast.member, cast.room)
    await core.memberships.remove(
        cast.owner.id, RemoveMember(room_id=cast.room.id, user_id=cast.member.id)
    )
    ear = core.ear(cast.member)
    await core.chat.read(speaker(cast.owner), Read(room_id=cast.room.id, seq=1))
    assert ear.heard == []


async def test_large_rooms_have_no_receipts(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.policy.MAX_RECEIPTS", 2)
    cast = await core.cast()
    await core.say(cast.member, cast.room)
    ears = core.ears(cast)
    commits = core.store.calls["commit"]
    await core.chat.delivered(speaker(cast.owner), Delivered(room_id=cast.room.id, seq=1))
    assert core.store.calls["commit"] == commits
    await core.chat.read(speaker(cast.owner), Read(room_id=cast.room.id, seq=1))
    assert [ears[part].kinds() for part in PARTS] == [["MarksMoved"], [], [], [], []]


async def test_marks_in_the_room_of_everyone_are_kept_for_whoever_reads(core: Core) -> None:
    ann = core.person()
    room = await core.rooms.get(EVERYONE)
    said = await core.say(core.person(), room)
    marks = await core.chat.read(speaker(ann), Read(message_id=said.id))
    assert marks == Marks(EVERYONE, said.seq, said.seq)
    member = core.real.rooms.member(EVERYONE, ann.id)
    assert member is not None
    assert member.read == said.seq


async def test_whoever_sends_has_read_the_room(core: Core) -> None:
    cast = await core.cast()
    await core.say(cast.owner, cast.room)
    await core.say(cast.member, cast.room)
    member = cast.room.members[cast.member.id]
    assert (member.delivered, member.read) == (2, 2)
    core.check_members(cast.room)


async def test_whoever_answers_tells_that_they_have_read(core: Core) -> None:
    cast = await core.cast()
    for part in ("admin", "member", "member"):
        await core.say(cast[part], cast.room)
    ears = core.ears(cast)
    await core.say(cast.owner, cast.room)
    moved = MarksMoved(cast.room.id, cast.owner.id, 4, 4)
    assert [ears[part].of(MarksMoved) for part in PARTS] == [[], [moved], [moved], [], []]
    assert ears["member"].kinds() == ["MessageStored", "MarksMoved"]
    await core.say(cast.owner, cast.room)
    assert [len(ears[part].of(MarksMoved)) for part in PARTS] == [0, 1, 1, 0, 0]


async def test_nobody_learns_what_is_read_by_one_who_hides_it(core: Core) -> None:
    cast = await core.cast()
    hider = core.real.users.change(cast.owner.id, receipts=False)
    for _ in range(4):
        await core.say(cast.member, cast.room)
    ears, by = core.ears(cast), speaker(hider)
    read = Read(room_id=cast.room.id, seq=2)
    assert await core.chat.read(by, read) == Marks(cast.room.id, 0, 2)
    assert ears["owner"].heard == [MarksMoved(cast.room.id, hider.id, 0, 2)]
    assert ears["member"].heard == []
    await core.chat.delivered(by, Delivered(room_id=cast.room.id, seq=3))
    assert ears["member"].heard == [MarksMoved(cast.room.id, hider.id, 3, 0)]
    await core.chat.read(by, Read(room_id=cast.room.id, seq=4))
    assert len(ears["member"].heard) == 1
    stored = core.real.rooms.member(cast.room.id, hider.id)
    assert stored is not None
    assert (stored.delivered, stored.read) == (3, 4)
    await core.say(cast.member, cast.room)
    ears["member"].forget()
    await core.say(hider, cast.room)
    assert ears["member"].kinds() == ["MessageStored"]


async def test_who_hides_it_is_known_though_nobody_remembers(core: Core) -> None:
    cast = await core.cast()
    core.real.users.change(cast.owner.id, receipts=False)
    await core.say(cast.member, cast.room)
    ear = core.ear(cast.member)
    core.people._known.clear()
    await core.chat.read(speaker(cast.owner), Read(room_id=cast.room.id, seq=1))
    assert ear.heard == []


async def test_what_a_sender_has_read_is_written_down_before_a_room_is_forgotten(
    core: Core,
) -> None:
    ann, bob = core.person(), core.person()
    room = await core.room({ann.id: "owner", bob.id: "member"})
    ear = core.ear(bob)
    await core.say(ann, room)
    await core.say(bob, room)
    await core.say(bob, room)
    told = len(ear.heard)
    room.used = 0
    core.rooms.sweep()
    await until(lambda: not room.pending)
    core.rooms.sweep()
    assert room.id not in core.rooms
    marks = {one.user: one.read for one in core.real.rooms.members(room.id)}
    assert marks == {ann.id: 1, bob.id: 3}
    assert len(ear.heard) == told


async def test_what_a_sender_has_read_outlives_a_crash_though_much_was_said_since(
    core: Core, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A room that wakes finds those alone who sent one of its last messages."""
    monkeypatch.setattr("chat.live_room.MAX_SENDERS", 4)
    cast = await core.cast()
    for _ in range(3):
        await core.say(cast.member, cast.room)
    for _ in range(6):
        await core.say(cast.owner, cast.room)
    await until(lambda: not cast.room.pending)
    marks = {one.user: one.read for one in core.real.rooms.members(cast.room.id)}
    assert marks[cast.member.id] == 3
    commits = core.store.calls["commit"]
    for _ in range(6):
        await core.say(cast.owner, cast.room)
    assert core.store.calls["commit"] == commits + 6
    crashed = Core(store)
    woken = await crashed.rooms.get(cast.room.id)
    assert woken.members[cast.member.id].read == 3
    assert woken.members[cast.owner.id].read == 15
    await crashed.close()


async def test_who_hides_it_is_known_though_they_say_only_what_came(core: Core) -> None:
    cast = await core.cast()
    core.real.users.change(cast.owner.id, receipts=False)
    await core.say(cast.member, cast.room)
    await core.say(cast.member, cast.room)
    await core.chat.read(speaker(cast.owner), Read(room_id=cast.room.id, seq=1))
    ear = core.ear(cast.member)
    core.people._known.clear()
    await core.chat.delivered(speaker(cast.owner), Delivered(room_id=cast.room.id, seq=2))
    assert ear.heard == [MarksMoved(cast.room.id, cast.owner.id, 2, 0)]


async def test_a_reply_names_what_came_before_it_no_second_time(core: Core) -> None:
    ann, bob = core.person("ann"), core.person("bob")
    room, _ = await core.direct_rooms.between(ann.id, bob.id)
    ear = core.ear(ann)
    one = await core.say(ann, room)
    await core.chat.delivered(speaker(bob), Delivered(room_id=room.id, seq=1))
    two = await core.say(ann, room)
    await core.say(bob, room)
    passed = [event.passed for event in ear.heard if isinstance(event, MarksMoved)]
    assert [(each.delivered, each.read) for each in passed if each is not None] == [
        ((one.id,), ()),
        ((two.id,), (one.id, two.id)),
    ]


@pytest.mark.parametrize("named", [True, False])
async def test_messages_that_were_read_are_named_where_clients_ask_for_it(
    core: Core, *, named: bool
) -> None:
    ann, bob = core.person("ann"), core.person("bob")
    room, _ = await core.direct_rooms.between(ann.id, bob.id)
    said = [await core.say(ann, room) for _ in range(3)]
    core.words.names_people = named
    ear = core.ear(ann)
    await core.chat.delivered(speaker(bob), Delivered(room_id=room.id, seq=3))
    await core.chat.read(speaker(bob), Read(room_id=room.id, seq=2))
    names = [(event.passed.delivered, event.passed.read) for event in ear.heard if event.passed]
    assert [(event.delivered, event.read) for event in ear.heard] == [(3, 0), (3, 2)]
    one, two, three = (message.id for message in said)
    assert names == ([((one, two, three), ()), ((), (one, two))] if named else [])
    # Whoever comes and asks hears of what is still unread, and of no more.
    core.words.names_people = True
    ear = core.ear(ann)
    await core.chat.read(speaker(bob), Read(room_id=room.id, seq=3))
    assert ear.heard[-1].passed.read == (three,)
