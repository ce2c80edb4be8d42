"""Users and sessions in MongoDB."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Unpack

from pymongo import ASCENDING, DESCENDING, ReturnDocument, UpdateOne
from pymongo.database import Database as Collections

from models.contract.accounts import UserChange
from models.mongo.database import Database, kept, page
from models.mongo.documents import (
    Document,
    key_of,
    keys_of,
    session_document,
    session_of,
    user_document,
    user_of,
)
from models.records import Session, User, folded, look_of
from models.store import NotFound


class MongoUsers:
    """The accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, user: User) -> User:
        """Keep a new user; the first with a password becomes the administrator."""
        with self._database.use() as collections:
            collections.users.insert_one(user_document(user))
            if user.password_hash is not None:
                appoint_founder(collections)
            return _require_user(collections, user.id)

    def get(self, user_id: str) -> User | None:
        """The user of an id."""
        return self._one({"_id": key_of(user_id)})

    def by_name(self, name: str) -> User | None:
        """The user of a name."""
        return self._one({"name_key": folded(name)})

    def named(self, names: Iterable[str]) -> list[User]:
        """The users of some names."""
        keys = [folded(name) for name in names]
        with self._database.use() as collections:
            return list(map(user_of, collections.users.find({"name_key": {"$in": keys}})))

    def by_email(self, email: str) -> User | None:
        """The user of an e-mail address."""
        return self._one({"email_key": folded(email)})

    def many(self, user_ids: Iterable[str]) -> dict[str, User]:
        """The users of these ids."""
        with self._database.use() as collections:
            found = list(collections.users.find({"_id": {"$in": keys_of(user_ids)}}))
        return {user.id: user for user in map(user_of, found)}

    def page(self, *, after: str | None = None, limit: int) -> list[User]:
        """Users by id."""
        wanted: Document = {"deleted": None}
        if after is not None:
            wanted["_id"] = {"$gt": key_of(after)}
        with self._database.use() as collections:
            found = page(collections.users.find(wanted).sort("_id", ASCENDING), limit)
        return [user_of(document) for document in found]

    def search(self, text: str, *, limit: int, without: str | None = None) -> list[User]:
        """Users whose name contains a text."""
        if not text:
            return []
        # $indexOfBytes, because a regular expression cannot hold every character.
        wanted = {
            "deleted": None,
            "disabled": False,
            "_id": {"$ne": key_of(without or "")},
            "$expr": {"$or": [_contains("$name_key", text), _contains("$display_key", text)]},
        }
        with self._database.use() as collections:
            found = page(collections.users.find(wanted).sort("name_key", ASCENDING), limit)
        return [user_of(document) for document in found]

    def change(self, user_id: str, **changes: Unpack[UserChange]) -> User:
        """Change some fields of a user."""
        with self._database.use() as collections:
            user = collections.users.find_one_and_update(
                {"_id": key_of(user_id), "deleted": None},
                {"$set": _with_keys(changes)},
                return_document=ReturnDocument.AFTER,
            )
            if user is None:
                raise NotFound("the user does not exist, or is deleted")
            if changes.get("password_hash") is None:
                return user_of(user)
            appoint_founder(collections)
            return _require_user(collections, user_id)

    def note_seen(self, moments: Mapping[str, datetime]) -> None:
        """Note when users were last there."""
        updates = [
            UpdateOne({"_id": key_of(user_id), "deleted": None}, {"$max": {"last_seen": moment}})
            for user_id, moment in moments.items()
        ]
        with self._database.use() as collections:
            if updates:
                collections.users.bulk_write(updates, ordered=False)

    def administrators(self) -> list[User]:
        """The administrators that can act."""
        wanted = {"role": "admin", "disabled": False, "deleted": None}
        with self._database.use() as collections:
            found = list(collections.users.find(wanted).sort("_id", ASCENDING))
        return [user_of(document) for document in found]

    def _one(self, wanted: Document) -> User | None:
        with self._database.use() as collections:
            found = collections.users.find_one(wanted)
        return None if found is None else user_of(found)


class MongoSessions:
    """The logins."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, session: Session) -> None:
        """Keep a new session."""
        with self._database.use() as collections:
            collections.sessions.insert_one(session_document(session))

    def get(self, session_id: str) -> Session | None:
        """The session of an id."""
        with self._database.use() as collections:
            found = collections.sessions.find_one({"_id": key_of(session_id)})
        return None if found is None else session_of(found)

    def many(self, session_ids: Iterable[str]) -> dict[str, Session]:
        """The sessions of these ids."""
        with self._database.use() as collections:
            found = list(collections.sessions.find({"_id": {"$in": keys_of(session_ids)}}))
        return {session.id: session for session in map(session_of, found)}

    def of_user(self, user_id: str) -> list[Session]:
        """A user's sessions."""
        newest_first = [("created", DESCENDING), ("_id", DESCENDING)]
        with self._database.use() as collections:
            found = list(collections.sessions.find({"user": key_of(user_id)}).sort(newest_first))
        return [session_of(document) for document in found]

    def living(self, session_ids: Iterable[str], now: datetime) -> set[str]:
        """Those of some sessions that let somebody in."""
        wanted = {"_id": {"$in": keys_of(session_ids)}, "expires": {"$gt": now}}
        with self._database.use() as collections:
            found = list(collections.sessions.find(wanted, {"user": 1}))
            users = list({session["user"] for session in found})
            allowed = {"_id": {"$in": users}, "disabled": False, "deleted": None}
            living = {user["_id"] for user in collections.users.find(allowed, {"_id": 1})}
        return {str(session["_id"]) for session in found if session["user"] in living}

    def touch(self, session_id: str, seen: datetime) -> None:
        """Note when a session was last used."""
        with self._database.use() as collections:
            collections.sessions.update_one({"_id": key_of(session_id)}, {"$set": {"seen": seen}})

    def end(self, session_id: str) -> bool:
        """Forget a session."""
        with self._database.use() as collections:
            return collections.sessions.delete_one({"_id": key_of(session_id)}).deleted_count > 0

    def end_all(self, user_id: str, *, keep: str | None = None) -> list[str]:
        """Forget a user's sessions."""
        wanted = {"user": key_of(user_id), "_id": {"$ne": key_of(keep or "")}}
        with self._database.use() as collections:
            keys = [session["_id"] for session in collections.sessions.find(wanted, {"_id": 1})]
            collections.sessions.delete_many({"_id": {"$in": keys}})
        return [str(key) for key in keys]

    def sweep(self, before: datetime) -> int:
        """Forget the expired sessions."""
        with self._database.use() as collections:
            return collections.sessions.delete_many({"expires": {"$lt": before}}).deleted_count


def appoint_founder(collections: Collections[Document]) -> None:
    """Make the first user that has a password the administrator, once for good.

    A lone mongod has no transactions, so it takes two steps. The first names the founder, and only
    one of many at once succeeds in that. The second gives the role, together with a mark by which a
    later call tells a step that was never taken from a role that was taken away again.
    """
    named = collections.meta.find_one({"_id": "founder"})
    if named is None:
        first = collections.users.find_one({"password_hash": {"$ne": None}}, sort=[("_id", 1)])
        if first is None:
            return
        named = kept(collections.meta, {"_id": "founder"}, {"user": first["_id"]})
    collections.users.update_one(
        {"_id": named["user"], "founder": {"$ne": True}},
        {"$set": {"role": "admin", "founder": True}},
    )


def _contains(field: str, text: str) -> Document:
    # $literal, because a text that begins with $ would name a field.
    return {"$gte": [{"$indexOfBytes": [field, {"$literal": folded(text)}]}, 0]}


def _require_user(collections: Collections[Document], user_id: str) -> User:
    found = collections.users.find_one({"_id": key_of(user_id)})
    if found is None:
        raise NotFound("the user does not exist")
    return user_of(found)


def _with_keys(changes: UserChange) -> Document:
    fields: Document = dict(changes)
    if "name" in changes:
        fields["name_key"] = folded(changes["name"])
        fields["look_key"] = look_of(changes["name"])
    if "display_name" in changes:
        fields["display_key"] = folded(changes["display_name"])
    if "email" in changes:
        email = changes["email"]
        fields["email_key"] = None if email is None else folded(email)
    return fields
