"""Pictures are written again with nothing but their pixels, or refused, by a limited process."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from models.pictures import Cleaned, Interrupted, TooCostly, Unreadable, Workshop
from tests import pictures

PIXELS, FRAMES = 2_000_000, 40

KINDS = pytest.mark.parametrize("kind", pictures.FORMATS)
VARIANTS = ("", ".320", ".1024")


@pytest.fixture(scope="module")
def workshop() -> Iterator[Workshop]:
    """One that works on small pictures."""
    made = Workshop(pixels=PIXELS, frames=FRAMES)
    yield made
    made.interrupt()
    made.close()


def clean(workshop: Workshop, folder: Path, data: bytes) -> tuple[Cleaned, list[bytes]]:
    """Have a picture cleaned; and read it, and its copies."""
    source, target = folder / "in", folder / "out"
    source.write_bytes(data)
    cleaned = workshop.clean(source, target)
    return cleaned, [Path(f"{target}{variant}").read_bytes() for variant in VARIANTS]


@KINDS
def test_a_picture_stays_what_it_is(workshop: Workshop, tmp_path: Path, kind: str) -> None:
    cleaned, [data, small, _] = clean(workshop, tmp_path, pictures.plain(kind, (640, 480)))
    assert (cleaned.width, cleaned.height) == pictures.size(data) == (640, 480)
    assert cleaned.type == f"image/{kind.lower()}"
    assert (pictures.opened(data).format, cleaned.size) == (kind, len(data))
    assert pictures.corners(data) == pictures.corners(small) == ["red", "green", "blue", "white"]
    assert pictures.size(small) == (320, 240)
    assert pictures.opened(small).format == "WEBP"
    assert cleaned.placeholder.startswith("data:image/webp;base64,")
    assert len(cleaned.placeholder) < 600


def test_thumbnails_fit_into_their_squares(workshop: Workshop, tmp_path: Path) -> None:
    _, copies = clean(workshop, tmp_path, pictures.plain("JPEG", (600, 2000)))
    assert [pictures.size(copy) for copy in copies] == [(600, 2000), (96, 320), (307, 1024)]
    _, copies = clean(workshop, tmp_path, pictures.plain("PNG", (3, 1)))
    assert [pictures.size(copy) for copy in copies] == [(3, 1)] * 3


@KINDS
def test_nothing_is_told_but_the_picture(workshop: Workshop, tmp_path: Path, kind: str) -> None:
    telling = pictures.telling(kind)
    assert pictures.tells(telling)
    _, written = clean(workshop, tmp_path, telling)
    assert not any(pictures.tells(data) for data in written)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP"])
def test_an_animation_tells_no_more(workshop: Workshop, tmp_path: Path, kind: str) -> None:
    telling = pictures.telling_animation(kind)
    assert pictures.tells(telling)
    _, written = clean(workshop, tmp_path, telling)
    assert getattr(pictures.opened(written[0]), "n_frames", 1) == 3
    assert not any(pictures.tells(data) for data in written)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    ("orientation", "corners"),
    [
        (3, ["white", "blue", "green", "red"]),
        (6, ["blue", "red", "white", "green"]),
        (8, ["green", "white", "red", "blue"]),
    ],
)
def test_a_picture_is_turned_upright(
    workshop: Workshop, tmp_path: Path, kind: str, orientation: int, corners: list[str]
) -> None:
    data = pictures.telling(kind, orientation=orientation)
    cleaned, written = clean(workshop, tmp_path, data)
    upright = (40, 30) if orientation == 3 else (30, 40)
    assert (cleaned.width, cleaned.height) == pictures.size(written[0]) == upright
    assert all(pictures.corners(each) == corners for each in written)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP"])
def test_an_animation_stays_one(workshop: Workshop, tmp_path: Path, kind: str) -> None:
    _, [data, *copies] = clean(workshop, tmp_path, pictures.animation(kind, 5))
    found = pictures.opened(data)
    assert (found.n_frames, found.info["duration"], found.info["loop"]) == (5, 70, 0)  # type: ignore[attr-defined]
    colours = []
    for number in range(5):
        found.seek(number)
        colours.append(found.convert("RGB").getpixel((3, 3))[0] // 20)  # type: ignore[index]
    assert colours == [0, 4, 8, 12, 3]
    assert all(getattr(pictures.opened(copy), "n_frames", 1) == 1 for copy in copies)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP"])
def test_what_is_clear_stays_clear(workshop: Workshop, tmp_path: Path, kind: str) -> None:
    glass = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    glass.paste((0, 0, 255, 255), (0, 0, 8, 4))
    _, written = clean(workshop, tmp_path, pictures.saved(glass, kind))
    for data in written:
        seen = pictures.opened(data).convert("RGBA")
        assert (seen.getpixel((1, 6))[3], seen.getpixel((1, 1))[3]) == (0, 255)  # type: ignore[index]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_a_png_of_any_mode(workshop: Workshop, tmp_path: Path, mode: str) -> None:
    made = Image.new(mode, (4, 4), 0xC000 if mode == "I;16" else None)
    _, written = clean(workshop, tmp_path, pictures.saved(made, "PNG"))
    assert all(pictures.size(data) == (4, 4) for data in written)
    if mode == "I;16":
        assert pictures.opened(written[0]).getpixel((0, 0)) == 0xC0


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_of_any_mode(workshop: Workshop, tmp_path: Path, mode: str) -> None:
    data = pictures.saved(pictures.image(mode=mode), "JPEG", quality=95)
    _, written = clean(workshop, tmp_path, data)
    if mode != "L":
        assert pictures.corners(written[0]) == ["red", "green", "blue", "white"]
    assert pictures.opened(written[0]).mode == ("L" if mode == "L" else "RGB")


def test_a_photograph_is_not_made_larger(workshop: Workshop, tmp_path: Path) -> None:
    photograph = pictures.noise("JPEG", (800, 600), quality=60, progressive=True)
    cleaned, _ = clean(workshop, tmp_path, photograph)
    assert cleaned.size <= len(photograph) * 1.05


def test_equal_pictures_are_written_as_equal_files(workshop: Workshop, tmp_path: Path) -> None:
    telling, plain = pictures.telling("PNG"), pictures.plain("PNG")
    hashes = {clean(workshop, tmp_path, data)[0].sha256 for data in (telling, plain, plain)}
    assert len(hashes) == 1


def refused(workshop: Workshop, folder: Path, data: bytes) -> type[Exception]:
    """Why a picture is refused; and nothing is left of it."""
    with pytest.raises((TooCostly, Unreadable)) as refusal:
        clean(workshop, folder, data)
    assert [path.name for path in folder.iterdir()] == ["in"]
    return refusal.type


@KINDS
def test_a_bomb_is_too_costly(workshop: Workshop, tmp_path: Path, kind: str) -> None:
    reason = refused(workshop, tmp_path, pictures.bomb(kind))
    # The library under WebP asks for all of its memory at once, and does not get it.
    assert reason is (Unreadable if kind == "WEBP" else TooCostly)


def test_a_million_frames_are_too_costly(workshop: Workshop, tmp_path: Path) -> None:
    frames = pictures.many_frames(1_000_000)
    assert refused(workshop, tmp_path, frames) is TooCostly
    few = pictures.many_frames(FRAMES)
    assert pictures.opened(clean(workshop, tmp_path, few)[1][0]).format == "GIF"


def test_large_frames_add_up(workshop: Workshop, tmp_path: Path) -> None:
    data = pictures.animation("GIF", 5, (1200, 1200))
    assert refused(workshop, tmp_path, data) is TooCostly


@KINDS
def test_a_picture_that_breaks_off_cannot_be_read(
    workshop: Workshop, tmp_path: Path, kind: str
) -> None:
    whole = pictures.noise(kind, (90, 60))
    for share in (0.02, 0.5, 0.9):
        assert refused(workshop, tmp_path, whole[: int(len(whole) * share)]) is Unreadable


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"<svg/>", b"%PDF-1.4", b"II*\0" + bytes(99)])
def test_what_is_no_picture_cannot_be_read(workshop: Workshop, tmp_path: Path, data: bytes) -> None:
    assert refused(workshop, tmp_path, data) is Unreadable


def test_an_avatar_is_cut_out_of_the_middle(workshop: Workshop, tmp_path: Path) -> None:
    made = Image.new("RGB", (90, 30), (255, 0, 0))
    made.paste((0, 0, 255), (30, 0, 60, 30))
    (tmp_path / "in").write_bytes(pictures.saved(made, "PNG"))
    drawn = workshop.portray(tmp_path / "in", tmp_path / "out")
    assert drawn.variants == ("avatar-256", "avatar-64")
    for side in (256, 64):
        square = (tmp_path / f"out.avatar-{side}").read_bytes()
        assert pictures.size(square) == (side, side)
        assert pictures.corners(square) == ["blue"] * 4


def test_a_worker_knows_nothing_of_the_server(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JWT_SECRET", "never to be seen by a worker")
    fresh = Workshop(pixels=PIXELS, frames=FRAMES)
    clean(fresh, tmp_path, pictures.plain())
    [process] = fresh.processes()
    environment = Path(f"/proc/{process}/environ")
    if environment.exists():
        assert b"SECRET" not in environment.read_bytes()
        limits = Path(f"/proc/{process}/limits").read_text()
        assert "Max address space         unlimited" not in limits
        assert "Max cpu time              unlimited" not in limits
    fresh.interrupt()
    fresh.close()
    assert fresh.processes() == []


def test_a_worker_steps_back_behind_the_server(workshop: Workshop, tmp_path: Path) -> None:
    clean(workshop, tmp_path, pictures.plain())
    [process] = workshop.processes()
    assert os.getpriority(os.PRIO_PROCESS, process) == 19
    if sys.platform == "linux":
        assert os.sched_getscheduler(process) == os.SCHED_IDLE
    # Of another session it would be given as much of a CPU as the server, however nice.
    assert os.getsid(process) == os.getsid(0)
    assert os.getpgid(process) == process  # and Ctrl-C is not for it


def test_a_worker_that_was_killed_is_replaced(workshop: Workshop, tmp_path: Path) -> None:
    clean(workshop, tmp_path, pictures.plain())
    [before] = workshop.processes()
    os.kill(before, signal.SIGKILL)
    while (
        Path(f"/proc/{before}/stat").exists()
        and " Z " not in Path(f"/proc/{before}/stat").read_text()
    ):
        pass
    clean(workshop, tmp_path, pictures.plain())
    assert workshop.processes() != [before]


def test_work_that_does_not_end_is_ended(tmp_path: Path) -> None:
    slow = Workshop(pixels=PIXELS, frames=FRAMES, seconds=0.02)
    assert refused(slow, tmp_path, pictures.noise("PNG", (1200, 1200))) is TooCostly
    slow.close()


def test_a_workshop_that_closes_does_not_wait(tmp_path: Path) -> None:
    closing = Workshop(pixels=400_000_000, frames=10_000)
    (tmp_path / "in").write_bytes(pictures.noise("PNG", (1500, 1500)))
    clean(closing, tmp_path, pictures.plain())
    ends: list[type[BaseException]] = []

    def work() -> None:
        try:
            while True:
                closing.clean(tmp_path / "in", tmp_path / "out")
        except Interrupted as error:
            ends.append(type(error))

    thread = threading.Thread(target=work)
    thread.start()
    closing.interrupt()
    thread.join(10)
    assert ends == [Interrupted]
    closing.close()


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="no limit of addresses elsewhere")
def test_memory_is_limited(tmp_path: Path) -> None:
    # A limit of pixels that its memory does not suffice for, as if Pillow had miscounted.
    tight = Workshop(pixels=9_000, frames=FRAMES)
    tight._pixels = 1_000_000_000
    (tmp_path / "in").write_bytes(pictures.honest_bomb(11_000))
    with pytest.raises(TooCostly):
        tight.clean(tmp_path / "in", tmp_path / "out")
    clean(tight, tmp_path, pictures.plain())
    tight.interrupt()
    tight.close()
