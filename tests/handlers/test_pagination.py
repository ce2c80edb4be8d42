"""How lists are asked for in parts."""

import pytest

from handlers.pagination import cut


@pytest.mark.parametrize(("asked", "given"), [(0, 1), (1, 1), (50, 50), (100, 100), (10**9, 100)])
def test_a_page_is_cut_to_what_there_may_be(asked: int, given: int) -> None:
    assert cut(asked, 100) == given
