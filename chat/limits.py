"""Token buckets: how often somebody may do something."""

import time
from collections import OrderedDict
from collections.abc import Callable
from math import ceil

from msgspec import Struct

from chat.errors import TooMany

# A bucket is some 300 bytes, so all of them together take at most 30 MB. Beyond this number the one
# that was used longest ago is forgotten, which is to say filled: an attacker who owns this many
# addresses is not held back by limits per address.
MAX_BUCKETS = 100_000


class Rule(Struct, frozen=True):
    """So many at once, and then so many a second."""

    name: str
    burst: float
    per_second: float


class Bucket(Struct):
    """What is left of a burst, and when that was so."""

    left: float
    at: float


class Limits:
    """All buckets. Switched off, it lets everything pass."""

    def __init__(
        self, *, enabled: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._enabled = enabled
        self._clock = clock
        self._buckets: OrderedDict[tuple[str, str], Bucket] = OrderedDict()

    def take(self, rule: Rule, key: str) -> None:
        """Take one from a bucket, or refuse with the time until there is one again."""
        if not self._enabled:
            return
        bucket = self._filled(rule, key)
        if bucket.left < 1:
            wait = (1 - bucket.left) / rule.per_second
            raise TooMany(
                "rate_limited", "too many attempts; wait a moment", retry_after=ceil(wait)
            )
        bucket.left -= 1

    def left(self, rule: Rule, key: str) -> float | None:
        """What is left in a bucket; None where nothing is counted."""
        return self._filled(rule, key).left if self._enabled else None

    def give_back(self, rule: Rule, key: str) -> None:
        """Return what was taken for something that turned out to be harmless."""
        if not self._enabled:
            return
        bucket = self._filled(rule, key)
        bucket.left = min(rule.burst, bucket.left + 1)

    def _filled(self, rule: Rule, key: str) -> Bucket:
        now = self._clock()
        bucket = self._buckets.get((rule.name, key))
        if bucket is None:
            bucket = self._buckets[rule.name, key] = Bucket(rule.burst, now)
            if len(self._buckets) > MAX_BUCKETS:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end((rule.name, key))
            bucket.left = min(rule.burst, bucket.left + (now - bucket.at) * rule.per_second)
            bucket.at = now
        return bucket
