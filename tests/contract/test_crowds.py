"""What every store promises about a room with many people, and about a person in many rooms."""

from collections.abc import Iterator

import pytest

from models.mongo import MongoStore
from models.records import Membership, Room, User, new_id
from models.sqlite import SQLiteStore
from models.store import MovedMark, Store
from tests.conftest import STORES
from tests.contract.samples import add_room, at, member, message, room, say, user
from tests.mongod import Mongod

MEMBERS = 10_000
ROOMS = 1_000

Crowd = tuple[Store, Room, list[Membership], User, list[Room]]


@pytest.fixture(scope="module", params=STORES)
def crowd(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Crowd]:
    """A room of ten thousand, and somebody who is in it and in many more."""
    store: Store
    if request.param == "sqlite":
        store = SQLiteStore(tmp_path_factory.mktemp("crowd") / "hubbub.db")
    else:
        mongod: Mongod = request.getfixturevalue("mongod")
        store = MongoStore(mongod.uri("hubbub_crowd"), timeout=60)
    store.open()
    busy = store.users.add(user())
    large = room("public", active=at(0))
    people = [busy.id, *(new_id() for _ in range(MEMBERS - 1))]
    members = sorted((member(large.id, one) for one in people), key=lambda one: one.user)
    store.rooms.add(large, members)
    rooms = [add_room(store, busy.id, active=at(number)) for number in range(1, ROOMS)]
    yield store, large, members, busy, [large, *rooms]
    store.close()


def test_all_members_are_read(crowd: Crowd) -> None:
    store, large, members, *_ = crowd
    assert store.rooms.members(large.id) == members
    page = store.rooms.members(large.id, after=members[4_999].user, limit=100)
    assert page == members[5_000:5_100]


def test_all_rooms_of_a_user_come_in_pages_the_latest_first(crowd: Crowd) -> None:
    store, _, _, busy, rooms = crowd
    found: list[Room] = []
    before = None
    while page := store.rooms.of_user(busy.id, before=before, limit=100):
        found += [one for one, _ in page]
        before = found[-1].active, found[-1].id
    assert found == rooms[::-1]
    assert [one for one, _ in store.rooms.of_user(busy.id, limit=ROOMS + 1)] == found


def test_one_comes_and_one_goes_and_the_others_stay(crowd: Crowd) -> None:
    store, large, members, *_ = crowd
    newcomer = member(large.id, new_id())
    assert store.rooms.join(newcomer) == newcomer
    assert len(store.rooms.members(large.id)) == MEMBERS + 1
    assert store.rooms.leave(large.id, newcomer.user)
    assert store.rooms.members(large.id) == members


def test_all_have_read_what_is_said(crowd: Crowd) -> None:
    store, _, members, busy, _ = crowd
    made = room()
    store.rooms.add(made, [member(made.id, one.user) for one in members])
    say(store, message(made.id, 1, sender=busy.id))
    marks = [MovedMark(made.id, one.user, 1, 1) for one in members]
    for start in range(0, MEMBERS, 1_000):
        store.commit(marks[start : start + 1_000])
    assert {(one.delivered, one.read) for one in store.rooms.members(made.id)} == {(1, 1)}
    assert store.rooms.delete(made.id)
    assert store.rooms.members(made.id) == []
