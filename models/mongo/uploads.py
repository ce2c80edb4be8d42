"""The records of files in MongoDB."""

from pymongo import ASCENDING, ReturnDocument

from models.mongo.database import Database, page
from models.mongo.documents import Document, key_of, upload_document, upload_of
from models.records import Upload
from models.store import NotFound


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

    def of_owner(self, user_id: str, *, after: str | None = None, limit: int) -> list[Upload]:
        """A user's uploads."""
        wanted: Document = {"owner": key_of(user_id)}
        if after is not None:
            wanted["_id"] = {"$gt": key_of(after)}
        with self._database.use() as collections:
            found = page(collections.uploads.find(wanted).sort("_id", ASCENDING), limit)
        return [upload_of(document) for document in found]

    def show(self, upload_id: str, room_id: str) -> Upload:
        """Note that an upload was shown in a room."""
        with self._database.use() as collections:
            shown = collections.uploads.find_one_and_update(
                {"_id": key_of(upload_id)},
                {"$addToSet": {"rooms": key_of(room_id)}},
                return_document=ReturnDocument.AFTER,
            )
        if shown is None:
            raise NotFound("the upload does not exist")
        return upload_of(shown)

    def delete(self, upload_id: str) -> bool:
        """Forget a record."""
        with self._database.use() as collections:
            return collections.uploads.delete_one({"_id": key_of(upload_id)}).deleted_count > 0
