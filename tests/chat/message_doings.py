"""What somebody may do with a message, each in the same form, and what comes of it."""

from collections.abc import Awaitable, Callable

from chat.commands import DeleteMessage, Delivered, EditMessage, Pin, React, Read, SendMessage
from chat.entries import Said
from chat.errors import Refusal
from models.records import Message, User
from tests.chat.engine import Cast, Core, speaker

Doing = Callable[[Core, Cast, Message, User], Awaitable[object]]


def unheard(_: Said | Refusal) -> None:
    """Nobody waits for the answer."""


def send(core: Core, cast: Cast, _: Message, by: User) -> Awaitable[object]:
    command = SendMessage(room_id=cast.room.id, content="hello")
    return core.chat.sent(speaker(by), command)


def edit(core: Core, _: Cast, message: Message, by: User, text: str = "new") -> Awaitable[object]:
    return core.chat.edit(speaker(by), EditMessage(message_id=message.id, content=text))


def delete(core: Core, _: Cast, message: Message, by: User) -> Awaitable[object]:
    return core.chat.delete(speaker(by), DeleteMessage(message_id=message.id))


def react(core: Core, _: Cast, message: Message, by: User, **more: object) -> Awaitable[object]:
    command = React(**{"message_id": message.id, "emoji": "👍", **more})
    return core.chat.react(speaker(by), command)


def pin(core: Core, _: Cast, message: Message, by: User, *, on: bool = True) -> Awaitable[object]:
    return core.chat.pin(speaker(by), Pin(message_id=message.id, on=on))


def read(core: Core, _: Cast, message: Message, by: User) -> Awaitable[object]:
    return core.chat.read(speaker(by), Read(room_id=message.room, seq=message.seq))


def read_message(core: Core, _: Cast, message: Message, by: User) -> Awaitable[object]:
    return core.chat.read(speaker(by), Read(message_id=message.id))


def deliver(core: Core, _: Cast, message: Message, by: User) -> Awaitable[object]:
    return core.chat.delivered(speaker(by), Delivered(room_id=message.room, seq=message.seq))


OK, NO_ROOM, NO_MESSAGE = "ok", "room_not_found", "message_not_found"
NOT_YOURS, NOT_IN_CHARGE = "not_yours", "not_in_charge"
