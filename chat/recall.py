"""What was said, in memory while it is read: a page that is at hand takes no read of the store.

A message that is at hand is as it is stored, for whatever is stored passes by here before anybody
hears of it.
"""

from collections import OrderedDict
from collections.abc import Iterable
from sys import getsizeof

from models.records import Message

# Messages that lie side by side are forgotten together. A page of 50 touches two parts or three.
PART = 32

# All parts together. An everyday message is some 700 bytes, but one of 5,000 characters that was
# edited often is a hundred times that: so the parts are weighed and not counted.
MAX_BYTES = 24 * 1024 * 1024
MESSAGE_BYTES = 700
FORMER_BYTES = 150
REACTION_BYTES = 100
USER_BYTES = 80

# Of a room that wakes, a page of the usual size and one message more.
WAKING = 64


class Part:
    """Messages of one room that lie side by side, and about how many bytes they are."""

    __slots__ = ("home", "messages", "number", "weight")

    def __init__(self, home: "dict[int, Part]", number: int) -> None:
        self.home = home
        self.number = number
        self.messages: dict[int, Message] = {}
        self.weight = 0

    def put(self, message: Message) -> int:
        """Take a message as it stands now; tell how much heavier that makes the part."""
        former, more = self.messages.get(message.seq), weight_of(message)
        if former is not None:
            more -= weight_of(former)
        self.messages[message.seq] = message
        self.weight += more
        return more


class Shelf:
    """The parts of all rooms; the one that was used longest ago makes room for another."""

    def __init__(self, most: int = MAX_BYTES) -> None:
        self._most = most
        self._parts: OrderedDict[Part, None] = OrderedDict()
        # The one that was used last; several messages of a room often come at once.
        self._latest: Part | None = None
        self.weight = 0

    def __len__(self) -> int:
        return len(self._parts)

    def use(self, part: Part, more: int = 0) -> None:
        """Note that a part is in use and how it has grown; forget others if all are too many."""
        if part is not self._latest or part not in self._parts:
            self._latest = part
            self._parts[part] = None
            self._parts.move_to_end(part)
        self.weight += more
        while self.weight > self._most:
            oldest, _ = self._parts.popitem(last=False)
            self.weight -= oldest.weight
            del oldest.home[oldest.number]


def weight_of(message: Message) -> int:
    """About how many bytes a message takes."""
    weight = MESSAGE_BYTES + getsizeof(message.text)
    if not (message.former or message.reactions):
        return weight
    return (
        weight
        + sum(FORMER_BYTES + getsizeof(former.text) for former in message.former)
        + sum(REACTION_BYTES + USER_BYTES * len(one.users) for one in message.reactions)
    )


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
            self.put(message)

    def put(self, message: Message) -> None:
        """Have a message at hand, as it is stored now."""
        number = message.seq // PART
        part = self._parts.get(number)
        if part is None:
            part = self._parts[number] = Part(self._parts, number)
        self._shelf.use(part, part.put(message))
