"""Who may read which file, how, and what a browser is told of it."""

from dataclasses import dataclass

import pytest

from chat.commands import LeaveRoom
from chat.links import Links
from models.records import EVERYONE
from tests import pictures
from tests.contract import samples
from tests.handlers.conftest import SECRET, Hubbub, Person, Starter
from tests.handlers.forms import ZIP, File

pytestmark = pytest.mark.gen_test(timeout=20)


@dataclass
class Scene:
    """A picture that its owner has shown in a room."""

    people: dict[str, Person | None]
    room: str
    id: str
    url: str


async def scene(hub: Hubbub) -> Scene:
    names = ("owner", "member", "former", "stranger", "disabled")
    people: dict[str, Person | None] = {name: await hub.resident(name) for name in names}
    ids = {name: person.id for name, person in people.items() if person}
    inside = {name: id_ for name, id_ in ids.items() if name != "stranger"}
    room = await hub.room({inside[name]: "member" for name in inside})
    owner = people["owner"]
    assert owner
    [upload] = await hub.uploads(owner, File("x.png", pictures.plain("PNG", (60, 50))))
    path = f"/api/rooms/{room.id}/messages"
    said = await hub.post(path, {"attachments": [upload["id"]]}, token=owner.token)
    assert said.status == 201
    await hub.core.disk.run(hub.core.store.rooms.leave, room.id, ids["former"])
    await hub.core.administration.disable(ids["disabled"])
    return Scene({**people, "anonymous": None}, room.id, upload["id"], upload["url"])


MAY = {
    "owner": 200,
    "member": 200,
    "former": 404,
    "stranger": 404,
    "disabled": 401,
    "anonymous": 404,
}

PATHS = ("/files/{}", "/files/{}/320", "/files/{}/1024")


async def test_who_may_read_by_a_token(hub: Hubbub) -> None:
    played = await scene(hub)
    for name, status in MAY.items():
        person = played.people[name]
        token = person.token if person else None
        for path in PATHS:
            for headers in ({}, {"Range": "bytes=0-9"}, {"Range": "bytes=-1"}):
                answer = await hub.get(path.format(played.id), token, headers=headers)
                expected = 206 if status == 200 and headers else status
                assert answer.status == expected, (name, path, headers)
                if expected == 404:
                    unknown = await hub.get(path.format("0" * 24), token, headers=headers)
                    assert answer.json | {"requestId": 0} == unknown.json | {"requestId": 0}
        about = await hub.get(f"/api/uploads/{played.id}", token)
        assert about.status == (401 if name == "anonymous" else status)
        head = await hub.call("HEAD", f"/files/{played.id}", token=token)
        assert (head.status, head.body) == (status, b"")


async def test_who_is_in_a_room_counts_at_the_moment_of_reading(hub: Hubbub) -> None:
    played = await scene(hub)
    member, stranger = played.people["member"], played.people["stranger"]
    assert member
    assert stranger
    path = f"/files/{played.id}"
    await hub.core.memberships.leave(member.id, LeaveRoom(room_id=played.room))
    assert (await hub.get(path, member.token)).status == 404
    await hub.core.disk.run(hub.core.store.rooms.join, samples.member(played.room, stranger.id))
    assert (await hub.get(path, stranger.token)).status == 200


async def test_a_link_opens_the_file_to_whoever_has_it(hub: Hubbub) -> None:
    played = await scene(hub)
    path, _, query = played.url.partition("?")
    for variant in ("", "/320", "/1024"):
        for person in played.people.values():
            token = person.token if person else None
            answer = await hub.get(f"{path}{variant}?{query}", token)
            assert answer.status == 200
            cached = answer.headers["Cache-Control"]
            assert cached.startswith("private, max-age=")
            part = await hub.get(f"{path}{variant}?{query}", headers={"Range": "bytes=1-3"})
            assert (part.status, part.body) == (206, answer.body[1:4])
            head = await hub.call("HEAD", f"{path}{variant}?{query}")
            assert (head.status, head.headers["Content-Length"]) == (200, str(len(answer.body)))


async def test_a_link_that_is_altered_or_too_old_opens_nothing(hub: Hubbub) -> None:
    played = await scene(hub)
    other = await scene_upload(hub)
    path, _, query = played.url.partition("?")
    expired = Links(SECRET, 86400.0, clock=lambda: 1_700_000_000.0).link(played.id)
    altered = [
        path,
        f"{path}?{query[:-1]}",
        f"{path}?{query}x",
        f"{path}?{query.replace('expires=', 'expires=9')}",
        f"{path}/avatar-64?{query}",
        f"{path}/64?{query}",
        f"/files/{other}?{query}",
        expired,
        f"{path}?signature={query.partition('signature=')[2]}",
        f"{path}?expires=9&expires=9999999999&signature=x",
    ]
    owner = played.people["owner"]
    assert owner
    for address in altered:
        assert (await hub.get(address)).status == 404, address
    # Nor does a token help a link that is wrong: whoever gives both wants the link.
    assert (await hub.get(f"{path}?{query}x", owner.token)).status == 404


async def scene_upload(hub: Hubbub) -> str:
    person = await hub.resident("other")
    [upload] = await hub.uploads(person, File("y", ZIP))
    return str(upload["id"])


async def test_what_is_shown_to_everyone_is_seen_by_everyone(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    [upload] = await hub.uploads(ann, File("y", ZIP))
    path = f"/files/{upload['id']}"
    assert (await hub.get(path, bob.token)).status == 404
    say = {"attachments": [upload["id"], upload["id"]]}
    said = await hub.post(f"/api/rooms/{EVERYONE}/messages", say, token=ann.token)
    assert [each["id"] for each in said.json["attachments"]] == [upload["id"]]
    assert (await hub.get(path, bob.token)).body == ZIP


KINDS = [
    (File("a.png", pictures.plain("PNG")), "image/png", "inline"),
    (File("a.mp4", b"\0\0\0\x20ftypisom" + b"x" * 99), "video/mp4", "inline"),
    (File("a.mp3", b"ID3\x04" + b"x" * 99), "audio/mpeg", "inline"),
    (File("a.pdf", b"%PDF-1.7 x"), "application/pdf", "attachment"),
    (File("a.txt", b"<b>hi</b> <script>"), "text/plain; charset=utf-8", "attachment"),
    (File("a.htm", b"<html><script>alert(1)</script>"), "text/plain; charset=utf-8", "attachment"),
    (File("a.svg", b"<svg onload='alert(1)'/>"), "text/plain; charset=utf-8", "attachment"),
    (File("a.xml", b"<?xml version='1.0'?><x/>"), "text/plain; charset=utf-8", "attachment"),
    (File("a.sh", b"#!/bin/sh"), "text/plain; charset=utf-8", "attachment"),
    (File("a.js", b"alert(1)"), "text/plain; charset=utf-8", "attachment"),
    (File("a", b"\0\1\2"), "application/octet-stream", "attachment"),
]


async def test_nothing_runs_in_our_origin(start: Starter) -> None:
    hub = start(refused_types=())
    ann = await hub.resident("ann")
    for file, kind, shown in KINDS:
        [upload] = await hub.uploads(ann, file)
        answer = await hub.get(upload["url"])
        headers = answer.headers
        assert (answer.status, headers["Content-Type"]) == (200, kind)
        assert headers["Content-Disposition"].split(";")[0] == shown
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in headers["Content-Security-Policy"]
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"


async def test_names_in_headers(hub: Hubbub) -> None:
    [upload] = await hub.uploads(await hub.resident("ann"), File('grüße "100%".txt', b"x"))
    disposition = (await hub.get(upload["url"])).headers["Content-Disposition"]
    assert disposition == (
        "attachment; filename=\"gr__e _100__.txt\"; filename*=UTF-8''gr%C3%BC%C3%9Fe%20_100%25_.txt"
    )


async def test_what_has_not_changed_is_not_sent_again(hub: Hubbub) -> None:
    ann = await hub.resident("ann")
    [upload] = await hub.uploads(ann, File("a.png", pictures.plain("PNG")))
    for path in (upload["url"], upload["thumbnails"]["320"]):
        first = await hub.get(path)
        etag = first.headers["Etag"]
        for known in (etag, f'"x", W/{etag}', "*"):
            again = await hub.get(path, headers={"If-None-Match": known})
            assert (again.status, again.body, again.headers["Etag"]) == (304, b"", etag)
        assert (await hub.get(path, headers={"If-None-Match": '"x"'})).body == first.body
    by_token = await hub.get(f"/files/{upload['id']}", ann.token)
    assert by_token.headers["Cache-Control"] == "private, no-cache"


RANGES = [
    ("bytes=0-0", 206, slice(0, 1)),
    ("bytes=5-", 206, slice(5, None)),
    ("bytes=-5", 206, slice(-5, None)),
    ("bytes=-99999999", 206, slice(None)),
    ("bytes=0-99999999", 206, slice(None)),
    ("bytes=3-2", 416, None),
    ("bytes=99999999-", 416, None),
    ("bytes=-0", 416, None),
    ("bytes=0-1,3-4", 200, slice(None)),
    ("bytes=-", 200, slice(None)),
    ("bytes=x", 200, slice(None)),
    ("lines=1-2", 200, slice(None)),
    ("bytes=" + "9" * 99 + "-", 200, slice(None)),
]


async def test_parts_of_a_file(hub: Hubbub) -> None:
    data = ZIP * 60
    [upload] = await hub.uploads(await hub.resident("ann"), File("a.zip", data))
    for asked, status, part in RANGES:
        answer = await hub.get(upload["url"], headers={"Range": asked})
        assert answer.status == status, asked
        if part is None:
            assert answer.headers["Content-Range"] == f"bytes */{len(data)}"
            assert answer.code == "range_not_satisfiable"
        else:
            assert answer.body == data[part]
    told = await hub.call("HEAD", upload["url"], headers={"Range": "bytes=0-0"})
    assert (told.status, told.headers["Content-Length"]) == (200, str(len(data)))
    etag = (await hub.get(upload["url"])).headers["Etag"]
    for known, status in ((etag, 206), ('"other"', 200)):
        headers = {"Range": "bytes=1-2", "If-Range": known}
        assert (await hub.get(upload["url"], headers=headers)).status == status


async def test_an_img_of_another_origin_shows_it(start: Starter) -> None:
    hub = start(client_url=("https://app.example",), public_url="https://chat.example/x")
    [upload] = await hub.uploads(await hub.resident("ann"), File("a.png", pictures.plain("PNG")))
    assert upload["url"].startswith("https://chat.example/x/files/")
    path = upload["url"].removeprefix("https://chat.example/x")
    shown = await hub.get(path)
    assert shown.status == 200
    assert "same-origin" not in str(dict(shown.headers))
    page = await hub.get(path, headers={"Origin": "https://app.example"})
    assert page.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert (await hub.get(path, headers={"Origin": "https://evil.example"})).status == 403


async def test_a_file_that_has_gone_is_not_there(hub: Hubbub) -> None:
    [upload] = await hub.uploads(await hub.resident("ann"), File("a", ZIP))
    for path in hub.kept_files():
        (hub.folder() / path).unlink()
    answer = await hub.get(upload["url"])
    assert (answer.status, answer.code) == (404, "upload_not_found")


@pytest.mark.parametrize(
    "path", ["/files/", "/files/x", "/files/../x", "/files/{}/..", "/files/{}/320/x"]
)
async def test_paths_lead_nowhere_else(hub: Hubbub, path: str) -> None:
    [upload] = await hub.uploads(await hub.resident("ann"), File("a", ZIP))
    query = upload["url"].partition("?")[2]
    assert (await hub.get(f"{path.format(upload['id'])}?{query}")).status == 404
