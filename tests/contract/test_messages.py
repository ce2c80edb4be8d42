"""What every store promises about reading messages."""

import pytest
from msgspec.structs import replace

from models.records import Counters, new_id
from models.store import ChangedMessage, Store
from tests.contract.samples import (
    NOT_IDS,
    add_messages,
    add_room,
    at,
    full_message,
    message,
    say,
)

TEXTS = {
    "empty": "",
    "every plane": "".join(chr((plane << 16) + 0x1234) for plane in range(17)),
    "last character": "\U0010ffff\ufffe\uffff",
    "nul": "a\0b\0",
    "right to left": "שלם \u202eשלם\u202c مرحبا",
    "combining": "e\u0301 is not \u00e9, and z\u0351\u036b\u0343 neither",
    "emoji": "👩‍👩‍👧‍👦 🏴󠁧󠁢󠁳󠁣󠁴󠁿 👍🏽",
    "line ends": "a\r\nb\rc\n\u2028\u2029",
    "controls": "".join(map(chr, range(32))) + "\x7f\x80\x9f",
    "markup": "<script>alert('\"')</script> {{x}} $set %s ${x}",
    "5000 wide characters": "🚀é\0a漢" * 1000,
    "a million characters": "ab" * 500_000,
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_text_comes_back_byte_for_byte(store: Store, text: str) -> None:
    room = add_room(store)
    said = message(room.id, 1, text=text, client_id=text[:100] + "!")
    say(store, said)
    kept = store.messages.get(said.id)
    assert kept is not None
    assert kept.text.encode() == text.encode()
    assert store.messages.by_client_id(said.sender, text[:100] + "!") == said


def test_a_message_is_kept_with_all_its_fields(store: Store) -> None:
    room = add_room(store)
    bare, full = message(room.id, 1, created=at(0.001)), full_message(room.id, 2)
    say(store, bare, full)
    assert store.messages.get(bare.id) == bare
    assert store.messages.get(full.id) == full
    assert store.messages.history(room.id, limit=5) == [bare, full]


def test_a_message_is_found_by_its_client_id(store: Store) -> None:
    room = add_room(store)
    said = message(room.id, 1, client_id="Abc")
    say(store, said)
    assert store.messages.by_client_id(said.sender, "Abc") == said
    assert store.messages.by_client_id(said.sender, "abc") is None
    assert store.messages.by_client_id(said.sender, "") is None
    assert store.messages.by_client_id(new_id(), "Abc") is None


def test_many_finds_those_that_exist(store: Store) -> None:
    room = add_room(store)
    said = add_messages(store, room.id, 3)
    wanted = [said[2].id, new_id(), said[0].id, said[0].id, *NOT_IDS, said[1].id + "\0"]
    assert store.messages.many(wanted) == {said[0].id: said[0], said[2].id: said[2]}
    assert store.messages.many([]) == {}


def test_history_pages_backward_and_forward(store: Store) -> None:
    room = add_room(store)
    said = add_messages(store, room.id, 6)
    assert store.messages.history(room.id, limit=9) == said
    assert store.messages.history(room.id, limit=2) == said[4:]
    assert store.messages.history(room.id, before=5, limit=2) == said[2:4]
    assert store.messages.history(room.id, before=3, limit=2) == said[:2]
    assert store.messages.history(room.id, before=1, limit=2) == []
    assert store.messages.history(room.id, after=0, limit=3) == said[:3]
    assert store.messages.history(room.id, after=3, limit=3) == said[3:]
    assert store.messages.history(room.id, after=6, limit=3) == []


def test_history_between_two_numbers_begins_at_the_lower(store: Store) -> None:
    room = add_room(store)
    said = add_messages(store, room.id, 6)
    assert store.messages.history(room.id, after=1, before=5, limit=9) == said[1:4]
    assert store.messages.history(room.id, after=1, before=5, limit=2) == said[1:3]
    assert store.messages.history(room.id, after=3, before=4, limit=2) == []
    assert store.messages.history(room.id, after=5, before=2, limit=2) == []


def test_history_takes_numbers_far_outside(store: Store) -> None:
    room = add_room(store)
    said = add_messages(store, room.id, 2)
    assert store.messages.history(room.id, before=1 << 53, limit=5) == said
    assert store.messages.history(room.id, after=-(1 << 53), limit=5) == said
    assert store.messages.history(room.id, before=0, limit=5) == []
    assert store.messages.history(room.id, limit=0) == []
    assert store.messages.history(room.id, after=0, limit=0) == []


def test_history_is_of_one_room(store: Store) -> None:
    one, other = add_room(store), add_room(store)
    said, others = add_messages(store, one.id, 2), add_messages(store, other.id, 3)
    assert store.messages.history(one.id, limit=9) == said
    assert store.messages.history(other.id, limit=9) == others
    assert store.messages.history(new_id(), limit=9) == []


def test_counters_are_the_greatest_numbers(store: Store) -> None:
    room = add_room(store)
    assert store.messages.counters(room.id) == Counters()
    said = add_messages(store, room.id, 3)
    assert store.messages.counters(room.id) == Counters(seq=3, rev=3)
    store.commit([ChangedMessage(replace(said[0], rev=4, text="edited"))])
    assert store.messages.counters(room.id) == Counters(seq=3, rev=4)
    assert store.messages.counters(new_id()) == Counters()


def test_numbers_may_be_large(store: Store) -> None:
    room = add_room(store)
    said = message(room.id, 1, seq=1 << 53, rev=1 << 53)
    say(store, said)
    assert store.messages.get(said.id) == said
    assert store.messages.counters(room.id) == Counters(seq=1 << 53, rev=1 << 53)


def test_changes_tell_each_message_once_in_the_order_of_change(store: Store) -> None:
    room = add_room(store)
    said = add_messages(store, room.id, 4)
    edited = replace(said[1], rev=5, text="edited")
    pinned = replace(said[0], rev=6, pinned=True)
    again = replace(edited, rev=7, text="edited again")
    store.commit([ChangedMessage(edited), ChangedMessage(pinned)])
    store.commit([ChangedMessage(again)])
    assert store.messages.changes(room.id, since=0, limit=9) == [said[2], said[3], pinned, again]
    assert store.messages.changes(room.id, since=4, limit=9) == [pinned, again]
    assert store.messages.changes(room.id, since=6, limit=9) == [again]
    assert store.messages.changes(room.id, since=7, limit=9) == []


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7])
def test_pages_of_changes_join_without_a_seam(store: Store, size: int) -> None:
    room, other = add_room(store), add_room(store)
    said = add_messages(store, room.id, 6)
    add_messages(store, other.id, 3)
    pages, since = [], 0
    while page := store.messages.changes(room.id, since=since, limit=size):
        pages += page
        since = page[-1].rev
    assert pages == said


def test_changes_take_numbers_far_outside(store: Store) -> None:
    room = add_room(store)
    said = add_messages(store, room.id, 2)
    assert store.messages.changes(room.id, since=-1, limit=9) == said
    assert store.messages.changes(room.id, since=1 << 53, limit=9) == []
    assert store.messages.changes(room.id, since=0, limit=0) == []


@pytest.mark.parametrize("text", NOT_IDS)
def test_what_is_no_id_finds_no_message(store: Store, text: str) -> None:
    room = add_room(store)
    add_messages(store, room.id, 1)
    assert store.messages.get(text) is None
    assert store.messages.many([text]) == {}
    assert store.messages.by_client_id(text, text) is None
    assert store.messages.history(text, limit=5) == []
    assert store.messages.changes(text, since=0, limit=5) == []
    assert store.messages.counters(text) == Counters()


def test_the_latest_messages_come_from_all_rooms_the_newest_first(store: Store) -> None:
    one, other = add_room(store), add_room(store)
    said = [message((one, other)[number % 2].id, number // 2 + 1) for number in range(6)]
    say(store, *said)
    assert store.messages.latest(4) == said[:1:-1]
    assert store.messages.latest(10) == said[::-1]
    assert store.messages.latest(0) == []


def test_messages_that_mention_somebody(store: Store) -> None:
    room, other = add_room(store), add_room(store)
    ann, bob = sorted((new_id(), new_id()))
    say(store, message(room.id, 1, mentions=(ann,)), message(other.id, 1, mentions=(bob,)))
    said = [message(room.id, seq, mentions=(ann, bob) if seq % 2 else ()) for seq in range(2, 7)]
    say(store, *said)
    store.commit([ChangedMessage(replace(said[1], rev=7, mentions=()))])
    store.commit([ChangedMessage(replace(said[0], rev=8, mentions=(bob,)))])
    found = [(1, (ann,)), (2, (bob,)), (5, (ann, bob))]
    assert store.messages.naming(room.id, limit=9) == found
    assert store.messages.naming(room.id, limit=2) == found[1:]
    assert store.messages.naming(room.id, limit=0) == []
    for none in NOT_IDS:
        assert store.messages.naming(none, limit=9) == []
