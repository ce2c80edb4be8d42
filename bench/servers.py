"""The servers that are measured: how each of them is started."""

import os
import secrets
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import jwt
import pymongo
from bson import ObjectId
from msgspec import Struct

from bench.contents import Contents, fill, fill_peer
from bench.corpus import Corpus, fill_mongodb, fill_sqlite
from bench.languages import User
from bench.processes import PEERS, Cpus, Failed, Server, node
from bench.turns import Conditions
from models.choice import choose_store
from tests.mongod import Mongod, find_mongod

EXPRESS = "Express + Mongoose"
HUBBUB_MONGODB = "Hubbub, MongoDB"
HUBBUB_SQLITE = "Hubbub, SQLite"
SOCKET_IO_MONGOOSE = "Socket.IO + Mongoose"
SOCKET_IO = "Socket.IO"
WS = "ws"
MULTER = "Express + Multer"
FRAMES = "Hubbub's frames"
FRAMES_GATHERED = "Hubbub's frames, gathered"

ROOT = Path(__file__).parents[1]
HUBBUB = ROOT / "server.py"

# The key of every token, in all servers: a peer without accounts gets tokens that are signed here.
SECRET = secrets.token_hex(32)

# The least cost of a hash that there is, where hashes are not what is measured.
LEAST_ROUNDS = 4


class Running(Struct, frozen=True):
    """The servers of one benchmark, and the process of the database that two of them use."""

    servers: list[Server]
    database: int | None


def hubbub(rounds: int, cpu: int | None, mongodb: str | None = None, data: str = "data") -> Server:
    """Describe Hubbub on one of its two stores; its data goes where the process runs."""
    store = {} if mongodb is None else {"MONGODB_URI": mongodb}
    settings = {"DATA_DIR": data, "RATE_LIMITS": "off", "LOG_LEVEL": "warning"}
    return Server(
        HUBBUB_SQLITE if mongodb is None else HUBBUB_MONGODB,
        [sys.executable, str(HUBBUB)],
        common(rounds) | settings | store,
        cpu,
    )


def express(rounds: int, cpu: int | None, mongodb: str) -> Server:
    """Describe the peer on Express and Mongoose."""
    settings = {"NODE_ENV": "production", "MONGODB_URI": mongodb}
    return Server(EXPRESS, [node(), str(PEERS / "accounts.js")], common(rounds) | settings, cpu)


def common(rounds: int) -> dict[str, str]:
    """Make the settings that all servers take by the same names."""
    return {"JWT_SECRET": SECRET, "BCRYPT_ROUNDS": str(rounds)}


def peer(name: str, cpu: int | None, *command: str, **settings: str) -> Server:
    """Describe a peer without accounts."""
    program, *arguments = command
    environment = {"NODE_ENV": "production", "JWT_SECRET": SECRET, **settings}
    line = [node(), "--expose-gc", str(PEERS / program), *arguments]
    return Server(name, line, environment, cpu)


def signed_users(server: Server, number: int) -> list[User]:
    """Sign tokens for users of a peer that has no accounts."""
    ids = [str(ObjectId()) for _ in range(number)]
    return [User(one, jwt.encode({"sub": one}, SECRET, "HS256")) for one in ids]


@contextmanager
def running(describe: Callable[[Mongod], list[Server]]) -> Iterator[Running]:
    """Run servers, with one empty MongoDB for those that use it."""
    program = find_mongod()
    if program is None:
        raise Failed("there is no mongod; MONGOD names one that is not on the PATH")
    with ExitStack() as stack:
        mongod = stack.enter_context(Mongod(program))
        servers = [stack.enter_context(server) for server in describe(mongod)]
        yield Running(servers, process_of(mongod))


def accounts(rounds: int, cpu: int | None) -> AbstractContextManager[Running]:
    """Run all servers that have accounts."""
    return running(
        lambda mongod: [
            express(rounds, cpu, mongod.uri("express")),
            hubbub(rounds, cpu, mongod.uri("hubbub")),
            hubbub(rounds, cpu),
        ]
    )


def messengers(cpu: int | None) -> AbstractContextManager[Running]:
    """Run all servers that store messages and acknowledge them."""
    return running(
        lambda mongod: [
            socket_io_mongoose(cpu, mongod.uri("mongoose")),
            hubbub(LEAST_ROUNDS, cpu, mongod.uri("hubbub")),
            hubbub(LEAST_ROUNDS, cpu),
        ]
    )


def rooms(cpu: int | None) -> AbstractContextManager[Running]:
    """Run all servers that tell a room; only Hubbub stores what is said."""
    return running(
        lambda mongod: [
            peer(WS, cpu, "rooms.js", "ws"),
            peer(SOCKET_IO, cpu, "rooms.js", "socket.io"),
            hubbub(LEAST_ROUNDS, cpu, mongod.uri("hubbub")),
            hubbub(LEAST_ROUNDS, cpu),
        ]
    )


@contextmanager
def filled(cpu: int | None, what: Contents) -> Iterator[Running]:
    """Run all servers that can be read from, with the same in each."""
    with TemporaryDirectory(prefix="hubbub-bench-") as folder:

        def describe(mongod: Mongod) -> list[Server]:
            fill_peer(mongod.uri("express"), what)
            fill(choose_store(mongod.uri("hubbub"), Path(folder)), what)
            fill(choose_store(None, Path(folder)), what)
            return [
                peer(EXPRESS, cpu, "history.js", MONGODB_URI=mongod.uri("express")),
                hubbub(LEAST_ROUNDS, cpu, mongod.uri("hubbub")),
                hubbub(LEAST_ROUNDS, cpu, data=folder),
            ]

        with running(describe) as all_filled:
            yield all_filled


@contextmanager
def with_a_million(conditions: Conditions, corpus: Corpus) -> Iterator[Running]:
    """Run Hubbub on both stores with a million messages in each."""
    with TemporaryDirectory(prefix="hubbub-bench-") as folder:

        def describe(mongod: Mongod) -> list[Server]:
            uri = mongod.uri("hubbub")
            # On both CPUs, while nothing is measured.
            with ProcessPoolExecutor(2, initializer=spread, initargs=(conditions.cpus,)) as pool:
                filling = [
                    pool.submit(fill_mongodb, uri, corpus),
                    pool.submit(fill_sqlite, Path(folder), corpus),
                ]
                for one in filling:
                    one.result()
            cpu = conditions.server_cpu
            return [hubbub(LEAST_ROUNDS, cpu, uri), hubbub(LEAST_ROUNDS, cpu, data=folder)]

        with running(describe) as filled:
            yield filled


def spread(cpus: Cpus | None) -> None:
    """Let this process run on all CPUs of a benchmark."""
    if cpus is not None:
        os.sched_setaffinity(0, {cpus.server, cpus.load})


@contextmanager
def echoes(cpu: int | None) -> Iterator[Running]:
    """Run the servers that send back what they get."""
    ours = [sys.executable, "-m", "bench.echo_server"]
    settings = {"PYTHONPATH": str(ROOT)}
    with (
        peer(WS, cpu, "echo.js") as theirs,
        Server(FRAMES, ours, settings, cpu) as frames,
        Server(FRAMES_GATHERED, [*ours, "gather"], settings, cpu) as gathered,
    ):
        yield Running([theirs, frames, gathered], None)


@contextmanager
def registered_before(
    cpu: int | None, register: Callable[[Server], list[User]]
) -> Iterator[tuple[Server, list[User]]]:
    """Run Hubbub anew after users have registered, so that nothing of that is in its memory."""
    with running(lambda mongod: [hubbub(LEAST_ROUNDS, cpu, mongod.uri("hubbub"))]) as first:
        users = register(first.servers[0])
        with first.servers[0].again() as server:
            yield server, users


def socket_io_mongoose(cpu: int | None, mongodb: str) -> Server:
    """Describe the peer that stores messages by Mongoose."""
    return peer(SOCKET_IO_MONGOOSE, cpu, "messages.js", MONGODB_URI=mongodb)


def process_of(mongod: Mongod) -> int:
    """Ask a database for its process id."""
    with pymongo.MongoClient[dict[str, int]](mongod.uri()) as client:
        return int(client.admin.command("serverStatus")["pid"])
