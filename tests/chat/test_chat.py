"""Messages: who may send and change them, what becomes of them, and who is told."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

import pytest
from msgspec.structs import replace

import chat.chat as chat_module
from chat import mentions
from chat.chat import Speaker
from chat.commands import (
    CreateRoom,
    DeleteMessage,
    Delivered,
    EditMessage,
    LeaveRoom,
    Pin,
    React,
    Read,
    RemoveMember,
    SendMessage,
)
from chat.entries import Said, fulfil
from chat.errors import Busy, Refusal
from chat.events import MessageChanged, MessageStored, RoomCreated
from chat.live_room import Standing
from chat.resends import PERIOD_SECONDS, temp_id_of
from models.records import FormerText, Message, Reaction, User, new_id
from models.store import Store
from tests.chat.engine import (
    PARTS,
    Cast,
    Core,
    Fault,
    code_of,
    fine,
    lost,
    speaker,
    until,
)
from tests.chat.engine import make_core as make_core
from tests.contract import samples

pytestmark = pytest.mark.gen_test(timeout=30)

Doing = Callable[[Core, Cast, Message, User], Awaitable[object]]

# What had passed at the start of all tests of the period in which a temporary name is a name.
SINCE_PERIOD = int(samples.START.timestamp() % PERIOD_SECONDS) + 1


def unheard(_: Said | Refusal) -> None:
    """Nobody waits for the answer."""


async def now_or_later(core: Core, by: Speaker, command: SendMessage) -> Said:
    """Send a message on the shorter way, where it goes."""
    said: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
    if core.chat.send_now(by, command, partial(fulfil, said)):
        return await said
    return await core.chat.sent(by, command)


def send(core: Core, cast: Cast, _: Message, by: User) -> Awaitable[object]:
    command = SendMessage(room_id=cast.room.id, content="hello")
    return core.chat.sent(speaker(by), command)


def edit(core: Core, _: Cast, message: Message, by: User, text: str = "new") -> Awaitable[object]:
    return core.chat.edit(speaker(by), EditMessage(message_id=message.id, content=text))


def delete(core: Core, _: Cast, message: Message, by: User) -> Awaitable[object]:
    return core.chat.delete(speaker(by), DeleteMessage(message_id=message.id))


def react(core: Core, _: Cast, message: Message, by: User, **more: object) -> Awaitable[object]:
    command = React(**{"message_id": message.id, "emoji": "👍", **more})
    return core.chat.react(speaker(by), command)


def pin(core: Core, _: Cast, message: Message, by: User, *, on: bool = True) -> Awaitable[object]:
    return core.chat.pin(speaker(by), Pin(message_id=message.id, on=on))


def read(core: Core, _: Cast, message: Message, by: User) -> Awaitable[object]:
    return core.chat.read(speaker(by), Read(room_id=message.room, seq=message.seq))


def read_message(core: Core, _: Cast, message: Message, by: User) -> Awaitable[object]:
    return core.chat.read(speaker(by), Read(message_id=message.id))


def deliver(core: Core, _: Cast, message: Message, by: User) -> Awaitable[object]:
    return core.chat.delivered(speaker(by), Delivered(room_id=message.room, seq=message.seq))


OK, NO_ROOM, NO_MESSAGE = "ok", "room_not_found", "message_not_found"
NOT_YOURS, NOT_IN_CHARGE = "not_yours", "not_in_charge"
ALL = (OK, OK, OK)
# What comes of it for the owner, an admin, a member, a stranger, and one who was removed; and what
# the admin, the member (whose message it is) and the one who does it hear if it was the owner.
OUTCOMES: list[tuple[Doing, tuple[str, ...]]] = [
    (send, (*ALL, NO_ROOM, NO_ROOM)),
    (edit, (NOT_YOURS, NOT_YOURS, OK, NO_MESSAGE, NO_MESSAGE)),
    (delete, (*ALL, NO_MESSAGE, NO_MESSAGE)),
    (react, (*ALL, NO_MESSAGE, NO_MESSAGE)),
    (pin, (OK, OK, NOT_IN_CHARGE, NO_MESSAGE, NO_MESSAGE)),
    (read, (*ALL, NO_ROOM, NO_ROOM)),
    (read_message, (*ALL, NO_MESSAGE, NO_MESSAGE)),
    (deliver, (*ALL, NO_ROOM, NO_ROOM)),
]


@pytest.mark.parametrize("kind", ["private", "public"])
@pytest.mark.parametrize(("doing", "codes"), OUTCOMES)
async def test_who_may_do_what(core: Core, doing: Doing, codes: tuple[str, ...], kind: str) -> None:
    for part, code in zip(PARTS, codes, strict=True):
        cast = await core.cast(kind)
        message = await core.say(cast.member, cast.room)
        ears = core.ears(cast)
        before = core.real.messages.changes(cast.room.id, since=0, limit=9)
        assert await code_of(doing(core, cast, message, cast[part])) == code, part
        await core.chat.journal.close()
        if code != OK:
            assert core.real.messages.changes(cast.room.id, since=0, limit=9) == before
            assert [ear.heard for ear in ears.values()] == [[]] * 5
        core.check_members(cast.room)
        core.check_counters(cast.room)


@pytest.mark.parametrize(
    ("doing", "owner", "admin", "member"),
    [
        (send, ["MessageStored"], ["MessageStored"], ["MessageStored", "MarksMoved"]),
        (delete, ["MessageChanged"], ["MessageChanged"], ["MessageChanged"]),
        (react, ["MessageChanged"], ["MessageChanged"], ["MessageChanged"]),
        (pin, ["MessageChanged"], ["MessageChanged"], ["MessageChanged"]),
        (read, ["MarksMoved"], [], ["MarksMoved"]),
        (deliver, ["MarksMoved"], [], ["MarksMoved"]),
    ],
)
async def test_who_is_told_what(
    core: Core, doing: Doing, owner: list[str], admin: list[str], member: list[str]
) -> None:
    cast = await core.cast()
    message = await core.say(cast.member, cast.room)
    ears = core.ears(cast)
    await code_of(doing(core, cast, message, cast.owner))
    assert [ears[part].kinds() for part in PARTS] == [owner, admin, member, [], []]
    for event in ears["admin"].of(MessageChanged):
        assert event == MessageChanged(core.stored(message), cast.member.name)


async def test_a_message_without_a_client_id_gets_its_own(core: Core) -> None:
    cast = await core.cast()
    said = await core.say(cast.member, cast.room)
    assert said.client_id == said.id


async def test_a_message_that_is_sent_again_is_told_once(core: Core) -> None:
    cast = await core.cast()
    ear = core.ear(cast.owner)
    first = await core.say(cast.member, cast.room, "first", client_id="c")
    assert await core.say(cast.member, cast.room, "again", client_id="c") == first
    assert len(ear.heard) == 1


@pytest.mark.parametrize("seconds", [10, 400])
async def test_a_temporary_name_is_a_name_only_with_the_same_words_in_the_same_room(
    core: Core, store: Store, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    monkeypatch.setattr(chat_module, "now", lambda: samples.at(seconds - SINCE_PERIOD))
    cast, other = await core.cast(), await core.cast()
    first = await core.say(cast.member, cast.room, "first", temp_id="1")
    core.real.rooms.join(samples.member(other.room.id, cast.member.id))
    core.rooms.drop(other.room.id)
    elsewhere = await core.rooms.get(other.room.id)
    for later in (core, Core(store)):
        ear = later.ear(cast.owner)
        room = await later.rooms.get(cast.room.id)
        assert await later.say(cast.member, room, "first", temp_id="1") == first
        assert ear.heard == []
    await later.close()
    for room, text, name in (
        (cast.room, "second", "1"),
        (cast.room, "first", "2"),
        (elsewhere, "first", "1"),
    ):
        assert (await core.say(cast.member, room, text, temp_id=name)).id != first.id
    assert (await core.say(cast.owner, cast.room, "first", temp_id="1")).id != first.id
    assert temp_id_of(first) == "1"


@pytest.mark.parametrize(
    ("sent", "again", "same"),
    [(10, 599, True), (590, 610, True), (590, 899, True), (590, 901, False), (10, 1210, False)],
)
async def test_a_temporary_name_is_forgotten(
    core: Core, monkeypatch: pytest.MonkeyPatch, sent: int, again: int, same: bool
) -> None:
    cast = await core.cast()
    core.people.note(cast.member)
    ids = set()
    command = SendMessage(room_id=cast.room.id, content="hi", temp_id="1")
    for seconds in (sent, again):
        moment = samples.at(seconds - SINCE_PERIOD)
        monkeypatch.setattr(chat_module, "now", lambda moment=moment: moment)
        by = speaker(cast.member)
        ids.add((await now_or_later(core, by, command)).message.id)
    assert len(ids) == (1 if same else 2)


async def test_whoever_was_removed_gets_no_answer_to_what_they_said_before(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast = await core.cast()
    command = SendMessage(room_id=cast.room.id, content="hi", temp_id="1")
    for seconds in (590, 610):
        moment = samples.at(seconds - SINCE_PERIOD)
        monkeypatch.setattr(chat_module, "now", lambda moment=moment: moment)
        code = OK if seconds == 590 else NO_ROOM
        assert await code_of(core.chat.sent(speaker(cast.member), command)) == code
        remove = RemoveMember(room_id=cast.room.id, user_id=cast.member.id)
        await code_of(core.memberships.remove(cast.owner.id, remove))


async def test_a_sender_whom_nobody_remembers_is_told_by_name(core: Core) -> None:
    cast = await core.cast()
    ear = core.ear(cast.owner)
    assert not core.chat.send_now(speaker(cast.member), SendMessage(room_id=cast.room.id), unheard)
    await core.say(cast.member, cast.room)
    [event] = ear.heard
    assert event.sender_name == cast.member.name


@pytest.mark.parametrize(
    "command",
    [
        SendMessage(content="hello"),
        SendMessage(to=new_id(), content="hello"),
        SendMessage(room_id=new_id(), content="hello"),
        SendMessage(room_id="here", content="hello @bob"),
        SendMessage(room_id="here", content="hello", reply_to=new_id()),
        SendMessage(room_id="here", content="hello", reply_to=""),
        SendMessage(room_id="here", content="hello", attachments=(new_id(),)),
    ],
)
async def test_what_must_be_read_first_is_not_sent_at_once(
    core: Core, command: SendMessage
) -> None:
    cast = await core.cast()
    core.people.note(cast.member)
    if command.room_id == "here":
        command = SendMessage(**{**as_dict(command), "room_id": cast.room.id})
    assert not core.chat.send_now(speaker(cast.member), command, unheard)


def as_dict(command: SendMessage) -> dict[str, object]:
    return {name: getattr(command, name) for name in command.__struct_fields__}


async def test_what_needs_nothing_is_sent_at_once(core: Core) -> None:
    cast = await core.cast()
    for part in ("member", "stranger"):
        core.people.note(cast[part])
    command = SendMessage(room_id=cast.room.id, content="hello")
    answers = list[Said | Refusal]()
    assert core.chat.send_now(speaker(cast.member), command, answers.append)
    await until(lambda: answers)
    [said] = answers
    assert isinstance(said, Said)
    assert said.message.text == "hello"

    async def stranger() -> object:
        return core.chat.send_now(speaker(cast.stranger), command, unheard)

    assert await code_of(stranger()) == NO_ROOM


@pytest.mark.parametrize("text", ["", " ", "\n\t\u00a0"])
async def test_a_message_says_something(core: Core, text: str) -> None:
    cast = await core.cast()
    core.people.note(cast.member)
    command = SendMessage(room_id=cast.room.id, content=text)
    assert await code_of(core.chat.sent(speaker(cast.member), command)) == "empty_message"
    with pytest.raises(chat_module.Invalid):
        core.chat.send_now(speaker(cast.member), command, unheard)
    said = await core.say(cast.member, cast.room)
    assert await code_of(edit(core, cast, said, cast.member, text)) == "empty_message"


async def test_an_attachment_is_an_upload_of_ones_own(core: Core) -> None:
    cast = await core.cast()
    own, others = samples.upload(cast.member.id), samples.upload(cast.owner.id)
    for upload in (own, others):
        core.real.uploads.add(upload)
    for attachment, code in ((own.id, OK), (others.id, "unknown_upload"), ("x", "unknown_upload")):
        command = SendMessage(room_id=cast.room.id, attachments=(attachment,))
        assert await code_of(core.chat.sent(speaker(cast.member), command)) == code


async def test_what_a_message_shows_is_held_until_it_is_answered(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast = await core.cast()
    upload = samples.upload(cast.member.id)
    core.real.uploads.add(upload)
    command = SendMessage(room_id=cast.room.id, attachments=(upload.id,))
    answers = list[Said | Refusal]()
    with monkeypatch.context() as patch:
        patch.setattr(core.chat.journal, "_max_waiting", 0)
        with pytest.raises(Busy):
            await core.chat.send(speaker(cast.member), command, answers.append)
    assert not core.attachments.is_held(upload.id)
    await core.chat.send(speaker(cast.member), command, answers.append)
    assert core.attachments.is_held(upload.id)
    await until(lambda: answers)
    assert not core.attachments.is_held(upload.id)


async def test_a_message_to_somebody_finds_or_makes_the_direct_room(core: Core) -> None:
    ann, bob = core.person(), core.person()
    ears = core.ear(ann), core.ear(bob)
    for n in range(2):
        said = await core.chat.sent(speaker(ann), SendMessage(to=bob.id, content=f"{n}"))
        assert said.message.seq == n + 1
    assert ears[0].kinds() == ["RoomCreated", "MessageStored", "MessageStored"]
    assert ears[1].kinds() == ["RoomCreated", "MessageStored", "MessageStored"]
    for command, code in (
        (SendMessage(to=new_id(), content="x"), "user_not_found"),
        (SendMessage(to=ann.id, content="x"), "invalid_participants"),
        (SendMessage(content="x"), "missing_field"),
    ):
        assert await code_of(core.chat.sent(speaker(ann), command)) == code


async def test_a_hidden_direct_room_is_seen_again_when_somebody_writes(core: Core) -> None:
    ann, bob = core.person(), core.person()
    room, _ = await core.memberships.direct(ann.id, bob.id)
    await core.memberships.leave(ann.id, LeaveRoom(room_id=room.id))
    ear = core.ear(ann)
    core.people.note(bob)
    command = SendMessage(room_id=room.id, content="hello")
    assert not core.chat.send_now(speaker(bob), command, unheard)
    await core.say(bob, room)
    assert len(core.real.rooms.of_user(ann.id, limit=5)) == 1
    assert not room.hidden
    assert ear.kinds() == ["RoomCreated", "MessageStored"]
    created = ear.heard[0]
    assert (created.room, created.invitation, created.standing) == (
        room.room, False, Standing(),
    )  # fmt: skip
    core.check_members(room)


@pytest.mark.parametrize("fault", [fine, lost])
async def test_a_direct_room_that_is_left_while_a_message_is_on_its_way_is_seen_again(
    core: Core, fault: Fault
) -> None:
    ann, bob = core.person(), core.person()
    room, _ = await core.memberships.direct(ann.id, bob.id)
    ear = core.ear(bob)
    gate = core.store.gate("commit")
    saying = asyncio.ensure_future(core.say(ann, room))
    await gate.reached()
    await core.memberships.leave(bob.id, LeaveRoom(room_id=room.id))
    core.store.plan("rooms.change_member", fault)
    gate.open()
    await saying
    if fault is lost:  # then the next message says it again
        await until(lambda: core.store.calls["rooms.change_member"] == 2)
        await core.say(ann, room)
    await until(lambda: ear.of(RoomCreated))
    assert [event.standing.seq for event in ear.of(RoomCreated)] == [1]
    assert not room.hidden
    core.check_members(room)


async def test_a_hidden_direct_room_stays_so_when_nothing_is_said(core: Core) -> None:
    ann, bob = core.person(), core.person()
    room, _ = await core.memberships.direct(ann.id, bob.id)
    await core.memberships.leave(ann.id, LeaveRoom(room_id=room.id))
    ear = core.ear(ann)
    for by, text, code in ((bob, " ", "empty_message"), (core.person(), "x", NO_ROOM)):
        command = SendMessage(room_id=room.id, content=text)
        assert await code_of(core.chat.sent(speaker(by), command)) == code
    assert (room.hidden, ear.heard) == (True, [])


async def test_those_are_mentioned_who_are_in_the_room(core: Core) -> None:
    ann, bob, dot, _ = (core.person(name) for name in ("ann", "bob", "d.o-t", "far"))
    room = await core.room({ann.id: "owner", bob.id: "member", dot.id: "member"})
    for text, called in (
        ("hi @bob", {bob.id}),
        ("@BOB, @ann!", {ann.id, bob.id}),
        ("(@bob)@ann", {ann.id, bob.id}),
        ("see @bob.", {bob.id}),
        ("@bob--", {bob.id}),
        ("@d.o-t...", {dot.id}),
        ("@bob @bob @Bob", {bob.id}),
        ("mail a@bob.org @@bob", set()),
        ("@far @nobody @bo @", set()),
        ("@bobby", set()),
    ):
        said = await core.say(ann, room, text)
        assert set(said.mentions) == called, text
        assert core.stored(said).mentions == said.mentions


async def test_a_mention_counts_as_long_as_it_is_there_and_not_read(
    core: Core, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it would after a restart, however much was said since."""
    monkeypatch.setattr("chat.live_room.MAX_SENDERS", 3)
    ann, bob = core.person("ann"), core.person("bob")
    room = await core.room({ann.id: "owner", bob.id: "member"})
    said = [await core.say(ann, room, text) for text in ("@bob", "@bob", "nobody", "nobody")]

    async def mentions() -> int:
        later = Core(store)
        woken = await later.rooms.get(room.id)
        await later.close()
        assert woken.mentions(bob.id) == room.mentions(bob.id)
        return room.mentions(bob.id)

    assert await mentions() == 2
    await core.chat.delete(speaker(ann), DeleteMessage(message_id=said[0].id))
    assert await mentions() == 1
    await core.chat.edit(speaker(ann), EditMessage(message_id=said[2].id, content="@bob"))
    assert await mentions() == 2
    for _ in range(5):
        await core.say(ann, room)
    assert await mentions() == 2
    await core.chat.read(speaker(bob), Read(room_id=room.id, seq=2))
    assert await mentions() == 1


async def test_an_edit_calls_others(core: Core) -> None:
    ann, bob, cid = (core.person(name) for name in ("ann", "bob", "cid"))
    core.person("far")
    room = await core.room(dict.fromkeys((one.id for one in (ann, bob, cid)), "member"))
    said = await core.say(ann, room, "hi @bob")
    command = EditMessage(message_id=said.id, content="hi @cid and @far")
    edited = await core.chat.edit(speaker(ann), command)
    assert edited.mentions == core.stored(edited).mentions == (cid.id,)


async def test_only_so_many_are_mentioned(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mentions, "MAX_MENTIONS", 2)
    users = [core.person(name) for name in ("aaa", "bbb", "ccc")]
    room = await core.room(dict.fromkeys((user.id for user in users), "member"))
    said = await core.say(users[0], room, "@aaa @bbb @ccc")
    assert len(said.mentions) == 2


async def test_one_answers_to_a_message_of_the_room(core: Core) -> None:
    cast, other = await core.cast(), await core.cast()
    here, there = await core.say(cast.member, cast.room), await core.say(other.owner, other.room)
    for reply_to, code in (
        (here.id, OK), (there.id, "unknown_message"), (new_id(), "unknown_message"),
        ("no id", "unknown_message"),
    ):  # fmt: skip
        command = SendMessage(room_id=cast.room.id, content="yes", reply_to=reply_to)
        assert await code_of(core.chat.sent(speaker(cast.owner), command)) == code
    assert core.real.messages.history(cast.room.id, limit=9)[-1].reply_to == here.id


async def test_an_edit_keeps_what_was_said_before(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat_module, "MAX_FORMER", 2)
    cast = await core.cast()
    said = await core.say(cast.member, cast.room, "0")
    for text in ("1", "2", "2", "3"):
        edited = await core.chat.edit(
            speaker(cast.member), EditMessage(message_id=said.id, content=text)
        )
    assert (edited.text, [former.text for former in edited.former]) == ("3", ["1", "2"])
    assert (edited.seq, edited.rev, edited.edited is not None) == (1, 4, True)
    assert all(isinstance(former, FormerText) for former in edited.former)
    assert edited == core.stored(said)
    core.check_counters(cast.room)


async def test_a_message_can_be_edited_only_for_a_while(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast = await core.cast()
    said = await core.say(cast.member, cast.room)
    core.chat._edit_window = 60.0
    for seconds, code in ((60, OK), (61, "too_late")):
        moment = said.created + timedelta(seconds=seconds)
        monkeypatch.setattr(chat_module, "now", lambda moment=moment: moment)
        assert await code_of(edit(core, cast, said, cast.member, f"{seconds}")) == code


async def test_a_deleted_message_keeps_its_place_and_nothing_else(core: Core) -> None:
    cast = await core.cast()
    first = await core.say(cast.owner, cast.room)
    said = await core.say(cast.member, cast.room, "@nobody", reply_to=first.id)
    await react(core, cast, said, cast.owner)
    await edit(core, cast, said, cast.member)
    await pin(core, cast, said, cast.owner)
    await delete(core, cast, said, cast.admin)
    gone = core.stored(said)
    assert gone.deleted is not None
    assert (gone.text, gone.reactions, gone.former, gone.mentions, gone.pinned) == (
        "", (), (), (), False,
    )  # fmt: skip
    assert (gone.seq, gone.rev) == (2, 6)
    ear = core.ear(cast.owner)
    assert await code_of(delete(core, cast, said, cast.member)) == OK
    for doing in (edit, react, pin):
        by = cast.member if doing is edit else cast.owner
        assert await code_of(doing(core, cast, said, by)) == "message_deleted"
    assert ear.heard == []
    core.check_counters(cast.room)


async def test_reactions_are_counted_once_for_each_person(core: Core) -> None:
    cast = await core.cast()
    said = await core.say(cast.member, cast.room)
    ear = core.ear(cast.owner)
    for user, emoji, on in (
        (cast.owner, "👍", True),
        (cast.owner, "👍", True),
        (cast.admin, "👍", True),
        (cast.owner, "🎉", True),
        (cast.member, "🎉", False),
    ):
        await react(core, cast, said, user, emoji=emoji, on=on)
    assert core.stored(said).reactions == (
        Reaction(emoji="👍", users=(cast.owner.id, cast.admin.id)),
        Reaction(emoji="🎉", users=(cast.owner.id,)),
    )
    assert len(ear.heard) == 3
    await react(core, cast, said, cast.owner, on=False)
    await react(core, cast, said, cast.admin, on=False)
    assert core.stored(said).reactions == (Reaction(emoji="🎉", users=(cast.owner.id,)),)


async def test_only_so_many_kinds_of_emoji_stand_under_a_message(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat_module, "MAX_REACTIONS", 2)
    cast = await core.cast()
    said = await core.say(cast.member, cast.room)
    for user, emoji, code in (
        (cast.owner, "👍", OK), (cast.owner, "❤", OK), (cast.owner, "🎉", "too_many_reactions"),
        (cast.admin, "❤️", OK), (cast.admin, "ok", "invalid_emoji"),
    ):  # fmt: skip
        assert await code_of(react(core, cast, said, user, emoji=emoji)) == code
    assert [r.emoji for r in core.stored(said).reactions] == ["👍", "❤"]


async def test_only_so_many_reactions_stand_under_a_message(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat_module, "MAX_REACTED", 2)
    cast = await core.cast()
    said = await core.say(cast.member, cast.room)
    for user, emoji, on, code in (
        (cast.owner, "👍", True, OK), (cast.admin, "👍", True, OK), (cast.owner, "👍", True, OK),
        (cast.member, "👍", True, "too_many_reactions"), (cast.owner, "👍", False, OK),
        (cast.member, "🎉", True, OK), (cast.owner, "🎉", True, "too_many_reactions"),
    ):  # fmt: skip
        assert await code_of(react(core, cast, said, user, emoji=emoji, on=on)) == code


async def test_all_reactions_at_once_count(core: Core) -> None:
    users = [core.person() for _ in range(20)]
    room = await core.room(dict.fromkeys((user.id for user in users), "member"))
    said = await core.say(users[0], room)
    await asyncio.gather(*[
        core.chat.react(speaker(user), React(message_id=said.id, emoji="🎉")) for user in users
    ])  # fmt: skip
    [reaction] = core.stored(said).reactions
    assert set(reaction.users) == {user.id for user in users}
    assert core.stored(said).rev == 21
    assert not room._held


async def test_a_pin_is_taken_back(core: Core) -> None:
    cast = await core.cast()
    said = await core.say(cast.member, cast.room)
    ear = core.ear(cast.owner)
    for on in (True, True, False):
        await pin(core, cast, said, cast.owner, on=on)
        assert core.stored(said).pinned is on
    assert len(ear.heard) == 2


async def test_both_pin_in_a_direct_room(core: Core) -> None:
    ann, bob = core.person(), core.person()
    room, _ = await core.memberships.direct(ann.id, bob.id)
    said = await core.say(ann, room)
    await core.chat.pin(speaker(bob), Pin(message_id=said.id))
    assert core.stored(said).pinned


@pytest.mark.parametrize("doing", [edit, delete, react, pin, read_message])
async def test_what_is_not_there_cannot_be_changed(core: Core, doing: Doing) -> None:
    cast = await core.cast()
    for message_id in (new_id(), "no id"):
        message = samples.message(cast.room.id, 1, id=message_id)
        assert await code_of(doing(core, cast, message, cast.owner)) == NO_MESSAGE


@pytest.mark.parametrize("doing", [edit, delete, react, pin])
async def test_whoever_is_removed_meanwhile_changes_nothing(core: Core, doing: Doing) -> None:
    cast = await core.cast()
    said = await core.say(cast.admin, cast.room)
    core.store.plan("messages.get", fine)
    gate = core.store.gate("messages.get")
    changing = asyncio.ensure_future(code_of(doing(core, cast, said, cast.admin)))
    await gate.reached()
    await core.memberships.remove(
        cast.owner.id, RemoveMember(room_id=cast.room.id, user_id=cast.admin.id)
    )
    gate.open()
    assert await changing == NO_MESSAGE
    assert core.stored(said) == said


async def test_a_message_to_a_room_that_is_deleted_meanwhile_is_refused(core: Core) -> None:
    cast = await core.cast()
    ear = core.ear(cast.member)
    said = await core.say(cast.member, cast.room)
    gate = core.store.gate("commit")
    elsewhere, _ = await core.memberships.create(cast.member.id, CreateRoom())
    first = asyncio.ensure_future(core.say(cast.member, elsewhere))
    await gate.reached()
    waiting = asyncio.ensure_future(code_of(send(core, cast, said, cast.member)))
    await until(lambda: cast.room.pending)
    core.real.rooms.delete(cast.room.id)
    gate.open()
    assert await waiting == NO_ROOM
    assert (await first).seq == 1
    assert len(ear.of(MessageStored)) == 2


async def test_a_room_wakes_as_it_was(core: Core, store: Store) -> None:
    cast = await core.cast()
    said = await core.say(cast.member, cast.room)
    await react(core, cast, said, cast.owner)
    await core.say(cast.owner, cast.room)
    await read(core, cast, said, cast.admin)
    later = Core(store)
    woken = await later.rooms.get(cast.room.id)
    assert (woken.seq, woken.rev, woken.members) == (2, 3, cast.room.members)
    assert woken.last == cast.room.last
    await later.close()


async def test_what_was_edited_is_seen_in_lists(core: Core) -> None:
    cast = await core.cast()
    said = await core.say(cast.member, cast.room)
    await edit(core, cast, said, cast.member)
    assert cast.room.last is not None
    assert cast.room.last == replace(core.stored(said))
