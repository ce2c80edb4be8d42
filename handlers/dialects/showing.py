"""What messages show, for clients of dialects, which know texts and links alone.

Their pages are from elsewhere, so a link must be whole: it begins with the address by which the
client has come, unless the server was told its own.
"""

import re
from collections.abc import Mapping

from msgspec.structs import replace

from chat.attachments import Shown
from chat.conversations import Line

_HOST = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}", re.ASCII)


def base_of(headers: Mapping[str, str]) -> str:
    """The address by which a client has come; nothing where that makes no sense.

    A Host that somebody made up is in the links that they themselves are told, and in no others.
    """
    host = headers.get("Host", "")
    if not _HOST.fullmatch(host):
        return ""
    scheme = "https" if headers.get("X-Forwarded-Proto") == "https" else "http"
    return f"{scheme}://{host}"


def based(shown: tuple[Shown, ...], base: str) -> tuple[Shown, ...]:
    """What a message shows, by links that are whole."""
    return tuple(
        replace(one, url=base + one.url) if one.url.startswith("/") else one for one in shown
    )


def whole(line: Line, base: str) -> Line:
    """A line whose links are whole."""
    return replace(line, shown=based(line.shown, base)) if line.shown else line
