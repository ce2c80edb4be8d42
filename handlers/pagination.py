"""How lists are asked for in parts."""

from typing import Annotated

from msgspec import Meta, Struct

# Clients ask for more than there may be in a page, and take what they get.
Size = Annotated[int, Meta(ge=0, le=10**9)]


class Query(Struct, frozen=True, kw_only=True, rename="camel"):
    """The fields behind the question mark."""


def cut(asked: int, most: int) -> int:
    """The size of a page: what is asked for, within reason."""
    return max(1, min(asked, most))
