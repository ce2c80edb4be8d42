"""Many that wait equally long, on one timer."""

import asyncio

import pytest

from handlers.socketio.deadlines import EARLY, Deadlines
from tests.chat.engine import until

pytestmark = pytest.mark.gen_test

SOON = 0.02


async def test_they_are_called_back_in_order() -> None:
    called: list[str] = []
    deadlines = Deadlines[str](SOON, called.append)
    for name in "abc":
        deadlines.add(name)
    await until(lambda: len(called) == 3)
    assert called == ["a", "b", "c"]
    assert len(deadlines) == 0


async def test_who_is_removed_is_not_called() -> None:
    called: list[str] = []
    deadlines = Deadlines[str](SOON, called.append)
    for name in "abc":
        deadlines.add(name)
    deadlines.remove("a")
    deadlines.remove("nobody")
    assert "a" not in deadlines
    assert "b" in deadlines
    await until(lambda: not len(deadlines))
    assert called == ["b", "c"]


async def test_who_is_added_again_waits_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    time = loop.time
    called: dict[str, float] = {}
    deadlines = Deadlines[str](SOON, lambda name: called.setdefault(name, loop.time()))
    deadlines.add("a")
    deadlines.add("b")
    monkeypatch.setattr(loop, "time", lambda: time() + SOON / 2)
    again = loop.time()
    deadlines.add("a")
    await until(lambda: len(called) == 2)
    assert list(called) == ["b", "a"]
    assert called["a"] >= again + SOON * (1 - EARLY)


async def test_who_is_called_may_wait_again() -> None:
    called: list[str] = []

    def due(name: str) -> None:
        called.append(name)
        if len(called) < 3:
            deadlines.add(name)

    deadlines = Deadlines[str](SOON, due)
    deadlines.add("a")
    await until(lambda: len(called) == 3)
    assert len(deadlines) == 0


async def test_nobody_is_called_before_their_time() -> None:
    loop = asyncio.get_running_loop()
    called: list[float] = []
    deadlines = Deadlines[int](SOON, lambda _: called.append(loop.time()))
    began = []
    for number in range(5):
        began.append(loop.time())
        deadlines.add(number)
        await asyncio.sleep(SOON / 8)
    await until(lambda: len(called) == 5)
    assert all(end >= begin + SOON * (1 - EARLY) for begin, end in zip(began, called, strict=True))


async def test_one_that_fails_does_not_keep_the_others_waiting() -> None:
    called: list[str] = []
    complaints: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(str(context["exception"])))

    def due(name: str) -> None:
        if name == "a":
            raise ValueError(name)
        called.append(name)

    deadlines = Deadlines[str](SOON, due)
    deadlines.add("a")
    deadlines.add("b")
    await until(lambda: called)
    loop.set_exception_handler(None)
    assert (called, complaints) == (["b"], ["a"])
