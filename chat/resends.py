"""What a message is known by when it is sent again: its client's name for it, or one made of it.

A `clientId` is a name for good. A `tempId` is not: a page may count from 1 whenever it is loaded,
so the same one means the same message only in the same room, with the same words, and for a while.
"""

import hashlib
from datetime import datetime

from chat.commands import MAX_CLIENT_ID, SendMessage
from models.records import Message

# Whoever lost the answer is back within minutes; whoever says "hi" again tomorrow means it.
PERIOD_SECONDS = 600
# In the first part of a period, what was sent in the one before is still the same message.
OVERLAP_SECONDS = 300

# Longer than any `clientId`, so that none of them can be mistaken for a name that is made here.
_DIGITS = 64
_FILL = "="
assert _DIGITS >= MAX_CLIENT_ID  # noqa: S101


def name_of(
    command: SendMessage,
    room_id: str,
    message_id: str,
    moment: datetime,
    makes: str | None = None,
) -> str:
    """What a message is stored under; its own id where its client gives it no name."""
    if command.client_id is not None:
        return command.client_id
    if makes is not None:
        return _keyed(makes)
    if command.temp_id is not None:
        return _made(command, command.temp_id, room_id, _period(moment))
    return message_id


def earlier_name(command: SendMessage, room_id: str, moment: datetime) -> str | None:
    """What it would be stored under if it was sent before this period, where that still counts."""
    if command.client_id is not None or command.temp_id is None:
        return None
    if moment.timestamp() % PERIOD_SECONDS >= OVERLAP_SECONDS:
        return None
    return _made(command, command.temp_id, room_id, _period(moment) - 1)


def is_made_by(message: Message, makes: str | None) -> bool:
    """Tell whether a message was made by the call with a key that was to make this."""
    return makes is not None and message.client_id == _keyed(makes)


def client_id_of(message: Message) -> str | None:
    """The `clientId` that a message was sent with."""
    name = message.client_id
    return None if name == message.id or len(name) > MAX_CLIENT_ID else name


def temp_id_of(message: Message) -> str | None:
    """The `tempId` that a message was sent with."""
    name = message.client_id
    if len(name) <= MAX_CLIENT_ID or name.startswith(_FILL):
        return None
    return name[_DIGITS:]


def _keyed(makes: str) -> str:
    """A name that no client can give and no digest is: by it, a call finds what it made."""
    return _FILL * _DIGITS + makes


def _period(moment: datetime) -> int:
    return int(moment.timestamp() // PERIOD_SECONDS)


def _made(command: SendMessage, temp_id: str, room_id: str, period: int) -> str:
    said = [room_id, command.content, command.reply_to or "", *command.attachments, str(period)]
    # Lengths keep the parts apart, so that no two messages come to the same text.
    parts = "".join(f"{len(part)}:{part}" for part in said)
    return hashlib.sha256(parts.encode()).hexdigest() + temp_id
