"""Clients of the Socket.IO dialects: who they are, what they may say, what they are told first."""

import asyncio
import json

import pytest

from chat.errors import TooMany
from models.records import EVERYONE
from models.store import Unavailable
from tests.handlers.conftest import Hubbub, Starter
from tests.handlers.speakers import Speakers
from tests.handlers.speakers import make_open_hub as make_open_hub
from tests.handlers.speakers import make_speakers as make_speakers

pytestmark = pytest.mark.gen_test(timeout=30)


# Who they are.


async def test_names_alone_are_for_open_mode(start: Starter) -> None:
    clients = Speakers(start())
    refused = await (await clients.dial()).connect()
    assert refused == {
        "message": "log in first: no token was sent",
        "data": {"code": "missing_token", "message": "log in first: no token was sent"},
    }
    await clients.close()


@pytest.mark.parametrize("event", ["join", "register"])
async def test_a_name_with_a_password_is_refused(
    open_hub: Hubbub, speakers: Speakers, event: str
) -> None:
    await open_hub.person("bob")
    one = await speakers.bare()
    for name in ("bob", " BOB "):
        assert await one.code_of(event, name) == "name_has_password"
    one.emit(event, "Bob")
    assert (await one.hear("error"))["code"] == "name_has_password"
    assert not open_hub.core.presence.online()


@pytest.mark.parametrize("event", ["join", "register"])
async def test_a_name_that_looks_like_anothers_is_refused(
    open_hub: Hubbub, speakers: Speakers, event: str
) -> None:
    await open_hub.person("bob")
    one, other = await speakers.bare(), await speakers.bare()
    assert (await one.ask(event, "Ａnn²"))["ok"]  # noqa: RUF001
    for name in ("Ｂob", "ann2", "AＮＮ２"):  # noqa: RUF001
        assert await other.code_of(event, name) == "similar_name"
    other.emit(event, "Ann2")
    assert (await other.hear("error"))["code"] == "similar_name"
    assert len(open_hub.core.presence.online()) == 1
    assert (await other.ask(event, "ａNN²"))["ok"]  # noqa: RUF001


async def test_nobody_is_made_a_guest_under_a_name_that_looks_like_anothers(
    open_hub: Hubbub, speakers: Speakers
) -> None:
    one, other = await speakers.bare(), await speakers.bare()
    await one.ask("join", "ann")
    await other.ask("register", "ann")
    message = {"to": "Ａnn", "from": "ann", "message": "hello"}  # noqa: RUF001
    assert await one.code_of("sendMessage", message) == "similar_name"
    message = {"sender": "ann", "receiver": "Ａnn", "message": "hello"}  # noqa: RUF001
    assert await other.code_of("sendMessage", message) == "similar_name"


@pytest.mark.parametrize("event", ["join", "register"])
@pytest.mark.parametrize("name", ["", "  ", "x" * 31, "a\u202eb", "\u2800", "a\nb", 7, None, {}])
async def test_names_that_are_none(speakers: Speakers, event: str, name: object) -> None:
    one = await speakers.bare()
    assert await one.code_of(event, name) in ("invalid_name", "invalid_event")


async def test_names_are_compared_without_case_and_spaces_around(
    open_hub: Hubbub, speakers: Speakers
) -> None:
    one = await speakers.j("  Ann Lee ")
    two = await speakers.j("ANN lee")
    assert len(open_hub.core.presence.online()) == 1
    assert await two.ask("join", "ann lee") == {"ok": True, "username": "Ann Lee"}
    assert await one.silence() == []


async def test_joining_again_is_free_and_tells_nobody(start: Starter) -> None:
    hub = start(open_mode=True, rate_limits=True)
    clients = Speakers(hub)
    ann, bob = await clients.j("ann"), await clients.j("bob")
    await ann.hear("userStatusChange", username="bob")
    # More often than an address may bring new names (60), and fewer than commands at once (100).
    for _ in range(80):
        assert (await bob.ask("join", "Bob"))["ok"]
    assert await ann.silence() == []
    await clients.close()


async def test_one_becomes_somebody_else_by_joining_as_them(
    open_hub: Hubbub, speakers: Speakers
) -> None:
    ann, bob = await speakers.j("ann"), await speakers.j("bob")
    await ann.hear("userStatusChange", username="bob", status="online")
    assert (await bob.ask("join", "eve"))["username"] == "eve"
    await ann.hear("userStatusChange", username="bob", status="offline")
    await ann.hear("userStatusChange", username="eve", status="online")
    said = {"to": "ann", "from": "bob", "message": "x"}
    assert await bob.code_of("sendMessage", said) == "not_you"


FIRST = {
    "join": "ann",
    "register": "ann",
    "sendMessage": {"to": "eve", "from": "ann", "message": "hi"},
    "loadChatHistory": {"user1": "ann", "user2": "eve"},
    "typing": {"to": "eve", "from": "ann", "isTyping": True},
}


@pytest.mark.parametrize("event", FIRST)
async def test_what_names_its_sender_counts_as_joining(
    open_hub: Hubbub, speakers: Speakers, event: str
) -> None:
    one = await speakers.bare()
    assert await one.code_of(event, FIRST[event]) == "ok"
    [known] = await open_hub.core.people.users(open_hub.core.presence.online())
    assert known.name == "ann"


async def test_the_words_of_r_count_as_joining(speakers: Speakers) -> None:
    bob, one = await speakers.r("bob"), await speakers.bare()
    said = {"sender": "ann", "receiver": "bob", "message": "hi"}
    assert await one.code_of("sendMessage", said) == "ok"
    assert (await one.hear("message-sent"))["message"] == "hi"
    assert (await bob.hear("receiveMessage"))["sender"] == "ann"


@pytest.mark.parametrize("event", ["messageRead", "messageDelivered", "sync"])
async def test_whoever_has_not_said_who_they_are_may_do_nothing_else(
    speakers: Speakers, event: str
) -> None:
    one = await speakers.bare()
    payload = {"messageId": "0" * 24, "roomId": EVERYONE, "since": 0}
    assert await one.code_of(event, payload) == "not_joined"
    one.emit(event, payload)
    assert (await one.hear("error"))["code"] == "not_joined"


async def test_whoever_says_nothing_is_closed_but_not_sent_away(start: Starter) -> None:
    """A disconnect packet would be final for the page of dialect J."""
    clients = Speakers(start(open_mode=True, authentication_timeout=0.2))
    one, two = await clients.dial("J", "R"), await clients.dial("P")
    await one.connect()
    for each in (one, two):
        _, packets = await each.over()
        assert not any(packet.startswith("41") for packet in packets)
    await clients.close()


class Poller:
    """A client of long polling that does one thing at a time."""

    def __init__(self, hub: Hubbub) -> None:
        self._client = hub.client
        self._url = f"http://127.0.0.1:{hub.port}/socket.io/?EIO=4&transport=polling"

    async def open(self) -> None:
        """Open a session, and connect."""
        self._url += f"&sid={json.loads((await self.poll())[0][1:])['sid']}"
        await self.post("40")
        await self.poll()

    async def poll(self) -> list[str]:
        """Wait for packets."""
        answer = await self._client.fetch(self._url)
        return answer.body.decode().split("\x1e")

    async def until(self, begin: str) -> list[str]:
        """Poll until a packet comes that begins so, and give all that have come."""
        told: list[str] = []
        while not any(packet.startswith(begin) for packet in told):
            told += await self.poll()
        return told

    async def post(self, *packets: str) -> None:
        """Send packets, and wait until they are taken."""
        await self._client.fetch(self._url, method="POST", body="\x1e".join(packets))


@pytest.mark.parametrize("event", ["join", "register"])
async def test_whoever_polls_only_when_a_post_is_answered_holds_nothing_up(
    open_hub: Hubbub, event: str
) -> None:
    """A post is answered whatever there is to be told first: nothing is fetched before."""
    bob = Poller(open_hub)
    await bob.open()
    said = '42{}["sendMessage",{{"sender":"bob","receiver":"ann","message":"x"}}]'
    await bob.post(*(said.format(number) for number in range(3)))
    await bob.until("432")
    one = Poller(open_hub)
    await one.open()
    async with asyncio.timeout(5):
        await one.post(*(f'42{number}["{event}","ann"]' for number in range(3)))
        told = await one.until("432")
    assert [packet[:3] for packet in told if packet.startswith("43")] == ["430", "431", "432"]
    heard = [packet for packet in told if '"receiveMessage"' in packet]
    assert len(heard) == (3 if event == "register" else 0)


async def test_whoever_takes_long_to_be_told_what_they_missed_has_said_who_they_are(
    start: Starter,
) -> None:
    hub = start(open_mode=True, authentication_timeout=1.0)
    clients = Speakers(hub)
    ann = await clients.r("ann")
    said = {"sender": "ann", "receiver": "bob", "message": "missed"}
    assert await ann.code_of("sendMessage", said) == "ok"
    bob = Poller(hub)
    await bob.open()
    posted = asyncio.ensure_future(bob.post('427["register","bob"]'))
    await ann.hear("onlineStatus", user="bob")
    silent = await clients.bare()
    await silent.over()  # so the time is over of all who came before, too
    told = await bob.poll()
    await posted
    assert any("missed" in packet for packet in told)
    assert "1" not in told
    await clients.close()


async def test_a_token_comes_in_three_ways(open_hub: Hubbub, speakers: Speakers) -> None:
    ann = await open_hub.resident("ann")
    for one, auth in (
        (await speakers.dial("P", "C"), {"token": ann.token}),
        (await speakers.dial("P", "C", query=f"&token={ann.token}"), None),
        (await speakers.dial("P", "C", Authorization=f"Bearer {ann.token}"), {}),
    ):
        assert "sid" in await one.connect(auth)
        assert await one.hear("online_users") == []


async def test_bad_tokens_and_dialects(open_hub: Hubbub, speakers: Speakers) -> None:
    ann = await open_hub.resident("ann")
    refused = await (await speakers.dial()).connect({"token": "nonsense", "dialect": "P"})
    assert refused["data"]["code"] == "invalid_token"
    refused = await (await speakers.dial()).connect({"token": ann.token, "dialect": "J"})
    assert refused["data"]["code"] == "unknown_dialect"
    refused = await (await speakers.dial()).connect({"token": 7})
    assert refused["data"]["code"] == "invalid_auth"


async def test_half_an_emoji_in_what_one_connects_with(
    open_hub: Hubbub, speakers: Speakers
) -> None:
    ann = await open_hub.resident("ann")
    half = "\ud83c"
    assert "sid" in await (await speakers.dial("P")).connect({"token": ann.token, "nick": half})
    refused = await (await speakers.dial()).connect({"token": ann.token + half, "dialect": "P"})
    assert refused["data"]["code"] == "invalid_token"
    refused = await (await speakers.dial()).connect({"token": ann.token, "dialect": half})
    assert refused["data"]["code"] == "unknown_dialect"


@pytest.mark.parametrize(
    "error", [Unavailable("away"), TooMany("rate_limited", "too many", retry_after=1.0)]
)
async def test_whoever_cannot_be_let_in_yet_is_cut_off_and_not_refused(
    open_hub: Hubbub, speakers: Speakers, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """A connect error would be final for socket.io-client, which else tries again by itself."""
    ann = await open_hub.resident("ann")

    async def away(_: str) -> None:
        raise error

    monkeypatch.setattr(open_hub.core.sessions, "identify", away)
    one = await speakers.dial()
    one.send("40" + json.dumps({"token": ann.token}))
    assert await one.over() == (1013, [])


async def test_whoever_has_too_many_sockets_is_told_why(start: Starter) -> None:
    """It would come back each second, for as long as the others are open."""
    hub = start(rate_limits=True, sockets_per_user=1)
    clients = Speakers(hub)
    ann = await hub.resident("ann")
    await clients.by_token(ann, "P")
    one = await clients.dial("P")
    refused = await one.connect({"token": ann.token})
    assert refused["message"] == "too many sockets of this user"
    assert (refused["data"]["code"], refused["data"]["retryAfter"]) == ("too_many_sockets", 30)
    assert await one.over() == (4002, [])
    await clients.close()


async def test_whoever_names_no_dialect_hears_all_until_they_say_what_only_one_knows(
    open_hub: Hubbub, speakers: Speakers
) -> None:
    ann, bob = await open_hub.residents("ann", "bob")
    one, two = await speakers.by_token(ann, ""), await speakers.by_token(bob, "P")
    await one.hear("user:status", userId=bob.id)
    await one.hear("user_online", userId=bob.id)
    room = await two.ask("private_message", {"receiverId": ann.id, "message": "1"})
    await one.hear("private_message", message="1")
    await one.hear("message:received", content="1")
    assert (await one.silence()).count("private_message") == 0
    # What all dialects hear decides nothing.
    await one.ask("sync", {"roomId": room["roomId"], "rev": room["rev"]})
    await two.ask("private_message", {"receiverId": ann.id, "message": "again"})
    await one.hear("private_message", message="again")
    await one.hear("message:received", content="again")
    assert await one.code_of("message:send", {"recipient": bob.id, "content": "2"}) == "ok"
    one.unheard.clear()
    await two.ask("private_message", {"receiverId": ann.id, "message": "3"})
    await one.hear("message:received", content="3")
    assert await one.silence() == []


# What they say.


async def test_what_makes_no_sense_is_answered(open_hub: Hubbub, speakers: Speakers) -> None:
    ann = await open_hub.resident("ann")
    one = await speakers.by_token(ann, "P")
    assert await one.code_of("private_message", {"receiverId": 7}) == "invalid_event"
    assert await one.code_of("private_message") == "invalid_event"
    refused = await one.ask("private_message", "x")
    assert refused.keys() == {"ok", "error", "code", "message"}
    for event, payload in (("private_message", []), ("typing", {}), ("message_read", "x")):
        one.emit(event, payload)
        assert (await one.hear("error"))["code"] == "invalid_event"
    one.emit("nonsense", {})
    assert (await one.hear("error"))["code"] == "unknown_event"


# What they have missed.


async def test_what_was_missed_is_told_in_ones_own_words(
    open_hub: Hubbub, speakers: Speakers
) -> None:
    ann, bob = await open_hub.residents("ann", "bob")
    one = await speakers.by_token(ann, "P")
    seen = await one.ask("private_message", {"receiverId": bob.id, "message": "seen"})
    await one.ask("private_message", {"receiverId": bob.id, "message": "missed"})
    two = await speakers.dial("P")
    room, rev = seen["roomId"], seen["rev"]
    await two.connect({"token": bob.token, "dialect": "p", "rooms": {room: rev, "0" * 24: 3}})
    assert (await two.hear("private_message"))["message"] == "missed"
    assert await two.hear("synced") == {"roomId": room, "rev": rev + 1, "complete": True}
    refused = await two.hear("error")
    assert (refused["code"], refused["roomId"]) == ("room_not_found", "0" * 24)
    # Nothing comes twice, and nothing that was seen before.
    assert await two.silence() == ["online_users"]
    answer = await two.ask("sync", {"roomId": room, "since": 0})
    assert answer == {"ok": True, "roomId": room, "rev": rev + 1, "complete": True}
    told = [(await two.hear("private_message"))["message"] for _ in range(2)]
    assert told == ["seen", "missed"]


async def test_everybody_is_told_what_is_for_everybody(
    open_hub: Hubbub, speakers: Speakers
) -> None:
    ann, bob = await open_hub.residents("ann", "bob")
    one, tab = await speakers.by_token(ann, "C"), await speakers.by_token(ann, "C")
    two, native = await speakers.by_token(bob, "C"), await open_hub.socket(bob)
    p = await speakers.by_token(bob, "P")
    for recipient in ({}, {"recipient": None}, {"recipient": ""}):
        said = {**recipient, "content": "all", "type": "text"}
        answer = await one.ask("message:send", said)
        assert answer["roomId"] == EVERYONE
        for each in (tab, two):
            assert (await each.hear("message:received"))["id"] == answer["id"]
        assert (await native.hear("MESSAGE"))["roomId"] == EVERYONE
    assert "message:received" not in await one.silence()
    assert "private_message" not in await p.silence()
