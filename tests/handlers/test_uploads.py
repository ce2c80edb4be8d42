"""Uploads over REST: several at once, all or none, and nothing is left of what was refused."""

import asyncio
import threading
from pathlib import Path

import pytest

from models.records import EVERYONE
from tests import pictures
from tests.chat.engine import until
from tests.handlers.conftest import Hubbub, Person, Starter
from tests.handlers.forms import ZIP, Field, File, form

pytestmark = pytest.mark.gen_test(timeout=20)

GIF_JS = b"GIF89a/*" + b"\0" * 60 + b"*/=1;alert(1)//"


async def test_several_files_at_once(hub: Hubbub) -> None:
    ann = await hub.resident("ann")
    photo = pictures.telling("JPEG", orientation=6)
    one, other = await hub.uploads(
        ann, File("../a\u202e photo.PNG", photo), File("notes.zip", ZIP, field="whatever")
    )
    assert (one["name"], one["type"], one["kind"]) == ("a photo.jpg", "image/jpeg", "image")
    assert (one["width"], one["height"], set(one["thumbnails"])) == (30, 40, {"320", "1024"})
    assert one["placeholder"].startswith("data:image/webp;base64,")
    assert (other["name"], other["type"], other["kind"]) == ("notes.zip", "application/zip", "file")
    assert (other["size"], other["width"], other["thumbnails"]) == (len(ZIP), None, None)
    assert (await hub.get(other["url"])).body == ZIP
    listed = (await hub.get("/api/uploads", ann.token)).json
    assert [each["id"] for each in listed["uploads"]] == [one["id"], other["id"]]
    assert listed["used"] == one["size"] + len(ZIP)
    assert await hub.is_clean()


async def test_the_ways_of_older_clients(hub: Hubbub) -> None:
    ann = await hub.resident("ann")
    picture = File("me.gif", pictures.animation("GIF"), field="image")
    answer = await hub.send_files(ann, picture, path="/api/upload/image")
    assert answer.status == 200
    link = answer.json["imageUrl"]
    assert link.startswith("/files/")
    shown = await hub.get(link)
    assert (shown.status, shown.headers["Content-Type"]) == (200, "image/gif")
    answer = await hub.send_files(ann, File("x.zip", ZIP), path="/upload")
    assert answer.json["url"].startswith(f"http://127.0.0.1:{hub.port}/files/")
    assert (await hub.get(answer.json["url"].partition(str(hub.port))[2])).body == ZIP


@pytest.mark.parametrize("way", ["/api/uploads", "/api/upload/image", "/upload", "tus"])
async def test_no_byte_of_where_a_photograph_was_taken_comes_out(hub: Hubbub, way: str) -> None:
    ann = await hub.resident("ann")
    for kind in pictures.FORMATS:
        before = kept_of_uploads(hub)
        upload_id = await sent(hub, ann, way, kind)
        made = kept_of_uploads(hub) - before
        assert len(made) == 3
        answers = [
            await hub.get(f"/files/{upload_id}{variant}", ann.token)
            for variant in ("", "/320", "/1024")
        ]
        files = [path.read_bytes() for path in made] + [answer.body for answer in answers]
        assert not any(pictures.tells(data) for data in files)


def kept_of_uploads(hub: Hubbub) -> set[Path]:
    """The files that are there, but for the notes of what is being sent."""
    return {p for p in hub.folder().rglob("*") if p.is_file() and p.suffix != ".json"}


async def sent(hub: Hubbub, person: Person, way: str, kind: str) -> str:
    """Send a photograph that tells where it was taken."""
    photo = pictures.telling(kind)
    if way == "tus":
        return await resumed(hub, person, photo)
    field = "image" if way.endswith("image") else "file"
    body = (await hub.send_files(person, File(f"x.{kind}", photo, field=field), path=way)).json
    upload_id: str = (body.get("upload") or body["uploads"][0])["id"]
    return upload_id


async def resumed(hub: Hubbub, person: Person, data: bytes) -> str:
    """Send a file by the tus protocol."""
    tus = {"Tus-Resumable": "1.0.0"}
    path = "/api/uploads/resumable"
    sent = {**tus, "Upload-Length": str(len(data))}
    made = await hub.call("POST", path, token=person.token, headers=sent)
    place = made.headers["Location"]
    part = {**tus, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    answer = await hub.call("PATCH", place, token=person.token, raw=data, headers=part)
    assert (answer.status, answer.headers["Upload-Offset"]) == (204, str(len(data)))
    return place.rpartition("/")[2]


REFUSED: list[tuple[str, list[File | Field], int, str]] = [
    ("/api/uploads", [File("x.html", b"<html>")], 415, "type_refused"),
    ("/api/uploads", [File("x.svg", b"<svg/>")], 415, "type_refused"),
    ("/api/uploads", [File("x.png", b"<svg/>")], 415, "type_refused"),
    ("/api/uploads", [File("x.jpg", b"<!doctype html><script>")], 415, "type_refused"),
    ("/api/uploads", [File("x.jpg", b"hello")], 415, "unsupported_media_type"),
    ("/api/uploads", [File("x.exe", b"hello")], 415, "type_refused"),
    ("/api/uploads", [File("x", b"MZ\x90")], 415, "type_refused"),
    ("/api/uploads", [File("x.txt", b"")], 400, "empty_upload"),
    ("/api/uploads", [Field("a", b"no file")], 400, "missing_file"),
    ("/api/uploads", [], 400, "missing_file"),
    ("/api/uploads", [File("x.txt", b"x")] * 11, 400, "too_many_files"),
    ("/api/uploads", [Field("a", b"x" * 70_000)], 413, "body_too_large"),
    ("/api/uploads", [Field("a", b"x")] * 3_000, 400, "invalid_multipart"),
    ("/api/uploads", [File("x.gif", GIF_JS)], 400, "invalid_image"),
    ("/api/uploads", [File("x.png", pictures.plain("PNG")[:60])], 400, "invalid_image"),
    ("/api/uploads", [File("x.png", pictures.bomb("PNG"))], 413, "image_too_large"),
    ("/api/uploads", [File("x.gif", pictures.many_frames(1500))], 413, "image_too_large"),
    ("/api/uploads", [File("x.zip", b"PK\x03\x04" + b"x" * 60_000)], 413, "upload_too_large"),
    (
        "/api/uploads",
        [File("x.zip", b"\x89PNG\r\n\x1a\n" + b"x" * 41_000)],
        413,
        "upload_too_large",
    ),
    ("/api/upload/image", [File("x.png", ZIP, field="image")], 415, "unsupported_media_type"),
    ("/api/upload/image", [File("x.png", pictures.plain("PNG"))], 400, "missing_file"),
    ("/api/upload/image", [File("x.png", b"%PDF-", field="image")], 415, "unsupported_media_type"),
    ("/upload", [File("x.bat", b"dir")], 415, "type_refused"),
]


@pytest.mark.parametrize("number", range(len(REFUSED)))
async def test_what_is_refused_leaves_nothing(start: Starter, number: int) -> None:
    hub = start(image_limit=40_000, upload_limit=50_000)
    path, parts, status, code = REFUSED[number]
    ann = await hub.resident("ann")
    good = File("good.txt", b"good", field="image" if path.endswith("image") else "file")
    for files in (
        [*parts],
        [good, *parts] if path == "/api/uploads" and len(parts) == 1 else parts,
    ):
        answer = await hub.send_files(ann, *files, path=path)
        expected = (201, None) if files != parts and code == "missing_file" else (status, code)
        assert (answer.status, answer.json.get("code")) == expected
        if expected[1] is None:
            await hub.core.uploads.release([answer.json["uploads"][0]["id"]])
    assert await hub.is_clean()
    assert hub.kept_files() == set()
    assert (await hub.get("/api/uploads", ann.token)).json["uploads"] == []


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        (File("x.jpg", pictures.plain("JPEG") + ZIP), "image/jpeg"),
        (File("x.png", pictures.plain("PNG") + b"<html><script>alert(1)</script>"), "image/png"),
        (File("x.gif", pictures.plain("GIF") + b"/*<script>*/"), "image/gif"),
    ],
)
async def test_what_hides_behind_a_picture_is_dropped(hub: Hubbub, files: File, kind: str) -> None:
    [upload] = await hub.uploads(await hub.resident("ann"), files)
    answer = await hub.get(upload["url"])
    assert answer.headers["Content-Type"] == kind
    assert b"PK\x03\x04" not in answer.body
    assert b"script" not in answer.body


NAMES = ["../../x", "a\0b", "\u202egnp.exe.png"[::-1], "é" * 150, "con", "x" * 300, "..", "/", "💥"]


@pytest.mark.parametrize("name", NAMES)
async def test_names_come_clean_and_name_no_file(hub: Hubbub, name: str) -> None:
    [upload] = await hub.uploads(await hub.resident("ann"), File(name, b"hello"))
    assert len(upload["name"]) <= 120
    assert not set("/\\\0\u202e") & set(upload["name"])
    assert upload["name"].strip(".")
    answer = await hub.get(upload["url"])
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    [path] = hub.kept_files()
    assert path.startswith("2c/2cf24dba5fb0a30e")


async def test_equal_files_are_kept_once_and_go_with_the_last_record(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    [one], [other] = await hub.uploads(ann, File("a", ZIP)), await hub.uploads(bob, File("b", ZIP))
    assert one["id"] != other["id"]
    assert len(hub.kept_files()) == 1
    for person, upload, left in ((ann, one, 1), (bob, other, 0)):
        gone = await hub.call("DELETE", f"/api/uploads/{upload['id']}", token=person.token)
        assert (gone.status, len(hub.kept_files())) == (200, left)
        again = await hub.call("DELETE", f"/api/uploads/{upload['id']}", token=person.token)
        assert again.status == 404


async def test_only_ones_own_is_deleted_and_nothing_that_is_shown(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    [upload] = await hub.uploads(ann, File("a", ZIP))
    path = f"/api/uploads/{upload['id']}"
    assert (await hub.call("DELETE", path, token=bob.token)).code == "upload_not_found"
    said = await hub.post(
        f"/api/rooms/{EVERYONE}/messages", {"attachments": [upload["id"]]}, token=ann.token
    )
    assert said.status == 201
    assert (await hub.call("DELETE", path, token=ann.token)).code == "upload_in_use"
    assert len(hub.kept_files()) == 1


@pytest.mark.parametrize("shown_as", ["attachment", "avatar"])
async def test_what_is_deleted_cannot_be_shown_meanwhile(
    hub: Hubbub, monkeypatch: pytest.MonkeyPatch, shown_as: str
) -> None:
    ann = await hub.resident("ann")
    [upload] = await hub.uploads(ann, File("a.png", pictures.plain("PNG")))
    rooms, looked, going_on = hub.core.store.uploads.rooms, threading.Event(), threading.Event()

    def slow(upload_id: str) -> list[str]:
        found = rooms(upload_id)
        looked.set()
        going_on.wait(10)
        return found

    monkeypatch.setattr(hub.core.store.uploads, "rooms", slow)
    deleting = asyncio.create_task(
        hub.call("DELETE", f"/api/uploads/{upload['id']}", token=ann.token)
    )
    await until(looked.is_set)
    if shown_as == "avatar":
        changes = {"avatar": upload["id"]}
        showing = hub.call("PATCH", "/api/auth/profile", changes, token=ann.token)
    else:
        said = {"attachments": [upload["id"]]}
        showing = hub.post(f"/api/rooms/{EVERYONE}/messages", said, token=ann.token)
    shown = asyncio.create_task(showing)
    await asyncio.wait([shown], timeout=0.2)
    going_on.set()
    assert ((await deleting).status, (await shown).code) == (200, "unknown_upload")
    assert hub.kept_files() == set()


async def test_what_is_broken_on_the_disk_is_whole_when_it_is_sent_again(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    file = File("a.png", pictures.plain("PNG"))
    await hub.uploads(ann, file)
    for name in hub.kept_files():
        (hub.folder() / name).unlink() if name.endswith(".320") else None
    [again] = await hub.uploads(bob, file)
    assert (await hub.get(again["thumbnails"]["320"])).status == 200


async def test_a_quota_and_a_rate(start: Starter) -> None:
    hub = start(upload_quota=25_000, uploads_per_minute=4, rate_limits=True)
    ann, bob = await hub.residents("ann", "bob")
    await hub.uploads(ann, File("a", ZIP), File("b", ZIP[:-1]))
    for files in ([File("c", ZIP)], [File("c", b"x"), File("d", ZIP * 2)]):
        answer = await hub.send_files(ann, *files)
        assert (answer.status, answer.code) == (413, "quota_exceeded")
    await hub.uploads(ann, File("c", b"x"))
    answer = await hub.send_files(ann, File("d", b"x"))
    assert (answer.status, answer.code) == (429, "rate_limited")
    assert int(answer.headers["Retry-After"]) > 1
    await hub.uploads(bob, File("d", b"x"))
    assert await hub.is_clean()


@pytest.mark.parametrize("path", ["/api/uploads", "/api/upload/image", "/upload"])
async def test_nobody_uploads_without_a_token(hub: Hubbub, path: str) -> None:
    body, kind = form(File("a", ZIP))
    for token in (None, "x.y.z"):
        answer = await hub.call("POST", path, raw=body, token=token, headers={"Content-Type": kind})
        assert answer.status == 401
    assert hub.kept_files() == set()
