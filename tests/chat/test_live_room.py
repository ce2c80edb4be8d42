"""A live room: who is in it, what is held while it changes, and who said what."""

import pytest

from chat import live_room
from chat.errors import NotFound
from models.records import EVERYONE, new_id, pair_of
from tests.chat.engine import bare_room
from tests.contract import samples

pytestmark = pytest.mark.gen_test(timeout=30)


async def test_everybody_is_in_the_room_of_everyone() -> None:
    room = bare_room(id=EVERYONE)
    assert (room.is_everyone, room.has(new_id()), room.role(new_id())) == (True, True, "member")


async def test_who_is_in_a_room_and_as_what() -> None:
    room = bare_room("one")
    room.members["one"].role = "admin"
    assert (room.has("one"), room.role("one")) == (True, "admin")
    assert (room.has("two"), room.role("two")) == (False, None)


async def test_all_that_hold_a_message_share_one_place() -> None:
    room = bare_room()
    message = samples.message(room.id, 1)
    with room.held(message.id) as first:
        with room.held(message.id) as second:
            assert first is second
        first.message = message
        with room.held(message.id) as third:
            assert third.message is message
    with room.held(message.id) as later:
        assert later.message is None


async def test_a_message_is_let_go_when_holding_it_fails() -> None:
    room = bare_room()

    def fail() -> None:
        with room.held("a"):
            raise NotFound("no", "no")

    with pytest.raises(NotFound):
        fail()
    assert not room._held


async def test_those_who_hold_a_message_hear_how_it_stands() -> None:
    room = bare_room()
    message = samples.message(room.id, 1)
    room.note_message(message)
    with room.held(message.id) as held:
        assert held.message is None
        room.note_message(message)
        assert held.message is message


def test_a_direct_room_is_hidden_while_one_of_the_two_does_not_see_it() -> None:
    ann, bob = sorted([new_id(), new_id()])
    room = bare_room(ann, bob, kind="direct", pair=pair_of(ann, bob))
    assert not room.hidden
    for user in (ann, bob):
        room.hide(user, on=True)
    room.hide(ann, on=False)
    assert room.hidden
    room.hide(bob, on=False)
    assert not room.hidden
    room.hide(bob, on=True)
    away = room.members.pop(bob)
    room.hide(ann, on=False)
    assert not room.hidden
    room.admit(away)
    assert room.hidden


async def test_senders_are_known_as_far_as_they_are_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_room, "MAX_SENDERS", 3)
    room = bare_room()
    said = [samples.message(room.id, number) for number in range(1, 6)]
    for message in said:
        room.note_sender(message)
    assert room.senders(2, 5) == {message.sender for message in said[2:]}
    assert room.senders(3, 4) == {said[3].sender}
    assert room.senders(5, 5) == set()
    assert room.senders(1, 3) is None
    assert room.senders(4, 6) is None
    assert room.senders(0, 2**53) is None


async def test_what_is_unread_is_remembered_as_far_as_senders_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_room, "MAX_SENDERS", 3)
    ann, bob = sorted([new_id(), new_id()])
    room = bare_room(ann, bob, kind="direct", pair=pair_of(ann, bob))
    said = [samples.message(room.id, number, sender=ann) for number in range(1, 6)]
    for message in said:
        room.note_sender(message)
    assert room.unread_of(ann, 0, 5) == tuple(message.id for message in said[2:])


@pytest.mark.parametrize("kind", ["direct", "private"])
async def test_a_receipt_concerns_the_others_whose_messages_it_is_about(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(live_room, "MAX_SENDERS", 4)
    ann, bob = sorted([new_id(), new_id()])
    pair = pair_of(ann, bob) if kind == "direct" else None
    room = bare_room(ann, bob, kind=kind, pair=pair)
    for seq, sender in enumerate([ann, ann, bob, ann, ann], start=1):
        room.note_sender(samples.message(room.id, seq, sender=sender))
    assert room.concerned(ann, 2, 5) == [bob]
    assert room.concerned(ann, 3, 5) == room.concerned(ann, 5, 5) == []
    assert room.concerned(bob, 3, 5) == [ann]
    assert room.concerned(bob, 2, 3) == []
    assert room.concerned(bob, 0, 1) == [ann]  # for that is remembered no more
    assert room.concerned(ann, 5, 2**53) == [bob]
    del room.members[bob]
    assert room.concerned(ann, 2, 5) == room.concerned(ann, 0, 5) == []


def test_whoever_comes_back_has_read_what_they_sent() -> None:
    ann = new_id()
    room = bare_room(ann)
    back = room.members.pop(ann)
    room.note_sender(samples.message(room.id, 7, sender=ann))
    room.admit(back)
    assert (room.members[ann].delivered, room.members[ann].read) == (7, 7)
