"""Every reason to end, and every refusal, is in the documentation."""

from pathlib import Path

import pytest

from handlers import sockets
from handlers.socketio import reasons
from handlers.socketio.reasons import Broken, Denied, EngineError, Malformed
from handlers.sockets import Closing

DOCS = (Path(__file__).parents[3] / "docs" / "socketio.md").read_text("utf-8")

CLOSINGS = {name: one for name, one in vars(reasons).items() if isinstance(one, Closing)}

# Of those that the chat gives, what clients of Socket.IO are not closed for but in other words.
OTHERS = {"NO_HEARTBEAT", "TOKEN_REFUSED", "TOO_MANY_SOCKETS"}

CHAT = {
    name: one
    for name, one in vars(sockets).items()
    if isinstance(one, Closing) and name not in OTHERS
}

DENIALS = [
    (reasons.unknown_transport, 400, 0, "Transport unknown"),
    (reasons.unknown_session, 400, 1, "Session ID unknown"),
    (reasons.bad_handshake_method, 400, 2, "Bad handshake method"),
    (reasons.bad_request, 400, 3, "Bad request"),
    (reasons.forbidden, 403, 4, "Forbidden"),
    (reasons.stopping, 503, 4, "The server stops"),
    (reasons.unsupported_version, 400, 5, "Unsupported protocol version"),
]


@pytest.mark.parametrize("closing", [*CLOSINGS.values(), *CHAT.values()], ids=str)
def test_a_reason_is_documented(closing: Closing) -> None:
    assert f"| {closing.code} | {closing.reason} |" in DOCS


@pytest.mark.parametrize(("make", "status", "code", "message"), DENIALS)
def test_a_refusal_is_documented(make: object, status: int, code: int, message: str) -> None:
    denied = make()  # type: ignore[operator]
    assert (denied.status, denied.code, denied.message) == (status, code, message)
    assert f"| {status} | {code} | {message} |" in DOCS


def test_one_tree() -> None:
    assert all(issubclass(kind, EngineError) for kind in (Malformed, Broken, Denied))
