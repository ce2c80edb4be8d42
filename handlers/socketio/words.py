"""Between a dialect and the hub: an event encoded once for each framing of each dialect."""

from collections.abc import Iterable
from typing import Protocol

from chat.events import Event, Form, MessageStored
from handlers.socketio.framing import POLLING, WEBSOCKET, Framing


class Words(Protocol):
    """The words of a dialect, as far as the hub makes use of them."""

    name: str
    # What a message is kept under, as it was encoded for the first who was told of it, where all
    # others are told the same.
    kept_as: str | None

    def packets(self, event: Event, form: Form) -> Iterable[bytes]:
        """An event as packets (`42[…]`); none for what this kind of client is not told."""


class Framed:
    """The words of a dialect in one framing: what `chat/hub.py` encodes an event once for.

    Make one of each for every dialect (`framed(words)`), and let the `dialect` of an outbox be the
    one of its connection's framing, which changes when the connection upgrades:

        @property
        def dialect(self) -> Dialect:
            return self._dialects[self.connection.link.framing]
    """

    __slots__ = ("_kept_as", "framing", "words")

    names_people = True

    def __init__(self, words: Words, framing: Framing) -> None:
        self.words = words
        self.framing = framing
        self._kept_as = None if words.kept_as is None else f"{words.kept_as} {framing.name}"

    @property
    def is_alike(self) -> bool:
        """Whether all are told of a message the same."""
        return self._kept_as is not None

    @property
    def name(self) -> str:
        """What the dialect is called, whatever the framing."""
        return self.words.name

    def encode(self, event: Event, form: Form) -> bytes:
        """An event as finished bytes."""
        if self._kept_as is None or not isinstance(event, MessageStored):
            return self._encoded(event, form)
        data = event.forms.get(self._kept_as)
        if data is None:
            data = event.forms[self._kept_as] = self._encoded(event, form)
        return data

    def _encoded(self, event: Event, form: Form) -> bytes:
        text, data = self.framing.text, b""
        for packet in self.words.packets(event, form):  # one, nearly always
            data += text(packet)
        return data


def framed(words: Words) -> dict[Framing, Framed]:
    """The words of a dialect in every framing."""
    return {framing: Framed(words, framing) for framing in (WEBSOCKET, POLLING)}
