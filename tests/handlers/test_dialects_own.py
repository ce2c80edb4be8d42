"""A dialect of one's own, added exactly as `docs/dialects.md` says."""

import re
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

from handlers.application import make_application
from handlers.asyncapi import asyncapi
from handlers.channels import channels
from handlers.dialects import choice
from handlers.dialects.choice import Choice
from tests.handlers import conftest
from tests.handlers.conftest import Hubbub, Starter
from tests.handlers.speakers import Speakers

ROOT = Path(__file__).parents[2]
NAME = "handlers.dialects.say"


def _module(name: str, source: str) -> ModuleType:
    module = ModuleType(name)
    sys.modules[name] = module
    exec(compile(source, name, "exec"), module.__dict__)  # noqa: S102 - it is our own page
    return module


@pytest.fixture
def own() -> Iterator[Choice]:
    """The dialects, with the one of the page among them."""
    page = (ROOT / "docs/dialects.md").read_text()
    table, named = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert "`handlers/dialects/say.py`" in page
    assert "`handlers/dialects/choice.py`" in page
    _module(NAME, table)
    before = Path(choice.__file__).read_text()
    # The page shows what its two lines become; all else of the file stays as it is.
    imported, made = named.strip().split("\n\n")
    assert re.search(r"^DIALECTS = .*$", before, re.MULTILINE)
    after = re.sub(r"^DIALECTS = .*$", f"{imported}\n{made}", before, flags=re.MULTILINE)
    changed: Choice = _module("handlers.dialects.changed_choice", after).DIALECTS
    yield changed
    del sys.modules[NAME], sys.modules["handlers.dialects.changed_choice"]


@pytest.fixture
def hub(start: Starter, own: Choice, monkeypatch: pytest.MonkeyPatch) -> Hubbub:
    """A server that knows it."""
    monkeypatch.setattr(conftest, "make_application", partial(make_application, choice=own))
    return start(presence_grace=0.0)


@pytest.mark.gen_test(timeout=30)
async def test_its_clients_are_in_the_same_rooms_as_all_others(hub: Hubbub) -> None:
    clients = Speakers(hub)
    ann, bob = await hub.residents("ann", "bob")
    one, two = await clients.dial(), await clients.by_token(bob, "P")
    assert "sid" in await one.connect({"token": ann.token, "dialect": "s"})
    await two.hear("user_online", username="ann")
    assert await one.ask("who", {}) == {"ok": True, "names": ["ann", "bob"]}
    answer = await one.ask("say", {"to": "bob", "text": "hello"})
    heard = await two.hear("private_message")
    assert (heard["id"], heard["message"]) == (answer["id"], "hello")
    back = await two.ask("private_message", {"receiverId": ann.id, "message": "back"})
    said = {"id": back["id"], "from": "bob", "text": "back", "at": back["timestamp"]}
    assert await one.hear("said") == said
    # And what mentions them, and what makes no sound.
    mentioned = {"receiverId": ann.id, "message": "@ann"}
    await two.ask("private_message", mentioned)
    assert (await one.hear("said"))["text"] == "@ann"
    muted = await hub.call("PUT", f"/api/rooms/{answer['roomId']}/mute", token=ann.token)
    assert muted.status == 200
    await two.ask("private_message", {**mentioned, "message": "hush"})
    assert (await one.hear("said"))["text"] == "hush"
    assert (await one.ask("say", {"to": "bob"}))["code"] == "invalid_event"
    await two.leave()
    assert await one.hear("gone") == {"name": "bob"}
    # What came while they were away is told, in these words too.
    await one.leave()
    three = await clients.by_token(bob, "C")
    sent = {"recipient": ann.id, "content": "missed", "type": "text"}
    assert await three.code_of("message:send", sent) == "ok"
    again = await clients.dial()
    await again.connect({"token": ann.token, "dialect": "S"})
    assert (await again.hear("said"))["text"] == "missed"
    await clients.close()


def test_it_is_described(own: Choice) -> None:
    described = asyncapi(channels(own), "test")["channels"]["S"]["messages"]
    assert {"client.say", "client.who", "server.said", "server.come", "server.gone"} <= set(
        described
    )
