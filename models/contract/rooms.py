"""The part of a store that keeps rooms, and who is in them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, TypedDict, Unpack

from models.records import Hint, Membership, Room, RoomRole


class RoomChange(TypedDict, total=False):
    """What may change of a room."""

    name: str | None
    description: str


class MembershipChange(TypedDict, total=False):
    """What may change of a membership; marks move by `commit` alone, an owner by `hand_over`."""

    role: RoomRole
    muted: bool
    hidden: bool


class Rooms(Protocol):
    """The rooms and who is in them. The room `EVERYONE` exists as soon as the store is open."""

    def add(self, room: Room, members: Sequence[Membership]) -> None:
        """Keep a new room with its members, all or nothing; Taken("pair") for a second pair."""

    def direct(self, room: Room, members: Sequence[Membership]) -> tuple[Room, bool]:
        """The direct room of `room.pair`: the one there is, or else this; and whether it is new."""

    def get(self, room_id: str) -> Room | None:
        """The room of an id."""

    def of_pair(self, pair: str) -> Room | None:
        """The direct room of a pair."""

    def change(self, room_id: str, **changes: Unpack[RoomChange]) -> Room:
        """Change some fields and return the whole; NotFound."""

    def delete(self, room_id: str) -> bool:
        """Remove a room with its memberships and messages; tell whether it was there.

        Where the store has no transactions the room goes last: a broken deletion can be repeated.
        """

    def of_user(
        self, user_id: str, *, before: tuple[datetime, str] | None = None, limit: int
    ) -> list[tuple[Room, Membership]]:
        """The rooms of a user, by (active, id), the latest first, from before `before`.

        `EVERYONE` and rooms that the user has hidden are not among them.
        """

    def public(self, *, before: tuple[datetime, str] | None = None, limit: int) -> list[Room]:
        """The public rooms but `EVERYONE`, paged and sorted as those of a user."""

    def shown_to(self, user_id: str) -> list[str]:
        """The ids of the rooms of a user, by id, without those that they have hidden.

        `EVERYONE` is among them, for everybody.
        """

    def hint(self, hints: dict[str, Hint]) -> None:
        """Note each room's last message, and that it was active then.

        A hint whose `rev` is not greater than the kept one's changes nothing.
        """

    def members(
        self, room_id: str, *, after: str | None = None, limit: int | None = None
    ) -> list[Membership]:
        """The memberships of a room by user id, from the one behind `after` on."""

    def member(self, room_id: str, user_id: str) -> Membership | None:
        """One membership."""

    def join(self, membership: Membership) -> Membership:
        """Make somebody a member and return what is kept; who is one already stays as they are.

        NotFound when there is no such room.
        """

    def change_member(
        self, room_id: str, user_id: str, **changes: Unpack[MembershipChange]
    ) -> Membership:
        """Change some fields of a membership and return the whole; NotFound.

        Refused where it would make an owner, or take one away.
        """

    def hand_over(self, room_id: str, user_id: str, heir_id: str, *, role: RoomRole | None) -> None:
        """Make another member the owner, while whoever was it gets a role, or leaves without one.

        Both or neither, whenever the process or the store is killed. NotFound when one of the two
        is no member, or the first is not the owner.
        """

    def leave(self, room_id: str, user_id: str) -> bool:
        """End a membership; tell whether it was there. Refused for the owner's."""
