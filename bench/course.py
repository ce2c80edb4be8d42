"""One measurement over sockets that stay open: when it ends, what came back, what went wrong."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

import uvloop

from bench.load import PATIENCE, LoadFailed, Result

# Between two looks whether all has come back.
LOOK_SECONDS = 0.002

Turn = Callable[[float], Awaitable[Result]]


class Course:
    """What is counted during a turn."""

    def __init__(self, seconds: float) -> None:
        self.latencies: list[float] = []
        self.seconds = seconds
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._began = time.perf_counter()
        self._cpu = time.process_time()
        self.deadline = self._began + seconds

    def goes_on(self) -> bool:
        """Tell whether there is time left to send more."""
        return time.perf_counter() < self.deadline

    def note(self, times: deque[float], number: int, moment: float) -> None:
        """Take out when the oldest of what is under way was sent, and note how long that took."""
        for _ in range(number):
            self.latencies.append(moment - times.popleft())

    def finish(self) -> None:
        """Note that all that was sent has come back."""
        if not self._done.done():
            self._done.set_result(None)

    def fail(self, reason: str) -> None:
        """End the measurement without a figure."""
        if not self._done.done():
            self._done.set_exception(LoadFailed(reason))

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for what is to come true soon, without a burden on those who work for it."""
        while not holds():  # noqa: ASYNC110 - an event would cost a look at each of all frames
            await asyncio.sleep(LOOK_SECONDS)

    async def result(self, count: Callable[[], int]) -> Result:
        """Wait for the end, and return what was measured."""
        try:
            await asyncio.wait_for(self._done, self.seconds + PATIENCE)
        except TimeoutError:
            raise LoadFailed(f"no answer in the {PATIENCE:.0f} s after the last message") from None
        wall = time.perf_counter() - self._began
        own = time.process_time() - self._cpu
        latencies = sorted(self.latencies)
        return Result(
            requests=count(),
            seconds=wall,
            p50=latencies[len(latencies) // 2] if latencies else None,
            p99=latencies[len(latencies) * 99 // 100] if latencies else None,
            own_cpu=own / wall,
        )


@contextmanager
def one_loop() -> Iterator[asyncio.Runner]:
    """Keep one event loop for all turns, so that sockets stay open between them."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        yield runner


def each(runner: asyncio.Runner, turns: Sequence[Turn]) -> list[Callable[[float], Result]]:
    """Make turns on a loop into calls."""

    def call(turn: Turn) -> Callable[[float], Result]:
        async def wait(seconds: float) -> Result:
            return await turn(seconds)

        return lambda seconds: runner.run(wait(seconds))

    return [call(turn) for turn in turns]
