"""Rooms and memberships in MongoDB."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Unpack

from pymongo import ASCENDING, DESCENDING, ReturnDocument, UpdateOne
from pymongo.database import Database as Collections

from models.contract.rooms import MembershipChange, RoomChange
from models.mongo.database import Database, kept, page
from models.mongo.documents import (
    Document,
    hint_document,
    key_of,
    membership_document,
    membership_key,
    membership_of,
    room_document,
    room_of,
)
from models.mongo.errors import translated
from models.mongo.handing import finish_all, hand_over
from models.records import EVERYONE, Hint, Membership, Room, RoomRole, is_id
from models.store import NotFound, Refused, Taken

_NOT_THE_OWNER: Document = {"$ne": "owner"}

_LATEST_FIRST = [("active", DESCENDING), ("_id", DESCENDING)]


class MongoRooms:
    """The rooms and who is in them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, room: Room, members: Sequence[Membership]) -> None:
        """Keep a new room with its members."""
        with self._database.use() as collections:
            _add(collections, room, members)

    def direct(self, room: Room, members: Sequence[Membership]) -> tuple[Room, bool]:
        """Find or make a direct room."""
        with self._database.use() as collections:
            there = collections.rooms.find_one({"pair": room.pair})
            if there is not None:
                return room_of(there), False
            try:
                _add(collections, room, members)
            except Taken:
                there = collections.rooms.find_one({"pair": room.pair})
                if there is None:
                    raise
                return room_of(there), False
            return room, True

    def get(self, room_id: str) -> Room | None:
        """The room of an id."""
        with self._database.use() as collections:
            finish_all(collections)
            found = collections.rooms.find_one({"_id": key_of(room_id)})
        return None if found is None else room_of(found)

    def of_pair(self, pair: str) -> Room | None:
        """The direct room of a pair."""
        with self._database.use() as collections:
            room = collections.rooms.find_one({"pair": pair})
        return None if room is None else room_of(room)

    def change(self, room_id: str, **changes: Unpack[RoomChange]) -> Room:
        """Change some fields of a room."""
        with self._database.use() as collections:
            room = collections.rooms.find_one_and_update(
                {"_id": key_of(room_id)},
                {"$set": dict(changes)},
                return_document=ReturnDocument.AFTER,
            )
        if room is None:
            raise NotFound("the room does not exist")
        return room_of(room)

    def delete(self, room_id: str) -> bool:
        """Remove a room behind what is in it: until then the deletion can be repeated.

        What comes in between is removed behind it, and what comes even later removes itself, since
        whoever writes to a room looks once more whether it is there.
        """
        with (
            self._database.deleting(room_id),
            self._database.use() as collections,
        ):
            _empty(collections, room_id)
            was_there = collections.rooms.delete_one({"_id": key_of(room_id)}).deleted_count > 0
            self._database.behind(partial(_empty, room_id=room_id))
        return was_there

    def of_user(
        self, user_id: str, *, before: tuple[datetime, str] | None = None, limit: int
    ) -> list[tuple[Room, Membership]]:
        """The rooms of a user."""
        with self._database.use() as collections:
            finish_all(collections)
            theirs = {
                membership["room"]: membership
                for membership in collections.memberships.find(
                    {"user": key_of(user_id), "hidden": False, "room": {"$ne": key_of(EVERYONE)}}
                )
            }
            wanted = {"$and": [{"_id": {"$in": list(theirs)}}, _older(before)]}
            found = page(collections.rooms.find(wanted).sort(_LATEST_FIRST), limit)
        return [(room_of(room), membership_of(theirs[room["_id"]])) for room in found]

    def public(self, *, before: tuple[datetime, str] | None = None, limit: int) -> list[Room]:
        """The public rooms."""
        wanted = {"$and": [{"kind": "public", "_id": {"$ne": key_of(EVERYONE)}}, _older(before)]}
        with self._database.use() as collections:
            found = page(collections.rooms.find(wanted).sort(_LATEST_FIRST), limit)
        return [room_of(room) for room in found]

    def shown_to(self, user_id: str) -> list[str]:
        """The rooms of a user, and the one of everybody."""
        theirs = {"user": key_of(user_id), "hidden": False}
        with self._database.use() as collections:
            found = list(collections.memberships.find(theirs, {"_id": 0, "room": 1}))
        return sorted({EVERYONE, *(str(membership["room"]) for membership in found)})

    def hint(self, hints: dict[str, Hint]) -> None:
        """Note the last message of each room."""
        with self._database.use() as collections:
            updates = [
                UpdateOne(
                    {"_id": key_of(room), "hint.rev": {"$not": {"$gte": hint.rev}}},
                    {"$set": {"hint": hint_document(hint)}, "$max": {"active": hint.at}},
                )
                for room, hint in hints.items()
            ]
            if updates:
                collections.rooms.bulk_write(updates)

    def members(
        self, room_id: str, *, after: str | None = None, limit: int | None = None
    ) -> list[Membership]:
        """The memberships of a room."""
        wanted: Document = {"room": key_of(room_id)}
        if after is not None:
            wanted["user"] = {"$gt": key_of(after)}
        with self._database.use() as collections:
            finish_all(collections)
            found = page(collections.memberships.find(wanted).sort("user", ASCENDING), limit)
        return [membership_of(membership) for membership in found]

    def member(self, room_id: str, user_id: str) -> Membership | None:
        """One membership."""
        with self._database.use() as collections:
            finish_all(collections)
            found = collections.memberships.find_one(membership_key(room_id, user_id))
        return None if found is None else membership_of(found)

    def join(self, membership: Membership) -> Membership:
        """Make somebody a member."""
        key = membership_key(membership.room, membership.user)
        with self._database.use() as collections:
            _require_room(collections, membership.room)
            there = kept(collections.memberships, key, membership_document(membership))
            try:
                _require_room(collections, membership.room)
            except NotFound:  # it was deleted meanwhile
                collections.memberships.delete_one(key)
                raise
        return membership_of(there)

    def change_member(
        self, room_id: str, user_id: str, **changes: Unpack[MembershipChange]
    ) -> Membership:
        """Change some fields of a membership."""
        key = membership_key(room_id, user_id)
        wanted: Document = {}
        if "role" in changes:
            wanted["role"] = "owner" if changes["role"] == "owner" else _NOT_THE_OWNER
        with self._database.use() as collections:
            if wanted:
                finish_all(collections)
            membership = collections.memberships.find_one_and_update(
                {**key, **wanted}, {"$set": dict(changes)}, return_document=ReturnDocument.AFTER
            )
            if membership is None and _is_there(collections, key):
                raise Refused("an owner hands the room over")
        if membership is None:
            raise NotFound("the membership does not exist")
        return membership_of(membership)

    def hand_over(self, room_id: str, user_id: str, heir_id: str, *, role: RoomRole | None) -> None:
        """Make another member the owner."""
        with self._database.use() as collections:
            hand_over(collections, room_id, user_id, heir_id, role)

    def leave(self, room_id: str, user_id: str) -> bool:
        """End a membership."""
        with self._database.use() as collections:
            finish_all(collections)
            key = membership_key(room_id, user_id)
            if collections.memberships.delete_one({**key, "role": _NOT_THE_OWNER}).deleted_count:
                return True
            if _is_there(collections, key):
                raise Refused("an owner hands the room over")
        return False


def _add(collections: Collections[Document], room: Room, members: Sequence[Membership]) -> None:
    """Keep the members first and the room last, for nothing leads to members without a room."""
    if collections.rooms.find_one({"_id": key_of(room.id)}, {"_id": 1}) is not None:
        raise Taken("id")
    if members:
        collections.memberships.bulk_write([
            UpdateOne(
                membership_key(member.room, member.user),
                {"$setOnInsert": membership_document(member)},
                upsert=True,
            )
            for member in members
        ])  # fmt: skip
    try:
        with translated():
            collections.rooms.insert_one(room_document(room))
    except Taken as taken:
        # Not where the id is taken: then the members are those of a room that is there.
        if taken.field == "pair":
            collections.memberships.delete_many({"room": key_of(room.id)})
        raise


def _empty(collections: Collections[Document], room_id: str) -> None:
    collections.messages.delete_many({"room": key_of(room_id)})
    collections.memberships.delete_many({"room": key_of(room_id)})


def _is_there(collections: Collections[Document], membership: Document) -> bool:
    return collections.memberships.find_one(membership, {"_id": 1}) is not None


def _require_room(collections: Collections[Document], room_id: str) -> None:
    if collections.rooms.find_one({"_id": key_of(room_id)}, {"_id": 1}) is None:
        raise NotFound("the room does not exist")


def _older(before: tuple[datetime, str] | None) -> Document:
    if before is None:
        return {}
    active, room = before
    if not is_id(room):
        return {"_id": {"$in": []}}
    return {
        # The first bound says nothing new, but it is the one that an index can follow.
        "active": {"$lte": active},
        "$or": [{"active": {"$lt": active}}, {"_id": {"$lt": key_of(room)}}],
    }
