"""A real mongod for tests, which can be stopped, killed and frozen."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pymongo
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

# A start takes 0.3 s on an idle machine; the rest is for a busy one.
START_SECONDS = 60.0
STOP_SECONDS = 60.0

_ALREADY_INITIALIZED = 23


def find_mongod() -> Path | None:
    """The mongod that `MONGOD` names, or of the PATH, or of the wheel that carries one."""
    named = os.environ.get("MONGOD") or shutil.which("mongod")
    if named:
        return Path(named)
    wheel = find_spec("fiftyone")
    for folder in wheel.submodule_search_locations or () if wheel else ():
        program = Path(folder, "db", "bin", "mongod")
        if program.is_file():
            program.chmod(program.stat().st_mode | 0o111)
            return program
    return None


class Mongod:
    """One mongod on a port and in a folder of its own; both stay the same over restarts."""

    def __init__(self, program: Path, *, replica_set: bool = False) -> None:
        self.port = _free_port()
        self._program = program
        self._replica_set = replica_set
        self._folder = Path(tempfile.mkdtemp(prefix="mongod-"))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        self._remove()

    def uri(self, database: str = "hubbub") -> str:
        """How to reach one of its databases."""
        return f"mongodb://127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it and wait until it answers, as the primary where it is a replica set."""
        command = [
            str(self._program),
            f"--dbpath={self._folder}",
            f"--port={self.port}",
            "--bind_ip=127.0.0.1",
            "--nounixsocket",
            "--wiredTigerCacheSizeGB=0.25",
            f"--logpath={self._folder / 'log'}",
            "--logappend",
        ]
        if self._replica_set:
            command.append("--replSet=tests")
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            self._await_answer()
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers."""
        frozen = self._running()
        frozen.send_signal(signal.SIGSTOP)
        # It takes a moment, in which a question may still be answered.
        os.waitid(os.P_PID, frozen.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """Let it go on."""
        self._running().send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """Start it again on the same port and data, stopping it first if it runs."""
        self.stop()
        self.start()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("mongod is not running")
        return self._process

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        process.send_signal(signal.SIGCONT)  # a frozen one would never end
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _await_answer(self) -> None:
        options: dict[str, Any] = {"directConnection": True, "serverSelectionTimeoutMS": 500}
        deadline = time.monotonic() + START_SECONDS
        with MongoClient[dict[str, Any]](self.uri(), **options) as client:
            while True:
                try:
                    if self._is_ready(client):
                        return
                except PyMongoError:
                    if self._running().poll() is not None:
                        raise RuntimeError(f"mongod ended:\n{self._last_words()}") from None
                if time.monotonic() > deadline:
                    raise RuntimeError(f"mongod does not answer:\n{self._last_words()}")

    def _is_ready(self, client: MongoClient[dict[str, Any]]) -> bool:
        with pymongo.timeout(5):
            hello = client.admin.command("hello")
            if hello["isWritablePrimary"]:
                return True
            if "setName" not in hello:
                member = {"_id": 0, "host": f"127.0.0.1:{self.port}"}
                try:
                    client.admin.command("replSetInitiate", {"_id": "tests", "members": [member]})
                except OperationFailure as error:
                    if error.code != _ALREADY_INITIALIZED:
                        raise
        return False

    def _last_words(self) -> str:
        log = self._folder / "log"
        return log.read_text(errors="replace")[-2000:] if log.exists() else "(no log)"

    def _remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
