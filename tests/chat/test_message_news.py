"""What a commit has stored is told to whom it concerns, in the words that they need."""

import asyncio

import pytest

from chat.commands import JoinRoom, RemoveMember
from chat.events import MessageStored, Pair, Person
from tests.chat.engine import Core, code_of, full, kept, turns, until
from tests.chat.engine import make_core as make_core

pytestmark = pytest.mark.gen_test(timeout=30)


async def test_a_message_is_told_with_its_number_its_sender_and_its_origin(core: Core) -> None:
    cast = await core.cast()
    ears = core.ears(cast)
    other = core.ear(cast.member)
    said = await core.say(
        cast.member, cast.room, "hello", client_id="c1", ear=ears["member"], temp_id="t1"
    )
    assert (said.seq, said.rev, said.text, said.client_id) == (1, 1, "hello", "c1")
    assert said == core.stored(said)
    [event] = ears["owner"].heard
    assert (event.message, event.sender_name, event.origin) == (
        said, cast.member.name, ears["member"].number,
    )  # fmt: skip
    assert ears["member"].heard == other.heard == [event]
    assert [ear.forms for ear in (ears["owner"], ears["member"], other)] == [
        ["others"], ["origin"], ["own"],
    ]  # fmt: skip


async def test_whoever_is_removed_hears_nothing_of_what_is_in_flight(core: Core) -> None:
    cast = await core.cast()
    ears = core.ears(cast)
    gate = core.store.gate("commit")
    saying = asyncio.ensure_future(core.say(cast.owner, cast.room))
    await gate.reached()
    await core.memberships.remove(
        cast.owner.id, RemoveMember(room_id=cast.room.id, user_id=cast.member.id)
    )
    gate.open()
    await saying
    assert ears["member"].kinds() == ["RoomDeleted"]
    assert "MessageStored" in ears["admin"].kinds()


async def test_whoever_comes_hears_what_is_in_flight(core: Core) -> None:
    cast = await core.cast("public")
    ears = core.ears(cast)
    gate = core.store.gate("commit")
    saying = asyncio.ensure_future(core.say(cast.owner, cast.room))
    await gate.reached()
    await core.memberships.join(cast.stranger.id, JoinRoom(room_id=cast.room.id))
    gate.open()
    await saying
    assert ears["stranger"].kinds() == ["RoomCreated", "MessageStored"]


async def test_whoever_has_said_something_writes_no_more(core: Core) -> None:
    cast = await core.cast()
    ears = core.ears(cast)
    core.chat.typing.start(cast.room, cast.member.id, cast.member.name)
    gate = core.store.gate("commit")
    saying = asyncio.ensure_future(core.say(cast.member, cast.room))
    await gate.reached()
    assert ears["owner"].kinds() == ["TypingStarted"]
    gate.open()
    await saying
    assert ears["owner"].kinds() == ["TypingStarted", "MessageStored", "TypingStopped"]
    assert "TypingStopped" not in ears["member"].kinds()


async def test_what_is_not_stored_is_not_told(core: Core) -> None:
    cast = await core.cast()
    ear = core.ear(cast.owner)
    core.store.plan("commit", full)
    assert await code_of(core.say(cast.member, cast.room)) == "not_stored"
    assert ear.heard == []
    core.check_counters(cast.room)


async def test_what_was_stored_without_an_answer_is_told_when_the_store_is_back(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.journal.PATIENCE_SECONDS", 0)
    monkeypatch.setattr("chat.journal.RETRY_SECONDS", 0)
    cast = await core.cast()
    ear = core.ear(cast.owner)
    core.store.plan("commit", kept)
    assert await code_of(core.say(cast.member, cast.room, client_id="c")) == "not_stored"
    await until(lambda: ear.heard)
    await turns()
    again = await core.say(cast.member, cast.room, client_id="c")
    [event] = ear.heard
    assert (event.message, event.sender_name, event.origin) == (again, cast.member.name, None)
    assert cast.room.last == again
    core.check_members(cast.room)
    core.check_counters(cast.room)


@pytest.mark.parametrize("named", ["neither", "ann", "bob"])
async def test_who_speaks_to_whom_is_told_where_somebody_knows_no_rooms(
    core: Core, named: str
) -> None:
    ann, bob = core.person("ann"), core.person("bob")
    room, _ = await core.direct_rooms.between(ann.id, bob.id)
    ears = []
    for person in (ann, bob):
        core.words.names_people = named == person.name
        ears.append(core.ear(person))
    said = await core.say(ann, room)
    pair = Pair(Person(ann.id, "ann"), Person(bob.id, "bob"))
    for ear in ears:
        [event] = ear.of(MessageStored)
        assert (event.message, event.pair) == (said, None if named == "neither" else pair)
