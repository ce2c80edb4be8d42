"""A million messages, the same every time, written into a store's own files in a minute or so.

Words come as often as in languages: the n-th commonest about once in n. One message in twenty is
written without spaces, in the characters of Chinese, and one in fifty has an attachment. Nearly all
are said in the room of everybody, so that this is deep, and the rest in fifty rooms.
"""

import itertools
import random
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pymongo

from bench.contents import crowd
from chat.tokens import Tokens
from models.choice import choose_store
from models.mongo.documents import message_document
from models.mongo.schema import INDEXES
from models.records import EVERYONE, Membership, Message, Room
from models.sqlite.index import enter
from models.sqlite.rows import insertion, message_row
from models.store import Store

MESSAGES = 1_000_000
ROOMS = 50
IN_A_ROOM = 1_000
PEOPLE = 200

WORDS = 30_000
CHARACTERS = 2_000

BEGAN = datetime(2024, 1, 1, tzinfo=UTC)
APART = timedelta(seconds=30)

# As much of FTS5's index is gathered in memory before it is written.
GATHERED = 64 * 1024 * 1024
BATCH = 5_000

_SYLLABLES = [a + b for a in "bdfghklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "in")]


class Corpus:
    """Who is there, where they are, and what they say; all of them are in all rooms."""

    def __init__(self) -> None:
        chance = random.Random(MESSAGES)  # noqa: S311 - not a secret
        made = ("".join(chance.choices(_SYLLABLES, k=1 + n % 4)) for n in range(3 * WORDS))
        self.words = list(dict.fromkeys(made))[:WORDS]
        self.characters = [chr(0x4E00 + 7 * n) for n in range(CHARACTERS)]
        self.rooms = [_id(1, n) for n in range(ROOMS)]
        self.users, [self.session, *_] = crowd(PEOPLE)
        self.people = [user.id for user in self.users]

    def token(self, secret: str) -> str:
        """The token of the first of the people."""
        return Tokens(secret).sign(self.session, self.session.created)

    def messages(self) -> Iterator[Message]:
        """All that is said, by time."""
        chance = random.Random(WORDS)  # noqa: S311 - not a secret
        words, characters = _weights(self.words), _weights(self.characters)
        seqs = dict.fromkeys([EVERYONE, *self.rooms], 0)
        every = MESSAGES // (ROOMS * IN_A_ROOM)
        for number in range(MESSAGES):
            elsewhere = number % every == 0
            room = self.rooms[number // every % ROOMS] if elsewhere else EVERYONE
            seqs[room] += 1
            length = 1 + int(chance.expovariate(0.1))
            if number % 20 == 7:
                said = chance.choices(self.characters, cum_weights=characters, k=2 * length)
            else:
                said = chance.choices(self.words, cum_weights=words, k=length)
            yield Message(
                id=_id(2, number),
                room=room,
                seq=seqs[room],
                rev=seqs[room],
                sender=self.people[min(int(chance.paretovariate(0.6)), PEOPLE) - 1],
                client_id=str(number),
                text=("" if number % 20 == 7 else " ").join(said),
                attachments=(_id(3, number),) if number % 50 == 9 else (),
                created=BEGAN + number * APART,
            )


def fill_sqlite(folder: Path, corpus: Corpus) -> None:
    """Write everything into the file of a store that has none yet."""
    _prepare(choose_store(None, folder), corpus)
    connection = sqlite3.connect(folder / "hubbub.db", isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("INSERT INTO search (search, rank) VALUES ('hashsize', ?)", (GATHERED,))
    connection.execute("BEGIN")
    messages = corpus.messages()
    while batch := list(itertools.islice(messages, BATCH)):
        rows = [
            {**message_row(message), "place": place}
            for message, place in zip(batch, enter(connection, batch), strict=True)
        ]
        connection.executemany(insertion("messages", rows[0])[0], rows)
    connection.execute("COMMIT")
    connection.close()


def fill_mongodb(uri: str, corpus: Corpus) -> None:
    """Write everything into a database that is empty, and index it at the end."""
    _prepare(choose_store(uri, Path()), corpus)
    with pymongo.MongoClient[dict[str, Any]](uri) as client:
        messages = client.get_default_database().messages
        messages.drop_indexes()
        documents = map(message_document, corpus.messages())
        while batch := list(itertools.islice(documents, BATCH)):
            messages.insert_many(batch, ordered=False)
        messages.create_indexes(list(INDEXES["messages"]))


def _prepare(store: Store, corpus: Corpus) -> None:
    store.open()
    for user in corpus.users:
        store.users.add(user)
    store.sessions.add(corpus.session)
    for number, room in enumerate(corpus.rooms):
        store.rooms.add(
            Room(id=room, kind="private", name=f"room {number}", created=BEGAN, active=BEGAN),
            [Membership(room=room, user=person, joined=BEGAN) for person in corpus.people],
        )
    store.close()


def _id(kind: int, number: int) -> str:
    return f"65{kind:02x}{number:020x}"


def _weights(values: Sequence[str]) -> list[float]:
    return list(itertools.accumulate(1 / (n + 3) for n in range(len(values))))
