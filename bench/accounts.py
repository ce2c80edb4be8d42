"""Accounts: registrations, logins and reading one's own profile."""

import itertools
import json
import subprocess
import timeit
from collections.abc import Callable
from functools import partial
from http.client import HTTPConnection

import bcrypt
from msgspec.structs import replace

from bench import servers
from bench.load import Load, bearer, get, post, run
from bench.processes import HOST, PEERS, Failed, Server, node
from bench.report import Figure, beside
from bench.servers import EXPRESS
from bench.turns import Conditions, Entrant, in_turn

REGISTER = "/api/auth/register"
LOGIN = "/api/auth/login"
PROFILE = "/api/auth/profile"

PASSWORD = "correct horse 42 battery"

# The cost that servers use, and the least that there is (what is left then is not the hash), with
# the users that log in. Hubbub keeps every login until it expires, up to 100 a user: thousands of
# logins of a few users would measure the length of that list.
COSTS = {12: 24, 4: 2000}

# A hash fills the CPU by itself; more than a few at once only makes the last one later.
HASHING_CONNECTIONS = 8
READING_CONNECTIONS = 64
READERS = 50

Loads = Callable[[Server, int], Load]


def registrations(conditions: Conditions) -> list[Figure]:
    """Measure new accounts a second."""
    return hashing("registrations", registering, conditions)


def logins(conditions: Conditions) -> list[Figure]:
    """Measure logins a second, by e-mail."""
    return hashing("logins", logging_in, conditions)


def profile(conditions: Conditions) -> list[Figure]:
    """Measure how often a second users can read their own profile."""
    with servers.accounts(min(COSTS), conditions.server_cpu) as running:
        entrants = [
            Entrant(server, partial(run, server.port, reading(server)))
            for server in running.servers
        ]
        figures = in_turn(f"GET {PROFILE}", entrants, running.database, conditions)
    return beside(EXPRESS, figures)


def hashing(name: str, load: Loads, conditions: Conditions) -> list[Figure]:
    """Measure what hashes a password, at each cost, beside a hash and nothing else."""
    figures = []
    for rounds, users in COSTS.items():
        python, javascript = bare_hash(rounds), bare_hash_on_node(rounds)
        with servers.accounts(rounds, conditions.server_cpu) as running:
            entrants = [
                Entrant(server, partial(run, server.port, load(server, users)))
                for server in running.servers
            ]
            title = f"{name}, cost {rounds}"
            measured = in_turn(title, entrants, running.database, conditions)
        figures += [
            with_hash(figure, javascript if figure.server == EXPRESS else python)
            for figure in beside(EXPRESS, measured)
        ]
    return figures


def with_hash(figure: Figure, seconds: float) -> Figure:
    """Say how long one hash takes, and what share of a CPU the hashes were."""
    return replace(figure, hash_ms=seconds * 1000, hash_share=seconds * figure.rate)


def registering(_server: Server, _users: int) -> Load:
    """Send new names for ever."""
    requests = (post(REGISTER, account(f"new-{number}")) for number in itertools.count())
    return Load(HASHING_CONNECTIONS, requests, 201)


def logging_in(server: Server, users: int) -> Load:
    """Send the logins of some users in turn."""
    emails = [user["email"] for user in registered(server, users)]
    requests = [post(LOGIN, {"email": email, "password": PASSWORD}) for email in emails]
    return Load(HASHING_CONNECTIONS, itertools.cycle(requests), 200)


def reading(server: Server) -> Load:
    """Send the tokens of some users in turn."""
    tokens = [user["token"] for user in registered(server, READERS)]
    requests = [get(PROFILE, bearer(token)) for token in tokens]
    return Load(READING_CONNECTIONS, itertools.cycle(requests), 200)


def account(name: str) -> dict[str, str]:
    """Write what is needed to register."""
    return {"username": name, "email": f"{name}@example.com", "password": PASSWORD}


def registered(server: Server, users: int, name: str = "user") -> list[dict[str, str]]:
    """Make accounts, and return each with its token."""
    connection = HTTPConnection(HOST, server.port, timeout=30)
    accounts = [account(f"{name}-{number}") for number in range(users)]
    for user in accounts:
        connection.request("POST", REGISTER, json.dumps(user), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 201:
            raise Failed(f"{server.name}: {answer.status} to a registration: {body[:200]!r}")
        said = json.loads(body)
        user["token"], user["id"] = said["token"], said["user"]["id"]
    connection.close()
    return accounts


def hashes(rounds: int) -> int:
    """Choose how many hashes take about a fifth of a second, as one of cost 12 does."""
    return max(1, 1 << 12 >> rounds)


def bare_hash(rounds: int) -> float:
    """Time the hash that Hubbub uses, in seconds: the least disturbed of five tries."""
    salt, times = bcrypt.gensalt(rounds), hashes(rounds)
    tries = timeit.repeat(lambda: bcrypt.hashpw(PASSWORD.encode(), salt), number=times, repeat=5)
    return min(tries) / times


def bare_hash_on_node(rounds: int) -> float:
    """Time the hash that the peer uses, in the same way."""
    command = [node(), str(PEERS / "hash.js"), str(rounds), str(hashes(rounds))]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"a hash on Node failed: {done.stderr.strip()}")
    return float(done.stdout) / 1000
