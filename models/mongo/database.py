"""One MongoDB database: its client, its indexes and the version of its data."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC
from math import inf
from typing import TypeVar

import pymongo
from bson import Binary
from pymongo import MongoClient, ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.cursor import Cursor
from pymongo.database import Database as Collections
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from models.mongo.documents import Document, keys_of
from models.mongo.errors import translated
from models.mongo.known_rooms import KnownRooms
from models.mongo.schema import INDEXES, MIGRATIONS
from models.records import Progress
from models.store import Malformed, Unavailable, Unusable

T = TypeVar("T")

DEFAULT_NAME = "hubbub"

# By this name a server knows its own again, and what it has left behind.
APPLICATION = "hubbub"

# What a start may take to build indexes or migrate: a million messages take some ten seconds.
PREPARATION_SECONDS = 600.0

# What was sent to a server that was frozen may be carried out so much later, and begin what nobody
# goes on with; until then it is ended again and again.
LATE_SECONDS = 10.0

# While a database is away, a few are added each second.
MAX_LEFT = 1000

# A client that is closed takes leave of its server, for half a minute if that is frozen.
FAREWELL_SECONDS = 1.0

# Codes that say that the data does not fit an index, or that another index of this name is there:
# IndexOptionsConflict, IndexKeySpecsConflict, DuplicateKey.
_NO_INDEX = frozenset({85, 86, 11000})


class Database:
    """The database and its client; `use` is the only way to them."""

    def __init__(self, uri: str, timeout: float) -> None:
        self._uri = uri
        self._timeout = timeout
        self._lock = threading.Lock()
        self._client: MongoClient[Document] | None = None
        self._collections: Collections[Document] | None = None
        self._has_transactions = False
        # Sessions whose transactions may still be open, because nobody could be told to end them;
        # and until when they are ended again. None of them is used again.
        self._left: dict[Binary, float] = {}
        self.known_rooms = KnownRooms()
        # What a thread works with while it is in a transaction.
        self._bound = threading.local()

    def open(self) -> None:
        """Connect, migrate the data and ensure the indexes."""
        self.close()
        client, collections = _connect(self._uri)
        try:
            with translated():
                with pymongo.timeout(self._timeout):
                    hello = collections.command("hello")
                _migrate(collections)
                with pymongo.timeout(PREPARATION_SECONDS):
                    _ensure_indexes(collections)
                # Replica sets have them, and so has what stands before several (`isdbgrid`).
                has_transactions = "setName" in hello or hello.get("msg") == "isdbgrid"
                if has_transactions:
                    with pymongo.timeout(self._timeout):
                        _end_transactions(client, _idle_transactions(client))
        except BaseException:
            _disconnect(client)
            raise
        with self._lock:
            self._client, self._collections = client, collections
            self.known_rooms = KnownRooms()
            self._has_transactions = has_transactions

    def close(self) -> None:
        """Let go of all connections; calls that are under way end in Unavailable."""
        with self._lock:
            client, self._client, self._collections = self._client, None, None
        if client is not None:
            _disconnect(client)

    @contextmanager
    def use(self) -> Iterator[Collections[Document]]:
        """Lend the collections; all that is done with them shares one time limit.

        In a transaction errors pass as they are, for PyMongo repeats it after some of them.
        """
        bound: Collections[Document] | None = getattr(self._bound, "collections", None)
        if bound is not None:
            yield bound
            return
        collections = self._collections
        if collections is None:
            raise Unavailable("the store is closed")
        with translated(), pymongo.timeout(self._timeout):
            if self._left:
                self._end_left(collections.client)
            yield collections

    @contextmanager
    def deleting(self, room: str) -> Iterator[None]:
        """Delete a room, which is not known any more from here on."""
        with self.known_rooms.deleting(room):
            yield
        if getattr(self._bound, "collections", None) is not None:
            self.known_rooms.doubt()  # it is gone only when the transaction ends

    def finish(self, calls: Sequence[str], write: Callable[[], T]) -> T:
        """Write, and note that keyed calls are done by it, both or neither.

        A mongod that stands alone has no transactions: there it is noted first that they are tried.
        """
        with self.use() as collections:
            client = collections.client
            if not self._has_transactions:
                _note(collections, calls, "tried")
                written = write()
                _note(collections, calls, "done")
                return written

            def both(_: ClientSession) -> T:
                self._bound.behind = []
                _note(self._bound.collections, calls, "done")
                return write()

            # What holds for a transaction is said where it begins, and may not be said again in it.
            self._bound.collections = collections.with_options(
                read_concern=ReadConcern(), write_concern=WriteConcern()
            )
            session, is_left = client.start_session(), False
            try:
                with session.bind(end_session=False):
                    written = session.with_transaction(both)
            except PyMongoError as error:
                is_left = error.timeout or isinstance(error, ConnectionFailure)
                raise
            finally:
                self._bound.collections = None
                if not is_left:
                    session.end_session()
                elif len(self._left) < MAX_LEFT:
                    self._left[session.session_id["id"]] = inf
            for call in self._bound.behind:
                call(collections)
            return written

    def behind(self, call: Callable[[Collections[Document]], None]) -> None:
        """Do something once what is written is there for all: at the end of a transaction, or now.

        A transaction does not see what others write since it began.
        """
        if getattr(self._bound, "collections", None) is not None:
            self._bound.behind.append(call)
            return
        with self.use() as collections:
            call(collections)

    def _end_left(self, client: MongoClient[Document]) -> None:
        """End what may still be open, before it holds anybody up."""
        left = dict(self._left)
        _end_transactions(client, left)
        now = time.monotonic()
        for session, until in left.items():
            if until < now:
                self._left.pop(session, None)
            elif until == inf:
                self._left[session] = now + LATE_SECONDS


def page(cursor: Cursor[Document], limit: int | None) -> list[Document]:
    """As many of what was found as are wanted; to MongoDB itself a limit of 0 means none."""
    if limit is None:
        return list(cursor)
    return list(cursor.limit(limit)) if limit > 0 else []


def kept(collection: Collection[Document], wanted: Document, document: Document) -> Document:
    """What there is of `wanted`, or else this document from now on: one step, for many at once."""
    found = collection.find_one_and_update(
        wanted,
        {"$setOnInsert": document},
        upsert=True,
        return_document=ReturnDocument.AFTER,
    )
    assert found is not None  # noqa: S101 - an upsert finds what it has made
    return found


def _note(collections: Collections[Document], calls: Sequence[str], progress: Progress) -> None:
    collections.keyed_calls.update_many(
        {"_id": {"$in": keys_of(calls)}}, {"$set": {"progress": progress}}
    )


def _connect(uri: str) -> tuple[MongoClient[Document], Collections[Document]]:
    """Make a client, which connects by itself as soon as it is used."""
    client: MongoClient[Document] | None = None
    with suppress(PyMongoError, ValueError, TypeError, OSError):
        client = MongoClient(
            uri,
            appname=APPLICATION,
            connect=False,
            tz_aware=True,
            tzinfo=UTC,
            # An acknowledgement means stored, and so does an answer: neither may be rolled back.
            w="majority",
            journal=True,
            readConcernLevel="majority",
            readPreference="primary",
        )
        return client, client.get_default_database(DEFAULT_NAME)
    if client is not None:
        _disconnect(client)
    # Outside of the handler and without PyMongo's own words: they can hold a part of the password.
    raise Malformed(
        "MONGODB_URI is malformed; expected mongodb://user:password@host:27017/database"
    )


def _disconnect(client: MongoClient[Document]) -> None:
    with pymongo.timeout(FAREWELL_SECONDS):
        client.close()


def _idle_transactions(client: MongoClient[Document]) -> set[Binary]:
    """The sessions of servers that were killed, or are between two steps, in a transaction."""
    admin = client.get_database("admin", read_concern=ReadConcern())
    with suppress(OperationFailure):  # some that are hosted let nobody look
        wanted = {"type": "idleSession", "appName": APPLICATION, "transaction": {"$exists": True}}
        steps: list[Document] = [
            {"$currentOp": {"allUsers": False, "idleSessions": True}},
            {"$match": wanted},
        ]
        return {operation["lsid"]["id"] for operation in admin.aggregate(steps)}
    return set()


def _end_transactions(client: MongoClient[Document], sessions: Iterable[Binary]) -> None:
    """End transactions that nobody goes on with.

    They would lock what they wrote for a minute or more, and with it the next number of a room.
    Whoever is still between two steps of one repeats it.
    """
    named = [{"id": session} for session in sessions]
    if named:
        with suppress(OperationFailure):
            client.admin.command("killSessions", named)


def _migrate(collections: Collections[Document]) -> None:
    with pymongo.timeout(PREPARATION_SECONDS):
        schema = collections.meta.find_one({"_id": "schema"}) or {"version": 0}
    version = schema["version"]
    if version > len(MIGRATIONS):
        raise Unusable(
            f"the database {collections.name} was written by a newer Hubbub (data version "
            f"{version}, this one knows {len(MIGRATIONS)})"
        )
    for number, step in enumerate(MIGRATIONS[version:], start=version + 1):
        more: bool | None = True
        while more:
            with pymongo.timeout(PREPARATION_SECONDS):
                more = step(collections)
        collections.meta.update_one({"_id": "schema"}, {"$max": {"version": number}}, upsert=True)


def _ensure_indexes(collections: Collections[Document]) -> None:
    for name, indexes in INDEXES.items():
        try:
            collections[name].create_indexes(list(indexes))
        except OperationFailure as error:
            if error.code not in _NO_INDEX:
                raise
            text = (error.details or {}).get("errmsg", error.code)
            raise Unusable(f"cannot index {collections.name}.{name}: {text}") from error
