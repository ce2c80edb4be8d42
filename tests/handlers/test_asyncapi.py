"""The description of the sockets."""

import re

import jsonschema_rs
import pytest

from handlers.asyncapi import asyncapi
from handlers.channels import Channel, RoomId
from handlers.dialects import authenticate, native
from handlers.dialects.choice import DIALECTS
from tests.handlers.described import check_callback, check_event, check_frame, sockets


def test_all_that_a_client_may_send_is_described() -> None:
    channels = sockets()["channels"]
    for name, table in (("native", native.COMMANDS), ("authenticate", authenticate.COMMANDS)):
        sent = {key for key in channels[name]["messages"] if key.startswith("client.")}
        assert sent == {f"client.{kind}" for kind in table}


def test_every_command_but_the_first_is_answered() -> None:
    operations = sockets()["operations"]
    for kind in native.COMMANDS:
        assert ("reply" in operations[f"native.client.{kind}"]) == (kind != "AUTH")


def test_every_reference_leads_somewhere_and_every_payload_is_a_schema() -> None:
    document = sockets()
    for name in re.findall(r"'#/components/schemas/([A-Za-z.]+)'", str(document)):
        assert name in document["components"]["schemas"]
    for channel, message in re.findall(r"'#/channels/(\w+)/messages/([\w.:-]+)'", str(document)):
        assert message in document["channels"][channel]["messages"]
    for channel in document["channels"].values():
        for message in channel["messages"].values():
            jsonschema_rs.meta.validate(message["payload"])


def test_events_of_socket_io_are_their_payloads() -> None:
    channel = Channel(
        name="old",
        address="/socket.io/",
        form="events",
        about="",
        takes={"join": str},
        answers={"join": RoomId},
        tells={"joined": RoomId},
    )
    messages = asyncapi([channel], "1")["channels"]["old"]["messages"]
    assert messages["client.join"]["payload"] == {"type": "string"}
    assert messages["server.joined"]["payload"] == {"$ref": "#/components/schemas/RoomId"}
    assert messages["server.ACK.join"]["payload"] == {"$ref": "#/components/schemas/RoomId"}


def test_every_dialect_of_socket_io_is_described_by_its_table() -> None:
    document = sockets()
    for table, _ in DIALECTS.tables:
        messages = document["channels"][table.name]["messages"]
        for event in table.hears:
            assert f"client.{event}" in messages
            [answer, refusal] = document["operations"][f"{table.name}.client.{event}"]["reply"][
                "messages"
            ]
            assert answer["$ref"].endswith(f"/server.ACK.{event}")
            assert refusal["$ref"].endswith("/server.REFUSED")
        for event in table.tells:
            assert f"server.{event}" in messages


def test_a_name_that_two_dialects_have_says_whose_it_is() -> None:
    names = sockets()["components"]["schemas"]
    assert {"SendMessage", "join.SendMessage", "register.SendMessage", "Message"} <= names.keys()


def test_events_that_are_not_described_are_found_out() -> None:
    check_event(("J",), "onlineUsersList", [["ann"]])
    check_event(("P", "C"), "user:status", [{"userId": "x", "status": "online"}])
    for name, arguments in (
        ("news", [{}]),
        ("onlineUsersList", []),
        ("onlineUsersList", [["ann"], 1]),
        ("userStatusChange", [{"username": "ann", "status": "away"}]),
    ):
        with pytest.raises(AssertionError):
            check_event(("J",), name, arguments)


def test_callbacks_that_are_not_described_are_found_out() -> None:
    check_callback(("J",), "typing", [{"ok": True}])
    refused = {"ok": False, "error": "no", "message": "no", "code": "invalid_event"}
    check_callback(("J",), "typing", [refused])
    for answer in ({"ok": False}, {"ok": True, "error": "no"} | {"ok": 1}, {}):
        with pytest.raises(AssertionError):
            check_callback(("J",), "typing", [answer])


def test_frames_that_are_not_described_are_found_out() -> None:
    check_frame("native", {"type": "ROOM_JOINED", "payload": {"roomId": "x"}})
    for frame in (
        {"type": "NEWS", "payload": {}},
        {"type": "ROOM_JOINED", "payload": {}},
        {"type": "ROOM_JOINED"},
        {"type": "ACK", "id": 1, "payload": 5},
    ):
        with pytest.raises(AssertionError):
            check_frame("native", frame)
