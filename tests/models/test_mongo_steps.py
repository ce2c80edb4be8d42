"""What MongoDB's store does in several steps, when it stops or is overtaken between two of them."""

from typing import Any

import pytest
from msgspec.structs import replace
from pymongo import UpdateOne
from pymongo.database import Database as Collections

from models.mongo import MongoStore
from models.mongo import commit as committing
from models.mongo import rooms as rooms_module
from models.mongo.documents import content_document, key_of, message_document
from models.records import Message, new_id
from models.store import (
    ChangedMessage,
    Duplicate,
    MovedMark,
    NewMessage,
    NotFound,
    Refused,
    Stored,
    Taken,
    Unavailable,
)
from tests.contract.samples import add_messages, add_room, direct, member, message, say, user


def overtake(monkeypatch: pytest.MonkeyPatch, rival: Message, store: MongoStore) -> None:
    """Let a rival commit its message between the question of the next batch and its writes."""
    write = committing._write

    def overtaken(collections: Collections[dict[str, Any]], prepared: Any) -> None:
        monkeypatch.undo()
        say(store, rival)
        write(collections, prepared)

    monkeypatch.setattr(committing, "_write", overtaken)


def test_an_account_without_its_role_gets_it_from_the_next(
    mongo_store: MongoStore, collections: Collections[dict[str, Any]]
) -> None:
    first = mongo_store.users.add(user(password_hash="x"))
    collections.users.update_one({}, {"$set": {"role": "user"}, "$unset": {"founder": 1}})
    assert mongo_store.users.add(user(password_hash="x")).role == "user"
    assert [each.id for each in mongo_store.users.administrators()] == [first.id]


def test_an_account_without_a_claim_gets_its_role_at_the_next_start(
    mongo_store: MongoStore, collections: Collections[dict[str, Any]]
) -> None:
    first = mongo_store.users.add(user(password_hash="x"))
    collections.users.update_one({}, {"$set": {"role": "user"}, "$unset": {"founder": 1}})
    collections.meta.delete_one({"_id": "founder"})
    mongo_store.open()
    assert mongo_store.users.administrators() == [first]


def test_a_room_that_was_kept_halfway_can_be_kept_again(
    mongo_store: MongoStore, collections: Collections[dict[str, Any]]
) -> None:
    made, members = direct(new_id(), new_id())
    mongo_store.rooms.add(made, members)
    collections.rooms.delete_one({"_id": key_of(made.id)})
    assert mongo_store.rooms.of_user(members[0].user, limit=5) == []
    assert mongo_store.rooms.direct(made, members) == (made, True)
    assert mongo_store.rooms.members(made.id) == members


def test_a_room_that_was_deleted_halfway_can_be_deleted_again(
    mongo_store: MongoStore, collections: Collections[dict[str, Any]]
) -> None:
    room = add_room(mongo_store, new_id())
    add_messages(mongo_store, room.id, 2)
    collections.messages.delete_many({"room": key_of(room.id)})
    assert mongo_store.rooms.delete(room.id) is True
    assert mongo_store.rooms.members(room.id) == []


def test_what_is_said_while_a_room_is_deleted_goes_with_it(
    mongo_store: MongoStore,
    collections: Collections[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room, other = add_room(mongo_store), add_room(mongo_store)
    empty = rooms_module._empty

    def overtaken(inside: Collections[dict[str, Any]], room_id: str) -> None:
        empty(inside, room_id)
        monkeypatch.undo()
        say(mongo_store, message(room.id, 1))
        mongo_store.rooms.join(member(room.id, new_id()))

    say(mongo_store, message(other.id, 1))
    monkeypatch.setattr(rooms_module, "_empty", overtaken)
    assert mongo_store.rooms.delete(room.id)
    assert collections.messages.count_documents({"room": key_of(room.id)}) == 0
    assert collections.memberships.count_documents({"room": key_of(room.id)}) == 0
    assert mongo_store.messages.counters(other.id).seq == 1


def test_what_is_said_as_a_room_is_gone_is_taken_back_and_the_rest_can_be_said_again(
    mongo_store: MongoStore,
    collections: Collections[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room, other = add_room(mongo_store), add_room(mongo_store)
    write = committing._write

    def overtaken(inside: Collections[dict[str, Any]], prepared: Any) -> None:
        monkeypatch.undo()
        mongo_store.rooms.delete(room.id)
        write(inside, prepared)

    monkeypatch.setattr(committing, "_write", overtaken)
    rest = NewMessage(message(other.id, 1))
    with pytest.raises(NotFound):
        mongo_store.commit([NewMessage(message(room.id, 1)), rest])
    assert collections.messages.count_documents({"room": key_of(room.id)}) == 0
    assert mongo_store.commit([rest]) == [Stored(rest.message)]


def test_a_room_that_was_seen_is_not_looked_for_in_the_next_batch(
    mongo_store: MongoStore, collections: Collections[dict[str, Any]]
) -> None:
    room = add_room(mongo_store)
    say(mongo_store, message(room.id, 1))
    collections.rooms.delete_one({"_id": key_of(room.id)})  # as another process would
    second = message(room.id, 2)
    assert say(mongo_store, second) == [Stored(second)]
    mongo_store.open()
    with pytest.raises(NotFound):
        say(mongo_store, message(room.id, 3))
    assert collections.messages.count_documents({"room": key_of(room.id)}) == 0


def test_whoever_comes_as_a_room_is_gone_does_not_stay(
    mongo_store: MongoStore,
    collections: Collections[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room, keep = add_room(mongo_store), rooms_module.kept

    def overtaken(*args: Any) -> Any:
        mongo_store.rooms.delete(room.id)
        return keep(*args)

    monkeypatch.setattr(rooms_module, "kept", overtaken)
    with pytest.raises(NotFound):
        mongo_store.rooms.join(member(room.id, new_id()))
    assert collections.memberships.count_documents({"room": key_of(room.id)}) == 0


def test_a_client_id_that_a_rival_uses_in_between_is_a_duplicate(
    mongo_store: MongoStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = add_room(mongo_store)
    rival = message(room.id, 1)
    again = message(room.id, 1, sender=rival.sender, client_id=rival.client_id)
    behind = message(room.id, 2)
    overtake(monkeypatch, rival, mongo_store)
    with pytest.raises(Taken):  # the numbers behind a duplicate move down to where the rival is
        say(mongo_store, again, behind)
    assert say(mongo_store, replace(again, seq=2, rev=2)) == [Duplicate(rival)]


def test_a_client_id_that_a_rival_uses_elsewhere_lets_the_batch_close_up(
    mongo_store: MongoStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, other = add_room(mongo_store), add_room(mongo_store)
    rival = message(other.id, 1)
    ahead = message(room.id, 1)
    again = message(room.id, 2, sender=rival.sender, client_id=rival.client_id)
    behind = message(room.id, 3)
    moved = replace(behind, seq=2, rev=2)
    overtake(monkeypatch, rival, mongo_store)
    outcomes = say(mongo_store, ahead, again, behind)
    assert outcomes == [Stored(ahead), Duplicate(rival), Stored(moved)]
    assert mongo_store.messages.history(room.id, limit=5) == [ahead, moved]


def test_a_number_that_a_rival_uses_in_between_is_taken(
    mongo_store: MongoStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = add_room(mongo_store)
    rival, said = message(room.id, 2), [message(room.id, 1), message(room.id, 2)]
    overtake(monkeypatch, rival, mongo_store)
    with pytest.raises(Taken) as refusal:
        say(mongo_store, *said)
    assert refusal.value.field == "number"
    assert mongo_store.messages.history(room.id, limit=5) == [said[0], rival]


def test_a_change_that_a_frozen_server_carries_out_late_undoes_nothing(
    mongo_store: MongoStore, collections: Collections[dict[str, Any]]
) -> None:
    room = add_room(mongo_store)
    said = message(room.id, 1)
    late, newest = replace(said, rev=2, text="late"), replace(said, rev=3, text="newest")
    mongo_store.commit([NewMessage(said), ChangedMessage(late)])
    mongo_store.commit([ChangedMessage(newest)])
    update = committing._change(late)
    assert isinstance(update, UpdateOne)
    assert collections.messages.bulk_write([update]).matched_count == 0
    assert mongo_store.messages.get(said.id) == newest


def test_a_batch_that_was_stored_already_is_made_durable_before_the_answer(
    mongo_store: MongoStore, collections: Collections[dict[str, Any]]
) -> None:
    room = add_room(mongo_store)
    said = message(room.id, 1)
    collections.messages.insert_one(message_document(said))
    assert say(mongo_store, said) == [Stored(said)]
    assert collections.meta.find_one({"_id": "flush"}) == {"_id": "flush", "count": 1}


def test_marks_that_are_refused_leave_the_outcome_open(
    mongo_store: MongoStore, collections: Collections[dict[str, Any]]
) -> None:
    someone = new_id()
    room = add_room(mongo_store, someone)
    said = message(room.id, 1)
    batch = [NewMessage(said), MovedMark(room.id, someone, 1, 1)]
    rule = {"read": {"$lt": 1}}
    collections.command("collMod", "memberships", validator=rule)
    try:
        with pytest.raises(Unavailable):
            mongo_store.commit(batch)
    finally:
        collections.command("collMod", "memberships", validator={})
    assert mongo_store.messages.get(said.id) == said
    assert mongo_store.commit(batch) == [Stored(said), Stored()]


def test_messages_that_are_refused_before_anything_is_written_are_refused(
    mongo_store: MongoStore, collections: Collections[dict[str, Any]]
) -> None:
    room = add_room(mongo_store)
    collections.command("collMod", "messages", validator={"text": {"$ne": "refused"}})
    try:
        with pytest.raises(Refused):
            say(mongo_store, message(room.id, 1, text="refused"))
        with pytest.raises(Unavailable):
            say(mongo_store, message(room.id, 1), message(room.id, 2, text="refused"))
    finally:
        collections.command("collMod", "messages", validator={})


def test_content_has_every_field_that_can_change() -> None:
    fixed = {"_id", "room", "seq", "sender", "client_id", "same", "reply_to", "created"}
    said = message(new_id(), 1)
    assert message_document(said).keys() - content_document(said).keys() == fixed
