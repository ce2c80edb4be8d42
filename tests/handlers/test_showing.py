"""Messages show uploads, in every dialect; and what nothing shows any more goes."""

import pytest

from models.records import EVERYONE
from tests import pictures
from tests.handlers.conftest import PASSWORD, Hubbub, Person
from tests.handlers.forms import ZIP, File

pytestmark = pytest.mark.gen_test(timeout=20)

PICTURE = pictures.plain("PNG", (60, 50))


async def test_all_who_hear_a_message_are_given_the_same_links(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    room = await hub.room({ann.id: "owner", bob.id: "member"})
    picture, file = await hub.uploads(ann, File("a.png", PICTURE), File("b.zip", ZIP))
    one, other = await hub.sockets(ann, bob)
    shown = [file["id"], picture["id"]]
    ack = await one.ask("SEND_MESSAGE", roomId=room.id, attachments=shown)
    heard = await other.hear("MESSAGE")
    assert heard["content"] == ""
    assert [each["id"] for each in heard["attachments"]] == shown
    assert heard["imageUrl"] == heard["attachments"][1]["url"]
    assert heard["attachments"] == ack["message"]["attachments"]
    wanted = {key: value for key, value in picture.items() if key != "createdAt"}
    assert heard["attachments"][1] == wanted
    assert (await hub.get(heard["imageUrl"])).status == 200
    history = await hub.get(f"/api/rooms/{room.id}/messages", bob.token)
    assert history.json["messages"][0]["attachments"] == heard["attachments"]
    rooms = await hub.get("/api/rooms", bob.token)
    assert rooms.json[0]["lastMessage"]["imageUrl"] == heard["imageUrl"]
    edited = await one.ask("PIN", messageId=heard["id"])
    assert edited["message"]["attachments"] == heard["attachments"]
    assert (await other.hear("MESSAGE_CHANGED"))["attachments"] == heard["attachments"]


async def test_after_a_restart_links_are_made_anew(hub: Hubbub) -> None:
    ann = await hub.resident("ann")
    [upload] = await hub.uploads(ann, File("a.png", PICTURE))
    await hub.post(
        f"/api/rooms/{EVERYONE}/messages", {"attachments": [upload["id"]]}, token=ann.token
    )
    hub.core.attachments.forget(upload["id"])
    page = (await hub.get(f"/api/rooms/{EVERYONE}/messages", ann.token)).json
    assert page["messages"][0]["attachments"][0]["id"] == upload["id"]
    socket = await hub.dial()
    hub.core.attachments.forget(upload["id"])
    socket.tell("AUTH", token=ann.token, rooms={EVERYONE: 0})
    assert (await socket.hear("MESSAGE"))["imageUrl"].startswith(f"/files/{upload['id']}?")


@pytest.mark.parametrize("words", ["AUTH", "AUTHENTICATE"])
async def test_dialect_a_gives_back_the_link_that_it_was_given(hub: Hubbub, words: str) -> None:
    ann, bob = await hub.residents("ann", "bob")
    room = await hub.room({ann.id: "owner", bob.id: "member"})
    link = (
        await hub.send_files(ann, File("a.png", PICTURE, "image"), path="/api/upload/image")
    ).json
    socket = await hub.dial()
    socket.tell(words, token=ann.token)
    socket.tell("JOIN_ROOM", roomId=room.id)
    path = link["imageUrl"].partition("?")[0]
    for number, url in enumerate((link["imageUrl"], path, f"http://localhost:5000{path}")):
        socket.tell("SEND_MESSAGE", roomId=room.id, imageUrl=url, tempId=f"t{number}")
        heard = await socket.hear("MESSAGE", tempId=f"t{number}")
        assert heard["imageUrl"] == link["imageUrl"]
    [foreign] = await hub.uploads(bob, File("b.png", pictures.plain("GIF")))
    for url in ("http://evil.example/x.png", foreign["url"], "/files/" + "0" * 24, "javascript:x"):
        socket.tell("SEND_MESSAGE", roomId=room.id, content="see", imageUrl=url)
        assert (await socket.hear("ERROR"))["code"] == "unknown_upload"
        socket.forget()


async def say(hub: Hubbub, person: Person, room: str, *uploads: str) -> str:
    body = {"attachments": list(uploads)}
    answer = await hub.post(f"/api/rooms/{room}/messages", body, token=person.token)
    assert answer.status == 201
    return str(answer.json["id"])


async def test_what_a_deleted_message_showed_goes_if_nothing_else_shows_it(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    [one, other] = await hub.uploads(ann, File("a.png", PICTURE), File("b", ZIP))
    [same] = await hub.uploads(bob, File("c", ZIP))
    first = await say(hub, ann, EVERYONE, one["id"], other["id"])
    second = await say(hub, ann, EVERYONE, one["id"])
    await say(hub, bob, EVERYONE, same["id"])
    socket = await hub.socket(ann)
    before = hub.kept_files()
    deleted = await socket.ask("DELETE_MESSAGE", messageId=first)
    assert deleted["message"]["attachments"] == []
    assert (await hub.get(other["url"])).status == 404
    assert (await hub.get(one["url"])).status == (await hub.get(same["url"])).status == 200
    assert hub.kept_files() == before  # bob has sent the same file
    await socket.ask("DELETE_MESSAGE", messageId=second)
    assert (await hub.get(one["url"])).status == 404
    assert len(hub.kept_files()) == 1
    history = (await hub.get(f"/api/rooms/{EVERYONE}/messages", ann.token)).json["messages"]
    assert [len(message["attachments"]) for message in history] == [0, 0, 1]


async def test_an_avatar_stays_though_its_message_goes(hub: Hubbub) -> None:
    ann = await hub.resident("ann")
    [upload] = await hub.uploads(ann, File("a.png", PICTURE))
    await hub.call("PATCH", "/api/auth/profile", {"avatar": upload["id"]}, token=ann.token)
    message = await say(hub, ann, EVERYONE, upload["id"])
    socket = await hub.socket(ann)
    await socket.ask("DELETE_MESSAGE", messageId=message)
    assert (await hub.get(upload["url"])).status == 200
    bob = await hub.resident("bob")
    assert (await hub.get(f"/files/{upload['id']}", bob.token)).status == 404
    assert (await hub.get(f"/files/{upload['id']}/avatar-64", bob.token)).status == 200
    await hub.call("PATCH", "/api/auth/profile", {"avatar": None}, token=ann.token)
    assert (await hub.get(upload["url"])).status == 404
    assert hub.kept_files() == set()


async def test_a_deleted_room_takes_along_what_it_alone_showed(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    room = await hub.room({ann.id: "owner", bob.id: "member"})
    [one, other] = await hub.uploads(ann, File("a", ZIP), File("b", ZIP[:-1]))
    await say(hub, ann, room.id, one["id"], other["id"])
    await say(hub, ann, EVERYONE, other["id"])
    socket = await hub.socket(ann)
    await socket.ask("DELETE_ROOM", roomId=room.id)
    assert (await hub.get(one["url"])).status == 404
    assert (await hub.get(other["url"])).body == ZIP[:-1]
    assert len(hub.kept_files()) == 1


async def test_a_deleted_account_leaves_only_what_its_messages_show(hub: Hubbub) -> None:
    await hub.resident("root", role="admin")
    ann = await hub.person("ann")
    [one, other] = await hub.uploads(ann, File("a", ZIP), File("b.png", PICTURE))
    await say(hub, ann, EVERYONE, one["id"])
    await hub.call("PATCH", "/api/auth/profile", {"avatar": other["id"]}, token=ann.token)
    gone = await hub.call("DELETE", "/api/auth/me", {"password": PASSWORD}, token=ann.token)
    assert gone.status == 200
    assert (await hub.get(one["url"])).status == 200
    assert (await hub.get(other["url"])).status == 404
    assert len(hub.kept_files()) == 1


async def test_what_is_about_to_be_shown_is_not_taken_away(hub: Hubbub) -> None:
    ann = await hub.resident("ann")
    [upload] = await hub.uploads(ann, File("a", ZIP))
    with hub.core.attachments.held([upload["id"]]):
        assert (
            await hub.call("DELETE", f"/api/uploads/{upload['id']}", token=ann.token)
        ).code == "upload_in_use"
    assert not hub.core.attachments.is_held(upload["id"])
