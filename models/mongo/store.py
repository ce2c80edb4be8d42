"""The store over one MongoDB database, put together from its parts."""

from collections.abc import Sequence

from models.mongo.accounts import MongoSessions, MongoUsers, appoint_founder
from models.mongo.commit import commit, withdraw
from models.mongo.database import Database
from models.mongo.handing import finish_all
from models.mongo.keyed_calls import MongoKeyedCalls
from models.mongo.log import MongoLog
from models.mongo.messages import MongoMessages
from models.mongo.rooms import MongoRooms
from models.mongo.uploads import MongoUploads
from models.store import MessageWrite, Outcome, Write


class MongoStore:
    """Everything that is kept, in the database that a URI names (`hubbub` if it names none).

    `timeout` bounds every call, in seconds, however often it asks the server.
    """

    def __init__(self, uri: str, *, timeout: float = 4.0) -> None:
        self._database = Database(uri, timeout)
        self.users = MongoUsers(self._database)
        self.sessions = MongoSessions(self._database)
        self.rooms = MongoRooms(self._database)
        self.messages = MongoMessages(self._database)
        self.uploads = MongoUploads(self._database)
        self.keyed_calls = MongoKeyedCalls(self._database)
        self.log = MongoLog(self._database)

    def open(self) -> None:
        """Connect and prepare the database."""
        self._database.open()
        with self._database.use() as collections:
            # For when the process was killed between two steps.
            appoint_founder(collections)
            finish_all(collections)

    def close(self) -> None:
        """Close the connections."""
        self._database.close()

    def ping(self) -> None:
        """Ask the server for a sign of life."""
        with self._database.use() as collections:
            collections.command("ping")

    def commit(self, writes: Sequence[Write], *, later: bool = False) -> list[Outcome]:
        """Write a batch in order."""
        return commit(self._database, writes, later=later)

    def withdraw(self, writes: Sequence[MessageWrite], *, above: int) -> None:
        """Use up the ids of new messages, and stamp the others."""
        with self._database.use() as collections:
            withdraw(collections, writes, above)
