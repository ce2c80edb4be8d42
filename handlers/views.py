"""How records look from outside: the union of what the existing clients read."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field
from msgspec.structs import asdict

from chat.attachments import Shown
from chat.events import Form, MessageStored, RoomCreated
from chat.live_room import Standing
from chat.reading import RoomState, Seen
from chat.resends import client_id_of, temp_id_of
from models.records import Message, Room, RoomRole, Session, Upload, User

# Says in descriptions what it is on the wire: a date and a time with its zone.
Moment = Annotated[datetime, Meta(tz=True)]

# The forms that say what a client has called its message, and the one that all others share.
_OWN = ("own", "origin")
_OTHERS: Form = "others"

# The links to the squares of somebody's avatar, by their sides in pixels.
Squares = dict[str, str] | None


class View(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """Anything that is answered."""


class UserView(View, frozen=True):
    """A user as others see them. Older clients read `_id`, newer ones `id`."""

    id: str
    underscore_id: str = field(name="_id")
    username: str
    display_name: str
    avatar: str | None
    avatars: Squares
    is_online: bool
    last_seen: Moment | None
    created_at: Moment


class OwnUserView(UserView, frozen=True):
    """A user as they see themselves, and as administrators see them."""

    email: str | None
    role: str
    disabled: bool
    read_receipts: bool
    invisible: bool


class SessionView(View, frozen=True):
    """A login of one's own."""

    id: str
    current: bool
    created_at: Moment
    last_used_at: Moment
    expires_at: Moment
    agent: str
    address: str


class MessageView(View, frozen=True):
    """Nothing but words for a person."""

    message: str


class ErrorView(View, frozen=True, omit_defaults=True):
    """Why something was not done: twice in words for a person, once for programs."""

    error: str
    message: str
    code: str
    request_id: str
    details: dict[str, Any] | None = None
    retry_after: float | None = None


class LoggedInView(View, frozen=True):
    """The answer to whoever has just logged in."""

    message: str
    user: OwnUserView
    token: str


def user_view(user: User, *, online: bool, avatars: Squares = None) -> UserView:
    """A user as others see them; of one who is invisible, not even when they were there."""
    return UserView(
        id=user.id,
        underscore_id=user.id,
        username=user.name,
        display_name=user.display_name,
        avatar=user.avatar,
        avatars=avatars,
        is_online=online,
        last_seen=None if user.invisible else user.last_seen,
        created_at=user.created,
    )


def own_user_view(user: User, *, online: bool, avatars: Squares = None) -> OwnUserView:
    """A user as they see themselves."""
    return OwnUserView(
        id=user.id,
        underscore_id=user.id,
        username=user.name,
        display_name=user.display_name,
        avatar=user.avatar,
        avatars=avatars,
        is_online=online,
        last_seen=user.last_seen,
        created_at=user.created,
        email=user.email,
        role=user.role,
        disabled=user.disabled,
        read_receipts=user.receipts,
        invisible=user.invisible,
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


class AttachmentView(View, frozen=True):
    """An upload as a message shows it."""

    id: str
    name: str
    type: str
    kind: str
    size: int
    width: int | None
    height: int | None
    url: str
    thumbnails: dict[str, str] | None
    placeholder: str | None


class UploadView(AttachmentView, frozen=True):
    """An upload of one's own."""

    created_at: Moment


class MessageBody(View, frozen=True):
    """A message. What only its sender knows of it is for its sender's sockets."""

    id: str
    room_id: str
    seq: int
    rev: int
    sender_id: str
    sender_username: str
    content: str
    attachments: tuple[AttachmentView, ...]
    image_url: str | None
    reply_to: str | None
    mentions: tuple[str, ...]
    reactions: dict[str, tuple[str, ...]]
    pinned: bool
    created_at: Moment
    edited_at: Moment | None
    deleted_at: Moment | None
    client_id: str | UnsetType = UNSET
    temp_id: str | UnsetType = UNSET


class PersonView(View, frozen=True):
    """Somebody in a list of those who are in a room."""

    id: str
    username: str
    display_name: str


class RoomView(View, frozen=True):
    """A room, as everybody in it sees it."""

    id: str
    kind: str
    type: str
    name: str | None
    description: str
    participants: list[PersonView]
    created_at: Moment


class OwnRoomView(RoomView, frozen=True):
    """A room with how far it and one of those in it have come."""

    seq: int
    rev: int
    delivered: int
    read: int
    unread: int
    mentions: int
    muted: bool
    last_message: MessageBody | None


class MemberView(PersonView, frozen=True):
    """Somebody in a room, as the others in it see them; marks are told in rooms of up to 100."""

    role: RoomRole
    is_online: bool
    delivered: int
    read: int


def attachment_view(shown: Shown) -> AttachmentView:
    """An upload as a message shows it."""
    return AttachmentView(**asdict(shown))


def upload_view(upload: Upload, shown: Shown) -> UploadView:
    """An upload of one's own."""
    return UploadView(**asdict(shown), created_at=upload.created)


def message_body(event: MessageStored, form: Form) -> bytes:
    """A message for the sockets of one form; what is the same in all of them is encoded once."""
    body = event.forms.get(form)
    if body is None:
        if form == _OTHERS:
            view = message_view(event.message, event.sender_name, shown=event.shown)
            body = msgspec.json.encode(view)
        else:
            body = message_body(event, _OTHERS)
            if form in _OWN:
                body = _with_own_names(body, event.message, form)
        event.forms[form] = body
    return body


def _with_own_names(body: bytes, message: Message, form: Form) -> bytes:
    client_id, temp_id = _own_names(message, form)
    if client_id is not None:
        body = b'%b,"clientId":%b}' % (body[:-1], msgspec.json.encode(client_id))
    if temp_id is not None:
        body = b'%b,"tempId":%b}' % (body[:-1], msgspec.json.encode(temp_id))
    return body


def _own_names(message: Message, form: Form) -> tuple[str | None, str | None]:
    """What a client has called a message: for its sender's sockets, or the one it came from."""
    if form not in _OWN:
        return None, None
    return client_id_of(message), temp_id_of(message) if form == "origin" else None


def message_view(
    message: Message, sender_name: str, form: Form = "others", shown: tuple[Shown, ...] = ()
) -> MessageBody:
    """A message for the sockets of one form, with what it shows."""
    client_id, temp_id = _own_names(message, form)
    # In the order of its fields: to name them takes 0.4 µs, a third of all that a message takes.
    return MessageBody(
        message.id,
        message.room,
        message.seq,
        message.rev,
        message.sender,
        sender_name,
        message.text,
        tuple(map(attachment_view, shown)) if shown else (),
        _first_image(shown) if shown else None,
        message.reply_to,
        message.mentions,
        _reactions(message) if message.reactions else {},
        message.pinned,
        message.created,
        message.edited,
        message.deleted,
        UNSET if client_id is None else client_id,
        UNSET if temp_id is None else temp_id,
    )


def _first_image(shown: tuple[Shown, ...]) -> str | None:
    return next((each.url for each in shown if each.kind == "image"), None)


def _reactions(message: Message) -> dict[str, tuple[str, ...]]:
    return {reaction.emoji: reaction.users for reaction in message.reactions}


def room_view(room: Room, members: Iterable[User]) -> RoomView:
    """A room, as everybody in it sees it."""
    return RoomView(
        id=room.id,
        kind=room.kind,
        type=_type(room),
        name=room.name,
        description=room.description,
        participants=[_person(user) for user in members],
        created_at=room.created,
    )


def own_room_view(state: RoomState, user: str, sender_name: Callable[[str], str]) -> OwnRoomView:
    """A room as one of those in it sees it."""
    standing = state.room.standing(user)
    last_name = "" if standing.last is None else sender_name(standing.last.sender)
    return _own_room(state.room.room, state.members, standing, last_name, state.shown)


def new_room_view(event: RoomCreated) -> OwnRoomView:
    """A room as one sees it who hears that it is there."""
    return _own_room(event.room, event.members, event.standing, event.last_name, event.shown)


def _own_room(
    room: Room,
    members: Iterable[User],
    standing: Standing,
    last_name: str,
    shown: tuple[Shown, ...],
) -> OwnRoomView:
    last = standing.last
    return OwnRoomView(
        id=room.id,
        kind=room.kind,
        type=_type(room),
        name=room.name,
        description=room.description,
        participants=[_person(user) for user in members],
        created_at=room.created,
        seq=standing.seq,
        rev=standing.rev,
        delivered=standing.delivered,
        read=standing.read,
        unread=max(0, standing.seq - standing.read),
        mentions=standing.mentions,
        muted=standing.muted,
        last_message=None if last is None else message_view(last, last_name, shown=shown),
    )


def member_view(seen: Seen, *, online: bool) -> MemberView:
    """Somebody in a room, as the others in it see them."""
    return MemberView(
        id=seen.user.id,
        username=seen.user.name,
        display_name=seen.user.display_name,
        role=seen.role,
        is_online=online,
        delivered=seen.delivered,
        read=seen.read,
    )


def _person(user: User) -> PersonView:
    return PersonView(id=user.id, username=user.name, display_name=user.display_name)


def _type(room: Room) -> str:
    """The kind of a room in the words of older clients."""
    return "private" if room.kind == "direct" else "group"
