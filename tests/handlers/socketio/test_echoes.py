"""The echo applications can be started alone, as the public test suites need them."""

import json
import os
import subprocess
import sys
import urllib.request

import pytest
from tornado.testing import bind_unused_port

from tests.process import ROOT, START_SECONDS


@pytest.mark.parametrize("name", ["engineio", "socketio"])
def test_by_its_name(name: str) -> None:
    sock, port = bind_unused_port()
    sock.close()
    command = [sys.executable, "-m", f"tests.{name}_echo"]
    settings = {**os.environ, "PORT": str(port)}
    with subprocess.Popen(command, cwd=ROOT, env=settings, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"listening on port %d\n" % port
            opening = _opening(f"http://127.0.0.1:{port}/{name.replace('io', '.io')}/")
        finally:
            process.terminate()
    assert (opening["pingInterval"], opening["pingTimeout"]) == (300, 200)
    assert opening["maxPayload"] == 1_000_000


def _opening(url: str) -> dict[str, int]:
    with urllib.request.urlopen(f"{url}?EIO=4&transport=polling", timeout=START_SECONDS) as answer:
        opening: dict[str, int] = json.loads(answer.read()[1:])
        return opening
