"""What every store promises about writes that were given up."""

import pytest
from msgspec.structs import replace

from models.records import Counters, new_id
from models.store import ChangedMessage, NewMessage, Store, Stored, Taken
from tests.contract.samples import add_messages, add_room, at_once, message, say


def test_a_message_that_was_withdrawn_never_lands(store: Store) -> None:
    room = add_room(store)
    said = message(room.id, 1)
    store.withdraw([NewMessage(said)], above=1)
    for _ in range(2):
        with pytest.raises(Taken) as refusal:
            say(store, said)
        assert refusal.value.field == "id"
    assert store.messages.changes(room.id, since=0, limit=5) == []
    assert store.messages.counters(room.id) == Counters()
    other = replace(said, id=new_id())
    assert say(store, other) == [Stored(other)]


def test_a_batch_ends_where_something_of_it_was_withdrawn(store: Store) -> None:
    room, other = add_room(store), add_room(store)
    said = [message(room.id, number) for number in (1, 2, 3)]
    say(store, said[0])
    store.withdraw([NewMessage(each) for each in said], above=3)
    with pytest.raises(Taken):
        say(store, *said, message(other.id, 1))
    assert store.messages.history(room.id, limit=5) == said[:1]
    assert store.messages.counters(other.id) == Counters()


def test_a_message_that_has_landed_stays(store: Store) -> None:
    room = add_room(store)
    said = message(room.id, 1)
    say(store, said)
    store.withdraw([NewMessage(said)], above=1)
    assert say(store, said) == [Stored(said)]
    assert store.messages.history(room.id, limit=5) == [said]


def test_a_change_that_was_withdrawn_never_lands(store: Store) -> None:
    room = add_room(store)
    first, second, third = add_messages(store, room.id, 3)
    given_up = [
        ChangedMessage(replace(first, rev=4, text="late")),
        ChangedMessage(replace(second, rev=5, text="late")),
        ChangedMessage(replace(first, rev=6, text="late too")),
    ]
    store.withdraw(given_up, above=6)
    stamped = [replace(first, rev=7), replace(second, rev=8)]
    assert store.messages.changes(room.id, since=3, limit=9) == stamped
    with pytest.raises(Taken):
        store.commit(given_up)
    assert store.messages.history(room.id, limit=9) == [*stamped, third]


def test_a_change_that_has_landed_is_stamped_and_stays(store: Store) -> None:
    room = add_room(store)
    [said] = add_messages(store, room.id, 1)
    edited = replace(said, rev=2, text="edited")
    store.commit([ChangedMessage(edited)])
    store.withdraw([ChangedMessage(edited)], above=2)
    assert store.messages.get(said.id) == replace(edited, rev=3)


def test_what_has_come_after_a_withdrawn_change_stays_as_it_is(store: Store) -> None:
    room = add_room(store)
    [said] = add_messages(store, room.id, 1)
    given_up = [ChangedMessage(replace(said, rev=2, text="late"))]
    store.withdraw(given_up, above=2)
    newest = replace(said, rev=4, text="newest")
    store.commit([ChangedMessage(newest)])
    store.withdraw(given_up, above=2)
    assert store.messages.get(said.id) == newest


def test_a_new_message_and_its_change_are_withdrawn_together(store: Store) -> None:
    room = add_room(store)
    said = message(room.id, 1)
    given_up = [NewMessage(said), ChangedMessage(replace(said, rev=2, text="edited"))]
    for _ in range(2):
        store.withdraw(given_up, above=2)
        with pytest.raises(Taken):
            store.commit(given_up)
        assert store.messages.changes(room.id, since=0, limit=5) == []


def test_numbers_that_are_not_above_are_taken(store: Store) -> None:
    room = add_room(store)
    first, _, _ = add_messages(store, room.id, 3)
    given_up = [ChangedMessage(replace(first, rev=2, text="late"))]
    with pytest.raises(Taken) as refusal:
        store.withdraw(given_up, above=2)
    assert refusal.value.field == "number"
    store.withdraw(given_up, above=3)
    assert store.messages.get(first.id) == replace(first, rev=4)


def test_withdrawing_nothing_is_nothing(store: Store) -> None:
    store.withdraw([], above=0)
    unknown = message(add_room(store).id, 1)
    store.withdraw([ChangedMessage(unknown)], above=1)
    assert store.messages.get(unknown.id) is None


def test_while_a_batch_is_written_a_prefix_of_it_is_withdrawn_or_lands(store: Store) -> None:
    room = add_room(store)
    said = [message(room.id, number) for number in range(1, 101)]
    batch = [NewMessage(each) for each in said]
    at_once([lambda: store.commit(batch), lambda: store.withdraw(batch, above=100)])
    store.withdraw(batch, above=100)
    landed = store.messages.history(room.id, limit=1000)
    assert landed == said[: len(landed)]
    if len(landed) < len(said):
        with pytest.raises(Taken):
            store.commit(batch)
        assert store.messages.history(room.id, limit=1000) == landed
