"""What events are encoded by, for those who have come by some address."""

import gc
from typing import get_args

import pytest

from chat.events import Event, Form, MessageStored, Pair, Person
from handlers.dialects.choice import DIALECTS
from handlers.dialects.colon import COLON
from handlers.dialects.private import PRIVATE
from handlers.dialects.tables import Table
from handlers.dialects.wordings import Wordings
from handlers.socketio.framing import POLLING, WEBSOCKET
from models.records import Message, new_id, now


def test_clients_that_have_come_alike_are_told_alike() -> None:
    wordings = Wordings()
    one = wordings.of(PRIVATE, "http://x")
    assert wordings.of(PRIVATE, "http://x") is one
    assert wordings.of(PRIVATE, "http://y") is not one
    assert wordings.of(COLON, "http://x") is not one


def test_what_is_kept_for_an_address_goes_with_its_last_client() -> None:
    """Or whoever makes addresses up would fill the memory, or take a place that others need."""
    wordings = Wordings()
    kept = [wordings.of(PRIVATE, f"http://{number}") for number in range(100)]
    assert len(wordings) == 100
    del kept[1:]
    gc.collect()
    assert len(wordings) == 1


@pytest.mark.parametrize(("own", "base"), [("", "http://x"), ("https://chat.example", "")])
def test_links_begin_with_the_address_of_the_server_where_it_has_one(own: str, base: str) -> None:
    assert Wordings(own).base({"Host": "x"}) == base


def hello(text: str = "hello") -> MessageStored:
    ann, bob, message_id = new_id(), new_id(), new_id()
    message = Message(
        id=message_id,
        room=new_id(),
        seq=1,
        rev=1,
        sender=ann,
        client_id=message_id,
        text=text,
        created=now(),
    )
    return MessageStored(message, "ann", pair=Pair(Person(ann, "ann"), Person(bob, "bob")))


@pytest.mark.parametrize("table", [table for table, _ in DIALECTS.tables], ids=lambda t: t.name)
def test_what_is_said_to_be_told_alike_is(table: Table) -> None:
    stored = hello()
    told = {repr(list(table.told(stored, form))) for form in get_args(Form)}
    assert len(told) == 1 or not table.alike


def test_what_all_are_told_alike_is_made_once() -> None:
    made: list[Event] = []

    def told(event: Event, form: Form) -> list[tuple[str, object]]:
        made.append(event)
        return [("said", form)]

    alike = Table("X", {}, told, {}, alike=True)
    words, others = (Wordings().of(alike, base) for base in ("", "http://x"))
    first, second = hello(), hello()
    for event in (first, second, first):
        for framed in (words, others):
            frames = {framed[WEBSOCKET].encode(event, form) for form in ("origin", "others")}
            assert frames == {b"\x81\x13" + b'42["said","origin"]'}
            payloads = {framed[POLLING].encode(event, form) for form in ("own", "others")}
            assert payloads == {b'42["said","own"]\x1e'}
    assert made == [first] * 4 + [second] * 4
    apart = Wordings().of(Table("X", {}, told, {}), "")
    assert apart[WEBSOCKET].encode(first, "own") != apart[WEBSOCKET].encode(first, "others")
