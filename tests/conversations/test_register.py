"""Dialect R with the real JavaScript client: `register`, receipts, and a queue for the absent."""

import pytest

from tests.conversations.puppets import Puppet, Puppets
from tests.handlers.conftest import Hubbub

pytestmark = pytest.mark.gen_test(timeout=60)

NO_MESSAGE = "0" * 24


async def registered(puppets: Puppets, name: str) -> Puppet:
    """Somebody who has registered."""
    puppet = await puppets.connect(name, dialects=("R",))
    assert await puppet.ask("register", name) == {"ok": True, "user": name}
    assert await puppet.hear("onlineStatus", user=name) == {"user": name, "status": "online"}
    return puppet


async def both(puppets: Puppets) -> tuple[Puppet, Puppet]:
    """Two who have registered, and have forgotten what they heard of one another."""
    ann, bob = await registered(puppets, "ann"), await registered(puppets, "Bob B")
    await ann.hear("onlineStatus", user="Bob B", status="online")
    assert await ann.silence() == await bob.silence() == []
    return ann, bob


def message(text: str) -> dict[str, str]:
    return {"sender": "ann", "receiver": "Bob B", "message": text}


async def test_what_waits_comes_in_order_and_is_delivered_by_that(puppets: Puppets) -> None:
    ann = await registered(puppets, "ann")
    for text in ("one", "two"):
        answer = await ann.ask("sendMessage", message(text))
        assert answer["ok"]
        assert await ann.hear("message-sent") == {
            "_id": answer["_id"],
            "receiver": "Bob B",
            "message": text,
            "timestamp": answer["timestamp"],
        }
    # `register` is said at once, as old pages do.
    bob = puppets.begin("Bob B", first=[["register", "Bob B"]], dialects=("R",))
    await bob.hear("connect")
    one, two = await bob.hear("receiveMessage"), await bob.hear("receiveMessage")
    assert one["message"] == "one"
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
    # What was delivered does not come again, neither here nor on another socket.
    assert (await bob.ask("register", "bob b"))["user"] == "Bob B"
    tab = await registered(puppets, "Bob B")
    assert "receiveMessage" not in await bob.silence()
    assert "receiveMessage" not in await tab.silence()


async def test_what_is_said_is_told_to_every_socket_of_whom_it_is_for(puppets: Puppets) -> None:
    ann, bob = await both(puppets)
    tab = await registered(puppets, "Bob B")
    own = await registered(puppets, "ann")
    # In whatever letters, the names are as they were first written.
    ann.emit("sendMessage", {"sender": " ANN ", "receiver": "bob b", "message": "<b>hi</b>"})
    told = await bob.hear("receiveMessage")
    assert (told["sender"], told["receiver"], told["message"]) == ("ann", "Bob B", "<b>hi</b>")
    assert await tab.hear("receiveMessage") == told
    for one in (ann, own):
        assert (await one.hear("message-sent"))["_id"] == told["_id"]
        assert "receiveMessage" not in await one.silence()


async def test_receipts(puppets: Puppets) -> None:
    ann, bob = await both(puppets)
    ids = []
    for text in ("one", "two", "three"):
        ann.emit("sendMessage", message(text))
        ids.append((await bob.hear("receiveMessage"))["_id"])
    answer = await bob.ask("messageDelivered", {"messageId": ids[0]})
    assert answer == {"ok": True, "messageId": ids[0]}
    assert (await ann.hear("message-delivered"))["messageId"] == ids[0]
    # To have read one is to have read, and received, those before it.
    answer = await bob.ask("messageRead", {"messageId": ids[1]})
    assert answer == {"ok": True, "messageId": ids[1]}
    for one in ids[:2]:
        ack = await ann.hear("messageReadAck")
        assert (ack["_id"], ack["reader"]) == (one, "Bob B")
        assert ack["readAt"].endswith("Z")
    bob.emit("messageRead", {"messageId": ids[2]})
    assert (await ann.hear("messageReadAck"))["_id"] == ids[2]
    # Nothing is told twice.
    await bob.ask("messageRead", {"messageId": ids[0]})
    assert "messageReadAck" not in await ann.silence()
    assert "messageReadAck" not in await bob.silence()


async def test_who_comes_and_goes_is_told_to_all(puppets: Puppets) -> None:
    ann, bob = await both(puppets)
    await bob.leave()
    assert await ann.hear("onlineStatus") == {"user": "Bob B", "status": "offline"}
    again = await registered(puppets, "Bob B")
    assert await ann.hear("onlineStatus") == {"user": "Bob B", "status": "online"}
    # After a reconnect, saying something is registering; what waits comes then.
    await again.drop()
    await ann.ask("sendMessage", message("still there?"))
    await again.reconnect()
    back = {"sender": "Bob B", "receiver": "ann", "message": "yes"}
    assert (await again.ask("sendMessage", back))["ok"]
    assert (await again.hear("receiveMessage"))["message"] == "still there?"
    assert (await ann.hear("receiveMessage"))["message"] == "yes"


async def test_what_is_refused(hub: Hubbub, puppets: Puppets) -> None:
    ann, bob = await both(puppets)
    eve = await registered(puppets, "eve")
    await hub.resident("owner", password_hash="$2b$04$x")
    one = (await ann.ask("sendMessage", message("for bob alone")))["_id"]
    await bob.hear("receiveMessage")
    for event in ("messageRead", "messageDelivered"):
        assert await eve.code_of(event, {"messageId": one}) == "message_not_found"
        assert await bob.code_of(event, {"messageId": NO_MESSAGE}) == "message_not_found"
        assert await bob.code_of(event, {"messageId": {"$ne": 1}}) == "invalid_event"
    assert await eve.code_of("sendMessage", message("I am ann")) == "not_you"
    assert await ann.code_of("sendMessage", message("")) == "empty_message"
    assert await ann.code_of("sendMessage", message("x" * 5001)) != "ok"
    assert await ann.code_of("sendMessage", {"sender": "ann"}) == "invalid_event"
    assert await ann.code_of("register", "owner") == "name_has_password"
    assert await ann.code_of("register", {"name": "ann"}) == "invalid_event"
    ann.emit("messageRead", {})
    assert (await ann.hear("error"))["code"] == "invalid_event"
    assert "messageReadAck" not in await ann.silence()
    assert await bob.silence() == ["onlineStatus"]
