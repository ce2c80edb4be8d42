"""What a client sends in the native words, as literal frames."""

import pytest

from chat import commands
from chat.errors import Invalid
from handlers.dialects.native import COMMANDS
from handlers.dialects.words import AskPresence, Auth, Unlisten
from tests.handlers.native_words import WORDS

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
