"""The part of a store that keeps calls by their keys."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

from models.records import KeyedCall

T = TypeVar("T")


class KeyedCalls(Protocol):
    """The calls of REST that came with an `Idempotency-Key`, and their answers."""

    def begin(self, call: KeyedCall, *, before: datetime) -> KeyedCall:
        """Keep a call, one of many at once, unless there is one of its id; return what is kept.

        One that came before `before` is as good as none.
        """

    def get(self, call_id: str) -> KeyedCall | None:
        """The call of an id, however old."""

    def finish(self, call_id: str, write: Callable[[], T]) -> T:
        """Make a call of this store that writes, and note that the keyed call is done by it.

        Both happen or neither. Where the store has no transactions, what is noted first is that
        it was tried: whoever finds only that must look what came of it.
        """

    def answer(self, call_id: str, status: int, body: bytes) -> None:
        """Note the answer to a call. Nothing happens to one that is not there or has an answer."""

    def forget(self, call_id: str) -> None:
        """Forget a call that has no answer and of which nothing was written."""

    def count(self, owner: str) -> int:
        """How many calls of an owner are kept."""

    def sweep(self, before: datetime) -> int:
        """Forget the calls that came before a moment, and count them."""
