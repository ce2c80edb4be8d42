"""The calls that came with a key, in MongoDB."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from models.mongo.database import Database, kept
from models.mongo.documents import Document, key_of, keyed_call_document, keyed_call_of
from models.records import KeyedCall

T = TypeVar("T")


class MongoKeyedCalls:
    """The calls that came with a key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, call: KeyedCall, *, before: datetime) -> KeyedCall:
        """Keep a call unless it is there."""
        document = keyed_call_document(call)
        wanted = {"_id": document["_id"]}
        with self._database.use() as collections:
            collections.keyed_calls.delete_one({**wanted, "created": {"$lt": before}})
            return keyed_call_of(kept(collections.keyed_calls, wanted, document))

    def get(self, call_id: str) -> KeyedCall | None:
        """The call of an id."""
        with self._database.use() as collections:
            found = collections.keyed_calls.find_one({"_id": key_of(call_id)})
        return None if found is None else keyed_call_of(found)

    def finish(self, call_id: str, write: Callable[[], T]) -> T:
        """Write, and note in the same transaction that a call is done."""
        return self._database.finish([call_id], write)

    def answer(self, call_id: str, status: int, body: bytes) -> None:
        """Note the answer to a call."""
        with self._database.use() as collections:
            collections.keyed_calls.update_one(
                {"_id": key_of(call_id), "status": 0}, {"$set": {"status": status, "body": body}}
            )

    def forget(self, call_id: str) -> None:
        """Forget a call of which nothing has come."""
        unwritten: Document = {"_id": key_of(call_id), "status": 0, "progress": "begun"}
        with self._database.use() as collections:
            collections.keyed_calls.delete_one(unwritten)

    def count(self, owner: str) -> int:
        """Count the calls of an owner."""
        with self._database.use() as collections:
            return collections.keyed_calls.count_documents({"owner": owner})

    def sweep(self, before: datetime) -> int:
        """Forget the calls that came before a moment."""
        with self._database.use() as collections:
            return collections.keyed_calls.delete_many({"created": {"$lt": before}}).deleted_count
