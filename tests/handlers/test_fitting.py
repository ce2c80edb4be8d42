"""Pages that a socket can take at once."""

import pytest

from handlers.fitting import fitting, size_of
from models.records import Message, Reaction, new_id
from tests.contract.samples import message

UNIT = size_of(message("r", 1, text=""))


def sized(units: int) -> Message:
    """A message of so many units."""
    return message("r", 1, text="x" * ((units - 1) * UNIT // 6))


@pytest.mark.parametrize(
    ("units", "place", "most", "kept"),
    [
        ([1, 1, 1], 2, 3, (0, 3)),
        ([1, 1, 1], 2, 2, (1, 3)),
        ([1, 1, 1], 0, 2, (0, 2)),
        ([1, 1, 1], 1, 2, (1, 3)),
        ([1, 1, 1, 1, 1], 2, 3, (1, 4)),
        ([1, 3, 1, 1, 1], 2, 4, (2, 5)),
        ([9, 9, 9], 1, 1, (1, 2)),
        ([9, 1, 1], 2, 5, (1, 3)),
        ([], -1, 5, (0, 0)),
    ],
)
def test_what_is_kept_is_around_a_place_and_without_gaps(
    units: list[int], place: int, most: int, kept: tuple[int, int]
) -> None:
    assert fitting([sized(each) for each in units], place, most * UNIT) == kept


def test_a_message_is_as_large_as_what_is_in_it() -> None:
    assert size_of(message("r", 1, text="x" * 10)) == UNIT + 60
    assert size_of(message("r", 1, text="", attachments=(new_id(),))) == UNIT + 250
    reacted = (Reaction(emoji="x", users=(new_id(),) * 3),)
    assert size_of(message("r", 1, text="", reactions=reacted)) == UNIT + 90
