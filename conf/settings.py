"""Every setting of Hubbub: one typed list, with a default and a line of documentation each.

defaults ← `.env` ← environment ← command line. `.env.example` and `docs/settings.md` are written
from the list by `make docs`, and a test holds them to it.
"""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from conf import kinds

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)

# In quotes or bare, and then perhaps a comment, behind a space: a URI may well hold a bare #.
_VALUE = re.compile(
    r"""(?:\s*(?P<quote>["'])(?P<quoted>.*?)(?P=quote)|(?P<bare>(?!\s*["']).*?))(?:\s+#.*|\s*)""",
    re.ASCII,
)


# What runs when it is opened, on one system or another, or in a browser.
DEFAULT_REFUSED = (
    "text/html",
    "image/svg+xml",
    "application/x-executable",
    *("html", "htm", "xhtml", "svg", "exe", "msi", "dll", "scr", "com", "bat", "cmd", "ps1"),
    *("vbs", "jar", "lnk"),
)


class SettingsError(Exception):
    """A setting that cannot be used; the text is one line for the person who set it."""


def option(
    default: object,
    doc: str,
    kind: Callable[[str], object],
    *,
    shown: str | None = None,
    aliases: tuple[str, ...] = (),
) -> Any:
    """Declare a setting: its default, its line of documentation, and how its text is read."""
    metadata = {"doc": doc, "kind": kind, "shown": shown, "aliases": aliases}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The values that a server runs with."""

    host: str = option("127.0.0.1", "Address to listen on.", kinds.host)
    port: int = option(5000, "Port to listen on; 0 takes a free one.", kinds.integer(0, 65535))
    data_dir: Path = option(
        Path("data"), "Folder of the embedded store and of the generated secret.", kinds.path
    )
    upload_dir: Path = option(Path("uploads"), "Folder of uploaded files.", kinds.path)
    mongodb_uri: str = option(
        "",
        "MongoDB to keep everything in; without it, an embedded SQLite file.",
        kinds.mongodb_uri,
        aliases=("MONGODB_URL",),
    )
    mongodb_wait: float = option(
        30.0, "How long a start waits for a MongoDB that is not there.", kinds.duration, shown="30s"
    )
    store_timeout: float = option(
        4.0, "How long one call to MongoDB may take.", kinds.timeout, shown="4s"
    )
    jwt_secret: str = option(
        "",
        "Key that signs tokens, at least 32 bytes; without it, one is made in DATA_DIR.",
        kinds.secret,
    )
    token_ttl: float = option(
        7 * 86400.0, "How long a login lasts.", kinds.positive_duration, shown="7d"
    )
    idempotency_ttl: float = option(
        7 * 86400.0,
        "How long the answer to an Idempotency-Key is kept.",
        kinds.positive_duration,
        shown="7d",
    )
    idempotency_keys: int = option(
        10_000, "Answers that are kept for a person, or an address.", kinds.integer(1, 10_000_000)
    )
    client_url: tuple[str, ...] = option(
        (),
        "Origins of pages that may call from elsewhere, comma-separated; * for any.",
        kinds.origins,
        shown="",
    )
    trusted_proxies: tuple[kinds.Network, ...] = option(
        (),
        "Addresses or networks whose X-Forwarded-For and -Proto are believed, comma-separated.",
        kinds.networks,
        shown="",
    )
    open_mode: bool = option(
        False, "Let clients without authentication in by their bare names.", kinds.switch
    )
    open_mode_public: bool = option(
        False, "Let OPEN_MODE be on where others than this machine can reach it.", kinds.switch
    )
    bcrypt_rounds: int = option(
        12, "Cost of a password hash; each step doubles it.", kinds.integer(4, 20)
    )
    password_min: int = option(
        8, "Characters that a password must have at least.", kinds.integer(1, 72)
    )
    rate_limits: bool = option(
        True, "Limits on rates and on sockets; off for benchmarks alone.", kinds.switch
    )
    presence_grace: float = option(
        5.0,
        "How long a user without a socket still counts as online.",
        kinds.duration,
        shown="5s",
    )
    members_per_room: int = option(
        10_000, "People who may be in a room.", kinds.integer(2, 1_000_000)
    )
    rooms_per_user: int = option(2_000, "Rooms that a person may be in.", kinds.integer(1, 100_000))
    edit_window: float = option(
        0.0, "How long a message may be edited; 0 for ever.", kinds.duration, shown="0"
    )
    sockets_per_user: int = option(
        20, "Sockets that a person may have open.", kinds.integer(1, 1_000_000)
    )
    sockets_per_address: int = option(
        200, "Sockets that an address may have open.", kinds.integer(1, 1_000_000)
    )
    sockets_unauthenticated: int = option(
        1_000, "Sockets that may be open before anybody has logged in.", kinds.integer(1, 1_000_000)
    )
    message_rate: int = option(
        20, "Messages a second that a person may send.", kinds.integer(1, 1_000_000)
    )
    message_burst: int = option(
        40, "Messages that a person may send at once.", kinds.integer(1, 1_000_000)
    )
    command_rate: int = option(
        50, "Other commands a second that a person may send.", kinds.integer(1, 1_000_000)
    )
    command_burst: int = option(
        100, "Other commands that a person may send at once.", kinds.integer(1, 1_000_000)
    )
    frame_limit: int = option(
        64 * 1024, "Bytes that a frame may have.", kinds.integer(1024, 16 * 1024 * 1024)
    )
    socket_backlog: int = option(
        1024 * 1024,
        "Bytes that may wait for a slow socket before it is cut.",
        kinds.integer(64 * 1024, 256 * 1024 * 1024),
    )
    authentication_timeout: float = option(
        10.0,
        "How long a socket may be open before somebody logs in.",
        kinds.positive_duration,
        shown="10s",
    )
    journal_queue: int = option(
        8000, "Messages that may wait to be stored.", kinds.integer(100, 1_000_000)
    )
    body_limit: int = option(
        64 * 1024, "Bytes that a JSON body may have.", kinds.integer(1024, 16 * 1024 * 1024)
    )
    body_timeout: float = option(
        20.0, "How long a JSON body may take to arrive.", kinds.positive_duration, shown="20s"
    )
    metrics_token: str = option(
        "",
        "Token that may read /metrics from anywhere; without it, only this host may.",
        kinds.token,
    )
    public_url: str = option(
        "",
        "Address of this server as clients see it, put before links; without it, links are paths.",
        kinds.web_address,
    )
    image_limit: int = option(
        5 * 1024 * 1024,
        "Bytes that an uploaded image may have.",
        kinds.integer(1024, 256 * 1024 * 1024),
    )
    image_pixels: int = option(
        50_000_000, "Pixels that an image may have.", kinds.integer(1_000, 400_000_000)
    )
    image_frames: int = option(
        1_000, "Frames that an animated image may have.", kinds.integer(1, 100_000)
    )
    image_workers: int = option(1, "Processes that work on images.", kinds.integer(1, 64))
    upload_limit: int = option(
        25 * 1024 * 1024,
        "Bytes that any other upload may have.",
        kinds.integer(1024, 1024 * 1024 * 1024 * 1024),
    )
    upload_quota: int = option(
        1024 * 1024 * 1024,
        "Bytes that a person may keep in uploads.",
        kinds.integer(1024, 1024 * 1024 * 1024 * 1024 * 1024),
    )
    uploads_per_minute: int = option(
        30, "Uploads a minute that a person may send.", kinds.integer(1, 1_000_000)
    )
    upload_timeout: float = option(
        900.0, "How long one upload may take to arrive.", kinds.positive_duration, shown="15m"
    )
    refused_types: tuple[str, ...] = option(
        DEFAULT_REFUSED,
        "Uploads that are refused: types by content, and endings of names; comma-separated.",
        kinds.media_types,
        shown=",".join(DEFAULT_REFUSED),
    )
    resumable_ttl: float = option(
        86400.0,
        "How long a resumable upload may be continued.",
        kinds.positive_duration,
        shown="24h",
    )
    link_ttl: float = option(
        86400.0, "How long a signed link to an upload works.", kinds.positive_duration, shown="24h"
    )
    log_level: str = option(
        "info", "Least level that is logged.", kinds.choice("debug", "info", "warning", "error")
    )
    log_format: str = option("text", "Form of a log line.", kinds.choice("text", "json"))


def load(
    flags: Mapping[str, str], environment: Mapping[str, str], env_file: Path | None = None
) -> Settings:
    """Settle every setting: flags before environment before file before default."""
    from_file = read_env_file(env_file) if env_file is not None and env_file.is_file() else {}
    values: dict[str, Any] = {}
    for item in fields(Settings):
        # An empty value means "as if it were not there", as templates of `.env` files have it.
        for source in (flags, environment, from_file):
            name = next((name for name in names_of(item) if source.get(name, "") != ""), None)
            if name is not None:
                values[item.name] = _parsed(item, name, source[name])
                break
    settings = Settings(**values)
    if settings.open_mode and not (settings.open_mode_public or kinds.is_loopback(settings.host)):
        raise SettingsError(
            f"OPEN_MODE: anybody could be anybody at {settings.host}, where others can reach this "
            "server; HOST=127.0.0.1 keeps it to this machine, OPEN_MODE_PUBLIC=on means it"
        )
    return settings


def read_env_file(path: Path) -> dict[str, str]:
    """Read the NAME=value lines of a file; a name that is no setting is refused.

    Written here rather than taken from python-dotenv, which drops a line that it does not
    understand and keeps no line numbers: a mistyped JWT_SECRET must not go unnoticed.
    """
    known = {name for item in fields(Settings) for name in names_of(item)}
    values = {}
    for number, line in enumerate(_text(path).splitlines(), start=1):
        text = line.strip().removeprefix("export ")
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        name = name.strip()
        # What is no name is not repeated: it may be a URI, or the rest of one.
        if not equals or not _NAME.fullmatch(name):
            raise SettingsError(f"{path}:{number}: expected NAME=value")
        if name not in known:
            raise SettingsError(f"{path}:{number}: unknown setting {name}{_nearest(name, known)}")
        found = _VALUE.fullmatch(value)
        if found is None:
            raise SettingsError(f"{path}:{number}: the value of {name} does not end with its quote")
        values[name] = found["quoted"] if found["quote"] else found["bare"].strip()
    return values


def flag_name(item: Field[Any]) -> str:
    """The command-line flag of a setting."""
    return "--" + item.name.replace("_", "-")


def shown_default(item: Field[Any]) -> str:
    """A default as a person would write it."""
    if item.metadata["shown"] is not None:
        return str(item.metadata["shown"])
    if isinstance(item.default, bool):
        return "on" if item.default else "off"
    return str(item.default)


def names_of(item: Field[Any]) -> tuple[str, ...]:
    """The names that a setting goes by in the environment."""
    return (item.name.upper(), *item.metadata["aliases"])


def _parsed(item: Field[Any], name: str, text: str) -> object:
    try:
        return item.metadata["kind"](text)
    except ValueError as error:
        raise SettingsError(f"{name}: {error}") from None


def _nearest(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name.upper(), known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _text(path: Path) -> str:
    try:
        # Some editors begin a file with a byte order mark.
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError(f"{path}: is not UTF-8") from None
