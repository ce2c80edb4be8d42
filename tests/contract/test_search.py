"""Searching, on both stores: exactly what a plain look at every message finds."""

import random
from collections.abc import Sequence
from datetime import datetime
from functools import cache

import pytest
from msgspec.structs import replace

from models.contract.messages import Found, Wanted
from models.mongo import search
from models.records import EVERYONE, Message, new_id
from models.sift import place_of
from models.store import ChangedMessage, Store, TooSlow
from models.words import Term, atoms_of
from tests.contract.samples import NOT_IDS, add_room, at, member, message, say

# Words of several languages, so few that many messages hold each of them.
WORDS = [
    "station",
    "Station",
    "STATIONS",
    "train",
    "trains",
    "the",
    "of",
    "a",
    "to",
    "x1",
    "2024",
    "naïve",
    "naive",
    "Ärger",
    "ärger",
    "STRASSE",
    "straße",
    "café",
    "ﬁnd",
    "find",
    "ПРИВЕТ",
    "привет",
    "йод",
    "ёлка",
    "Σίσυφος",
    "σίσυφοσ",
    "γεια",
    "שלום",
    "مرحبا",
    "हिन्दी",
    "हिन्द",
    "ไทย",
    "東京",
    "東京都",
    "京都",
    "東",
    "きょう",
    "キョウ",
    "ｷｮｳ",
    "서울",
    "서울에서",
    "한국",
    "你好",
    "你好世界",
    "世界",
    "👍",
    "👍🏽",
    "don't",
    "e-mail",
    "foo_bar",
    "$where",
    "null",
    "OR",
    "AND",
    "NOT",
    "NEAR",
    "room:x",
    "a*b",
    "(x)",
    "\\",
    "%",
    "_",
    "'",
    "☂️",
    "½",
    "㎏",
    "https://example.com/a?b=c",
]
TERMS = [
    "station",
    "stations",
    "train",
    "the",
    "x1",
    "2024",
    "naive",
    "ärger",
    "strasse",
    "cafe",
    "find",
    "привет",
    "йод",
    "елка",
    "σισυφος",
    "שלום",
    "हिन्दी",
    "ไทย",
    "ท",
    "東京",
    "東",
    "京",
    "都",
    "京都",
    "きょう",
    "キョウ",
    "ソウル",
    "서울",
    "울",
    "한국",
    "你好世界",
    "世",
    "👍",
    "don't",
    "e-mail",
    "foo",
    "bar",
    "foo_bar",
    "where",
    "null",
    "or",
    "and",
    "not",
    "near",
    "room:x",
    "a",
    "b",
    "☂",
    "kg",
    "2",
    "1",
    "https://example.com",
    "example.com/a",
    "nothing",
]


def term(text: str, *, begun: bool = False) -> Term:
    return Term(tuple(atoms_of(text)), begun)


@cache
def row_of(text: str) -> str:
    return "".join(f"\0{atom}\0" for atom in atoms_of(text))


def plain_search(messages: Sequence[Message], wanted: Wanted) -> list[Message]:
    """What is wanted of all messages, found in the plainest way there is."""
    found = []
    for said in messages:
        text = row_of(said.text)
        holds = all(
            row_of(" ".join(one.atoms))[: -1 if one.begun else None] in text for one in wanted.terms
        )
        if (
            holds
            and said.deleted is None
            and said.room in wanted.rooms
            and wanted.sender in (None, said.sender)
            and (said.attachments or not wanted.showing)
            and (wanted.since is None or said.created >= wanted.since)
            and (wanted.until is None or said.created < wanted.until)
        ):
            found.append(said)
    return sorted(found, key=place_of, reverse=True)


def pages(store: Store, wanted: Wanted) -> list[Message]:
    """All that is found, page by page."""
    found: list[Message] = []
    while True:
        page = store.messages.search(wanted)
        assert len(page.messages) <= wanted.limit
        found += page.messages
        if page.next is None:
            return found
        wanted = replace(wanted, before=page.next)


def corpus(rooms: Sequence[str], senders: Sequence[str], chance: random.Random) -> list[Message]:
    messages = []
    for number in range(1, 401):
        words = chance.choices(WORDS, k=chance.randrange(1, 9))
        text = chance.choice([" ", ", ", "", " — "]).join(words)
        messages.append(
            message(
                rooms[number % len(rooms)],
                number,
                text=text,
                sender=chance.choice(senders),
                created=at(number // 3),
                attachments=(new_id(),) if chance.random() < 0.2 else (),
            )
        )
    return messages


def questions(rooms: Sequence[str], senders: Sequence[str], chance: random.Random) -> list[Wanted]:
    """Two hundred questions, with one to three terms and all there is besides."""

    def moment(odds: float) -> datetime | None:
        return at(chance.randrange(0, 140)) if chance.random() < odds else None

    def terms() -> tuple[Term, ...]:
        made = []
        for _ in range(chance.choice((1, 1, 1, 1, 2))):
            text = " ".join(chance.choices(TERMS, k=chance.choice((1, 1, 1, 1, 1, 2))))
            made.append(term(text, begun=chance.random() < 0.3))
        return tuple(one for one in made if one.atoms)

    wanted = []
    while len(wanted) < 200:
        one = Wanted(
            rooms=tuple(chance.sample(rooms, chance.randrange(1, len(rooms) + 1))),
            terms=terms(),
            sender=chance.choice(senders) if chance.random() < 0.2 else None,
            showing=chance.random() < 0.1,
            since=moment(0.2),
            until=moment(0.2),
            limit=chance.choice((1, 7, 50)),
        )
        if one.terms or one.sender or one.showing:
            wanted.append(one)
    return wanted


@pytest.fixture
def soon_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let MongoDB's search take hundreds of messages for a million."""
    limits = {"_COUNTED": 40, "_FEW": 5, "_LOOKED_AT": 20, "_SORTED": 30, "_PAGE": 4}
    for name, value in {**limits, "_ROOMS_AT_ONCE": 2}.items():
        monkeypatch.setattr(search, name, value)


@pytest.mark.usefixtures("soon_many")
def test_two_hundred_questions_find_what_a_plain_look_finds(store: Store) -> None:
    chance = random.Random(5)
    rooms = [add_room(store).id for _ in range(4)] + [EVERYONE]
    senders = [new_id() for _ in range(3)]
    messages = corpus(rooms, senders, chance)
    numbered = []
    for room in rooms:
        own = [one for one in messages if one.room == room]
        numbered += [replace(one, seq=n, rev=n) for n, one in enumerate(own, start=1)]
    for room in rooms:
        say(store, *(one for one in numbered if one.room == room))
    amounts = 0
    for wanted in questions(rooms, senders, chance):
        expected = plain_search(numbered, wanted)
        amounts += bool(expected)
        assert pages(store, wanted) == expected, wanted
    assert amounts > 100


def found(store: Store, room_id: str, text: str, **fields: object) -> list[Message]:
    return pages(store, Wanted(rooms=(room_id,), terms=(term(text),), **fields))  # type: ignore[arg-type]


def test_what_was_said_before_a_change_is_not_found(store: Store) -> None:
    room = add_room(store)
    said = message(room.id, 1, text="the old words", attachments=(new_id(),))
    say(store, said)
    assert found(store, room.id, "old") == [said]
    edited = replace(said, rev=2, text="the new words", edited=at(9))
    store.commit([ChangedMessage(edited)])
    assert found(store, room.id, "old") == []
    assert found(store, room.id, "new") == found(store, room.id, "words") == [edited]
    reacted = replace(edited, rev=3, pinned=True)
    store.commit([ChangedMessage(reacted)])
    assert found(store, room.id, "new", showing=True) == [reacted]
    deleted = replace(reacted, rev=4, text="", attachments=(), deleted=at(10))
    store.commit([ChangedMessage(deleted)])
    assert found(store, room.id, "new") == []
    assert pages(store, Wanted(rooms=(room.id,), sender=said.sender)) == []


def test_a_change_in_the_batch_of_its_message_counts(store: Store) -> None:
    room = add_room(store)
    said = message(room.id, 1, text="first")
    batch = [
        ChangedMessage(replace(said, rev=rev, text=text)) for rev, text in ((2, "a"), (3, "b"))
    ]
    say(store, said)
    store.commit(batch)
    assert found(store, room.id, "first") == found(store, room.id, "a") == []
    assert found(store, room.id, "b") == [batch[1].message]


def test_a_deleted_room_is_not_found_and_others_stay(store: Store) -> None:
    room, other = add_room(store), add_room(store)
    say(store, message(room.id, 1, text="hello"))
    there = message(other.id, 1, text="hello")
    say(store, there)
    store.rooms.delete(room.id)
    wanted = Wanted(rooms=(room.id, other.id), terms=(term("hello"),))
    assert pages(store, wanted) == [there]


def test_a_failed_batch_leaves_nothing_to_be_found(store: Store) -> None:
    room = add_room(store)
    say(store, message(room.id, 1, text="hello"))
    with pytest.raises(Exception, match="taken"):
        say(store, message(room.id, 1, text="hello again"))
    assert len(found(store, room.id, "hello")) == 1


@pytest.mark.parametrize("text", NOT_IDS)
def test_what_is_no_id_finds_nothing(store: Store, text: str) -> None:
    say(store, message(EVERYONE, 1, text="hello"))
    hello = (term("hello"),)
    assert store.messages.search(Wanted(rooms=(text,), terms=hello)) == Found([])
    assert store.messages.search(Wanted(rooms=(EVERYONE,), terms=hello, sender=text)) == Found([])
    assert store.messages.search(Wanted(rooms=(), terms=hello)) == Found([])
    assert store.messages.search(Wanted(rooms=(EVERYONE,), terms=hello, limit=0)) == Found([])


def test_thousands_of_rooms_are_searched_at_once(store: Store) -> None:
    rooms = [new_id() for _ in range(2000)]
    said = [message(EVERYONE, n, text=f"hello {n}") for n in range(1, 4)]
    say(store, *said)
    wanted = Wanted(rooms=(*rooms, EVERYONE), terms=(term("hello"),), limit=2)
    assert pages(store, wanted) == said[::-1]


def test_many_of_one_moment_are_in_pages_without_a_seam(store: Store) -> None:
    said = [message(EVERYONE, n, text="hello", created=at(1)) for n in range(1, 121)]
    say(store, *said)
    wanted = Wanted(rooms=(EVERYONE,), terms=(term("hel", begun=True),), limit=7)
    assert pages(store, wanted) == said[::-1]


def test_a_search_that_has_no_time_says_so_or_where_to_go_on(store: Store) -> None:
    said = [message(EVERYONE, n, text="hello") for n in range(1, 4)]
    say(store, *said)
    wanted = Wanted(rooms=(EVERYONE,), terms=(term("hello"),), seconds=1e-9)
    try:
        page = store.messages.search(wanted)
    except TooSlow:
        return
    assert page.next is not None
    rest = pages(store, replace(wanted, seconds=2.0, before=page.next))
    assert [*page.messages, *rest] == said[::-1]


def test_a_text_of_the_greatest_length_is_found_by_each_of_its_words(store: Store) -> None:
    words = [chr(0x4E00 + n) + chr(0x4E00 + n * 7 % 5000) for n in range(2500)]
    said = message(EVERYONE, 1, text="".join(words))
    long = message(EVERYONE, 2, text="a" * 5000)
    say(store, said, long)
    assert found(store, EVERYONE, words[0]) == found(store, EVERYONE, words[-1]) == [said]
    assert found(store, EVERYONE, "a" * 4999) == []
    assert found(store, EVERYONE, "a" * 5000) == [long]
    begun = Wanted(rooms=(EVERYONE,), terms=(term("a" * 50, begun=True),))
    assert pages(store, begun) == [long]


def test_rooms_are_shown_to_those_in_them_until_they_hide_or_leave_them(store: Store) -> None:
    someone = new_id()
    rooms = [add_room(store, someone).id for _ in range(3)]
    add_room(store, new_id())
    store.rooms.change_member(rooms[0], someone, hidden=True)
    store.rooms.leave(rooms[1], someone)
    assert store.rooms.shown_to(someone) == sorted([EVERYONE, rooms[2]])
    store.rooms.join(member(EVERYONE, someone))
    assert store.rooms.shown_to(someone) == sorted([EVERYONE, rooms[2]])
    assert store.rooms.shown_to("nobody") == [EVERYONE]
