"""The part of a store that keeps batches as they came, until they are in their places."""

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from models.records import Message


class Log(Protocol):
    """Batches that are durable, each as one entry: what a store takes fastest."""

    def append(self, entry_id: str, body: bytes) -> None:
        """Keep an entry, of an id that was never used before; Refused if it is too large."""

    def withdraw(self, entry_id: str) -> bool:
        """Tell whether an entry is there, after `append` did not; if not, it never will be."""

    def entries(self) -> Iterable[tuple[str, bytes]]:
        """All entries with their ids, in the order of these."""

    def remove(self, entry_ids: Collection[str]) -> None:
        """Forget entries."""

    def is_news(self, messages: Sequence[Message]) -> bool:
        """Whether no client id of these messages was used in the store."""

    def has_rooms(self, rooms: Collection[str]) -> bool:
        """Whether all of these rooms exist, each of which is named once."""
