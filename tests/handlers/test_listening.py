"""Listening: what happens when a process has no descriptor left."""

import resource
import socket
import time
from pathlib import Path

import pytest

from handlers.listening import descriptors, raise_descriptors
from tests.process import ServerProcess


def test_descriptors_are_never_fewer_than_before() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        raise_descriptors()
        assert before[0] <= descriptors()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[1] == before[1]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="prlimit is of Linux")
def test_a_server_without_descriptors_hangs_up_and_recovers(tmp_path: Path) -> None:
    few = 80
    with ServerProcess(tmp_path) as server:
        host, port = server.url.removeprefix("http://").split(":")
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (few, few))
        clients = [socket.create_connection((host, int(port))) for _ in range(2 * few)]
        # The last one is hung up on, and that is all that happens.
        assert clients[-1].recv(1) == b""
        for client in clients:
            client.close()
        deadline = time.monotonic() + 10
        while True:
            try:
                assert server.call("GET", "/ready")[0] == 200
                break
            except OSError:
                assert time.monotonic() < deadline
        assert server.stop() == 0
        assert not [line for line in server.lines if "ERROR" in line]
