"""What is lent to test after test is as new, or is not lent again."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pymongo import MongoClient

from models.mongo import MongoStore
from tests.contract.samples import add_room, user
from tests.mongod import Mongod
from tests.stores import MongoStores


@pytest.fixture
def stores(mongod: Mongod, mongo_client: MongoClient[dict[str, Any]]) -> Iterator[MongoStores]:
    """What lends stores, and has lent none yet."""
    stores = MongoStores(mongod.uri(), mongo_client)
    stores.empty()
    yield stores
    stores.close()


def contents(client: MongoClient[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    database = client["hubbub"]
    found = {name: list(database[name].find()) for name in database.list_collection_names()}
    return {name: documents for name, documents in found.items() if documents}


def test_a_store_is_lent_again_as_if_it_had_just_been_opened(
    stores: MongoStores, mongo_client: MongoClient[dict[str, Any]]
) -> None:
    store = stores.lend()
    new = contents(mongo_client)
    store.users.add(user("ann"))
    add_room(store)
    stores.take_back(store)
    stores.empty()
    assert contents(mongo_client) == {}
    assert stores.lend() is store
    assert contents(mongo_client) == new
    stores.take_back(store)


def reopen(store: MongoStore) -> None:
    store.close()
    store.open()


def replace(store: MongoStore) -> None:
    store.rooms.get = lambda room: None  # type: ignore[method-assign]


def leave_open(store: MongoStore) -> None:
    store._database._left[None] = 0.0  # type: ignore[index]


@pytest.mark.parametrize("harm", [MongoStore.close, reopen, replace, leave_open])
def test_a_store_that_was_changed_is_not_lent_again(
    stores: MongoStores, harm: Callable[[MongoStore], None]
) -> None:
    store = stores.lend()
    harm(store)
    stores.take_back(store)
    stores.empty()
    other = stores.lend()
    assert other is not store
    other.users.add(user("ann"))
    stores.take_back(other)


def test_whoever_has_the_database_to_himself_leaves_no_store(stores: MongoStores) -> None:
    store = stores.lend()
    stores.take_back(store)
    stores.close()
    stores.empty()
    other = stores.lend()
    assert other is not store
    stores.take_back(other)
