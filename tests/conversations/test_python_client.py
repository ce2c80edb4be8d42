"""Every dialect with the real Python client (python-socketio), over both transports."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from socketio import SimpleClient

from tests.handlers.conftest import Hubbub, Person
from tests.handlers.described import check_callback, check_event

pytestmark = pytest.mark.gen_test(timeout=60)

LONGEST = 10.0


class Caller:
    """One client, which waits for what it expects; what it hears must be as it is described."""

    def __init__(self, client: SimpleClient, dialect: str) -> None:
        self._client = client
        self._dialects = (dialect,)

    def hear(self, event: str) -> Any:
        """Wait for an event; what comes before it is of no interest."""
        while True:
            name, *arguments = self._client.receive(LONGEST)
            check_event(self._dialects, name, arguments)
            if name == event:
                return arguments[0]

    def emit(self, event: str, payload: object) -> None:
        """Say something, without a callback."""
        self._client.emit(event, payload)

    def ask(self, event: str, payload: object) -> Any:
        """Say something, and return what the callback is called with."""
        answer = self._client.call(event, payload, timeout=LONGEST)
        check_callback(self._dialects, event, [answer])
        return answer


class Site:
    """Where clients go, and how."""

    def __init__(self, url: str, transport: str) -> None:
        self._url = url
        self._transport = transport

    @contextmanager
    def caller(self, dialect: str, token: str | None = None) -> Iterator[Caller]:
        """A client that is connected."""
        auth = {} if token is None else {"auth": {"token": token, "dialect": dialect}}
        with SimpleClient() as client:
            client.connect(self._url, transports=[self._transport], **auth)
            yield Caller(client, dialect)


def converse_j(site: Site) -> None:
    with site.caller("J") as ann, site.caller("J") as bob:
        assert ann.ask("join", "Ann Lee") == {"ok": True, "username": "Ann Lee"}
        bob.emit("join", "bob")
        assert bob.hear("onlineUsersList") == ["Ann Lee", "bob"]
        ann.emit("sendMessage", {"to": "bob", "from": "Ann Lee", "message": "hi 🚂"})
        assert bob.hear("receiveMessage") == ann.hear("messageSent")
        bob.emit("loadChatHistory", {"user1": "bob", "user2": "Ann Lee"})
        assert [line["content"] for line in bob.hear("chatHistoryLoaded")] == ["hi 🚂"]
        typing = {"to": "bob", "from": "Ann Lee", "isTyping": True}
        ann.emit("typing", typing)
        assert bob.hear("userTyping") == typing
        assert ann.ask("join", "x" * 31)["code"] == "invalid_name"
        bob.emit("shout", "?")
        assert bob.hear("error")["code"] == "unknown_event"


def converse_r(site: Site) -> None:
    with site.caller("R") as ann, site.caller("R") as bob:
        assert ann.ask("register", "ann")["ok"]
        ann.emit("sendMessage", {"sender": "ann", "receiver": "rob", "message": "wait"})
        sent = ann.hear("message-sent")
        bob.emit("register", "rob")
        told = bob.hear("receiveMessage")
        assert (told["_id"], told["message"]) == (sent["_id"], "wait")
        assert ann.hear("message-delivered")["messageId"] == told["_id"]
        bob.emit("messageRead", {"messageId": told["_id"]})
        assert ann.hear("messageReadAck")["reader"] == "rob"


def converse_p(site: Site, ann: Person, bob: Person) -> None:
    with site.caller("P", ann.token) as one, site.caller("P", bob.token) as two:
        assert [user["userId"] for user in two.hear("online_users")] == [ann.id]
        answer = one.ask("private_message", {"receiverId": bob.id, "message": "hello"})
        told = two.hear("private_message")
        assert told == one.hear("private_message")
        assert told["id"] == answer["id"]
        two.emit("message_read", {"messageId": told["id"]})
        assert one.hear("message_read") == {"messageId": told["id"]}
        two.emit("typing", {"receiverId": ann.id, "isTyping": True})
        assert one.hear("typing")["senderId"] == bob.id
        one.emit("get_chat_history", {"otherUserId": bob.id})
        assert [item["isRead"] for item in one.hear("chat_history")["messages"]] == [True]
        assert one.ask("message_read", {"messageId": "0" * 24})["code"] == "message_not_found"


def converse_c(site: Site, ann: Person, bob: Person) -> None:
    with site.caller("C", ann.token) as one, site.caller("C", bob.token) as two:
        assert two.hear("user:status") == {"userId": bob.id, "status": "online"}
        for recipient in (bob.id, None):
            said = {"recipient": recipient, "content": "hello", "type": "text"}
            answer = one.ask("message:send", said)
            told = two.hear("message:received")
            assert (told["id"], told["recipient"]) == (answer["id"], recipient)
        assert one.ask("message:send", {"content": ""})["code"] == "empty_message"


@pytest.mark.parametrize(
    "way", [("polling", "sqlite"), ("websocket", "mongodb")], ids="-".join, indirect=True
)
async def test_every_dialect(hub: Hubbub, way: tuple[str, str]) -> None:
    site = Site(f"http://127.0.0.1:{hub.port}", way[0])
    people = await hub.residents("ann_p", "bob_p")
    for converse in (converse_p, converse_c):
        await asyncio.to_thread(converse, site, *people)
    for converse_by_name in (converse_j, converse_r):
        await asyncio.to_thread(converse_by_name, site)
