"""What events are encoded by, for those who have come by some address."""

import gc

import pytest

from handlers.dialects.colon import COLON
from handlers.dialects.private import PRIVATE
from handlers.dialects.wordings import Wordings


def test_clients_that_have_come_alike_are_told_alike() -> None:
    wordings = Wordings()
    one = wordings.of(PRIVATE, "http://x")
    assert wordings.of(PRIVATE, "http://x") is one
    assert wordings.of(PRIVATE, "http://y") is not one
    assert wordings.of(COLON, "http://x") is not one


def test_what_is_kept_for_an_address_goes_with_its_last_client() -> None:
    """Or whoever makes addresses up would fill the memory, or take a place that others need."""
    wordings = Wordings()
    kept = [wordings.of(PRIVATE, f"http://{number}") for number in range(100)]
    assert len(wordings) == 100
    del kept[1:]
    gc.collect()
    assert len(wordings) == 1


@pytest.mark.parametrize(("own", "base"), [("", "http://x"), ("https://chat.example", "")])
def test_links_begin_with_the_address_of_the_server_where_it_has_one(own: str, base: str) -> None:
    assert Wordings(own).base({"Host": "x"}) == base
