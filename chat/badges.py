"""How often people are mentioned in a room, by what its messages say now."""

from bisect import bisect_left, bisect_right, insort

# So many of the messages that mention somebody count, the last ones; each some 200 bytes.
MAX_NAMING = 1_000

# More than this on a badge is "many".
MAX_COUNTED = 100


class Badges:
    """Who is mentioned where in one room; an edit or a deletion moves it as a new message does."""

    __slots__ = ("_naming", "_places")

    def __init__(self) -> None:
        self._naming: dict[int, tuple[str, ...]] = {}
        self._places: dict[str, list[int]] = {}

    def __bool__(self) -> bool:
        return bool(self._naming)

    def note(self, seq: int, users: tuple[str, ...]) -> None:
        """Note whom a message mentions now."""
        before = self._naming.get(seq, ())
        if before == users:
            return
        for user in set(before).difference(users):
            self._forget(user, seq)
        for user in set(users).difference(before):
            insort(self._places.setdefault(user, []), seq)
        if not users:
            del self._naming[seq]
            return
        self._naming[seq] = users
        if len(self._naming) > MAX_NAMING:
            self.note(next(iter(self._naming)), ())

    def count(self, user: str, read: int) -> int:
        """How often somebody is mentioned behind what they have read."""
        places = self._places.get(user)
        return 0 if places is None else min(len(places) - bisect_right(places, read), MAX_COUNTED)

    def _forget(self, user: str, seq: int) -> None:
        places = self._places[user]
        del places[bisect_left(places, seq)]
        if not places:
            del self._places[user]
