"""Why a command is refused."""

import pytest

from chat import errors
from chat.errors import Refusal, TooMany

CLASSES = Refusal.__subclasses__()


def test_a_refusal_says_why_to_programs_and_to_people() -> None:
    refusal = TooMany("rate_limited", "wait a moment", retry_after=3, details={"field": "a"})
    assert (refusal.code, refusal.message, str(refusal)) == ("rate_limited",) + (
        "wait a moment",
    ) * 2
    assert (refusal.retry_after, refusal.details) == (3, {"field": "a"})


def test_a_refusal_may_be_for_good() -> None:
    refusal = Refusal("gone", "it is gone")
    assert (refusal.retry_after, refusal.details) == (None, None)


@pytest.mark.parametrize("kind", [kind for kind in CLASSES if kind.__module__ == errors.__name__])
def test_the_tree_in_the_docstring_names_every_class(kind: type[Refusal]) -> None:
    assert f"── {kind.__name__} " in (errors.__doc__ or "")
