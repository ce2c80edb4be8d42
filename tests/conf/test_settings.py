"""Where settings come from, and which of them wins."""

from collections.abc import Mapping
from dataclasses import FrozenInstanceError, fields
from ipaddress import ip_network
from pathlib import Path

import pytest

from conf.settings import (
    Settings,
    SettingsError,
    load,
    names_of,
    read_env_file,
)

SECRETS = [f"{digit}9f86d081884c7d659a2feaa0c55ad015" for digit in range(3)]

# A setting of every kind: what stands in the file, in the environment and on the command line, and
# the value of the last.
EVERY_KIND = {
    "HOST": ("::1", "0.0.0.0", "::", "::"),  # noqa: S104 - nothing listens here
    "PORT": ("1", "2", "3", 3),
    "DATA_DIR": ("a", "b", "c", Path("c")),
    "MONGODB_URI": ("mongodb://a", "mongodb://b", "mongodb://c", "mongodb://c"),
    "MONGODB_WAIT": ("1", "2", "3m", 180.0),
    "STORE_TIMEOUT": ("1", "2", "0.5", 0.5),
    "JWT_SECRET": (*SECRETS, SECRETS[2]),
    "TOKEN_TTL": ("1h", "2h", "3h", 10800.0),
    "CLIENT_URL": ("http://a", "http://b", "http://c,http://d", ("http://c", "http://d")),
    "TRUSTED_PROXIES": ("10.0.0.1", "10.0.0.2", "10.0.0.3", (ip_network("10.0.0.3"),)),
    "OPEN_MODE": ("off", "off", "on", True),
    "PUBLIC_URL": ("http://a", "http://b/", "https://c/chat/", "https://c/chat"),
    "REFUSED_TYPES": ("none", "exe", "text/html, .EXE", ("text/html", ".exe")),
    "RATE_LIMITS": ("on", "on", "off", False),
    "METRICS_TOKEN": (*SECRETS, SECRETS[2]),
    "LOG_FORMAT": ("text", "text", "json", "json"),
}


def env_file(folder: Path, text: str) -> Path:
    path = folder / ".env"
    path.write_text(text, "utf-8")
    return path


def value_of(settings: Settings, name: str) -> object:
    return getattr(settings, name.lower())


def parsed(name: str, text: str) -> object:
    return value_of(load({name: text}, {}), name)


def test_the_table_above_has_a_setting_of_every_kind() -> None:
    kinds = {item.name.upper(): item.metadata["kind"].__qualname__ for item in fields(Settings)}
    assert {kinds[name] for name in EVERY_KIND} == set(kinds.values())


@pytest.mark.parametrize("name", EVERY_KIND)
def test_flags_win_over_the_environment_over_the_file_over_the_default(
    name: str, tmp_path: Path
) -> None:
    in_file, in_environment, in_flags, value = EVERY_KIND[name]
    file = env_file(tmp_path, f"{name}={in_file}\n")
    environment, flags = {name: in_environment}, {name: in_flags}
    assert value_of(load({}, {}, file), name) == parsed(name, in_file)
    assert value_of(load({}, environment, file), name) == parsed(name, in_environment)
    assert value_of(load(flags, environment, file), name) == value
    assert value != value_of(load({}, {}), name)


@pytest.mark.parametrize("name", EVERY_KIND)
def test_an_empty_value_counts_as_not_set(name: str, tmp_path: Path) -> None:
    file = env_file(tmp_path, f"{name}={EVERY_KIND[name][0]}\n")
    assert value_of(load({name: ""}, {name: ""}, file), name) == parsed(name, EVERY_KIND[name][0])
    empty = env_file(tmp_path, f"{name}=\n{name}=''\n")
    assert load({}, {}, empty) == Settings()


def test_a_start_without_a_file_takes_the_defaults(tmp_path: Path) -> None:
    assert load({}, {}, tmp_path / ".env") == load({}, {}) == Settings()


def test_the_defaults_are_those_of_the_documentation() -> None:
    settings = Settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 5000)
    assert (settings.token_ttl, settings.bcrypt_rounds, settings.password_min) == (604800, 12, 8)
    assert (settings.open_mode, settings.rate_limits) == (False, True)
    assert (settings.client_url, settings.trusted_proxies) == ((), ())
    assert (settings.jwt_secret, settings.mongodb_uri) == ("", "")


def test_settings_never_change() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings().port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("environment", "in_file", "uri"),
    [
        ({"MONGODB_URL": "mongodb://a"}, "", "mongodb://a"),
        ({"MONGODB_URL": "mongodb://a", "MONGODB_URI": "mongodb://b"}, "", "mongodb://b"),
        ({"MONGODB_URL": "mongodb://a", "MONGODB_URI": ""}, "", "mongodb://a"),
        ({"MONGODB_URL": "mongodb://a"}, "MONGODB_URI=mongodb://b", "mongodb://a"),
        ({}, "MONGODB_URL=mongodb://a", "mongodb://a"),
    ],
)
def test_the_older_name_of_the_mongodb_works(
    environment: Mapping[str, str], in_file: str, uri: str, tmp_path: Path
) -> None:
    assert load({}, environment, env_file(tmp_path, in_file)).mongodb_uri == uri


def test_an_error_names_the_name_that_was_used() -> None:
    with pytest.raises(SettingsError, match=r"^MONGODB_URL: must begin with"):
        load({}, {"MONGODB_URL": "localhost"})
    with pytest.raises(SettingsError, match=r"^PORT: expected a whole number, not 'many'$"):
        load({"PORT": "many"}, {})


def test_a_value_that_does_not_win_is_not_looked_at() -> None:
    assert load({"PORT": "1"}, {"PORT": "many"}).port == 1


@pytest.mark.parametrize(
    "values",
    [
        {"MONGODB_URI": "postgres://ann:hunter2@db"},
        {"MONGODB_URL": "ann:hunter2@db"},
        {"JWT_SECRET": "hunter2"},
        {"JWT_SECRET": "hunter2-" + "a" * 10 + "-example-example-example"},
    ],
)
def test_no_error_repeats_a_password_or_a_key(values: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as refused:
        load({}, values)
    assert "hunter2" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("HOST=a", "a"),
        ("HOST = a ", "a"),
        ("  HOST=a", "a"),
        ("export HOST=a", "a"),
        ("HOST='a'", "a"),
        ('HOST="a"', "a"),
        ('HOST=" a "', " a "),
        ('HOST="it\'s"', "it's"),
        ("HOST=it's", "it's"),
        ('HOST="a" # comment', "a"),
        ("HOST='a' # it is 'a'", "a"),
        ('HOST="a # b"', "a # b"),
        ("HOST=a # comment", "a"),
        ("HOST=a\t# comment", "a"),
        ("HOST=a#b", "a#b"),
        ("HOST=#a", "#a"),
        ("HOST= # comment", ""),
        ("HOST=a=b", "a=b"),
        ("HOST=a b", "a b"),
        ("HOST=", ""),
        ("HOST=''", ""),
        ("HOST=1\nHOST=2", "2"),
        ("\ufeffHOST=a", "a"),
        ("# HOST=b\n\n   \nHOST=a\n#HOST=c", "a"),
        ("HOST=a\r\n", "a"),
        ("HOST=ä", "ä"),
    ],
)
def test_a_line_of_the_file_is_read(line: str, value: str, tmp_path: Path) -> None:
    assert read_env_file(env_file(tmp_path, line)) == {"HOST": value}


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("PORT=1\nJTW_SECRET=hunter2", 2, "unknown setting JTW_SECRET; did you mean JWT_SECRET?"),
        ("port=1", 1, "unknown setting port; did you mean PORT?"),
        ("\n\n#\nXYZZY=hunter2", 4, "unknown setting XYZZY"),
        ("JWT_SECRET hunter2", 1, "expected NAME=value"),
        ("=hunter2", 1, "expected NAME=value"),
        ("mongodb://ann:hunter2@db/?w=1", 1, "expected NAME=value"),
        ("hunter2/+==", 1, "expected NAME=value"),
        ('JWT_SECRET="hunter2', 1, "the value of JWT_SECRET does not end with its quote"),
        ("JWT_SECRET='hunter2\"", 1, "the value of JWT_SECRET does not end with its quote"),
        ('JWT_SECRET= "hunter2" hunter2', 1, "the value of JWT_SECRET does not end with its quote"),
    ],
)
def test_a_line_that_is_wrong_is_named_by_its_number_and_not_repeated(
    text: str, place: int, words: str, tmp_path: Path
) -> None:
    file = env_file(tmp_path, text)
    with pytest.raises(SettingsError) as refused:
        load({}, {}, file)
    assert str(refused.value) == f"{file}:{place}: {words}"


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes("HOST=ä".encode("latin-1"))
    with pytest.raises(SettingsError, match="is not UTF-8"):
        load({}, {}, file)


def test_no_two_settings_share_a_name() -> None:
    names = [name for item in fields(Settings) for name in names_of(item)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_open_mode_on_this_machine(host: str) -> None:
    assert load({"OPEN_MODE": "on", "HOST": host}, {}).open_mode


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "chat.example.com"])  # noqa: S104
def test_open_mode_elsewhere_must_be_said_twice(host: str) -> None:
    with pytest.raises(SettingsError, match="OPEN_MODE: anybody could be anybody"):
        load({"OPEN_MODE": "on", "HOST": host}, {})
    assert load({"OPEN_MODE": "on", "OPEN_MODE_PUBLIC": "on", "HOST": host}, {}).open_mode
    assert not load({"OPEN_MODE_PUBLIC": "on", "HOST": host}, {}).open_mode
