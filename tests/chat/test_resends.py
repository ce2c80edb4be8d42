"""What a message is known by when it is sent again."""

from itertools import combinations

from msgspec.structs import replace

from chat.commands import SendMessage
from chat.resends import client_id_of, earlier_name, name_of, temp_id_of
from models.records import new_id
from tests.contract import samples

ROOM, MESSAGE, MOMENT = new_id(), new_id(), samples.at(0)
SAID = SendMessage(room_id=ROOM, content="hi", temp_id="t")


def named(command: SendMessage, room: str = ROOM) -> str:
    return name_of(command, room, MESSAGE, MOMENT)


def test_a_client_id_is_a_name_whatever_is_said() -> None:
    command = replace(SAID, client_id="c" * 64)
    assert named(command) == "c" * 64
    assert earlier_name(command, ROOM, MOMENT) is None
    message = samples.message(ROOM, 1, client_id="c" * 64)
    assert (client_id_of(message), temp_id_of(message)) == ("c" * 64, None)


def test_whoever_gives_no_name_gives_none() -> None:
    assert named(SendMessage(room_id=ROOM, content="hi")) == MESSAGE
    message = samples.message(ROOM, 1, id=MESSAGE, client_id=MESSAGE)
    assert (client_id_of(message), temp_id_of(message)) == (None, None)


def test_a_temporary_name_comes_back() -> None:
    for temp_id in ("t", "1", "t" * 64, "ü"):
        message = samples.message(ROOM, 1, client_id=named(replace(SAID, temp_id=temp_id)))
        assert (client_id_of(message), temp_id_of(message)) == (None, temp_id)


def test_other_words_are_another_message() -> None:
    other = new_id()
    names = [
        named(SAID),
        named(SAID, other),
        named(replace(SAID, content="hi ")),
        named(replace(SAID, temp_id="u")),
        named(replace(SAID, reply_to=other)),
        named(replace(SAID, attachments=(other,))),
        named(replace(SAID, attachments=(other, ROOM))),
        named(replace(SAID, content="")),
    ]
    assert all(one != two for one, two in combinations(names, 2))
