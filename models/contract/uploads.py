"""The part of a store that keeps the records of files."""

from collections.abc import Iterable
from typing import Protocol

from models.records import Upload


class Uploads(Protocol):
    """The records of files."""

    def add(self, upload: Upload) -> None:
        """Keep a new record."""

    def get(self, upload_id: str) -> Upload | None:
        """The upload of an id."""

    def many(self, upload_ids: Iterable[str]) -> dict[str, Upload]:
        """The uploads of these ids, by id; those that do not exist are left out."""

    def page(self, *, after: str | None = None, limit: int) -> list[Upload]:
        """Everybody's uploads by id, from the one behind `after` on."""

    def of_owner(self, user_id: str, *, after: str | None = None, limit: int) -> list[Upload]:
        """A user's uploads by id, from the one behind `after` on."""

    def used(self, user_id: str) -> int:
        """The bytes of a user's uploads, all together."""

    def has_content(self, sha256: str) -> bool:
        """Tell whether an upload has this content."""

    def rooms(self, upload_id: str) -> list[str]:
        """The rooms where a message shows an upload, by id."""

    def shown_in(self, room_id: str) -> list[str]:
        """The ids of the uploads that the messages of a room show, in order."""

    def is_shown_to(self, upload_id: str, user_id: str) -> bool:
        """Tell whether somebody is in a room where a message shows an upload.

        Everybody is in `EVERYONE`.
        """

    def delete(self, upload_id: str) -> bool:
        """Forget a record; tell whether it was there."""
