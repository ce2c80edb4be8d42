"""What was said, in memory while it is read: a page that is at hand takes no read of the store.

A message that is at hand is as it is stored, for whatever is stored passes by here before anybody
hears of it.
"""

from collections import OrderedDict
from collections.abc import Iterable

from models.records import Message

# Messages that lie side by side are forgotten together. A page of 50 touches two parts or three.
PART = 32

# A message is some 700 bytes, so all parts together are 24 MB.
MAX_PARTS = 1_000

# Of a room that wakes, a page of the usual size and one message more.
WAKING = 64


class Part:
    """Messages of one room that lie side by side."""

    __slots__ = ("home", "messages", "number")

    def __init__(self, home: "dict[int, Part]", number: int) -> None:
        self.home = home
        self.number = number
        self.messages: dict[int, Message] = {}


class Shelf:
    """The parts of all rooms; the one that was used longest ago makes room for another."""

    def __init__(self, most: int = MAX_PARTS) -> None:
        self._most = most
        self._parts: OrderedDict[Part, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._parts)

    def use(self, part: Part) -> None:
        """Note that a part is in use, and forget another if there are too many."""
        self._parts[part] = None
        self._parts.move_to_end(part)
        if len(self._parts) > self._most:
            oldest, _ = self._parts.popitem(last=False)
            del oldest.home[oldest.number]


class Recall:
    """The messages of one room that are at hand."""

    __slots__ = ("_parts", "_shelf")

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._parts: dict[int, Part] = {}

    def page(self, first: int, last: int) -> list[Message] | None:
        """All messages from one `seq` to another, or None where some are not at hand."""
        found: list[Message] = []
        for number in range(first // PART, last // PART + 1):
            part = self._parts.get(number)
            if part is None:
                return None
            self._shelf.use(part)
            start = number * PART
            wanted = range(max(first, start), min(last + 1, start + PART))
            try:
                found += [part.messages[seq] for seq in wanted]
            except KeyError:
                return None
        return found

    def keep(self, messages: Iterable[Message]) -> None:
        """Have messages at hand, as they are stored now."""
        for message in messages:
            number = message.seq // PART
            part = self._parts.get(number)
            if part is None:
                part = self._parts[number] = Part(self._parts, number)
            part.messages[message.seq] = message
            self._shelf.use(part)
