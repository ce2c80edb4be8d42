"""Frames that are the same but for a number, masked before they are due."""

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import count, repeat

from bench.sockets import MASK, masked, text_frame

# Numbers of this length keep all frames of a sender of one length.
FIRST = 10_000_000

# So many last digits differ from frame to frame; the others are part of what stays the same.
DIGITS = 4
NUMBERS = 10**DIGITS


def numbered(*parts: bytes) -> Iterator[bytes]:
    """Encode one text after the other, the next number between the parts; one part has none."""
    for first in count(FIRST, NUMBERS):
        number = b"%d" % first
        text = number.join(parts)
        frame = text_frame(text)
        head = len(frame) - len(text)
        columns: list[Iterable[bytes]] = []
        taken, place = 0, head
        for part in parts[:-1]:
            place += len(part) + len(number)
            last = place - DIGITS
            columns += [repeat(frame[taken:last]), all_digits((last - head) % len(MASK))]
            taken = place
        columns.append(repeat(frame[taken:]))
        yield from map(b"".join, zip(*columns, strict=False))


@cache
def all_digits(at: int) -> list[bytes]:
    """Mask all that the last digits may be, as they look at a place in a text."""
    return [masked(b"%0*d" % (DIGITS, number), at) for number in range(NUMBERS)]
