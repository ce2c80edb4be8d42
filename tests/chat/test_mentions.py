"""Mentions: what is a name in a text, and whose."""

import pytest

from chat.mentions import Mentions
from tests.contract import samples

USERS = {name: samples.user(name) for name in ("ann", "j.r.", "j.r", "x--", "a" * 30, "dot.")}


@pytest.mark.parametrize(
    ("text", "called"),
    [
        ("hello @ann.", ["ann"]),
        ("hello @ann...", ["ann"]),
        ("hello @ANN-", ["ann"]),
        ("@j.r. is here", ["j.r."]),
        ("here is @j.r..", ["j.r."]),
        ("@j.r", ["j.r"]),
        ("@x--", ["x--"]),
        ("@x-", []),
        ("@dot.", ["dot."]),
        ("@dot", []),
        ("@" + "a" * 30, ["a" * 30]),
        ("@" + "a" * 30 + ".", ["a" * 30]),
        ("@" + "a" * 31, []),
        ("@" + "." * 4000, []),
        ("@ann @ann. @ann-", ["ann"]),
    ],
)
def test_who_is_called(text: str, called: list[str]) -> None:
    wanted = sorted(USERS[name].id for name in called)
    assert list(Mentions(text).called(USERS.values())) == wanted


def test_the_names_that_may_be_meant_are_few() -> None:
    text = " ".join(f"@name{n}{'.' * n}" for n in range(100))
    assert len(Mentions(text).names) <= 60
