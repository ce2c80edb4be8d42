"""What the tests of MongoDB's store share, and those of a log in front of one."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database as Collections

from models.logged import LoggedStore
from models.mongo import MongoStore
from models.sqlite import SQLiteStore
from tests.conftest import STORES
from tests.logs import HookedCommit, HookedLog
from tests.mongod import Mongod


@pytest.fixture
def collections(
    mongo_store: MongoStore, mongo_client: MongoClient[dict[str, Any]]
) -> Collections[dict[str, Any]]:
    """The database of the open store, to act behind its back."""
    return mongo_client["hubbub"]


@pytest.fixture(params=STORES)
def underlying(request: pytest.FixtureRequest) -> SQLiteStore | MongoStore:
    """An empty store of either kind, to put a log in front of it."""
    name = "sqlite_store" if request.param == "sqlite" else "mongo_store"
    store: SQLiteStore | MongoStore = request.getfixturevalue(name)
    return store


@pytest.fixture
def log(underlying: SQLiteStore | MongoStore, monkeypatch: pytest.MonkeyPatch) -> HookedLog:
    """The log of that store, where a test may act."""
    hooked = HookedLog(underlying.log)
    monkeypatch.setattr(underlying, "log", hooked)
    return hooked


@pytest.fixture
def commits(underlying: SQLiteStore | MongoStore, monkeypatch: pytest.MonkeyPatch) -> HookedCommit:
    """The `commit` of that store, where a test may act."""
    hooked = HookedCommit(underlying.commit)
    monkeypatch.setattr(underlying, "commit", hooked)
    return hooked


@pytest.fixture
def logged(underlying: SQLiteStore | MongoStore, log: HookedLog) -> LoggedStore:
    """The store with its log in front of it."""
    return LoggedStore(underlying)


@pytest.fixture
def survivor(
    underlying: SQLiteStore | MongoStore, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[[], LoggedStore]]:
    """Opens what a server would find that is started now because the other was killed."""
    opened: list[LoggedStore] = []

    def start() -> LoggedStore:
        if isinstance(underlying, MongoStore):
            mongod: Mongod = request.getfixturevalue("mongod")
            opened.append(LoggedStore(MongoStore(mongod.uri())))
        else:
            folder = tmp_path / f"survivor{len(opened)}"
            folder.mkdir()
            for file in tmp_path.glob("hubbub.db*"):
                shutil.copy(file, folder)
            opened.append(LoggedStore(SQLiteStore(folder / "hubbub.db")))
        opened[-1].open()
        return opened[-1]

    yield start
    for store in opened:
        store.close()
