"""Devices that keep a copy of their rooms, which is built from events and answers alone."""

from contextlib import suppress
from dataclasses import dataclass, field

from models.records import EVERYONE, Counters
from tests.handlers.conftest import Hubbub, Person
from tests.socket import Closed, Command, Frame, Payload, Socket


@dataclass
class Copy:
    """What a device knows of a room."""

    kind: str
    name: str | None = None
    people: set[str] = field(default_factory=set)
    messages: dict[str, Payload] = field(default_factory=dict)
    # The greatest that was heard; what AUTH_SUCCESS said of it counts once the history is read.
    rev: int = 0
    promised: int = 0
    read_through: bool = False
    marks: tuple[int, int] | None = None
    # What lies before the example, in the room that everybody shares.
    base: int = 0
    # A direct room that was left is out of sight until somebody writes.
    hidden: bool = False

    @property
    def last(self) -> Payload | None:
        return max(self.messages.values(), key=lambda message: message["seq"], default=None)

    def put(self, message: Payload) -> None:
        """Keep a message, unless a later state of it is known."""
        known = self.messages.get(message["id"])
        if known is None or known["rev"] <= message["rev"]:
            # What only its sender is told is not told again with every change.
            self.messages[message["id"]] = {**(known or {}), **message}

    def move(self, delivered: int, read: int) -> None:
        if self.marks is not None:
            self.marks = max(self.marks[0], delivered, read), max(self.marks[1], read)


class Device:
    """A client that believes what it hears."""

    def __init__(self, person: Person, hub: Hubbub, everyone: Counters) -> None:
        self.person = person
        self.hub = hub
        self.rooms = {EVERYONE: Copy("public", base=everyone.seq, rev=everyone.rev)}
        self.socket: Socket | None = None
        self.faults: list[str] = []
        # Rooms of which something was heard that nobody had told of: they have gone while this
        # device came, and that must be told behind it.
        self.strays: set[str] = set()
        # What this device has sent: client id → room, text, and the answer once there is one.
        self.sent: dict[str, tuple[str, str]] = {}
        self.acknowledged: dict[str, Payload] = {}

    async def connect(self) -> None:
        """Come (back), with what was heard last of each room."""
        seen = {room: copy.rev for room, copy in self.rooms.items() if copy.read_through}
        self.strays.clear()
        socket = await Socket.connect(f"http://127.0.0.1:{self.hub.port}", self.hear)
        self.socket = socket
        with suppress(Closed):
            await socket.authenticate(self.person.token, seen)

    async def leave(self, *, politely: bool) -> None:
        socket, self.socket = self.socket, None
        if socket is not None:
            await (socket.close() if politely else socket.drop())

    def hear(self, frame: Frame) -> None:
        """Learn from a frame."""
        try:
            known = getattr(self, f"_{frame.type.lower()}", None)
            if frame.command is not None:
                self._answer(frame, frame.command)
            elif known is not None and not self._is_stray(frame):
                known(frame.payload)
        except Exception as error:  # noqa: BLE001 - it is raised where somebody waits for it
            self.faults.append(f"{frame}: {error!r}")

    def _is_stray(self, frame: Frame) -> bool:
        room_id = frame.payload.get("roomId") or frame.payload.get("id")
        if frame.type == "ROOM_DELETED":
            self.strays.discard(room_id)
        elif frame.type == "ROOM_CREATED":
            assert room_id not in self.strays
        elif room_id is not None and room_id not in self.rooms:
            self.strays.add(room_id)
            return True
        return False

    def copy(self, payload: Payload) -> Copy:
        return self.rooms[payload.get("roomId") or payload["id"]]

    def _answer(self, frame: Frame, command: Command) -> None:
        payload = frame.payload
        match frame.type, command.type:
            case "AUTH_SUCCESS", _:
                self._welcome(payload)
            case "ACK", "HISTORY":
                self._page(command.payload["roomId"], payload["messages"])
            case "ACK", "SEND_MESSAGE":
                self._sent(command.payload["clientId"], payload["message"])
            case "ACK", "CREATE_ROOM":
                self._see(payload["room"])
                self._mark(payload["room"])
            case "ACK", "JOIN_ROOM":
                self._mark(payload["room"])
            case "ACK", "READ" | "DELIVERED":
                self._mark({**payload, "id": payload["roomId"]})

    def _welcome(self, payload: Payload) -> None:
        listed = {room["id"]: room for room in payload["rooms"]}
        for room_id, copy in list(self.rooms.items()):
            if room_id not in listed and room_id != EVERYONE and not copy.hidden:
                del self.rooms[room_id]
        for room_id, room in listed.items():
            self._see(room)
            copy = self.rooms[room_id]
            copy.hidden = False
            copy.marks = room["delivered"], room["read"]
            copy.promised = room["rev"]
        for room_id, copy in self.rooms.items():
            if not copy.read_through:
                self._read_through(room_id, copy)

    def _see(self, room: Payload) -> None:
        new = room["id"] not in self.rooms
        copy = self.rooms.setdefault(room["id"], Copy(room["kind"]))
        copy.hidden = False
        copy.name = room["name"]
        copy.people = {person["id"] for person in room["participants"]}
        if new:
            self._read_through(room["id"], copy)

    def _read_through(self, room_id: str, copy: Copy) -> None:
        if self.socket is not None:
            self.socket.ask("HISTORY", roomId=room_id, after=copy.base, limit=200)

    def _page(self, room_id: str, messages: list[Payload]) -> None:
        copy = self.rooms.get(room_id)
        if copy is None:
            return
        for message in messages:
            copy.put(message)
        copy.read_through = True
        copy.rev = max(copy.rev, copy.promised)

    def _sent(self, client_id: str, message: Payload) -> None:
        first = self.acknowledged.setdefault(client_id, message)
        assert (first["id"], first["seq"]) == (message["id"], message["seq"])
        assert message["content"] == self.sent[client_id][1] or message["rev"] > first["rev"]

    def _mark(self, room: Payload) -> None:
        copy = self.rooms.get(room["id"])
        if copy is not None:
            copy.marks = copy.marks or (0, 0)
            copy.move(room["delivered"], room["read"])

    def _message(self, message: Payload) -> None:
        copy = self.copy(message)
        assert message["rev"] > copy.rev, f"heard {copy.rev} before"
        copy.rev = message["rev"]
        copy.put(message)
        copy.hidden = False
        if message["senderId"] == self.person.id:
            copy.move(message["seq"], message["seq"])

    def _message_changed(self, message: Payload) -> None:
        copy = self.copy(message)
        assert message["rev"] > copy.rev, f"heard {copy.rev} before"
        copy.rev = message["rev"]
        copy.put(message)

    def _synced(self, payload: Payload) -> None:
        assert payload["complete"]
        copy = self.copy(payload)
        copy.rev = max(copy.rev, payload["rev"])

    def _room_created(self, room: Payload) -> None:
        self._see(room)

    def _room_updated(self, room: Payload) -> None:
        self._see(room)

    def _room_deleted(self, payload: Payload) -> None:
        copy = self.rooms.get(payload["roomId"])
        if copy is not None and copy.kind == "direct":
            copy.hidden = True
        else:
            self.rooms.pop(payload["roomId"], None)

    def _member_joined(self, payload: Payload) -> None:
        self.copy(payload).people.add(payload["userId"])

    def _member_left(self, payload: Payload) -> None:
        self.copy(payload).people.discard(payload["userId"])

    def _receipt(self, payload: Payload) -> None:
        copy = self.copy(payload)
        if payload["userId"] == self.person.id:
            copy.marks = copy.marks or (0, 0)
            copy.move(payload["delivered"], payload["read"])
