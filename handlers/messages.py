"""REST for what was said: saying it, changing it, and having received and read it."""

from chat import commands
from chat.commands import (
    Command,
    DeleteMessage,
    Delivered,
    EditMessage,
    Emoji,
    Id,
    Number,
    Pin,
    React,
    Read,
    SendMessage,
)
from chat.receipts import Marks
from chat.resends import is_made_by
from chat.sessions import Identity
from handlers.calls import call
from handlers.rooms import RoomHandler
from handlers.views import MessageBody, Moment, View
from models.records import FormerText

_WRITING = ("busy", "not_stored")
SENDING = (*_WRITING, "room_not_found", "empty_message", "unknown_message", "unknown_upload")
_CHANGING = (*_WRITING, "message_not_found")


class PostMessage(Command, frozen=True):
    """Say something in a room. `clientId` makes it the same when it is sent again."""

    content: commands.Text = ""
    client_id: commands.ClientId | None = None
    attachments: commands.Attached = ()
    image_url: commands.Address | None = None
    reply_to: Id | None = None


class PatchMessage(Command, frozen=True):
    """Say something else instead."""

    content: commands.Text


class Place(Command, frozen=True):
    """How far one has come; without a `seq`, as far as there is."""

    seq: Number = 2**53


class MarksView(View, frozen=True):
    """How far one has come in a room."""

    room_id: str
    delivered: int
    read: int


class FormerTextView(View, frozen=True):
    """What a message said, and until when."""

    text: str
    until: Moment


class FormerTexts(View, frozen=True):
    """What a message said before its edits, the oldest first."""

    former: list[FormerTextView]


class SendHandler(RoomHandler):
    """A handler that takes what is said."""

    async def send(self, identity: Identity, command: SendMessage) -> MessageBody:
        """Say something; 200 if it was said before, under the same client id."""
        said = await self.services.chat.sent(self.speaker(identity), command)
        new = said.fresh or is_made_by(said.message, self.makes)
        self.set_status(201 if new else 200)
        return self.said(said.message, identity)


class PostMessageHandler(SendHandler):
    """Saying something, wherever."""

    @call(
        201,
        200,
        codes=(*SENDING, "missing_field", "user_not_found", "invalid_participants"),
        bucket="messages",
    )
    async def post(self, identity: Identity, body: SendMessage) -> MessageBody:
        """Say something in a room, or `to` a user: the direct room is found or made."""
        return await self.send(identity, body)


async def _message_again(
    handler: RoomHandler, identity: Identity, message_id: str, **_: object
) -> MessageBody:
    """The message that a call with a key has changed before."""
    message = await handler.services.reading.message(identity.user.id, message_id)
    return handler.said(message, identity)


class MessageHandler(RoomHandler):
    """One message."""

    @call(codes=("message_not_found",))
    async def get(self, identity: Identity, message_id: Id) -> MessageBody:
        """Show it."""
        message = await self.services.reading.message(identity.user.id, message_id)
        return self.said(message, identity)

    @call(
        codes=(*_CHANGING, "empty_message", "not_yours", "too_late", "message_deleted"),
        again=_message_again,
    )
    async def patch(self, identity: Identity, message_id: Id, body: PatchMessage) -> MessageBody:
        """Say something else instead; what it said before is kept."""
        command = EditMessage(message_id=message_id, content=body.content)
        message = await self.services.chat.edit(self.speaker(identity), command)
        return self.said(message, identity)

    @call(codes=(*_CHANGING, "not_yours"), again=_message_again)
    async def delete(self, identity: Identity, message_id: Id) -> MessageBody:
        """Take it back: its place stays, empty. For its sender and those in charge of the room."""
        command = DeleteMessage(message_id=message_id)
        message = await self.services.chat.delete(self.speaker(identity), command)
        return self.said(message, identity)


class FormerTextsHandler(RoomHandler):
    """What a message said before."""

    @call(codes=("message_not_found", "not_yours"))
    async def get(self, identity: Identity, message_id: Id) -> FormerTexts:
        """List its former texts; for its sender and those in charge of the room."""
        former = await self.services.reading.former(identity.user.id, message_id)
        return FormerTexts(former=[_former_view(text) for text in former])


class ReactionHandler(RoomHandler):
    """One's emoji under a message."""

    @call(
        codes=(*_CHANGING, "invalid_emoji", "message_deleted", "too_many_reactions"),
        again=_message_again,
    )
    async def put(self, identity: Identity, message_id: Id, emoji: Emoji) -> MessageBody:
        """Put it there."""
        return await self._react(identity, React(message_id=message_id, emoji=emoji))

    @call(codes=(*_CHANGING, "invalid_emoji", "message_deleted"), again=_message_again)
    async def delete(self, identity: Identity, message_id: Id, emoji: Emoji) -> MessageBody:
        """Take it away."""
        return await self._react(identity, React(message_id=message_id, emoji=emoji, on=False))

    async def _react(self, identity: Identity, command: React) -> MessageBody:
        message = await self.services.chat.react(self.speaker(identity), command)
        return self.said(message, identity)


class PinHandler(RoomHandler):
    """Whether a message is pinned to its room."""

    @call(codes=(*_CHANGING, "message_deleted", "not_in_charge"), again=_message_again)
    async def put(self, identity: Identity, message_id: Id) -> MessageBody:
        """Pin it; for those in charge of the room, and for both in a direct one."""
        return await self._pin(identity, Pin(message_id=message_id))

    @call(codes=(*_CHANGING, "message_deleted", "not_in_charge"), again=_message_again)
    async def delete(self, identity: Identity, message_id: Id) -> MessageBody:
        """Unpin it."""
        return await self._pin(identity, Pin(message_id=message_id, on=False))

    async def _pin(self, identity: Identity, command: Pin) -> MessageBody:
        message = await self.services.chat.pin(self.speaker(identity), command)
        return self.said(message, identity)


class ReadMessageHandler(RoomHandler):
    """Having read a message."""

    @call(codes=_CHANGING)
    async def post(self, identity: Identity, message_id: Id) -> MarksView:
        """Have read its room as far as this message."""
        command = Read(message_id=message_id)
        return _marks_view(await self.services.chat.read(self.speaker(identity), command))


class DeliveredMessageHandler(RoomHandler):
    """Having received a message."""

    @call(codes=_CHANGING)
    async def post(self, identity: Identity, message_id: Id) -> MarksView:
        """Have received what was said in its room as far as this message."""
        command = Delivered(message_id=message_id)
        return _marks_view(await self.services.chat.delivered(self.speaker(identity), command))


class ReadRoomHandler(RoomHandler):
    """Having read a room."""

    @call(codes=(*_WRITING, "room_not_found"))
    async def post(self, identity: Identity, room_id: Id, body: Place) -> MarksView:
        """Have read as far as a `seq`, or all of it."""
        command = Read(room_id=room_id, seq=body.seq)
        return _marks_view(await self.services.chat.read(self.speaker(identity), command))


class DeliveredRoomHandler(RoomHandler):
    """Having received what was said in a room."""

    @call(codes=(*_WRITING, "room_not_found"))
    async def post(self, identity: Identity, room_id: Id, body: Place) -> MarksView:
        """Have received as far as a `seq`, or all of it."""
        command = Delivered(room_id=room_id, seq=body.seq)
        return _marks_view(await self.services.chat.delivered(self.speaker(identity), command))


def _marks_view(marks: Marks) -> MarksView:
    return MarksView(room_id=marks.room, delivered=marks.delivered, read=marks.read)


def _former_view(former: FormerText) -> FormerTextView:
    return FormerTextView(text=former.text, until=former.until)
