"""Somebody who uploads all the while, from a process of its own that leaves the talkers the CPU."""

import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Self

from bench.load import Load, Result, run
from bench.processes import Failed, wait_until
from bench.report import Figure

ROOT = Path(__file__).parents[1]

# Seconds in which the first uploads end: images take one each, one after the other.
PATIENCE = 30.0

# It shares the CPU of the load, where the talkers' own delays are what is measured.
NICENESS = 19

NO_FLOW = "the uploads beside the chat do not flow"

Measure = Callable[[float], Result]


class Uploader:
    """Sends the same requests in turn until it is left, and counts what has been answered."""

    def __init__(self, port: int, connections: int, requests: Sequence[bytes]) -> None:
        self._port = port
        self._connections = connections
        self._requests = requests
        self._rates: list[float] = []

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="hubbub-bench-")
        files = [Path(self._folder.name) / str(n) for n in range(len(self._requests))]
        for file, request in zip(files, self._requests, strict=True):
            file.write_bytes(request)
        self._answered = Path(self._folder.name) / "answered"
        command = [sys.executable, "-m", "bench.uploader", str(self._port), str(self._connections)]
        with self._answered.open("wb") as answered:
            self._process = subprocess.Popen([*command, *files], cwd=ROOT, stdout=answered)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    def wait_until_flowing(self) -> None:
        """Wait until as many have been answered as are under way at once."""
        wait_until(self._flows, PATIENCE, NO_FLOW)

    def _flows(self) -> bool:
        if self._process.poll() is not None:
            raise Failed(NO_FLOW)
        return self._count() >= self._connections

    def counting(self, measure: Measure) -> Measure:
        """Count what is answered during each turn of a measurement."""

        def measured(seconds: float) -> Result:
            before = self._count()
            result = measure(seconds)
            self._rates.append((self._count() - before) / result.seconds)
            return result

        return measured

    def figure(self, title: str, server: str) -> Figure:
        """Say how many were answered a second in the turns that count: a lead is before each."""
        rates = self._rates[2::2]
        return Figure(
            benchmark=title,
            server=server,
            rate=median(rates),
            low=min(rates),
            high=max(rates),
            p50_ms=None,
            p99_ms=None,
            server_cpu=None,
            database_cpu=None,
            load_cpu=None,
            rss_mib=None,
        )

    def _count(self) -> int:
        return self._answered.stat().st_size


def send_for_ever(port: int, connections: int, requests: Sequence[bytes]) -> None:
    """Send requests in turn, and write a byte for each that was answered."""
    run(port, Load(connections, noted(connections, requests), 201), 3600)


def noted(connections: int, requests: Sequence[bytes]) -> Iterator[bytes]:
    """Give out requests in turn; who asks for another one has an answer to the last."""
    for number, request in enumerate(itertools.cycle(requests)):
        if number >= connections:
            os.write(sys.stdout.fileno(), b".")
        yield request


if __name__ == "__main__":
    os.nice(NICENESS)
    send_for_ever(
        int(sys.argv[1]), int(sys.argv[2]), [Path(file).read_bytes() for file in sys.argv[3:]]
    )
