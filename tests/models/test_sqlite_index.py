"""The index of words in SQLite: the places of messages in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from models.records import EVERYONE
from models.sqlite.index import enter
from models.sqlite.store import SQLiteStore
from tests.contract.samples import at, message, say


@pytest.fixture(name="store")
def make_store(tmp_path: Path) -> Iterator[SQLiteStore]:
    made = SQLiteStore(tmp_path / "hubbub.db")
    made.open()
    yield made
    made.close()


def test_what_is_between_two_moments_of_a_batch_does_not_count(store: SQLiteStore) -> None:
    # As behind a clock that was ahead for a while, in rooms that were in use then.
    said = [message(EVERYONE, n, created=at(n)) for n in range(1, 3_001)]
    say(store, *said)
    steps: list[int] = []
    apart = [message(EVERYONE, 3_001, created=at(1)), message(EVERYONE, 3_002, created=at(3_000))]
    with store._database.write() as connection:
        connection.set_progress_handler(lambda: steps.append(100), 100)
        first, last = enter(connection, apart)
        connection.set_progress_handler(None, 0)
        taken = connection.execute("SELECT min(place), max(place) FROM messages").fetchone()
    assert (first, last) == (taken[0] + 1, taken[1] + 1)
    assert sum(steps) < 3_000
