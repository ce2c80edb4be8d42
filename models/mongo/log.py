"""The log in MongoDB: one document an entry."""

from collections.abc import Collection, Iterator, Sequence

from bson import ObjectId
from pymongo import ASCENDING, ReturnDocument

from models.mongo.commit import missing_rooms
from models.mongo.database import Database
from models.mongo.documents import keys_of, same_key
from models.records import Message


class MongoLog:
    """The entries, in a collection of their own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, entry_id: str, body: bytes) -> None:
        """Keep an entry."""
        with self._database.use() as collections:
            collections.log.insert_one({"_id": ObjectId(entry_id), "body": body})

    def withdraw(self, entry_id: str) -> bool:
        """Look for an entry, and put an empty one in its place: a write, so both are durable."""
        with self._database.use() as collections:
            found = collections.log.find_one_and_update(
                {"_id": ObjectId(entry_id)},
                {"$setOnInsert": {"body": b""}, "$inc": {"looks": 1}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        assert found is not None  # noqa: S101 - an upsert finds what it has made
        return bool(found["body"])

    def entries(self) -> Iterator[tuple[str, bytes]]:
        """All entries, by id."""
        after = ObjectId(b"\0" * 12)
        while True:
            with self._database.use() as collections:
                found = collections.log.find_one({"_id": {"$gt": after}}, sort=[("_id", ASCENDING)])
            if found is None:
                return
            after = found["_id"]
            yield str(after), found["body"]

    def remove(self, entry_ids: Collection[str]) -> None:
        """Forget entries."""
        with self._database.use() as collections:
            collections.log.delete_many({"_id": {"$in": keys_of(entry_ids)}})

    def is_news(self, messages: Sequence[Message]) -> bool:
        """Look for the client ids by their one index."""
        keys = [same_key(message.sender, message.client_id) for message in messages]
        with self._database.use() as collections:
            return collections.messages.find_one({"same": {"$in": keys}}, {"_id": 1}) is None

    def has_rooms(self, rooms: Collection[str]) -> bool:
        """Look for those that are not known."""
        look = self._database.known_rooms.look()
        unknown = look.unknown(rooms)
        if not unknown:
            return True
        with self._database.use() as collections:
            return not missing_rooms(collections, look, unknown)
