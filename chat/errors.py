"""Why a command is refused: one tree, with stable codes that clients may rely on.

    Refusal
    ├── Invalid          the command makes no sense as it is
    ├── Unauthenticated  nobody, or nobody any more, is behind it
    ├── Forbidden        somebody is, but may not
    ├── NotFound         what it speaks of is not there, or is none of their business
    ├── Conflict         it does not fit what is there already
    ├── Mismatched       its key came with another command before
    ├── TooLarge         it is more than fits
    ├── UnsupportedType  it is in a form that is not taken here
    ├── TooMany          not now: `retry_after` seconds from now
    └── Busy             the server cannot now: `retry_after` seconds from now

Each edge maps the classes once: to a status, to an `ERROR` frame, to a Socket.IO error.
"""

from collections.abc import Mapping


class Refusal(Exception):
    """A command was refused, and nothing has happened."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retry_after: float | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after = retry_after
        self.details = details


class Invalid(Refusal):
    """The command makes no sense as it is."""


class Unauthenticated(Refusal):
    """The command came from nobody that is known."""


class Forbidden(Refusal):
    """Whoever sent the command may not do this."""


class NotFound(Refusal):
    """What the command speaks of does not exist for whoever sent it."""


class Conflict(Refusal):
    """The command does not fit what is there already."""


class Mismatched(Refusal):
    """The command comes with a key that stands for another one."""


class TooLarge(Refusal):
    """The command is more than fits."""


class UnsupportedType(Refusal):
    """The command, or what comes with it, is in a form that is not taken here."""


class TooMany(Refusal):
    """Whoever sent the command must wait."""


class Busy(Refusal):
    """The server has too much to do, or its store does not answer."""
