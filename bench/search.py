"""Searching in a million messages, and reading far back in a room of nearly as many."""

import itertools
import random
from collections.abc import Iterator
from functools import partial
from urllib.parse import urlencode

from bench import servers
from bench.corpus import IN_A_ROOM, MESSAGES, ROOMS, Corpus
from bench.load import Load, bearer, get, run
from bench.report import Figure
from bench.turns import Conditions, Entrant, in_turn
from models.records import EVERYONE

# A server does two searches at once; more would measure how long they wait for each other.
SEARCHING = 2
READING = 16

QUESTIONS = 1_000

LENGTH = MESSAGES - ROOMS * IN_A_ROOM
BACK = 900_000

# One page is at hand once it was read; in so many messages most pages must be fetched.
DEEP = 50_000
PLACES = 8_000


def search(conditions: Conditions) -> list[Figure]:
    """Measure searches in a million messages, and pages of a room as deep."""
    corpus = Corpus()
    asked = bearer(corpus.token(servers.SECRET))
    loads = {
        "search in 1,000,000": (SEARCHING, list(questions(corpus))),
        "history, newest page": (READING, [page(LENGTH + 1)]),
        "history, 900,000 back": (READING, [page(LENGTH + 1 - BACK)]),
        "history, newest 50,000": (READING, list(anywhere(LENGTH - DEEP, LENGTH))),
        "history, oldest 50,000": (READING, list(anywhere(0, DEEP))),
    }
    figures = []
    with servers.with_a_million(conditions, corpus) as running:
        for title, (connections, paths) in loads.items():
            requests = [get(path, asked) for path in paths]
            entrants = [
                Entrant(
                    server,
                    partial(run, server.port, Load(connections, itertools.cycle(requests), 200)),
                )
                for server in running.servers
            ]
            figures += in_turn(title, entrants, running.database, conditions)
    return figures


def page(before: int) -> str:
    """The address of the page of 50 that ends before a message."""
    return f"/api/rooms/{EVERYONE}/messages?limit=50&before={before}"


def anywhere(first: int, last: int) -> Iterator[str]:
    """Pages of 50 anywhere in a part of the room."""
    chance = random.Random(last)  # noqa: S311 - not a secret
    return (page(chance.randrange(first + 51, last)) for _ in range(PLACES))


def questions(corpus: Corpus) -> Iterator[str]:
    """What people look for: of ten, seven by words and three by the rest that there is."""
    chance = random.Random(QUESTIONS)  # noqa: S311 - not a secret
    said = [message.text for message in itertools.islice(corpus.messages(), 20_000)]
    spaced = [text.split() for text in said if " " in text]
    unspaced = [text for text in said if " " not in text and not text.isascii() and len(text) > 3]

    def word() -> str:
        # As often a common one as a rare one, and one in between.
        return corpus.words[int(len(corpus.words) ** chance.random()) - 1]

    def phrase() -> str:
        words = chance.choice(spaced)
        return f'"{" ".join(words[:2])}"'

    def beginning() -> str:
        return max(word(), word(), key=len)[: chance.choice((2, 3, 3, 4, 5))].ljust(2, "a") + "*"

    for _ in range(QUESTIONS // 10):
        questions = [
            {"q": word()},
            {"q": word()},
            {"q": f"{word()} {word()}"},
            {"q": phrase()},
            {"q": beginning()},
            {"q": f"{word()} {beginning()}"},
            {"q": chance.choice(unspaced)[: chance.choice((1, 2, 2, 3))]},
            {"q": word(), "sender": chance.choice(corpus.people)},
            {"q": word(), "room": chance.choice(corpus.rooms), "hasAttachment": "true"},
            {"q": f"{word()} {word()}", "order": "best"},
        ]
        for question in questions:
            yield f"/api/search?{urlencode(question)}"
