"""Latency: from sending to delivery, at half of what a server can take."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from functools import partial

from bench import servers
from bench.course import Course, each, one_loop
from bench.load import LoadFailed, Result
from bench.messages import Talker, Talks, connect, rest
from bench.report import Figure
from bench.sockets import Place
from bench.turns import WARM_UP, Conditions, Entrant, in_turn

# What is due is sent at every millisecond.
TICK_SECONDS = 0.001


def latency(conditions: Conditions) -> list[Figure]:
    """Measure the time from sending to delivery, at half of the greatest rate of `messages`."""
    with servers.messengers(conditions.server_cpu) as running, one_loop() as runner:
        paces = []
        for server in running.servers:
            talkers = runner.run(connect(server))
            [talk] = each(runner, [Talks(talkers).turn])
            talk(min(WARM_UP, conditions.seconds))
            paces.append(Pace(talkers, talk(conditions.seconds).rate / 2))
            rest(server)
        measures = each(runner, [pace.turn for pace in paces])
        entrants = [
            Entrant(server, measure, partial(rest, server))
            for server, measure in zip(running.servers, measures, strict=True)
        ]
        title = "send to delivery, half load"
        return in_turn(title, entrants, running.database, conditions)


class Pace:
    """Sends at a fixed rate, whatever comes back; all take their turns."""

    def __init__(self, talkers: Sequence[Talker], rate: float) -> None:
        self._talkers = talkers
        self._rate = rate
        self._delivered = 0
        self._course: Course | None = None
        self._times: list[deque[float]] = [deque() for _ in talkers]

    async def turn(self, seconds: float) -> Result:
        """Send for a while."""
        before = self._delivered
        self._course = course = Course(seconds)
        for n, talker in enumerate(self._talkers):
            talker.socket.fail = course.fail
            talker.socket.listen(self._taker(n))
        sending = asyncio.create_task(self._send(course, time.perf_counter()))
        try:
            return await course.result(lambda: self._delivered - before)
        finally:
            sending.cancel()

    async def _send(self, course: Course, began: float) -> None:
        sent = 0
        while course.goes_on():
            due = int((time.perf_counter() - began) * self._rate)
            for n in range(sent, due):
                talker = n % len(self._talkers)
                self._times[talker].append(time.perf_counter())
                self._talkers[talker].socket.send(next(self._talkers[talker].sender))
            sent = due
            await asyncio.sleep(TICK_SECONDS)
        await course.until(lambda: not any(self._times))
        course.finish()

    def _taker(self, n: int) -> "Taker":
        return Taker(self, self._talkers[n], self._times[n ^ 1])

    def deliver(self, times: deque[float], number: int) -> None:
        """Note that the oldest messages of somebody were delivered."""
        course = self._course
        if course is None or len(times) < number:
            raise AssertionError("more was delivered than was sent")
        course.note(times, number, time.perf_counter())
        self._delivered += number

    def fail(self, reason: str) -> None:
        """End the turn without a figure."""
        if self._course is not None:
            self._course.fail(reason)


class Taker:
    """Takes what one is told by the other of a pair."""

    def __init__(self, pace: Pace, talker: Talker, times: deque[float]) -> None:
        self._pace = pace
        self._language = talker.language
        self._times = times

    def __call__(self, data: bytes, texts: list[Place]) -> None:
        try:
            _, delivered = self._language.hear(data, texts)
        except LoadFailed as error:
            self._pace.fail(str(error))
            return
        if delivered:
            self._pace.deliver(self._times, delivered)
