"""The part of a store that keeps accounts and logins."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol, TypedDict, Unpack

from models.records import Session, User, UserRole


class UserChange(TypedDict, total=False):
    """What may change of a user."""

    name: str
    display_name: str
    email: str | None
    password_hash: str | None
    role: UserRole
    avatar: str | None
    last_seen: datetime | None
    disabled: bool
    deleted: datetime | None
    receipts: bool
    invisible: bool


class Users(Protocol):
    """The accounts. Names and e-mails are unique without case, names also by how they look.

    That is `models.records.look_of`; of those that looked alike before, the others stay as well.
    """

    def add(self, user: User) -> User:
        """Keep a new user; Taken("name") or Taken("email").

        The first user to have a password, from the start or by a change, is made the administrator:
        one, however many come at once, and once for good.
        """

    def get(self, user_id: str) -> User | None:
        """The user of an id."""

    def by_name(self, name: str) -> User | None:
        """The user of a name, in any case."""

    def named(self, names: Iterable[str]) -> list[User]:
        """The users of some names, in any case and no order; those of nobody are left out."""

    def by_email(self, email: str) -> User | None:
        """The user of an e-mail address, in any case."""

    def many(self, user_ids: Iterable[str]) -> dict[str, User]:
        """The users of these ids, by id; those that do not exist are left out."""

    def page(self, *, after: str | None = None, limit: int) -> list[User]:
        """Users by id, from the one behind `after` on, without deleted ones."""

    def search(self, text: str, *, limit: int, without: str | None = None) -> list[User]:
        """Users whose name or display name contains the text, by name.

        Without case, without deleted and disabled ones and without the user `without`. Every
        character stands for itself. An empty text finds nobody.
        """

    def change(self, user_id: str, **changes: Unpack[UserChange]) -> User:
        """Change some fields and return the whole; NotFound, Taken("name"), Taken("email").

        A user who is deleted does not change any more: that is NotFound as well.
        """

    def note_seen(self, moments: Mapping[str, datetime]) -> None:
        """Note when users were last there, all or in part if it fails.

        An earlier moment than the kept one changes nothing, and neither does one of a user who is
        deleted or not there.
        """

    def administrators(self) -> list[User]:
        """The administrators that are neither disabled nor deleted."""


class Sessions(Protocol):
    """The logins."""

    def add(self, session: Session) -> None:
        """Keep a new session."""

    def get(self, session_id: str) -> Session | None:
        """The session of an id, expired or not."""

    def many(self, session_ids: Iterable[str]) -> dict[str, Session]:
        """The sessions of these ids, by id, expired or not; unknown ids are left out."""

    def of_user(self, user_id: str) -> list[Session]:
        """A user's sessions, the newest first."""

    def living(self, session_ids: Iterable[str], now: datetime) -> set[str]:
        """Those of some sessions that let somebody in.

        They have neither ended nor expired, and their user is neither disabled nor deleted.
        """

    def touch(self, session_id: str, seen: datetime) -> None:
        """Note when a session was last used; nothing happens to one that has ended."""

    def end(self, session_id: str) -> bool:
        """Forget a session; tell whether it was there."""

    def end_all(self, user_id: str, *, keep: str | None = None) -> list[str]:
        """Forget a user's sessions but `keep`, and return the ids of those forgotten."""

    def sweep(self, before: datetime) -> int:
        """Forget the sessions that expired before a moment, and count them."""
