"""Uploads that go on after a break, by the protocol and by the client that speaks it."""

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from chat import resumable
from handlers import receiving, tus
from models.partials import Partials
from models.store import Unavailable
from tests import pictures
from tests.chat.engine import until
from tests.handlers.conftest import Answer, Hubbub, Person, Starter
from tests.handlers.forms import ZIP, File
from tests.node import FOLDER, installed

pytestmark = pytest.mark.gen_test(timeout=30)

PLACE = "/api/uploads/resumable"
TUS = {"Tus-Resumable": "1.0.0"}
PART = {**TUS, "Content-Type": "application/offset+octet-stream"}


async def begin(hub: Hubbub, person: Person, length: int, name: str = "a.zip") -> Answer:
    metadata = "filename " + base64.b64encode(name.encode()).decode() + ",empty"
    headers = {**TUS, "Upload-Length": str(length), "Upload-Metadata": metadata}
    return await hub.call("POST", PLACE, token=person.token, headers=headers)


async def go_on(
    hub: Hubbub, person: Person, place: str, offset: int, data: bytes, **more: str
) -> Answer:
    headers = {
        **PART,
        "Upload-Offset": str(offset),
        **{k.replace("_", "-"): v for k, v in more.items()},
    }
    return await hub.call("PATCH", place, token=person.token, raw=data, headers=headers)


async def look(hub: Hubbub, person: Person, place: str) -> Answer:
    return await hub.call("HEAD", place, token=person.token, headers=TUS)


@pytest.mark.parametrize(("method", "place"), [("POST", "{place}"), ("PATCH", "/api/uploads")])
async def test_a_method_that_is_none_takes_nothing_in(hub: Hubbub, method: str, place: str) -> None:
    ann = await hub.resident("ann")
    upload = (await begin(hub, ann, len(ZIP))).headers["Location"]
    for token in (ann.token, "nonsense", None):
        headers = {**PART, "Upload-Offset": "0"}
        path = place.format(place=upload)
        answer = await hub.call(method, path, token=token, raw=ZIP[:4000], headers=headers)
        assert (answer.status, answer.code) == (405, "method_not_allowed")
    assert (await look(hub, ann, upload)).headers["Upload-Offset"] == "0"


async def test_an_upload_in_several_goes(hub: Hubbub) -> None:
    ann = await hub.resident("ann")
    made = await begin(hub, ann, len(ZIP), "größe.zip")
    assert made.status == 201
    assert made.headers["Tus-Resumable"] == "1.0.0"
    assert made.headers["Upload-Expires"].endswith("GMT")
    place = made.headers["Location"]
    assert place.startswith(PLACE + "/")
    first = await go_on(hub, ann, place, 0, ZIP[:4000])
    assert (first.status, first.headers["Upload-Offset"]) == (204, "4000")
    seen = await look(hub, ann, place)
    assert (seen.status, seen.headers["Cache-Control"]) == (200, "no-store")
    assert (seen.headers["Upload-Offset"], seen.headers["Upload-Length"]) == ("4000", str(len(ZIP)))
    last = await go_on(hub, ann, place, 4000, ZIP[4000:])
    assert (last.status, last.headers["Upload-Offset"]) == (204, str(len(ZIP)))
    upload = (await hub.get(f"/api/uploads/{place.rpartition('/')[2]}", ann.token)).json
    assert (upload["name"], upload["type"]) == ("größe.zip", "application/zip")
    assert (await hub.get(upload["url"])).body == ZIP
    again = await look(hub, ann, place)
    assert again.headers["Upload-Offset"] == str(len(ZIP))
    assert await hub.is_clean()


async def test_what_can_be_done_is_said(hub: Hubbub) -> None:
    answer = await hub.call("OPTIONS", PLACE)
    assert answer.status == 204
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert answer.headers["Tus-Max-Size"] == str(25 * 1024 * 1024)
    assert set(answer.headers["Tus-Extension"].split(",")) == {
        "creation", "termination", "expiration", "checksum",
    }  # fmt: skip
    assert answer.headers["Tus-Checksum-Algorithm"] == "sha1,sha256"


async def test_a_page_of_another_origin_may_do_all_that(start: Starter) -> None:
    hub = start(client_url=("https://app.example",))
    asked = {"Origin": "https://app.example", "Access-Control-Request-Method": "PATCH"}
    answer = await hub.call("OPTIONS", f"{PLACE}/x", headers=asked)
    allowed = answer.headers["Access-Control-Allow-Headers"]
    for header in (
        "tus-resumable",
        "upload-length",
        "upload-metadata",
        "upload-offset",
        "upload-checksum",
    ):
        assert header in allowed
    assert "Upload-Offset" in answer.headers["Access-Control-Expose-Headers"]
    assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]


async def test_a_photograph_that_came_so_is_clean_too(hub: Hubbub) -> None:
    ann = await hub.resident("ann")
    photo = pictures.telling("JPEG")
    place = (await begin(hub, ann, len(photo), "me.jpg")).headers["Location"]
    assert (await go_on(hub, ann, place, 0, photo)).status == 204
    upload_id = place.rpartition("/")[2]
    assert not pictures.tells((await hub.get(f"/files/{upload_id}", ann.token)).body)


async def test_what_is_no_good_is_refused_at_the_end_and_gone(hub: Hubbub) -> None:
    ann = await hub.resident("ann")
    for name, data, status in (
        ("x.png", b"no", 415),
        ("x", b"<html>", 415),
        ("x.gif", b"GIF89a", 400),
    ):
        place = (await begin(hub, ann, len(data), name)).headers["Location"]
        assert (await go_on(hub, ann, place, 0, data)).status == status
        assert (await look(hub, ann, place)).status == 404
    assert await hub.is_clean()
    assert hub.kept_files() == set()


async def test_requests_that_make_no_sense(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    place = (await begin(hub, ann, 10)).headers["Location"]
    cases: list[tuple[Answer, int, str | None]] = [
        (await hub.call("POST", PLACE, token=ann.token, headers={"Upload-Length": "1"}), 412, None),
        (await hub.call("POST", PLACE, token=ann.token, headers=TUS), 400, "invalid_header"),
        (
            await hub.call(
                "POST", PLACE, token=ann.token, headers={**TUS, "Upload-Defer-Length": "1"}
            ),
            400,
            "invalid_header",
        ),
        (await begin(hub, ann, 0), 400, "empty_upload"),
        (await begin(hub, ann, 25 * 1024 * 1024 + 1), 413, "upload_too_large"),
        (await begin(hub, Person("", "", "x.y.z"), 1), 401, "invalid_token"),
        (await go_on(hub, ann, place, 5, b"x"), 409, "wrong_offset"),
        (await go_on(hub, ann, place, 0, b"x" * 11), 413, "upload_too_large"),
        (await go_on(hub, ann, place, 0, b"x", Content_Type="text/plain"), 415, None),
        (await go_on(hub, ann, place, 0, b"x", Tus_Resumable="0.2"), 412, None),
        (await go_on(hub, bob, place, 0, b"x"), 404, "upload_not_found"),
        (await go_on(hub, ann, PLACE + "/" + "0" * 24, 0, b"x"), 404, "upload_not_found"),
        (await go_on(hub, ann, PLACE + "/..%2f..", 0, b"x"), 404, "upload_not_found"),
        (await look(hub, bob, place), 404, None),
        (await go_on(hub, ann, place, 0, b"x", Upload_Checksum="md9 x"), 400, "invalid_header"),
        (await go_on(hub, ann, place, 0, b"x", Upload_Checksum="sha1 ?"), 400, "invalid_header"),
    ]
    for answer, status, code in cases:
        assert answer.status == status, answer.body
        if code is not None:
            assert answer.code == code
    assert (await look(hub, ann, place)).headers["Upload-Offset"] == "0"
    bad = {**TUS, "Upload-Length": "1", "Upload-Metadata": "filename ???"}
    assert (await hub.call("POST", PLACE, token=ann.token, headers=bad)).code == "invalid_header"


@pytest.mark.parametrize("name", ["sha1", "sha256"])
async def test_what_does_not_match_its_checksum_does_not_count(hub: Hubbub, name: str) -> None:
    ann = await hub.resident("ann")
    place = (await begin(hub, ann, len(ZIP))).headers["Location"]
    wrong = f"{name} " + base64.b64encode(hashlib.new(name, b"other").digest()).decode()
    right = f"{name} " + base64.b64encode(hashlib.new(name, ZIP).digest()).decode()
    refused = await go_on(hub, ann, place, 0, ZIP, Upload_Checksum=wrong)
    assert (refused.status, refused.code) == (460, "checksum_mismatch")
    assert await hub.is_clean()
    assert (await look(hub, ann, place)).headers["Upload-Offset"] == "0"
    assert (await go_on(hub, ann, place, 0, ZIP, Upload_Checksum=right)).status == 204


@asynccontextmanager
async def part(
    hub: Hubbub, person: Person, place: str, *lines: str
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Send a half of what was announced."""
    reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
    named = [f"{name}: {value}" for name, value in PART.items()]
    head = [f"PATCH {place} HTTP/1.1", "Host: x", f"Authorization: Bearer {person.token}", *named]
    head += ["Upload-Offset: 0", f"Content-Length: {len(ZIP)}", *lines, "", ""]
    writer.write("\r\n".join(head).encode() + ZIP[:5000])
    await writer.drain()
    await until(lambda: hub.core.uploads.arrivals.total == 1)
    try:
        yield reader, writer
    finally:
        writer.close()


async def broken_off(hub: Hubbub, person: Person, place: str, *lines: str) -> None:
    """Send a half of what was announced, and hang up."""
    async with part(hub, person, place, *lines):
        partial = hub.folder() / "resumable" / place.rpartition("/")[2]
    assert await hub.is_clean()
    assert partial.exists() or lines


async def test_whoever_asks_does_not_disturb_what_is_being_sent(
    hub: Hubbub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resumable, "GIVE_WAY_SECONDS", 0.01)
    monkeypatch.setattr(tus, "WRITE_BYTES", 1000)
    ann = await hub.resident("ann")
    place = (await begin(hub, ann, len(ZIP))).headers["Location"]
    partial = hub.folder() / "resumable" / place.rpartition("/")[2]
    digest = base64.b64encode(hashlib.sha1(ZIP, usedforsecurity=False).digest()).decode()
    async with part(hub, ann, place, f"Upload-Checksum: sha1 {digest}") as (reader, writer):
        await until(lambda: partial.exists() and partial.stat().st_size == 5000)
        assert (await look(hub, ann, place)).headers["Upload-Offset"] == "0"
        assert (await go_on(hub, ann, place, 0, ZIP)).code == "upload_busy"
        writer.write(ZIP[5000:])
        assert (await reader.readline()).startswith(b"HTTP/1.1 204")
    assert (await hub.get(f"/files/{place.rpartition('/')[2]}", ann.token)).body == ZIP


async def test_a_connection_that_is_dead_gives_way(
    hub: Hubbub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "SILENT_SECONDS", 0.01)
    ann = await hub.resident("ann")
    place = (await begin(hub, ann, len(ZIP))).headers["Location"]
    async with part(hub, ann, place) as (reader, _):
        await asyncio.sleep(0.05)  # the silence of it
        assert (await look(hub, ann, place)).headers["Upload-Offset"] == "0"
        late = await go_on(hub, ann, place, 0, ZIP)
        assert (late.status, late.code) == (409, "wrong_offset")
        assert await reader.read() == b""
        assert (await go_on(hub, ann, place, 5000, ZIP[5000:])).status == 204
    assert (await hub.get(f"/files/{place.rpartition('/')[2]}", ann.token)).body == ZIP


async def test_what_came_before_a_break_counts(hub: Hubbub) -> None:
    ann = await hub.resident("ann")
    place = (await begin(hub, ann, len(ZIP))).headers["Location"]
    await broken_off(hub, ann, place)
    offset = int((await look(hub, ann, place)).headers["Upload-Offset"])
    assert offset == 5000
    assert (await go_on(hub, ann, place, offset, ZIP[offset:])).status == 204
    assert (await hub.get(f"/files/{place.rpartition('/')[2]}", ann.token)).body == ZIP


async def test_what_is_not_proved_does_not_count(hub: Hubbub) -> None:
    ann = await hub.resident("ann")
    place = (await begin(hub, ann, len(ZIP))).headers["Location"]
    digest = base64.b64encode(hashlib.sha1(ZIP, usedforsecurity=False).digest()).decode()
    await broken_off(hub, ann, place, f"Upload-Checksum: sha1 {digest}")
    assert (await look(hub, ann, place)).headers["Upload-Offset"] == "0"


async def test_only_one_at_a_time_goes_on(hub: Hubbub, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = await hub.resident("ann")
    place = (await begin(hub, ann, len(ZIP))).headers["Location"]
    monkeypatch.setattr(resumable, "GIVE_WAY_SECONDS", 0.01)
    note = hub.services.resumable.find(ann.id, place.rpartition("/")[2])
    await hub.services.resumable.take(note)
    assert (await go_on(hub, ann, place, 0, b"x")).code == "upload_busy"
    ended = await hub.call("DELETE", place, token=ann.token, headers=TUS)
    assert ended.code == "upload_busy"
    hub.services.resumable.leave(note)
    assert (await go_on(hub, ann, place, 0, b"x")).status == 204


async def test_an_upload_is_given_up(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    place = (await begin(hub, ann, len(ZIP))).headers["Location"]
    await go_on(hub, ann, place, 0, ZIP[:100])
    foreign = await hub.call("DELETE", place, token=bob.token, headers=TUS)
    assert foreign.status == 404
    ended = await hub.call("DELETE", place, token=ann.token, headers=TUS)
    assert ended.status == 204
    assert (await look(hub, ann, place)).status == 404
    assert hub.kept_files() == set()


async def test_an_upload_goes_on_after_a_restart_until_it_is_too_old(
    start: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = start()
    ann = await hub.resident("ann")
    place = (await begin(hub, ann, len(ZIP))).headers["Location"]
    upload_id = place.rpartition("/")[2]
    await go_on(hub, ann, place, 0, ZIP[:100])
    partials = Partials(hub.folder() / "resumable")
    partials.begin(upload_id, 90)  # as if the server was killed while something was to be proved
    (hub.folder() / "resumable" / ("f" * 24)).write_bytes(b"without a note")
    again = start()
    await again.services.resumable.open()
    assert (await look(again, ann, place)).headers["Upload-Offset"] == "90"
    assert (await go_on(again, ann, place, 90, ZIP[90:])).status == 204
    other = (await begin(again, ann, 5)).headers["Location"]
    monkeypatch.setattr(again.services.resumable, "_clock", lambda: 9e9)
    assert (await look(again, ann, other)).status == 404
    await again.services.resumable.sweep()
    assert not list((hub.folder() / "resumable").iterdir())


async def test_what_was_whole_when_the_server_was_killed_is_kept_before_that_is_said(
    start: Starter,
) -> None:
    hub = start()
    ann = await hub.resident("ann")
    place = (await begin(hub, ann, len(ZIP))).headers["Location"]
    upload_id = place.rpartition("/")[2]
    partials = Partials(hub.folder() / "resumable")
    partials.write(upload_id, 0, ZIP)  # and killed before it was kept
    again = start()
    await again.services.resumable.open()
    assert (await look(again, ann, place)).headers["Upload-Offset"] == str(len(ZIP))
    assert (await again.get(f"/files/{upload_id}", ann.token)).body == ZIP
    assert (await look(again, ann, place)).status == 200


async def test_what_was_kept_when_the_server_was_killed_is_not_kept_twice(start: Starter) -> None:
    hub = start()
    ann = await hub.resident("ann")
    place = (await begin(hub, ann, len(ZIP))).headers["Location"]
    upload_id = place.rpartition("/")[2]
    note = hub.services.resumable.find(ann.id, upload_id)
    assert (await go_on(hub, ann, place, 0, ZIP)).status == 204
    partials = Partials(hub.folder() / "resumable")
    partials.write(upload_id, 0, ZIP)
    partials.note(note)  # as if killed between the record and the note of it
    again = start()
    await again.services.resumable.open()
    assert (await look(again, ann, place)).headers["Upload-Offset"] == str(len(ZIP))
    assert (await again.get(f"/files/{upload_id}", ann.token)).body == ZIP
    assert len((await again.get("/api/uploads", ann.token)).json["uploads"]) == 1


async def test_what_the_server_could_not_keep_can_be_tried_again(
    hub: Hubbub, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await hub.resident("ann")
    place = (await begin(hub, ann, len(ZIP))).headers["Location"]

    def fail(_: object) -> None:
        raise Unavailable

    with monkeypatch.context() as broken:
        broken.setattr(hub.core.store.uploads, "add", fail)
        answer = await go_on(hub, ann, place, 0, ZIP)
        assert (answer.status, answer.code) == (503, "store_unavailable")
        assert (await look(hub, ann, place)).status == 503
    assert (await look(hub, ann, place)).headers["Upload-Offset"] == str(len(ZIP))
    assert (await hub.get(f"/files/{place.rpartition('/')[2]}", ann.token)).body == ZIP
    assert await hub.is_clean()


async def test_only_the_last_that_are_whole_are_remembered(
    hub: Hubbub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resumable, "MAX_DONE", 1)
    ann = await hub.resident("ann")
    places = [(await begin(hub, ann, len(ZIP))).headers["Location"] for _ in range(3)]
    for place in reversed(places):
        assert (await go_on(hub, ann, place, 0, ZIP)).status == 204
    assert [(await look(hub, ann, place)).status for place in places] == [200, 404, 404]
    assert len(list((hub.folder() / "resumable").iterdir())) == 1


async def test_those_begun_at_the_same_time_count(start: Starter) -> None:
    hub = start(upload_quota=100_000)
    ann = await hub.resident("ann")
    many = await asyncio.gather(*(begin(hub, ann, 1) for _ in range(25)))
    assert sorted(answer.status for answer in many) == [201] * 20 + [429] * 5
    bob = await hub.resident("bob")
    large = await asyncio.gather(*(begin(hub, bob, 60_000) for _ in range(2)))
    assert sorted(answer.status for answer in large) == [201, 413]
    form = await hub.send_files(bob, File("a.zip", ZIP * 5))
    assert (form.status, form.code) == (413, "quota_exceeded")


async def test_limits_of_what_is_not_finished(start: Starter) -> None:
    hub = start(upload_quota=50_000)
    ann = await hub.resident("ann")
    assert (await begin(hub, ann, 30_000)).status == 201
    assert (await begin(hub, ann, 30_000)).code == "quota_exceeded"
    for _ in range(19):
        assert (await begin(hub, ann, 1)).status == 201
    assert (await begin(hub, ann, 1)).code == "too_many_unfinished"


@pytest.fixture(scope="module")
def node() -> Path:
    return installed()


@pytest.mark.parametrize(
    ("chunk", "method"), [(300_000, "patch"), (10_000_000, "patch"), (10_000_000, "override")]
)
async def test_tus_js_client(start: Starter, node: Path, chunk: int, method: str) -> None:
    hub = start(rate_limits=True)
    ann = await hub.resident("ann")
    size, place = 2_000_000, f"http://127.0.0.1:{hub.port}{PLACE}"
    process = await asyncio.create_subprocess_exec(
        str(node), "tus.mjs", place, ann.token, str(size), str(chunk), method,
        cwd=FOLDER, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, complaints = await process.communicate()
    assert process.returncode == 0, complaints.decode()
    told: dict[str, Any] = json.loads(said)
    assert told["broken"] == told["whole"]
    assert told["gone"] == 404
    upload = (await hub.get(f"/api/uploads/{told['whole'].rpartition('/')[2]}", ann.token)).json
    assert (upload["name"], upload["size"], upload["kind"]) == ("größe.zip", size, "file")
    body = (await hub.get(upload["url"])).body
    assert body[4:] == bytes((n * 7 + (n >> 8)) % 251 for n in range(size))[4:]
