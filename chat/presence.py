"""Who is online: whoever has at least one socket open."""

from collections import Counter


class Presence:
    """Counts sockets per user. It begins empty, so nobody is online after a crash."""

    def __init__(self) -> None:
        self._sockets: Counter[str] = Counter()

    def connect(self, user_id: str) -> bool:
        """Count a socket; tell whether it is the user's first."""
        self._sockets[user_id] += 1
        return self._sockets[user_id] == 1

    def disconnect(self, user_id: str) -> bool:
        """Count a socket out; tell whether it was the user's last."""
        self._sockets[user_id] -= 1
        if self._sockets[user_id] > 0:
            return False
        del self._sockets[user_id]
        return True

    def is_online(self, user_id: str) -> bool:
        """Tell whether a user has a socket."""
        return user_id in self._sockets
