"""Writing a batch to MongoDB, which has no transactions where it runs alone.

What stands in for one: every write may be repeated without doing anything twice, and they are done
in order. So a batch that broke off has written a prefix, and the same batch again completes it.
"""

from collections.abc import Sequence
from functools import partial

from msgspec import Struct
from pymongo import InsertOne, UpdateOne
from pymongo.collection import Collection
from pymongo.database import Database as Collections
from pymongo.errors import BulkWriteError, DuplicateKeyError
from pymongo.read_concern import ReadConcern

from models.batch import ClientKey, Plan, client_key, client_keys, done_calls, parted, plan
from models.mongo.database import Database
from models.mongo.documents import (
    UNREAD,
    Document,
    content_document,
    key_of,
    keys_of,
    membership_key,
    message_document,
    message_of,
    same_key,
)
from models.mongo.errors import is_duplicate
from models.mongo.known_rooms import Look
from models.records import EVERYONE, Message, now
from models.store import (
    ChangedMessage,
    MessageWrite,
    MovedMark,
    NewMessage,
    NotFound,
    Outcome,
    Taken,
    Unavailable,
    Write,
)


class _Prepared(Struct, frozen=True):
    """A batch as MongoDB takes it, what it comes to, and how many firsts were known for that."""

    batch: Plan
    firsts: int
    messages: list[Document | UpdateOne]
    marks: list[UpdateOne]


def commit(database: Database, writes: Sequence[Write], *, later: bool) -> list[Outcome]:
    """Write a batch; in a transaction only where keyed calls are done by it, for it costs more."""
    look = database.known_rooms.look()
    calls = done_calls(writes)
    if not calls:
        prepared = _prepare(writes, {}, later=later)
        with database.use() as collections:
            return _written(collections, _local(collections), look, writes, prepared, later=later)
    outcomes = database.finish(calls, partial(_commit_within, database, look, writes, later=later))
    with database.use() as collections:
        # Once more, for a transaction does not see what was deleted since it began.
        _require_rooms(collections, look, writes)
    return outcomes


def _commit_within(
    database: Database, look: Look, writes: Sequence[Write], *, later: bool
) -> list[Outcome]:
    """Write a batch where there may be a transaction, which ends when anything is refused."""
    with database.use() as collections:
        known = collections.messages.with_options(read_concern=ReadConcern())
        prepared = _prepare(writes, _firsts(known, client_keys(writes)), later=later)
        return _written(collections, known, look, writes, prepared, later=later)


def _local(collections: Collections[Document]) -> Collection[Document]:
    """Messages with what is not durable yet: an earlier attempt may be on its way to the disk."""
    return collections.messages.with_options(read_concern=ReadConcern("local"))


def _written(
    collections: Collections[Document],
    known: Collection[Document],
    look: Look,
    writes: Sequence[Write],
    prepared: _Prepared,
    *,
    later: bool,
) -> list[Outcome]:
    """Write a batch, and again from the top when it turns out that client ids were used before.

    What is `known` is asked only then: to ask first for 400 messages took 8 of the 49 ms of their
    commit, and the index tells of it anyway.
    """
    while True:
        batch = prepared.batch
        _require_newer(collections, batch.writes)
        try:
            _write(collections, prepared)
        except (BulkWriteError, DuplicateKeyError) as error:
            firsts = _firsts(known, client_keys(writes))
            if is_duplicate(error) and len(firsts) > prepared.firsts:
                prepared = _prepare(writes, firsts, later=later)
                continue
            raise
        # Also those of what an earlier attempt has written, which may have broken off before this.
        _require_rooms(collections, look, writes)
        if writes and not batch.writes:
            _flush(collections)
        return batch.outcomes


def withdraw(
    collections: Collections[Document], writes: Sequence[MessageWrite], above: int
) -> None:
    """Take the ids of new messages, and stamp the others.

    A message that has not landed leaves an empty one in a room that does not exist, because what
    holds up an insertion that comes late is a document under its id, and nothing else.
    """
    new, changed = parted(writes)
    updates = [_place(message) for message in new]
    for rev, message in enumerate(changed, start=above + 1):
        there = {"_id": key_of(message.id), "room": key_of(message.room), "rev": {"$lte": above}}
        updates.append(UpdateOne(there, {"$set": {"rev": rev}}))
    if updates:
        collections.messages.bulk_write(updates)


def _place(message: Message) -> UpdateOne:
    empty = Message(
        id=message.id,
        room=message.id,
        seq=0,
        rev=0,
        sender=message.id,
        client_id="",
        text="",
        created=message.created,
        deleted=message.created,
    )
    document = message_document(empty)
    return UpdateOne({"_id": document.pop("_id")}, {"$setOnInsert": document}, upsert=True)


def _firsts(messages: Collection[Document], keys: list[ClientKey]) -> dict[ClientKey, Message]:
    if not keys:
        return {}
    wanted = {"same": {"$in": [same_key(sender, client_id) for sender, client_id in keys]}}
    found = map(message_of, messages.find(wanted, UNREAD))
    return {client_key(message): message for message in found}


def _require_rooms(collections: Collections[Document], look: Look, writes: Sequence[Write]) -> None:
    """Take back what was written to rooms that do not exist, perhaps no more."""
    unknown = look.unknown({w.message.room for w in writes if isinstance(w, NewMessage)})
    if unknown and (gone := missing_rooms(collections, look, unknown)):
        collections.messages.delete_many({"room": {"$in": keys_of(gone)}})
        raise NotFound("the room does not exist")


def missing_rooms(collections: Collections[Document], look: Look, rooms: set[str]) -> set[str]:
    """Look for rooms; those that do not exist."""
    # All in one answer: of more than a hundred MongoDB would give the rest in a second one.
    wanted = {"_id": {"$in": keys_of(rooms)}}
    found = collections.rooms.find(wanted, {"_id": 1}, batch_size=len(rooms) + 1)
    there = {str(room["_id"]) for room in found}
    look.note(there)
    return rooms - there


def _require_newer(collections: Collections[Document], writes: Sequence[Write]) -> None:
    revs = {
        key_of(write.message.id): write.message.rev
        for write in writes
        if isinstance(write, ChangedMessage)
    }
    if not revs:
        return
    for kept in collections.messages.find({"_id": {"$in": list(revs)}}, {"rev": 1}):
        if kept["rev"] > revs[kept["_id"]]:
            raise Taken("number")


def _prepare(
    writes: Sequence[Write], firsts: dict[ClientKey, Message], *, later: bool
) -> _Prepared:
    prepared = _Prepared(plan(writes, firsts), len(firsts), [], [])
    for write in prepared.batch.writes:
        match write:
            case NewMessage(message):
                prepared.messages.append(message_document(message, later=later))
            case ChangedMessage(message):
                prepared.messages.append(_change(message))
            case MovedMark():
                prepared.marks.append(_mark(write))
    return prepared


def _write(collections: Collections[Document], prepared: _Prepared) -> None:
    # One ordered batch, though a run of one kind would be faster: whoever reads the changes of a
    # room in the middle of it must never see a `rev` before all smaller ones are there.
    match prepared.messages:
        case []:
            pass
        case [dict() as alone]:
            # As nearly every message comes, where not much is said: 0.06 ms less than as a batch.
            collections.messages.insert_one(alone)
        case messages:
            collections.messages.bulk_write([_operation(one) for one in messages])
    if prepared.marks:
        try:
            collections.memberships.bulk_write(prepared.marks)
        except BulkWriteError as error:
            raise Unavailable("the marks of a batch were not written") from error


def _operation(message: Document | UpdateOne) -> InsertOne[Document] | UpdateOne:
    return InsertOne(message) if isinstance(message, dict) else message


def _change(message: Message) -> UpdateOne:
    # The condition on `rev` is for an earlier attempt that a frozen server carries out late: it
    # must not undo what has come after it.
    return UpdateOne(
        {"_id": key_of(message.id), "rev": {"$lte": message.rev}},
        {"$set": content_document(message)},
    )


def _mark(mark: MovedMark) -> UpdateOne:
    membership = membership_key(mark.room, mark.user)
    moved: Document = {"$max": {"delivered": mark.delivered, "read": mark.read}}
    if mark.room != EVERYONE:
        return UpdateOne(membership, moved)
    made = {"role": "member", "joined": now(), "muted": False, "hidden": False}
    return UpdateOne(membership, {**moved, "$setOnInsert": made}, upsert=True)


def _flush(collections: Collections[Document]) -> None:
    """Make durable what was only read: all that was written before a write is durable with it."""
    collections.meta.update_one({"_id": "flush"}, {"$inc": {"count": 1}}, upsert=True)
