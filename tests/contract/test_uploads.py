"""What every store promises about the records of files."""

import pytest
from msgspec.structs import replace

from models.records import EVERYONE, new_id
from models.store import ChangedMessage, Store, Taken
from tests.contract.samples import NOT_IDS, add_room, at, message, say, upload


def test_an_upload_is_kept_as_it_was_added(store: Store) -> None:
    bare = upload(new_id(), created=at(0.007))
    full = upload(
        new_id(),
        name="ein Bild \0 'x' \U0010ffff.png",
        type="image/png",
        size=1 << 40,
        sha256="f" * 64,
        width=4000,
        height=3000,
        placeholder="data:image/webp;base64,UklGRg==",
    )
    for kept in (bare, full):
        store.uploads.add(kept)
        assert store.uploads.get(kept.id) == kept


def test_an_id_is_taken(store: Store) -> None:
    kept = upload(new_id())
    store.uploads.add(kept)
    with pytest.raises(Taken) as refusal:
        store.uploads.add(upload(new_id(), id=kept.id))
    assert refusal.value.field == "id"


def test_pages_of_uploads(store: Store) -> None:
    owner = new_id()
    uploads = [upload(owner) for _ in range(4)]
    for each in (*reversed(uploads), upload(new_id())):
        store.uploads.add(each)
    assert store.uploads.of_owner(owner, limit=9) == uploads
    assert store.uploads.of_owner(owner, limit=2) == uploads[:2]
    assert store.uploads.of_owner(owner, after=uploads[1].id, limit=2) == uploads[2:]
    assert store.uploads.of_owner(owner, after=uploads[3].id, limit=2) == []
    assert store.uploads.of_owner(owner, limit=0) == []
    assert store.uploads.of_owner(new_id(), limit=9) == []


def test_many_uploads_at_once(store: Store) -> None:
    one, other = upload(new_id()), upload(new_id(), placeholder="data:,")
    store.uploads.add(one)
    store.uploads.add(other)
    wanted = [one.id, other.id, new_id(), *NOT_IDS]
    assert store.uploads.many(wanted) == {one.id: one, other.id: other}
    assert store.uploads.many([]) == {}


def test_pages_of_everybodys_uploads(store: Store) -> None:
    uploads = [upload(new_id()) for _ in range(3)]
    for each in reversed(uploads):
        store.uploads.add(each)
    assert store.uploads.page(limit=9) == uploads
    assert store.uploads.page(limit=2) == uploads[:2]
    assert store.uploads.page(after=uploads[1].id, limit=2) == uploads[2:]
    assert store.uploads.page(after="abc", limit=2) == []


def test_what_a_user_has_used(store: Store) -> None:
    owner = new_id()
    for kept in (upload(owner, size=5), upload(owner, size=1 << 40), upload(new_id(), size=7)):
        store.uploads.add(kept)
    assert store.uploads.used(owner) == 5 + (1 << 40)
    assert store.uploads.used(new_id()) == store.uploads.used("abc") == 0


def test_contents_that_are_in_use(store: Store) -> None:
    first, second = (upload(new_id(), sha256="a" * 64) for _ in range(2))
    store.uploads.add(first)
    store.uploads.add(second)
    assert not store.uploads.has_content("b" * 64)
    store.uploads.delete(first.id)
    assert store.uploads.has_content("a" * 64)
    store.uploads.delete(second.id)
    assert not store.uploads.has_content("a" * 64)


def test_messages_say_where_an_upload_is_shown(store: Store) -> None:
    kept, other = upload(new_id()), upload(new_id())
    rooms = sorted(add_room(store).id for _ in range(3))
    shown = (kept.id, other.id)
    first = message(rooms[0], 1, attachments=shown)
    say(store, first, message(rooms[0], 2, attachments=(kept.id,)))
    say(store, message(rooms[1], 1), message(rooms[2], 1, attachments=(kept.id,)))
    assert store.uploads.rooms(kept.id) == [rooms[0], rooms[2]]
    assert store.uploads.rooms(other.id) == [rooms[0]]
    assert store.uploads.shown_in(rooms[0]) == sorted(shown)
    assert store.uploads.shown_in(rooms[1]) == []

    store.commit([ChangedMessage(replace(first, rev=3, attachments=()))])
    assert store.uploads.rooms(other.id) == []
    assert store.uploads.rooms(kept.id) == [rooms[0], rooms[2]]
    store.commit([ChangedMessage(replace(first, rev=4, attachments=(other.id,)))])
    assert store.uploads.rooms(other.id) == [rooms[0]]

    store.rooms.delete(rooms[0])
    assert store.uploads.rooms(kept.id) == [rooms[2]]
    assert store.uploads.shown_in(rooms[0]) == []


def test_a_change_of_no_message_shows_nothing(store: Store) -> None:
    room, shown = add_room(store), new_id()
    store.commit([ChangedMessage(message(room.id, 1, attachments=(shown,)))])
    assert store.uploads.rooms(shown) == []


def test_whom_an_upload_is_shown_to(store: Store) -> None:
    member, former, stranger = (new_id() for _ in range(3))
    room = add_room(store, member, former)
    shown, public = new_id(), new_id()
    say(store, message(room.id, 1, attachments=(shown,)))
    assert store.uploads.is_shown_to(shown, former)
    store.rooms.leave(room.id, former)
    seen = [store.uploads.is_shown_to(shown, user) for user in (member, former, stranger)]
    assert seen == [True, False, False]

    say(store, message(EVERYONE, 1, attachments=(public,)))
    assert store.uploads.is_shown_to(public, stranger)
    assert not store.uploads.is_shown_to(new_id(), stranger)


def test_a_deleted_upload_is_gone(store: Store) -> None:
    kept = upload(new_id())
    store.uploads.add(kept)
    assert store.uploads.delete(kept.id) is True
    assert store.uploads.get(kept.id) is None
    assert store.uploads.of_owner(kept.owner, limit=5) == []
    assert store.uploads.delete(kept.id) is False


@pytest.mark.parametrize("text", NOT_IDS)
def test_what_is_no_id_finds_no_upload(store: Store, text: str) -> None:
    kept = upload(new_id())
    store.uploads.add(kept)
    assert store.uploads.get(text) is None
    assert store.uploads.of_owner(text, limit=5) == []
    assert store.uploads.of_owner(kept.owner, after=text, limit=5) == []
    assert store.uploads.delete(text) is False
    assert store.uploads.rooms(text) == store.uploads.shown_in(text) == []
    assert store.uploads.is_shown_to(text, kept.owner) is False
    assert store.uploads.is_shown_to(kept.id, text) is False
