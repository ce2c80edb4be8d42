"""Who sent the last messages of a room: receipts go to them, and nobody keeps more than that."""

from collections import deque

# Receipts go to the senders of the messages that a mark has passed.
MAX_SENDERS = 256


class Senders:
    """The senders of messages that lie side by side, by `seq`; a gap forgets what is before it."""

    __slots__ = ("_first", "_most", "_users")

    def __init__(self, most: int = MAX_SENDERS) -> None:
        self._most = most
        self._first = 0
        # As an ordered dict, 256 of them are 29 KiB; so they are 3.
        self._users: deque[str] = deque()

    def note(self, seq: int, user: str) -> str | None:
        """Keep in mind who sent the last message; whose is `most` before it is forgotten by that.

        Returns who that was.
        """
        users = self._users
        if seq != self._first + len(users):
            users.clear()
            self._first = seq
        users.append(user)
        if len(users) <= self._most:
            return None
        self._first += 1
        return users.popleft()

    def last_of(self, user: str) -> int:
        """The last message of somebody, as far as they are remembered; else 0."""
        for back, one in enumerate(reversed(self._users), start=1):
            if one == user:
                return self._first + len(self._users) - back
        return 0

    def between(self, after: int, upto: int) -> set[str] | None:
        """Who sent the messages behind one `seq` up to another; None where nobody remembers."""
        if upto <= after:
            return set()
        if not self._remembers(after, upto):
            return None
        return {self._users[seq - self._first] for seq in range(after + 1, upto + 1)}

    def is_alone(self, user: str, after: int, upto: int) -> bool:
        """Whether it is known that somebody sent all that lies between, if anything does."""
        if upto <= after:
            return True
        if not self._remembers(after, upto):
            return False
        # With every message between two: a set of them all takes three times as long.
        for seq in range(after + 1, upto + 1):  # noqa: SIM110
            if self._users[seq - self._first] != user:
                return False
        return True

    def _remembers(self, after: int, upto: int) -> bool:
        return self._first <= after + 1 and upto < self._first + len(self._users)
