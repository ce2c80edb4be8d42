"""What a client may ask, as typed structs; decoding one is the whole of its type checking.

Fields are bounded here, so that nothing behind the edge meets a text without an end. What a text
must say (a name, a password) is checked where it is used.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from models.records import RoomRole

# The longest address that mail can carry.
MAX_EMAIL = 254

Name = Annotated[str, Meta(max_length=64)]
Email = Annotated[str, Meta(max_length=MAX_EMAIL)]
# Far more than the 72 bytes that bcrypt takes, so that the refusal can say why.
Password = Annotated[str, Meta(max_length=1024)]
Id = Annotated[str, Meta(max_length=64)]


class Command(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """Anything that a client asks for."""


class Register(Command, frozen=True):
    """Make an account and log in to it."""

    username: Name
    password: Password
    email: Email | None = None
    display_name: Name | None = None


class LogIn(Command, frozen=True):
    """Log in by e-mail or user name; either may stand in either field."""

    password: Password
    email: Email | None = None
    username: Email | None = None


class ChangePassword(Command, frozen=True):
    """Replace the password of one's own account."""

    current_password: Password
    new_password: Password


class ChangeProfile(Command, frozen=True):
    """Change what others see; a field that is left out stays as it is."""

    display_name: Name | UnsetType = UNSET
    avatar: Id | UnsetType | None = UNSET
    read_receipts: bool | UnsetType = UNSET
    invisible: bool | UnsetType = UNSET


class DeleteAccount(Command, frozen=True):
    """Delete one's own account."""

    password: Password


# What may be said at once, in characters; SQLite and MongoDB would both take far more.
MAX_TEXT = 5000
MAX_ATTACHMENTS = 10
MAX_CLIENT_ID = 64
MAX_PAGE = 200

Text = Annotated[str, Meta(max_length=MAX_TEXT)]
ClientId = Annotated[str, Meta(min_length=1, max_length=MAX_CLIENT_ID)]
Emoji = Annotated[str, Meta(min_length=1, max_length=32)]
Attached = Annotated[tuple[Id, ...], Meta(max_length=MAX_ATTACHMENTS)]
Address = Annotated[str, Meta(max_length=2048)]
Number = Annotated[int, Meta(ge=0, le=2**53)]
PageSize = Annotated[int, Meta(ge=1, le=MAX_PAGE)]


class SendMessage(Command, frozen=True):
    """Say something in a room, or to a user: the direct room is found or made.

    `clientId` makes the message the same when it is sent again, for good; `tempId`, which older
    clients send, does so for some minutes, and where room and words are the same. `imageUrl` is
    their way to attach an upload: the link that they were given.
    """

    room_id: Id | None = None
    to: Id | None = None
    content: Text = ""
    client_id: ClientId | None = None
    temp_id: ClientId | None = None
    attachments: Attached = ()
    image_url: Address | None = None
    reply_to: Id | None = None


class EditMessage(Command, frozen=True):
    """Say something else instead."""

    message_id: Id
    content: Text


class DeleteMessage(Command, frozen=True):
    """Take back what one has said, or, in charge of a room, what somebody else has."""

    message_id: Id


class React(Command, frozen=True):
    """Put an emoji under a message, or take it away."""

    message_id: Id
    emoji: Emoji
    on: bool = True


class Pin(Command, frozen=True):
    """Pin a message to its room, or unpin it."""

    message_id: Id
    on: bool = True


class Read(Command, frozen=True):
    """Have read as far as a message, and so all before it."""

    room_id: Id | None = None
    seq: Number | None = None
    message_id: Id | None = None


class Delivered(Command, frozen=True):
    """Have received as far as a message, and so all before it."""

    room_id: Id | None = None
    seq: Number | None = None
    message_id: Id | None = None


class Typing(Command, frozen=True):
    """Be writing."""

    room_id: Id


class StopTyping(Command, frozen=True):
    """Be writing no more."""

    room_id: Id


class CreateRoom(Command, frozen=True):
    """Make a room, or find the direct room with somebody."""

    kind: Literal["direct", "private", "public"] = "private"
    name: Name | None = None
    description: Annotated[str, Meta(max_length=500)] = ""
    participant_ids: Annotated[tuple[Id, ...], Meta(max_length=100)] = ()


class UpdateRoom(Command, frozen=True):
    """Rename or describe a room; what is left out stays as it is."""

    room_id: Id
    name: Name | UnsetType = UNSET
    description: Annotated[str, Meta(max_length=500)] | UnsetType = UNSET


class DeleteRoom(Command, frozen=True):
    """Remove a room with all that was said in it."""

    room_id: Id


class JoinRoom(Command, frozen=True):
    """Come into a public room, or listen to a room that one is in."""

    room_id: Id


class LeaveRoom(Command, frozen=True):
    """Leave a room for good; a direct room is hidden until somebody writes."""

    room_id: Id


class Mute(Command, frozen=True):
    """Hear no sound of a room but where one is mentioned, or hear it again."""

    room_id: Id
    on: bool = True


class Invite(Command, frozen=True):
    """Bring somebody into a room."""

    room_id: Id
    user_id: Id


class RemoveMember(Command, frozen=True):
    """Send somebody out of a room."""

    room_id: Id
    user_id: Id


class SetRole(Command, frozen=True):
    """Change what somebody is in a room."""

    room_id: Id
    user_id: Id
    role: RoomRole


class Sync(Command, frozen=True):
    """Hear what has changed in a room since a `rev`."""

    room_id: Id
    since: Number
    limit: Annotated[int, Meta(ge=1, le=1000)] = 500


class History(Command, frozen=True):
    """Read a page of a room: before or after a `seq`, around one, or the last."""

    room_id: Id
    before: Number | None = None
    after: Number | None = None
    around: Number | None = None
    limit: PageSize = 50
