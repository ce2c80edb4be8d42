"""Clients of every dialect in the same rooms: each hears all of it, in its own words."""

from collections.abc import Mapping
from typing import Any

import pytest

from models.records import EVERYONE
from tests import pictures
from tests.chat.engine import until
from tests.conversations.puppets import Puppet, Puppets
from tests.handlers.conftest import Hubbub, Person
from tests.handlers.forms import File
from tests.handlers.sockets import Client

pytestmark = pytest.mark.gen_test(timeout=90)

Anyone = Puppet | Client

# What a message is called, and where its text is: to whoever said it, and to the other one.
SENT = {
    "J": ("messageSent", "content"),
    "R": ("message-sent", "message"),
    "P": ("private_message", "message"),
    "A": ("MESSAGE", "content"),
    "native": ("MESSAGE", "content"),
}
HEARD = {
    **SENT,
    "J": ("receiveMessage", "content"),
    "R": ("receiveMessage", "message"),
    "C": ("message:received", "content"),
}

# Who comes and who goes.
CAME: Mapping[str, tuple[str, dict[str, str]]] = {
    "J": ("userStatusChange", {"username": "cy", "status": "online"}),
    "R": ("onlineStatus", {"user": "cy", "status": "online"}),
    "P": ("user_online", {"username": "cy"}),
    "C": ("user:status", {"status": "online"}),
    "A": ("USER_ONLINE", {"username": "cy"}),
    "native": ("USER_ONLINE", {"username": "cy"}),
}
WENT: Mapping[str, tuple[str, dict[str, str]]] = {
    "J": ("userStatusChange", {"username": "cy", "status": "offline"}),
    "R": ("onlineStatus", {"user": "cy", "status": "offline"}),
    "P": ("user_offline", {"username": "cy"}),
    "C": ("user:status", {"status": "offline"}),
    "A": ("USER_OFFLINE", {}),
    "native": ("USER_OFFLINE", {}),
}


class Company:
    """Ann, a guest, by J and R; and Bob, who has an account, by P, C, A and a native client."""

    def __init__(self, hub: Hubbub, puppets: Puppets) -> None:
        self.hub = hub
        self.puppets = puppets
        self.here: dict[str, Anyone] = {}
        self.bob: Person
        self.ann = self.room = ""

    async def gather(self) -> None:
        """Have all come, and Ann say the first word, so that there is a room of the two."""
        self.bob = await self.hub.resident("bob")
        first = await self.puppets.connect("J", dialects=("J",))
        await first.ask("join", "Ann Lee")
        second = await self.puppets.connect("R", dialects=("R",))
        await second.ask("register", "ann lee")
        self.here = {"J": first, "R": second}
        for dialect in "PC":
            auth = {"token": self.bob.token, "dialect": dialect}
            self.here[dialect] = await self.puppets.connect(dialect, auth)
        self.here["native"] = await self.hub.socket(self.bob)
        said = await first.ask("sendMessage", {"to": "bob", "from": "Ann Lee", "message": "first"})
        self.room = said["roomId"]
        self.ann = (await self.here["P"].hear("private_message"))["senderId"]
        self.here["A"] = await self.authenticated()
        for one in self.here.values():
            await settled(one)

    async def authenticated(self) -> Client:
        """A client of dialect A, in the two rooms."""
        client = await self.hub.dial()
        client.tell("AUTHENTICATE", token=self.bob.token)
        for room in (self.room, EVERYONE):
            client.tell("JOIN_ROOM", roomId=room)
            await client.hear("ROOM_JOINED", roomId=room)
        return client

    async def say(self, dialect: str, text: str) -> None:
        """Have somebody say something to the other one, by one of their clients."""
        one, to_bob, to_ann = self.here[dialect], {"to": "bob", "from": "Ann Lee"}, self.ann
        match dialect, one:
            case "J", Puppet():
                one.emit("sendMessage", {**to_bob, "message": text})
            case "R", Puppet():
                said = {"sender": "Ann Lee", "receiver": "bob", "message": text}
                one.emit("sendMessage", said)
            case "P", Puppet():
                one.emit("private_message", {"receiverId": to_ann, "message": text})
            case "C", Puppet():
                one.emit("message:send", {"recipient": to_ann, "content": text, "type": "text"})
            case _, Client():
                one.tell("SEND_MESSAGE", roomId=self.room, content=text)

    async def history(self, path: str) -> list[tuple[str, str]]:
        """What REST shows Bob of the room, the oldest first: ids and texts."""
        listed = (await self.hub.get(path, self.bob.token)).json
        lines = listed if isinstance(listed, list) else listed["messages"]
        found = [
            (line.get("_id") or line["id"], line.get("content") or line["message"])
            for line in lines
        ]
        return found if "chat" in path or "rooms" in path else found[::-1]


async def settled(one: Anyone) -> None:
    """Let somebody hear all that was told before this moment, and forget it."""
    if isinstance(one, Puppet):
        await one.silence()
        one.unheard.clear()
    else:
        await one.caught_up()
        one.forget()


async def met(hub: Hubbub, puppets: Puppets) -> Company:
    """Everybody, in one place."""
    company = Company(hub, puppets)
    await company.gather()
    return company


async def test_what_anybody_says_everybody_hears_in_their_own_words(
    hub: Hubbub, puppets: Puppets
) -> None:
    company = await met(hub, puppets)
    for dialect in company.here:
        text = f"<i>from {dialect}</i> 🍵"
        await company.say(dialect, text)
        own = "JR" if dialect in "JR" else ("P", "C", "A", "native")
        for each, one in company.here.items():
            words = SENT if each in own else HEARD
            if each in words:
                name, field = words[each]
                heard: Any = await one.hear(name, **{field: text})
                assert heard[field] == text
    for one in company.here.values():
        heard = await one.silence() if isinstance(one, Puppet) else one.kinds()
        assert not {name for name, _ in HEARD.values()} & set(heard)
    # What each one's REST shows agrees.
    lines = await company.history(f"/api/rooms/{company.room}/messages")
    texts = ["first", *(f"<i>from {dialect}</i> 🍵" for dialect in company.here)]
    assert [text for _, text in lines] == texts
    for path in (
        "/api/messages/history?sender=Ann%20Lee&receiver=bob",
        f"/api/chat/history/{company.ann}",
        f"/messages/{company.ann}",
        "/messages",
    ):
        assert await company.history(path) == lines
    jay: Any = company.here["J"]
    await jay.ask("loadChatHistory", {"user1": "Ann Lee", "user2": "bob"})
    shown = await jay.hear("chatHistoryLoaded")
    assert [(line["_id"], line["content"]) for line in shown] == lines


async def test_what_is_read_and_who_writes(hub: Hubbub, puppets: Puppets) -> None:
    company = await met(hub, puppets)
    here: Any = company.here
    await company.say("R", "read this")
    message = await here["P"].hear("private_message")
    await here["R"].hear("message-delivered", messageId=message["id"])
    here["P"].emit("message_read", {"messageId": message["id"]})
    await here["R"].hear("messageReadAck", _id=message["id"], reader="bob")
    await here["native"].hear("RECEIPT", userId=company.bob.id, read=2)
    await company.say("C", "and this")
    answer = await here["J"].hear("receiveMessage")
    await here["J"].ask("loadChatHistory", {"user1": "Ann Lee", "user2": "bob"})
    assert await here["P"].hear("message_read") == {"messageId": answer["_id"]}
    await here["native"].hear("RECEIPT", userId=company.ann, read=3)
    for is_typing, word in ((True, "TYPING"), (False, "STOP_TYPING")):
        here["J"].emit("typing", {"to": "bob", "from": "Ann Lee", "isTyping": is_typing})
        typing = {"senderId": company.ann, "username": "Ann Lee", "isTyping": is_typing}
        assert await here["P"].hear("typing") == typing
        for each in ("A", "native"):
            await here[each].hear(word, userId=company.ann, roomId=company.room)
        here["A"].tell(word, roomId=company.room)
        typing = {"to": "Ann Lee", "from": "bob", "isTyping": is_typing}
        assert await here["J"].hear("userTyping") == typing
    # And who has said what they wrote need not say that they write no more.
    here["J"].emit("typing", {"to": "bob", "from": "Ann Lee", "isTyping": True})
    await here["A"].hear("TYPING", userId=company.ann)
    await company.say("J", "this is it")
    await here["A"].hear("STOP_TYPING", userId=company.ann, roomId=company.room)
    assert [(await here["P"].hear("typing"))["isTyping"] for _ in range(2)] == [True, False]


async def test_who_comes_and_goes(hub: Hubbub, puppets: Puppets) -> None:
    company = await met(hub, puppets)
    cy = await hub.resident("cy")
    one = await puppets.connect("cy", {"token": cy.token, "dialect": "C"})
    for dialect, (name, fields) in CAME.items():
        await company.here[dialect].hear(name, **fields)
    await one.leave()
    for dialect, (name, fields) in WENT.items():
        await company.here[dialect].hear(name, **fields)


async def test_what_is_shown(hub: Hubbub, puppets: Puppets) -> None:
    company = await met(hub, puppets)
    here: Any = company.here
    cy = await hub.resident("cy")
    one = await puppets.connect("cy", {"token": cy.token, "dialect": "C"})
    [picture] = await hub.uploads(company.bob, File("tea.png", pictures.plain()))
    # By C to one person: with or without its signature, it is an upload of one's own.
    url = picture["url"]
    for content in (url, url.partition("?")[0]):
        said = {"recipient": company.ann, "content": content, "type": "image"}
        assert (await here["C"].ask("message:send", said))["ok"]
        whole = {
            (await here["J"].hear("receiveMessage"))["content"],
            (await here["R"].hear("receiveMessage"))["message"],
            (await here["P"].hear("private_message"))["message"],
        }
        base = f"http://127.0.0.1:{hub.port}"
        links = {one.removeprefix(base) for one in whole}
        assert whole == {base + one for one in links}
        links.add((await here["A"].hear("MESSAGE"))["imageUrl"])
        told = await here["native"].hear("MESSAGE")
        assert [each["id"] for each in told["attachments"]] == [picture["id"]]
        [link] = links | {told["imageUrl"]}
        assert (await hub.get(link)).headers["Content-Type"] == picture["type"]
    stolen = {"recipient": company.ann, "content": url, "type": "image"}
    for refused in (stolen, {**stolen, "content": "https://elsewhere.example/x.png"}):
        assert await one.code_of("message:send", refused) == "unknown_upload"
    # By others: to C it is what it shows, or what it says and links to what it shows.
    for text, kind in (("", "image"), ("look", "text")):
        shown = {"content": text, "attachments": [picture["id"]]}
        await here["native"].ask("SEND_MESSAGE", to=cy.id, **shown)
        heard = await one.hear("message:received")
        assert (heard["type"], heard["content"]) == (kind, f"{text}\n{base}{link}".strip())
        assert (await hub.get(f"/messages/{company.bob.id}", cy.token)).json[0]["id"] == heard["id"]
        assert (await hub.get("/messages", cy.token)).json[0]["content"] == heard["content"]
    # And to whoever was away, which the server must know by then: they go and speak on two ways.
    await one.drop()
    await until(lambda: not hub.core.hub.is_connected(cy.id))
    await here["native"].ask("SEND_MESSAGE", to=cy.id, attachments=[picture["id"]])
    await one.reconnect()
    assert (await one.hear("message:received"))["type"] == "image"


async def test_what_is_said_to_everybody(hub: Hubbub, puppets: Puppets) -> None:
    company = await met(hub, puppets)
    here: Any = company.here
    cy = await hub.resident("cy")
    one = await puppets.connect("cy", {"token": cy.token, "dialect": "C"})
    said = await one.ask("message:send", {"content": "to all", "type": "text"})
    assert said["roomId"] == EVERYONE
    for each in ("A", "native"):
        assert (await here[each].hear("MESSAGE", content="to all"))["roomId"] == EVERYONE
    assert (await here["C"].hear("message:received"))["id"] == said["id"]
    await here["native"].ask("SEND_MESSAGE", roomId=EVERYONE, content="and back")
    for puppet in (one, here["C"]):
        heard = await puppet.hear("message:received", content="and back")
        assert (heard["sender"], heard["recipient"]) == (company.bob.id, None)
    await here["A"].hear("MESSAGE", content="and back")
    # J, R and P know nothing but two people.
    for each in "JRP":
        assert not {name for name, _ in HEARD.values()} & set(await here[each].silence())
    lines = await company.history("/messages")
    assert [text for _, text in lines] == ["first", "to all", "and back"]
    assert await company.history(f"/api/rooms/{EVERYONE}/messages") == lines[1:]
