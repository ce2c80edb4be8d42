"""Reading over REST: pages of a long room, and a list of many rooms."""

import itertools
import random
from collections.abc import Iterator
from functools import partial

from bench import contents, servers
from bench.contents import Contents
from bench.load import Load, bearer, get, run
from bench.report import Figure, beside
from bench.servers import EXPRESS
from bench.turns import Conditions, Entrant, in_turn

CONNECTIONS = 32

LENGTH = 100_000
PEOPLE = 20

# Places that are read in turn: all pages of them together are four times the room.
PLACES = 8_000

ROOMS = 200
SAID = 20
ACQUAINTANCES = 100


def history(conditions: Conditions) -> list[Figure]:
    """Measure pages of 50 from a room of 100,000 messages: the newest, and anywhere."""
    room = contents.one_room(LENGTH, PEOPLE)
    path = f"/api/rooms/{room.rooms[0].id}/messages?limit=50"
    chance = random.Random(LENGTH)  # noqa: S311 - not a secret
    places = [chance.randrange(51, LENGTH) for _ in range(PLACES)]
    return reading(
        conditions,
        room,
        {
            "history, newest page": [path],
            "history, anywhere": [f"{path}&before={place}" for place in places],
        },
    )


def rooms(conditions: Conditions) -> list[Figure]:
    """Measure the first hundred rooms of a user who is in 200."""
    return reading(
        conditions,
        contents.many_rooms(ROOMS, SAID, ACQUAINTANCES),
        {"rooms, 100 of 200": ["/api/rooms?limit=100"]},
        askers=1,
    )


def reading(
    conditions: Conditions, filled: Contents, titles: dict[str, list[str]], askers: int = PEOPLE
) -> list[Figure]:
    """Let some users ask for the same paths on every server."""
    tokens = contents.tokens(filled, servers.SECRET)[:askers]
    figures = []
    with servers.filled(conditions.server_cpu, filled) as running:
        for title, paths in titles.items():
            loads = [Load(CONNECTIONS, asking(tokens, paths), 200) for _ in running.servers]
            entrants = [
                Entrant(server, partial(run, server.port, load))
                for server, load in zip(running.servers, loads, strict=True)
            ]
            figures += beside(EXPRESS, in_turn(title, entrants, running.database, conditions))
    return figures


def asking(tokens: list[str], paths: list[str]) -> Iterator[bytes]:
    """Ask for each of the paths in turn, each time as somebody else, for ever."""
    users = itertools.cycle([bearer(token) for token in tokens])
    return (get(path, next(users)) for path in itertools.cycle(paths))
