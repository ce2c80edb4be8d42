"""What was said before a benchmark begins: rooms full of messages, written past the servers."""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pymongo
from bson import ObjectId
from msgspec import Struct

from chat.tokens import Tokens
from models.records import (
    Hint,
    Membership,
    Message,
    Reaction,
    Room,
    Session,
    User,
    new_id,
    now,
)
from models.store import NewMessage, Store

# Written at once: a second's work for either store.
BATCH = 2_000

_TEXT = (
    "shall we meet at the station half past seven or later because my train is slow today and "
    "nobody has told them about it yet so please bring what you have and call me when you know"
)
WORDS = _TEXT.split()
EMOJI = ("👍", "❤️", "😂", "🎉")

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


class Contents(Struct, frozen=True):
    """Users with their logins, and the rooms in which they are; the first one is who asks."""

    users: list[User]
    sessions: list[Session]
    rooms: list[Room]
    members: dict[str, list[User]]
    lengths: dict[str, int]

    def messages(self, room: Room) -> Iterator[Message]:
        """What was said in a room; the same at every call."""
        chance = random.Random(room.id)  # noqa: S311 - not a secret
        users = [user.id for user in self.members[room.id]]
        for seq in range(1, self.lengths[room.id] + 1):
            yield _message(chance, room.id, seq, users)

    def memberships(self, room: Room) -> list[Membership]:
        """Who is in a room; each has read all but a few."""
        length = self.lengths[room.id]
        chance = random.Random(room.id)  # noqa: S311 - not a secret
        return [
            Membership(
                room=room.id,
                user=user.id,
                joined=BEGAN,
                delivered=length,
                read=max(0, length - chance.randrange(5)),
            )
            for user in self.members[room.id]
        ]


def crowd(number: int) -> tuple[list[User], list[Session]]:
    """Users, each with a login."""
    moment = now()
    users = [
        User(id=new_id(), name=f"user-{n}", display_name=f"user-{n}", created=moment)
        for n in range(number)
    ]
    sessions = [
        Session(
            id=new_id(),
            user=user.id,
            created=moment,
            seen=moment,
            expires=moment + timedelta(days=7),
            agent="bench",
            address="127.0.0.1",
        )
        for user in users
    ]
    return users, sessions


def one_room(length: int, people: int) -> Contents:
    """One long room."""
    users, sessions = crowd(people)
    room = Room(id=new_id(), kind="private", name="long", created=BEGAN, active=now())
    return Contents(users, sessions, [room], {room.id: users}, {room.id: length})


def many_rooms(number: int, length: int, people: int) -> Contents:
    """Many rooms of one user, each with a few of the others."""
    users, sessions = crowd(people)
    chance = random.Random(number)  # noqa: S311 - not a secret
    first, *others = users
    rooms = [
        Room(
            id=new_id(),
            kind="private",
            name=f"room {n}",
            created=BEGAN,
            active=BEGAN + timedelta(minutes=n),
        )
        for n in range(number)
    ]
    members = {room.id: [first, *chance.sample(others, 4)] for room in rooms}
    return Contents(users, sessions, rooms, members, dict.fromkeys(members, length))


def tokens(contents: Contents, secret: str) -> list[str]:
    """The tokens of all logins, which Hubbub takes and which tell a peer who asks."""
    signer = Tokens(secret)
    return [signer.sign(session, session.created) for session in contents.sessions]


def fill(store: Store, contents: Contents) -> None:
    """Write everything into a store of Hubbub's."""
    store.open()
    for user in contents.users:
        store.users.add(user)
    for session in contents.sessions:
        store.sessions.add(session)
    for room in contents.rooms:
        store.rooms.add(room, contents.memberships(room))
        for some in _batches(contents.messages(room)):
            store.commit([NewMessage(message) for message in some])
            hint = _hint(some[-1], room)
        store.rooms.hint({room.id: hint})
    store.close()


def fill_peer(uri: str, contents: Contents) -> None:
    """Write the same for the peer, as its schemas have it."""
    names = {user.id: user.name for user in contents.users}
    with pymongo.MongoClient[dict[str, Any]](uri) as client:
        database = client.get_default_database()
        database.users.insert_many(
            {"_id": ObjectId(user.id), "username": user.name} for user in contents.users
        )
        for room in contents.rooms:
            last: Message | None = None
            for some in _batches(contents.messages(room)):
                database.messages.insert_many(_peer_message(one, names) for one in some)
                last = some[-1]
            database.rooms.insert_one(_peer_room(room, contents.members[room.id], last))
            database.memberships.insert_many(
                {
                    "room": ObjectId(one.room),
                    "user": ObjectId(one.user),
                    "delivered": one.delivered,
                    "read": one.read,
                    "mentions": 0,
                    "muted": False,
                }
                for one in contents.memberships(room)
            )


def _batches(messages: Iterator[Message]) -> Iterator[list[Message]]:
    while some := list(islice(messages, BATCH)):
        yield some


def _message(chance: random.Random, room: str, seq: int, users: Sequence[str]) -> Message:
    """A message as people write them: some with an answer, a mention, reactions or an edit."""
    sender = chance.choice(users)
    reactions = tuple(
        Reaction(emoji=emoji, users=tuple(chance.sample(users, min(len(users), 3))))
        for emoji in chance.sample(EMOJI, chance.randrange(1, 3))
    )
    created = BEGAN + timedelta(seconds=seq)
    return Message(
        id=f"{chance.getrandbits(96):024x}",
        room=room,
        seq=seq,
        rev=seq,
        sender=sender,
        client_id=f"bench-{room}-{seq}",
        text=" ".join(chance.choices(WORDS, k=chance.randrange(3, 30))),
        reply_to=f"{chance.getrandbits(96):024x}" if chance.random() < 0.1 else None,
        reactions=reactions if chance.random() < 0.15 else (),
        mentions=(chance.choice(users),) if chance.random() < 0.05 else (),
        created=created,
        edited=created + timedelta(seconds=30) if chance.random() < 0.05 else None,
    )


def _hint(last: Message, room: Room) -> Hint:
    return Hint(seq=last.seq, rev=last.rev, sender=last.sender, text=last.text, at=room.active)


def _peer_message(message: Message, names: dict[str, str]) -> dict[str, Any]:
    document = {
        "_id": ObjectId(message.id),
        "room": ObjectId(message.room),
        "seq": message.seq,
        "rev": message.rev,
        "sender": ObjectId(message.sender),
        "senderUsername": names[message.sender],
        "content": message.text,
        "attachments": [],
        "mentions": [ObjectId(one) for one in message.mentions],
        "reactions": [
            {"emoji": one.emoji, "users": [ObjectId(user) for user in one.users]}
            for one in message.reactions
        ],
        "pinned": message.pinned,
        "createdAt": message.created,
    }
    # Mongoose keeps no field that has no value.
    if message.reply_to:
        document["replyTo"] = ObjectId(message.reply_to)
    if message.edited:
        document["editedAt"] = message.edited
    return document


def _peer_room(room: Room, members: Sequence[User], last: Message | None) -> dict[str, Any]:
    return {
        "_id": ObjectId(room.id),
        "kind": room.kind,
        "name": room.name,
        "description": room.description,
        "participants": [ObjectId(user.id) for user in members],
        "seq": last.seq if last else 0,
        "rev": last.rev if last else 0,
        "lastMessage": ObjectId(last.id) if last else None,
        "active": room.active,
        "createdAt": room.created,
    }
