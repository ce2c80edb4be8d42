"""Which dialect a client turns out to speak, with the real JavaScript client."""

import pytest

from tests.conversations.puppets import Puppets
from tests.handlers.conftest import Hubbub

pytestmark = pytest.mark.gen_test(timeout=60)

UNDECIDED_P_OR_C = ("P", "C")


async def test_with_a_token_one_hears_both_until_one_says_what_only_one_of_them_says(
    hub: Hubbub, puppets: Puppets
) -> None:
    ann, bob, cat = await hub.residents("ann", "bob", "cat")
    one = await puppets.connect("ann", {"token": ann.token})
    assert await one.hear("online_users") == []
    assert await one.hear("user:status") == {"userId": ann.id, "status": "online"}
    two = await puppets.connect("bob", {"token": bob.token})
    assert await one.hear("user_online", userId=bob.id)
    assert await one.hear("user:status", userId=bob.id)
    # What both of them say decides nothing.
    assert await one.silence() == []
    answer = await two.ask("message:send", {"recipient": ann.id, "content": "hi", "type": "text"})
    assert (await one.hear("private_message"))["id"] == answer["id"]
    assert (await one.hear("message:received"))["id"] == answer["id"]
    answer = await one.ask("private_message", {"receiverId": bob.id, "message": "hello"})
    assert (await two.hear("message:received"))["id"] == answer["id"]
    assert (await one.hear("private_message"))["id"] == answer["id"]
    # From then on each hears one dialect alone.
    one.dialects, two.dialects = ("P",), ("C",)
    for puppet in (one, two):
        await puppet.silence()
        puppet.unheard.clear()
    await puppets.connect("cat", {"token": cat.token, "dialect": "C"})
    assert await one.hear("user_online", userId=cat.id)
    assert await two.hear("user:status", userId=cat.id)
    assert await one.silence() == await two.silence() == []


async def test_a_dialect_that_there_is_not_is_refused(hub: Hubbub, puppets: Puppets) -> None:
    ann = await hub.resident("ann")
    one = puppets.begin("ann", {"token": ann.token, "dialect": "J"}, dialects=UNDECIDED_P_OR_C)
    assert (await one.hear("connect_error"))["data"]["code"] == "unknown_dialect"


async def test_without_a_token_what_names_one_first_decides(puppets: Puppets) -> None:
    # `sendMessage` is a word of both; the fields are not.
    jay = await puppets.connect("jay", dialects=("J",))
    arr = await puppets.connect("arr", dialects=("R",))
    answer = await jay.ask("sendMessage", {"to": "arr", "from": "jay", "message": "I am J"})
    assert (await jay.hear("messageSent"))["_id"] == answer["_id"]
    answer = await arr.ask("sendMessage", {"sender": "arr", "receiver": "jay", "message": "I am R"})
    assert (await arr.hear("message-sent"))["_id"] == answer["_id"]
    assert (await jay.hear("receiveMessage"))["content"] == "I am R"
    assert (await arr.hear("receiveMessage"))["message"] == "I am J"


async def test_whoever_becomes_somebody_else_is_that_from_then_on(puppets: Puppets) -> None:
    ann = await puppets.connect("ann", dialects=("J",))
    one = await puppets.connect("one")
    await ann.ask("join", "ann")
    await one.ask("join", "first")
    assert await ann.hear("userStatusChange", username="first", status="online")
    assert await one.code_of("register", "second") == "unknown_event"
    assert await one.code_of("join", "second") == "ok"
    assert await ann.hear("userStatusChange", username="first", status="offline")
    assert await ann.hear("userStatusChange", username="second", status="online")
    await ann.ask("sendMessage", {"to": "second", "from": "ann", "message": "who are you?"})
    assert (await one.hear("receiveMessage"))["content"] == "who are you?"
