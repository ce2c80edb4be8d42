"""The thread that makes blocking calls in order."""

import asyncio
import gc
import threading
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest

from models.writer import Writer

pytestmark = pytest.mark.gen_test(timeout=30)


@asynccontextmanager
async def busy_writer() -> AsyncIterator[tuple[Writer, asyncio.Future[bool], Callable[[], None]]]:
    """A writer in the middle of a call, and what ends that."""
    writer, begun, release = Writer(), threading.Event(), threading.Event()

    def block() -> bool:
        begun.set()
        return release.wait(30)

    running = writer.start(block)
    await asyncio.to_thread(begun.wait, 30)
    try:
        yield writer, running, release.set
    finally:
        release.set()
        writer.close()


async def test_calls_are_made_in_order_by_one_thread() -> None:
    writer, made = Writer(), []
    await asyncio.gather(*(writer.start(partial(made.append, n)) for n in range(100)))
    assert made == list(range(100))
    names = [await writer.start(lambda: threading.current_thread().name) for _ in range(2)]
    assert names == ["writer", "writer"]
    writer.close()


async def test_a_call_raises_what_it_raises_and_the_next_is_made() -> None:
    def fail() -> None:
        raise LookupError("no")

    writer = Writer()
    failing, next_one = writer.start(fail), writer.start(lambda: 1)
    with pytest.raises(LookupError, match="no"):
        await failing
    assert await next_one == 1
    writer.close()


async def test_a_call_that_nobody_waits_for_any_more_is_made() -> None:
    made: list[int] = []
    async with busy_writer() as (writer, running, release):
        given_up = writer.start(partial(made.append, 1))
        failing = writer.start(partial(int, "no number"))
        for each in (given_up, failing, running):
            each.cancel()
        release()
        await writer.start(partial(made.append, 2))
    assert made == [1, 2]


async def test_closing_drops_what_has_not_begun() -> None:
    async with busy_writer() as (writer, running, release):
        dropped = writer.start(int)
        closing = asyncio.ensure_future(asyncio.to_thread(writer.close))
        with pytest.raises(asyncio.CancelledError):
            await dropped
        release()
        await closing
        assert await running
        with pytest.raises(RuntimeError, match="after the close"):
            writer.start(int)


def test_a_writer_that_was_not_used_is_closed() -> None:
    Writer().close()


def test_a_loop_that_is_gone_is_told_nothing() -> None:
    writer, begun, release = Writer(), threading.Event(), threading.Event()

    async def main() -> None:
        writer.start(lambda: (begun.set(), release.wait(30)))
        await asyncio.to_thread(begun.wait, 30)

    asyncio.run(main())
    release.set()
    writer.close()


async def test_nothing_is_held_of_a_call_that_is_over() -> None:
    class Held:
        def __call__(self) -> None:
            raise LookupError

    writer, held = Writer(), Held()
    gone = weakref.ref(held)
    gc.disable()
    try:
        done = writer.start(held)
        del held
        with pytest.raises(LookupError):
            await done
        del done
        await writer.start(int)
        assert gone() is None
    finally:
        gc.enable()
        writer.close()
