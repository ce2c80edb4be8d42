"""Work that is begun at once: as in a task of its own, but sooner."""

import asyncio
from collections.abc import Generator

import pytest

from handlers.begun import begun

pytestmark = pytest.mark.gen_test


async def test_what_waits_for_nothing_is_done_at_once() -> None:
    done: list[str] = []

    async def work() -> None:
        await asyncio.sleep(0)
        done.append("this")

    async def sooner() -> None:
        done.append("that")

    assert begun(sooner()) is None
    assert done == ["that"]
    rest = begun(work())
    assert rest is not None
    await rest
    assert done == ["that", "this"]


async def test_what_is_waited_for_comes_through() -> None:
    first: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    heard: list[object] = []

    async def work() -> None:
        heard.append(await first)
        await asyncio.sleep(0)
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 0.001)
        except TimeoutError:
            heard.append("late")
        heard.append(asyncio.current_task())

    rest = begun(work())
    assert rest is not None
    task = asyncio.ensure_future(rest)
    first.set_result("hello")
    await task
    assert heard == ["hello", "late", task]


async def test_what_is_raised_is_raised() -> None:
    async def now() -> None:
        raise OSError("now")

    async def later() -> None:
        await asyncio.sleep(0)
        raise OSError("later")

    with pytest.raises(OSError, match="now"):
        begun(now())
    rest = begun(later())
    assert rest is not None
    with pytest.raises(OSError, match="later"):
        await rest


async def test_work_can_be_cancelled_and_may_go_on() -> None:
    heard: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            heard.append("cancelled")
            await asyncio.sleep(0)
            heard.append("cleaned up")
            raise

    rest = begun(work())
    assert rest is not None
    task = asyncio.ensure_future(rest)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert heard == ["cancelled", "cleaned up"]


async def test_work_that_nobody_goes_on_with_is_closed() -> None:
    closed: list[bool] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    steps = begun(work())
    assert isinstance(steps, Generator)
    next(steps)
    steps.close()
    assert closed == [True]
