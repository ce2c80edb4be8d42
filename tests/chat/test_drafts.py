"""Files while they arrive: they give way to each other, and to messages."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from chat.drafts import GIVES_WAY_SECONDS, Arrivals
from conf.settings import Settings
from models.store import Store
from server import build_core

pytestmark = pytest.mark.gen_test(timeout=20)


@pytest.fixture(name="arrivals")
def make_arrivals(tmp_path: Path, sqlite_store: Store) -> Iterator[Arrivals]:
    core = build_core(Settings(upload_dir=tmp_path / "uploads"), sqlite_store, "a" * 32)
    yield core.uploads.arrivals
    core.close()


async def test_pieces_are_written_one_at_a_time_in_the_order_they_come(arrivals: Arrivals) -> None:
    written: list[int] = []
    first, go_on = threading.Event(), threading.Event()

    def write(number: int) -> None:
        if number == 0:
            first.set()
            assert go_on.wait(10)
        written.append(number)

    writing = [asyncio.ensure_future(arrivals.write(write, number)) for number in range(5)]
    await asyncio.to_thread(first.wait, 10)
    assert written == []
    go_on.set()
    await asyncio.gather(*writing)
    assert written == [0, 1, 2, 3, 4]


async def test_no_piece_is_written_before_there_is_a_lull(arrivals: Arrivals) -> None:
    written: list[int] = []
    asked: list[float] = []
    calm = asyncio.Event()

    async def lull(seconds: float) -> None:
        asked.append(seconds)
        await calm.wait()

    arrivals.lull = lull
    writing = [asyncio.ensure_future(arrivals.write(written.append, number)) for number in range(2)]
    for _ in range(10):
        await asyncio.sleep(0)
    assert (written, asked) == ([], [GIVES_WAY_SECONDS])
    calm.set()
    await asyncio.gather(*writing)
    assert (written, asked) == ([0, 1], [GIVES_WAY_SECONDS] * 2)
