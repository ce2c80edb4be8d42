"""A socket keeps what it needs, and nothing of how it came about."""

import gc
import weakref

import pytest
from tornado.httputil import HTTPServerRequest

from handlers.websocket import SocketHandler
from tests.handlers.conftest import Hubbub


@pytest.mark.gen_test
async def test_the_request_is_forgotten_once_the_socket_is_open(hub: Hubbub) -> None:
    requests: list[weakref.ref[HTTPServerRequest]] = []

    class Watched(SocketHandler):
        def prepare(self) -> None:
            requests.append(weakref.ref(self.request))
            super().prepare()

    rules = hub.server.request_callback.wildcard_router.rules  # type: ignore[attr-defined]
    rule = next(rule for rule in rules if rule.target is SocketHandler)
    rule.target = Watched
    person = await hub.resident("ann")
    client = await hub.socket(person)
    gc.collect()
    assert [request() for request in requests] == [None]
    assert (await client.ask("PRESENCE"))["userIds"] == [person.id]


@pytest.mark.gen_test
async def test_what_a_socket_keeps_is_not_in_a_dict(hub: Hubbub) -> None:
    person = await hub.resident("ann")
    await hub.socket(person)
    (socket,) = hub.services.hub.of_user(person.id)
    assert isinstance(socket, SocketHandler)
    assert len(vars(socket)) <= 10
    assert set(SocketHandler.__slots__).isdisjoint(vars(socket))
