"""What all tests share: a real mongod, stores that are open and empty, and no stray errors."""

import asyncio
import gc
import logging
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from pymongo import MongoClient

from models.logged import LoggedStore
from models.mongo import MongoStore
from models.sqlite import SQLiteStore
from models.store import Store
from tests.browser import OpenPage, launched, strict_pages
from tests.mongod import Mongod, find_mongod
from tests.requirements import missing
from tests.stores import MongoStores, SQLiteStores

STORES = ("sqlite", "mongodb")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage among the tests: they stay, and make 500,000 objects.

    Each process spent 3.4 of 9.3 s on that while it collected them, and 0.2 s at each full look
    afterwards.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _no_loop_of_nobody() -> None:
    """Say that there is no event loop, or the first test would make one that nobody closes."""
    asyncio.set_event_loop(None)


@pytest.fixture(autouse=True)
def _no_stray_errors(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    yield
    if request.node.get_closest_marker("expects_errors") is None:
        records = [*caplog.get_records("setup"), *caplog.get_records("call")]
        stray = [record for record in records if record.levelno >= logging.ERROR]
        assert not stray, "\n".join(record.getMessage() for record in stray)


@pytest.fixture(scope="session")
def mongod_program() -> Path:
    """The mongod of this machine."""
    program = find_mongod()
    if program is None:
        missing("mongod", "set MONGOD, or put it on the PATH")
    return program


@pytest.fixture(scope="session")
def mongod(mongod_program: Path) -> Iterator[Mongod]:
    """A mongod for all tests that do it no harm."""
    with Mongod(mongod_program) as running:
        yield running


@pytest.fixture(scope="session")
def mongo_client(mongod: Mongod) -> Iterator[MongoClient[dict[str, Any]]]:
    """A plain client of that mongod, for what no store would do."""
    with MongoClient[dict[str, Any]](mongod.uri(), tz_aware=True) as client:
        yield client


@pytest.fixture(scope="session")
def mongo_stores(
    mongod: Mongod, mongo_client: MongoClient[dict[str, Any]]
) -> Iterator[MongoStores]:
    """What lends stores over that mongod."""
    stores = MongoStores(mongod.uri(), mongo_client)
    yield stores
    stores.close()


@pytest.fixture
def _empty_database(mongo_stores: MongoStores) -> None:
    mongo_stores.empty()


@pytest.fixture
def mongo_uri(_empty_database: None, mongo_stores: MongoStores, mongod: Mongod) -> str:
    """A database without documents, to do with it whatever one likes."""
    mongo_stores.close()
    return mongod.uri()


@pytest.fixture
def mongo_store(
    _empty_database: None, mongo_stores: MongoStores, request: pytest.FixtureRequest
) -> Iterator[MongoStore]:
    """An empty store over MongoDB."""
    failed = request.session.testsfailed
    store = mongo_stores.lend()
    yield store
    mongo_stores.take_back(store)
    if request.session.testsfailed > failed:
        mongo_stores.close()


@pytest.fixture(scope="session")
def sqlite_stores(tmp_path_factory: pytest.TempPathFactory) -> SQLiteStores:
    """What opens stores over files."""
    return SQLiteStores(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture
def sqlite_store(sqlite_stores: SQLiteStores, tmp_path: Path) -> Iterator[SQLiteStore]:
    """An empty store over a file."""
    store = sqlite_stores.open(tmp_path / "hubbub.db")
    yield store
    store.close()


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Store:
    """An empty store of either kind, as a server has it."""
    name = "sqlite_store" if request.param == "sqlite" else "mongo_store"
    return LoggedStore(request.getfixturevalue(name))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for all tests of a module, for its start takes 1 s of CPU."""
    with launched() as running:
        yield running


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens pages, which must not complain."""
    with strict_pages(browser) as open_page:
        yield open_page
