"""A session, step by step and without a socket."""

import json

import pytest

from handlers.socketio.engine import Limits, Session, State
from handlers.socketio.framing import POLLING, WEBSOCKET, Framing
from handlers.socketio.reasons import (
    FORCED_CLOSE,
    PARSE_ERROR,
    PING_TIMEOUT,
    TRANSPORT_CLOSE,
    TRANSPORT_ERROR,
    Broken,
    Denied,
)


def session(framing: Framing = POLLING, **limits: int) -> Session:
    return Session("an-id", framing, Limits(**limits))


def test_the_opening_of_polling_offers_an_upgrade() -> None:
    packet = session().opening()
    assert packet[:1] == b"0"
    assert json.loads(packet[1:]) == {
        "sid": "an-id",
        "upgrades": ["websocket"],
        "pingInterval": 25_000,
        "pingTimeout": 20_000,
        "maxPayload": 1_000_000,
    }


def test_the_opening_of_a_websocket_offers_none() -> None:
    assert json.loads(session(WEBSOCKET).opening()[1:])["upgrades"] == []


class TestReceiving:
    @pytest.mark.parametrize(
        ("packet", "message"),
        [("4hello", "hello"), ("4", ""), (b"\x01\x02", b"\x01\x02"), (b"", b""), ("42[]", "2[]")],
    )
    def test_a_message(self, packet: str | bytes, message: str | bytes) -> None:
        assert session(WEBSOCKET).receive(packet) == message

    @pytest.mark.parametrize("packet", ["0", "0{}", "5", "6", "6x", "3", "3x"])
    def test_what_is_of_no_use(self, packet: str) -> None:
        one = session(WEBSOCKET)
        assert one.receive(packet) is None
        assert one.state is State.OPEN

    @pytest.mark.parametrize("packet", ["", "7", "abc", "2", "2probe", "-1", "\x00", "²"])
    def test_what_does_not_belong_here(self, packet: str) -> None:
        with pytest.raises(Broken) as broken:
            session(WEBSOCKET).receive(packet)
        assert broken.value.closing is PARSE_ERROR

    def test_a_close(self) -> None:
        one = session(WEBSOCKET)
        assert one.receive("1") is None
        assert (one.state, one.closing) == (State.CLOSED, TRANSPORT_CLOSE)
        assert one.receive("4too late") is None

    def test_a_payload(self) -> None:
        messages = session().receive_payload(b"4one\x1e3\x1ebAQI=\x1e4two")
        assert list(messages) == ["one", b"\x01\x02", "two"]

    def test_nothing_behind_a_close(self) -> None:
        assert list(session().receive_payload(b"4one\x1e1\x1e4two")) == ["one"]

    @pytest.mark.parametrize("body", [b"abc", b"4\xff", b"b=", b"", b"3\x1e" * 20])
    def test_what_is_no_payload(self, body: bytes) -> None:
        with pytest.raises(Broken) as broken:
            list(session(packets_per_payload=20).receive_payload(body))
        assert broken.value.closing is PARSE_ERROR


class TestPolling:
    def test_a_poll_is_held_until_something_is_there(self) -> None:
        one = session()
        assert one.answer() is None
        one.poll()
        assert one.answer() is None
        assert one.keep(POLLING.text(b"4a"))
        assert one.keep(POLLING.binary(b"\x01"))
        assert one.answer() == b"4a\x1ebAQ=="
        assert one.answer() is None

    def test_what_waits_is_there_for_the_next_poll(self) -> None:
        one = session()
        one.keep(POLLING.text(b"4a"))
        assert one.waiting_bytes == 3
        assert one.answer() is None
        one.poll()
        assert one.answer() == b"4a"
        assert one.waiting_bytes == 3  # until the next poll says that it has come
        one.poll()
        assert one.waiting_bytes == 0

    def test_a_second_poll_ends_the_session(self) -> None:
        one = session()
        one.poll()
        with pytest.raises(Broken) as broken:
            one.poll()
        assert broken.value.closing is TRANSPORT_ERROR
        one.end(broken.value.closing)
        assert one.answer() == b"1"

    def test_what_waits_is_bounded(self) -> None:
        one = session(waiting_bytes=10)
        assert one.keep(b"1234567890")
        assert not one.keep(b"1")

    def test_a_pong_is_expected_until_it_comes(self) -> None:
        one = session()
        assert not one.expects_pong
        assert one.ping() == b"2\x1e"
        assert one.expects_pong
        one.receive("4hello")
        assert one.expects_pong
        one.receive("3")
        assert not one.expects_pong


class TestEnding:
    def test_a_close_lets_what_waits_be_told(self) -> None:
        one = session()
        one.keep(POLLING.text(b"44{}"))
        one.close(FORCED_CLOSE)
        assert one.state is State.CLOSING
        assert one.receive("4too late") is None
        assert one.keep(POLLING.text(b"4more"))
        one.poll()
        assert one.answer() == b"44{}\x1e1"
        assert (one.state, one.closing) == (State.CLOSED, FORCED_CLOSE)

    def test_an_end_answers_the_poll_that_is_held(self) -> None:
        one = session()
        one.poll()
        one.end(PING_TIMEOUT)
        assert one.answer() == b"1"
        assert one.answer() is None

    def test_an_end_forgets_what_waits(self) -> None:
        one = session()
        one.keep(POLLING.text(b"4a"))
        one.end(PING_TIMEOUT)
        one.poll()
        assert one.answer() == b"1"

    def test_a_client_that_says_goodbye_is_told_nothing(self) -> None:
        one = session()
        one.poll()
        one.receive("1")
        assert one.answer() == b"6"

    def test_a_websocket_ends_at_once(self) -> None:
        one = session(WEBSOCKET)
        one.close(FORCED_CLOSE)
        assert one.state is State.CLOSED

    def test_the_first_reason_stays(self) -> None:
        one = session()
        one.close(FORCED_CLOSE)
        one.close(PING_TIMEOUT)
        one.end(PARSE_ERROR)
        assert (one.state, one.closing) == (State.CLOSED, FORCED_CLOSE)


class TestUpgrade:
    def test_from_polling_to_a_websocket(self) -> None:
        one = session()
        one.begin_upgrade()
        one.poll()
        assert one.answer() is None
        assert one.receive_probe("2probe") == b"\x81\x063probe"
        assert one.answer() == b"6"
        one.keep(POLLING.text(b"4between"))
        one.keep(POLLING.binary(b"\x07"))
        assert one.receive_probe("5") == b"\x81\x084between\x82\x01\x07"
        assert one.framing is WEBSOCKET
        assert one.waiting_bytes == 0
        with pytest.raises(Denied):
            one.require_polling()

    def test_a_poll_during_it_is_answered_at_once(self) -> None:
        one = session()
        one.begin_upgrade()
        one.receive_probe("2probe")
        one.poll()
        assert one.answer() == b"6"

    @pytest.mark.parametrize("packet", ["5", "2", "3probe", "4hello", "", b"2probe", "2Probe"])
    def test_something_else_than_a_probe(self, packet: str | bytes) -> None:
        one = session()
        one.begin_upgrade()
        assert one.receive_probe(packet) is None

    @pytest.mark.parametrize("packet", ["2", "3", "4hello", "6", "", b"5"])
    def test_something_else_behind_the_probe(self, packet: str | bytes) -> None:
        one = session()
        one.begin_upgrade()
        one.receive_probe("2probe")
        assert one.receive_probe(packet) is None
        assert one.framing is POLLING

    def test_only_one_at_a_time(self) -> None:
        one = session()
        one.begin_upgrade()
        with pytest.raises(Denied):
            one.begin_upgrade()
        one.give_upgrade_up()
        one.begin_upgrade()

    def test_none_from_a_websocket_nor_of_what_has_ended(self) -> None:
        with pytest.raises(Denied):
            session(WEBSOCKET).begin_upgrade()
        one = session()
        one.begin_upgrade()
        one.end(PING_TIMEOUT)
        assert one.receive_probe("2probe") is None
        with pytest.raises(Denied):
            one.begin_upgrade()

    def test_polling_goes_on_after_one_that_failed(self) -> None:
        one = session()
        one.begin_upgrade()
        one.receive_probe("2probe")
        one.give_upgrade_up()
        one.poll()
        assert one.answer() is None
        one.keep(POLLING.text(b"4a"))
        assert one.answer() == b"4a"
