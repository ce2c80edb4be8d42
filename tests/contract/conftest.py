"""Every store that there is: both kinds as they are, and one with a log in front of it."""

from collections.abc import Callable, Iterator

import pytest

from models.mongo import MongoStore
from models.sqlite import SQLiteStore
from models.store import Store
from tests.conftest import STORES
from tests.stores import AlwaysLogged


@pytest.fixture
def logged_store(sqlite_store: SQLiteStore) -> AlwaysLogged:
    """An empty store with a log in front of it, where all goes that may be there."""
    return AlwaysLogged(sqlite_store)


@pytest.fixture(params=[*STORES, "logged"])
def store(request: pytest.FixtureRequest) -> Store:
    """An empty store of any kind."""
    name = {"mongodb": "mongo_store"}.get(request.param, f"{request.param}_store")
    kept: Store = request.getfixturevalue(name)
    return kept


@pytest.fixture
def reopen(store: Store, request: pytest.FixtureRequest) -> Iterator[Callable[[], Store]]:
    """Closes the store and opens another over the same data, as a new process would."""
    opened: list[Store] = []

    def close_and_open() -> Store:
        store.close()
        if isinstance(store, MongoStore):
            opened.append(MongoStore(request.getfixturevalue("mongo_uri")))
        else:
            underlying = SQLiteStore(request.getfixturevalue("tmp_path") / "hubbub.db")
            is_logged = isinstance(store, AlwaysLogged)
            opened.append(AlwaysLogged(underlying) if is_logged else underlying)
        opened[-1].open()
        return opened[-1]

    yield close_and_open
    for other in opened:
        other.close()
