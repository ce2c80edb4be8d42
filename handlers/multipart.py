"""The grammar of multipart/form-data (RFC 7578): bytes in, parts out, while they arrive.

No I/O, and never more in memory than the head of a part and the chunk that was fed. Tornado's own
parser wants the whole body, and python-multipart calls back for every piece of every header.
"""

import re
from collections.abc import Callable, Iterator
from typing import Literal
from urllib.parse import unquote

from msgspec import Struct

from chat.errors import Invalid

# A body without end is bounded by whoever reads it; these bound what is in one.
MAX_PARTS = 100
MAX_HEAD = 8 * 1024
MAX_BOUNDARY = 70  # as RFC 2046 has it
# Some clients pad the boundary, or write a line before the first; nobody writes more.
MAX_PREAMBLE = 1024

_BOUNDARY = re.compile(
    r"""multipart/form-data\s*;(?:.*;)?\s*boundary=(?:"([^"]+)"|([^\s;"]+))""", re.IGNORECASE
)
_PARAMETER = re.compile(
    r""";\s*([a-z*]+)\s*=\s*(?:"((?:\\.|[^"\\])*)"|([^\s;"]+))""", re.IGNORECASE
)
_EXTENDED = re.compile(r"utf-8'[^']*'(.*)", re.IGNORECASE)


class PartBegun(Struct, frozen=True):
    """A part begins; one with a file name is a file."""

    name: str
    filename: str | None


class PartData(Struct, frozen=True):
    """More of the part that has begun."""

    data: bytes


class PartEnded(Struct, frozen=True):
    """The part is whole."""


Event = PartBegun | PartData | PartEnded
State = Literal["preamble", "boundary", "head", "data", "end", "epilogue"]


class Step(Struct, frozen=True):
    """One step forward, and what it has found; where there is none, more must come first."""

    event: Event | None = None


class Multipart:
    """Takes a body apart as it is fed."""

    def __init__(self, content_type: str) -> None:
        # What goes before each part but the first; that one has no line end before it.
        self._delimiter = b"\r\n--" + _boundary_of(content_type)
        self._buffer = b"\r\n"
        self._state: State = "preamble"
        self._parts = 0
        self._preamble = 0

    @property
    def is_whole(self) -> bool:
        """Whether the last boundary has come."""
        return self._state == "epilogue"

    def feed(self, data: bytes) -> Iterator[Event]:
        """Take more of the body, and say what there is in it."""
        self._buffer = self._buffer + data if self._buffer else data
        step: Step | None = Step()
        while step is not None:
            step = _STEPS[self._state](self)
            if step is not None and step.event is not None:
                yield step.event

    def _skip_preamble(self) -> "Step | None":
        skipped, found = self._until_boundary()
        self._preamble += len(skipped)
        if self._preamble > MAX_PREAMBLE:
            raise _invalid("there is no boundary where the first part should be")
        if not found:
            return None
        self._state = "boundary"
        return Step()

    def _pass_boundary(self) -> "Step | None":
        # Behind a boundary come two dashes at the end, or else spaces and a line end.
        if self._buffer.startswith(b"--"):
            self._state = "epilogue"
            return Step()
        end = self._buffer.find(b"\r\n")
        if end < 0 and len(self._buffer) <= MAX_BOUNDARY:
            return None
        if end < 0 or self._buffer[:end].strip(b" \t"):
            raise _invalid("a boundary is followed by something else")
        # The line end stays, for the head may be empty, and ends with an empty line.
        self._buffer = self._buffer[end:]
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise _invalid(f"there are more than {MAX_PARTS} parts")
        self._state = "head"
        return Step()

    def _read_head(self) -> "Step | None":
        end = self._buffer.find(b"\r\n\r\n")
        if end > MAX_HEAD or (end < 0 and len(self._buffer) > MAX_HEAD):
            raise _invalid("the head of a part is too long")
        if end < 0:
            return None
        head, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
        self._state = "data"
        return Step(_part_of(head))

    def _read_data(self) -> "Step | None":
        data, found = self._until_boundary()
        if found:
            self._state = "end"
        if data:
            return Step(PartData(data))
        return Step() if found else None

    def _end_part(self) -> "Step | None":
        self._state = "boundary"
        return Step(PartEnded())

    def _skip_epilogue(self) -> "Step | None":
        self._buffer = b""
        return None

    def _until_boundary(self) -> tuple[bytes, bool]:
        """What comes before the next boundary, and whether that is there."""
        found = self._buffer.find(self._delimiter)
        if found >= 0:
            data = self._buffer[:found]
            self._buffer = self._buffer[found + len(self._delimiter) :]
            return data, True
        # The beginning of a boundary may be the end of what has come so far.
        tail = self._buffer.find(b"\r", max(0, len(self._buffer) - len(self._delimiter) + 1))
        while tail >= 0 and not self._delimiter.startswith(self._buffer[tail:]):
            tail = self._buffer.find(b"\r", tail + 1)
        if tail < 0:
            data, self._buffer = self._buffer, b""
        else:
            data, self._buffer = self._buffer[:tail], self._buffer[tail:]
        return data, False


_STEPS: dict[State, Callable[[Multipart], Step | None]] = {
    "preamble": Multipart._skip_preamble,  # noqa: SLF001 - its own
    "boundary": Multipart._pass_boundary,  # noqa: SLF001
    "head": Multipart._read_head,  # noqa: SLF001
    "data": Multipart._read_data,  # noqa: SLF001
    "end": Multipart._end_part,  # noqa: SLF001
    "epilogue": Multipart._skip_epilogue,  # noqa: SLF001
}


def _boundary_of(content_type: str) -> bytes:
    found = _BOUNDARY.match(content_type)
    boundary = (found[1] or found[2]) if found else ""
    if not 0 < len(boundary) <= MAX_BOUNDARY or not boundary.isascii():
        raise _invalid("the body is multipart/form-data, with a boundary of 1 to 70 characters")
    return boundary.encode()


def _part_of(head: bytes) -> PartBegun:
    try:
        lines = head.decode().split("\r\n")
    except UnicodeDecodeError:
        raise _invalid("the head of a part is not UTF-8") from None
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-disposition":
            return _disposed(value)
    raise _invalid("a part has no Content-Disposition")


def _disposed(value: str) -> PartBegun:
    if value.partition(";")[0].strip().lower() != "form-data":
        raise _invalid("a part is no form-data")
    fields = {found[1].lower(): _unquoted(found) for found in _PARAMETER.finditer(value)}
    extended = _EXTENDED.fullmatch(fields.get("filename*", ""))
    filename = unquote(extended[1]) if extended else fields.get("filename")
    return PartBegun(fields.get("name", ""), filename)


def _unquoted(found: re.Match[str]) -> str:
    if found[2] is None:
        return found[3]
    # Browsers write a quote as %22; others escape it. A backslash elsewhere is of a path.
    return found[2].replace('\\"', '"').replace("%22", '"')


def _invalid(reason: str) -> Invalid:
    return Invalid("invalid_multipart", reason)
