"""All sockets: counted, capped, asked for signs of life, and closed when their login has ended."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import ref

import pytest

from chat.errors import TooMany
from handlers import sockets as module
from handlers.sockets import (
    NO_HEARTBEAT,
    SERVER_STOPS,
    SESSION_ENDED,
    Caps,
    Closing,
    Sockets,
)
from models.store import Unavailable
from tests.chat.engine import until
from tests.handlers.conftest import Starter
from tests.handlers.sockets import PONG, frame, text

pytestmark = pytest.mark.gen_test(timeout=20)

ROOT = Path(__file__).parent.parent.parent

CAPS = Caps(per_user=2, per_address=3, unauthenticated=2)

# Longer than any test may take.
LONG = 3600.0


class Logins:
    """The logins, of which some have ended."""

    def __init__(self) -> None:
        self.living_now: set[str] = set()
        self.asked: list[set[str]] = []
        self.away = False

    async def living(self, session_ids: set[str]) -> set[str]:
        self.asked.append(session_ids)
        if self.away:
            raise Unavailable("away")
        return session_ids & self.living_now


class Socket:
    """A socket that keeps what is done to it."""

    def __init__(self, sockets: Sockets, session: str | None = None, address: str = "a") -> None:
        self._sockets = sockets
        self.session_id = session
        self.address_key = address
        self.heard = True
        self.pings = 0
        self.closing: Closing | None = None

    def ping(self) -> None:
        self.pings += 1

    def end(self, closing: Closing) -> None:
        self.closing = closing
        self._sockets.remove(self)


@pytest.fixture
def logins() -> Logins:
    return Logins()


@pytest.fixture
def sockets(logins: Logins) -> Sockets:
    return Sockets(logins, CAPS)  # type: ignore[arg-type]


@pytest.fixture
def keep(sockets: Sockets, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Looks after the sockets, as often as a test says."""

    async def keep(condition: Callable[[], object], **seconds: float) -> None:
        monkeypatch.setattr(module, "HEARTBEAT_SECONDS", seconds.get("beat", LONG))
        monkeypatch.setattr(module, "WATCH_SECONDS", seconds.get("watch", LONG))
        task = asyncio.ensure_future(sockets.keep())
        await until(condition)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    return keep

    return keep


def added(sockets: Sockets, *args: Any, **more: Any) -> Socket:
    socket = Socket(sockets, *args, **more)
    sockets.add(socket)
    return socket


def test_each_socket_has_a_number_of_its_own(sockets: Sockets) -> None:
    numbers = [sockets.add(Socket(sockets)) for _ in range(3)]
    assert numbers == [1, 2, 3]
    assert len(sockets) == 3


def test_an_address_has_so_many(sockets: Sockets) -> None:
    for _ in range(3):
        sockets.admit("a")
        sockets.authenticated(added(sockets))
    with pytest.raises(TooMany) as refusal:
        sockets.admit("a")
    assert (refusal.value.code, refusal.value.retry_after) == ("too_many_sockets", 30)
    sockets.admit("b")


def test_so_many_may_be_unauthenticated(sockets: Sockets) -> None:
    first, _ = added(sockets), added(sockets, address="b")
    with pytest.raises(TooMany) as refusal:
        sockets.admit("c")
    assert (refusal.value.code, refusal.value.retry_after) == ("too_many_sockets", 5)
    sockets.authenticated(first)
    sockets.admit("c")


def test_a_user_has_so_many(sockets: Sockets) -> None:
    sockets.admit_user(1)
    with pytest.raises(TooMany):
        sockets.admit_user(2)


def test_one_that_is_gone_counts_no_more_and_goes_once(sockets: Sockets) -> None:
    gone = added(sockets)
    for _ in range(2):
        added(sockets)
    for _ in range(2):
        sockets.remove(gone)
    assert len(sockets) == 2
    assert sockets._by_address == {"a": 2}
    for socket in list(sockets._sockets):
        sockets.remove(socket)
    assert not sockets._by_address
    assert not sockets._unauthenticated


def test_without_caps_all_are_let_in(logins: Logins) -> None:
    sockets = Sockets(logins, None)  # type: ignore[arg-type]
    for _ in range(10):
        sockets.admit("a")
        sockets.admit_user(99)
        added(sockets)


def test_the_sockets_of_ended_logins_are_closed(sockets: Sockets) -> None:
    one, too, other, nobody = (added(sockets, name) for name in ("s1", "s1", "s2", None))
    sockets.close_sessions(["s1", "s3"])
    closings = [socket.closing for socket in (one, too, other, nobody)]
    assert closings == [SESSION_ENDED, SESSION_ENDED, None, None]


def test_a_stop_closes_all(sockets: Sockets) -> None:
    every = [added(sockets, name) for name in ("s1", None)]
    sockets.close_all()
    assert [socket.closing for socket in every] == [SERVER_STOPS] * 2
    assert len(sockets) == 0


async def test_the_silent_are_closed_by_the_second_sweep(
    sockets: Sockets, keep: Callable[..., Any]
) -> None:
    silent, alive = added(sockets), added(sockets)

    def answer() -> bool:
        alive.heard = True
        return alive.pings >= 3

    await keep(answer, beat=0.01)
    assert (silent.pings, silent.closing) == (1, NO_HEARTBEAT)
    assert alive.closing is None


async def test_whoever_looks_after_the_sockets_holds_none_that_has_gone(
    sockets: Sockets, keep: Callable[..., Any]
) -> None:
    here = [added(sockets)]
    gone = ref(here[0])

    def is_gone() -> bool:
        if here and here[0].pings:
            sockets.remove(here.pop())
        return gone() is None

    await keep(is_gone, beat=0.01)


async def test_logins_that_ended_elsewhere_are_noticed(
    sockets: Sockets, logins: Logins, keep: Callable[..., Any]
) -> None:
    logins.living_now = {"s1"}
    one, other, nobody = (added(sockets, name) for name in ("s1", "s2", None))
    await keep(lambda: other.closing, watch=0.01)
    assert [socket.closing for socket in (one, other, nobody)] == [None, SESSION_ENDED, None]
    assert logins.asked[0] == {"s1", "s2"}


async def test_nobody_is_asked_about_without_a_login(
    sockets: Sockets, logins: Logins, keep: Callable[..., Any]
) -> None:
    silent = added(sockets)
    await keep(lambda: silent.closing, watch=0.001, beat=0.02)
    assert logins.asked == []


async def test_a_store_that_does_not_answer_closes_nobody(
    sockets: Sockets,
    logins: Logins,
    keep: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    logins.away = True
    one = added(sockets, "s1")
    with caplog.at_level(logging.WARNING, "hubbub.sockets"):
        await keep(lambda: len(logins.asked) >= 3, watch=0.01)
    assert one.closing is None
    assert "could not ask which logins have ended" in caplog.text
    logins.away = False
    await keep(lambda: one.closing, watch=0.01)
    assert one.closing == SESSION_ENDED


def test_every_close_code_is_documented() -> None:
    pages = [ROOT / "docs" / name for name in ("websocket.md", "socketio.md")]
    page = "".join(each.read_text("utf-8") for each in pages)
    codes = [value.code for value in vars(module).values() if isinstance(value, Closing)]
    assert len(codes) == len(set(codes)) == 10
    for code in codes:
        assert f"| {code} |" in page


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_silent_socket_is_closed_and_one_that_answers_is_not(
    start: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_SECONDS", 0.05)
    hub = start(presence_grace=0.0)
    ann, bob = await hub.residents("ann", "bob")
    alive, silent = await hub.sockets(ann, bob)
    silent.answers_pings = False
    assert await silent.closed() == 4010
    await alive.hear("USER_OFFLINE", userId=bob.id)
    await alive.until(lambda: alive.pings >= 4)
    assert await alive.code_of("PRESENCE") == "ok"


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
@pytest.mark.parametrize("sign", [frame(PONG, b""), text("{}")], ids=["a pong", "a frame"])
async def test_what_counts_as_a_sign_of_life(start: Starter, sign: bytes) -> None:
    hub = start()
    socket = await hub.dial()
    [ours] = hub.services.sockets._sockets
    ours.heard = False
    socket.write(sign)
    await until(lambda: ours.heard)
