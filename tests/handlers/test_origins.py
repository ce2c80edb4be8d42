"""Which pages may call, and what their browsers are told."""

import pytest

from handlers.origins import Origins

PAGE = "https://chat.example.com"
OTHER = "https://evil.example"
HOST = "hubbub.example:5000"


@pytest.mark.parametrize("origin", ["http://hubbub.example:5000", "https://hubbub.example:5000"])
def test_the_servers_own_page_may_call(origin: str) -> None:
    assert Origins(()).allows(origin, HOST)
    assert Origins((PAGE,)).allows(origin, "Hubbub.Example:5000")


def test_a_listed_page_may_call() -> None:
    assert Origins((PAGE,)).allows(PAGE, HOST)


@pytest.mark.parametrize(
    "origin",
    [
        OTHER,
        "null",
        "",
        "*",
        "hubbub.example:5000",
        "http://hubbub.example",
        "http://hubbub.example:5001",
        "http://hubbub.example:5000.evil.example",
        "http://evil.example#hubbub.example:5000",
        "http://hubbub.example:5000@evil.example",
        "http://ann@hubbub.example:5000",
        "http://[",
        "http://[hubbub.example:5000",
        "http://chat.example.com",
        "https://chat.example.com:8443",
        "https://chat.example.com.evil.example",
        "https://CHAT.example.com",
        "https://chat.example.com/",
        " https://chat.example.com",
    ],
)
def test_any_other_page_may_not_call(origin: str) -> None:
    assert not Origins((PAGE,)).allows(origin, HOST)


@pytest.mark.parametrize("origin", ["null", "", "http://", "file://", "about:blank"])
def test_no_page_is_our_own_when_no_host_is_named(origin: str) -> None:
    assert not Origins(()).allows(origin, "")


@pytest.mark.parametrize("origin", [OTHER, "null", "http://["])
def test_any_page_may_call_when_the_list_says_so(origin: str) -> None:
    assert Origins(("*",)).allows(origin, HOST)


def test_without_a_list_there_are_no_headers() -> None:
    assert Origins(()).headers(PAGE) == {}


@pytest.mark.parametrize("origin", [None, OTHER, "null", "*", "http://hubbub.example:5000"])
def test_a_page_that_is_not_listed_is_told_nothing_but_what_caches_need(origin: str | None) -> None:
    assert Origins((PAGE,)).headers(origin) == {"Vary": "Origin"}


def test_a_listed_page_may_send_credentials() -> None:
    headers = Origins((PAGE, "*")).headers(PAGE)
    assert headers["Access-Control-Allow-Origin"] == PAGE
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert headers["Vary"] == "Origin"


@pytest.mark.parametrize("origin", [OTHER, "null", "*"])
def test_any_page_may_not_send_credentials(origin: str) -> None:
    headers = Origins((PAGE, "*")).headers(origin)
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in headers
    assert headers["Vary"] == "Origin"


def test_a_page_may_read_what_it_needs_for_paging_and_retrying() -> None:
    exposed = Origins((PAGE,)).headers(PAGE)["Access-Control-Expose-Headers"]
    assert {"Link", "Retry-After", "X-Request-Id"} <= set(exposed.split(", "))


def test_a_preflight_says_what_may_be_asked() -> None:
    headers = Origins((PAGE,)).preflight_headers()
    assert "PATCH" in headers["Access-Control-Allow-Methods"]
    assert "authorization" in headers["Access-Control-Allow-Headers"]
    assert int(headers["Access-Control-Max-Age"]) <= 86400
