"""Blocking calls beside the loop."""

import asyncio
import threading

import pytest

from models.disk import Disk


def test_a_call_runs_in_a_thread_and_returns() -> None:
    async def main() -> str:
        disk = Disk()
        try:
            return await disk.run(lambda text, *, end: text + end, "a", end="b")
        finally:
            disk.close()

    assert asyncio.run(main()) == "ab"


def test_a_call_raises_what_it_raises() -> None:
    def fail() -> None:
        raise LookupError("no")

    async def main() -> None:
        disk = Disk()
        try:
            await disk.run(fail)
        finally:
            disk.close()

    with pytest.raises(LookupError, match="no"):
        asyncio.run(main())


def test_the_loop_and_other_calls_go_on_meanwhile() -> None:
    async def main() -> bool:
        disk, release = Disk(threads=2), threading.Event()
        try:
            waiting = asyncio.ensure_future(disk.run(release.wait, 30))
            await disk.run(release.set)
            return await waiting
        finally:
            disk.close()

    assert asyncio.run(main()) is True


def test_calls_run_in_threads_of_their_own() -> None:
    async def main() -> str:
        disk = Disk()
        try:
            return await disk.run(lambda: threading.current_thread().name)
        finally:
            disk.close()

    assert asyncio.run(main()).startswith("disk")


def test_closing_drops_what_has_not_begun() -> None:
    async def main() -> None:
        disk, begun, release = Disk(threads=1), threading.Event(), threading.Event()

        def block() -> bool:
            begun.set()
            return release.wait(30)

        running = asyncio.ensure_future(disk.run(block))
        dropped = asyncio.ensure_future(disk.run(int))
        await asyncio.get_running_loop().run_in_executor(None, begun.wait, 30)
        closing = asyncio.get_running_loop().run_in_executor(None, disk.close)
        with pytest.raises(asyncio.CancelledError):
            await dropped
        release.set()
        await closing
        assert await running is True

    asyncio.run(main())


def test_calls_in_order_run_one_after_the_other_in_one_thread() -> None:
    async def main() -> list[int]:
        disk, done, threads = Disk(), list[int](), set[str]()

        def note(number: int) -> None:
            threads.add(threading.current_thread().name)
            done.append(number)

        try:
            await asyncio.gather(*[disk.start_in_order(note, number) for number in range(50)])
        finally:
            disk.close()
        assert threads == {"writer"}
        return done

    assert asyncio.run(main()) == list(range(50))
