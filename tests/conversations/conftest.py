"""Real clients of Socket.IO, in one process of Node for all tests of a module."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tornado.ioloop import IOLoop

from models.store import Store
from tests.conversations.puppets import Puppets, Theatre
from tests.handlers.conftest import Hubbub, Starter, start
from tests.node import installed

__all__ = ["start"]

# Every transport, and every store. Stores have a suite of their own: what is said is the same.
WAYS = (("polling", "sqlite"), ("websocket", "mongodb"), ("polling,websocket", "sqlite"))


@pytest.fixture(scope="session")
def node() -> Path:
    """Node, and the clients that it runs."""
    return installed()


@pytest.fixture(scope="module")
def io_loop() -> Iterator[IOLoop]:
    """One loop for all tests of a module, as the process of Node is tied to it."""
    loop = IOLoop()
    loop.make_current()
    yield loop
    loop.clear_current()
    loop.close(all_fds=True)


@pytest.fixture(scope="module")
def stage(io_loop: IOLoop, node: Path) -> Iterator[Theatre]:
    """Node, with nobody there yet."""
    theatre = Theatre()
    io_loop.run_sync(lambda: theatre.open(node))
    yield theatre
    io_loop.run_sync(theatre.close)


@pytest.fixture
def theatre(stage: Theatre) -> Iterator[Theatre]:
    """Node, from which all go in the end; and all that they have heard was as described."""
    yield stage
    stage.clear()


@pytest.fixture(params=WAYS, ids="-".join)
def way(request: pytest.FixtureRequest) -> tuple[str, str]:
    """How clients come, and where it is kept what they say."""
    kept: tuple[str, str] = request.param
    return kept


@pytest.fixture
def store(way: tuple[str, str], request: pytest.FixtureRequest) -> Store:
    """An empty store."""
    kept: Store = request.getfixturevalue("sqlite_store" if way[1] == "sqlite" else "mongo_store")
    return kept


@pytest.fixture
def hub(start: Starter, theatre: Theatre) -> Hubbub:
    """A server in open mode, where whoever goes is gone at once."""
    return start(open_mode=True, presence_grace=0.0)


@pytest.fixture
def puppets(hub: Hubbub, theatre: Theatre, way: tuple[str, str]) -> Puppets:
    """Clients that come to the server."""
    return Puppets(theatre, f"http://127.0.0.1:{hub.port}", way[0])
