"""What every store promises about rooms and their lists."""

from datetime import UTC, datetime

import pytest

from models.records import EVERYONE, Hint, Room, new_id, pair_of
from models.store import NotFound, Store, Taken
from tests.contract.samples import (
    NOT_IDS,
    add_messages,
    add_room,
    at,
    at_once,
    direct,
    member,
    room,
)


def hint(number: int, **fields: object) -> Hint:
    values = {"seq": number, "rev": number, "sender": new_id(), "text": "…", "at": at(number)}
    return Hint(**{**values, **fields})


def test_everyone_is_there_from_the_start(store: Store) -> None:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    everyone = Room(id=EVERYONE, kind="public", name="everyone", created=epoch, active=epoch)
    assert store.rooms.get(EVERYONE) == everyone
    assert store.rooms.members(EVERYONE) == []
    assert store.rooms.public(limit=5) == []


def test_a_room_is_kept_as_it_was_added(store: Store) -> None:
    one, other = new_id(), new_id()
    bare = room(name=None)
    full = room(
        "direct",
        name="a 'name' $x",
        description="\0 und ﷽",
        creator=one,
        created=at(0.001),
        active=at(0.002),
        pair=pair_of(one, other),
        hint=hint(3, text="\U0001f600"),
    )
    members = [member(full.id, one, role="owner", muted=True), member(full.id, other, hidden=True)]
    store.rooms.add(bare, [])
    store.rooms.add(full, members)
    assert store.rooms.get(bare.id) == bare
    assert store.rooms.get(full.id) == full
    assert store.rooms.members(bare.id) == []
    assert store.rooms.members(full.id) == members


def test_a_second_pair_is_refused_with_its_members(store: Store) -> None:
    one, other = new_id(), new_id()
    store.rooms.add(*direct(one, other))
    second, members = direct(other, one)
    with pytest.raises(Taken) as refusal:
        store.rooms.add(second, members)
    assert refusal.value.field == "pair"
    assert store.rooms.get(second.id) is None
    assert store.rooms.members(second.id) == []
    assert store.rooms.member(second.id, one) is None


def test_an_id_is_taken_and_the_room_keeps_its_members(store: Store) -> None:
    one, other = new_id(), new_id()
    kept = add_room(store, one)
    with pytest.raises(Taken) as refusal:
        store.rooms.add(room(id=kept.id), [member(kept.id, other)])
    assert refusal.value.field == "id"
    assert store.rooms.get(kept.id) == kept
    assert store.rooms.members(kept.id) == [member(kept.id, one)]


def test_a_direct_room_is_made_once(store: Store) -> None:
    one, other = new_id(), new_id()
    made, members = direct(one, other)
    assert store.rooms.direct(made, members) == (made, True)
    assert store.rooms.direct(*direct(other, one)) == (made, False)
    assert store.rooms.members(made.id) == sorted(members, key=lambda each: each.user)


def test_the_room_of_a_pair(store: Store) -> None:
    one, other = new_id(), new_id()
    made, members = direct(one, other)
    assert store.rooms.of_pair(pair_of(one, other)) is None
    store.rooms.direct(made, members)
    assert store.rooms.of_pair(pair_of(other, one)) == made
    assert store.rooms.of_pair("nobody") is None


def test_a_direct_room_with_oneself(store: Store) -> None:
    one = new_id()
    made = room("direct", pair=pair_of(one, one))
    assert store.rooms.direct(made, [member(made.id, one)]) == (made, True)
    assert len(store.rooms.members(made.id)) == 1


def test_one_pair_made_by_many_at_once_is_one_room(store: Store) -> None:
    one, other = new_id(), new_id()
    pairs = [direct(one, other) for _ in range(8)]
    results = at_once([lambda pair=pair: store.rooms.direct(*pair) for pair in pairs])
    made = [found for found, new in results if new]
    assert len(made) == 1
    assert {found.id for found, _ in results} == {made[0].id}
    for attempt, _ in pairs:
        assert len(store.rooms.members(attempt.id)) == (2 if attempt.id == made[0].id else 0)


def test_a_change_replaces_what_it_names(store: Store) -> None:
    kept = add_room(store, description="old")
    assert store.rooms.change(kept.id) == kept
    changed = store.rooms.change(kept.id, description="new")
    assert (changed.name, changed.description) == (kept.name, "new")
    assert store.rooms.change(kept.id, name=None).name is None
    unnamed = store.rooms.get(kept.id)
    assert unnamed is not None
    assert (unnamed.name, unnamed.description) == (None, "new")


def test_an_unknown_room_cannot_be_changed(store: Store) -> None:
    with pytest.raises(NotFound):
        store.rooms.change(new_id(), name="x")


def test_a_deleted_room_takes_all_with_it(store: Store) -> None:
    someone = new_id()
    gone, stays = add_room(store, someone), add_room(store, someone)
    messages, others = add_messages(store, gone.id, 3), add_messages(store, stays.id, 2)
    assert store.rooms.delete(gone.id) is True
    assert store.rooms.get(gone.id) is None
    assert store.rooms.members(gone.id) == []
    assert store.messages.history(gone.id, limit=5) == []
    assert store.messages.get(messages[0].id) is None
    assert [kept.id for kept, _ in store.rooms.of_user(someone, limit=5)] == [stays.id]
    assert store.messages.history(stays.id, limit=5) == others
    assert store.rooms.delete(gone.id) is False


def test_a_pair_is_free_again_when_its_room_is_deleted(store: Store) -> None:
    one, other = new_id(), new_id()
    first, members = direct(one, other)
    store.rooms.add(first, members)
    store.rooms.delete(first.id)
    second, members = direct(one, other)
    assert store.rooms.direct(second, members) == (second, True)


def test_the_rooms_of_a_user_come_latest_first(store: Store) -> None:
    someone = new_id()
    rooms = [add_room(store, someone, active=at(n)) for n in (3, 1, 2, 2)]
    add_room(store, new_id(), active=at(9))
    found = store.rooms.of_user(someone, limit=9)
    assert [kept for kept, _ in found] == [rooms[0], rooms[3], rooms[2], rooms[1]]
    assert [theirs for _, theirs in found] == [member(kept.id, someone) for kept, _ in found]


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7])
def test_pages_of_a_users_rooms_join_without_a_seam(store: Store, size: int) -> None:
    someone = new_id()
    for seconds in (1, 1, 1, 2, 3, 3):
        add_room(store, someone, active=at(seconds))
    pages, before = [], None
    while page := store.rooms.of_user(someone, before=before, limit=size):
        pages += [kept for kept, _ in page]
        before = (pages[-1].active, pages[-1].id)
    assert pages == [kept for kept, _ in store.rooms.of_user(someone, limit=10)]
    assert len(pages) == 6


def test_a_limit_of_nothing_gives_nothing(store: Store) -> None:
    someone = new_id()
    kept = add_room(store, someone, kind="public")
    assert store.rooms.of_user(someone, limit=0) == []
    assert store.rooms.public(limit=0) == []
    assert store.rooms.members(kept.id, limit=0) == []


def test_everyone_and_hidden_rooms_are_not_among_a_users(store: Store) -> None:
    someone = new_id()
    hidden, shown = add_room(store, someone), add_room(store, someone)
    store.rooms.join(member(EVERYONE, someone))
    store.rooms.change_member(hidden.id, someone, hidden=True)
    assert [kept for kept, _ in store.rooms.of_user(someone, limit=5)] == [shown]


@pytest.mark.parametrize("size", [1, 2, 4, 5])
def test_pages_of_public_rooms_join_without_a_seam(store: Store, size: int) -> None:
    rooms = [add_room(store, kind="public", active=at(n)) for n in (2, 1, 2, 3)]
    add_room(store, kind="private", active=at(9))
    pages: list[Room] = []
    before = None
    while page := store.rooms.public(before=before, limit=size):
        pages += page
        before = (page[-1].active, page[-1].id)
    assert pages == [rooms[3], rooms[2], rooms[0], rooms[1]]


def test_a_hint_is_noted_and_makes_a_room_active(store: Store) -> None:
    kept, latest = add_room(store, active=at(0)), hint(1, at=at(5.001), text="hi")
    store.rooms.hint({kept.id: latest})
    noted = store.rooms.get(kept.id)
    assert noted is not None
    assert (noted.hint, noted.active) == (latest, at(5.001))


def test_a_hint_that_is_not_newer_changes_nothing(store: Store) -> None:
    kept, first = add_room(store), hint(2)
    store.rooms.hint({kept.id: first})
    for other in (hint(2, text="same", at=at(9)), hint(1, text="older", at=at(9))):
        store.rooms.hint({kept.id: other})
        noted = store.rooms.get(kept.id)
        assert noted is not None
        assert (noted.hint, noted.active) == (first, first.at)


def test_a_newer_hint_of_an_older_moment_leaves_the_room_where_it_was(store: Store) -> None:
    kept = add_room(store, active=at(10))
    store.rooms.hint({kept.id: hint(1, at=at(5))})
    noted = store.rooms.get(kept.id)
    assert noted is not None
    assert noted.active == at(10)
    assert noted.hint is not None


def test_hints_for_many_rooms_and_for_none(store: Store) -> None:
    rooms = [add_room(store) for _ in range(3)]
    hints = {each.id: hint(number) for number, each in enumerate(rooms, start=1)}
    store.rooms.hint({**hints, new_id(): hint(7)})
    store.rooms.hint({})
    for each in rooms:
        noted = store.rooms.get(each.id)
        assert noted is not None
        assert noted.hint == hints[each.id]


def test_hints_of_many_threads_leave_the_newest(store: Store) -> None:
    kept = add_room(store)
    hints = [hint(number) for number in (3, 8, 1, 6, 2, 7, 5, 4)]
    at_once([lambda each=each: store.rooms.hint({kept.id: each}) for each in hints])
    noted = store.rooms.get(kept.id)
    assert noted is not None
    assert (noted.hint, noted.active) == (hints[1], hints[1].at)


@pytest.mark.parametrize("text", NOT_IDS)
def test_what_is_no_id_finds_no_room(store: Store, text: str) -> None:
    someone = new_id()
    kept = add_room(store, someone, kind="public")
    assert store.rooms.get(text) is None
    assert store.rooms.of_user(text, limit=5) == []
    assert store.rooms.of_user(someone, before=(at(9), text), limit=5) == []
    assert store.rooms.public(before=(at(9), text), limit=5) == []
    assert store.rooms.delete(text) is False
    store.rooms.hint({text: hint(1)})
    with pytest.raises(NotFound):
        store.rooms.change(text, name="x")
    assert store.rooms.get(kept.id) == kept
