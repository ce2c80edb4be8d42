"""The core as a whole: opened with patience, and ended with nothing left in memory alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chat import core as module
from chat.core import Core
from conf.settings import Settings
from models.store import Store, Unavailable
from server import build_core
from tests.contract.samples import add_room, at, message

pytestmark = pytest.mark.gen_test(timeout=10)


@pytest.fixture(name="core")
def make_core(sqlite_store: Store, tmp_path: Path) -> Iterator[Core]:
    core = build_core(Settings(upload_dir=tmp_path / "uploads"), sqlite_store, "a" * 32)
    yield core
    core.close()


def let_open_fail(monkeypatch: pytest.MonkeyPatch, core: Core, times: int) -> list[str]:
    """Let the store be away for so many calls; what is returned fills with them."""
    calls: list[str] = []

    def fails() -> None:
        calls.append("open")
        if len(calls) <= times:
            raise Unavailable("not there yet")

    monkeypatch.setattr(core.store, "open", fails)
    return calls


async def test_a_store_that_comes_late_is_waited_for(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0)
    calls = let_open_fail(monkeypatch, core, 2)
    await core.open_store(60.0)
    assert len(calls) == 3


async def test_a_store_that_does_not_come_is_given_up(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = let_open_fail(monkeypatch, core, 1)
    with pytest.raises(Unavailable):
        await core.open_store(0.0)
    assert len(calls) == 1


async def test_what_was_in_memory_alone_is_stored_at_the_end(core: Core) -> None:
    room = add_room(core.store)
    core.chat.hints.note(message(room.id, 7, created=at(1)))
    await core.finish()
    kept = core.store.rooms.get(room.id)
    assert kept is not None
    assert kept.hint is not None
    assert kept.hint.seq == 7
