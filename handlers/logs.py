"""Log lines: one line each whatever is in them, with the id of the request they belong to."""

import codecs
import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

# The request that is being answered; every task has its own.
request_id: ContextVar[str] = ContextVar("request_id", default="-")

access_log = logging.getLogger("hubbub.access")

# Query fields that must not end up in a log: old clients put their token there.
_SECRET_FIELDS = frozenset({"token", "access_token", "auth", "signature", "password"})


# Found now: the first use would import a module, which fails when no file can be opened any more.
_escape = codecs.getencoder("unicode_escape")


class TextFormatter(logging.Formatter):
    """A line for people."""

    def format(self, record: logging.LogRecord) -> str:
        """Put a record on one line, and its traceback on indented ones."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        text = f"{time} {record.levelname} {request_id.get()} {record.name}: {record.getMessage()}"
        lines = [escaped(text)]
        if record.exc_info:
            trace = self.formatException(record.exc_info).split("\n")
            lines += [f"    {escaped(line)}" for line in trace]
        return "\n".join(lines)


class JsonFormatter(logging.Formatter):
    """A line for machines."""

    def format(self, record: logging.LogRecord) -> str:
        """Put a record into one JSON object."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "request_id": request_id.get(),
            "message": record.getMessage(),
        }
        entry |= getattr(record, "fields", {})
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        # In ASCII, for there are line ends beyond it, and direction overrides.
        return json.dumps(entry)


def escaped(text: str) -> str:
    """Write control characters as escapes, line ends included."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == " " else _escape(c)[0].decode() for c in text)


def safe_path(uri: str) -> str:
    """The path and query of a request, without the secrets that a query may carry."""
    # Taken apart as Tornado does it; urlsplit raises on some of what a client may send.
    path, _, query = uri.partition("#")[0].partition("?")
    if not query:
        return path
    fields = [
        (name, "***" if name.lower() in _SECRET_FIELDS else value)
        for name, value in parse_qsl(query, keep_blank_values=True)
    ]
    return f"{path}?{urlencode(fields, safe='*')}"


def configure(level: str, form: str) -> None:
    """Send every log line of the process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Tornado notes every refused request; our own access log says so already.
    logging.getLogger("tornado.access").setLevel(logging.ERROR)
    logging.getLogger("pymongo").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
