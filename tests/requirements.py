"""What a test does when a program that it needs is not on this machine."""

import os
from typing import NoReturn

import pytest


def missing(program: str, reason: str) -> NoReturn:
    """Skip the test by the program's name, or fail it where `REQUIRE_ALL=1` says none may miss."""
    text = f"{program} is missing: {reason}"
    if os.environ.get("REQUIRE_ALL") == "1":
        pytest.fail(text, pytrace=False)
    pytest.skip(text)
