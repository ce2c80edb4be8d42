"""Every command of a native socket, by everybody: who may, and who is told what."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from chat.commands import RemoveMember
from handlers.dialects.native import COMMANDS
from models.records import EVERYONE
from tests.handlers.conftest import Hubbub, Person
from tests.handlers.sockets import Client

pytestmark = pytest.mark.gen_test(timeout=30)

PARTS = ("owner", "admin", "member", "stranger", "removed")

OK, NO_ROOM, NO_MESSAGE = "ok", "room_not_found", "message_not_found"
NOT_YOURS, NOT_IN_CHARGE, NOT_THE_OWNER = "not_yours", "not_in_charge", "not_the_owner"

MEMBERS_MAY = (OK, OK, OK, NO_ROOM, NO_ROOM)
MEMBERS_MAY_WITH_A_MESSAGE = (OK, OK, OK, NO_MESSAGE, NO_MESSAGE)
ADMINS_MAY = (OK, OK, NOT_IN_CHARGE, NO_ROOM, NO_ROOM)
THE_OWNER_MAY = (OK, NOT_THE_OWNER, NOT_THE_OWNER, NO_ROOM, NO_ROOM)
ALL_MAY = (OK,) * 5

# What those hear who are in the room, by the kind of frame.
READ = {"owner": ["RECEIPT"], "member": ["RECEIPT"]}
TYPING = {"admin": ["TYPING"], "member": ["TYPING"]}
TO_ALL = {"owner": ["MESSAGE_CHANGED"], "admin": ["MESSAGE_CHANGED"], "member": ["MESSAGE_CHANGED"]}
UPDATED = {"owner": ["ROOM_UPDATED"], "admin": ["ROOM_UPDATED"], "member": ["ROOM_UPDATED"]}
GONE = {"owner": ["ROOM_DELETED"], "admin": ["ROOM_DELETED"], "member": ["ROOM_DELETED"]}
# The member's message was there before, and is read by whoever says something.
SAID = {
    "owner": ["MESSAGE"],
    "admin": ["MESSAGE", "NOTIFY"],
    "member": ["MESSAGE", "NOTIFY", "RECEIPT"],
}
LEFT = ["MEMBER_LEFT", "ROOM_UPDATED"]
JOINED = ["MEMBER_JOINED", "ROOM_UPDATED"]
INVITED = ["ROOM_CREATED", "NOTIFY"]


@dataclass
class Scene:
    """A room in which the member has said something, with somebody of each kind."""

    room: str
    message: str
    people: dict[str, Person]


Payload = Callable[[Scene], dict[str, Any]]


@dataclass
class Row:
    """A command: what comes of it for each, and what each hears if the first who may does it."""

    kind: str
    payload: Payload
    codes: tuple[str, ...]
    told: dict[str, list[str]] = field(default_factory=dict)
    by: str = "owner"
    room_kind: str = "private"

    def __str__(self) -> str:
        return f"{self.kind}-{self.room_kind}"


def in_room(**fields: Any) -> Payload:
    return lambda scene: {"roomId": scene.room, **fields}


def of_message(**fields: Any) -> Payload:
    return lambda scene: {"messageId": scene.message, **fields}


def about(part: str, **fields: Any) -> Payload:
    return lambda scene: {"roomId": scene.room, "userId": scene.people[part].id, **fields}


ROWS = [
    Row("SEND_MESSAGE", in_room(content="hi"), MEMBERS_MAY, SAID),
    Row("SEND_MESSAGE", in_room(content="hi"), MEMBERS_MAY, SAID, room_kind="public"),
    Row(
        "SEND_MESSAGE",
        lambda scene: {"to": scene.people["guest"].id, "content": "hi"},
        ALL_MAY,
        {
            "owner": ["ROOM_CREATED", "MESSAGE"],
            "guest": [*INVITED, "MESSAGE", "NOTIFY"],
        },
    ),
    Row(
        "EDIT_MESSAGE",
        of_message(content="other"),
        (NOT_YOURS, NOT_YOURS, OK, NO_MESSAGE, NO_MESSAGE),
        TO_ALL,
        "member",
    ),
    Row("DELETE_MESSAGE", of_message(), MEMBERS_MAY_WITH_A_MESSAGE, TO_ALL),
    Row("REACT", of_message(emoji="👍", on=True), MEMBERS_MAY_WITH_A_MESSAGE, TO_ALL),
    Row("PIN", of_message(on=True), (OK, OK, NOT_IN_CHARGE, NO_MESSAGE, NO_MESSAGE), TO_ALL),
    Row("READ", in_room(seq=1), MEMBERS_MAY, READ),
    Row("READ", of_message(), MEMBERS_MAY_WITH_A_MESSAGE, READ),
    Row("DELIVERED", in_room(seq=1), MEMBERS_MAY, READ),
    Row("DELIVERED", of_message(), MEMBERS_MAY_WITH_A_MESSAGE, READ),
    Row("TYPING", in_room(), MEMBERS_MAY, TYPING),
    Row("START_TYPING", in_room(), MEMBERS_MAY, TYPING),
    Row("STOP_TYPING", in_room(), MEMBERS_MAY),
    Row("CREATE_ROOM", lambda _: {"kind": "private", "name": "new"}, ALL_MAY),
    Row(
        "CREATE_ROOM",
        lambda scene: {"kind": "private", "participantIds": [scene.people["guest"].id]},
        ALL_MAY,
        {"guest": INVITED},
    ),
    Row("UPDATE_ROOM", in_room(name="new"), ADMINS_MAY, UPDATED),
    Row("DELETE_ROOM", in_room(), THE_OWNER_MAY, GONE),
    Row("JOIN_ROOM", in_room(), MEMBERS_MAY),
    Row(
        "JOIN_ROOM",
        in_room(),
        ALL_MAY,
        {"owner": JOINED, "admin": JOINED, "member": JOINED, "stranger": ["ROOM_CREATED"]},
        "stranger",
        "public",
    ),
    Row(
        "LEAVE_ROOM",
        in_room(),
        MEMBERS_MAY,
        {"owner": ["ROOM_DELETED"], "admin": LEFT, "member": LEFT},
    ),
    Row("LEAVE_ROOM", in_room(), MEMBERS_MAY, room_kind="public", by="nobody"),
    Row("MUTE", in_room(), MEMBERS_MAY, {"owner": ["ROOM_MUTED"]}),
    Row(
        "INVITE",
        about("guest"),
        ADMINS_MAY,
        {"owner": JOINED, "admin": JOINED, "member": JOINED, "guest": INVITED},
    ),
    Row(
        "REMOVE_MEMBER",
        about("member"),
        ADMINS_MAY,
        {"owner": LEFT, "admin": LEFT, "member": ["ROOM_DELETED"]},
    ),
    Row(
        "REMOVE_MEMBER", about("owner"), ("outranked", "outranked", NOT_IN_CHARGE, NO_ROOM, NO_ROOM)
    ),
    Row("SET_ROLE", about("member", role="admin"), THE_OWNER_MAY, UPDATED),
    Row("SYNC", in_room(since=0), MEMBERS_MAY, {"owner": ["MESSAGE", "SYNCED"]}),
    Row(
        "SYNC", in_room(since=0), ALL_MAY, {"stranger": ["MESSAGE", "SYNCED"]}, "stranger", "public"
    ),
    Row("HISTORY", in_room(), MEMBERS_MAY),
    Row("HISTORY", in_room(), ALL_MAY, room_kind="public"),
    Row("PRESENCE", lambda _: {}, ALL_MAY),
]


def test_every_command_is_in_the_table() -> None:
    assert {row.kind for row in ROWS} == COMMANDS.keys() - {"AUTH"}


async def scene_of(hub: Hubbub, people: dict[str, Person], kind: str) -> Scene:
    owner, removed = people["owner"].id, people["removed"].id
    room = await hub.room(
        {
            owner: "owner",
            people["admin"].id: "admin",
            people["member"].id: "member",
            removed: "member",
        },
        kind,
    )
    await hub.core.memberships.remove(owner, RemoveMember(room_id=room.id, user_id=removed))
    message = await hub.say(people["member"], room.id)
    return Scene(room.id, message.id, people)


async def settled(clients: dict[str, Client]) -> dict[str, list[str]]:
    """What each has heard by now, and has not been asked for; they forget it."""
    await asyncio.gather(*(client.caught_up() for client in clients.values()))
    heard = {part: client.kinds() for part, client in clients.items() if client.kinds()}
    for client in clients.values():
        client.forget()
    return heard


@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_who_may_do_it_and_who_is_told(hub: Hubbub, row: Row) -> None:
    parts = (*PARTS, "guest")
    people = dict(zip(parts, await hub.residents(*parts), strict=True))
    clients = dict(zip(parts, await hub.sockets(*people.values()), strict=True))
    for part, code in zip(PARTS, row.codes, strict=True):
        scene = await scene_of(hub, people, row.room_kind)
        await settled(clients)
        assert await clients[part].code_of(row.kind, **row.payload(scene)) == code, part
        told = await settled(clients)
        if code != OK:
            assert told == {}, part
        elif part == row.by:
            assert told == row.told


async def test_who_is_not_logged_in_may_do_nothing(hub: Hubbub) -> None:
    [ann] = await hub.residents("ann")
    room = await hub.room({ann.id: "owner"})
    message = await hub.say(ann, room.id)
    scene = Scene(room.id, message.id, dict.fromkeys((*PARTS, "guest"), ann))
    for row in ROWS:
        socket = await hub.dial()
        assert await socket.code_of(row.kind, **row.payload(scene)) == "not_authenticated", row
        assert await socket.closed() == 4001
        assert [heard["type"] for heard in socket.frames] == ["ERROR"]
    assert await hub.core.disk.run(hub.core.store.messages.get, message.id) == message


async def test_what_an_ack_carries(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    socket, _ = await hub.sockets(ann, bob)
    made = (await socket.ask("CREATE_ROOM", kind="public", name="Club", description="for us"))[
        "room"
    ]
    people = [{"id": ann.id, "username": "ann", "displayName": "ann"}]
    assert made == {
        "id": made["id"], "kind": "public", "type": "group", "name": "Club",
        "description": "for us", "participants": people, "createdAt": made["createdAt"],
        "seq": 0, "rev": 0, "delivered": 0, "read": 0, "unread": 0, "mentions": 0, "muted": False,
        "lastMessage": None,
    }  # fmt: skip
    room = made["id"]
    sent = (await socket.ask("SEND_MESSAGE", roomId=room, content=" hi ", clientId="c1"))["message"]
    assert sent == {
        "id": sent["id"], "roomId": room, "seq": 1, "rev": 1, "senderId": ann.id,
        "senderUsername": "ann", "content": " hi ", "attachments": [], "imageUrl": None,
        "replyTo": None, "mentions": [], "reactions": {}, "pinned": False,
        "createdAt": sent["createdAt"], "editedAt": None, "deletedAt": None,
        "clientId": "c1",
    }  # fmt: skip
    assert sent["createdAt"].endswith("Z")
    message = sent["id"]
    edited = (await socket.ask("EDIT_MESSAGE", messageId=message, content="ho"))["message"]
    assert (edited["content"], edited["seq"], edited["rev"]) == ("ho", 1, 2)
    assert edited["editedAt"] is not None
    reacted = (await socket.ask("REACT", messageId=message, emoji="👍"))["message"]
    assert (reacted["reactions"], reacted["rev"]) == ({"👍": [ann.id]}, 3)
    taken = (await socket.ask("REACT", messageId=message, emoji="👍", on=False))["message"]
    assert (taken["reactions"], taken["rev"]) == ({}, 4)
    pinned = (await socket.ask("PIN", messageId=message, on=True))["message"]
    assert (pinned["pinned"], pinned["rev"]) == (True, 5)
    again = (await socket.ask("PIN", messageId=message, on=True))["message"]
    assert again["rev"] == 5
    history = await socket.ask("HISTORY", roomId=room)
    assert [one["id"] for one in history["messages"]] == [message]
    assert history["hasMore"] is False
    assert await socket.ask("READ", roomId=room, seq=1) == {
        "roomId": room,
        "delivered": 1,
        "read": 1,
    }
    assert await socket.ask("TYPING", roomId=room) == {}
    invited = (await socket.ask("INVITE", roomId=room, userId=bob.id))["room"]
    assert [one["username"] for one in invited["participants"]] == ["ann", "bob"]
    assert (await socket.ask("UPDATE_ROOM", roomId=room, name="New"))["room"]["name"] == "New"
    online = {"userIds": sorted([ann.id, bob.id]), "hasMore": False}
    assert await socket.ask("PRESENCE") == online
    assert await socket.ask("SYNC", roomId=room, since=5) == {
        "roomId": room,
        "rev": 5,
        "complete": True,
    }
    deleted = (await socket.ask("DELETE_MESSAGE", messageId=message))["message"]
    assert (deleted["content"], deleted["reactions"], deleted["pinned"]) == ("", {}, False)
    assert deleted["deletedAt"] is not None
    assert await socket.ask("LEAVE_ROOM", roomId=room) == {"roomId": room}
    assert await socket.code_of("HISTORY", roomId="0" * 24) == NO_ROOM


async def test_one_who_was_removed_has_no_power_over_what_they_said(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    owner, member = await hub.sockets(ann, bob)
    room = (await owner.ask("CREATE_ROOM", participantIds=[bob.id]))["room"]["id"]
    message = (await member.ask("SEND_MESSAGE", roomId=room, content="mine"))["message"]["id"]
    await owner.ask("REMOVE_MEMBER", roomId=room, userId=bob.id)
    for kind, payload in (
        ("EDIT_MESSAGE", {"content": "x"}),
        ("DELETE_MESSAGE", {}),
        ("REACT", {"emoji": "👍"}),
        ("PIN", {}),
        ("READ", {}),
        ("DELIVERED", {}),
    ):
        assert await member.code_of(kind, messageId=message, **payload) == NO_MESSAGE, kind
    member.forget()
    await owner.ask("SEND_MESSAGE", roomId=room, content="without you")
    await owner.ask("EDIT_MESSAGE", messageId=(await hub.say(ann, room)).id, content="z")
    await owner.ask("TYPING", roomId=room)
    await member.caught_up()
    assert member.kinds() == []


async def test_a_member_cannot_delete_what_others_said(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    owner, member = await hub.sockets(ann, bob)
    room = (await owner.ask("CREATE_ROOM", participantIds=[bob.id]))["room"]["id"]
    message = (await owner.ask("SEND_MESSAGE", roomId=room, content="mine"))["message"]["id"]
    assert await member.code_of("DELETE_MESSAGE", messageId=message) == NOT_YOURS
    assert await member.code_of("EDIT_MESSAGE", messageId=message, content="x") == NOT_YOURS


async def test_whoever_sends_is_who_the_token_says(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    [socket] = await hub.sockets(ann)
    message = await socket.ask(
        "SEND_MESSAGE", roomId=EVERYONE, content="x", senderId=bob.id, userId=bob.id
    )
    assert message["message"]["senderId"] == ann.id


async def test_the_room_of_everybody_stays_as_it_is(hub: Hubbub) -> None:
    [ann, bob] = await hub.residents("ann", "bob")
    socket, other = await hub.sockets(ann, bob)
    assert await socket.code_of("SEND_MESSAGE", roomId=EVERYONE, content="hi all") == OK
    assert (await other.hear("MESSAGE"))["content"] == "hi all"
    for kind, payload, code in (
        ("LEAVE_ROOM", {}, "everyones_room"),
        ("UPDATE_ROOM", {"name": "mine"}, NOT_IN_CHARGE),
        ("DELETE_ROOM", {}, NOT_THE_OWNER),
        ("INVITE", {"userId": bob.id}, NOT_IN_CHARGE),
        ("REMOVE_MEMBER", {"userId": bob.id}, "everyones_room"),
        ("SET_ROLE", {"userId": ann.id, "role": "owner"}, "everyones_room"),
        ("JOIN_ROOM", {}, OK),
        ("TYPING", {}, OK),
        ("READ", {"seq": 1}, OK),
        ("SYNC", {"since": 0}, OK),
        ("HISTORY", {}, OK),
    ):
        assert await socket.code_of(kind, roomId=EVERYONE, **payload) == code, kind
    other.forget()
    await other.caught_up()
    assert other.kinds() == []
