"""Between a dialect and the hub: an event encoded once for each framing of each dialect."""

from collections.abc import Iterable
from typing import Protocol

from chat.events import Event, Form
from handlers.socketio.framing import POLLING, WEBSOCKET, Framing


class Words(Protocol):
    """The words of a dialect, as far as the hub makes use of them."""

    name: str

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

    __slots__ = ("framing", "words")

    names_people = True

    def __init__(self, words: Words, framing: Framing) -> None:
        self.words = words
        self.framing = framing

    @property
    def name(self) -> str:
        """What the dialect is called, whatever the framing."""
        return self.words.name

    def encode(self, event: Event, form: Form) -> bytes:
        """An event as finished bytes."""
        text = self.framing.text
        return b"".join([text(packet) for packet in self.words.packets(event, form)])


def framed(words: Words) -> dict[Framing, Framed]:
    """The words of a dialect in every framing."""
    return {framing: Framed(words, framing) for framing in (WEBSOCKET, POLLING)}
