"""What every store promises about writing a batch."""

import pytest
from msgspec.structs import replace

from models.records import EVERYONE, Counters, Message, Reaction, new_id
from models.store import (
    ChangedMessage,
    Duplicate,
    MovedMark,
    NewMessage,
    NotFound,
    Store,
    Stored,
    Taken,
)
from tests.contract.samples import (
    NOT_IDS,
    add_messages,
    add_room,
    at,
    at_once,
    full_message,
    message,
    say,
)


def numbers(messages: list[Message]) -> list[tuple[str, int, int]]:
    return [(each.text, each.seq, each.rev) for each in messages]


def test_an_empty_batch_is_nothing(store: Store) -> None:
    assert store.commit([]) == []


def test_a_batch_is_answered_write_for_write(store: Store) -> None:
    someone = new_id()
    room, other = add_room(store, someone), add_room(store)
    first, second, third = message(room.id, 1), message(other.id, 1), message(room.id, 2)
    edited = replace(first, rev=3, text="edited")
    outcomes = store.commit([
        NewMessage(first),
        NewMessage(second),
        MovedMark(room.id, someone, 1, 1),
        NewMessage(third),
        ChangedMessage(edited),
    ])  # fmt: skip
    assert outcomes == [Stored(first), Stored(second), Stored(), Stored(third), Stored(edited)]
    assert store.messages.history(room.id, limit=5) == [edited, third]
    assert store.messages.history(other.id, limit=5) == [second]


def test_a_change_is_too_old_behind_a_newer_one(store: Store) -> None:
    room = add_room(store)
    said = message(room.id, 1)
    newer = replace(said, rev=3, text="newer")
    say(store, said)
    store.commit([ChangedMessage(newer)])
    with pytest.raises(Taken):
        store.commit([ChangedMessage(replace(said, rev=2, text="older"))])
    assert store.messages.get(said.id) == newer


@pytest.mark.parametrize("later", [False, True])
def test_a_duplicate_moves_the_numbers_behind_it_down(store: Store, later: bool) -> None:
    room = add_room(store)
    first, second, fourth = message(room.id, 1), message(room.id, 2), message(room.id, 4)
    again = message(room.id, 3, sender=second.sender, client_id=second.client_id)
    say(store, first, second)
    outcomes = store.commit([NewMessage(again), NewMessage(fourth)], later=later)
    assert outcomes == [Duplicate(second), Stored(replace(fourth, seq=3, rev=3))]
    assert numbers(store.messages.history(room.id, limit=5))[1:] == [
        (second.text, 2, 2),
        (fourth.text, 3, 3),
    ]


def test_messages_of_everyone_are_like_any_others(store: Store) -> None:
    said = message(EVERYONE, 1)
    assert say(store, said) == [Stored(said)]
    assert store.messages.history(EVERYONE, limit=5) == [said]


def test_a_change_replaces_all_that_can_change(store: Store) -> None:
    room = add_room(store)
    said, full = message(room.id, 1), full_message(room.id, 1)
    say(store, said)
    changed = replace(
        full,
        id=said.id,
        sender=said.sender,
        client_id=said.client_id,
        reply_to=None,
        created=said.created,
        rev=2,
    )
    assert store.commit([ChangedMessage(changed)]) == [Stored(changed)]
    assert store.messages.get(said.id) == changed
    emptied = replace(said, rev=3, text="", deleted=at(9))
    store.commit([ChangedMessage(emptied)])
    assert store.messages.get(said.id) == emptied


def test_a_change_touches_nothing_that_cannot_change(store: Store) -> None:
    room, other = add_room(store), add_room(store)
    said = message(room.id, 1, reply_to=new_id())
    say(store, said)
    forged = message(other.id, 7, id=said.id, rev=2, text="new", created=at(99))
    store.commit([ChangedMessage(forged)])
    assert store.messages.get(said.id) == replace(said, rev=2, text="new")


def test_a_change_of_an_unknown_message_changes_nothing(store: Store) -> None:
    room = add_room(store)
    unknown = message(room.id, 1)
    assert store.commit([ChangedMessage(unknown)]) == [Stored(unknown)]
    assert store.messages.get(unknown.id) is None


def test_several_changes_of_a_message_leave_the_last(store: Store) -> None:
    room = add_room(store)
    said = message(room.id, 1)
    changes = [replace(said, rev=rev, text=f"edit {rev}") for rev in (2, 3, 4)]
    batch = [NewMessage(said), *map(ChangedMessage, changes)]
    assert store.commit(batch) == [Stored(said), *map(Stored, changes)]
    assert store.messages.changes(room.id, since=0, limit=5) == [changes[-1]]


def test_a_client_id_is_used_once(store: Store) -> None:
    room = add_room(store)
    first = message(room.id, 1, text="first")
    again = message(room.id, 2, sender=first.sender, client_id=first.client_id, text="again")
    say(store, first)
    assert say(store, again) == [Duplicate(first)]
    assert store.messages.get(again.id) is None
    assert store.messages.counters(room.id) == Counters(seq=1, rev=1)


def test_a_duplicate_answers_with_what_has_become_of_the_first(store: Store) -> None:
    room = add_room(store)
    first = message(room.id, 1)
    edited = replace(first, rev=2, text="edited", reactions=(Reaction(emoji="x", users=()),))
    store.commit([NewMessage(first), ChangedMessage(edited)])
    assert say(store, replace(first, id=new_id(), seq=2, rev=3)) == [Duplicate(edited)]


def test_a_client_id_counts_in_all_rooms_and_for_one_sender(store: Store) -> None:
    room, other = add_room(store), add_room(store)
    first = message(room.id, 1)
    elsewhere = message(other.id, 1, sender=first.sender, client_id=first.client_id)
    stranger = message(other.id, 1, client_id=first.client_id)
    say(store, first)
    assert say(store, elsewhere) == [Duplicate(first)]
    assert say(store, stranger) == [Stored(stranger)]


def test_numbers_behind_a_duplicate_move_down(store: Store) -> None:
    room, other = add_room(store), add_room(store)
    first = message(room.id, 1, text="first")
    say(store, first)
    batch = [
        message(room.id, 2, text="a"),
        message(room.id, 3, sender=first.sender, client_id=first.client_id),
        message(other.id, 1, text="elsewhere"),
        message(room.id, 4, text="b"),
        message(room.id, 5, sender=first.sender, client_id=first.client_id),
        message(room.id, 6, text="c"),
        message(other.id, 2, text="elsewhere too"),
    ]
    outcomes = say(store, *batch)
    assert [type(outcome) for outcome in outcomes].count(Duplicate) == 2
    assert numbers(store.messages.history(room.id, limit=9)) == [
        ("first", 1, 1),
        ("a", 2, 2),
        ("b", 3, 3),
        ("c", 4, 4),
    ]
    assert store.messages.history(other.id, limit=9) == [batch[2], batch[6]]
    kept = [outcome.message for outcome in outcomes if isinstance(outcome, Stored)]
    assert store.messages.many(each.id for each in batch) == {each.id: each for each in kept}


def test_a_client_id_twice_in_a_batch(store: Store) -> None:
    room = add_room(store)
    first = message(room.id, 1)
    again = message(room.id, 2, sender=first.sender, client_id=first.client_id)
    third = message(room.id, 3)
    moved = replace(third, seq=2, rev=2)
    assert say(store, first, again, third) == [Stored(first), Duplicate(first), Stored(moved)]
    assert store.messages.history(room.id, limit=5) == [first, moved]


def test_a_message_twice_in_a_batch_is_stored_once(store: Store) -> None:
    room = add_room(store)
    first = message(room.id, 1)
    again, third = replace(first, seq=2, rev=2), message(room.id, 3)
    moved = replace(third, seq=2, rev=2)
    assert say(store, first, again, third) == [Stored(first), Stored(first), Stored(moved)]
    assert store.messages.history(room.id, limit=5) == [first, moved]


def test_a_change_behind_a_duplicate_moves_down_with_its_message(store: Store) -> None:
    room = add_room(store)
    first = message(room.id, 1)
    say(store, first)
    again = message(room.id, 2, sender=first.sender, client_id=first.client_id)
    said = message(room.id, 3)
    edited = replace(said, rev=4, text="edited")
    outcomes = store.commit([NewMessage(again), NewMessage(said), ChangedMessage(edited)])
    kept = replace(edited, seq=2, rev=3)
    assert outcomes == [Duplicate(first), Stored(replace(said, seq=2, rev=2)), Stored(kept)]
    assert store.messages.get(said.id) == kept
    assert store.messages.counters(room.id) == Counters(seq=2, rev=3)


def test_a_repeated_batch_answers_the_same_and_changes_nothing(store: Store) -> None:
    someone = new_id()
    room = add_room(store, someone)
    known = message(room.id, 1)
    say(store, known)
    again = message(room.id, 2, sender=known.sender, client_id=known.client_id)
    said, last = message(room.id, 3), message(room.id, 6)
    edits = [replace(said, rev=rev, text=f"edit {rev}") for rev in (4, 5)]
    batch = [
        NewMessage(again),
        NewMessage(said),
        *map(ChangedMessage, edits),
        NewMessage(replace(last, seq=4)),
        MovedMark(room.id, someone, 2, 2),
        MovedMark(EVERYONE, someone, 2, 2),
    ]
    outcomes = store.commit(batch)
    kept = store.messages.changes(room.id, since=0, limit=9)
    members = store.rooms.members(room.id) + store.rooms.members(EVERYONE)
    for _ in range(2):
        assert store.commit(batch) == outcomes
        assert store.messages.changes(room.id, since=0, limit=9) == kept
        assert store.rooms.members(room.id) + store.rooms.members(EVERYONE) == members
    assert store.messages.counters(room.id) == Counters(seq=3, rev=5)


@pytest.mark.parametrize("written", range(5))
def test_a_batch_of_which_a_prefix_is_stored_is_completed(store: Store, written: int) -> None:
    room = add_room(store)
    said = [message(room.id, number) for number in range(1, 5)]
    say(store, *said[:written])
    assert say(store, *said) == [Stored(each) for each in said]
    assert store.messages.history(room.id, limit=9) == said


def test_a_message_that_was_stored_under_other_numbers_keeps_them(store: Store) -> None:
    room = add_room(store)
    first, second = add_messages(store, room.id, 2)
    third = message(room.id, 4)
    moved = replace(third, seq=3, rev=3)
    assert say(store, replace(first, seq=3, rev=3), third) == [Stored(first), Stored(moved)]
    assert store.messages.history(room.id, limit=9) == [first, second, moved]


@pytest.mark.parametrize("number", ["seq", "rev"])
def test_a_number_of_another_message_is_taken(store: Store, number: str) -> None:
    room = add_room(store)
    first = message(room.id, 1)
    say(store, first)
    late = replace(message(room.id, 2), **{number: 1})
    with pytest.raises(Taken) as refusal:
        say(store, late)
    assert refusal.value.field == "number"
    assert store.messages.get(late.id) is None
    assert store.messages.history(room.id, limit=9) == [first]


def test_a_change_to_a_number_of_another_message_is_taken(store: Store) -> None:
    room = add_room(store)
    first, second = add_messages(store, room.id, 2)
    with pytest.raises(Taken) as refusal:
        store.commit([ChangedMessage(replace(first, rev=2, text="edited"))])
    assert refusal.value.field == "number"
    assert store.messages.history(room.id, limit=9) == [first, second]


def test_a_change_that_is_older_than_what_it_would_replace_is_refused(store: Store) -> None:
    room = add_room(store)
    said = message(room.id, 1)
    say(store, said)
    store.commit([ChangedMessage(replace(said, rev=5, text="newest"))])
    with pytest.raises(Taken) as refusal:
        store.commit([ChangedMessage(replace(said, rev=3, text="older"))])
    assert refusal.value.field == "number"
    kept = store.messages.get(said.id)
    assert kept is not None
    assert (kept.rev, kept.text) == (5, "newest")


def test_the_numbers_of_other_rooms_do_not_matter(store: Store) -> None:
    for _ in range(3):
        room = add_room(store)
        assert len(add_messages(store, room.id, 3)) == 3


def test_a_room_that_is_not_there_takes_no_messages(store: Store) -> None:
    room = add_room(store)
    said, lost = message(room.id, 1), message(new_id(), 1)
    with pytest.raises(NotFound):
        say(store, said, lost)
    assert store.messages.get(lost.id) is None
    assert say(store, said) == [Stored(said)]


def test_a_deleted_room_takes_no_messages(store: Store) -> None:
    room = add_room(store)
    store.rooms.delete(room.id)
    with pytest.raises(NotFound):
        add_messages(store, room.id, 1)


def test_a_deleted_room_takes_no_messages_beside_one_that_is_said_again(store: Store) -> None:
    room, other = add_room(store), add_room(store)
    said, lost = message(other.id, 1), message(room.id, 1)
    say(store, said)
    store.rooms.delete(room.id)
    with pytest.raises(NotFound):
        say(store, lost, replace(said, id=new_id(), seq=2, rev=2))
    assert store.messages.get(lost.id) is None


@pytest.mark.parametrize("text", NOT_IDS)
def test_what_is_no_id_is_no_room_and_no_message(store: Store, text: str) -> None:
    room = add_room(store)
    with pytest.raises(NotFound):
        say(store, message(text, 1))
    change = ChangedMessage(message(room.id, 1, id=text))
    assert store.commit([change]) == [Stored(change.message)]
    assert store.messages.counters(room.id) == Counters()


def test_a_failed_batch_leaves_a_prefix_or_nothing_and_can_be_repeated(store: Store) -> None:
    someone = new_id()
    room = add_room(store, someone)
    rival = message(room.id, 3, text="rival")
    say(store, rival)
    said = [message(room.id, number) for number in (1, 2, 3, 4)]
    with pytest.raises(Taken):
        store.commit([*map(NewMessage, said), MovedMark(room.id, someone, 4, 4)])
    there = [each for each in said if store.messages.get(each.id) is not None]
    assert there in ([], said[:2])
    kept = store.rooms.member(room.id, someone)
    assert kept is not None
    assert kept.read == 0
    renumbered = [*said[:2], replace(said[2], seq=4, rev=4), replace(said[3], seq=5, rev=5)]
    assert say(store, *renumbered) == [Stored(each) for each in renumbered]
    history = store.messages.history(room.id, limit=9)
    assert [each.seq for each in history] == [1, 2, 3, 4, 5]


def test_one_client_id_sent_by_many_at_once_is_stored_once(store: Store) -> None:
    room = add_room(store)
    sender = new_id()
    said = [message(room.id, 1, sender=sender, client_id="same") for _ in range(8)]
    results = at_once([lambda each=each: say(store, each) for each in said])
    first = store.messages.by_client_id(sender, "same")
    assert first is not None
    assert results.count([Stored(first)]) == 1
    assert results.count([Duplicate(first)]) == 7
    assert store.messages.history(room.id, limit=9) == [first]


def test_one_number_taken_by_many_at_once_goes_to_one(store: Store) -> None:
    room = add_room(store)
    said = [message(room.id, 1) for _ in range(8)]
    results = at_once([lambda each=each: say(store, each) for each in said])
    refusals = [result for result in results if isinstance(result, Taken)]
    assert [refusal.field for refusal in refusals] == ["number"] * 7
    assert len(store.messages.history(room.id, limit=9)) == 1


def test_many_rooms_are_written_at_once(store: Store) -> None:
    rooms = [add_room(store) for _ in range(8)]
    said = at_once([lambda room=room: add_messages(store, room.id, 50) for room in rooms])
    for room, messages in zip(rooms, said, strict=True):
        assert store.messages.history(room.id, limit=100) == messages


def test_a_large_batch_of_mixed_writes(store: Store) -> None:
    someone = new_id()
    room = add_room(store, someone)
    writes: list[NewMessage | ChangedMessage | MovedMark] = []
    for number in range(1, 301):
        said = message(room.id, number, rev=2 * number - 1)
        edited = replace(said, rev=2 * number, text="edited")
        writes += [NewMessage(said), ChangedMessage(edited)]
        writes.append(MovedMark(room.id, someone, number, number))
    assert len(store.commit(writes)) == 900
    assert store.messages.counters(room.id) == Counters(seq=300, rev=600)
    assert {each.text for each in store.messages.history(room.id, limit=500)} == {"edited"}
    kept = store.rooms.member(room.id, someone)
    assert kept is not None
    assert kept.read == 300
