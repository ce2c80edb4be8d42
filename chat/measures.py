"""What the core counts while it works: plain numbers, read by whoever wants to know."""

from bisect import bisect_left
from collections.abc import Sequence

# In steps of about three, from a write to a fast disk to a store that has to be asked again.
SECONDS = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
SIZES = (1, 3, 10, 30, 100, 300, 1000)


class Distribution:
    """How often something was at most how much. Noting takes half a microsecond."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        # The last one is for whatever lies beyond the bounds.
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def note(self, value: float) -> None:
        """Count one more."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Measures:
    """The numbers of one server's core."""

    def __init__(self) -> None:
        self.messages = 0
        # At most so many messages are stored whose words are not in the index yet.
        self.left = 0
        self.commit_seconds = Distribution(SECONDS)
        self.commit_writes = Distribution(SIZES)
        self.telling_seconds = Distribution(SECONDS)

    def note_left(self, messages: int) -> None:
        """Count messages whose words are left for later."""
        self.left += messages
