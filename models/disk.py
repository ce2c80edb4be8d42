"""The thread executor: the one place where blocking calls leave the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from functools import partial
from typing import Any, ParamSpec, TypeVar

from msgspec import Struct

from models.writer import Writer

P = ParamSpec("P")
T = TypeVar("T")

# Enough that one stuck call does not hold up the others; SQLite writes one at a time anyway, and
# pymongo's own pool is far larger.
THREADS = 8


class Keyed(Struct, frozen=True):
    """The call under way that came with a key, and how the store notes that it is done."""

    call: str
    finish: Callable[[str, Callable[[], Any]], Any]


keyed: ContextVar[Keyed | None] = ContextVar("keyed", default=None)


class Disk:
    """Runs the methods of a store in threads, so that the event loop never waits for one."""

    def __init__(self, threads: int = THREADS) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="disk")
        self._writer = Writer()

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Make a blocking call and return what it returns, or raise what it raises."""
        return await self.start(call, *args, **kwargs)

    def start(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Begin a blocking call at once, before anybody waits for it."""
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._executor, partial(call, *args, **kwargs))

    def start_in_order(
        self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> asyncio.Future[T]:
        """Begin a blocking call as soon as the last that was begun so has ended."""
        return self._writer.start(partial(call, *args, **kwargs))

    async def finish(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Make the blocking call that completes a command, which is noted where it has a key."""
        current = keyed.get()
        if current is None:
            return await self.run(call, *args, **kwargs)
        finished: T = await self.run(current.finish, current.call, partial(call, *args, **kwargs))
        return finished

    def close(self) -> None:
        """Wait for the calls that are running; those that have not begun are dropped."""
        self._writer.close()
        self._executor.shutdown(wait=True, cancel_futures=True)
