"""Who is called by name in a text."""

import re
from collections.abc import Iterable

from models.records import User, folded

# Everybody's message is read by all, so nobody's may call more people than this.
MAX_MENTIONS = 20

_MENTION = re.compile(r"(?<![\w@])@([A-Za-z0-9_.-]{3,})", re.ASCII)

_LONGEST_NAME = 30
_SHORTEST_NAME = 3


class Mentions:
    """The names behind each `@` of a text, the likeliest first."""

    def __init__(self, text: str) -> None:
        mentions = sorted(set(_MENTION.findall(text)))[:MAX_MENTIONS]
        self._meanings = [_meanings(mention) for mention in mentions]

    @property
    def names(self) -> list[str]:
        """All names that may be meant."""
        return [name for names in self._meanings for name in names]

    def called(self, users: Iterable[User]) -> tuple[str, ...]:
        """Those of some users who are meant."""
        there = {folded(user.name): user.id for user in users}
        called = set()
        for names in self._meanings:
            called.update([there[folded(name)] for name in names if folded(name) in there][:1])
        return tuple(sorted(called))


def _meanings(mention: str) -> list[str]:
    """A name may end in dots and dashes, and so may the sentence behind it: longer ones first."""
    names = {mention, mention.rstrip(".-")}
    if len(names) > 1:
        names.add(mention[:-1])
    return sorted(
        (name for name in names if _SHORTEST_NAME <= len(name) <= _LONGEST_NAME),
        key=len,
        reverse=True,
    )
