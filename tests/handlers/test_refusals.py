"""The codes: each has its status, and the documentation knows them all."""

import re
from pathlib import Path

import pytest

from handlers.refusals import ANY, BODY, CODES, LOGIN, PATH, QUERY, by_status

DOCS = Path(__file__).parents[2] / "docs" / "rest.md"


def test_the_documentation_lists_the_codes_of_every_status() -> None:
    listed = {
        int(row[1]): set(re.findall(r"`([a-z_]+)`", row[2]))
        for row in re.finditer(r"^\| (\d{3}) \| (.*) \|$", DOCS.read_text("utf-8"), re.MULTILINE)
    }
    assert listed == {status: set(codes) for status, codes in CODES.items()}


def test_codes_are_sorted_by_status() -> None:
    assert by_status(["room_full", "invalid_json", "account_disabled"]) == {
        400: ["invalid_json"],
        401: ["account_disabled"],
        403: ["account_disabled"],
        409: ["room_full"],
    }
    assert by_status([*ANY, *LOGIN, *QUERY, *BODY, *PATH]).keys() <= CODES.keys()


def test_a_code_that_nobody_knows_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="room_fool"):
        by_status(["room_fool"])
