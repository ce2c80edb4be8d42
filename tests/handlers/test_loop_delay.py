"""How late the event loop comes to what is due."""

import asyncio

import pytest

from chat.measures import Distribution
from handlers import loop_delay
from handlers.loop_delay import LoopDelay


@pytest.mark.gen_test(timeout=20)
async def test_a_loop_that_is_held_up_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_delay, "PAUSE_SECONDS", 0.01)
    moment = 0.0
    delay, noted = LoopDelay(lambda: moment), asyncio.Event()
    note = Distribution.note

    def noting(distribution: Distribution, value: float) -> None:
        note(distribution, value)
        noted.set()

    monkeypatch.setattr(Distribution, "note", noting)
    keeping = asyncio.create_task(delay.keep())
    await asyncio.sleep(0)
    moment = 0.21
    await noted.wait()
    keeping.cancel()
    assert delay.seconds.total == pytest.approx(0.2)
