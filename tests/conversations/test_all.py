"""Conversations of every dialect with the real JavaScript client, over every transport."""

import pytest

from tests.conversations.puppets import Puppets
from tests.handlers.conftest import Hubbub

pytestmark = pytest.mark.gen_test(timeout=90)


async def test_j(puppets: Puppets, transports: str) -> None:
    ann = await puppets.connect("ann")
    ann.emit("join", "Ann Lee")
    assert await ann.hear("onlineUsersList") == ["Ann Lee"]
    bob = await puppets.connect("bob", first=[["join", " bob "]])
    assert await bob.hear("onlineUsersList") == ["Ann Lee", "bob"]
    assert await ann.hear("userStatusChange") == {"username": "bob", "status": "online"}
    answer = await ann.ask("sendMessage", {"to": "BOB", "from": "ann lee", "message": " hi  <b> "})
    sent = await ann.hear("messageSent")
    assert sent == {
        "_id": answer["_id"],
        "sender": "Ann Lee",
        "receiver": "bob",
        "content": " hi  <b> ",
        "status": "sent",
        "createdAt": answer["timestamp"],
        "updatedAt": answer["timestamp"],
    }
    assert await bob.hear("receiveMessage") == sent
    ann.emit("typing", {"to": "bob", "from": "Ann Lee", "isTyping": True})
    typing = {"to": "bob", "from": "Ann Lee", "isTyping": True}
    assert await bob.hear("userTyping") == typing
    ann.emit("typing", {**typing, "isTyping": False})
    assert await bob.hear("userTyping") == {**typing, "isTyping": False}
    bob.emit("loadChatHistory", {"user1": "bob", "user2": "Ann Lee"})
    bob.emit("loadChatHistory", {"user1": "bob", "user2": "nobody yet"})
    [line] = await bob.hear("chatHistoryLoaded")
    assert {**line, "status": "sent"} == sent
    assert await bob.hear("chatHistoryLoaded") == []
    history = await ann.ask("loadChatHistory", {"user1": "Ann Lee", "user2": "bob"})
    assert history == {"ok": True}
    [line] = await ann.hear("chatHistoryLoaded")
    assert line == {**sent, "status": "read"}
    assert await bob.transport() == transports.split(",")[-1]


async def test_r(puppets: Puppets, transports: str) -> None:
    ann = await puppets.connect("ann")
    assert (await ann.ask("register", "ann"))["ok"]
    assert await ann.hear("onlineStatus") == {"user": "ann", "status": "online"}
    for text in ("one", "two"):
        answer = await ann.ask(
            "sendMessage", {"sender": "ann", "receiver": "Bob B", "message": text}
        )
        assert answer["ok"]
        sent = await ann.hear("message-sent")
        assert sent == {
            "_id": answer["_id"],
            "receiver": "Bob B",
            "message": text,
            "timestamp": answer["timestamp"],
        }
    bob = await puppets.connect("bob", first=[["register", "Bob B"]])
    assert await bob.hear("onlineStatus") == {"user": "Bob B", "status": "online"}
    one, two = await bob.hear("receiveMessage"), await bob.hear("receiveMessage")
    assert (one["message"], two["message"]) == ("one", "two")
    assert two == {
        "_id": answer["_id"],
        "sender": "ann",
        "receiver": "Bob B",
        "message": "two",
        "timestamp": answer["timestamp"],
    }
    for each in (one, two):
        arrived = {"messageId": each["_id"], "receiver": "Bob B"}
        assert await ann.hear("message-delivered") == arrived
    await ann.hear("onlineStatus", user="Bob B", status="online")
    bob.emit("messageRead", {"messageId": two["_id"]})
    for each in (one, two):
        ack = await ann.hear("messageReadAck")
        assert (ack["_id"], ack["reader"]) == (each["_id"], "Bob B")
        assert ack["readAt"].endswith("Z")
    ann.emit("sendMessage", {"sender": "ann", "receiver": "Bob B", "message": "three"})
    three = await bob.hear("receiveMessage")
    assert (await bob.ask("messageDelivered", {"messageId": three["_id"]}))["ok"]
    assert (await ann.hear("message-delivered"))["messageId"] == three["_id"]
    assert "receiveMessage" not in await ann.silence()


async def test_p(hub: Hubbub, puppets: Puppets, transports: str) -> None:
    ann, bob = await hub.residents("ann", "bob")
    one = await puppets.connect("ann", {"token": ann.token, "dialect": "p"})
    assert await one.hear("online_users") == []
    two = puppets.begin(
        "bob",
        {"token": bob.token, "dialect": "P"},
        first=[
            ["private_message", {"receiverId": ann.id, "message": "at once"}],
        ],
    )
    [there] = await two.hear("online_users")
    assert there.keys() == {"userId", "username", "socketId"}
    assert (there["userId"], there["username"]) == (ann.id, "ann")
    assert await one.hear("user_online") == {"userId": bob.id, "username": "bob"}
    first = await one.hear("private_message")
    assert {name: first[name] for name in ("senderId", "receiverId", "message", "isRead")} == {
        "senderId": bob.id,
        "receiverId": ann.id,
        "message": "at once",
        "isRead": False,
    }
    assert await two.hear("private_message") == first
    one.emit("typing", {"receiverId": bob.id, "isTyping": True})
    typing = {"senderId": ann.id, "username": "ann", "isTyping": True}
    assert await two.hear("typing") == typing
    assert (await one.ask("message_read", {"messageId": first["id"]}))["ok"]
    assert await two.hear("message_read") == {"messageId": first["id"]}
    one.emit("get_chat_history", {"otherUserId": bob.id})
    history = await one.hear("chat_history")
    assert history["otherUserId"] == bob.id
    [item] = history["messages"]
    assert item == {
        **first,
        "isRead": True,
        "_id": first["id"],
        "sender": {"_id": bob.id, "username": "bob"},
        "receiver": {"_id": ann.id, "username": "ann"},
    }
    assert await two.transport() == transports.split(",")[-1]
    bad = puppets.begin("bad", {"token": "nonsense"})
    refused = await bad.hear("connect_error")
    assert refused["message"] == "this token is not valid"
    assert refused["data"]["code"] == "invalid_token"


async def test_c(hub: Hubbub, puppets: Puppets, transports: str) -> None:
    ann, bob = await hub.residents("ann", "bob")
    one = await puppets.connect("ann", {"token": ann.token, "dialect": "C"})
    tab = await puppets.connect("tab", {"token": ann.token, "dialect": "c"})
    two = await puppets.connect("bob", {"token": bob.token, "dialect": "C"})
    assert await one.hear("user:status") == {"userId": ann.id, "status": "online"}
    assert await one.hear("user:status") == {"userId": bob.id, "status": "online"}
    assert await two.hear("user:status") == {"userId": bob.id, "status": "online"}
    answer = await one.ask("message:send", {"recipient": "", "content": "to all", "type": "text"})
    told = await two.hear("message:received")
    assert {**told, "rev": 0} == {
        "_id": answer["id"],
        "id": answer["id"],
        "sender": ann.id,
        "recipient": None,
        "content": "to all",
        "type": "text",
        "timestamp": answer["timestamp"],
        "status": "sent",
        "roomId": answer["roomId"],
        "rev": 0,
    }
    assert await tab.hear("message:received") == told
    one.emit("message:send", {"recipient": bob.id, "content": "to bob", "type": "text"})
    direct = await two.hear("message:received")
    assert (direct["recipient"], direct["content"]) == (bob.id, "to bob")
    await one.silence()
    await tab.silence()
    assert one.heard("message:received") == tab.heard("message:received") == []
    one.emit("message:send", {"content": "a", "type": "audio"})
    assert (await one.hear("error"))["code"] == "invalid_event"
