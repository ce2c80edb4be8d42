"""What becomes of a message: edits and deletions, reactions, pins, and those it mentions."""

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace

import chat.chat as chat_module
from chat import mentions
from chat.commands import DeleteMessage, EditMessage, React, Read, RemoveMember
from models.records import FormerText, Reaction, new_id
from models.store import Store
from tests.chat.engine import Core, code_of, fine, speaker
from tests.chat.engine import make_core as make_core
from tests.chat.message_doings import NO_MESSAGE, OK, Doing, delete, edit, pin, react, read_message
from tests.contract import samples

pytestmark = pytest.mark.gen_test(timeout=30)


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


async def test_what_was_edited_is_seen_in_lists(core: Core) -> None:
    cast = await core.cast()
    said = await core.say(cast.member, cast.room)
    await edit(core, cast, said, cast.member)
    assert cast.room.last is not None
    assert cast.room.last == replace(core.stored(said))
