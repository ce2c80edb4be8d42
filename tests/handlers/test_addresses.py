"""Where a request comes from."""

from ipaddress import ip_network

import pytest

from handlers.addresses import believed, client_address, limit_key

PROXY, INNER, CLIENT, LIE = "10.0.0.1", "10.0.0.2", "203.0.113.9", "198.51.100.7"
PROXIES = (ip_network("10.0.0.0/24"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        (CLIENT, None, CLIENT),
        (CLIENT, "", CLIENT),
        (CLIENT, LIE, CLIENT),
        (PROXY, None, PROXY),
        (PROXY, "", PROXY),
        (PROXY, CLIENT, CLIENT),
        (PROXY, f" {CLIENT} ", CLIENT),
        (PROXY, f"{LIE}, {CLIENT}", CLIENT),
        (PROXY, f"{LIE},{CLIENT},{INNER}", CLIENT),
        (PROXY, f"{PROXY}, {CLIENT}", CLIENT),
        (PROXY, f"{INNER}, {PROXY}", INNER),
        ("fd00::1", "2001:db8::7", "2001:db8::7"),
        (f"::ffff:{PROXY}", CLIENT, CLIENT),
        (PROXY, f"{CLIENT}, ::ffff:{INNER}", CLIENT),
    ],
)
def test_the_client_is_the_last_in_the_chain_that_is_no_proxy_of_ours(
    peer: str, forwarded_for: str | None, address: str
) -> None:
    assert client_address(peer, forwarded_for, PROXIES) == address


@pytest.mark.parametrize(
    "garbage", ["unknown", "", "1.2.3", "1.2.3.4:80", "a\nb", "<script>", "1.2.3.4 5.6.7.8"]
)
def test_what_is_no_address_ends_the_chain(garbage: str) -> None:
    assert client_address(PROXY, f"{LIE}, {garbage}", PROXIES) == PROXY
    assert client_address(PROXY, f"{LIE}, {garbage}, {INNER}", PROXIES) == INNER


def test_nobody_is_trusted_unless_it_is_said() -> None:
    assert client_address("127.0.0.1", LIE, ()) == "127.0.0.1"


def test_only_a_proxy_says_how_a_client_has_come() -> None:
    plain = {"Host": "x", "Via": "y"}
    headers = {**plain, "X-Forwarded-Proto": "https", "x-forwarded-for": CLIENT}
    assert believed(headers, PROXY, PROXIES) == headers
    assert believed(headers, CLIENT, PROXIES) == plain
    assert believed(headers, PROXY, ()) == plain


def test_a_peer_without_an_address_is_no_proxy() -> None:
    assert client_address("", LIE, PROXIES) == ""


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::1", "::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unknown", "unknown"),
    ],
)
def test_limits_count_by_address_or_by_the_network_of_a_household(address: str, key: str) -> None:
    assert limit_key(address) == key
