"""How much of a page is told at once: less than a socket may keep waiting, or it would be cut."""

from collections.abc import Sequence

from models.records import Message


def size_of(message: Message) -> int:
    """How many bytes a message takes as JSON, at most, or nearly so."""
    # A character is six bytes at most; ids, names and times are some 400, a link to a file 250.
    size = 6 * len(message.text) + 400 + 250 * len(message.attachments)
    if message.reactions:
        size += 30 * sum(len(reaction.users) for reaction in message.reactions)
    return size


def fitting(messages: Sequence[Message], place: int, most: int) -> tuple[int, int]:
    """Begin and end of those around a place that are not too much; the one there always counts."""
    if not messages:
        return 0, 0
    sizes = [size_of(message) for message in messages]
    if sum(sizes) <= most:  # as nearly always
        return 0, len(sizes)
    begin, end, left = place, place + 1, most - sizes[place]
    while True:
        before = begin, end
        if end < len(sizes) and sizes[end] <= left:
            left, end = left - sizes[end], end + 1
        if begin > 0 and sizes[begin - 1] <= left:
            left, begin = left - sizes[begin - 1], begin - 1
        if (begin, end) == before:
            return before
