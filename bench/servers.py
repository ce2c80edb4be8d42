"""The servers that are measured: how each of them is started."""

import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pymongo
from msgspec import Struct

from bench.processes import PEERS, Failed, Server, node
from tests.mongod import Mongod, find_mongod

EXPRESS = "Express + Mongoose"
HUBBUB_MONGODB = "Hubbub, MongoDB"
HUBBUB_SQLITE = "Hubbub, SQLite"

HUBBUB = Path(__file__).parents[1] / "server.py"


class Running(Struct, frozen=True):
    """The servers of one benchmark, and the process of the database that two of them use."""

    servers: list[Server]
    database: int


def hubbub(rounds: int, cpu: int | None, mongodb: str | None = None) -> Server:
    """Describe Hubbub on one of its two stores; its data goes where the process runs."""
    store = {} if mongodb is None else {"MONGODB_URI": mongodb}
    settings = {"DATA_DIR": "data", "RATE_LIMITS": "off", "LOG_LEVEL": "warning"}
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
    return {"JWT_SECRET": secrets.token_hex(32), "BCRYPT_ROUNDS": str(rounds)}


@contextmanager
def accounts(rounds: int, cpu: int | None) -> Iterator[Running]:
    """Run all servers that have accounts, with one empty MongoDB for those that use it."""
    program = find_mongod()
    if program is None:
        raise Failed("there is no mongod; MONGOD names one that is not on the PATH")
    with ExitStack() as stack:
        mongod = stack.enter_context(Mongod(program))
        described = [
            express(rounds, cpu, mongod.uri("express")),
            hubbub(rounds, cpu, mongod.uri("hubbub")),
            hubbub(rounds, cpu),
        ]
        servers = [stack.enter_context(server) for server in described]
        yield Running(servers, process_of(mongod))


def process_of(mongod: Mongod) -> int:
    """Ask a database for its process id."""
    with pymongo.MongoClient[dict[str, int]](mongod.uri()) as client:
        return int(client.admin.command("serverStatus")["pid"])
