"""A server on a real socket, on both stores, and a client that speaks JSON to it."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.testing import bind_unused_port

import server as hubbub
from conf.settings import Settings
from handlers.application import make_application
from models.store import Store

SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
PASSWORD = "correct horse 42"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return self.json["code"]


@dataclass(frozen=True)
class Person:
    """Somebody who is logged in."""

    id: str
    name: str
    token: str


class Hubbub:
    """A running server."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.core = hubbub.build_core(settings, store, SECRET)
        self.services = hubbub.build_services(settings, self.core)
        self.server = HTTPServer(make_application(self.services), max_body_size=1 << 40)
        sock, self.port = bind_unused_port()
        self.server.add_socket(sock)
        self.client = AsyncHTTPClient(force_instance=True)

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Answer:
        """Make a call; `raw` is sent as it is, `body` as JSON."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if body is not None:
            raw = json.dumps(body).encode()
        if raw is not None:
            sent.setdefault("Content-Type", "application/json")
        response: HTTPResponse = await self.client.fetch(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            body=raw,
            headers=sent,
            raise_error=False,
            allow_nonstandard_methods=True,
            follow_redirects=False,
        )
        return Answer(response.code, response.headers, response.body)

    async def get(self, path: str, token: str | None = None, **more: Any) -> Answer:
        return await self.call("GET", path, token=token, **more)

    async def post(self, path: str, body: object = None, **more: Any) -> Answer:
        return await self.call("POST", path, body, **more)

    async def person(self, name: str, **more: str) -> Person:
        """Register somebody."""
        fields = {"username": name, "password": PASSWORD, **more}
        answer = await self.post("/api/auth/register", fields)
        assert answer.status == 201, answer.body
        return Person(answer.json["user"]["id"], name, answer.json["token"])

    async def is_in(self, token: str) -> bool:
        """Tell whether a token still opens anything."""
        return (await self.get("/api/auth/me", token)).status == 200

    def close(self) -> None:
        self.client.close()
        self.server.stop()
        IOLoop.current().run_sync(self.server.close_all_connections)
        self.core.hasher.close()
        self.core.disk.close()


Starter = Callable[..., Hubbub]


@pytest.fixture
def start(io_loop: IOLoop, store: Store, tmp_path: Path) -> Iterator[Starter]:
    """Start servers with settings of one's own."""
    started: list[Hubbub] = []

    def start(**settings: Any) -> Hubbub:
        values = {"bcrypt_rounds": 4, "data_dir": tmp_path, "rate_limits": False, **settings}
        started.append(Hubbub(Settings(**values), store))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def hub(start: Starter) -> Hubbub:
    """A server with the usual settings, but without limits on rates."""
    return start()
