"""The native words, as literal frames."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from chat import commands, events
from chat.attachments import Shown
from chat.errors import Invalid, TooMany
from chat.events import Event, Form
from chat.live_room import Standing
from handlers.dialects.native import COMMANDS, Native
from handlers.dialects.words import AskPresence, Auth, Frame, Listen, Unlisten
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


# What a client sends, and what is understood.
SENT: list[tuple[str, object, object]] = [
    ('{"type":"AUTH","payload":{"token":"t"}}', Auth(token="t"), None),
    (
        '{"type":"AUTH","id":1,"payload":{"token":"t","rooms":{"r":5}}}',
        Auth(token="t", rooms={"r": 5}),
        1,
    ),
    (
        (
            '{"type":"SEND_MESSAGE","id":"x","payload":{"roomId":"r","content":"hi","clientId":"c",'
            '"attachments":["u"],"replyTo":"m"}}'
        ),
        commands.SendMessage(
            room_id="r", content="hi", client_id="c", attachments=("u",), reply_to="m"
        ),
        "x",
    ),
    (
        '{"type":"SEND_MESSAGE","payload":{"to":"u","content":"hi","tempId":"t"}}',
        commands.SendMessage(to="u", content="hi", temp_id="t"),
        None,
    ),
    (
        '{"type":"EDIT_MESSAGE","payload":{"messageId":"m","content":"x"}}',
        commands.EditMessage(message_id="m", content="x"),
        None,
    ),
    (
        '{"type":"DELETE_MESSAGE","payload":{"messageId":"m"}}',
        commands.DeleteMessage(message_id="m"),
        None,
    ),
    (
        '{"type":"REACT","payload":{"messageId":"m","emoji":"👍","on":false}}',
        commands.React(message_id="m", emoji="👍", on=False),
        None,
    ),
    ('{"type":"PIN","payload":{"messageId":"m"}}', commands.Pin(message_id="m", on=True), None),
    ('{"type":"READ","payload":{"roomId":"r","seq":4}}', commands.Read(room_id="r", seq=4), None),
    ('{"type":"DELIVERED","payload":{"messageId":"m"}}', commands.Delivered(message_id="m"), None),
    ('{"type":"TYPING","payload":{"roomId":"r"}}', commands.Typing(room_id="r"), None),
    ('{"type":"START_TYPING","payload":{"roomId":"r"}}', commands.Typing(room_id="r"), None),
    ('{"type":"STOP_TYPING","payload":{"roomId":"r"}}', commands.StopTyping(room_id="r"), None),
    (
        '{"type":"CREATE_ROOM","payload":{"kind":"direct","participantIds":["u"]}}',
        commands.CreateRoom(kind="direct", participant_ids=("u",)),
        None,
    ),
    (
        '{"type":"UPDATE_ROOM","payload":{"roomId":"r","name":"n"}}',
        commands.UpdateRoom(room_id="r", name="n"),
        None,
    ),
    ('{"type":"DELETE_ROOM","payload":{"roomId":"r"}}', commands.DeleteRoom(room_id="r"), None),
    ('{"type":"JOIN_ROOM","payload":{"roomId":"r"}}', commands.JoinRoom(room_id="r"), None),
    ('{"type":"LEAVE_ROOM","id":0,"payload":{"roomId":"r"}}', commands.LeaveRoom(room_id="r"), 0),
    ('{"type":"LEAVE_ROOM","payload":{"roomId":"r"}}', Unlisten(room_id="r"), None),
    (
        '{"type":"INVITE","payload":{"roomId":"r","userId":"u"}}',
        commands.Invite(room_id="r", user_id="u"),
        None,
    ),
    (
        '{"type":"REMOVE_MEMBER","payload":{"roomId":"r","userId":"u"}}',
        commands.RemoveMember(room_id="r", user_id="u"),
        None,
    ),
    (
        '{"type":"SET_ROLE","payload":{"roomId":"r","userId":"u","role":"admin"}}',
        commands.SetRole(room_id="r", user_id="u", role="admin"),
        None,
    ),
    (
        '{"type":"SYNC","payload":{"roomId":"r","since":3}}',
        commands.Sync(room_id="r", since=3, limit=500),
        None,
    ),
    (
        '{"type":"HISTORY","payload":{"roomId":"r","before":3,"limit":2}}',
        commands.History(room_id="r", before=3, limit=2),
        None,
    ),
    (
        '{"type":"MUTE","payload":{"roomId":"r","on":false}}',
        commands.Mute(room_id="r", on=False),
        None,
    ),
    ('{"type":"MUTE","payload":{"roomId":"r"}}', commands.Mute(room_id="r", on=True), None),
    ('{"type":"PRESENCE","payload":{}}', AskPresence(), None),
    ('{"type":"PRESENCE"}', AskPresence(), None),
    (
        '{"type":"PRESENCE","payload":{"roomId":"r","userIds":["u"],"after":"a","limit":5}}',
        AskPresence(room_id="r", user_ids=("u",), after="a", limit=5),
        None,
    ),
    (
        '{"payload":{"roomId":"r","more":1},"more":[],"type":"TYPING"}',
        commands.Typing(room_id="r"),
        None,
    ),
]


@pytest.mark.parametrize(("sent", "command", "frame_id"), SENT)
def test_what_a_client_sends(sent: str, command: object, frame_id: object) -> None:
    frame = WORDS.decode(sent)
    assert (frame.payload, frame.id) == (command, frame_id)


def test_every_command_is_sent_here() -> None:
    kinds = {sent.split('"type":"')[1].split('"')[0] for sent, _, _ in SENT}
    assert kinds == COMMANDS.keys()


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("", "invalid_json"),
        ("{", "invalid_json"),
        ("[]", "invalid_frame"),
        ('{"type":"AUTHENTICATE","payload":{"token":"t"}}', "invalid_frame"),
        ('{"type":"READ"}', "invalid_frame"),
        ('{"type":"LEAVE_ROOM","payload":{}}', "invalid_frame"),
        ('{"type":"AUTH","payload":{"token":"t","rooms":{"r":-1}}}', "invalid_frame"),
        ('{"type":"AUTH","payload":{"token":"t","rooms":{"r":9007199254740993}}}', "invalid_frame"),
        ('{"type":"SET_ROLE","payload":{"roomId":"r","userId":"u","role":"god"}}', "invalid_frame"),
        ('{"type":"PRESENCE","id":1.5}', "invalid_frame"),
        ('{"type":"PRESENCE","payload":{"limit":1001}}', "invalid_frame"),
        ('{"type":"PRESENCE","payload":{"limit":0}}', "invalid_frame"),
        ('{"type":"PRESENCE","id":true}', "invalid_frame"),
    ],
)
def test_what_makes_no_sense(sent: str, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        WORDS.decode(sent)
    assert refusal.value.code == code


# What is told, to whom, and how it looks.
TOLD: list[tuple[Event, Form, list[str]]] = [
    (
        events.MessageStored(MESSAGE, "ann"),
        "others",
        ['{"type":"MESSAGE","payload":' + BODY + "}}"],
    ),
    (
        events.MessageStored(MESSAGE, "ann", notify=True),
        "others",
        ['{"type":"MESSAGE","payload":' + BODY + "}}", NOTIFY % "message"],
    ),
    (
        events.MessageStored(MESSAGE, "ann", notify=True),
        "muted",
        ['{"type":"MESSAGE","payload":' + BODY + "}}"],
    ),
    (
        events.MessageStored(FULL, "ann", shown=SHOWN),
        "mentioned",
        ['{"type":"MESSAGE","payload":' + FULL_BODY + "}}", NOTIFY % "mention"],
    ),
    (
        events.MessageStored(MESSAGE, "ann", notify=True),
        "own",
        ['{"type":"MESSAGE","payload":' + BODY + ',"clientId":"c1"}}'],
    ),
    (
        events.MessageStored(MESSAGE, "ann", origin=5, notify=True),
        "origin",
        ['{"type":"MESSAGE","payload":' + BODY + ',"clientId":"c1"}}'],
    ),
    (
        events.MessageStored(TEMPORARY, "ann", origin=5),
        "origin",
        ['{"type":"MESSAGE","payload":' + BODY + ',"tempId":"t1"}}'],
    ),
    (
        events.MessageStored(TEMPORARY, "ann", origin=5),
        "own",
        ['{"type":"MESSAGE","payload":' + BODY + "}}"],
    ),
    (
        events.MessageChanged(MESSAGE, "ann"),
        "own",
        ['{"type":"MESSAGE_CHANGED","payload":' + BODY + ',"clientId":"c1"}}'],
    ),
    (
        events.MessageChanged(FULL, "ann", SHOWN),
        "others",
        ['{"type":"MESSAGE_CHANGED","payload":' + FULL_BODY + "}}"],
    ),
    (
        events.MarksMoved(ROOM, BOB, 5, 4),
        "others",
        [
            (
                '{"type":"RECEIPT","payload":{"roomId":"cccccccccccccccccccccccc",'
                '"userId":"bbbbbbbbbbbbbbbbbbbbbbbb","delivered":5,"read":4}}'
            )
        ],
    ),
    (
        events.TypingStarted(ROOM, ANN, "ann"),
        "others",
        [
            (
                '{"type":"TYPING","payload":{"roomId":"cccccccccccccccccccccccc",'
                '"userId":"aaaaaaaaaaaaaaaaaaaaaaaa","username":"ann"}}'
            )
        ],
    ),
    (
        events.TypingTo(
            events.Pair(events.Person(ANN, "ann"), events.Person(BOB, "bob")), is_typing=True
        ),
        "others",
        [],
    ),
    (
        events.TypingStopped(ROOM, ANN),
        "others",
        [
            (
                '{"type":"STOP_TYPING","payload":{"roomId":"cccccccccccccccccccccccc",'
                '"userId":"aaaaaaaaaaaaaaaaaaaaaaaa"}}'
            )
        ],
    ),
    (
        events.UserOnline(ANN, "ann"),
        "others",
        ['{"type":"USER_ONLINE","payload":{"userId":"aaaaaaaaaaaaaaaaaaaaaaaa","username":"ann"}}'],
    ),
    (events.UserOnline(ANN, "ann"), "own", []),
    (
        events.UserOffline(ANN, "ann"),
        "others",
        [
            '{"type":"USER_OFFLINE","payload":{"userId":"aaaaaaaaaaaaaaaaaaaaaaaa","username":"ann"}}'
        ],
    ),
    (events.UserOffline(ANN, "ann"), "own", []),
    (
        events.RoomCreated(CLUB, (USER,), maker=ANN, origin=5, invitation=True),
        "others",
        [
            '{"type":"ROOM_CREATED","payload":' + NEW_ROOM_BODY + "}",
            '{"type":"NOTIFY","payload":{"kind":"invitation","roomId":"cccccccccccccccccccccccc"}}',
        ],
    ),
    (
        events.RoomCreated(CLUB, (USER,), maker=ANN, origin=5, invitation=True),
        "own",
        ['{"type":"ROOM_CREATED","payload":' + NEW_ROOM_BODY + "}"],
    ),
    (events.RoomCreated(CLUB, (USER,), maker=ANN, origin=5, invitation=True), "origin", []),
    (
        events.RoomCreated(
            CLUB, (USER,), Standing(3, 7, 2, 1, mentions=1, muted=True, last=MESSAGE), "ann"
        ),
        "others",
        [
            '{"type":"ROOM_CREATED","payload":'
            + ROOM_BODY[:-1]
            + ',"seq":3,"rev":7,"delivered":2,"read":1,"unread":2,"mentions":1,"muted":true,'
            + '"lastMessage":'
            + BODY
            + "}}}"
        ],
    ),
    (
        events.RoomMuted(ROOM, muted=True),
        "others",
        [
            '{"type":"ROOM_MUTED","payload":{"roomId":"cccccccccccccccccccccccc","muted":true}}',
        ],
    ),
    (
        events.RoomUpdated(CLUB, (USER,)),
        "others",
        ['{"type":"ROOM_UPDATED","payload":' + ROOM_BODY + "}"],
    ),
    (
        events.RoomDeleted(ROOM),
        "others",
        ['{"type":"ROOM_DELETED","payload":{"roomId":"cccccccccccccccccccccccc"}}'],
    ),
    (
        events.MemberJoined(ROOM, ANN, "ann", "admin"),
        "others",
        [
            (
                '{"type":"MEMBER_JOINED","payload":{"roomId":"cccccccccccccccccccccccc",'
                '"userId":"aaaaaaaaaaaaaaaaaaaaaaaa","username":"ann","role":"admin"}}'
            )
        ],
    ),
    (
        events.MemberLeft(ROOM, ANN),
        "others",
        [
            (
                '{"type":"MEMBER_LEFT","payload":{"roomId":"cccccccccccccccccccccccc",'
                '"userId":"aaaaaaaaaaaaaaaaaaaaaaaa"}}'
            )
        ],
    ),
    (
        events.Caught(ROOM, 9, complete=False),
        "own",
        [
            '{"type":"SYNCED","payload":{"roomId":"cccccccccccccccccccccccc","rev":9,"complete":false}}'
        ],
    ),
]


@pytest.mark.parametrize(("event", "form", "told"), TOLD)
def test_what_is_told(event: Event, form: Form, told: list[str]) -> None:
    assert texts(WORDS.encode(event, form)) == told


def test_every_event_is_told_here() -> None:
    every: Any = Event
    assert {type(event) for event, _, _ in TOLD} == set(every.__args__)


def test_a_name_that_the_server_made_up_is_told_to_nobody() -> None:
    message = Message(
        id=SAID, room=ROOM, seq=3, rev=7, sender=ANN, client_id=SAID, text="hi", created=WHEN,
    )  # fmt: skip
    event = events.MessageStored(message, "ann")
    assert texts(WORDS.encode(event, "origin")) == ['{"type":"MESSAGE","payload":' + BODY + "}}"]


def test_a_long_message_has_a_long_frame() -> None:
    message = Message(
        id=SAID, room=ROOM, seq=3, rev=7, sender=ANN, client_id="c", text="ü" * 5000, created=WHEN,
    )  # fmt: skip
    frame = WORDS.encode(events.MessageStored(message, "ann"), "others")
    assert frame[:2] == b"\x81\x7e"
    assert int.from_bytes(frame[2:4]) == len(frame) - 4 > 10_000


def test_a_welcome_and_who_is_online() -> None:
    frames = texts(WORDS.welcome({"user": 1, "rooms": [], "online": [ANN]}, 7))
    assert frames == [
        (
            '{"type":"AUTH_SUCCESS","payload":{"user":1,"rooms":[],'
            '"online":["aaaaaaaaaaaaaaaaaaaaaaaa"]},"id":7}'
        ),
        '{"type":"ONLINE_USERS","payload":{"userIds":["aaaaaaaaaaaaaaaaaaaaaaaa"]}}',
    ]


def test_refusals() -> None:
    refusal = TooMany("rate_limited", "wait", retry_after=3)
    body = '{"code":"rate_limited","message":"wait","retryAfter":3}'
    assert texts(WORDS.refused(refusal, None)) == [f'{{"type":"ERROR","payload":{body}}}']
    assert texts(WORDS.refused(refusal, "x")) == [f'{{"type":"ERROR","payload":{body},"id":"x"}}']
    assert texts(WORDS.unwelcome(refusal, 0)) == [
        f'{{"type":"AUTH_ERROR","payload":{body},"id":0}}'
    ]


def test_answers_go_to_those_who_gave_an_id_and_to_those_who_expect_one() -> None:
    def done(command: object, frame_id: Any) -> list[str]:
        return texts(WORDS.done(Frame(command, frame_id), {"made": 1}))

    assert done(AskPresence(), 0) == ['{"type":"ACK","payload":{"made":1},"id":0}']
    assert done(AskPresence(), "") == ['{"type":"ACK","payload":{"made":1},"id":""}']
    assert done(AskPresence(), None) == []
    assert done(commands.JoinRoom(room_id="r"), 1) == ['{"type":"ACK","payload":{"made":1},"id":1}']
    joined = ['{"type":"ROOM_JOINED","payload":{"roomId":"r"}}']
    assert done(commands.JoinRoom(room_id="r"), None) == joined
    assert done(Listen(room_id="r"), None) == joined
    assert done(Unlisten(room_id="r"), None) == ['{"type":"ROOM_LEFT","payload":{"roomId":"r"}}']


def test_these_words_hear_all_rooms() -> None:
    assert WORDS.listens is False


def test_the_answer_to_a_message_has_it_as_it_was_encoded() -> None:
    assert texts(WORDS.stored('a"b', b'{"seq":3}')) == [
        '{"type":"ACK","payload":{"message":{"seq":3}},"id":"a\\"b"}'
    ]
    assert texts(WORDS.stored(0, b"{}")) == ['{"type":"ACK","payload":{"message":{}},"id":0}']
