"""How the text of a setting becomes a value, and what is refused."""

import ipaddress
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from conf import kinds

PASSWORD = "hunter2hunter2"


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("9", 9), (" 7 ", 7), ("-3", -3), ("007", 7)]
)
def test_an_integer_is_read(text: str, number: int) -> None:
    assert kinds.integer(-3, 9)(text) == number


@pytest.mark.parametrize(
    "text", ["-4", "10", "1_0", "1.0", "1e1", "0x1", "٣", "²", "", "+1", "one", "9" * 5000]
)
def test_an_integer_is_plain_digits_within_its_bounds(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be from -3 to 9|expected a whole number"):
        kinds.integer(-3, 9)(text)


@pytest.mark.parametrize("text", ["", "x", "ftp://a", "http://", "http://a?b", "http://a#b"])
def test_an_address_is_one_that_links_can_begin_with(text: str) -> None:
    with pytest.raises(ValueError, match="expected an address such as"):
        kinds.web_address(text)


def test_no_type_of_uploads_need_be_refused() -> None:
    assert kinds.media_types("none") == ()


@pytest.mark.parametrize("text", ["text/", "/html", "a b", "*", "text/html,*.exe", "x" * 17])
def test_a_type_is_a_type_or_an_ending(text: str) -> None:
    with pytest.raises(ValueError, match="expected types such as"):
        kinds.media_types(text)


@pytest.mark.parametrize("text", ["on", "ON", "true", "True", "yes", "1", " on "])
def test_a_switch_is_on(text: str) -> None:
    assert kinds.switch(text) is True


@pytest.mark.parametrize("text", ["off", "OFF", "false", "no", "0", " off "])
def test_a_switch_is_off(text: str) -> None:
    assert kinds.switch(text) is False


@pytest.mark.parametrize("text", ["", "maybe", "2", "onn", "t", "enabled"])
def test_a_switch_is_nothing_else(text: str) -> None:
    with pytest.raises(ValueError, match="expected on or off"):
        kinds.switch(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90), ("0", 0), ("1.5", 1.5), ("30s", 30), ("30 s", 30), ("15m", 900), ("12h", 43200),
        ("7d", 604800), ("7D", 604800), (" 1h ", 3600), ("3650d", 3650 * 86400),
    ],
)  # fmt: skip
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert kinds.duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "-1", "1w", "h", "1h30m", "inf", "nan", "1e3", "٣", "3651d", "9" * 400, ".5", "5."]
)
def test_a_duration_is_finite_and_has_one_unit(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected a duration|at most ten years"):
        kinds.duration(text)


def test_a_timeout_is_more_than_nothing() -> None:
    assert kinds.timeout("0.1") == 0.1
    with pytest.raises(ValueError, match="more than zero"):
        kinds.timeout("0")


def test_a_positive_duration_is_a_second_at_least() -> None:
    assert kinds.positive_duration("1") == 1
    for text in ("0", "0.9", "0d"):
        with pytest.raises(ValueError, match="at least one second"):
            kinds.positive_duration(text)


def test_a_choice_is_one_of_its_words_in_any_case() -> None:
    parse = kinds.choice("text", "json")
    assert [parse(text) for text in ("text", "JSON", " json ")] == ["text", "json", "json"]
    with pytest.raises(ValueError, match="must be one of text, json, not 'xml'"):
        parse("xml")


def test_a_path_may_begin_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    assert kinds.path("~/chat") == Path("/home/ann/chat")
    assert kinds.path("data") == Path("data")


def test_a_path_in_the_home_of_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="no such home folder"):
        kinds.path("~nobody-of-this-name/chat")


@pytest.mark.parametrize(
    "written",
    [
        bytes.hex,
        lambda data: b64encode(data).decode(),
        lambda data: urlsafe_b64encode(data).decode(),
    ],
    ids=["hex", "base64", "urlsafe"],
)
def test_random_secrets_pass_unchanged(written: Callable[[bytes], str]) -> None:
    chance = Random(1)
    for size in [24, 32, 48, 64] * 250:
        secret = written(chance.randbytes(size))
        assert kinds.secret(secret) == secret


def test_a_sentence_may_be_a_secret() -> None:
    sentence = "mit Pferd & Batterie über die Brücke"
    assert kinds.secret(sentence) == sentence


def test_the_length_of_a_secret_is_counted_in_bytes() -> None:
    assert kinds.secret("äöüßéèêñçøåæþðłż") == "äöüßéèêñçøåæþðłż"


@pytest.mark.parametrize("secret", ["x", "hunter2", "q8Zk2Lw9Xc4Vb7Nm1As5Df3Gh6Jk0Pq"])
def test_a_short_secret_is_refused_without_repeating_it(secret: str) -> None:
    with pytest.raises(ValueError, match="at least 32 bytes") as refused:
        kinds.secret(secret)
    assert secret not in str(refused.value).split()


@pytest.mark.parametrize(
    "secret",
    [
        "a-string-secret-at-least-256-bits-long",  # the sample of jwt.io
        "your-super-secret-jwt-key-change-this-in-production",
        "your_jwt_secret_key_here_make_it_long",
        "dev-secret-key-change-in-production-please",
        "CHANGE_ME_CHANGE_ME_CHANGE_ME_CHANGE_ME",
        "replace-this-with-a-long-random-string",
        "MyUltraSecureJWTSecretKey1234567890",
        "this-is-only-an-example-key-for-local-use",
        "mypasswordmypasswordmypasswordmy",
        "0123456789abcdef0123456789abcdef",
        "abcdefghijklmnopqrstuvwxyz012345",
        "a" * 64,
        "abcabcabcabcabcabcabcabcabcabcabcabc",
    ],
)
def test_a_sample_secret_is_refused_without_repeating_it(secret: str) -> None:
    with pytest.raises(ValueError, match="is a sample") as refused:
        kinds.secret(secret)
    assert secret not in str(refused.value)


@pytest.mark.parametrize("uri", ["mongodb://localhost", f"mongodb+srv://ann:{PASSWORD}@db/chat"])
def test_a_mongodb_uri_is_kept_as_it_is(uri: str) -> None:
    assert kinds.mongodb_uri(uri) == uri


@pytest.mark.parametrize(
    "uri", [f"ann:{PASSWORD}@db", f"http://ann:{PASSWORD}@db", f" mongodb://ann:{PASSWORD}@db"]
)
def test_a_uri_that_is_none_of_mongodb_is_refused_without_its_password(uri: str) -> None:
    with pytest.raises(ValueError, match="must begin with mongodb://") as refused:
        kinds.mongodb_uri(uri)
    assert PASSWORD not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("https://chat.example.com", ("https://chat.example.com",)),
        ("https://chat.example.com/", ("https://chat.example.com",)),
        ("HTTPS://Chat.Example.COM", ("https://chat.example.com",)),
        ("https://chat.example.com:443", ("https://chat.example.com",)),
        ("http://localhost:80", ("http://localhost",)),
        ("http://localhost:443", ("http://localhost:443",)),
        ("http://[::1]:3000", ("http://[::1]:3000",)),
        (" http://a:1 , ,http://b:2, ", ("http://a:1", "http://b:2")),
        ("*", ("*",)),
        (",", ()),
    ],
)
def test_an_origin_is_written_as_a_browser_sends_it(text: str, origins: tuple[str, ...]) -> None:
    assert kinds.origins(text) == origins


@pytest.mark.parametrize(
    "text",
    [
        "chat.example.com", "localhost:3000", "null", "ftp://a", "https://", "https://a/page",
        "https://a?q", "https://a#f", "https://ann@a", "https://*.example.com",
        "https://bücher.example", "https://a b", "https://[::1", "https://a:99999", "https://a:b",
        "http://a;http://b",
    ],
)  # fmt: skip
def test_an_origin_that_no_browser_sends_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected an origin|IPv6|[Pp]ort"):
        kinds.origins(text)


def test_networks_are_addresses_or_networks() -> None:
    expected = ["127.0.0.1/32", "10.0.0.0/8", "::1/128", "fd00::/8"]
    parsed = kinds.networks("127.0.0.1, 10.0.0.0/8,::1,fd00::/8,")
    assert parsed == tuple(ipaddress.ip_network(text) for text in expected)


@pytest.mark.parametrize("text", ["localhost", "10.0.0.0/33", "10.0.0.1/8", "10.0.0", "*"])
def test_anything_else_is_no_network(text: str) -> None:
    with pytest.raises(ValueError, match="expected addresses or networks"):
        kinds.networks(text)


@pytest.mark.parametrize(
    "text",
    ["127.0.0.1", "10.0.0.1", "::", "::1", "fe80::1%eth0", "localhost", "bücher.example", "a."],
)
def test_a_host_is_an_address_or_a_name(text: str) -> None:
    assert kinds.host(text) == text


@pytest.mark.parametrize("text", ["..", "a..b", "a" * 64, "\udcff", "a\0b", "a\nb", "\x1b[2J"])
def test_what_cannot_be_looked_up_is_no_host(text: str) -> None:
    with pytest.raises(ValueError, match="expected an address or a host name"):
        kinds.host(text)


def test_a_path_holds_no_nul() -> None:
    with pytest.raises(ValueError, match="a path holds no NUL"):
        kinds.path("a\0b")


@pytest.mark.parametrize("text", ["short", "x" * 15, "with a space in it", "ümlaut-in-a-token", ""])
def test_a_token_is_long_enough_and_fits_into_a_header(text: str) -> None:
    with pytest.raises(ValueError, match="visible ASCII"):
        kinds.token(text)
    assert kinds.token("x" * 16) == "x" * 16
