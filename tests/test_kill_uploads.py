"""Uploads on a server that is killed at each step: nothing wrong is told, or left for good."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import server as hubbub
from chat.checking import Check
from chat.core import Core
from conf.settings import Settings
from models.records import User, now
from models.sqlite import SQLiteStore
from tests import pictures
from tests.process import ROOT, environment

OWNER = "a" * 24
OLD = 1_000_000_000

# Where it is killed, just before that is done: a part of the core and its method, and what a check
# finds afterwards.
ORPHAN = ["a file without a record"]
STEPS: dict[str, tuple[str, str, list[str]]] = {
    "nothing is durable": ("uploads.files", "settle", []),
    "it is not in its place": ("uploads.files", "keep", []),
    "there is no record": ("store.uploads", "add", ORPHAN),
    "the second is not noted": ("resumable._partials", "note", []),
    "its parts are not gone": ("resumable._partials", "drop", []),
    "the first is not deleted": ("store.uploads", "delete", []),
    "its file is not removed": ("uploads.files", "remove", ORPHAN),
}


def core_of(folder: Path) -> Core:
    settings = Settings(data_dir=folder / "data", upload_dir=folder / "uploads")
    return hubbub.build_core(settings, SQLiteStore(folder / "hubbub.db"), "a" * 32)


async def live(folder: Path, step: str) -> None:
    """Send a picture, another by the resumable way, and delete the first; die at a step."""
    core = core_of(folder)
    core.store.open()
    core.store.users.add(User(id=OWNER, name="ann", display_name="Ann", created=now()))
    await core.uploads.open()
    second = pictures.plain("PNG", (50, 50))
    note = await core.resumable.create(OWNER, "b.png", len(second))
    path, name, _ = STEPS[step]
    part: Any = core
    for each in path.split("."):
        part = getattr(part, each)
    setattr(part, name, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
    draft = core.uploads.draft(OWNER, "a.png")
    await draft.take(pictures.plain("PNG"))
    [first] = await core.uploads.keep([draft])
    await draft.discard()
    await core.resumable.write(note, 0, second)
    await core.resumable.finish(note)
    await core.uploads.release([first.id])


async def found(core: Core, *, repair: bool = False) -> list[str]:
    check = Check(core.store, core.disk, core.uploads)
    return [finding.what async for finding in check.run(repair=repair)]


@pytest.mark.gen_test(timeout=60)
@pytest.mark.parametrize("step", STEPS)
async def test_a_kill_at_each_step(tmp_path: Path, step: str) -> None:
    killed = subprocess.run(  # noqa: ASYNC221 - nothing else runs here
        [sys.executable, "-m", "tests.test_kill_uploads", str(tmp_path), step],
        cwd=ROOT, env=environment(), timeout=50, check=False,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL
    core = core_of(tmp_path)
    core.store.open()
    await core.uploads.open()
    await core.resumable.open()
    for path in core.uploads.files.folder.rglob("*"):
        os.utime(path, (OLD, OLD))
    assert await found(core) == STEPS[step][2]
    await found(core, repair=True)
    assert await found(core) == []
    # Whoever hears that all has come may show it.
    [note] = core.resumable._notes.values()
    note, size = await core.resumable.look(OWNER, note.id)
    kept, used = await core.uploads.own(OWNER, after=None, limit=9)
    assert (size == note.length) == (note.id in [upload.id for upload in kept])
    assert used == sum(upload.size for upload in kept)
    assert all(core.uploads.files.has(upload.sha256) for upload in kept)
    # And when all is deleted, nothing is left.
    await core.resumable.end(OWNER, note.id)
    await core.uploads.release([upload.id for upload in kept])
    assert not [path for path in core.uploads.files.folder.rglob("*") if path.is_file()]
    core.close()


if __name__ == "__main__":
    asyncio.run(live(Path(sys.argv[1]), sys.argv[2]))
