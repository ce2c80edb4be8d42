"""The clients of others, in Node: npm installs them as they are locked."""

import fcntl
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.requirements import missing

FOLDER = Path(__file__).parent / "javascript"

# npm reaches for its registry, which may be slow; a conversation takes a second or two.
INSTALL_SECONDS = 120.0
RUN_SECONDS = 60.0


def installed() -> Path:
    """Node, with the packages of `tests/javascript` beside it; or the test is skipped."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        missing("node" if node is None else "npm", "install Node 20.19 or newer")
    with (FOLDER / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Tests in other processes want the same.
        if not _is_current():
            _install(npm)
    return Path(node)


def run(node: Path, script: str, *arguments: str) -> Any:
    """Run a script of `tests/javascript` to its end, and return what it says as JSON."""
    done = subprocess.run(
        [str(node), script, *arguments],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _install(npm: str) -> None:
    done = subprocess.run(
        [npm, "ci", "--no-audit", "--no-fund"],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS,
        check=False,
    )
    if done.returncode:
        missing("npm ci", done.stderr.strip().splitlines()[-1] if done.stderr else "no words")


def _is_current() -> bool:
    lock, kept = FOLDER / "package-lock.json", FOLDER / "node_modules" / ".package-lock.json"
    return kept.exists() and kept.stat().st_mtime >= lock.stat().st_mtime
