"""Memory: what an idle socket holds, once it is logged in."""

import asyncio
import os
import resource
import signal
import sys
import time

from msgspec.structs import replace

from bench import servers
from bench.course import one_loop
from bench.languages import Language, Native, Plain, SocketIo, User, enter_all, stay_alive
from bench.messages import hubbub_users
from bench.processes import Failed, Server, usage
from bench.report import Figure
from bench.servers import SOCKET_IO, WS
from bench.sockets import Socket
from bench.turns import MEBIBYTE, Conditions

SOCKETS = 5_000

# Files that a server has open besides its sockets, and then some.
OTHER_FILES = 200

# What is to be told about who came is told by then, and what was only needed for that is freed.
SETTLE_SECONDS = 4.0

KIBIBYTE = 1024

# What a peer writes when it has collected its garbage.
COLLECTED = "collected"


def memory(conditions: Conditions) -> list[Figure]:
    """Measure resident memory per idle socket that is logged in."""
    number = sockets_allowed()
    cpu = conditions.server_cpu
    figures = []
    for name, program, language in ((WS, "ws", Plain()), (SOCKET_IO, "socket.io", SocketIo())):
        with servers.peer(name, cpu, "rooms.js", program) as server:
            users = servers.signed_users(server, number)
            figures.append(measured(server, language, users))
    with servers.registered_before(cpu, lambda server: hubbub_users(server, number)) as (
        server,
        users,
    ):
        figures.append(measured(server, Native(), users))
    first = figures[0].socket_kib or 1
    return [replace(one, ratio=(one.socket_kib or 0) / first) for one in figures]


def sockets_allowed() -> int:
    """Raise the limit on open files as far as it goes, and return how many sockets that allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    number = min(SOCKETS, hard - OTHER_FILES)
    if number < SOCKETS:
        sys.stderr.write(f"only {number:,} sockets: no more files may be open here\n")
    return number


def measured(server: Server, language: Language, users: list[User]) -> Figure:
    """Compare a server without sockets and with all of them."""
    with one_loop() as runner:
        # One socket first: what is loaded on the first use is not counted.
        runner.run(visit(server, language, users[:1]))
        before = resident(server)
        began = time.perf_counter()
        sockets = runner.run(stay(server, language, users))
        rate = len(users) / (time.perf_counter() - began - SETTLE_SECONDS)
        after = resident(server)
        for socket in sockets:
            socket.close()
    return Figure(
        benchmark=f"{len(users):,} idle sockets",
        server=server.name,
        rate=rate,
        low=None,
        high=None,
        p50_ms=None,
        p99_ms=None,
        server_cpu=None,
        database_cpu=None,
        load_cpu=None,
        rss_mib=after / MEBIBYTE,
        socket_kib=(after - before) / len(users) / KIBIBYTE,
    )


async def visit(server: Server, language: Language, users: list[User]) -> None:
    """Log in and leave."""
    for socket in await enter_all(server.port, language, Socket, users):
        socket.close()
    await asyncio.sleep(SETTLE_SECONDS)


async def stay(server: Server, language: Language, users: list[User]) -> list[Socket]:
    """Log in and do nothing."""
    sockets = await enter_all(server.port, language, Socket, users)
    stay_alive(sockets)
    await asyncio.sleep(SETTLE_SECONDS)
    return sockets


def resident(server: Server) -> int:
    """Read a server's resident memory; Node is asked to collect its garbage before."""
    if server.name in (WS, SOCKET_IO):
        for _ in range(2):
            before = server.times_said(COLLECTED)
            os.kill(server.pid, signal.SIGUSR2)
            server.wait_for(COLLECTED, before + 1)
    used = usage(server.pid)
    if used is None:
        raise Failed("memory is measured where there is a /proc")
    return used.rss
