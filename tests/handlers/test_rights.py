"""Whose is it? Every call of REST, by everybody who might make it: a table."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from handlers.application import ROUTES
from handlers.calls import calls_of
from models.records import EVERYONE, Room, new_id
from tests import pictures
from tests.handlers.conftest import Answer, Hubbub, Person
from tests.handlers.described import rest
from tests.handlers.forms import File

PICTURE = File("a.png", pictures.plain("PNG"))

# Nobody works on it, which would take 0.1 s.
NOTE = File("a.txt", b"milk, bread")

pytestmark = pytest.mark.gen_test(timeout=60)

# In the order of the columns below; `removed` was in the room, `disabled` is in it.
PEOPLE = ("anonymous", "stranger", "removed", "disabled", "member", "admin", "owner")

# What each of them is answered about a private room, a message of a member, and that member. A
# refusal that is 404 must be the same as that for what does not exist.
ROOM: dict[str, tuple[Any, str]] = {
    "GET /api/rooms/{room_id}": (None, "401 404 404 401 200 200 200"),
    "PATCH /api/rooms/{room_id}": ({"name": "New"}, "401 404 404 401 403 200 200"),
    "POST /api/rooms/{room_id}/join": (None, "401 404 404 401 200 200 200"),
    "PUT /api/rooms/{room_id}/mute": (None, "401 404 404 401 200 200 200"),
    "DELETE /api/rooms/{room_id}/mute": (None, "401 404 404 401 200 200 200"),
    "GET /api/rooms/{room_id}/members": (None, "401 404 404 401 200 200 200"),
    "POST /api/rooms/{room_id}/members": ({"userId": "?"}, "401 404 404 401 403 200 200"),
    "PATCH /api/rooms/{room_id}/members/{user_id}": (
        {"role": "member"},
        "401 404 404 401 403 403 200",
    ),
    "GET /api/rooms/{room_id}/messages": (None, "401 404 404 401 200 200 200"),
    "POST /api/rooms/{room_id}/messages": ({"content": "x"}, "401 404 404 401 201 201 201"),
    "GET /api/rooms/{room_id}/changes": (None, "401 404 404 401 200 200 200"),
    "GET /api/rooms/{room_id}/pins": (None, "401 404 404 401 200 200 200"),
    "GET /api/rooms/{room_id}/search": (None, "401 404 404 401 400 400 400"),
    "POST /api/rooms/{room_id}/read": ({}, "401 404 404 401 200 200 200"),
    "POST /api/rooms/{room_id}/delivered": ({}, "401 404 404 401 200 200 200"),
    "GET /api/messages/{message_id}": (None, "401 404 404 401 200 200 200"),
    "GET /api/messages/{message_id}/former": (None, "401 404 404 401 200 200 200"),
    "PATCH /api/messages/{message_id}": ({"content": "x"}, "401 404 404 401 200 403 403"),
    "PUT /api/messages/{message_id}/reactions/{emoji}": (None, "401 404 404 401 200 200 200"),
    "DELETE /api/messages/{message_id}/reactions/{emoji}": (
        None,
        "401 404 404 401 200 200 200",
    ),
    "PUT /api/messages/{message_id}/pin": (None, "401 404 404 401 403 200 200"),
    "DELETE /api/messages/{message_id}/pin": (None, "401 404 404 401 403 200 200"),
    "POST /api/messages/{message_id}/read": (None, "401 404 404 401 200 200 200"),
    "POST /api/messages/{message_id}/delivered": (None, "401 404 404 401 200 200 200"),
    "DELETE /api/messages/{message_id}": (None, "401 404 404 401 200 200 200"),
    "GET /api/uploads/{upload_id}": (None, "401 404 404 401 200 200 200"),
    "DELETE /api/uploads/{upload_id}": (None, "401 404 404 401 409 404 404"),
    "GET /files/{upload_id}": (None, "404 404 404 401 200 200 200"),
    "GET /files/{upload_id}/{variant}": (None, "404 404 404 401 200 200 200"),
    "POST /api/messages": ({"roomId": "?", "content": "x"}, "401 404 404 401 201 201 201"),
    "DELETE /api/rooms/{room_id}/members/{user_id}": (None, "401 404 404 401 403 200 200"),
    "POST /api/rooms/{room_id}/leave": (None, "401 404 404 401 200 200 200"),
    "DELETE /api/rooms/{room_id}": (None, "401 404 404 401 403 403 200"),
}

# What is no matter of a room: open to everybody, to whoever is logged in, or to administrators.
OPEN = {
    "POST /api/auth/register",
    "POST /auth/register",
    "POST /api/auth/login",
    "POST /auth/login",
    "GET /health",
    "GET /ready",
    "GET /openapi.json",
    "GET /asyncapi.json",
}

# Open to whoever has a link, and otherwise a matter of a room.
LINKED = {"GET /files/{upload_id}", "GET /files/{upload_id}/{variant}"}

ADMINISTRATORS = {"GET /api/admin/users", "POST /api/admin/users/{user_id}/{action}"}

# One's own affairs, or those of everybody who is logged in.
OWN = {
    "POST /api/auth/logout",
    "POST /api/auth/logout-all",
    "POST /api/auth/password",
    "GET /api/auth/profile",
    "PATCH /api/auth/profile",
    "GET /api/auth/me",
    "DELETE /api/auth/me",
    "GET /api/auth/sessions",
    "DELETE /api/auth/sessions/{session_id}",
    "GET /api/users",
    "GET /api/users/search",
    "GET /api/users/{user_id}",
    "GET /api/online-users",
    "GET /api/rooms",
    "POST /api/rooms",
    "GET /api/sync",
    "GET /api/uploads",
    "POST /api/uploads",
    "POST /api/upload/image",
    "POST /upload",
    "POST /api/uploads/resumable",
    "GET /api/uploads/resumable/{upload_id}",
    "PATCH /api/uploads/resumable/{upload_id}",
    "DELETE /api/uploads/resumable/{upload_id}",
    "GET /api/search",
    "GET /messages",
    "GET /messages/{user_id}",
    "GET /api/chat/history/{user_id}",
}

# Also for whoever brings no token, in open mode; tests/handlers/test_by_name.py has the rest.
NAMED = {
    "GET /api/users/online",
    "GET /api/status",
    "GET /api/messages/history",
    "GET /api/messages/undelivered",
    "GET /api/messages/unread",
    "GET /api/messages/unseen",
    "GET /api/messages/unread/{name}",
}


@dataclass
class Scene:
    """A private room with one of each, and the message of a member."""

    hub: Hubbub
    people: dict[str, Person | None]
    target: Person
    room: Room
    message: str
    guest: str
    upload: str

    async def make(self, call: str, person: Person | None, body: Any, **parts: str) -> Answer:
        """Make a call about the room, or about what is named instead."""
        method, _, path = call.partition(" ")
        named = {
            "room_id": self.room.id,
            "message_id": self.message,
            "upload_id": self.upload,
            "variant": "320",
            "user_id": self.target.id,
            "emoji": "%F0%9F%91%8D",
            **parts,
        }
        places = {"userId": self.guest, "roomId": named["room_id"]}
        if isinstance(body, dict):
            body = {key: places[key] if value == "?" else value for key, value in body.items()}
        token = person.token if person else None
        return await self.hub.call(method, path.format_map(named), body, token=token)


async def scene(hub: Hubbub, author: str, shown: File = NOTE) -> Scene:
    names = [*(name for name in PEOPLE if name != "anonymous"), "target", "guest"]
    there = dict(zip(names, await hub.residents(*names), strict=True))
    roles = {"owner": "owner", "admin": "admin"}
    room = await hub.room(
        {
            person.id: roles.get(name, "member")  # type: ignore[misc]
            for name, person in there.items()
            if name not in ("stranger", "guest")
        }
    )
    [upload] = await hub.uploads(there[author], shown)
    said = await hub.say(there[author], room.id, "hello", upload["id"])
    await hub.core.disk.run(hub.core.store.rooms.leave, room.id, there["removed"].id)
    hub.core.rooms.drop(room.id)
    await hub.core.administration.disable(there["disabled"].id)
    people = {"anonymous": None, **there}
    return Scene(hub, people, there["target"], room, said.id, there["guest"].id, upload["id"])


@pytest.mark.parametrize("call", ROOM)
async def test_who_may_do_what_in_a_room(hub: Hubbub, call: str) -> None:
    body, expected = ROOM[call]
    stage = await scene(hub, "member", PICTURE if "variant" in call else NOTE)
    found = []
    for name in PEOPLE:
        answer = await stage.make(call, stage.people[name], body)
        found.append(str(answer.status))
        if call.startswith("DELETE /api/messages/{message_id}") and answer.status == 200:
            break
        if answer.status == 404:
            unknown = new_id()
            other = await stage.make(
                call,
                stage.people[name],
                body,
                room_id=unknown,
                message_id=unknown,
                upload_id=unknown,
            )
            assert (other.status, other.code) == (answer.status, answer.code)
            assert other.json["message"] == answer.json["message"]
        if call in ONCE and answer.status == 200:
            stage = await scene_again(stage)
    assert " ".join(found) == " ".join(expected.split()[: len(found)])


# Calls after which the next one of the row would find nothing any more.
ONCE = {"DELETE /api/rooms/{room_id}/members/{user_id}"}


async def scene_again(stage: Scene) -> Scene:
    """Bring the target back."""
    owner = stage.people["owner"]
    assert owner is not None
    path = f"/api/rooms/{stage.room.id}/members"
    await stage.hub.post(path, {"userId": stage.target.id}, token=owner.token)
    return stage


async def test_former_texts_are_for_the_sender_and_those_in_charge(hub: Hubbub) -> None:
    stage = await scene(hub, "target")
    found = []
    for name in PEOPLE:
        call = "GET /api/messages/{message_id}/former"
        found.append((await stage.make(call, stage.people[name], None)).status)
    assert found == [401, 404, 404, 401, 403, 200, 200]


@pytest.mark.parametrize("call", sorted(ADMINISTRATORS))
async def test_administration_is_for_administrators(hub: Hubbub, call: str) -> None:
    person, disabled = await hub.residents("ann", "bob")
    root = await hub.resident("root", role="admin")
    await hub.core.administration.disable(disabled.id)
    method, _, path = call.partition(" ")
    path = path.format(user_id=person.id, action="enable")
    found = [
        (await hub.call(method, path, token=token)).status
        for token in (None, disabled.token, person.token, root.token)
    ]
    assert found == [401, 401, 403, 200]


@pytest.mark.parametrize("call", sorted(OWN))
async def test_whoever_is_nobody_is_told_nothing(hub: Hubbub, call: str) -> None:
    [disabled] = await hub.residents("bob")
    await hub.core.administration.disable(disabled.id)
    method, _, path = call.partition(" ")
    path = path.format(session_id=new_id(), user_id=disabled.id, upload_id=new_id())
    for token in (None, disabled.token, "nonsense"):
        answer = await hub.call(method, path, token=token)
        assert answer.status == 401


def test_the_table_has_every_call() -> None:
    known = {*ROOM, *OPEN, *ADMINISTRATORS, *OWN, *NAMED}
    made = {f"{method.upper()} {path}" for path, handler in ROUTES for method in calls_of(handler)}
    assert known == made
    assert {
        f"{method.upper()} {path}"
        for path, methods in rest()["paths"].items()
        for method, operation in methods.items()
        if not operation["security"]
    } == OPEN | LINKED


async def test_administrators_of_the_server_look_after_the_room_of_everybody(hub: Hubbub) -> None:
    root, ann, bob = await hub.resident("root", role="admin"), *await hub.residents("ann", "bob")
    said = [(await hub.say(ann, EVERYONE, f"hello {n}")).id for n in range(3)]
    calls = (
        ("PUT", f"/api/messages/{said[0]}/pin"),
        ("GET", f"/api/messages/{said[0]}/former"),
        ("DELETE", f"/api/messages/{said[0]}"),
    )
    for person, expected in ((bob, 403), (root, 200)):
        for method, path in calls:
            assert (await hub.call(method, path, token=person.token)).status == expected
    people = (await hub.get(f"/api/rooms/{EVERYONE}/members", token=bob.token)).json
    roles = {person["id"]: person["role"] for person in people}
    assert roles == {root.id: "admin", ann.id: "member", bob.id: "member"}
    # Nothing else may be done to that room; and who is none any more, looks after nothing.
    renamed = await hub.call("PATCH", f"/api/rooms/{EVERYONE}", {"name": "Mine"}, token=root.token)
    assert renamed.code == "not_in_charge"
    await hub.core.disk.run(partial(hub.core.store.users.change, root.id, role="user"))
    refused = await hub.call("DELETE", f"/api/messages/{said[1]}", token=root.token)
    assert (refused.status, refused.code) == (403, "not_yours")
