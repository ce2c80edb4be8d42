"""Echo applications on real ports."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tornado.ioloop import IOLoop

from handlers.socketio.engine import Limits
from tests import engineio_echo, socketio_echo
from tests.handlers.socketio.clients import Site

Starter = Callable[..., Site]

# What the public test suite allows, 0.2 s for an answer to a ping and 1 s to connect, is too little
# for a machine that does other things too. Tests of what is too late say so.
PATIENCE = {"ping_timeout": 20.0, "connect_timeout": 20.0}


@pytest.fixture
def keeps() -> bool:
    """Whether callers keep their connections; some modules try both."""
    return False


@pytest.fixture
def start(io_loop: IOLoop, keeps: bool) -> Iterator[Starter]:
    """Start an echo application with limits of one's own."""
    started: list[Site] = []

    def start(module: Any, **limits: Any) -> Site:
        path = "/socket.io/" if module is socketio_echo else "/engine.io/"
        made = module.make_application(Limits(**limits))
        started.append(Site(*made, path, keeps=keeps))
        return started[-1]

    yield start
    for one in started:
        io_loop.run_sync(one.stop)


@pytest.fixture
def engine(start: Starter) -> Site:
    """The Engine.IO echo, with the times that clients usually meet."""
    return start(engineio_echo)


@pytest.fixture
def socketio(start: Starter) -> Site:
    """The Socket.IO echo, with the times that clients usually meet."""
    return start(socketio_echo)


@pytest.fixture
def quick_engine(start: Starter) -> Site:
    """The Engine.IO echo, with the pings of the public test suite."""
    return start(engineio_echo, **_limits())


@pytest.fixture
def quick_socketio(start: Starter) -> Site:
    """The Socket.IO echo, with the pings of the public test suite."""
    return start(socketio_echo, **_limits())


def _limits() -> dict[str, Any]:
    limits = socketio_echo.LIMITS
    names = ("ping_interval", "max_payload")
    return {name: getattr(limits, name) for name in names} | PATIENCE
