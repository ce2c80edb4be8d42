"""Records to rows and back."""

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import msgspec

from models.records import (
    FormerText,
    Hint,
    KeyedCall,
    Membership,
    Message,
    Reaction,
    Room,
    Session,
    Upload,
    User,
    folded,
    is_id,
    look_of,
)

Row = dict[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

# So many rows go into one statement, and so many of the rest. The more, the less often SQLite keeps
# the same pages to undo a statement (1 µs a row less than with 50); and of so few sizes it has met
# nearly every one before.
_ROWS = (400, 100, 25, 5, 1)

_texts = msgspec.json.Decoder(tuple[str, ...])
_reactions = msgspec.json.Decoder(tuple[Reaction, ...])
_former = msgspec.json.Decoder(tuple[FormerText, ...])
_hint = msgspec.json.Decoder(Hint)


def ms(moment: datetime) -> int:
    """A moment as milliseconds since 1970."""
    return (moment - _EPOCH) // _MILLISECOND


def moment(milliseconds: int) -> datetime:
    """Milliseconds since 1970 as a moment."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def ms_or_none(value: datetime | None) -> int | None:
    """As `ms`, where the time may be missing."""
    return None if value is None else ms(value)


def moment_or_none(value: int | None) -> datetime | None:
    """As `moment`, where the time may be missing."""
    return None if value is None else moment(value)


def packed(value: object) -> str | None:
    """A part that is read as a whole, as JSON; an empty one takes no room."""
    return msgspec.json.encode(value).decode() if value else None


def listed(ids: Iterable[str]) -> str:
    """Ids as the JSON that a statement takes apart; SQLite would cut other texts at a NUL."""
    return msgspec.json.encode([text for text in ids if is_id(text)]).decode()


def behind(after: str | None) -> str:
    """The text behind which a page of ids begins; nothing comes behind what is no id."""
    if after is None:
        return ""
    return after if is_id(after) else "~"


def insertion(table: str, row: Row) -> tuple[str, Row]:
    """The statement that inserts a row, and its parameters."""
    columns = ", ".join(row)
    values = ", ".join(f":{column}" for column in row)
    return f"INSERT INTO {table} ({columns}) VALUES ({values})", row  # noqa: S608 - our own names


def assignments(row: Row) -> str:
    """The SET clause that writes the columns of a row."""
    return ", ".join(f"{column} = :{column}" for column in row)


def user_row(user: User) -> Row:
    """A user with the keys by which it is found."""
    return {
        "id": user.id,
        "name": user.name,
        "name_key": folded(user.name),
        "look_key": look_of(user.name),
        "display_name": user.display_name,
        "display_key": folded(user.display_name),
        "email": user.email,
        "email_key": None if user.email is None else folded(user.email),
        "password_hash": user.password_hash,
        "role": user.role,
        "avatar": user.avatar,
        "created": ms(user.created),
        "last_seen": ms_or_none(user.last_seen),
        "disabled": user.disabled,
        "deleted": ms_or_none(user.deleted),
        "receipts": user.receipts,
        "invisible": user.invisible,
    }


def user_of(row: sqlite3.Row) -> User:
    """The user of a row."""
    return User(
        id=row["id"],
        name=row["name"],
        display_name=row["display_name"],
        email=row["email"],
        password_hash=row["password_hash"],
        role=row["role"],
        avatar=row["avatar"],
        created=moment(row["created"]),
        last_seen=moment_or_none(row["last_seen"]),
        disabled=bool(row["disabled"]),
        deleted=moment_or_none(row["deleted"]),
        receipts=bool(row["receipts"]),
        invisible=bool(row["invisible"]),
    )


def session_row(session: Session) -> Row:
    """A session as a row."""
    return {
        "id": session.id,
        "user": session.user,
        "created": ms(session.created),
        "seen": ms(session.seen),
        "expires": ms(session.expires),
        "agent": session.agent,
        "address": session.address,
    }


def session_of(row: sqlite3.Row) -> Session:
    """The session of a row."""
    return Session(
        id=row["id"],
        user=row["user"],
        created=moment(row["created"]),
        seen=moment(row["seen"]),
        expires=moment(row["expires"]),
        agent=row["agent"],
        address=row["address"],
    )


def room_row(room: Room) -> Row:
    """A room as a row."""
    return {
        "id": room.id,
        "kind": room.kind,
        "name": room.name,
        "description": room.description,
        "creator": room.creator,
        "created": ms(room.created),
        "active": ms(room.active),
        "pair": room.pair,
        "hint": packed(room.hint),
    }


def room_of(row: sqlite3.Row) -> Room:
    """The room of a row."""
    return Room(
        id=row["id"],
        kind=row["kind"],
        name=row["name"],
        description=row["description"],
        creator=row["creator"],
        created=moment(row["created"]),
        active=moment(row["active"]),
        pair=row["pair"],
        hint=_hint.decode(row["hint"]) if row["hint"] else None,
    )


def membership_row(membership: Membership) -> Row:
    """A membership as a row."""
    return {
        "room": membership.room,
        "user": membership.user,
        "role": membership.role,
        "joined": ms(membership.joined),
        "delivered": membership.delivered,
        "read": membership.read,
        "muted": membership.muted,
        "hidden": membership.hidden,
    }


def membership_of(row: sqlite3.Row) -> Membership:
    """The membership of a row."""
    return Membership(
        room=row["room"],
        user=row["user"],
        role=row["role"],
        joined=moment(row["joined"]),
        delivered=row["delivered"],
        read=row["read"],
        muted=bool(row["muted"]),
        hidden=bool(row["hidden"]),
    )


def insert_rows(
    connection: sqlite3.Connection, into: str, rows: Sequence[tuple[object, ...]]
) -> None:
    """Insert rows by as few statements as there may be.

    Every statement lets go of the interpreter and has to get it back from the event loop, so one a
    row costs more in waiting than in work.
    """
    at = 0
    for size in _ROWS:
        while len(rows) - at >= size:
            marks = "(" + ",".join("?" * len(rows[at])) + ")"
            values = ",".join([marks] * size)
            statement = f"INSERT INTO {into} VALUES {values}"  # noqa: S608 - of our own words
            connection.execute(statement, list(chain.from_iterable(rows[at : at + size])))
            at += size


def texts_of(value: str | None) -> tuple[str, ...]:
    """Texts that were packed."""
    return _texts.decode(value) if value else ()


def content_row(message: Message) -> Row:
    """The part of a message that a change may replace."""
    return {
        "rev": message.rev,
        "text": message.text,
        "attachments": packed(message.attachments),
        "reactions": packed(message.reactions),
        "mentions": packed(message.mentions),
        "pinned": message.pinned,
        "former": packed(message.former),
        "edited": ms_or_none(message.edited),
        "deleted": ms_or_none(message.deleted),
    }


def message_row(message: Message) -> Row:
    """A message as a row."""
    return {
        "id": message.id,
        "room": message.room,
        "seq": message.seq,
        "sender": message.sender,
        "client_id": message.client_id,
        "reply_to": message.reply_to,
        "created": ms(message.created),
        **content_row(message),
    }


def message_of(row: sqlite3.Row) -> Message:
    """The message of a row."""
    return Message(
        id=row["id"],
        room=row["room"],
        seq=row["seq"],
        rev=row["rev"],
        sender=row["sender"],
        client_id=row["client_id"],
        text=row["text"],
        attachments=texts_of(row["attachments"]),
        reply_to=row["reply_to"],
        reactions=_reactions.decode(row["reactions"]) if row["reactions"] else (),
        mentions=texts_of(row["mentions"]),
        pinned=bool(row["pinned"]),
        former=_former.decode(row["former"]) if row["former"] else (),
        created=moment(row["created"]),
        edited=moment_or_none(row["edited"]),
        deleted=moment_or_none(row["deleted"]),
    )


def upload_row(upload: Upload) -> Row:
    """An upload as a row."""
    return {
        "id": upload.id,
        "owner": upload.owner,
        "name": upload.name,
        "type": upload.type,
        "size": upload.size,
        "sha256": upload.sha256,
        "width": upload.width,
        "height": upload.height,
        "placeholder": upload.placeholder,
        "created": ms(upload.created),
    }


def upload_of(row: sqlite3.Row) -> Upload:
    """The upload of a row."""
    return Upload(
        id=row["id"],
        owner=row["owner"],
        name=row["name"],
        type=row["type"],
        size=row["size"],
        sha256=row["sha256"],
        width=row["width"],
        height=row["height"],
        placeholder=row["placeholder"],
        created=moment(row["created"]),
    )


def keyed_call_row(call: KeyedCall) -> Row:
    """A keyed call as a row."""
    return {
        "id": call.id,
        "owner": call.owner,
        "session": call.session,
        "digest": call.digest,
        "makes": call.makes,
        "created": ms(call.created),
        "progress": call.progress,
        "status": call.status,
        "body": call.body,
    }


def keyed_call_of(row: sqlite3.Row) -> KeyedCall:
    """The keyed call of a row."""
    return KeyedCall(
        id=row["id"],
        owner=row["owner"],
        session=row["session"],
        digest=row["digest"],
        makes=row["makes"],
        created=moment(row["created"]),
        progress=row["progress"],
        status=row["status"],
        body=row["body"],
    )
