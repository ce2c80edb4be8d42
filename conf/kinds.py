"""How the text of a setting becomes a value; a ValueError says in one line what is wrong."""

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

SECRET_BYTES = 32
TOKEN_LENGTH = 16

# Words of tutorials and templates, whose keys anyone could sign tokens with. A random key holds one
# of them once in ten million times.
_SAMPLE_SECRET = re.compile(
    r"your|(super|string)secret|secretkey|example|change(me|this|it|in)|replace(me|this|it|in)"
    r"|password|12345678|abcdefgh"
)
# Anything else in a host (a wildcard, a letter that is not ASCII) no browser ever sends.
_HOST = re.compile(r"[a-z0-9.-]+|\[[0-9a-f:.]+\]", re.ASCII)
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+|\.?[a-z0-9]{1,16}", re.ASCII)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)", re.ASCII)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_MANY_YEARS = 3650 * 86400


def host(value: str) -> str:
    """An address or the name of a host."""
    try:
        # As a look-up does first, whose errors would end the start with a traceback.
        value.encode("idna")
        usable = value.isprintable()
    except UnicodeError:
        usable = False
    if not usable:
        raise ValueError(f"expected an address or a host name, not {value!r}")
    return value


def is_loopback(value: str) -> bool:
    """Tell whether an address, or the name of a host, is that of this machine alone."""
    if value.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(value.strip("[]")).is_loopback
    except ValueError:
        return False


def path(value: str) -> Path:
    """A file or folder."""
    if "\0" in value:
        raise ValueError(f"a path holds no NUL: {value!r}")
    try:
        return Path(value).expanduser()
    except RuntimeError:
        raise ValueError(f"there is no such home folder: {value!r}") from None


def integer(least: int, most: int) -> Callable[[str], int]:
    """A whole number within bounds."""

    def parse(value: str) -> int:
        # int() would also take "1_000" and the digits of other scripts.
        if not re.fullmatch(r"-?[0-9]{1,18}", value.strip()):
            raise ValueError(f"expected a whole number, not {value!r}")
        number = int(value)
        if not least <= number <= most:
            raise ValueError(f"must be from {least} to {most}, not {number}")
        return number

    return parse


def switch(value: str) -> bool:
    """On or off."""
    match value.strip().lower():
        case "on" | "true" | "yes" | "1":
            return True
        case "off" | "false" | "no" | "0":
            return False
    raise ValueError(f"expected on or off, not {value!r}")


def duration(value: str) -> float:
    """Seconds, or a number with a unit."""
    found = _DURATION.fullmatch(value.strip().lower())
    if found is None:
        raise ValueError(f"expected a duration such as 90, 30s, 15m, 12h or 7d, not {value!r}")
    seconds = float(found[1]) * _SECONDS[found[2]]
    if seconds > _MANY_YEARS:
        raise ValueError(f"must be at most ten years, not {value!r}")
    return seconds


def positive_duration(value: str) -> float:
    """A duration of a second at least."""
    seconds = duration(value)
    if seconds < 1:
        raise ValueError(f"must be at least one second, not {value!r}")
    return seconds


def timeout(value: str) -> float:
    """A duration that ends, and not before it has begun."""
    seconds = duration(value)
    if seconds <= 0:
        raise ValueError(f"must be more than zero, not {value!r}")
    return seconds


def choice(*words: str) -> Callable[[str], str]:
    """One of some words, in any case."""

    def parse(value: str) -> str:
        word = value.strip().lower()
        if word not in words:
            raise ValueError(f"must be one of {', '.join(words)}, not {value!r}")
        return word

    return parse


def secret(value: str) -> str:
    """A key that nobody can guess; the refusal never repeats it."""
    if len(value.encode()) < SECRET_BYTES:
        raise ValueError(f"must have at least {SECRET_BYTES} bytes")
    plain = re.sub(r"[^a-z0-9]", "", value.lower())
    if _SAMPLE_SECRET.search(plain) or len(set(value)) < 8:
        raise ValueError("is a sample; make your own, for example with: openssl rand -hex 32")
    return value


def token(value: str) -> str:
    """A text that nobody can guess and that fits into a header; the refusal never repeats it."""
    if len(value) < TOKEN_LENGTH or not re.fullmatch(r"[!-~]+", value, re.ASCII):
        raise ValueError(f"must have at least {TOKEN_LENGTH} visible ASCII characters")
    return value


def mongodb_uri(value: str) -> str:
    """The address of a MongoDB; the refusal never repeats it, for it may hold a password."""
    if not value.startswith(("mongodb://", "mongodb+srv://")):
        raise ValueError("must begin with mongodb:// or mongodb+srv://")
    return value


def web_address(value: str) -> str:
    """The address of a server, perhaps with a path; without a slash at its end."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"expected an address such as https://chat.example.com, not {value!r}")
    return value.rstrip("/")


def media_types(value: str) -> tuple[str, ...]:
    """A list of types of files, or of endings of their names; the word none for an empty one."""
    words = tuple(part.lower() for part in _parts(value))
    if words == ("none",):
        return ()
    for word in words:
        if not _MEDIA_TYPE.fullmatch(word):
            raise ValueError(
                f"expected types such as text/html, or endings such as exe, not {word!r}"
            )
    return words


def origins(value: str) -> tuple[str, ...]:
    """A list of origins, each as a browser would send it, or * for any."""
    return tuple(_origin(part) for part in _parts(value))


def networks(value: str) -> tuple[Network, ...]:
    """A list of addresses or networks."""
    try:
        return tuple(ipaddress.ip_network(part) for part in _parts(value))
    except ValueError:
        raise ValueError(f"expected addresses or networks, not {value!r}") from None


def _parts(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def _origin(value: str) -> str:
    if value == "*":
        return value
    parts = urlsplit(value)
    # A browser leaves a default port out of the origin, and people leave it in.
    default = {"http": 80, "https": 443}.get(parts.scheme)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    extra = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if default is None or extra or not _HOST.fullmatch(host):
        raise ValueError(f"expected an origin such as https://chat.example.com, not {value!r}")
    port = "" if parts.port in (None, default) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"
