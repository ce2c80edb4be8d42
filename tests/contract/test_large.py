"""What every store promises about a room in which a lot was said."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from models.mongo import MongoStore
from models.records import Counters, Message, Room
from models.sqlite import SQLiteStore
from models.store import ChangedMessage, Store
from tests.conftest import STORES
from tests.contract.samples import add_room, message, say
from tests.mongod import Mongod

AMOUNT = 100_000
BATCH = 5_000

Crowded = tuple[Store, Room, list[Message]]


@pytest.fixture(scope="module", params=STORES)
def crowded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Crowded]:
    """A room of a hundred thousand messages; the first and the last but one were changed since."""
    store: Store
    if request.param == "sqlite":
        store = SQLiteStore(tmp_path_factory.mktemp("large") / "hubbub.db")
    else:
        mongod: Mongod = request.getfixturevalue("mongod")
        store = MongoStore(mongod.uri("hubbub_large"), timeout=60)
    store.open()
    room, other = add_room(store), add_room(store)
    said = [message(room.id, number) for number in range(1, AMOUNT + 1)]
    for start in range(0, AMOUNT, BATCH):
        say(store, *said[start : start + BATCH])
    say(store, message(other.id, 1))
    for index, rev in ((0, AMOUNT + 1), (-2, AMOUNT + 2)):
        said[index] = replace(said[index], rev=rev, text="changed")
        store.commit([ChangedMessage(said[index])])
    yield store, room, said
    store.close()


def test_the_counters_are_right(crowded: Crowded) -> None:
    store, room, _ = crowded
    assert store.messages.counters(room.id) == Counters(seq=AMOUNT, rev=AMOUNT + 2)


def test_the_history_is_right_at_both_ends(crowded: Crowded) -> None:
    store, room, said = crowded
    assert store.messages.history(room.id, limit=50) == said[-50:]
    assert store.messages.history(room.id, after=0, limit=50) == said[:50]
    assert store.messages.history(room.id, before=51, limit=50) == said[:50]
    assert store.messages.history(room.id, after=AMOUNT - 50, limit=100) == said[-50:]


def test_the_history_is_right_in_the_middle(crowded: Crowded) -> None:
    store, room, said = crowded
    middle = AMOUNT // 2
    assert (
        store.messages.history(room.id, before=middle + 1, limit=100) == said[middle - 100 : middle]
    )
    assert store.messages.history(room.id, after=middle, limit=100) == said[middle : middle + 100]


def test_the_changes_are_right_at_both_ends(crowded: Crowded) -> None:
    store, room, said = crowded
    assert store.messages.changes(room.id, since=0, limit=50) == said[1:51]
    assert store.messages.changes(room.id, since=AMOUNT - 2, limit=50) == [
        said[-1],
        said[0],
        said[-2],
    ]


def test_all_of_it_can_be_read_at_once(crowded: Crowded) -> None:
    store, room, said = crowded
    history = store.messages.history(room.id, limit=AMOUNT + 1)
    assert len(history) == AMOUNT
    assert history == said
