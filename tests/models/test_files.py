"""Files are kept once by their content, and nothing is left of what is not kept."""

import hashlib
import os
import sys
from pathlib import Path

import pytest

from models import files as files_module
from models.files import Arrival, Files


@pytest.fixture(name="files")
def make_files(tmp_path: Path) -> Files:
    files = Files(tmp_path / "uploads")
    assert files.open() == 0
    return files


def arrived(files: Files, data: bytes) -> Arrival:
    arrival = files.arrive()
    for start in range(0, len(data), 3):
        arrival.write(data[start : start + 3])
    arrival.close()
    return arrival


def names(files: Files) -> list[str]:
    return sorted(str(p.relative_to(files.folder)) for p in files.folder.rglob("*") if p.is_file())


def test_a_file_arrives_bit_by_bit_and_is_kept_by_its_content(files: Files) -> None:
    arrival = arrived(files, b"hello world")
    sha256 = hashlib.sha256(b"hello world").hexdigest()
    assert (arrival.sha256, arrival.size) == (sha256, 11)
    copy = arrival.path.with_name(f"{arrival.path.name}.320")
    copy.write_bytes(b"small")
    files.settle(arrival.path, ("320",))
    files.keep(arrival.path, sha256, ("320",))
    assert names(files) == [f"{sha256[:2]}/{sha256}", f"{sha256[:2]}/{sha256}.320"]
    assert files.has(sha256)
    assert files.has(sha256, "320")
    assert not files.has(sha256, "1024")
    file, size = files.read(files.path(sha256))
    with file:
        assert (file.read(), size) == (b"hello world", 11)
    files.remove(sha256)
    assert names(files) == []
    files.remove(sha256)


def test_nobody_else_on_this_host_may_look(files: Files) -> None:
    arrival = arrived(files, b"x")
    assert arrival.path.stat().st_mode & 0o077 == 0
    assert all(p.stat().st_mode & 0o077 == 0 for p in (files.folder, files.incoming))


def test_what_is_discarded_leaves_nothing(files: Files) -> None:
    arrival = files.arrive()
    arrival.write(b"half")
    files.beside(arrival.path).write_bytes(b"made of it")
    arrival.discard()
    arrival.discard()
    assert names(files) == []


def test_what_a_crash_has_left_is_swept_at_start(files: Files) -> None:
    files.arrive().write(b"half")
    arrived(files, b"whole, but nobody kept it")
    (files.resumable / "65e0782f1c9d440000000001").write_bytes(b"to be continued")
    assert Files(files.folder).open() == 2
    assert names(files) == ["resumable/65e0782f1c9d440000000001"]


@pytest.mark.parametrize(
    "name", ["", "..", "../../etc/passwd", "a" * 63, "A" * 64, "a" * 64 + "\n"]
)
def test_only_contents_have_places(files: Files, name: str) -> None:
    with pytest.raises(ValueError, match="named by its hash"):
        files.path(name)


def test_links_are_not_followed(files: Files, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    path = files.path("a" * 64)
    path.parent.mkdir()
    path.symlink_to(secret)
    with pytest.raises(OSError, match="symbolic link"):
        files.read(path)


def test_contents_that_have_been_there_for_a_while(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes = []
    for data in (b"one", b"two"):
        arrival = arrived(files, data)
        files.keep(arrival.path, arrival.sha256)
        hashes.append(arrival.sha256)
    old = files_module.ORPHAN_SECONDS * 2
    os.utime(files.path(hashes[0]), (old, old))
    (files.folder / "3f").mkdir(exist_ok=True)
    (files.folder / "3f" / "notes.txt").write_text("not ours")
    assert list(files.contents()) == [hashes[0]]
    monkeypatch.setattr(files_module, "ORPHAN_SECONDS", 0)
    assert sorted(files.contents()) == sorted(hashes)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux is told to begin with a part")
def test_what_arrives_is_on_its_way_to_the_disk_long_before_its_end(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed: list[tuple[int, int]] = []

    def note(descriptor: int, offset: int, length: int, advice: int) -> None:
        assert advice == os.POSIX_FADV_DONTNEED
        assert os.fstat(descriptor).st_size == offset + length
        pushed.append((offset, length))

    monkeypatch.setattr(os, "posix_fadvise", note)
    arrival = files.arrive()
    piece = bytes(files_module.PUSH_BYTES // 4)
    for _ in range(10):
        arrival.write(piece)
    arrival.close()
    assert pushed == [(0, files_module.PUSH_BYTES), (files_module.PUSH_BYTES,) * 2]
