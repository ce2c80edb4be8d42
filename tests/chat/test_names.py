"""What people may be called."""

import pytest

from chat.errors import Invalid
from chat.names import RESERVED, require_display_name, require_email, require_username


@pytest.mark.parametrize(
    "name", ["ann", "Ann", "a.b-c_d", "007", "...", "-_-", "x" * 30, "deleted-1", "admin2", "proto"]
)
def test_a_user_name_is_kept_as_it_is(name: str) -> None:
    assert require_username(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "", "ab", "x" * 31, "a b", " ann", "ann ", "ann\n", "ann\0", "a@b", "a/b", "a\\b", "a'b",
        "<b>", "$ne", "zoë", "\u0430nn", "\uff41\uff4e\uff4e", "٣٣٣",
        "ann\u200b", "\u202enna", "a\u0301nn", "🦆🦆🦆",
    ],
)  # fmt: skip
def test_a_user_name_is_short_and_ascii(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        require_username(name)
    assert refused.value.code == "invalid_username"
    assert refused.value.details == {"field": "username"}


@pytest.mark.parametrize("name", sorted(name for name in RESERVED if len(name) > 2))
def test_a_reserved_name_is_nobodys_in_any_case(name: str) -> None:
    for form in (name, name.upper(), name.title()):
        with pytest.raises(Invalid) as refused:
            require_username(form)
        assert refused.value.code == "reserved_username"


def test_what_javascript_finds_on_objects_is_reserved() -> None:
    assert {"__proto__", "constructor", "prototype", "tostring", "valueof"} <= RESERVED
    assert {name.casefold() for name in RESERVED} == RESERVED


@pytest.mark.parametrize(
    ("name", "tidy"),
    [
        ("Ann", "Ann"),
        ("  Ann B.  ", "Ann B."),
        ("Zoe\u0308", "Zoë"),
        ("Ann & Bob <3", "Ann & Bob <3"),
        ("__proto__", "__proto__"),
        ("李小龙", "李小龙"),
        ("Νίκος", "Νίκος"),
        ("สมชาย", "สมชาย"),
        ("हिन्दी", "हिन्दी"),
        ("محمد", "محمد"),
        ("🦆", "🦆"),
        ("👍🏽", "👍🏽"),
        ("❤\ufe0f", "❤\ufe0f"),
        ("x", "x"),
        ("x" * 30, "x" * 30),
        ("🦆" * 30, "🦆" * 30),
        ("e\u0301" * 30, "é" * 30),
        (" " * 10 + "x" * 30, "x" * 30),
    ],
)
def test_a_display_name_is_composed_and_trimmed(name: str, tidy: str) -> None:
    assert require_display_name(name) == tidy


# Zero width, direction, line and paragraph, control, tag, private, unassigned, half a character,
# and what looks like nothing at all.
HIDDEN = [
    "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u061c", "\u200e", "\u200f",
    "\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069",
    "\u2028", "\u2029", "\n", "\r", "\t", "\0", "\x1b", "\x7f", "\x85", "\u00a0", "\u3000",
    "\U000e0041", "\ue000", "\U0010ffff", "\ud800", "\u034f", "\u115f", "\u1160", "\u2800",
    "\u3164", "\uffa0",
]  # fmt: skip


@pytest.mark.parametrize("character", HIDDEN, ids=ascii)
def test_a_display_name_hides_nothing(character: str) -> None:
    with pytest.raises(Invalid) as refused:
        require_display_name(f"Ann{character}Bob")
    assert refused.value.code == "invalid_display_name"
    assert refused.value.details == {"field": "displayName"}


@pytest.mark.parametrize(
    "name",
    ["", " ", " \n ", "\u3164", "\u2800", "\u0301", "\u0301 \u0302", "\ufe0f", "\u20e3"],
    ids=ascii,
)
def test_a_display_name_shows_something(name: str) -> None:
    with pytest.raises(Invalid):
        require_display_name(name)


@pytest.mark.parametrize("name", ["x" * 31, "🦆" * 31, "x\u0301" * 16])
def test_a_display_name_has_thirty_characters_at_most(name: str) -> None:
    with pytest.raises(Invalid):
        require_display_name(name)


@pytest.mark.parametrize(
    "address",
    [
        "a@b.c",
        "Ann.B+chat@mail.example.com",
        "o'hara@example.com",
        "ann@bücher.example",
        "x" * 64 + "@b.c",
    ],
)
def test_an_email_address_is_kept_as_it_is(address: str) -> None:
    assert require_email(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "", "ann", "@b.c", "ann@", "ann@b", "ann@.c", "ann@b.", "ann@b..c", "a@b@c.d", "a b@c.d",
        "ann@b.c\n", "ann@b.c\r\nBcc: eve@e.e", "ann@b.c\0", "\u202eann@b.c", "a\u200bnn@b.c",
        "x" * 65 + "@b.c",
    ],
)  # fmt: skip
def test_anything_else_is_no_email_address(address: str) -> None:
    with pytest.raises(Invalid) as refused:
        require_email(address)
    assert refused.value.code == "invalid_email"


def test_a_long_run_of_dots_is_refused_at_once() -> None:
    with pytest.raises(Invalid):
        require_email("a@" + "a." * 100_000)
