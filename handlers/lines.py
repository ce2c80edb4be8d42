"""The handler of those who read what two have said, as the clients of dialects show it."""

from collections.abc import Iterable

from chat.conversations import Line
from handlers.base import JsonHandler
from handlers.dialects.showing import base_of, whole


class LinesHandler(JsonHandler):
    """A handler that shows lines."""

    def whole(self, lines: Iterable[Line]) -> list[Line]:
        """Lines whose links work wherever they are shown."""
        base = base_of(self.headers)
        return [whole(line, base) for line in lines]
