"""The core without an edge, over a real store, with a clock that stands still."""

import asyncio
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

import pytest

from chat.accounts import Accounts
from chat.directory import Administration, Directory
from chat.limits import Limits
from chat.passwords import Hasher, PasswordRules, read_common_passwords
from chat.sessions import Client, Sessions
from chat.tokens import Tokens
from models.disk import Disk
from models.sqlite import SQLiteStore
from models.store import Store
from tests.conftest import STORES

P = ParamSpec("P")
T = TypeVar("T")

SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
PASSWORD = "correct horse 42"
HOME = Client("203.0.113.9", "a browser")

COMMON = read_common_passwords()


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Store:
    """An empty store of either kind, without a log: so a test knows what it does and when."""
    name = "sqlite_store" if request.param == "sqlite" else "mongo_store"
    kept: Store = request.getfixturevalue(name)
    return kept


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class HeldDisk(Disk):
    """A disk that can keep the answer to one call back, as threads do when they please."""

    def __init__(self) -> None:
        super().__init__()
        self.read = asyncio.Event()
        self.released = asyncio.Event()
        self._holding = False

    def hold_next(self) -> None:
        self._holding = True

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        holding, self._holding = self._holding, False
        result = await super().run(call, *args, **kwargs)
        if holding:
            self.read.set()
            await self.released.wait()
        return result


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def disk(sqlite_store: SQLiteStore) -> Iterator[HeldDisk]:
    # After the store, so that it is closed before it.
    disk = HeldDisk()
    yield disk
    disk.close()


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(SECRET)


@pytest.fixture
def sessions(sqlite_store: SQLiteStore, disk: HeldDisk, tokens: Tokens, clock: Clock) -> Sessions:
    return Sessions(sqlite_store, disk, tokens, 3600, clock)


@pytest.fixture
def administration(sqlite_store: SQLiteStore, disk: HeldDisk, sessions: Sessions) -> Administration:
    return Administration(sqlite_store, disk, sessions)


@pytest.fixture
def directory(sqlite_store: SQLiteStore, disk: HeldDisk) -> Directory:
    return Directory(sqlite_store, disk)


@pytest.fixture
def hasher() -> Iterator[Hasher]:
    hasher = Hasher(rounds=4, threads=2)
    yield hasher
    hasher.close()


@pytest.fixture
def accounts(
    sqlite_store: SQLiteStore,
    disk: HeldDisk,
    sessions: Sessions,
    administration: Administration,
    hasher: Hasher,
    clock: Clock,
) -> Accounts:
    rules = PasswordRules(8, COMMON)
    limits = Limits(clock=clock)
    return Accounts(sqlite_store, disk, sessions, administration, hasher, rules, limits)
