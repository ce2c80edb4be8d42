"""The examples do what they say."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import node
from tests.process import ROOT, ServerProcess
from tests.requirements import missing

EXAMPLES = ROOT / "examples"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("examples")) as running:
        yield running


def run(*command: str | Path, **environment: str) -> list[str]:
    """Run an example, and return the lines that it writes."""
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_a_conversation_in_bash(server: ServerProcess) -> None:
    for program in ("bash", "curl"):
        if shutil.which(program) is None:
            missing(program, f"no {program} on the PATH")
    lines = run("bash", EXAMPLES / "conversation.sh", server.url)
    assert "   asked twice, made once" in lines
    assert "   sent twice, said once" in lines
    assert "   Bob heard: Tea?" in lines
    # In the order of their changes.
    assert [line for line in lines if line in ("   Yes", "   Coffee?")] == ["   Yes", "   Coffee?"]
    assert lines[-1] == "done"


def test_a_conversation_in_python(server: ServerProcess) -> None:
    lines = run(sys.executable, EXAMPLES / "conversation.py", server.url)
    assert lines[0] == "bob heard: Tea?"
    assert lines[1].startswith("ann sees: {'🍵': [")
    assert lines[2:] == ["bob missed: Coffee? Or cocoa?", "all of it: True"]


def test_a_conversation_in_javascript(server: ServerProcess) -> None:
    program, packages = node.installed(), str(node.FOLDER / "node_modules")
    lines = run(program, EXAMPLES / "conversation.js", server.url, NODE_PATH=packages)
    assert lines == [
        "bob heard: Tea?",
        "bob is writing",
        "read: true",
        "bob missed: Coffee? Or cocoa?",
        "all of it: true",
        "refused: a message says something or shows something",
    ]
