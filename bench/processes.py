"""Child processes: servers on a CPU of their own, what they use, and what npm installs."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec import Struct

HOST = "127.0.0.1"
PEERS = Path(__file__).parent / "peers"

# Seconds. Starting takes Hubbub and Node one or two; a stop waits for hashes that are under way.
START_PATIENCE = 30.0
STOP_PATIENCE = 10.0

# Between two looks at what another process has done: it tells nobody.
LOOK_SECONDS = 0.05

# What a child needs of this process's environment.
KEPT = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH")


class Failed(Exception):
    """Something outside the benchmark went wrong, in one line."""


class Usage(Struct, frozen=True):
    """CPU seconds that a process has used so far, and the memory that it holds."""

    cpu: float
    rss: int


class Cpus(Struct, frozen=True):
    """The CPU of the servers, and the one that the load shares with the database."""

    server: int
    load: int


def choose_cpus() -> Cpus | None:
    """Take the first two CPUs that this process may use; None where it cannot be tied to them."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    match sorted(os.sched_getaffinity(0)):
        case [server, load, *_]:
            return Cpus(server, load)
        case _:
            return None


def usage(pid: int) -> Usage | None:
    """Read what a process has used; None where there is no /proc."""
    process = Path("/proc") / str(pid)
    try:
        # The name, in parentheses, may hold spaces; utime and stime are the 14th and 15th fields.
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        pages = int((process / "statm").read_text().split()[1])
    except OSError:
        return None
    ticks = int(fields[11]) + int(fields[12])
    return Usage(ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE"))


def wait_until(holds: Callable[[], bool], patience: float, failure: str) -> None:
    """Look again and again whether another process has come so far; Failed if it takes too long."""
    deadline = time.monotonic() + patience
    while not holds():
        if time.monotonic() > deadline:
            raise Failed(failure)
        time.sleep(LOOK_SECONDS)


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class Server:
    """A server under measurement: a process that is ready when it takes connections."""

    def __init__(
        self, name: str, command: Sequence[str], settings: Mapping[str, str], cpu: int | None
    ) -> None:
        self.name = name
        self.port = free_port()
        self._command = command
        self._settings = settings
        # Not the developer's own environment: its MONGODB_URI would turn one peer into another.
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        self._environment = {**kept, **settings, "PORT": str(self.port)}
        self._cpu = cpu

    def __enter__(self) -> Self:
        # Its folder is empty, so that no .env is found there.
        self._folder = tempfile.TemporaryDirectory(prefix="hubbub-bench-")
        self._log = Path(self._folder.name) / "log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder.name,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=self._pin,
                # As from a host of its own: within one session the load would take of the server's
                # share of its CPU (Linux's autogroup).
                start_new_session=True,
            )
        try:
            self._wait()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def again(self) -> "Server":
        """Describe one more process of the same server, on a port and in a folder of its own."""
        return Server(self.name, self._command, self._settings, self._cpu)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def _pin(self) -> None:
        if self._cpu is not None:
            os.sched_setaffinity(0, {self._cpu})

    def _wait(self) -> None:
        late = f"{self.name} took no connection in {START_PATIENCE:.0f} s"
        wait_until(self._takes_connections, START_PATIENCE, late)

    def _takes_connections(self) -> bool:
        if self._process.poll() is not None:
            raise Failed(f"{self.name} ended while starting: {self.last_words()}")
        with contextlib.suppress(OSError), socket.create_connection((HOST, self.port), 1):
            return True
        return False

    def last_words(self) -> str:
        """Return the last line that the server wrote."""
        lines = self._lines()
        return lines[-1] if lines else "it wrote nothing"

    def wait_for(self, words: str, times: int) -> None:
        """Wait until the server has written some words as a line so many times."""
        late = f"{self.name} did not write {words!r} in {START_PATIENCE:.0f} s"
        wait_until(lambda: self.times_said(words) >= times, START_PATIENCE, late)

    def times_said(self, words: str) -> int:
        """Count the lines that say so."""
        return self._lines().count(words)

    def _lines(self) -> list[str]:
        return self._log.read_text(errors="replace").strip().splitlines()

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()


def node() -> str:
    """Find Node, after making sure that the peers' packages are the locked ones."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        raise Failed("the peers need Node 20.19 or newer, and npm")
    lock, installed = PEERS / "package-lock.json", PEERS / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        done = subprocess.run(
            [npm, "ci", "--no-audit", "--no-fund"], cwd=PEERS, capture_output=True, text=True
        )
        if done.returncode:
            raise Failed(f"npm ci failed in bench/peers: {done.stderr.strip()}")
    return found
