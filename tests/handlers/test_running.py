"""The requests that are being answered."""

import asyncio

import pytest

from handlers.running import Running

pytestmark = pytest.mark.gen_test(timeout=5)

# Longer than any test may take: a wait that ends did not end by itself.
LONG = 3600


async def test_nothing_runs_at_first() -> None:
    assert await Running().drained(LONG) == 0


async def test_a_stop_waits_for_the_last_request() -> None:
    running = Running()
    running.begin("one")
    running.begin("two")
    stop = asyncio.create_task(running.drained(LONG))
    await asyncio.sleep(0)
    running.end("one")
    await asyncio.sleep(0)
    assert not stop.done()
    running.end("two")
    assert await stop == 0


async def test_a_stop_does_not_wait_for_ever() -> None:
    running = Running()
    running.begin("one")
    assert await running.drained(0) == 1


async def test_a_request_may_end_twice() -> None:
    running = Running()
    running.begin("one")
    running.begin("two")
    running.end("one")
    running.end("one")
    assert await running.drained(0) == 1


async def test_a_request_that_begins_again_is_waited_for_again() -> None:
    running = Running()
    running.begin("one")
    running.end("one")
    running.begin("two")
    assert await running.drained(0) == 1
