"""A server under hostile uploads: each is answered, its memory stays small, and chat goes on."""

import asyncio
import json
import re
import time
import urllib.error
import urllib.request
from itertools import cycle
from pathlib import Path

import pytest

from models.records import EVERYONE
from tests import pictures
from tests.handlers.forms import BOUNDARY, File, form
from tests.handlers.sockets import bearer, dial
from tests.process import ServerProcess

MEBIBYTE = 1024 * 1024

# What the server itself may take, and how long a message may take beside all that, on a machine
# that does other things too; what it takes on a quiet one is measured by the benchmark.
MOST_MEMORY = 150 * MEBIBYTE
MOST_SECONDS = 2.0


def hostile() -> list[tuple[File, int]]:
    """Files that mean no good, and some that do, with the status that answers each."""
    return [
        (File("bomb.png", pictures.bomb("PNG")), 413),
        (File("bomb.jpg", pictures.bomb("JPEG")), 413),
        (File("bomb.gif", pictures.bomb("GIF")), 413),
        (File("bomb.webp", pictures.bomb("WEBP")), 400),
        (File("frames.gif", pictures.many_frames(200_000)), 413),
        (File("gif.js.gif", b"GIF89a/*" + bytes(99) + b"*/=1;alert(1)"), 400),
        (File("page.png", pictures.plain("PNG") + b"<html>"), 201),
        (File("zip.jpg", pictures.plain("JPEG") + b"PK\x03\x04" + bytes(9999)), 201),
        (File("half.jpg", pictures.noise("JPEG", (300, 200))[:9000]), 400),
        (File("x.svg", b"<svg onload='x'/>"), 415),
        (File("x.png", b"<!doctype html><script>x</script>"), 415),
        (File("../../\0\u202e" + "x" * 300 + ".txt", b"x"), 201),
        (File("large.jpg", b"\xff\xd8\xff" + bytes(6 * MEBIBYTE)), 413),
        (File("large.zip", b"PK\x03\x04" + bytes(26 * MEBIBYTE)), 413),
        (File("comment.png", pictures.text_bomb()), 400),
        (File("frames.png", pictures.animation("PNG", 300)), 413),
        (File("frames.webp", pictures.animation("WEBP", 300)), 413),
        (File("con", b"x"), 201),
        (File("fine.zip", b"PK\x03\x04" + bytes(20 * MEBIBYTE)), 201),
        (File("fine.jpg", pictures.noise("JPEG", (1500, 1200))), 201),
    ]


PART = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="x"\r\n\r\ny\r\n'.encode()
KIND = f"multipart/form-data; boundary={BOUNDARY}"


def broken_forms() -> list[tuple[bytes, str]]:
    """Bodies that are no forms, or more than one."""
    return [
        (PART * 10_000 + f"--{BOUNDARY}--".encode(), KIND),
        (form(File("x.zip", bytes(MEBIBYTE)))[0], "multipart/form-data; boundary=another"),
        (form(File("x.zip", bytes(MEBIBYTE)))[0][:-9], KIND),
        (f"--{BOUNDARY}\r\n".encode() + b"X: y\r\n" * 100_000, KIND),
        (b"\r\n" * MEBIBYTE, KIND),
    ]


def memory(process: int, peak: bool = True) -> int:
    """The memory that a process holds, or the most that it ever held."""
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(rf"{'VmHWM' if peak else 'VmRSS'}:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024


def post(url: str, body: bytes, kind: str, token: str) -> int:
    headers = {"Content-Type": kind, "Authorization": f"Bearer {token}"}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(f"{url}/api/uploads", body, headers), timeout=60
        ) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code


async def endless(port: int, token: str) -> None:
    """Begin a form that never ends, and hang up after a while."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST /api/uploads HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
    head += f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
    writer.write((head + "Transfer-Encoding: chunked\r\n\r\n").encode())
    body = form(File("x.zip", b"PK\x03\x04" + b"x" * 64_000))[0][:-200]
    try:
        for _ in range(100):
            writer.write(f"{len(body):x}\r\n".encode() + body + b"\r\n")
            body = b"x" * 64_000
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def times_of_messages(port: int, token: str, until: asyncio.Event) -> list[float]:
    """How long messages take from being sent to being stored, while something goes on."""
    client = await dial(port, headers=bearer(token))
    await client.hear("AUTH_SUCCESS")
    taken = []
    while not until.is_set():
        started = time.perf_counter()
        await client.ask("SEND_MESSAGE", roomId=EVERYONE, content="hello")
        taken.append(time.perf_counter() - started)
        await asyncio.sleep(0.01)
    client.close()
    return sorted(taken)


async def attack(server: ServerProcess, tokens: list[str], rounds: int) -> list[float]:
    """Send everything at once, and look at the answers; chat meanwhile."""
    port = int(server.url.rpartition(":")[2])
    # Made first, for that takes seconds, in which nobody would chat.
    files, forms = hostile() * rounds, broken_forms() * rounds
    over = asyncio.Event()
    chatting = asyncio.create_task(times_of_messages(port, tokens[0], over))
    turns = cycle(tokens)

    async def send(body: bytes, kind: str, status: int, what: str) -> None:
        answer = await asyncio.to_thread(post, server.url, body, kind, next(turns))
        assert answer == status, what

    await asyncio.gather(
        *(send(*form(file), status, file.filename) for file, status in files),
        *(send(*each, 400, f"form {n}") for n, each in enumerate(forms)),
        *(endless(port, next(turns)) for _ in range(5)),
    )
    over.set()
    return await chatting


@pytest.mark.parametrize("rounds", [1, pytest.param(12, marks=pytest.mark.long)])
def test_hostile_uploads(tmp_path: Path, rounds: int) -> None:
    settings = {"UPLOAD_DIR": str(tmp_path / "uploads"), "RATE_LIMITS": "off"}
    with ServerProcess(tmp_path, "--image-frames", "200", **settings) as server:
        tokens = []
        for number in range(6):
            account = {"username": f"user{number}", "password": "correct horse 42"}
            tokens.append(server.call("POST", "/api/auth/register", account)[1]["token"])
        taken = asyncio.run(attack(server, tokens, rounds))
        assert memory(server.process.pid) < MOST_MEMORY
        assert taken[int(len(taken) * 0.99)] < MOST_SECONDS
        assert not [line for line in server.lines if " ERROR " in line]
        listed = [server.call("GET", "/api/uploads", token=token)[1] for token in tokens]
        assert sum(len(each["uploads"]) for each in listed) == 6 * rounds
        assert server.stop() == 0
    assert not list((tmp_path / "uploads" / "incoming").iterdir())


def test_what_a_kill_leaves_half_way_is_swept_at_the_next_start(tmp_path: Path) -> None:
    folder = tmp_path / "uploads"
    with ServerProcess(tmp_path, UPLOAD_DIR=str(folder)) as server:
        account = {"username": "ann", "password": "correct horse 42"}
        token = server.call("POST", "/api/auth/register", account)[1]["token"]
        port = int(server.url.rpartition(":")[2])

        async def break_off() -> None:
            sending = asyncio.create_task(endless(port, token))
            while not list((folder / "incoming").iterdir()):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.005)
            server.kill()
            await sending

        asyncio.run(break_off())
    assert list((folder / "incoming").iterdir())
    with ServerProcess(tmp_path, UPLOAD_DIR=str(folder)) as server:
        server.wait_for_line("were swept that a stop had left half-way")
        assert server.url
        assert not list((folder / "incoming").iterdir())
        assert json.dumps(server.call("GET", "/api/uploads", token=token)[1]["uploads"]) == "[]"
