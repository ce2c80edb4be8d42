"""Batches: which numbers a write gets, and what is told and answered once it is stored."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from chat.batches import answer, answer_covered, not_stored, numbered, refuse, settle
from chat.entries import Alter, Answer, Change, Entry, Mark, Said, Say, ToldMarks, ToldMessage
from chat.errors import Busy, Forbidden, Refusal
from chat.live_room import Held, LiveRoom, everyones_member
from models.records import Message
from models.store import ChangedMessage, Duplicate, MovedMark, NewMessage, Stored
from tests.chat.desk import edited
from tests.chat.engine import bare_room
from tests.contract import samples

pytestmark = pytest.mark.gen_test(timeout=10)


def future() -> asyncio.Future[Any]:
    return asyncio.get_running_loop().create_future()


def unheard(_: Said | Refusal) -> None:
    """Nobody waits for the answer."""


def say(room: LiveRoom, answer: Answer = unheard) -> Say:
    return Say(room, samples.message(room.id, 0), answer, 7)


def alter(room: LiveRoom, message: Message, change: Change) -> Alter:
    return Alter(room, Held(message), change, future())


async def test_each_room_has_its_own_numbers() -> None:
    one, other = bare_room("a"), bare_room("b")
    one.seq, one.rev = 4, 9
    batch = numbered([say(one), say(other), say(one)])
    assert [(w.message.room, w.message.seq, w.message.rev) for w in batch.writes] == [
        (one.id, 5, 10),
        (other.id, 1, 1),
        (one.id, 6, 11),
    ]
    assert (one.seq, one.rev) == (4, 9)  # until the store has taken it


async def test_a_change_takes_a_rev_and_a_mark_takes_nothing() -> None:
    room = bare_room("a")
    message = samples.message(room.id, 3)
    entries: list[Entry] = [
        alter(room, message, edited("once")),
        Mark(room, "a", 3, 2, future()),
        alter(room, message, edited("twice")),
        say(room),
    ]
    batch = numbered(entries)
    assert batch.entries == [entries[0], *entries[2:], entries[1]]
    once, twice, said, mark = batch.writes
    assert isinstance(once, ChangedMessage)
    assert (once.message.text, once.message.rev) == ("once", room.rev + 1)
    assert mark == MovedMark(room.id, "a", 3, 2)
    assert isinstance(twice, ChangedMessage)
    assert (twice.message.text, twice.message.rev) == ("twice", room.rev + 2)
    assert isinstance(said, NewMessage)
    assert (said.message.seq, said.message.rev) == (room.seq + 1, room.rev + 3)


async def test_marks_of_one_person_in_a_room_are_one() -> None:
    one, other = bare_room("a", "b"), bare_room("a")
    asked = [Mark(one, "a", 3, 0, future()), Mark(one, "a", 2, 2, future()), Mark(one, "a", 4, 0)]
    batch = numbered([asked[0], Mark(one, "b", 1, 1), *asked[1:], Mark(other, "a", 1, 1)])
    assert batch.writes == [
        MovedMark(one.id, "a", 4, 2),
        MovedMark(one.id, "b", 1, 1),
        MovedMark(other.id, "a", 1, 1),
    ]
    assert batch.covered == asked
    assert all(map(answer_covered, asked))
    assert all(mark.done is None or mark.done.done() for mark in asked)


async def test_a_mark_goes_without_saying_where_its_user_says_something() -> None:
    room = bare_room("a", "b")
    said = say(room)
    speaker = said.draft.sender
    room.admit(everyones_member(speaker))
    taken = Mark(room, speaker, 3, 0, is_implied=True)
    others, asked = Mark(room, "a", 3, 0, is_implied=True), Mark(room, speaker, 3, 3)
    batch = numbered([taken, others, said, asked])
    assert batch.entries == [said, others, asked]
    assert batch.covered == [taken]
    assert not answer_covered(taken)  # while that may turn out to have been said before
    settle(said, Stored(samples.message(room.id, 4, sender=speaker)))
    assert answer_covered(taken)


async def test_marks_give_a_room_the_numbers_that_it_comes_to() -> None:
    room = bare_room("a")
    front = numbered([say(room)])
    batch = numbered([Mark(room, "a", 1, 1)], front)
    assert batch.numbers == front.numbers


async def test_what_is_refused_or_has_nothing_to_do_is_not_written() -> None:
    room = bare_room("a")
    message = samples.message(room.id, 3)

    def forbidden(_: Message) -> Message:
        raise Forbidden("not_yours", "no")

    refused, nothing = alter(room, message, forbidden), alter(room, message, lambda _: None)
    batch = numbered([refused, nothing])
    assert (batch.entries, batch.writes, batch.idle) == ([], [], [nothing])
    ((entry, refusal),) = batch.refused
    assert (entry, refusal.code) == (refused, "not_yours")
    # Perhaps it is because of what is not stored yet.
    assert not any(entry.done.done() for entry in (refused, nothing))


async def test_a_stored_message_moves_its_room_and_is_news() -> None:
    room = bare_room("a")
    entry = say(room)
    message = samples.message(room.id, room.seq + 1)
    assert settle(entry, Stored(message)) == ToldMessage(room, message, new=True, origin=7)
    assert (room.seq, room.rev, room.last) == (message.seq, message.rev, message)


async def test_what_was_found_in_the_store_already_is_not_told_again() -> None:
    room = bare_room("a")
    message = samples.message(room.id, room.seq + 1)
    settle(say(room), Stored(message))
    assert settle(say(room), Stored(message)) is None
    assert settle(say(room), Duplicate(message)) is None


async def test_marks_are_told_as_they_were_asked_for() -> None:
    room = bare_room("a")
    assert settle(Mark(room, "a", 3, 2, future()), Stored()) == ToldMarks(room, "a", 3, 2)


async def test_an_answer_comes_with_what_was_encoded_of_the_message() -> None:
    room, answers = bare_room("a"), list[Said | Refusal]()
    entry, outcome = say(room, answers.append), Stored(samples.message(room.id, room.seq + 1))
    told = settle(entry, outcome)
    assert isinstance(told, ToldMessage)
    told.forms["others"] = b"{}"
    answer(entry, outcome, told)
    assert answers == [Said(told.message, fresh=True, forms={"others": b"{}"})]


async def test_a_duplicate_is_answered_with_the_first() -> None:
    room, answers = bare_room("a"), list[Said | Refusal]()
    first = samples.message(room.id, 1)
    answer(say(room, answers.append), Duplicate(first), None)
    assert answers == [Said(first, fresh=False)]


async def test_nobody_is_answered_who_has_gone() -> None:
    room = bare_room("a")
    message = samples.message(room.id, 1)
    gone = [alter(room, message, edited("new")), Mark(room, "a", 1, 1, future())]
    for entry in gone:
        entry.done.cancel()
        answer(entry, Stored(message), None)
    refuse(gone, not_stored())
    assert all(entry.done.cancelled() for entry in gone)


async def test_a_refusal_is_an_answer_to_all() -> None:
    room, answers = bare_room("a"), list[Said | Refusal]()
    altered = alter(room, samples.message(room.id, 1), edited("new"))
    marked = Mark(room, "a", 1, 1, future())
    refuse([say(room, answers.append), altered, marked], not_stored())
    assert [each.code for each in answers if isinstance(each, Refusal)] == ["not_stored"]
    for done in (altered.done, marked.done):
        with pytest.raises(Busy):
            await done


@pytest.mark.expects_errors
async def test_one_who_fails_to_take_an_answer_does_no_harm() -> None:
    room, answers = bare_room("a"), list[Said | Refusal]()

    def fail(_: Said | Refusal) -> None:
        raise RuntimeError("a bug")

    refuse([say(room, fail), say(room, answers.append)], not_stored())
    answer(say(room, fail), Duplicate(samples.message(room.id, 1)), None)
    assert len(answers) == 1


async def test_what_is_in_front_is_presumed_to_be_stored() -> None:
    room, other = bare_room("a"), bare_room("b")
    message = samples.message(room.id, 3)
    front = numbered([say(room), alter(room, message, edited("once"))])
    batch = numbered([say(room), alter(room, message, appended), say(other)], front)
    said, altered, elsewhere = (each.message for each in batch.writes)
    assert (said.seq, said.rev) == (2, 3)
    assert (altered.text, altered.rev) == ("once more", 4)
    assert (elsewhere.seq, elsewhere.rev) == (1, 1)


def appended(message: Message) -> Message:
    return replace(message, text=f"{message.text} more")
