"""An Engine.IO application that says back what it hears: `python -m tests.engineio_echo`.

The public test suite of the protocol can be pointed at it.
"""

import asyncio

from tornado.web import Application as WebApplication

from handlers.origins import ANY, Origins
from handlers.socketio.carriers import Carrier, Handshake
from handlers.socketio.engine import Limits
from handlers.socketio.framing import MESSAGE, Packet
from handlers.socketio.sessions import Sessions
from handlers.socketio.transports import Edge, routes
from handlers.sockets import Closing
from tests.socketio_echo import LIMITS, serve


class Echo:
    """Says back what one session says."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    def receive(self, message: Packet) -> None:
        """Say it back."""
        framing = self._carrier.framing
        if isinstance(message, bytes):
            self._carrier.send(framing.binary(message))
        else:
            self._carrier.send(framing.text((MESSAGE + message).encode()))

    def closed(self, closing: Closing) -> None:
        """Do nothing more."""


class Echoes:
    """Lets everybody have an echo."""

    def admit(self, address_key: str, handshake: Handshake) -> None:
        """Let everybody in."""

    def open(self, carrier: Carrier) -> Echo:
        """Make an echo."""
        return Echo(carrier)


def make_application(limits: Limits = LIMITS) -> tuple[WebApplication, Sessions]:
    """Make an application that serves this on /engine.io/."""
    sessions = Sessions(Echoes(), limits)
    return WebApplication(routes("/engine.io/", Edge(sessions, Origins((ANY,))))), sessions


if __name__ == "__main__":
    asyncio.run(serve(make_application()[0]))
