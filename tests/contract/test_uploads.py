"""What every store promises about the records of files."""

import pytest

from models.records import new_id
from models.store import NotFound, Store, Taken
from tests.contract.samples import NOT_IDS, at, upload


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
        rooms=tuple(sorted((new_id(), new_id()))),
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
    uploads = [upload(owner, rooms=(new_id(),)) for _ in range(4)]
    for each in (*reversed(uploads), upload(new_id())):
        store.uploads.add(each)
    assert store.uploads.of_owner(owner, limit=9) == uploads
    assert store.uploads.of_owner(owner, limit=2) == uploads[:2]
    assert store.uploads.of_owner(owner, after=uploads[1].id, limit=2) == uploads[2:]
    assert store.uploads.of_owner(owner, after=uploads[3].id, limit=2) == []
    assert store.uploads.of_owner(owner, limit=0) == []
    assert store.uploads.of_owner(new_id(), limit=9) == []


def test_an_upload_is_shown_once_in_each_room(store: Store) -> None:
    kept, rooms = upload(new_id()), (new_id(), new_id())
    store.uploads.add(kept)
    store.uploads.show(kept.id, rooms[1])
    store.uploads.show(kept.id, rooms[0])
    shown = store.uploads.show(kept.id, rooms[1])
    assert shown.rooms == rooms
    assert store.uploads.get(kept.id) == shown


def test_an_unknown_upload_cannot_be_shown(store: Store) -> None:
    with pytest.raises(NotFound):
        store.uploads.show(new_id(), new_id())


def test_a_deleted_upload_is_gone(store: Store) -> None:
    kept = upload(new_id(), rooms=(new_id(),))
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
    with pytest.raises(NotFound):
        store.uploads.show(text, new_id())
