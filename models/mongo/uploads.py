"""The records of files in MongoDB."""

from collections.abc import Iterable

from pymongo import ASCENDING

from models.mongo.database import Database, page
from models.mongo.documents import Document, ids_of, key_of, keys_of, upload_document, upload_of
from models.mongo.schema import SHOWING
from models.records import EVERYONE, Upload


class MongoUploads:
    """The records of files."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, upload: Upload) -> None:
        """Keep a new record."""
        with self._database.use() as collections:
            collections.uploads.insert_one(upload_document(upload))

    def get(self, upload_id: str) -> Upload | None:
        """The upload of an id."""
        with self._database.use() as collections:
            found = collections.uploads.find_one({"_id": key_of(upload_id)})
        return None if found is None else upload_of(found)

    def many(self, upload_ids: Iterable[str]) -> dict[str, Upload]:
        """The uploads of these ids."""
        with self._database.use() as collections:
            found = list(collections.uploads.find({"_id": {"$in": keys_of(upload_ids)}}))
        return {upload.id: upload for upload in map(upload_of, found)}

    def page(self, *, after: str | None = None, limit: int) -> list[Upload]:
        """Everybody's uploads."""
        return self._page({}, after, limit)

    def of_owner(self, user_id: str, *, after: str | None = None, limit: int) -> list[Upload]:
        """A user's uploads."""
        return self._page({"owner": key_of(user_id)}, after, limit)

    def used(self, user_id: str) -> int:
        """The bytes of a user's uploads."""
        steps: list[Document] = [
            {"$match": {"owner": key_of(user_id)}},
            {"$group": {"_id": None, "used": {"$sum": "$size"}}},
        ]
        with self._database.use() as collections:
            return sum(int(group["used"]) for group in collections.uploads.aggregate(steps))

    def has_content(self, sha256: str) -> bool:
        """Look for an upload of a content."""
        with self._database.use() as collections:
            return collections.uploads.find_one({"sha256": sha256}, {"_id": 1}) is not None

    def rooms(self, upload_id: str) -> list[str]:
        """The rooms where a message shows an upload."""
        with self._database.use() as collections:
            shown = {"attachments": key_of(upload_id), **SHOWING}
            return sorted(ids_of(collections.messages.distinct("room", shown)))

    def shown_in(self, room_id: str) -> list[str]:
        """The uploads that the messages of a room show."""
        with self._database.use() as collections:
            shown = {"room": key_of(room_id), **SHOWING}
            return sorted(ids_of(collections.messages.distinct("attachments", shown)))

    def is_shown_to(self, upload_id: str, user_id: str) -> bool:
        """Look for a room of somebody where a message shows an upload."""
        rooms = self.rooms(upload_id)
        if EVERYONE in rooms or not rooms:
            return bool(rooms)
        theirs = {"room": {"$in": keys_of(rooms)}, "user": key_of(user_id)}
        with self._database.use() as collections:
            return collections.memberships.find_one(theirs, {"_id": 1}) is not None

    def delete(self, upload_id: str) -> bool:
        """Forget a record."""
        with self._database.use() as collections:
            return collections.uploads.delete_one({"_id": key_of(upload_id)}).deleted_count > 0

    def _page(self, wanted: Document, after: str | None, limit: int) -> list[Upload]:
        if after is not None:
            wanted["_id"] = {"$gt": key_of(after)}
        with self._database.use() as collections:
            found = page(collections.uploads.find(wanted).sort("_id", ASCENDING), limit)
        return [upload_of(document) for document in found]
