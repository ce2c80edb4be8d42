"""Uploads: files and images a second, memory, and what becomes of chat meanwhile."""

import asyncio
import itertools
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path

from msgspec.structs import replace
from PIL import Image

from bench import servers
from bench.accounts import registered
from bench.course import each, one_loop
from bench.languages import Native, User, enter_all, stay_alive
from bench.latency import Pace
from bench.load import Load, bearer, run
from bench.messages import CONTENT, Talker, hubbub_users
from bench.processes import HOST, Server
from bench.report import Figure, beside
from bench.servers import HUBBUB_SQLITE, MULTER, SECRET
from bench.sockets import Socket
from bench.turns import MEBIBYTE, Conditions, Entrant, in_turn
from bench.uploader import Uploader

FILE_BYTES = 25 * MEBIBYTE - 4096
IMAGE_BYTES = 5 * MEBIBYTE

CONNECTIONS = 8
MANY = 50
# Nobody may have more than ten under way.
USERS = 10

PATH = "/api/uploads"
BOUNDARY = "a-boundary-of-the-benchmark"

# A lively server: so many messages a second between ten people.
PACE = 200.0
TALKERS = 10
UPLOADS = 4

# Where files cost no disk: what is compared there is the receiving.
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it


def uploads(conditions: Conditions) -> list[Figure]:
    """Measure uploads a second, the memory of 50 at once, and chat beside them."""
    figures = []
    places = [("in memory", MEMORY), ("on the disk", Path(tempfile.gettempdir()))]
    for words, place in places:
        if not place.is_dir():
            continue
        with receivers(place, conditions.server_cpu) as running:
            title = f"25 MB files, {words}"
            figures += sending(title, running, a_file(FILE_BYTES), CONNECTIONS, conditions)
    with receivers(places[-1][1], conditions.server_cpu) as running:
        image = an_image(IMAGE_BYTES)
        figures += sending("5 MB images", running, image, CONNECTIONS, conditions)
    with receivers(places[-1][1], conditions.server_cpu) as running:
        title = f"{MANY} files at once, greatest memory"
        many = sending(title, running, a_file(FILE_BYTES), MANY, conditions)
        figures += [with_peak(one, running) for one in many]
    return [*figures, *chat_beside(conditions)]


@contextmanager
def receivers(place: Path, cpu: int | None) -> Iterator[list[Server]]:
    """Run the servers that take files, each with a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="hubbub-bench-", dir=place) as folder:
        theirs, ours = (str(Path(folder) / name) for name in ("theirs", "ours"))
        with (
            servers.peer(MULTER, cpu, "uploads.js", UPLOAD_DIR=theirs) as peer,
            hubbub(ours, cpu) as server,
        ):
            yield [peer, server]


def hubbub(folder: str, cpu: int | None) -> Server:
    """Describe Hubbub with a folder for files, and no end of what somebody may keep there."""
    settings = {
        "DATA_DIR": "data",
        "UPLOAD_DIR": folder,
        "UPLOAD_QUOTA": str(1 << 50),
        "RATE_LIMITS": "off",
        "LOG_LEVEL": "warning",
        "JWT_SECRET": SECRET,
        "BCRYPT_ROUNDS": str(servers.LEAST_ROUNDS),
    }
    return Server(HUBBUB_SQLITE, [sys.executable, str(servers.HUBBUB)], settings, cpu)


def sending(
    title: str, running: list[Server], data: bytes, connections: int, conditions: Conditions
) -> list[Figure]:
    """Measure how many files a second the servers take."""
    entrants = [
        Entrant(server, partial(run, server.port, load(users_of(server), data, connections)))
        for server in running
    ]
    return beside(MULTER, in_turn(title, entrants, None, conditions))


def users_of(server: Server) -> list[User]:
    """Make some users."""
    make = hubbub_users if server.name == HUBBUB_SQLITE else servers.signed_users
    return make(server, USERS)


def load(users: list[User], data: bytes, connections: int) -> Load:
    """Send a file for ever, from each user in turn."""
    requests = [form(user.token, data) for user in users]
    return Load(connections, itertools.cycle(requests), 201)


def form(token: str, data: bytes) -> bytes:
    """Encode a form with one file."""
    begin = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()
    end = f"\r\n--{BOUNDARY}--\r\n".encode()
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: {HOST}\r\n{bearer(token)}"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        f"Content-Length: {len(begin) + len(data) + len(end)}\r\n\r\n"
    )
    return b"".join((head.encode(), begin, data, end))


def a_file(size: int) -> bytes:
    """Make a file that is no picture."""
    return b"PK\x03\x04" + os.urandom(size - 4)


def an_image(size: int) -> bytes:
    """Make a photograph of nearly this size: one of 12 megapixels, with noise in it."""
    width, height = 4000, 3000
    noise = Image.effect_noise((width, height), 60).convert("RGB")
    best = b""
    for quality in range(30, 96, 5):
        data = BytesIO()
        noise.save(data, "JPEG", quality=quality)
        if len(data.getvalue()) > size:
            break
        best = data.getvalue()
    return best


def with_peak(figure: Figure, running: list[Server]) -> Figure:
    """Give the most memory that a server has ever held, where that can be read."""
    server = next(one for one in running if one.name == figure.server)
    try:
        status = Path(f"/proc/{server.pid}/status").read_text()
    except OSError:
        return figure
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return replace(figure, rss_mib=int(found[1]) / 1024) if found else figure


def chat_beside(conditions: Conditions) -> list[Figure]:
    """Measure messages from sending to delivery: alone, and while files and images come."""
    with (
        tempfile.TemporaryDirectory(prefix="hubbub-bench-") as folder,
        hubbub(f"{folder}/uploads", conditions.server_cpu) as server,
        one_loop() as runner,
    ):
        pace = Pace(runner.run(talkers(server)), PACE)
        [measure] = each(runner, [pace.turn])
        [alone] = in_turn("chat, alone", [Entrant(server, measure)], None, conditions)
        sender = registered(server, 1, "sender")[0]["token"]
        files = [form(sender, a_file(FILE_BYTES)), form(sender, an_image(IMAGE_BYTES))]
        with Uploader(server.port, UPLOADS, files) as uploader:
            uploader.wait_until_flowing()
            entrants = [Entrant(server, uploader.counting(measure))]
            [beside] = in_turn(f"chat, beside {UPLOADS} uploads", entrants, None, conditions)
            meanwhile = uploader.figure("files and images meanwhile", server.name)
    ratio = (beside.p99_ms or 0) / (alone.p99_ms or 1)
    return [alone, replace(beside, ratio=ratio), meanwhile]


async def talkers(server: Server) -> list[Talker]:
    """Log pairs in, and find out where each of them talks."""
    users = hubbub_users(server, TALKERS)
    native = Native()
    sockets = await enter_all(server.port, native, Socket, users)
    stay_alive(sockets)
    await asyncio.sleep(1)
    found = []
    for n, (socket, user) in enumerate(zip(sockets, users, strict=True)):
        room = await native.ask(
            socket, "CREATE_ROOM", {"kind": "direct", "participantIds": [users[n ^ 1].id]}
        )
        sender = native.sender(room["room"]["id"], f"bench-{user.id}-", CONTENT)
        found.append(Talker(socket, native, sender))
    return found
