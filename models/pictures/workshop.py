"""The workshop: a few worker processes that live long, and are replaced after a fault."""

import logging
import os
import queue
import select
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec

from models.pictures.jobs import (
    Answer,
    Clean,
    Cleaned,
    Failed,
    Interrupted,
    Job,
    Pictured,
    Portray,
    TooCostly,
    Unreadable,
)

log = logging.getLogger("hubbub.pictures")

ROOT = Path(__file__).parents[2]

# A photograph of 12 megapixels takes half a second; this is for a busy machine, where a worker gets
# what nobody else wants. What it may use of a CPU is a limit of its own.
JOB_SECONDS = 60.0

# What Pillow has taken from the system it does not always give back.
JOBS_PER_WORKER = 200

_answers: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)


class Workshop:
    """Has pictures worked on; its methods block for as long as that takes."""

    def __init__(
        self, *, pixels: int, frames: int, workers: int = 1, seconds: float = JOB_SECONDS
    ) -> None:
        self._pixels = pixels
        self._frames = frames
        self._workers = [Worker(pixels, seconds) for _ in range(workers)]
        self._idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)

    def clean(self, source: Path, target: Path) -> Cleaned:
        """Write a picture again at `target`; Unreadable or TooCostly, and then nothing is there."""
        answer = self._do(Clean(str(source), str(target), self._pixels, self._frames))
        assert isinstance(answer, Cleaned)  # noqa: S101 - as the worker answers to this
        return answer

    def portray(self, source: Path, target: Path) -> Pictured:
        """Cut the squares of an avatar out of a clean picture."""
        answer = self._do(Portray(str(source), str(target), self._pixels, self._frames))
        assert isinstance(answer, Pictured)  # noqa: S101 - as the worker answers to this
        return answer

    def processes(self) -> list[int]:
        """The ids of the processes that run."""
        return [worker.pid for worker in self._workers if worker.pid]

    def interrupt(self) -> None:
        """End what is being worked on, and take no more."""
        for worker in self._workers:
            worker.interrupt()

    def close(self) -> None:
        """Let go of the processes; nobody may be waiting for them any more."""
        for worker in self._workers:
            worker.end()

    def _do(self, job: Job) -> Answer:
        worker = self._idle.get()
        try:
            answer = worker.do(job)
        except BaseException:
            remove(Path(job.target))
            raise
        finally:
            self._idle.put(worker)
        if isinstance(answer, Failed):
            remove(Path(job.target))
            raise TooCostly if answer.reason == "costly" else Unreadable
        return answer


class Worker:
    """One worker, whose process is started when it is needed."""

    def __init__(self, pixels: int, seconds: float) -> None:
        self._pixels = pixels
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._done = 0
        self._stopped = False
        self._lock = threading.Lock()

    @property
    def pid(self) -> int:
        """The id of the process; 0 where there is none."""
        return 0 if self._process is None else self._process.pid

    def do(self, job: Job) -> Answer:
        """Have a job done; a process that dies of it, or does not end, was given too much."""
        process = self._running()
        assert process.stdin is not None  # noqa: S101 - both are pipes
        assert process.stdout is not None  # noqa: S101
        try:
            process.stdin.write(msgspec.json.encode(job) + b"\n")
            line = _line(process.stdout.fileno(), time.monotonic() + self._seconds)
        except OSError:
            line = b""
        if not line:
            self.end()
            if self._stopped:
                raise Interrupted
            log.warning("a worker was ended by a picture, or took too long over it")
            raise TooCostly
        answer = _answers.decode(line)
        self._done += 1
        # Where memory was scarce it ends by itself; what Pillow has taken it may never give back.
        if self._done >= JOBS_PER_WORKER or answer == Failed("costly"):
            self.end()
        return answer

    def interrupt(self) -> None:
        """End the process, whatever it does, and start no other."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.kill()

    def end(self) -> None:
        """End the process; the next job starts another."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        process.wait()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is not None:
            self.end()  # it was ended by somebody else while it had nothing to do
        with self._lock:
            if self._stopped:
                raise Interrupted
            if self._process is None:
                self._done = 0
                self._process = subprocess.Popen(  # noqa: S603 - our own program
                    [sys.executable, "-P", "-m", "models.pictures.worker", str(self._pixels)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    bufsize=0,
                    # Nothing of the server's environment, which may hold its secret.
                    env={"PYTHONPATH": str(ROOT), "PATH": os.defpath, "LANG": "C.UTF-8"},
                    # Ctrl-C is for the server. Not a session of its own: Linux gives each as much
                    # of a CPU (autogroup), and being nice counts for nothing between two of them.
                    process_group=0,
                )
            return self._process


def remove(target: Path) -> None:
    """Remove what was written of a picture."""
    for path in target.parent.glob(target.name + "*"):
        path.unlink(missing_ok=True)


def _line(descriptor: int, deadline: float) -> bytes:
    """The next line of a process; empty where there is none in time."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN | select.POLLHUP)
    line = b""
    while not line.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            return b""
        data = os.read(descriptor, 65536)
        if not data:
            return b""
        line += data
    return line
