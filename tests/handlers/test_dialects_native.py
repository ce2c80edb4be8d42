"""What is told in the native words, as literal frames."""

from typing import Any

import pytest

from chat import commands, events
from chat.errors import TooMany
from chat.events import Event, Form
from chat.live_room import Standing
from handlers.dialects.words import AskPresence, Frame, Listen, Unlisten
from models.records import Message
from tests.handlers.native_words import (
    ANN,
    BOB,
    BODY,
    CLUB,
    FULL,
    FULL_BODY,
    MESSAGE,
    NEW_ROOM_BODY,
    NOTIFY,
    ROOM,
    ROOM_BODY,
    SAID,
    SHOWN,
    TEMPORARY,
    USER,
    WHEN,
    WORDS,
    texts,
)

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
