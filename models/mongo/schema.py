"""The indexes, and the steps that lead older data here; a released step is never changed.

The document `schema` of the collection `meta` counts the steps that a database has taken. A step
may run twice (when the process was killed behind it, or two started at once), so it must be able
to; one that has much to do does a part of it, and tells whether there is more. Indexes are ensured
at every start: without the unique ones no promise of a store would hold.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

from bson import ObjectId
from pymongo import ASCENDING, DESCENDING, IndexModel, UpdateOne
from pymongo.database import Database as Collections
from pymongo.errors import OperationFailure

from models.mongo.documents import Document, index_tokens, key_of, message_of, room_document
from models.records import EVERYONE, Room, look_of

log = logging.getLogger("hubbub.store")

# The messages that show uploads; a query must say so too, for its index to be used.
SHOWING: Document = {"attachments.0": {"$exists": True}}

# The messages that mention somebody, likewise.
NAMING: Document = {"mentions.0": {"$exists": True}}

# The index of words, which a search names, for MongoDB might take another for it.
SEARCH = "search"

# Older messages are made searchable in steps of a second or so.
_STEP = 5_000
_FIRST = ObjectId(b"\0" * 12)

# The rooms whose owner is changing; a query must say so too, for its index to be used.
HANDING: Document = {"handing.number": {"$exists": True}}

INDEXES: Mapping[str, tuple[IndexModel, ...]] = {
    "users": (
        IndexModel("name_key", unique=True),
        # Partial, because those that looked alike before this was here may stay.
        IndexModel("look_key", unique=True, partialFilterExpression={"look_key": {"$type": 2}}),
        # Partial, because most users have none and `null` would be unique too.
        IndexModel("email_key", unique=True, partialFilterExpression={"email_key": {"$type": 2}}),
        IndexModel("role", partialFilterExpression={"role": "admin"}),
    ),
    "sessions": (
        IndexModel([("user", ASCENDING), ("created", DESCENDING), ("_id", DESCENDING)]),
        IndexModel("expires"),
    ),
    "rooms": (
        IndexModel("pair", unique=True, partialFilterExpression={"pair": {"$type": 2}}),
        IndexModel(
            [("active", DESCENDING), ("_id", DESCENDING)],
            partialFilterExpression={"kind": "public"},
        ),
        # Nearly always empty: what holds is handed over at the moment.
        IndexModel("handing.number", partialFilterExpression=HANDING),
    ),
    "memberships": (
        IndexModel([("room", ASCENDING), ("user", ASCENDING)], unique=True),
        IndexModel("user"),
    ),
    "messages": (
        IndexModel([("room", ASCENDING), ("seq", ASCENDING)], unique=True),
        IndexModel([("room", ASCENDING), ("rev", ASCENDING)], unique=True),
        IndexModel("same", unique=True),
        # Partial, so that a message without attachments costs nothing.
        IndexModel(
            [("attachments", ASCENDING), ("room", ASCENDING)], partialFilterExpression=SHOWING
        ),
        IndexModel(
            [("room", ASCENDING), ("attachments", ASCENDING)], partialFilterExpression=SHOWING
        ),
        # Under a name: there is another index of these fields.
        IndexModel(
            [("room", ASCENDING), ("seq", ASCENDING)],
            name="pinned",
            partialFilterExpression={"pinned": True},
        ),
        IndexModel(
            [("room", ASCENDING), ("seq", ASCENDING)],
            name="naming",
            partialFilterExpression=NAMING,
        ),
        IndexModel(
            [
                ("tokens", ASCENDING),
                ("room", ASCENDING),
                ("created", DESCENDING),
                ("_id", DESCENDING),
            ],
            name=SEARCH,
        ),
    ),
    "uploads": (
        IndexModel([("owner", ASCENDING), ("_id", ASCENDING)]),
        IndexModel("sha256"),
    ),
    "keyed_calls": (IndexModel("owner"), IndexModel("created")),
}


def _everyone(collections: Collections[Document]) -> None:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    room = Room(id=EVERYONE, kind="public", name="everyone", created=epoch, active=epoch)
    collections.rooms.update_one(
        {"_id": key_of(EVERYONE)}, {"$setOnInsert": room_document(room)}, upsert=True
    )


def _told_of_users(collections: Collections[Document]) -> None:
    told = {"receipts": True, "invisible": False}
    collections.users.update_many({"receipts": {"$exists": False}}, {"$set": told})


def _looks_of_uploads(collections: Collections[Document]) -> None:
    look = {"$set": {"placeholder": None}, "$unset": {"rooms": ""}}
    collections.uploads.update_many({"placeholder": {"$exists": False}}, look)


def _searchable(collections: Collections[Document]) -> bool:
    """Give some messages their tokens; goes on where it broke off."""
    progress = collections.meta.find_one({"_id": SEARCH}) or {"done": _FIRST, "count": 0}
    behind = {"_id": {"$gt": progress["done"]}}
    messages = list(collections.messages.find(behind).sort("_id", ASCENDING).limit(_STEP))
    if not messages:
        return False
    updates = [
        UpdateOne({"_id": one["_id"]}, {"$set": {"tokens": index_tokens(message_of(one))}})
        for one in messages
    ]
    collections.messages.bulk_write(updates, ordered=False)
    done = {"done": messages[-1]["_id"], "count": progress["count"] + len(messages)}
    collections.meta.update_one({"_id": SEARCH}, {"$set": done}, upsert=True)
    total = collections.messages.estimated_document_count()
    log.info("making messages searchable: %d of %d", done["count"], total)
    return True


def _comparable(collections: Collections[Document]) -> bool:
    """Note how some names look; of those that look alike already, the older one stands for them."""
    wanted: Document = {"look_key": {"$exists": False}}
    users = list(collections.users.find(wanted, {"name": 1}).sort("_id", ASCENDING).limit(_STEP))
    if not users:
        return False
    looks = {user["_id"]: look_of(user["name"]) for user in users}
    there = {"look_key": {"$in": list(set(looks.values()))}}
    stands = {user["look_key"]: user["_id"] for user in collections.users.find(there)}
    updates = [
        UpdateOne(
            {"_id": user, **wanted},
            {"$set": {"look_key": look if stands.setdefault(look, user) == user else None}},
        )
        for user, look in looks.items()
    ]
    collections.users.bulk_write(updates, ordered=False)
    return True


def _same(collections: Collections[Document]) -> bool:
    """Put what makes a message the same into one field, which the index is on from now on.

    Goes on where it broke off: to look for those without it would be to look at all, each time.
    """
    progress = collections.meta.find_one({"_id": "same"}) or {"done": _FIRST, "count": 0}
    behind = {"_id": {"$gt": progress["done"]}}
    keys = collections.messages.find(behind, {"_id": 1}).sort("_id", ASCENDING).limit(_STEP)
    if some := [one["_id"] for one in keys]:
        same = {"$concat": [{"$toString": "$sender"}, "$client_id"]}
        step = {"_id": {"$gt": progress["done"], "$lte": some[-1]}}
        collections.messages.update_many(step, [{"$set": {"same": same}}])
        done = {"done": some[-1], "count": progress["count"] + len(some)}
        collections.meta.update_one({"_id": "same"}, {"$set": done}, upsert=True)
        total = collections.messages.estimated_document_count()
        log.info("noting what makes messages the same: %d of %d", done["count"], total)
        return True
    with suppress(OperationFailure):  # it was dropped, or never there
        collections.messages.drop_index("sender_1_client_id_1")
    return False


MIGRATIONS: tuple[Callable[[Collections[Document]], bool | None], ...] = (
    # 1: the room of everybody
    _everyone,
    # 2: what others are told of somebody
    _told_of_users,
    # 3: how uploads look; the messages say where they are shown
    _looks_of_uploads,
    # 4: the index of words
    _searchable,
    # 5: how names look
    _comparable,
    # 6: what makes a message the same
    _same,
)
