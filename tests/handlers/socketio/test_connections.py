"""What an application is told, and what a client hears, without a socket."""

import asyncio

import pytest

from handlers.socketio import reasons
from handlers.socketio.connections import Application, ConnectError, Connection, SocketIo
from handlers.socketio.engine import Limits
from tests.chat.engine import turns, until
from tests.handlers.socketio.wires import Noted, Wire, connected, opened

pytestmark = pytest.mark.gen_test

PLACE = '{"_placeholder":true,"num":0}'


@pytest.fixture
def application() -> Noted:
    return Noted()


class TestConnecting:
    async def test_a_client_is_let_in(self, application: Noted) -> None:
        wire, connection = opened(application)
        connection.receive('0{"token":"x"}')
        sid = application.sockets[0].sid
        assert wire.taken() == [f'40{{"sid":"{sid}"}}']
        assert application.taken() == ["opened", 'connect / {"token":"x"}', "connected /"]

    async def test_a_client_is_refused(self, application: Noted) -> None:
        def refuse(*_: object) -> None:
            raise ConnectError("no", {"code": "bad_token"})

        application.connecting = refuse
        wire, connection = opened(application)
        connection.receive("0")
        assert wire.taken() == ['44{"message":"no","data":{"code":"bad_token"}}']
        assert wire.closing is reasons.CONNECT_REFUSED
        assert application.taken()[2:] == ["closed the connect was refused"]

    async def test_a_client_is_refused_after_a_while(self, application: Noted) -> None:
        async def refuse(*_: object) -> None:
            await asyncio.sleep(0)
            raise ConnectError("no")

        application.connecting = refuse
        wire, connection = opened(application)
        connection.receive("0")
        connection.receive('2["hello"]')
        await until(lambda: wire.closing)
        assert wire.taken() == ['44{"message":"no"}']
        assert "event hello" not in application.taken()

    async def test_who_is_refused_in_one_namespace_keeps_the_others(
        self, application: Noted
    ) -> None:
        wire, connection = connected(application)

        def refuse(*_: object) -> None:
            raise ConnectError("no")

        application.connecting = refuse
        connection.receive("0/chat")
        assert wire.taken() == ['44/chat,{"message":"no"}']
        assert wire.closing is None

    async def test_what_comes_before_the_answer_is_held(self, application: Noted) -> None:
        admitted = asyncio.Event()

        async def wait(*_: object) -> None:
            await admitted.wait()

        application.connecting = wait
        wire, connection = opened(application)
        for packet in ("0", '2["one"]', '20["two"]', f'51-["three",{PLACE}]', b"\x01"):
            assert connection.receive(packet) is None
        await turns()
        assert application.taken() == ["opened", "connect / {}"]
        assert wire.taken() == []
        admitted.set()
        await until(lambda: len(application.events) == 3)
        assert application.taken() == ["connected /", "event one", "event two", "event three"]
        assert wire.taken()[0].startswith("40{")
        assert application.events[2].attachments == (b"\x01",)
        await turns()
        connection.receive('2["four"]')
        assert application.taken() == ["event four"]

    async def test_too_much_before_the_answer_waits_with_its_client(
        self, application: Noted
    ) -> None:
        admitted = asyncio.Event()

        async def wait(*_: object) -> None:
            await admitted.wait()

        application.connecting = wait
        _, connection = opened(application, pending_events=2)
        for packet in ("0", '2["one"]', '2["two"]'):
            assert connection.receive(packet) is None
        work = connection.receive('2["three"]')
        assert work is not None  # nothing more is read until this is done
        waiting = asyncio.ensure_future(work)
        await turns()
        assert not waiting.done()
        admitted.set()
        await waiting
        assert application.taken()[2:] == ["connected /", "event one", "event two", "event three"]

    async def test_events_that_were_held_keep_their_order_with_later_ones(
        self, application: Noted
    ) -> None:
        admitted, go_on = asyncio.Event(), asyncio.Event()

        async def wait(*_: object) -> None:
            await admitted.wait()

        async def take(*_: object) -> None:
            await go_on.wait()

        application.connecting, application.taking = wait, take
        _, connection = opened(application)
        connection.receive("0")
        connection.receive('2["one"]')
        admitted.set()
        await until(lambda: application.events)
        connection.receive('2["two"]')
        assert len(application.events) == 1
        go_on.set()
        await until(lambda: len(application.events) == 2)

    async def test_who_goes_meanwhile_was_never_connected(self, application: Noted) -> None:
        cancelled = False

        async def wait(*_: object) -> None:
            nonlocal cancelled
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled = True
                raise

        application.connecting = wait
        wire, connection = opened(application)
        connection.receive("0")
        await turns()
        connection.closed(reasons.TRANSPORT_CLOSE)
        await until(lambda: cancelled)
        assert application.taken() == ["opened", "connect / {}", "closed transport close"]
        assert wire.taken() == []

    async def test_namespaces_are_apart(self, application: Noted) -> None:
        wire, connection = connected(application)
        connection.receive('0/chat,{"a":1}')
        assert application.taken() == ['connect /chat {"a":1}', "connected /chat"]
        main, chat = application.sockets
        assert main.sid != chat.sid
        assert wire.taken() == [f'40/chat,{{"sid":"{chat.sid}"}}']
        main.emit("a", 1)
        chat.emit("b")
        chat.emit_binary("c", b"\x01")
        assert wire.taken() == ['42["a",1]', '42/chat,["b"]', f'451-/chat,["c",{PLACE}]', "bAQ=="]
        connection.receive('2/chat,["hello"]')
        assert application.taken() == ["event hello"]

    async def test_an_unknown_namespace(self, application: Noted) -> None:
        wire, connection = opened(application)
        connection.receive("0/random")
        assert wire.taken() == ['44/random,{"message":"Invalid namespace"}']
        assert wire.closing is None
        assert application.taken() == ["opened"]

    async def test_too_many_namespaces(self, application: Noted) -> None:
        wire, connection = connected(application, namespaces=2)
        connection.receive("0/chat")
        connection.receive("0/more")
        assert wire.taken()[1] == '44/more,{"message":"Invalid namespace"}'

    async def test_never(self, application: Noted) -> None:
        wire, _ = opened(application, connect_timeout=0.01)
        await until(lambda: wire.closing)
        assert wire.closing is reasons.CONNECT_TIMEOUT


class TestEvents:
    async def test_the_arguments_stay_json(self, application: Noted) -> None:
        _, connection = connected(application)
        connection.receive('2["say",{"text": "ü"},1e400]')
        [event] = application.events
        assert (event.name, event.attachments) == ("say", ())
        assert [bytes(one) for one in event.arguments] == ['{"text": "ü"}'.encode(), b"1e400"]

    async def test_what_an_event_waits_for_is_returned(self, application: Noted) -> None:
        done = asyncio.Event()

        async def take(*_: object) -> None:
            await done.wait()

        application.taking = take
        _, connection = connected(application)
        work = connection.receive('2["say"]')
        assert work is not None
        done.set()
        await work


class TestBrokenPackets:
    @pytest.mark.parametrize(
        "packets",
        [
            ["abc"],
            ["2{}"],
            ['2abc["a"]'],
            ["0"],  # a second time
            ["00"],
            ['4{"message":"no"}'],
            ["1[]"],
            ["3[]"],  # of nothing
            ["31{}"],
            ['2/chat,["a"]'],  # not connected there
            ['51-["a"]', '2["b"]'],
            [b"\x01"],
            ['52-["a"]', b"\x01", "1"],
            ['511-["a"]'],
            ['2["\\ud800"]'],
            ["2" + "[" * 100_000],
        ],
        ids=str,
    )
    async def test_they_end_the_connection(
        self, application: Noted, packets: list[str | bytes]
    ) -> None:
        wire, connection = connected(application)
        for packet in packets:
            assert wire.closing is None
            connection.receive(packet)
        assert wire.closing is reasons.PARSE_ERROR
        assert application.taken()[-2:] == ["disconnected / parse error", "closed parse error"]
        connection.receive('2["a"]')
        assert application.taken() == []

    async def test_an_event_before_the_connect(self, application: Noted) -> None:
        wire, connection = opened(application)
        connection.receive('2["a"]')
        assert wire.closing is reasons.PARSE_ERROR

    async def test_attachments_are_bounded_together(self, application: Noted) -> None:
        wire, connection = connected(application, max_payload=10)
        connection.receive('52-["a"]')
        connection.receive(b"123456")
        assert wire.closing is None
        connection.receive(b"78901")
        assert wire.closing is reasons.PARSE_ERROR

    async def test_only_their_own_connection_ends(self, application: Noted) -> None:
        home = SocketIo(application, Limits())
        wires = [Wire(), Wire()]
        for wire in wires:
            wire.connection = home.open(wire)
            wire.connection.receive("0")
        wires[0].connection.receive("abc")
        assert wires[1].closing is None
        application.sockets[1].emit("still there")
        assert wires[1].taken()[-1] == '42["still there"]'


class TestLeaving:
    async def test_a_client_leaves(self, application: Noted) -> None:
        wire, connection = connected(application, connect_timeout=0.01)
        connection.receive("1")
        assert application.taken() == ["disconnected / client namespace disconnect"]
        assert not application.sockets[0].is_connected
        connection.receive('2["under way"]')
        assert wire.closing is None
        await until(lambda: wire.closing)  # for it is in no namespace any more
        assert wire.closing is reasons.CONNECT_TIMEOUT

    async def test_a_client_comes_back(self, application: Noted) -> None:
        wire, connection = connected(application)
        connection.receive("1")
        connection.receive("0")
        assert wire.taken()[0].startswith("40")
        connection.receive('2["a"]')
        assert application.taken()[-1] == "event a"

    async def test_a_client_is_sent_away(self, application: Noted) -> None:
        wire, connection = connected(application)
        socket = application.sockets[0]
        socket.disconnect()
        socket.disconnect()
        assert wire.taken() == ["41"]
        assert application.taken() == ["disconnected / server namespace disconnect"]
        connection.receive('2["under way"]')
        assert (wire.closing, application.taken()) == (None, [])

    async def test_only_the_transport_is_closed(self, application: Noted) -> None:
        wire, connection = connected(application)
        connection.close(reasons.FORCED_CLOSE)
        assert (wire.taken(), wire.closing) == ([], reasons.FORCED_CLOSE)
        assert application.taken() == ["disconnected / forced close", "closed forced close"]

    async def test_all_namespaces_hear_of_the_end(self, application: Noted) -> None:
        _, connection = connected(application)
        connection.receive("0/chat")
        application.taken()
        connection.closed(reasons.PING_TIMEOUT)
        connection.closed(reasons.PING_TIMEOUT)
        assert application.taken() == [
            "disconnected / ping timeout",
            "disconnected /chat ping timeout",
            "closed ping timeout",
        ]


@pytest.mark.expects_errors
class TestFaults:
    async def test_of_an_event(self, application: Noted) -> None:
        def fail(*_: object) -> None:
            raise ValueError

        application.taking = fail
        wire, connection = connected(application)
        assert connection.receive('2["a"]') is None
        assert wire.closing is reasons.FAULT

    async def test_of_an_event_after_a_while(self, application: Noted) -> None:
        async def fail(*_: object) -> None:
            raise ValueError

        application.taking = fail
        wire, connection = connected(application)
        work = connection.receive('2["a"]')
        assert work is not None
        await work
        assert wire.closing is reasons.FAULT

    async def test_of_a_connect(self, application: Noted) -> None:
        async def fail(*_: object) -> None:
            raise ValueError

        application.connecting = fail
        wire, connection = opened(application)
        connection.receive("0")
        await until(lambda: wire.closing)
        assert wire.closing is reasons.FAULT
        assert application.taken()[-1] == "closed something went wrong here"

    async def test_of_what_is_only_told(self) -> None:
        class Failing(Application):
            def opened(self, connection: Connection) -> None:
                raise ValueError

            disconnected = closed = lambda *_: 1 / 0  # type: ignore[assignment]

        _, connection = opened(Failing())
        connection.receive("0")
        connection.closed(reasons.TRANSPORT_CLOSE)
        assert connection.is_closed
