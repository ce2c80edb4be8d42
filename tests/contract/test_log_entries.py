"""What every store promises about its log."""

import pytest
from msgspec.structs import replace

from models.logged.placing import Underlying
from models.records import EVERYONE, Message, new_id
from models.store import Taken, Unavailable
from tests.conftest import STORES
from tests.contract.samples import NOT_IDS, add_messages, add_room, message, say


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Underlying:
    """An empty store of either kind."""
    name = "sqlite_store" if request.param == "sqlite" else "mongo_store"
    kept: Underlying = request.getfixturevalue(name)
    return kept


def ids(amount: int) -> list[str]:
    return sorted(new_id() for _ in range(amount))


def said_by(*messages: Message, room_id: str) -> list[Message]:
    """The same messages anew, as their senders would send them again."""
    return [replace(each, id=new_id(), room=room_id, seq=9, rev=9) for each in messages]


def test_a_new_log_is_empty(store: Underlying) -> None:
    assert list(store.log.entries()) == []


def test_entries_come_in_the_order_of_their_ids(store: Underlying) -> None:
    entries = [(each, each.encode()) for each in ids(5)]
    for entry, body in reversed(entries):
        store.log.append(entry, body)
    assert list(store.log.entries()) == entries


@pytest.mark.parametrize("body", [b"\0", bytes(range(256)), b"x" * 2_000_000])
def test_an_entry_is_kept_as_it_came(store: Underlying, body: bytes) -> None:
    entry = new_id()
    store.log.append(entry, body)
    assert list(store.log.entries()) == [(entry, body)]


def test_an_entry_is_still_there_when_the_store_is_opened_again(store: Underlying) -> None:
    entry = new_id()
    store.log.append(entry, b"kept")
    store.close()
    with pytest.raises(Unavailable):
        store.log.append(new_id(), b"lost")
    store.open()
    assert list(store.log.entries()) == [(entry, b"kept")]


def test_what_is_removed_is_gone_and_the_rest_is_not(store: Underlying) -> None:
    entries = ids(4)
    for entry in entries:
        store.log.append(entry, b"x")
    store.log.remove([])
    store.log.remove([*entries[1:3], new_id(), "no id"])
    assert [entry for entry, _ in store.log.entries()] == [entries[0], entries[3]]
    store.log.remove(entries)
    store.log.remove(entries)
    assert list(store.log.entries()) == []


def test_entries_can_be_removed_while_they_are_read(store: Underlying) -> None:
    entries = ids(3)
    for entry in entries:
        store.log.append(entry, b"x")
    seen = []
    for entry, _ in store.log.entries():
        store.log.remove([entry])
        seen.append(entry)
    assert seen == entries


def test_an_entry_that_is_there_stays_when_it_is_looked_for(store: Underlying) -> None:
    entry = new_id()
    store.log.append(entry, b"kept")
    assert [store.log.withdraw(entry) for _ in range(2)] == [True, True]
    assert list(store.log.entries()) == [(entry, b"kept")]


def test_an_entry_that_was_looked_for_in_vain_never_comes(store: Underlying) -> None:
    entry = new_id()
    assert [store.log.withdraw(entry) for _ in range(2)] == [False, False]
    with pytest.raises(Taken):
        store.log.append(entry, b"late")
    assert store.log.withdraw(entry) is False
    assert [body for _, body in store.log.entries()] == [b""]
    store.log.remove([entry])
    assert list(store.log.entries()) == []


def test_of_no_messages_all_is_news(store: Underlying) -> None:
    assert store.log.is_news([])


def test_messages_whose_client_ids_nobody_used_are_news(store: Underlying) -> None:
    room = add_room(store)
    [said] = add_messages(store, room.id, 1)
    other = message(room.id, 2, client_id=said.client_id)
    assert store.log.is_news([other, message(EVERYONE, 1), message(room.id, 3)])


def test_a_client_id_that_its_sender_used_is_no_news_in_any_room(store: Underlying) -> None:
    room, other = add_room(store), add_room(store)
    [said] = add_messages(store, room.id, 1)
    for where in (room.id, other.id, EVERYONE):
        assert not store.log.is_news([*said_by(said, room_id=where), message(room.id, 2)])


@pytest.mark.parametrize("client_id", ["a\0b", "\0", "", "$ne", "é" * 100])
def test_any_text_can_be_a_client_id(store: Underlying, client_id: str) -> None:
    room = add_room(store)
    said = message(room.id, 1, client_id=client_id)
    assert store.log.is_news([said])
    say(store, said)
    assert not store.log.is_news(said_by(said, room_id=room.id))
    assert store.log.is_news([message(room.id, 2, client_id=client_id)])
    assert store.log.is_news([message(room.id, 2, sender=said.sender, client_id=client_id + "\0")])


@pytest.mark.parametrize("at", [0, 399, 400, 1_000, 1_199])
def test_one_of_many_client_ids_is_enough(store: Underlying, at: int) -> None:
    room = add_room(store)
    new = [message(room.id, number) for number in range(1, 1_201)]
    assert store.log.is_news(new)
    say(store, replace(new[at], id=new_id(), seq=1, rev=1))
    assert not store.log.is_news(new)
    assert store.log.is_news([*new[:at], *new[at + 1 :]])


def test_rooms_are_there_until_one_of_them_is_deleted(store: Underlying) -> None:
    room, gone = add_room(store), add_room(store)
    assert store.log.has_rooms([])
    assert store.log.has_rooms([room.id, gone.id, EVERYONE])
    store.rooms.delete(gone.id)
    for where in (gone.id, new_id(), *NOT_IDS):
        assert not store.log.has_rooms([room.id, where])
    assert store.log.has_rooms([room.id])


def test_many_rooms_are_looked_for_at_once(store: Underlying) -> None:
    rooms = [add_room(store).id for _ in range(120)]
    assert store.log.has_rooms(rooms)
    assert not store.log.has_rooms([*rooms, new_id()])
