"""Pictures for tests: plain ones, ones that tell too much, and ones that mean harm."""

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image, ImageCms, PngImagePlugin

FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
ENDINGS = {"JPEG": "jpg", "PNG": "png", "GIF": "gif", "WEBP": "webp"}

# What a photograph must not tell: a text, and the numbers of a place.
SECRET = b"HOME-OF-ANN-48.8583N-2.2945E"
LATITUDE = ((48, 1), (51, 1), (299_881, 10_007))
PLACE = struct.pack("<2I", *LATITUDE[2]), struct.pack(">2I", *LATITUDE[2])
MAKER = b"SecretCamera 9000"

GPS, MAKE, ORIENTATION = 0x8825, 0x010F, 0x0112


def image(size: tuple[int, int] = (40, 30), mode: str = "RGB") -> Image.Image:
    """A picture whose corners differ: red, green, blue and white."""
    width, height = size
    made = Image.new("RGB", (2, 2))
    for place, colour in zip(
        [(0, 0), (1, 0), (0, 1), (1, 1)],
        [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)],
        strict=True,
    ):
        made.putpixel(place, colour)
    return made.resize((width, height), Image.Resampling.NEAREST).convert(mode)


def saved(made: Image.Image, kind: str, **options: Any) -> bytes:
    data = BytesIO()
    made.save(data, kind, **options)
    return data.getvalue()


def plain(kind: str = "JPEG", size: tuple[int, int] = (40, 30), **options: Any) -> bytes:
    """A picture without anything else."""
    return saved(image(size), kind, **options)


def noise(kind: str, size: tuple[int, int], **options: Any) -> bytes:
    """A picture that cannot be made small."""
    made = Image.effect_noise(size, 80).convert("RGB")
    return saved(made, kind, **options)


def exif(orientation: int = 1) -> bytes:
    """What a telephone notes: where, with what, and how it was held."""
    tags = Image.Exif()
    tags[MAKE] = MAKER.decode()
    tags[ORIENTATION] = orientation
    tags.get_ifd(GPS).update({1: "N", 2: LATITUDE_RATIONALS, 29: SECRET.decode()})
    return tags.tobytes()


LATITUDE_RATIONALS = tuple(numerator / denominator for numerator, denominator in LATITUDE)


def telling(kind: str, *, orientation: int = 1) -> bytes:
    """A picture that tells where and with what it was taken, in every way that its format knows."""
    made = image()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes() + SECRET
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + SECRET + b"</x:xmpmeta>"
    match kind:
        case "JPEG":
            data = saved(
                made, kind, exif=exif(orientation), icc_profile=profile, xmp=xmp, comment=SECRET
            )
        case "PNG":
            texts = PngImagePlugin.PngInfo()
            texts.add_text("Comment", SECRET.decode())
            texts.add_text("Packed", SECRET.decode() * 9, zip=True)
            texts.add_itxt("XML:com.adobe.xmp", xmp.decode())
            data = saved(made, kind, exif=exif(orientation), icc_profile=profile, pnginfo=texts)
        case "WEBP":
            data = saved(made, kind, exif=exif(orientation), icc_profile=profile, xmp=xmp)
        case _:
            data = saved(made, kind, comment=SECRET)
            data = data[:-1] + b"\x21\xff\x0bXMP DataXMP" + bytes([len(SECRET)]) + SECRET + b"\0;"
    return data + b"behind the end: " + SECRET


def tells(data: bytes) -> bool:
    """Whether anything of that is left."""
    marks = (
        SECRET,
        SECRET[:12],
        MAKER,
        b"Exif",
        b"xmpmeta",
        b"ICC_PROFILE",
        b"iCCP",
        b"behind the",
    )
    if any(mark in data for mark in marks) or any(place in data for place in PLACE):
        return True
    found = opened(data)
    return bool(found.getexif()) or bool({"comment", "xmp", "icc_profile"} & found.info.keys())


def opened(data: bytes) -> Image.Image:
    found = Image.open(BytesIO(data))
    found.load()
    return found


def size(data: bytes) -> tuple[int, int]:
    return opened(data).size


def corners(data: bytes) -> list[str]:
    """What the corners look like, from the upper left, line by line."""
    found = opened(data).convert("RGB")
    width, height = found.size
    names = {(1, 0, 0): "red", (0, 1, 0): "green", (0, 0, 1): "blue", (1, 1, 1): "white"}
    places = [(2, 2), (width - 3, 2), (2, height - 3), (width - 3, height - 3)]
    return [names.get(tuple(c > 127 for c in found.getpixel(p)), "?") for p in places]


def animation(kind: str, frames: int = 3, size: tuple[int, int] = (12, 8), **more: Any) -> bytes:
    """Frames of one colour each."""
    colours = [(80 * n % 256, 255 - 60 * n % 256, 40) for n in range(frames)]
    made = [Image.new("RGB", size, colour) for colour in colours]
    options = {"save_all": True, "append_images": made[1:], "duration": 70, "loop": 0, **more}
    return saved(made[0], kind, **options)


def telling_animation(kind: str) -> bytes:
    """An animation that tells as much."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes() + SECRET
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + SECRET + b"</x:xmpmeta>"
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", SECRET.decode())
    options: dict[str, dict[str, Any]] = {
        "PNG": {"exif": exif(), "icc_profile": profile, "pnginfo": texts},
        "WEBP": {"exif": exif(), "icc_profile": profile, "xmp": xmp},
        "GIF": {"comment": SECRET},
    }
    return animation(kind, **options[kind]) + b"behind the end: " + SECRET


def chunk(name: bytes, data: bytes) -> bytes:
    crc = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc)


def text_bomb(megabytes: int = 300) -> bytes:
    """A small PNG with a comment that is packed, and would be large."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(megabytes)) + packer.flush()
    data = plain("PNG")
    end = data.index(b"IDAT") - 4
    return data[:end] + chunk(b"zTXt", b"Comment\0\0" + packed) + data[end:]


def bomb(kind: str) -> bytes:
    """A small file that says it has more pixels than any memory."""
    match kind:
        case "PNG":
            head = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
            packed = zlib.compress(bytes(1_000_000), 9)
            body = chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
            return b"\x89PNG\r\n\x1a\n" + body
        case "JPEG":
            data = bytearray(plain("JPEG"))
            place = data.index(b"\xff\xc0") + 5
            data[place : place + 4] = struct.pack(">HH", 65_000, 65_000)
            return bytes(data)
        case "GIF":
            data = bytearray(plain("GIF"))
            data[6:10] = struct.pack("<HH", 65_000, 65_000)
            place = data.index(b",") + 5
            data[place : place + 4] = struct.pack("<HH", 65_000, 65_000)
            return bytes(data)
    # Lossless and of one colour, 16,383 pixels square.
    return b"RIFF\x1a\0\0\0WEBPVP8L\x0e\0\0\0/\xfe\xbf\xff\x0f\x07\x10\x11\xfd\x0fDD\xff\x03"


def honest_bomb(side: int) -> bytes:
    """A PNG that really is as large as it says, and packs a thousandfold."""
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    packer = zlib.compressobj(9)
    line = bytes(1 + side * 3)
    packed = b"".join(packer.compress(line) for _ in range(side)) + packer.flush()
    body = chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def many_frames(count: int) -> bytes:
    """A GIF of as many frames as there are, of one pixel each."""
    head = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"\x21\xf9\x04\0\x01\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0"
    return head + frame * count + b";"
