"""What is called with a key is done once, though the server is killed in the middle of it."""

import json
import random
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from models.records import new_id
from tests.mongod import Mongod
from tests.process import ServerProcess

CALLS = 80
AT_ONCE = 8
PASSWORD = "correct horse 42"

STORES = ("sqlite", "alone", "replica set")


@dataclass(frozen=True)
class Call:
    """Something that is called with a key, and the name by which its effect is known."""

    method: str
    path: str
    name: str
    body: Any = None


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: bytes
    replayed: bool


@pytest.fixture(params=["sqlite"])
def where(request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings of a server on a store."""
    if request.param == "sqlite":
        return {}
    running: Mongod = request.getfixturevalue(
        "mongod" if request.param == "alone" else "replica_set"
    )
    return {"MONGODB_URI": running.uri(f"keys_{new_id()}")}


@pytest.fixture
def replica_set(mongod_program: Path) -> Any:
    """A set of one, which has transactions."""
    with Mongod(mongod_program, replica_set=True) as running:
        yield running


class Round:
    """Some calls of Ann's, which are made until the server is killed, and then again."""

    def __init__(self, server: ServerProcess, token: str, number: int) -> None:
        self.token = token
        room = self._make(server, "POST", "/api/rooms", {"kind": "private", "name": "R"})
        self.room = room["id"]
        self.calls = [self._plan(server, f"{number}-{n}", n % 4) for n in range(CALLS)]
        self.first: dict[str, Answer] = {}

    def _plan(self, server: ServerProcess, name: str, kind: int) -> Call:
        messages = f"/api/rooms/{self.room}/messages"
        if kind == 0:
            return Call("POST", messages, name, {"content": name})
        if kind == 1:
            return Call("POST", "/api/rooms", name, {"kind": "private", "name": name})
        if kind == 2:
            said = self._make(server, "POST", messages, {"content": "before"})
            return Call("PATCH", f"/api/messages/{said['id']}", name, {"content": name})
        made = self._make(server, "POST", "/api/rooms", {"kind": "private", "name": "gone"})
        return Call("DELETE", f"/api/rooms/{made['id']}", name)

    def _make(self, server: ServerProcess, method: str, path: str, body: Any) -> Any:
        status, answer = server.call(method, path, body, self.token)
        assert status == 201, answer
        return answer

    def kill_in_the_middle(self, server: ServerProcess, chance: random.Random) -> None:
        """Make the calls, and kill the server as soon as so many were answered."""
        url, wanted = server.url, chance.randrange(1, CALLS - AT_ONCE)

        def make(call: Call) -> None:
            answer = _sent(url, self.token, call)
            if answer is None:
                return
            self.first[call.name] = answer
            if len(self.first) == wanted:
                server.process.kill()

        with ThreadPoolExecutor(AT_ONCE) as threads:
            list(threads.map(make, self.calls))
        server.kill()
        assert wanted <= len(self.first) < CALLS

    def check_again(self, server: ServerProcess) -> None:
        """Make them again, twice, and look what there is."""
        answers = [_answered(server.url, self.token, call) for call in self.calls]
        for call, answer in zip(self.calls, answers, strict=True):
            assert answer.status == (201 if call.method == "POST" else 200), answer.body
            if call.name in self.first:
                first = self.first[call.name]
                assert answer == Answer(first.status, first.body, replayed=True)
            assert _answered(server.url, self.token, call).body == answer.body
        self._check_effects(server)

    def _check_effects(self, server: ServerProcess) -> None:
        texts = _texts(server, self.token, self.room)
        rooms = _rooms(server, self.token)
        for call in self.calls:
            match call.method, call.path:
                case "POST", "/api/rooms":
                    assert rooms.count(call.name) == 1
                case "POST", _:
                    assert texts.count(call.name) == 1
                case "PATCH", path:
                    assert texts.count(call.name) == 1
                    _, former = server.call("GET", f"{path}/former", token=self.token)
                    assert [one["text"] for one in former["former"]] == ["before"]
                case _:
                    assert server.call("GET", call.path, token=self.token)[0] == 404
        assert "before" not in texts


def _sent(url: str, token: str, call: Call) -> Answer | None:
    """Make a call; None if nobody answers."""
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Idempotency-Key": call.name,
    }
    data = None if call.body is None else json.dumps(call.body).encode()
    request = urllib.request.Request(url + call.path, data, headers, method=call.method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            replayed = answer.headers["Idempotency-Replayed"] == "true"
            return Answer(answer.status, answer.read(), replayed)
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read(), replayed=False)
    except (OSError, HTTPException):
        return None


def _answered(url: str, token: str, call: Call) -> Answer:
    answer = _sent(url, token, call)
    assert answer is not None
    return answer


def _texts(server: ServerProcess, token: str, room: str) -> Sequence[str]:
    found: list[str] = []
    after = 0
    while True:
        path = f"/api/rooms/{room}/messages?after={after}&limit=100"
        _, page = server.call("GET", path, token=token)
        found += [message["content"] for message in page["messages"]]
        if not page["hasMore"]:
            return found
        after = page["messages"][-1]["seq"]


def _rooms(server: ServerProcess, token: str) -> Sequence[str]:
    found: list[str] = []
    path = "/api/rooms?limit=100"
    while path:
        request = urllib.request.Request(
            server.url + path, headers={"Authorization": f"Bearer {token}"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            found += [room["name"] for room in json.load(answer)]
            path = (answer.headers["Link"] or "").partition("<")[2].partition(">")[0]
    return found


def _kill_again_and_again(folder: Path, where: dict[str, str], *, seed: int, times: int) -> None:
    chance, token, last = random.Random(seed), "", None
    for number in range(times + 1):
        with ServerProcess(folder, RATE_LIMITS="off", **where) as server:
            if last is None:
                fields = {"username": "ann", "password": PASSWORD}
                token = server.call("POST", "/api/auth/register", fields)[1]["token"]
            else:
                last.check_again(server)
            if number < times:
                last = Round(server, token, number)
                last.kill_in_the_middle(server, chance)
            assert not [line for line in server.lines if "Traceback" in line]


def test_what_was_called_with_a_key_is_done_once(tmp_path: Path, where: dict[str, str]) -> None:
    _kill_again_and_again(tmp_path, where, seed=1, times=1)


@pytest.mark.long
@pytest.mark.parametrize("where", STORES, indirect=True)
def test_however_often_the_server_is_killed(tmp_path: Path, where: dict[str, str]) -> None:
    _kill_again_and_again(tmp_path, where, seed=2, times=12)
