"""The words of clients that say AUTHENTICATE, as literal frames."""

from typing import Any

import pytest

from chat import commands, events
from chat.errors import Invalid, NotFound
from chat.events import Event, Form
from handlers.dialects.authenticate import COMMANDS, Authenticate
from handlers.dialects.words import AskPresence, Auth, Frame, Listen, Unlisten
from handlers.views import own_user_view
from tests.handlers.native_words import (
    ANN,
    BOB,
    BODY,
    CLUB,
    MESSAGE,
    ROOM,
    ROOM_BODY,
    TEMPORARY,
    USER,
    texts,
)

WORDS = Authenticate()

SENT: list[tuple[str, object]] = [
    ('{"type":"AUTHENTICATE","payload":{"token":"t"}}', Auth(token="t")),
    (
        '{"type":"SEND_MESSAGE","payload":{"roomId":"r","content":" \\u00a0hi\\n","tempId":"t"}}',
        commands.SendMessage(room_id="r", content="hi", temp_id="t"),
    ),
    (
        '{"type":"SEND_MESSAGE","payload":{"roomId":"r","content":"a  b","imageUrl":null}}',
        commands.SendMessage(room_id="r", content="a  b"),
    ),
    (
        '{"type":"SEND_MESSAGE","payload":{"roomId":"r","content":null,"imageUrl":""}}',
        commands.SendMessage(room_id="r", content=""),
    ),
    (
        '{"type":"SEND_MESSAGE","payload":{"roomId":"r","imageUrl":"/files/x"}}',
        commands.SendMessage(room_id="r", content="", image_url="/files/x"),
    ),
    ('{"type":"JOIN_ROOM","payload":{"roomId":"r"}}', Listen(room_id="r")),
    ('{"type":"LEAVE_ROOM","payload":{"roomId":"r"}}', Unlisten(room_id="r")),
    ('{"type":"TYPING","payload":{"roomId":"r"}}', commands.Typing(room_id="r")),
    ('{"type":"START_TYPING","payload":{"roomId":"r"}}', commands.Typing(room_id="r")),
    ('{"type":"STOP_TYPING","payload":{"roomId":"r"}}', commands.StopTyping(room_id="r")),
]


@pytest.mark.parametrize(("sent", "command"), SENT)
def test_what_a_client_sends(sent: str, command: object) -> None:
    frame = WORDS.decode(sent)
    assert (frame.payload, frame.id) == (command, None)


def test_every_command_is_sent_here() -> None:
    assert {sent.split('"')[3] for sent, _ in SENT} == COMMANDS.keys()


def test_an_id_is_kept() -> None:
    sent = '{"type":"SEND_MESSAGE","id":4,"payload":{"roomId":"r","content":" x"}}'
    assert WORDS.decode(sent).id == 4


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("", "invalid_json"),
        ('{"type":"AUTH","payload":{"token":"t"}}', "invalid_frame"),
        ('{"type":"SYNC","payload":{"roomId":"r","since":0}}', "invalid_frame"),
        ('{"type":"SEND_MESSAGE","payload":{"content":"x"}}', "invalid_frame"),
        (
            '{"type":"SEND_MESSAGE","payload":{"roomId":"r","content":"' + "x" * 5001 + '"}}',
            "invalid_frame",
        ),
        (
            '{"type":"SEND_MESSAGE","payload":{"roomId":"r","imageUrl":"' + "x" * 2049 + '"}}',
            "invalid_frame",
        ),
    ],
)
def test_what_makes_no_sense(sent: str, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        WORDS.decode(sent)
    assert refusal.value.code == code


TOLD: list[tuple[Event, Form, list[str]]] = [
    (
        events.MessageStored(MESSAGE, "ann", notify=True),
        "others",
        ['{"type":"MESSAGE","payload":' + BODY + "}}"],
    ),
    (
        events.MessageStored(MESSAGE, "ann", notify=True),
        "mentioned",
        ['{"type":"MESSAGE","payload":' + BODY + "}}"],
    ),
    (events.MessageStored(MESSAGE, "ann"), "own", ['{"type":"MESSAGE","payload":' + BODY + "}}"]),
    (
        events.MessageStored(TEMPORARY, "ann"),
        "origin",
        ['{"type":"MESSAGE","payload":' + BODY + ',"tempId":"t1"}}'],
    ),
    (events.MessageChanged(MESSAGE, "ann"), "others", []),
    (events.MarksMoved(ROOM, BOB, 5, 4), "others", []),
    (
        events.TypingStarted(ROOM, ANN, "ann"),
        "others",
        [
            (
                '{"type":"TYPING","payload":{"userId":"aaaaaaaaaaaaaaaaaaaaaaaa","username":"ann",'
                '"roomId":"cccccccccccccccccccccccc"}}'
            )
        ],
    ),
    (
        events.TypingStopped(ROOM, ANN),
        "others",
        [
            (
                '{"type":"STOP_TYPING","payload":{"userId":"aaaaaaaaaaaaaaaaaaaaaaaa",'
                '"roomId":"cccccccccccccccccccccccc"}}'
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
        ['{"type":"USER_OFFLINE","payload":{"userId":"aaaaaaaaaaaaaaaaaaaaaaaa"}}'],
    ),
    (events.UserOffline(ANN, "ann"), "own", []),
    (
        events.RoomCreated(CLUB, (USER,)),
        "others",
        ['{"type":"ROOM_CREATED","payload":' + ROOM_BODY + "}"],
    ),
    (events.RoomCreated(CLUB, (USER,), maker=ANN), "own", []),
    (events.RoomCreated(CLUB, (USER,), maker=ANN, origin=1), "origin", []),
    (events.RoomMuted(ROOM, muted=True), "others", []),
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
    (events.MemberJoined(ROOM, ANN, "ann", "admin"), "others", []),
    (events.MemberLeft(ROOM, ANN), "others", []),
    (
        events.TypingTo(
            events.Pair(events.Person(ANN, "ann"), events.Person(BOB, "bob")), is_typing=True
        ),
        "others",
        [],
    ),
    (events.Caught(ROOM, 9, complete=True), "own", []),
]


@pytest.mark.parametrize(("event", "form", "told"), TOLD)
def test_what_is_told(event: Event, form: Form, told: list[str]) -> None:
    assert texts(WORDS.encode(event, form)) == told


def test_every_event_is_here() -> None:
    every: Any = Event
    assert {type(event) for event, _, _ in TOLD} == set(every.__args__)


def test_a_welcome_and_who_is_online() -> None:
    own = own_user_view(USER, online=True)
    assert texts(WORDS.welcome({"user": own, "rooms": [], "online": [ANN, BOB]}, None)) == [
        '{"type":"AUTHENTICATED","payload":{"userId":"aaaaaaaaaaaaaaaaaaaaaaaa","username":"ann"}}',
        (
            '{"type":"ONLINE_USERS","payload":{"userIds":["aaaaaaaaaaaaaaaaaaaaaaaa",'
            '"bbbbbbbbbbbbbbbbbbbbbbbb"]}}'
        ),
    ]


def test_refusals_carry_a_message() -> None:
    refusal = NotFound("room_not_found", "there is no such room")
    told = '{"type":"ERROR","payload":{"code":"room_not_found","message":"there is no such room"}}'
    assert texts(WORDS.refused(refusal, None)) == [told]
    assert texts(WORDS.unwelcome(refusal, None)) == [told]


def test_only_joining_and_leaving_are_answered() -> None:
    def done(command: object) -> list[str]:
        return texts(WORDS.done(Frame(command, None), {"roomId": "r"}))

    assert done(Listen(room_id="r")) == ['{"type":"ROOM_JOINED","payload":{"roomId":"r"}}']
    assert done(Unlisten(room_id="r")) == ['{"type":"ROOM_LEFT","payload":{"roomId":"r"}}']
    assert done(commands.SendMessage(room_id="r", content="x")) == []
    assert done(commands.Typing(room_id="r")) == []
    assert done(AskPresence()) == []
    assert WORDS.stored(1, b"{}") == b""


def test_these_words_hear_the_rooms_that_they_join() -> None:
    assert WORDS.listens is True
