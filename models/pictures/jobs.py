"""What a worker is asked, and what it answers: one line of JSON each."""

from typing import Literal

from msgspec import Struct


class Unreadable(Exception):
    """What was given is no picture that can be read to its end."""


class TooCostly(Exception):
    """The picture is too large, has too many frames, or takes too much work."""


class Interrupted(Exception):
    """The server stops; the picture may be fine."""


class Clean(Struct, frozen=True, tag_field="job", tag="clean"):
    """Write a picture again at `target`, and its smaller copies beside it."""

    source: str
    target: str
    pixels: int
    frames: int


class Portray(Struct, frozen=True, tag_field="job", tag="portray"):
    """Cut the squares of an avatar out of a picture that is clean."""

    source: str
    target: str
    pixels: int
    frames: int


Job = Clean | Portray


class Cleaned(Struct, frozen=True, tag_field="job", tag="cleaned"):
    """A picture that was written again; `sha256` and `size` are those of the result."""

    type: str
    width: int
    height: int
    placeholder: str
    sha256: str
    size: int
    variants: tuple[str, ...]


class Pictured(Struct, frozen=True, tag_field="job", tag="pictured"):
    """Smaller copies that were written."""

    variants: tuple[str, ...]


class Failed(Struct, frozen=True, tag_field="job", tag="failed"):
    """Why nothing came of it."""

    reason: Literal["unreadable", "costly"]


Answer = Cleaned | Pictured | Failed
