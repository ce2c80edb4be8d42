"""All that is described, called with what fits it and with what does not, by schemathesis."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.process import ServerProcess

# No fault of ours, and no answer that is not described. What is refused for what it means, though
# its form is right, is no mistake here.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
)

ANN = {"username": "ann", "password": "correct horse 42"}

# These end the login that all others are called with, so they are called after them.
ENDINGS = r"/(logout|logout-all)$"

CONFIG = """\
color = false
hooks = "hooks.py"

[parameters]
# Nobody waits for news in a fuzzer.
wait = 0
"""

# A part of a resumable upload is bytes as they are.
HOOKS = """\
import schemathesis

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
"""


@pytest.fixture(params=["sqlite", "mongodb"])
def where(request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings of a server on either store."""
    if request.param == "sqlite":
        return {}
    uri: str = request.getfixturevalue("mongo_uri")
    return {"MONGODB_URI": uri}


def fuzz(server: ServerProcess, folder: Path, token: str, *arguments: str) -> str:
    """Run schemathesis over a server, and return what it says."""
    (folder / "schemathesis.toml").write_text(CONFIG)
    (folder / "hooks.py").write_text(HOOKS)
    done = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json",
            "--checks", ",".join(CHECKS), "--header", f"Authorization: Bearer {token}",
            "--generation-database", "none", "--request-timeout", "30", "--warnings", "off",
            "--continue-on-failure", *arguments,
        ],
        cwd=folder, capture_output=True, text=True, check=False, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout


def fuzz_all(
    folder: Path, where: dict[str, str], examples: int, phases: str, *arguments: str
) -> None:
    """Call everything, and then what ends a login."""
    with ServerProcess(folder, "--rate-limits", "off", "--bcrypt-rounds", "4", **where) as server:
        _, ann = server.call("POST", "/api/auth/register", ANN)
        server.call("POST", "/api/rooms", {"kind": "public", "name": "x"}, ann["token"])
        token, some = ann["token"], ("--max-examples", str(examples), *arguments)
        fuzz(server, folder, token, "--exclude-path-regex", ENDINGS, "--phases", phases, *some)
        fuzz(server, folder, token, "--include-path-regex", ENDINGS, "--phases", "fuzzing", *some)
        assert server.call("GET", "/ready")[0] == 200
        assert [line for line in server.lines if " ERROR " in line] == []


def test_nothing_that_fits_the_description_is_answered_off_it(
    tmp_path: Path, where: dict[str, str]
) -> None:
    fuzz_all(tmp_path, where, 1, "fuzzing,stateful", "--seed", "1")


@pytest.mark.long
@pytest.mark.parametrize("seed", ["1", "2"])
def test_nothing_at_all_is_answered_off_the_description(
    tmp_path: Path, where: dict[str, str], seed: str
) -> None:
    phases = "examples,coverage,fuzzing,stateful"
    fuzz_all(tmp_path, where, 60, phases, "--seed", seed, "--max-time", "150")
