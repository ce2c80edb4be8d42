"""What is told of messages and marks once they are stored, room by room and in order."""

from collections.abc import Sequence

from chat.attachments import Attachments
from chat.direct_rooms import DirectRooms
from chat.entries import Told, ToldGap, ToldMarks, ToldMessage
from chat.events import Caught, Event, MessageChanged, MessageStored, Pair
from chat.hints import Hints
from chat.hub import Hub
from chat.live_room import LiveRoom
from chat.people import People
from chat.policy import has_receipts
from chat.receipts import Receipts
from chat.typing import Typing


class MessageNews:
    """Hands to the hub what a commit has stored, and moves what follows from it."""

    def __init__(
        self,
        hub: Hub,
        people: People,
        attachments: Attachments,
        direct_rooms: DirectRooms,
        receipts: Receipts,
        hints: Hints,
        typing: Typing,
    ) -> None:
        self._hub = hub
        self._people = people
        self._attachments = attachments
        self._direct_rooms = direct_rooms
        self._receipts = receipts
        self._hints = hints
        self._typing = typing

    def tell(self, told: Sequence[Told]) -> None:
        """Tell what a commit has stored."""
        by_room: dict[LiveRoom, list[ToldMessage | ToldGap]] = {}
        for item in told:
            # Messages first, here and below: `isinstance` takes 0.1 µs to say no.
            if not isinstance(item, ToldMessage) and isinstance(item, ToldMarks):
                self._receipts.tell(item)
            elif item.room in by_room:
                by_room[item.room].append(item)
            else:
                by_room[item.room] = [item]
        for room, news in by_room.items():
            self._tell_room(room, news)

    def _tell_room(self, room: LiveRoom, news: Sequence[ToldMessage | ToldGap]) -> None:
        self._hub.tell_room(room, self._events(room, news))
        self._receipts.save(room, room.fading())
        said = [one.message for one in news if isinstance(one, ToldMessage) and one.new]
        if said:
            self._typing.over(room, said)
            self._hints.note(said[-1])
            if room.hidden:
                self._direct_rooms.show_soon(room)
        if has_receipts(room):
            self._receipts.tell_reading(room, {message.sender for message in said})
            self._receipts.mark_taken(room)

    def _events(self, room: LiveRoom, news: Sequence[ToldMessage | ToldGap]) -> list[Event]:
        # Where everybody hears a sound, nobody must be looked for who does not want one.
        notify = has_receipts(room)
        muted: frozenset[str] = room.muted if notify else frozenset()
        # Who speaks to whom, where one of the two hears it so; it takes 2 µs to find out.
        is_named = room.pair is not None and self._hub.names_people(room.pair)
        # As often as somebody says something meanwhile.
        speaking: dict[str, tuple[str, Pair | None]] = {}
        events: list[Event] = []
        for told in news:
            if not isinstance(told, ToldMessage):
                events.append(Caught(room.id, told.rev, complete=False))
                continue
            message = told.message
            sender = message.sender
            shown = self._attachments.shown(message) if message.attachments else ()
            if not told.new:
                events.append(MessageChanged(message, self._people.name(sender), shown))
                continue
            if sender not in speaking:
                pair = self._people.pair(room, sender) if is_named else None
                speaking[sender] = self._people.name(sender), pair
            name, pair = speaking[sender]
            events.append(
                MessageStored(message, name, told.origin, notify, muted, pair, shown, told.forms)
            )
        return events
