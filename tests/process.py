"""The server as a process of its own, as a user starts it."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parent.parent

# A start takes half a second on an idle machine; the rest is for a busy one.
START_SECONDS = 60.0

_LISTENING = re.compile(r"listening on (http://\S+:\d+)")


def environment(**settings: str) -> dict[str, str]:
    """The environment of this process with some settings, and none that a developer has set."""
    kept = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8"}
    return kept | settings


def run(
    *arguments: str, cwd: Path, text: str = "", **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run a command line to its end."""
    return subprocess.run(
        [sys.executable, str(ROOT / "server.py"), *arguments],
        cwd=cwd,
        env=environment(**settings),
        input=text,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )


class ServerProcess:
    """A server on a free port; its log is kept."""

    def __init__(self, folder: Path, *arguments: str, **settings: str) -> None:
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "server.py"), "--port", "0", *arguments],
            cwd=folder,
            env=environment(DATA_DIR=str(folder / "data"), BCRYPT_ROUNDS="4", **settings),
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stderr is not None
        self.process.stderr.close()

    @property
    def url(self) -> str:
        """Where the server listens; waits until it does."""
        found = _LISTENING.search(self.wait_for_line(_LISTENING.pattern))
        assert found is not None
        return found[1]

    def wait_for_line(self, pattern: str) -> str:
        """Wait until a line of the log matches, and return it."""
        with self._changed:
            found = self._changed.wait_for(
                lambda: self._found(pattern) or self._ended(), START_SECONDS
            )
            line = self._found(pattern)
        assert line, f"no line matches {pattern!r} ({found=}):\n" + "\n".join(self.lines)
        return line

    def call(
        self, method: str, path: str, body: object = None, token: str | None = None
    ) -> tuple[int, Any]:
        """Make a call and return its status and answer."""
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, json.load(answer)

    def stop(self) -> int:
        """Ask it to end and return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait()

    def _found(self, pattern: str) -> str | None:
        return next((line for line in self.lines if re.search(pattern, line)), None)

    def _ended(self) -> bool:
        return not self._reader.is_alive()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()
