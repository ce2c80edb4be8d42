"""An echo over Hubbub's reader and writer of frames, with nothing of Hubbub above them."""

import asyncio
import os
import sys

import uvloop
from tornado.httpserver import HTTPServer
from tornado.web import Application
from tornado.websocket import WebSocketHandler

from handlers.frames import FastProtocol, protocol_of, text_frame

FRAME_BYTES = 64 * 1024
WAITING_BYTES = 1024 * 1024

# Hubbub writes so to a socket that waits for an answer, and at once to all others.
GATHER = "gather" in sys.argv[1:]


class Echo(WebSocketHandler):
    """Sends back every text that it gets."""

    def get_websocket_protocol(self) -> FastProtocol:
        """Put the fast reader and writer under the socket."""
        self._protocol = protocol_of(self, max_message=FRAME_BYTES, max_waiting=WAITING_BYTES)
        return self._protocol

    def open(self, *_: str, **__: str) -> None:
        """Send at once what is to be sent."""
        self.set_nodelay(True)

    def on_message(self, message: str | bytes) -> None:
        """Send it back."""
        assert isinstance(message, str)
        frame = text_frame(message.encode())
        if GATHER:
            self._protocol.write_soon(frame, self.close)
        else:
            self._protocol.write_frames(frame)


async def serve() -> None:
    """Serve until killed."""
    server = HTTPServer(Application([("/", Echo)]))
    server.listen(int(os.environ["PORT"]), "127.0.0.1")
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve())
