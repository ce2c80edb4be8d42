"""Messages that are sent again: by the name that a client gave them, or by a temporary one."""

import asyncio
from functools import partial

import pytest

import chat.chat as chat_module
from chat.chat import Speaker
from chat.commands import RemoveMember, SendMessage
from chat.entries import Said, fulfil
from chat.resends import PERIOD_SECONDS, temp_id_of
from models.store import Store
from tests.chat.engine import Core, code_of, speaker
from tests.chat.engine import make_core as make_core
from tests.chat.message_doings import NO_ROOM, OK
from tests.contract import samples

pytestmark = pytest.mark.gen_test(timeout=30)

# What had passed at the start of all tests of the period in which a temporary name is a name.
SINCE_PERIOD = int(samples.START.timestamp() % PERIOD_SECONDS) + 1


async def now_or_later(core: Core, by: Speaker, command: SendMessage) -> Said:
    """Send a message on the shorter way, where it goes."""
    said: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
    if core.chat.send_now(by, command, partial(fulfil, said)):
        return await said
    return await core.chat.sent(by, command)


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
