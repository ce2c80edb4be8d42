"""Pictures, decoded to the last pixel and written again with nothing but their pixels.

Only the worker process calls this: what it reads was made by strangers.
"""

import base64
import hashlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import GifImagePlugin, Image, ImageCms, ImageFilter, ImageOps, JpegImagePlugin

from models.pictures.jobs import Cleaned, Pictured, TooCostly

FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp"}

THUMBNAILS = (1024, 320)
AVATARS = (256, 64)

# A blurred copy this small is some 100 bytes, and looks like the picture while that is loading.
PLACEHOLDER_PIXELS = 20

# The frames of an animation are held together while it is written, so all of them may have no more
# pixels than this many pictures.
ANIMATION_PICTURES = 2

# Ours are compared with the limits below, which come first; Pillow's own would only warn.
Image.MAX_IMAGE_PIXELS = None

# Frames that share the palette of the file stay as they are, and need not be quantized again.
GifImagePlugin.LOADING_STRATEGY = GifImagePlugin.LoadingStrategy.RGB_AFTER_DIFFERENT_PALETTE_ONLY

# What Pillow would write again unasked, and what is the picture itself.
_KEPT = frozenset({"transparency", "background"})


def clean(source: Path, target: Path, *, pixels: int, frames: int) -> Cleaned:
    """Write a picture again, with its thumbnails and its placeholder."""
    with _opened(source, pixels) as image:
        kind = _kind(image)
        animation = _frames(image, pixels, frames) if _is_animated(image) else []
        still = _bare(animation[0]) if animation else _upright(image)
        if animation:
            _write_animation(animation, kind, image.info, target)
        else:
            _write_still(still, kind, image, source, target)
    placeholder = _write_thumbnails(still, target)
    return Cleaned(
        type=TYPES[kind],
        width=still.width,
        height=still.height,
        placeholder=placeholder,
        sha256=_hash(target),
        size=target.stat().st_size,
        variants=tuple(str(side) for side in THUMBNAILS),
    )


def portray(source: Path, target: Path, *, pixels: int) -> Pictured:
    """Cut the squares of an avatar out of the middle of a picture."""
    with _opened(source, pixels) as image:
        image.load()
        colours = _colours(image)
    for side in AVATARS:
        square = ImageOps.fit(colours, (side, side), Image.Resampling.LANCZOS)
        _write_webp(square, Path(f"{target}.avatar-{side}"))
    return Pictured(tuple(f"avatar-{side}" for side in AVATARS))


def _opened(source: Path, pixels: int) -> Image.Image:
    image = Image.open(source, formats=FORMATS)
    if image.width * image.height > pixels:
        image.close()
        raise TooCostly
    return image


def _kind(image: Image.Image) -> str:
    # Telephones put several pictures into one JPEG; the first is the one that was meant.
    return "JPEG" if image.format == "MPO" else str(image.format)


def _is_animated(image: Image.Image) -> bool:
    if _kind(image) == "JPEG":
        return False
    try:
        image.seek(1)
    except EOFError:
        return False
    finally:
        image.seek(0)
    return True


def _frames(image: Image.Image, pixels: int, most: int) -> list[Image.Image]:
    """The frames of an animation, each with its duration; counted while they are read."""
    found: list[Image.Image] = []
    for frame in _seek_all(image):
        if len(found) >= most or (len(found) + 1) * image.width * image.height > (
            ANIMATION_PICTURES * pixels
        ):
            raise TooCostly
        frame.load()
        copy = _bare(frame)
        copy.info["duration"] = _number(frame.info.get("duration"), 0, 655_350)
        found.append(copy)
    return found


def _seek_all(image: Image.Image) -> Iterator[Image.Image]:
    number = 0
    while True:
        try:
            image.seek(number)
        except EOFError:
            return
        yield image
        number += 1


def _upright(image: Image.Image) -> Image.Image:
    image.load()
    return _srgb(ImageOps.exif_transpose(image), image.info.get("icc_profile"))


def _srgb(image: Image.Image, profile: object) -> Image.Image:
    """The colours as they would be without the profile that is left out."""
    if not isinstance(profile, bytes) or image.mode not in ("RGB", "RGBA", "CMYK"):
        return image
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    try:
        given = ImageCms.ImageCmsProfile(BytesIO(profile))
        if image.mode != "CMYK" and "sRGB" in ImageCms.getProfileDescription(given):
            return image
        standard = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, given, standard, outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image  # the profile is broken, and the picture is not
    return converted if converted is not None else image


def _bare(image: Image.Image) -> Image.Image:
    """A copy without anything that is not the picture."""
    copy = image.copy()
    copy.info = {name: value for name, value in image.info.items() if name in _KEPT}
    return copy


def _write_still(
    still: Image.Image, kind: str, image: Image.Image, source: Path, target: Path
) -> None:
    bare = _bare(still)
    options: dict[str, Any] = {}
    match kind:
        case "JPEG":
            bare = bare if bare.mode in ("L", "RGB") else bare.convert("RGB")
            options = _as_compressed(image, bare.mode)
        case "PNG":
            bare = _eight_bits(bare)
        case "WEBP":
            options = {"lossless": _is_lossless(source), "quality": 88, "method": 2}
    bare.save(target, kind, **options)


def _as_compressed(image: Image.Image, mode: str) -> dict[str, Any]:
    """As much as the original was compressed: neither larger nor worse for being written again."""
    tables = getattr(image, "quantization", None)
    options: dict[str, Any] = {"progressive": bool(image.info.get("progressive"))}
    if not tables or image.mode not in ("L", "RGB"):
        return options | {"quality": 90}
    sampling = JpegImagePlugin.get_sampling(image)
    if mode == "RGB" and sampling in (0, 1, 2):
        options["subsampling"] = sampling
    return options | {"qtables": tables}


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        return image
    if image.mode.startswith("I"):  # sixteen bits of grey
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    return image.convert("RGBA")


def _is_lossless(source: Path) -> bool:
    with source.open("rb") as file:
        return b"VP8L" in file.read(64)


def _write_animation(
    frames: list[Image.Image], kind: str, info: dict[Any, Any], target: Path
) -> None:
    options: dict[str, Any] = {"duration": [frame.info.pop("duration") for frame in frames]}
    if "loop" in info:
        options["loop"] = _number(info["loop"], 0, 65_535)
    match kind:
        case "GIF":
            # What shines through a frame must not be the frame before it.
            options["disposal"] = 2 if "transparency" in frames[0].info else 1
        case "PNG":
            frames = [frame.convert("RGBA") for frame in frames]
            options |= {"disposal": 0, "blend": 0}
        case "WEBP":
            options |= {"quality": 80, "method": 2}
    frames[0].save(target, kind, save_all=True, append_images=frames[1:], **options)


def _write_thumbnails(still: Image.Image, target: Path) -> str:
    """Write the smaller copies, each from the next larger one, and return the smallest."""
    copy = _colours(still)
    for side in THUMBNAILS:
        copy.thumbnail((side, side), Image.Resampling.LANCZOS)
        _write_webp(copy, Path(f"{target}.{side}"))
    side = PLACEHOLDER_PIXELS
    copy.thumbnail((side, side), Image.Resampling.BOX)
    small = BytesIO()
    copy.filter(ImageFilter.GaussianBlur(1)).save(small, "WEBP", quality=30, method=4)
    return "data:image/webp;base64," + base64.b64encode(small.getvalue()).decode()


def _write_webp(image: Image.Image, target: Path) -> None:
    image.save(target, "WEBP", quality=80, method=2)


def _colours(image: Image.Image) -> Image.Image:
    """A copy in plain colours, transparent where the picture is."""
    grey = _eight_bits(image) if image.mode.startswith("I") else image
    clear = grey.mode in ("LA", "PA", "RGBA") or "transparency" in grey.info
    copy = _bare(grey).convert("RGBA" if clear else "RGB")
    copy.info = {}
    return copy


def _number(value: object, least: int, most: int) -> int:
    if not isinstance(value, int | float):
        return least
    return int(max(least, min(most, value)))


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
