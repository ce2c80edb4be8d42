"""What is told of messages and marks once they are stored, room by room and in order."""

from collections.abc import Sequence

from chat.attachments import Attachments
from chat.entries import Told, ToldGap, ToldMarks, ToldMessage
from chat.events import Caught, Event, MessageChanged, MessageStored, Pair
from chat.hints import Hints
from chat.hub import Hub
from chat.live_room import LiveRoom
from chat.membership import Memberships
from chat.people import People
from chat.policy import has_receipts
from chat.receipts import Receipts


class MessageNews:
    """Hands to the hub what a commit has stored, and moves what follows from it."""

    def __init__(
        self,
        hub: Hub,
        people: People,
        attachments: Attachments,
        memberships: Memberships,
        receipts: Receipts,
        hints: Hints,
    ) -> None:
        self._hub = hub
        self._people = people
        self._attachments = attachments
        self._memberships = memberships
        self._receipts = receipts
        self._hints = hints

    def tell(self, told: Sequence[Told]) -> None:
        """Tell what a commit has stored."""
        by_room: dict[LiveRoom, list[Event]] = {}
        for item in told:
            if isinstance(item, ToldMarks):
                self._receipts.tell(item)
            else:
                by_room.setdefault(item.room, []).append(self._event(item))
        for room, events in by_room.items():
            self._tell_room(room, events)

    def _tell_room(self, room: LiveRoom, events: Sequence[Event]) -> None:
        self._hub.tell_room(room, events)
        self._receipts.save(room, room.fading())
        senders = {one.message.sender for one in events if isinstance(one, MessageStored)}
        if senders and room.hidden:
            self._memberships.unhide_soon(room)
        if has_receipts(room):
            self._receipts.tell_reading(room, senders)
            self._receipts.mark_taken(room)

    def _event(self, told: ToldMessage | ToldGap) -> Event:
        room = told.room
        if isinstance(told, ToldGap):
            return Caught(room.id, told.rev, complete=False)
        message = told.message
        name = self._people.name(message.sender)
        shown = self._attachments.shown(message)
        if not told.new:
            return MessageChanged(message, name, shown)
        self._hints.note(message)
        # Where everybody hears a sound, nobody must be looked for who does not want one.
        notify = has_receipts(room)
        return MessageStored(
            message,
            name,
            told.origin,
            notify,
            room.muted if notify else frozenset(),
            self._pair(room, message.sender),
            shown,
            told.forms,
        )

    def _pair(self, room: LiveRoom, sender: str) -> Pair | None:
        """Who speaks to whom, where one of the two hears it so; it takes 2 µs to find out."""
        if room.pair is None or not self._hub.names_people(room.pair):
            return None
        return self._people.pair(room, sender)
