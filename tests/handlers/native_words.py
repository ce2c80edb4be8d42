"""What is told in the native words, and the frames that are expected of it."""

from datetime import UTC, datetime

from msgspec.structs import replace

from chat.attachments import Shown
from handlers.dialects.native import Native
from models.records import Message, Reaction, Room, User

WORDS = Native()

WHEN = datetime(2024, 2, 29, 12, 30, 15, 123000, tzinfo=UTC)
LATER = datetime(2024, 2, 29, 12, 30, 16, tzinfo=UTC)
ANN, BOB, ROOM, SAID = ("a" * 24, "b" * 24, "c" * 24, "d" * 24)

USER = User(id=ANN, name="ann", display_name="Änn", created=WHEN)
CLUB = Room(id=ROOM, kind="private", name="Club", creator=ANN, created=WHEN, active=WHEN)
MESSAGE = Message(
    id=SAID, room=ROOM, seq=3, rev=7, sender=ANN, client_id="c1", text="hi", created=WHEN,
)  # fmt: skip
TEMPORARY = replace(MESSAGE, client_id="0" * 64 + "t1")
FULL = Message(
    id=SAID, room=ROOM, seq=3, rev=9, sender=ANN, client_id="c1", text="hi @bob", created=WHEN,
    reply_to="e" * 24, attachments=("f" * 24,), mentions=(BOB,), pinned=True, edited=LATER,
    reactions=(Reaction(emoji="👍", users=(ANN, BOB)), Reaction(emoji="$set", users=(BOB,))),
)  # fmt: skip

SHOWN = (
    Shown(
        id="f" * 24, name="a.png", type="image/png", kind="image", size=9, width=3, height=2,
        url="/files/f", thumbnails={"320": "/files/t"}, placeholder="data:,",
    ),
)  # fmt: skip

BODY = (
    '{"id":"dddddddddddddddddddddddd","roomId":"cccccccccccccccccccccccc","seq":3,"rev":7,'
    '"senderId":"aaaaaaaaaaaaaaaaaaaaaaaa","senderUsername":"ann","content":"hi",'
    '"attachments":[],"imageUrl":null,"replyTo":null,"mentions":[],"reactions":{},"pinned":false,'
    '"createdAt":"2024-02-29T12:30:15.123000Z","editedAt":null,"deletedAt":null'
)
FULL_BODY = (
    '{"id":"dddddddddddddddddddddddd","roomId":"cccccccccccccccccccccccc","seq":3,"rev":9,'
    '"senderId":"aaaaaaaaaaaaaaaaaaaaaaaa","senderUsername":"ann","content":"hi @bob",'
    '"attachments":[{"id":"ffffffffffffffffffffffff","name":"a.png","type":"image/png",'
    '"kind":"image","size":9,"width":3,"height":2,"url":"/files/f","thumbnails":{"320":"/files/t"},'
    '"placeholder":"data:,"}],"imageUrl":"/files/f",'
    '"replyTo":"eeeeeeeeeeeeeeeeeeeeeeee","mentions":["bbbbbbbbbbbbbbbbbbbbbbbb"],'
    '"reactions":{"👍":["aaaaaaaaaaaaaaaaaaaaaaaa","bbbbbbbbbbbbbbbbbbbbbbbb"],'
    '"$set":["bbbbbbbbbbbbbbbbbbbbbbbb"]},"pinned":true,'
    '"createdAt":"2024-02-29T12:30:15.123000Z","editedAt":"2024-02-29T12:30:16Z","deletedAt":null'
)
ROOM_BODY = (
    '{"id":"cccccccccccccccccccccccc","kind":"private","type":"group","name":"Club",'
    '"description":"","participants":[{"id":"aaaaaaaaaaaaaaaaaaaaaaaa","username":"ann",'
    '"displayName":"Änn"}],"createdAt":"2024-02-29T12:30:15.123000Z"}'
)
NEW_ROOM_BODY = (
    ROOM_BODY[:-1] + ',"seq":0,"rev":0,"delivered":0,"read":0,"unread":0,"mentions":0,'
    '"muted":false,"lastMessage":null}'
)
NOTIFY = (
    '{"type":"NOTIFY","payload":{"kind":"%s","roomId":"cccccccccccccccccccccccc",'
    '"messageId":"dddddddddddddddddddddddd","senderId":"aaaaaaaaaaaaaaaaaaaaaaaa",'
    '"senderUsername":"ann"}}'
)


def texts(data: bytes) -> list[str]:
    """The texts of finished frames."""
    found = []
    while data:
        assert data[0] == 0x81
        size, start = data[1], 2
        if size == 126:
            size, start = int.from_bytes(data[2:4]), 4
        found.append(data[start : start + size].decode())
        data = data[start + size :]
    return found
