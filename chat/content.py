"""What a file is, by what is in it; and what it may be called."""

import re
import unicodedata
from typing import Literal

from msgspec import Struct

Kind = Literal["image", "video", "audio", "file"]

PICTURES = {
    "image/jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "image/png": (".png", ".apng"),
    "image/gif": (".gif",),
    "image/webp": (".webp",),
}

UNKNOWN = "application/octet-stream"
TEXT = "text/plain"

MAX_NAME = 120
# File systems count bytes, and take 255; a browser may add " (1)".
MAX_NAME_BYTES = 240
MAX_ENDING = 16

# The first bytes, and what begins so. The order matters where one is the beginning of another.
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\x1a\x45\xdf\xa3", "video/webm"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"\x7fELF", "application/x-executable"),
    (b"MZ", "application/x-executable"),
    (b"\xfe\xed\xfa\xce", "application/x-executable"),
    (b"\xfe\xed\xfa\xcf", "application/x-executable"),
    (b"\xce\xfa\xed\xfe", "application/x-executable"),
    (b"\xcf\xfa\xed\xfe", "application/x-executable"),
    (b"\xca\xfe\xba\xbe", "application/x-executable"),
    (b"#!", "text/x-shellscript"),
)

_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}

# By the brand that follows `ftyp`; every other brand is taken for MP4's.
_FTYP = {b"qt  ": "video/quicktime", b"M4A ": "audio/mp4", b"M4B ": "audio/mp4"}
_STILL_FTYP = frozenset({b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis"})

# What a browser would take for a page, or for a drawing that can run scripts, perhaps behind
# spaces, comments and an XML declaration. The groups are atomic: a hostile text would take ages.
_BEFORE = rb"\A(?:\xef\xbb\xbf)?(?>\s+|<!--.*?-->|<\?.*?\?>)*+"
_DRAWING = re.compile(
    _BEFORE + rb"(?><!doctype\s+svg[^>]*>\s*)?<(?:[a-z]+:)?svg[\s>/]", re.IGNORECASE | re.DOTALL
)
_PAGE = re.compile(
    _BEFORE + rb"<(?:!doctype\s+html|html|head|body|script|iframe|title|style|h1|div|a|p)[\s>/]",
    re.IGNORECASE | re.DOTALL,
)
_XML = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*<(?:\?xml|!doctype)", re.IGNORECASE)

# The shortest MPEG audio: eleven set bits, a version, a layer, a rate that is none of the reserved.
_MPEG_AUDIO = re.compile(rb"\xff[\xf2-\xf7\xfa-\xff][\x10-\xef]")

_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_UNSAFE = re.compile(r'[\\/:*?"<>|]')


class RefusedTypes(Struct, frozen=True):
    """What nobody may send: types by content, and endings of names."""

    types: frozenset[str]
    endings: tuple[str, ...]

    def refuse(self, media_type: str, name: str) -> bool:
        """Tell whether a file is one of those."""
        return media_type in self.types or name.lower().rstrip(". ").endswith(
            self.endings or ("\0",)
        )


def refused_types(words: tuple[str, ...]) -> RefusedTypes:
    """The list of a setting: what has a slash is a type, everything else an ending."""
    return RefusedTypes(
        frozenset(word for word in words if "/" in word),
        tuple(f".{word.lstrip('.')}" for word in words if "/" not in word),
    )


def type_of(head: bytes) -> str:
    """What a file is, by its beginning."""
    found = next((kind for magic, kind in _MAGIC if head.startswith(magic)), None)
    if found == "video/webm" and b"webm" not in head[:64]:
        return "video/x-matroska"
    if found is not None:
        return found
    if head[:4] == b"RIFF" and head[8:12] in _RIFF:
        return _RIFF[head[8:12]]
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        return "image/heif" if brand in _STILL_FTYP else _FTYP.get(brand, "video/mp4")
    if _MPEG_AUDIO.match(head):
        return "audio/mpeg"
    return _text_type(head)


def kind_of(media_type: str) -> Kind:
    """What a client shows a file as; a picture is what we have written ourselves."""
    if media_type in PICTURES:
        return "image"
    if media_type in PLAIN:
        return "video" if media_type.startswith("video/") else "audio"
    return "file"


# What a browser may show by itself; everything else is a download.
PLAIN = frozenset({
    *PICTURES,
    "audio/aac",
    "audio/flac",
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
    "video/mp4",
    "video/quicktime",
    "video/webm",
})  # fmt: skip


def is_named_as_picture(name: str) -> bool:
    """Tell whether a name says that this is a picture."""
    return name.lower().endswith(tuple(ending for ends in PICTURES.values() for ending in ends))


def clean_name(name: str, media_type: str) -> str:
    """A name that can be shown and saved anywhere, with the ending that its content demands."""
    text = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    # Control and format characters, direction overrides and lone surrogates among them.
    text = "".join(c for c in text if unicodedata.category(c)[0] != "C")
    text = _UNSAFE.sub("_", " ".join(text.split())).strip(" .")
    if not text:
        text = "file"
    if _RESERVED.fullmatch(text):
        text = f"_{text}"
    stem, dot, ending = text.rpartition(".")
    if not (dot and stem) or len(ending) > MAX_ENDING:
        stem, ending = text, ""
    endings = PICTURES.get(media_type)
    if endings and f".{ending.lower()}" not in endings:
        # A picture of another kind changes its ending; anything else gets one more.
        stem, ending = stem if is_named_as_picture(text) else text, endings[0][1:]
    room = MAX_NAME_BYTES - len(f".{ending}".encode())
    stem = stem[: MAX_NAME - MAX_ENDING - 1].encode()[:room].decode(errors="ignore").rstrip(" .")
    return f"{stem}.{ending}" if ending else stem


def _text_type(head: bytes) -> str:
    """Text, as far as can be seen; and what a browser would make more of."""
    for pattern, kind in ((_DRAWING, "image/svg+xml"), (_PAGE, "text/html"), (_XML, "text/xml")):
        if pattern.search(head):
            return kind
    if b"\0" in head:
        return UNKNOWN
    try:
        head.decode()
    except UnicodeDecodeError as error:
        # The last character may be cut in two.
        if error.start < len(head) - 3:
            return UNKNOWN
    return TEXT
