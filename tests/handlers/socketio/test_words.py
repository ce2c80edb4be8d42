"""An event is encoded once for each framing of a dialect, and reaches both kinds of clients."""

from collections.abc import Iterable

from chat.events import Event, Form, TypingStarted
from chat.hub import Hub
from handlers.socketio import packets
from handlers.socketio.framing import POLLING, WEBSOCKET, Framing
from handlers.socketio.words import Framed, framed


class Typing:
    """The words of clients that know of typing alone."""

    name = "T"
    kept_as = None

    def __init__(self) -> None:
        self.encoded = 0

    def packets(self, event: Event, form: Form) -> Iterable[bytes]:
        if not isinstance(event, TypingStarted):
            return ()
        self.encoded += 1
        return packets.event("typing", event.name), packets.event("room", event.room)


class Box:
    """A connection of somebody."""

    def __init__(self, number: int, dialects: dict[Framing, Framed]) -> None:
        self.number = number
        self.user = f"user {number}"
        self.rooms = None
        self.held = None
        self.framing = POLLING
        self.sent = b""
        self._dialects = dialects

    @property
    def dialect(self) -> Framed:
        return self._dialects[self.framing]

    def send(self, data: bytes) -> None:
        self.sent += data


def test_once_for_each_framing() -> None:
    words, hub = Typing(), Hub()
    dialects = framed(words)
    boxes = [Box(number, dialects) for number in range(4)]
    for box in boxes:
        hub.connect(box)
    boxes[0].framing = boxes[1].framing = WEBSOCKET
    hub.tell_all(TypingStarted(room="a", user="someone", name="Ann"))
    assert words.encoded == 2
    assert {box.sent for box in boxes[:2]} == {b'\x81\x1242["typing","Ann"]\x81\x0e42["room","a"]'}
    assert {box.sent for box in boxes[2:]} == {b'42["typing","Ann"]\x1e42["room","a"]\x1e'}


def test_what_a_client_does_not_know_is_nothing() -> None:
    assert framed(Typing())[WEBSOCKET].name == "T"
    assert framed(Typing())[WEBSOCKET].encode(None, "others") == b""  # type: ignore[arg-type]
