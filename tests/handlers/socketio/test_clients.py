"""Real clients of others against the echo applications, over every transport."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import socketio as python_socketio

from tests.handlers.socketio.clients import Site
from tests.node import installed, run

pytestmark = pytest.mark.gen_test(timeout=90)

TRANSPORTS = ["polling", "websocket", "polling,websocket"]


@pytest.fixture(scope="session")
def node() -> Path:
    """Node, and the clients that it runs."""
    return installed()


@pytest.mark.parametrize("transports", TRANSPORTS)
async def test_socket_io_client(quick_socketio: Site, node: Path, transports: str) -> None:
    url = f"http://127.0.0.1:{quick_socketio.port}"
    seen = await asyncio.to_thread(run, node, "socketio_echo.js", url, transports)
    begins, ends = transports.split(",")[0], transports.split(",")[-1]
    assert seen == {
        "transports": [begins, ends],
        "auth": {"token": "äß"},
        "first": ["at once"],
        "text": [1, "2", {"3": [True, None, "\x1e"]}, "🚂"],
        "binary": [[1, 2, 3], {"deep": [[4, 5]]}],
        "answer": {"ok": 1},
        "binaryAnswer": [6],
        "inOrder": True,
        "large": 200_000,
        "customAuth": {"who": "custom"},
        "custom": ["in custom"],
        "unknown": "Invalid namespace",
        "stillThere": "there",
        "reason": "io client disconnect",
    }


@pytest.mark.parametrize("transports", TRANSPORTS)
async def test_engine_io_client(quick_engine: Site, node: Path, transports: str) -> None:
    url = f"http://127.0.0.1:{quick_engine.port}"
    seen = await asyncio.to_thread(run, node, "engineio_echo.js", url, transports)
    assert seen == {
        "upgrades": transports == "polling,websocket",
        "first": "at once",
        "transport": transports.split(",")[-1],
        "text": "hello, 🚂",
        "binary": [0, 1, 255],
        "later": "still there",
        "reason": "forced close",
    }


@pytest.mark.parametrize("transports", TRANSPORTS)
async def test_python_socketio(quick_socketio: Site, transports: str) -> None:
    url = f"http://127.0.0.1:{quick_socketio.port}"
    seen = await asyncio.to_thread(_converse, url, transports.split(","))
    assert seen == {
        "transport": transports.split(",")[-1],
        "auth": {"token": "äß"},
        "custom": {"token": "äß"},
        "text": [1, "2", {"3": [True, None]}, "🚂"],
        "binary": [b"\x01\x02", {"deep": [b"\x03"]}],
        "answer": {"ok": 1},
        "binary_answer": b"\x04",
        "later": "there",
    }


def _converse(url: str, transports: list[str]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    client = python_socketio.SimpleClient()
    with client:
        client.connect(url, auth={"token": "äß"}, transports=transports)
        seen["auth"] = client.receive(5)[1]
        client.emit("message", (1, "2", {"3": [True, None]}, "🚂"))
        seen["text"] = client.receive(5)[1:]
        client.emit("message", (b"\x01\x02", {"deep": [b"\x03"]}))
        seen["binary"] = client.receive(5)[1:]
        seen["answer"] = client.call("message-with-ack", {"ok": 1}, 5)
        seen["binary_answer"] = client.call("message-with-ack", b"\x04", 5)
        client.client.sleep(0.8)
        seen["later"] = client.call("message-with-ack", "there", 5)
        seen["transport"] = client.transport
        with python_socketio.SimpleClient() as other:
            other.connect(url, auth={"token": "äß"}, namespace="/custom", transports=transports)
            seen["custom"] = other.receive(5)[1]
    return seen
