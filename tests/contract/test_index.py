"""What every store promises about messages whose words are left for later."""

import random
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from models.contract.messages import Wanted
from models.records import EVERYONE, Message, new_id
from models.store import ChangedMessage, Duplicate, NewMessage, Outcome, Store, Stored, Taken
from tests.conftest import STORES
from tests.contract.samples import START, add_room, at, at_once, message, say
from tests.contract.test_search import WORDS, found, pages, plain_search, term

LONG_AGO = START.replace(year=1968)
FAR_AHEAD = START.replace(year=9000, month=3)


# A log brings what is read to its place, words and all, so it cannot tell how much is left.
each_that_counts = pytest.mark.parametrize("store", STORES, indirect=True)


def say_later(store: Store, *messages: Message) -> list[Outcome]:
    """Commit new messages, and leave their words for later."""
    return store.commit([NewMessage(each) for each in messages], later=True)


def hellos(room_id: str, amount: int) -> list[Message]:
    return [message(room_id, number, text="hello") for number in range(1, amount + 1)]


def index_all(store: Store) -> None:
    while store.messages.index(100) == 100:
        pass


@each_that_counts
def test_what_is_left_is_stored_at_once_and_found_later(store: Store) -> None:
    said = hellos(EVERYONE, 5)
    assert say_later(store, *said) == [*map(Stored, said)]
    assert store.messages.history(EVERYONE, limit=9) == said
    assert [store.messages.index(2) for _ in range(4)] == [2, 2, 1, 0]
    assert found(store, EVERYONE, "hello") == said[::-1]


@each_that_counts
def test_nothing_is_left_otherwise(store: Store) -> None:
    say(store, message(EVERYONE, 1, text="hello"))
    assert store.messages.index(5) == 0


@each_that_counts
def test_what_is_left_is_still_known_when_the_store_is_opened_again(store: Store) -> None:
    said = hellos(EVERYONE, 3)
    say_later(store, *said)
    store.messages.index(1)
    store.close()
    store.open()
    assert store.messages.index(5) == 2
    assert found(store, EVERYONE, "hello") == said[::-1]


def test_some_rooms_can_come_first(store: Store) -> None:
    rooms = [add_room(store).id for _ in range(3)]
    said = {room: hellos(room, 3) for room in rooms}
    say_later(store, *(each for several in said.values() for each in several))
    assert store.messages.index(9, [rooms[1], new_id(), "no id"]) == 3
    assert found(store, rooms[1], "hello") == said[rooms[1]][::-1]
    assert store.messages.index(9, []) == 0
    assert store.messages.index(9) == 6


def test_what_is_changed_before_is_found_as_it_is_then(store: Store) -> None:
    edited, deleted, reacted, pinned = said = hellos(EVERYONE, 4)
    say_later(store, *said)
    changes = [
        replace(edited, rev=5, text="goodbye", edited=at(9)),
        replace(deleted, rev=6, text="", deleted=at(9)),
        replace(reacted, rev=7, attachments=(new_id(),)),
        replace(pinned, rev=8, pinned=True),
    ]
    store.commit([*map(ChangedMessage, changes)], later=True)
    index_all(store)
    assert found(store, EVERYONE, "hello") == [changes[3], changes[2]]
    assert found(store, EVERYONE, "goodbye") == [changes[0]]
    assert found(store, EVERYONE, "hello", showing=True) == [changes[2]]
    assert pages(store, Wanted(rooms=(EVERYONE,), sender=deleted.sender)) == []


def test_a_deleted_room_leaves_nothing(store: Store) -> None:
    room, other = add_room(store), add_room(store)
    there = message(other.id, 1, text="hello")
    say_later(store, *hellos(room.id, 3), there)
    store.rooms.delete(room.id)
    assert store.messages.index(5) == 1
    again = add_room(store)
    said = hellos(again.id, 3)
    say(store, *said)
    wanted = Wanted(rooms=(room.id, other.id, again.id), terms=(term("hello"),))
    assert pages(store, wanted) == [*said[::-1], there]


@each_that_counts
def test_a_batch_that_is_repeated_is_left_once(store: Store) -> None:
    said = hellos(EVERYONE, 3)
    say_later(store, *said[:2])
    assert say_later(store, *said) == say(store, *said) == [*map(Stored, said)]
    twice = message(EVERYONE, 4, sender=said[0].sender, client_id=said[0].client_id)
    assert say_later(store, twice) == [Duplicate(said[0])]
    assert store.messages.index(9) == 3
    assert found(store, EVERYONE, "hello") == said[::-1]


@each_that_counts
def test_what_was_withdrawn_is_not_left(store: Store) -> None:
    first, second = hellos(EVERYONE, 2)
    say_later(store, first)
    store.withdraw([NewMessage(second), ChangedMessage(replace(first, rev=2))], above=2)
    with pytest.raises(Taken):
        say_later(store, second)
    assert store.messages.index(9) == 1
    assert found(store, EVERYONE, "hello") == [replace(first, rev=3)]


def test_several_at_once_index_all_of_it(store: Store) -> None:
    said = hellos(EVERYONE, 60)
    say_later(store, *said)
    at_once([lambda: store.messages.index(20)] * 6)
    index_all(store)
    assert found(store, EVERYONE, "hello") == said[::-1]


def test_those_of_one_moment_may_be_left_or_not(store: Store) -> None:
    said = [message(EVERYONE, n, text="hello", created=at(1)) for n in range(1, 13)]
    for number, each in enumerate(said):
        store.commit([NewMessage(each)], later=number % 3 == 0)
        if number == 7:
            store.messages.index(2)
    index_all(store)
    wanted = Wanted(rooms=(EVERYONE,), terms=(term("hello"),), limit=5)
    assert pages(store, wanted) == said[::-1]


def test_any_text_of_any_time_can_be_left(store: Store) -> None:
    texts = ["hello", "hello \0 nul", 'hello "quotes" \\', "hello \x1f\u2028", "hello 東京 ☂️"]
    times = [LONG_AGO, at(1), FAR_AHEAD]
    said = [
        message(EVERYONE, number, text=text, created=moment)
        for number, (moment, text) in enumerate(((m, t) for m in times for t in texts), start=1)
    ]
    say_later(store, *said)
    index_all(store)
    assert sorted(found(store, EVERYONE, "hello"), key=lambda one: one.seq) == said
    assert len(found(store, EVERYONE, "nul")) == len(found(store, EVERYONE, "東京")) == len(times)


def plain(store: Store, rooms: Sequence[str]) -> list[Message]:
    return [one for room in rooms for one in store.messages.history(room, limit=10_000)]


def test_whatever_happens_before_it_is_indexed_all_is_found(store: Store) -> None:
    chance = random.Random(11)
    rooms = [add_room(store).id for _ in range(3)]
    revs = dict.fromkeys(rooms, 0)

    def said(room: str, number: int) -> Message:
        revs[room] += 1
        text = " ".join(chance.choices(WORDS[:8], k=3))
        return message(room, number, rev=revs[room], text=text, created=at(chance.randrange(9)))

    def changed(one: Message) -> Message:
        revs[one.room] += 1
        if chance.random() < 0.3:
            return replace(one, rev=revs[one.room], text="", deleted=at(9))
        return replace(one, rev=revs[one.room], text=chance.choice(WORDS[:8]))

    for step in range(60):
        room = chance.choice(rooms)
        there = store.messages.history(room, limit=10_000)
        match chance.randrange(4):
            case 0 | 1:
                new = [said(room, len(there) + n) for n in range(1, 6)]
                store.commit([*map(NewMessage, new)], later=chance.random() < 0.7)
            case 2:
                some = chance.sample(there, min(3, len(there)))
                store.commit([ChangedMessage(changed(one)) for one in some])
            case 3:
                store.messages.index(4, chance.choice([None, [room]]))
        if step == 30:
            store.rooms.delete(rooms[0])
            rooms[0] = add_room(store).id
            revs[rooms[0]] = 0
    index_all(store)
    messages = plain(store, rooms)
    for word in ("station", "stations", "train", "the", "of", "nothing"):
        wanted = Wanted(rooms=tuple(rooms), terms=(term(word),))
        assert pages(store, wanted) == plain_search(messages, wanted)
