"""Reading messages in MongoDB; they are written by the store's `commit`."""

from collections.abc import Collection, Iterable

from pymongo import ASCENDING, DESCENDING

from models.contract.messages import Found, Wanted
from models.mongo.database import Database, page
from models.mongo.documents import UNREAD, Document, ids_of, key_of, keys_of, message_of, same_key
from models.mongo.schema import NAMING
from models.mongo.search import enter_left, search
from models.records import Counters, Message


class MongoMessages:
    """Reading messages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def counters(self, room_id: str) -> Counters:
        """The greatest numbers of a room, each off the end of its index."""
        room = {"room": key_of(room_id)}
        with self._database.use() as collections:
            seq, rev = (
                collections.messages.find_one(
                    room, {"_id": 0, number: 1}, sort=[(number, DESCENDING)]
                )
                for number in ("seq", "rev")
            )
        return Counters(**(seq or {}), **(rev or {}))

    def get(self, message_id: str) -> Message | None:
        """The message of an id."""
        return self._one({"_id": key_of(message_id)})

    def many(self, message_ids: Iterable[str]) -> dict[str, Message]:
        """The messages of these ids."""
        with self._database.use() as collections:
            found = list(collections.messages.find({"_id": {"$in": keys_of(message_ids)}}, UNREAD))
        return {message.id: message for message in map(message_of, found)}

    def latest(self, limit: int) -> list[Message]:
        """The messages that were stored last."""
        return self._page({}, "_id", DESCENDING, limit)

    def by_client_id(self, sender: str, client_id: str) -> Message | None:
        """The message of a client id."""
        return self._one({"same": same_key(sender, client_id)})

    def history(
        self, room_id: str, *, before: int | None = None, after: int | None = None, limit: int
    ) -> list[Message]:
        """A page of a room."""
        seq: Document = {}
        if before is not None:
            seq["$lt"] = before
        if after is not None:
            seq["$gt"] = after
            return self._page({"room": key_of(room_id), "seq": seq}, "seq", ASCENDING, limit)
        wanted = {"room": key_of(room_id), **({"seq": seq} if seq else {})}
        return self._page(wanted, "seq", DESCENDING, limit)[::-1]

    def pinned(self, room_id: str, *, before: int | None = None, limit: int) -> list[Message]:
        """The last pinned messages of a room."""
        wanted: Document = {"room": key_of(room_id), "pinned": True}
        if before is not None:
            wanted["seq"] = {"$lt": before}
        return self._page(wanted, "seq", DESCENDING, limit)[::-1]

    def naming(self, room_id: str, *, limit: int) -> list[tuple[int, tuple[str, ...]]]:
        """The last messages of a room that mention somebody."""
        wanted = {"room": key_of(room_id), **NAMING}
        with self._database.use() as collections:
            messages = collections.messages.find(wanted, {"_id": 0, "seq": 1, "mentions": 1})
            found = page(messages.hint("naming").sort("seq", DESCENDING), limit)
        return [(document["seq"], ids_of(document["mentions"])) for document in found][::-1]

    def search(self, wanted: Wanted) -> Found:
        """A page of what is wanted, by the index of words."""
        with self._database.use() as collections:
            return search(collections.messages, wanted)

    def index(self, limit: int, rooms: Collection[str] | None = None) -> int:
        """Let some messages be found that were left for later."""
        with self._database.use() as collections:
            return enter_left(collections.messages, limit, rooms)

    def changes(self, room_id: str, *, since: int, limit: int) -> list[Message]:
        """The messages changed since a number."""
        wanted = {"room": key_of(room_id), "rev": {"$gt": since}}
        return self._page(wanted, "rev", ASCENDING, limit)

    def _one(self, wanted: Document) -> Message | None:
        with self._database.use() as collections:
            found = collections.messages.find_one(wanted, UNREAD)
        return None if found is None else message_of(found)

    def _page(self, wanted: Document, number: str, direction: int, limit: int) -> list[Message]:
        with self._database.use() as collections:
            found = page(collections.messages.find(wanted, UNREAD).sort(number, direction), limit)
        return [message_of(document) for document in found]
