"""Tests that are run twice: also with connections that are kept."""

import pytest


@pytest.fixture(name="keeps", params=[False, True], ids=["", "kept"])
def make_keeps(request: pytest.FixtureRequest) -> bool:
    """Try all with connections that are kept, too."""
    return bool(request.param)
