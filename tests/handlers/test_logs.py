"""Log lines: one each, whatever is in them."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest

from handlers.logs import JsonFormatter, TextFormatter, configure, escaped, request_id, safe_path

# Ends of lines, as one reader or another sees them, and what moves or hides text on a terminal.
FORGERIES = [
    "\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029",
    "\0", "\b", "\x1b[2K", "\x9b2K", "\u202e", "\u2066", "\u200b", "\ufeff",
]  # fmt: skip

SECRET = "hunter2"


def record(message: str, *arguments: object, exc_info: object = None) -> logging.LogRecord:
    made = logging.LogRecord("hubbub.test", logging.INFO, "", 0, message, arguments, None)
    made.created = 1_700_000_000.25
    made.exc_info = exc_info  # type: ignore[assignment]
    return made


def record_of(error: Exception) -> logging.LogRecord:
    try:
        raise error
    except type(error):
        return record("it broke", exc_info=sys.exc_info())


def test_an_escape_is_written_when_no_file_can_be_opened_any_more() -> None:
    # In a process of its own, which has not imported what the first escape would need.
    script = """if True:
        import resource
        from handlers.logs import escaped
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
        print(escaped("a" + chr(27)))
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("a\\x1b\n", "")


@pytest.fixture
def named_request() -> Iterator[None]:
    token = request_id.set("my-call")
    yield
    request_id.reset(token)


@pytest.fixture
def logging_restored() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in ("", "tornado.access", "pymongo", "asyncio")]
    levels, handlers = [logger.level for logger in loggers], list(loggers[0].handlers)
    yield
    loggers[0].handlers[:] = handlers
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def test_a_line_of_text_has_the_time_the_level_the_request_and_the_logger() -> None:
    line = TextFormatter().format(record("hello %s", "ann"))
    assert line == "2023-11-14T22:13:20.250+00:00 INFO - hubbub.test: hello ann"


@pytest.mark.usefixtures("named_request")
def test_a_line_names_the_request_it_belongs_to() -> None:
    assert " INFO my-call hubbub.test: " in TextFormatter().format(record("hello"))
    assert json.loads(JsonFormatter().format(record("hello")))["request_id"] == "my-call"


@pytest.mark.parametrize("forgery", FORGERIES, ids=ascii)
def test_nothing_in_a_message_makes_a_second_line(forgery: str) -> None:
    for formatter in (TextFormatter(), JsonFormatter()):
        line = formatter.format(record("hello %s", f"ann{forgery}2023 INFO - root: all is well"))
        assert len(line.splitlines()) == 1
        assert line.isprintable()


@pytest.mark.parametrize("forgery", FORGERIES, ids=ascii)
def test_nothing_in_an_exception_makes_a_line_that_is_not_indented(forgery: str) -> None:
    text = TextFormatter().format(record_of(ValueError(f"ann{forgery}2023 INFO - root: fine")))
    first, *trace = text.splitlines()
    assert first.endswith("it broke")
    assert trace[0] == "    Traceback (most recent call last):"
    assert all(line.startswith("    ") for line in trace)
    assert all(line.isprintable() for line in trace)


def test_a_line_of_json_keeps_every_character_of_a_message() -> None:
    message = "".join(FORGERIES) + 'Zoë 🦆 "quoted" \\ '
    entry = json.loads(JsonFormatter().format(record("%s", message)))
    assert entry == {
        "time": "2023-11-14T22:13:20.250+00:00",
        "level": "info",
        "logger": "hubbub.test",
        "request_id": "-",
        "message": message,
    }


def test_a_line_of_json_has_the_fields_of_its_record_and_its_exception() -> None:
    broken = record_of(ValueError("a\nb"))
    broken.fields = {"status": 500}
    line = JsonFormatter().format(broken)
    entry = json.loads(line)
    assert entry["status"] == 500
    assert entry["exception"].endswith("ValueError: a\nb")
    assert "\n" not in line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain text", "plain text"),
        ("Zoë 🦆", "Zoë 🦆"),
        ("a\nb", r"a\nb"),
        ("a\x1bb", r"a\x1bb"),
        ("a\x7fb", r"a\x7fb"),
        ("a\u2028b", r"a\u2028b"),
        ("a\U000e0001b", r"a\U000e0001b"),
        ("a\u00a0b", r"a\xa0b"),
        ("", ""),
    ],
)
def test_control_characters_are_written_as_escapes(text: str, line: str) -> None:
    assert escaped(text) == line


@pytest.mark.parametrize(
    "query",
    [
        f"token={SECRET}", f"TOKEN={SECRET}", f"Access_Token={SECRET}", f"auth={SECRET}",
        f"signature={SECRET}", f"password={SECRET}", f"a=1&token={SECRET}&b=2",
        f"token=&token={SECRET}", f"token=x&token={SECRET}", f"%74oken={SECRET}",
        f"a=1#token={SECRET}", f"&&token={SECRET}", f"token={SECRET}%00",
    ],
)  # fmt: skip
def test_a_secret_in_a_query_is_not_logged(query: str) -> None:
    path = safe_path(f"/socket.io/?{query}")
    assert path.startswith("/socket.io/")
    assert SECRET not in path


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("/api/users", "/api/users"),
        ("/api/users?", "/api/users"),
        ("/api/users?q=ann&limit=5", "/api/users?q=ann&limit=5"),
        ("/api/users?q=", "/api/users?q="),
        ("/a?token=x&q=ann", "/a?token=***&q=ann"),
        ("//[", "//["),
        ("//[::1?q=]", "//[::1?q=%5D"),
        ("*", "*"),
        ("", ""),
    ],
)
def test_the_rest_of_a_path_is_logged(uri: str, path: str) -> None:
    assert safe_path(uri) == path


@pytest.mark.usefixtures("logging_restored")
@pytest.mark.parametrize(("form", "formatter"), [("json", JsonFormatter), ("text", TextFormatter)])
def test_a_form_is_configured(form: str, formatter: type[logging.Formatter]) -> None:
    configure("warning", form)
    root = logging.getLogger()
    assert [type(handler.formatter) for handler in root.handlers] == [formatter]
    assert root.level == logging.WARNING


@pytest.mark.usefixtures("logging_restored")
def test_what_others_log_is_kept_to_what_matters() -> None:
    configure("debug", "text")
    # pymongo logs commands at debug, and with them what people wrote.
    assert not logging.getLogger("pymongo.command").isEnabledFor(logging.INFO)
    assert not logging.getLogger("tornado.access").isEnabledFor(logging.WARNING)
