"""How records look from outside: the union of what the existing clients read."""

from datetime import datetime

from msgspec import Struct, field

from models.records import Session, User


class View(Struct, frozen=True, kw_only=True, rename="camel"):
    """Anything that is answered."""


class UserView(View, frozen=True):
    """A user as others see them. Older clients read `_id`, newer ones `id`."""

    id: str
    underscore_id: str = field(name="_id")
    username: str
    display_name: str
    avatar: str | None
    is_online: bool
    last_seen: datetime | None
    created_at: datetime


class OwnUserView(UserView, frozen=True):
    """A user as they see themselves, and as administrators see them."""

    email: str | None
    role: str
    disabled: bool


class SessionView(View, frozen=True):
    """A login of one's own."""

    id: str
    current: bool
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    agent: str
    address: str


class MessageView(View, frozen=True):
    """Nothing but words for a person."""

    message: str


class LoggedInView(View, frozen=True):
    """The answer to whoever has just logged in."""

    message: str
    user: OwnUserView
    token: str


def user_view(user: User, *, online: bool) -> UserView:
    """A user as others see them."""
    return UserView(
        id=user.id,
        underscore_id=user.id,
        username=user.name,
        display_name=user.display_name,
        avatar=user.avatar,
        is_online=online,
        last_seen=user.last_seen,
        created_at=user.created,
    )


def own_user_view(user: User, *, online: bool) -> OwnUserView:
    """A user as they see themselves."""
    return OwnUserView(
        id=user.id,
        underscore_id=user.id,
        username=user.name,
        display_name=user.display_name,
        avatar=user.avatar,
        is_online=online,
        last_seen=user.last_seen,
        created_at=user.created,
        email=user.email,
        role=user.role,
        disabled=user.disabled,
    )


def session_view(session: Session, *, current: bool) -> SessionView:
    """A login of one's own."""
    return SessionView(
        id=session.id,
        current=current,
        created_at=session.created,
        last_used_at=session.seen,
        expires_at=session.expires,
        agent=session.agent,
        address=session.address,
    )
