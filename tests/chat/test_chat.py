"""Messages: who may send and change them, who is told, and what is not sent."""

import asyncio

import pytest

import chat.chat as chat_module
from chat.commands import CreateRoom, SendMessage
from chat.entries import Said
from chat.errors import Busy, Refusal
from chat.events import MessageChanged, MessageStored
from models.records import new_id, now
from models.store import Store
from tests.chat.engine import PARTS, Core, code_of, speaker, until
from tests.chat.engine import make_core as make_core
from tests.chat.message_doings import (
    NO_MESSAGE,
    NO_ROOM,
    NOT_IN_CHARGE,
    NOT_YOURS,
    OK,
    Doing,
    delete,
    deliver,
    edit,
    pin,
    react,
    read,
    read_message,
    send,
    unheard,
)
from tests.contract import samples

pytestmark = pytest.mark.gen_test(timeout=30)

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
        await core.chat.journal.lull(10)
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


async def test_nothing_is_sent_at_once_to_one_who_has_gone(core: Core) -> None:
    ann, bob = core.person(), core.person()
    command = SendMessage(to=bob.id, content="hello")
    await core.chat.sent(speaker(ann), command)
    assert core.chat.send_now(speaker(ann), command, unheard)
    core.real.users.change(bob.id, deleted=now())
    core.people.forget(bob.id)
    assert not core.chat.send_now(speaker(ann), command, unheard)
    for _ in range(2):
        assert await code_of(core.chat.sent(speaker(ann), command)) == "user_not_found"


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
