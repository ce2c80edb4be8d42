"""A server on a real socket, on both stores, and a client that speaks JSON to it."""

import asyncio
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.testing import bind_unused_port

import server as hubbub
from chat import commands, presence
from chat.chat import Speaker
from chat.sessions import Client as Place
from conf.settings import Settings
from handlers.application import make_application
from models.records import Message, Room, RoomRole, User, now
from models.store import Store
from tests.chat.engine import until
from tests.contract import samples
from tests.handlers import described
from tests.handlers.forms import Field, File, form
from tests.handlers.sockets import Client, bearer, dial

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
        self.core.uploads.files.open()
        self.application = make_application(self.services)
        self.server = HTTPServer(self.application, max_body_size=1 << 40)
        sock, self.port = bind_unused_port()
        self.server.add_socket(sock)
        self.client = AsyncHTTPClient(force_instance=True)
        self.clients: list[Client] = []
        loop = IOLoop.current().asyncio_loop  # type: ignore[attr-defined]
        self._keeping = loop.create_task(self.services.sockets.keep())
        self._stopped = False

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
        answer = Answer(response.code, response.headers, response.body)
        described.check_answer(method, path, answer.status, answer.headers, answer.body)
        return answer

    async def raw_get(
        self, path: str, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Make a call without undoing what the server does to the body."""
        request = HTTPRequest(
            f"http://127.0.0.1:{self.port}{path}", headers=headers, decompress_response=False
        )
        response = await self.client.fetch(request, raise_error=False)
        return response.code, response.headers, response.body

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

    async def resident(self, name: str, **fields: Any) -> Person:
        """Let somebody be there, and be logged in, without the cost of a password."""
        user: User = samples.user(name, **fields)
        await self.core.disk.run(self.core.store.users.add, user)
        return Person(user.id, name, await self.login(user))

    async def residents(self, *names: str) -> list[Person]:
        return [await self.resident(name) for name in names]

    async def login(self, user: User) -> str:
        """Log somebody in once more."""
        return await self.core.sessions.start(user, Place("127.0.0.1", "a test"))

    async def room(self, roles: Mapping[str, RoomRole], kind: str = "private") -> Room:
        """Let a room be there, with these people in these roles."""
        made: Room = samples.room(kind, created=now(), active=now())
        members = [
            samples.member(made.id, user, role=role, joined=samples.at(n))
            for n, (user, role) in enumerate(roles.items())
        ]
        await self.core.disk.run(self.core.store.rooms.add, made, members)
        return made

    async def dial(self, path: str = "/ws", **more: Any) -> Client:
        """Open a socket that nobody has logged in yet."""
        client = await dial(self.port, path, **more)
        self.clients.append(client)
        return client

    async def socket(self, person: Person) -> Client:
        """Open a socket of somebody, who has heard of it."""
        client = await self.dial(headers=bearer(person.token))
        await client.hear("ONLINE_USERS")
        return client

    async def sockets(self, *people: Person) -> list[Client]:
        """Open a socket for each, and let them forget what they heard of one another."""
        clients = [await self.socket(person) for person in people]
        here = {person.id for person in people}
        for client, person in zip(clients, people, strict=True):
            present = set((await client.hear("AUTH_SUCCESS"))["online"])
            for other in here - present - {person.id}:
                await client.hear("USER_ONLINE", userId=other)
            client.forget()
        return clients

    async def say(
        self, person: Person, room_id: str, content: str = "hello", *attachments: str
    ) -> Message:
        """Say something without a socket."""
        await self.core.people.load([person.id])
        command = commands.SendMessage(room_id=room_id, content=content, attachments=attachments)
        said = await self.core.chat.sent(Speaker(person.id, person.name), command)
        return said.message

    async def send_files(
        self,
        person: Person,
        *files: File | Field,
        path: str = "/api/uploads",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a form."""
        body, kind = form(*files)
        sent = {"Content-Type": kind, **(headers or {})}
        return await self.call("POST", path, token=person.token, raw=body, headers=sent)

    async def uploads(self, person: Person, *files: File) -> list[dict[str, Any]]:
        """Send files that are taken."""
        answer = await self.send_files(person, *files)
        assert answer.status == 201, answer.body
        return list(answer.json["uploads"])

    def folder(self) -> Path:
        """Where uploads are kept."""
        return self.core.uploads.files.folder

    async def is_clean(self) -> bool:
        """Whether nothing is left, or soon will be, of what was not kept."""
        incoming = self.folder() / "incoming"
        await until(lambda: not self.core.uploads.arrivals.total and not list(incoming.iterdir()))
        return True

    def kept_files(self) -> set[str]:
        """The files in the folder of uploads, without what lies in wait."""
        folder = self.core.uploads.files.folder
        return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}

    async def stop(self) -> None:
        """Stop as `server.py` does; twice does no harm."""
        if self._stopped:
            return
        self._stopped = True
        self.client.close()
        self.server.stop()
        self._keeping.cancel()
        await asyncio.wait([self._keeping])
        self.services.sockets.close_all()
        self.application.end_sessions()
        self.application.hang_up()
        for client in self.clients:
            await client.over()
        await self.core.finish()
        await self.server.close_all_connections()
        await end_readers()
        self.core.uploads.close()
        self.core.hasher.close()
        self.core.disk.close()


def keep_little(hub: Hubbub) -> None:
    """Let the kernel keep little of what a socket is told, where it would keep some megabytes."""
    for listening in hub.server._sockets.values():
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)


async def end_readers() -> None:
    """Cancel, as `asyncio.run` does, the readers of sockets whose clients have not hung up."""
    readers = [task for task in asyncio.all_tasks() if "_receive_frame_loop" in repr(task)]
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)


Starter = Callable[..., Hubbub]


@pytest.fixture
def start(
    io_loop: IOLoop, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Starter]:
    """Start servers with settings of one's own."""
    # Who comes is told at once, and not again to somebody who comes a moment later.
    monkeypatch.setattr(presence, "GATHER_SECONDS", 0)
    started: list[Hubbub] = []

    def start(**settings: Any) -> Hubbub:
        values = {
            "bcrypt_rounds": 4,
            "data_dir": tmp_path,
            "upload_dir": tmp_path / "uploads",
            "rate_limits": False,
            **settings,
        }
        started.append(Hubbub(Settings(**values), store))
        return started[-1]

    yield start
    for one in started:
        io_loop.run_sync(one.stop)


@pytest.fixture
def hub(start: Starter) -> Hubbub:
    """A server with the usual settings, but without limits on rates."""
    return start()
