"""What has a record has a file, and the other way round; or it is found."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from chat.checking import Check
from chat.core import Core
from conf.settings import Settings
from models.records import now
from models.store import Store
from server import build_core
from tests import pictures
from tests.contract import samples
from tests.contract.samples import upload
from tests.process import run

OLD = 1_000_000_000


@pytest.fixture(name="core")
def make_core(store: Store, tmp_path: Path) -> Iterator[Core]:
    core = build_core(Settings(upload_dir=tmp_path / "uploads"), store, "a" * 32)
    core.uploads.files.open()
    yield core
    core.uploads.close()
    core.hasher.close()
    core.disk.close()


def keep(core: Core, sha256: str, data: bytes, *variants: str) -> Path:
    path = core.uploads.files.path(sha256)
    path.parent.mkdir(exist_ok=True)
    for each in (path, *(Path(f"{path}.{variant}") for variant in variants)):
        each.write_bytes(data)
        os.utime(each, (OLD, OLD))
    return path


async def found(core: Core, *, repair: bool) -> list[tuple[str, str, str | None]]:
    check = Check(core.store, core.disk, core.uploads)
    return [(f.what, f.about, f.repaired) async for f in check.run(repair=repair)]


@pytest.mark.gen_test
async def test_what_is_wrong_is_found_and_put_right(core: Core) -> None:
    owner, gone = samples.user(), samples.user(deleted=now())
    for user in (owner, gone):
        core.store.users.add(user)
    fine = upload(owner.id, sha256="1" * 64, size=2)
    picture = upload(owner.id, sha256="2" * 64, size=2, type="image/png")
    lost = upload(owner.id, sha256="3" * 64)
    short = upload(owner.id, sha256="4" * 64, size=9)
    broken = upload(owner.id, sha256="5" * 64, size=2, type="image/png")
    left = upload(gone.id, sha256="8" * 64, size=2)
    for each in (fine, picture, lost, short, broken, left):
        core.store.uploads.add(each)
    keep(core, "1" * 64, b"ok")
    keep(core, "2" * 64, b"ok", "320", "1024")
    keep(core, "4" * 64, b"ok")
    keep(core, "5" * 64, b"ok", "320")
    keep(core, "8" * 64, b"ok")
    orphan = keep(core, "6" * 64, b"ok", "320")
    young = keep(core, "7" * 64, b"ok")
    os.utime(young)
    expected = [
        ("a record without a file", f"{lost.id} {lost.name}"),
        ("a file of another size", f"{short.id} {short.name}"),
        ("a picture without thumbnails", f"{broken.id} {broken.name}"),
        ("an upload of a deleted account that nothing shows", f"{left.id} {left.name}"),
        ("a file without a record", "6" * 64),
    ]
    assert await found(core, repair=False) == [(*each, None) for each in expected]
    repaired = await found(core, repair=True)
    assert [each for each in repaired if each[1] not in ("4" * 64, "5" * 64)] == [
        (*each, "removed") for each in expected
    ]
    assert await found(core, repair=False) == []
    assert not orphan.exists()
    assert young.exists()
    assert core.store.uploads.page(limit=9) == [fine, picture]


@pytest.mark.gen_test
async def test_thumbnails_are_made_again(core: Core) -> None:
    data = pictures.plain("PNG")
    picture = upload("a" * 24, sha256="1" * 64, size=len(data), type="image/png")
    core.store.uploads.add(picture)
    keep(core, "1" * 64, data, "320")
    what = ("a picture without thumbnails", f"{picture.id} {picture.name}", "made again")
    assert await found(core, repair=True) == [what]
    assert await found(core, repair=False) == []
    assert core.store.uploads.page(limit=9) == [picture]
    assert not list(core.uploads.files.incoming.iterdir())


@pytest.mark.gen_test
async def test_what_is_deleted_meanwhile_is_not_wrong(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = upload("a" * 24, sha256="3" * 64)
    core.store.uploads.add(lost)

    def delete(_: str) -> None:
        core.store.uploads.delete(lost.id)

    monkeypatch.setattr(core.uploads.files, "size", delete)
    assert await found(core, repair=True) == []


@pytest.mark.gen_test
async def test_a_file_that_somebody_sends_again_meanwhile_stays(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    orphan = keep(core, "6" * 64, b"ok")
    has_content = core.store.uploads.has_content

    def sent_meanwhile(sha256: str) -> bool:
        known = has_content(sha256)
        assert core.uploads.files.renew(sha256, 2)  # as whoever sends the same does first
        return known

    monkeypatch.setattr(core.store.uploads, "has_content", sent_meanwhile)
    await found(core, repair=True)
    assert orphan.exists()


def test_the_command_line(tmp_path: Path) -> None:
    fine = run("uploads", "check", cwd=tmp_path)
    assert (fine.returncode, fine.stdout) == (0, "")
    path = tmp_path / "uploads" / "ab" / ("ab" * 32)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    os.utime(path, (OLD, OLD))
    wrong = run("uploads", "check", cwd=tmp_path)
    assert (wrong.returncode, wrong.stdout) == (1, f"a file without a record: {'ab' * 32}\n")
    right = run("uploads", "check", "--repair", cwd=tmp_path)
    assert (right.returncode, right.stdout) == (
        0,
        f"a file without a record: {'ab' * 32} (removed)\n",
    )
    assert not path.exists()
