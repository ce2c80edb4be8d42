"""The first frame of a socket, which tells what kind of client it is."""

from chat.commands import Command
from chat.errors import Invalid, Unauthenticated
from handlers.dialects.authenticate import Authenticate
from handlers.dialects.native import Native
from handlers.dialects.words import Auth, Frame, Reader, Words, type_of


class Authentication(Auth, frozen=True):
    """AUTHENTICATE, which is AUTH in the words of another client."""


FIRST: dict[str, type[Command]] = {"AUTH": Auth, "AUTHENTICATE": Authentication}

NATIVE: Words = Native()
AUTHENTICATE: Words = Authenticate()

_reader = Reader(FIRST)


def first_frame(text: str) -> tuple[Frame, Words]:
    """Read the first frame, and find the words that go with it."""
    try:
        frame = _reader.read(text)
    except Invalid as refusal:
        if type_of(text) in FIRST:
            raise
        NATIVE.decode(text)  # refuses what makes no sense at all
        raise Unauthenticated("not_authenticated", "the first frame is AUTH") from refusal
    return frame, AUTHENTICATE if isinstance(frame.payload, Authentication) else NATIVE
