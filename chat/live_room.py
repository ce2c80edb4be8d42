"""A live room: who is in it and how far it has come, in memory while it is in use."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from msgspec import Struct

from chat.badges import Badges
from chat.errors import NotFound
from chat.recall import Recall, Shelf
from chat.senders import MAX_SENDERS, Senders
from models.records import EVERYONE, Counters, Membership, Message, Room, RoomRole, now


class Member(Struct):
    """What a live room knows of somebody in it."""

    user: str
    role: RoomRole
    joined: datetime
    delivered: int
    read: int
    muted: bool
    hidden: bool
    # How far the store knows that they have read; the rest follows from what they sent.
    saved: int = 0
    # How far the others know of it.
    told: int = 0
    # The last that they sent, as far as senders are remembered.
    sent: int = 0


class Standing(Struct, frozen=True, gc=False):
    """How far a room has come, and somebody in it."""

    seq: int = 0
    rev: int = 0
    delivered: int = 0
    read: int = 0
    mentions: int = 0
    muted: bool = False
    last: Message | None = None


class Held(Struct):
    """A message that is being changed, as it is stored at the moment."""

    message: Message | None = None
    holders: int = 0


class LiveRoom:
    """A room in use. Its counters are those of what is stored; the journal alone moves them."""

    def __init__(
        self,
        room: Room,
        counters: Counters,
        members: dict[str, Member],
        shelf: Shelf | None = None,
    ) -> None:
        self.room = room
        self.id = room.id
        # Whether this is the room that everybody is in.
        self.is_everyone = room.id == EVERYONE
        # The two of a direct room.
        self.pair = None if room.pair is None else room.pair.split(":")
        self.seq = counters.seq
        self.rev = counters.rev
        self.members = members
        # Whether one of the two in a direct room does not see it at the moment.
        self.hidden = self._is_hidden()
        # Those in it who want no sound; none, nearly always.
        self.muted = frozenset(one.user for one in members.values() if one.muted)
        self.last: Message | None = None
        self.recall = Recall(shelf or Shelf())
        # What is being written for the room, so that it is not dropped under the journal.
        self.pending = 0
        self.used = time.monotonic()
        # How long it took to tell those who are in it what was written for it last.
        self.telling_seconds = 0.0
        # One change of name, members or roles after the other.
        self.lock = asyncio.Lock()
        self._held: dict[str, Held] = {}
        self._senders = Senders(MAX_SENDERS)
        # Whose last message nobody would find any more who wakes the room.
        self._fading: list[Member] = []
        self.badges = Badges()
        # In a direct room, the messages of each that the other one has not read, by `seq`.
        self._unread: dict[str, dict[int, str]] = {}
        # How far those of each were named as having come.
        self._come: dict[str, int] = {}
        self._latest: datetime | None = None

    @property
    def active(self) -> datetime:
        """When something was said in it last, or else when it was made."""
        return self.room.active if self.last is None else self.last.created

    @property
    def is_busy(self) -> bool:
        """Whether something of the room is being changed."""
        return self.pending > 0 or self.lock.locked() or bool(self._held)

    def has(self, user_id: str) -> bool:
        """Tell whether somebody is in the room."""
        return user_id in self.members or self.is_everyone

    def other(self, user_id: str) -> str | None:
        """The other one of the two in a direct room; nobody in any other."""
        if self.pair is None:
            return None
        one, two = self.pair
        return two if one == user_id else one

    def stamp(self, moment: datetime) -> datetime:
        """The time of a new message: never before that of an older one, whatever clocks do."""
        if self._latest is not None and moment < self._latest:
            return self._latest
        self._latest = moment
        return moment

    def role(self, user_id: str) -> RoomRole | None:
        """What somebody is in the room."""
        member = self.members.get(user_id)
        if member is not None:
            return member.role
        return "member" if self.is_everyone else None

    def standing(self, user_id: str) -> Standing:
        """How far the room has come, and somebody in it."""
        member = self.members.get(user_id)
        return Standing(
            seq=self.seq,
            rev=self.rev,
            delivered=member.delivered if member else 0,
            # Whoever is not in it has nothing to catch up with.
            read=member.read if member else 0 if self.is_everyone else self.seq,
            mentions=self.mentions(user_id),
            muted=user_id in self.muted,
            last=self.last,
        )

    def mute(self, user_id: str, *, on: bool) -> None:
        """Note whether somebody in the room wants no sound."""
        self.members[user_id].muted = on
        self.muted = self.muted | {user_id} if on else self.muted - {user_id}

    def hide(self, user_id: str, *, on: bool) -> None:
        """Note whether somebody in a direct room does not see it at the moment."""
        self.members[user_id].hidden = on
        self.hidden = self._is_hidden()

    def _is_hidden(self) -> bool:
        return self.pair is not None and any(member.hidden for member in self.members.values())

    @contextmanager
    def held(self, message_id: str) -> Iterator["Held"]:
        """Hold a message while it is being changed, so that two changes at once both count.

        All that hold it share one place. Whoever finds it empty reads the message, and keeps what
        is there by then if somebody was faster.
        """
        held = self._held.setdefault(message_id, Held())
        held.holders += 1
        try:
            yield held
        finally:
            held.holders -= 1
            if not held.holders:
                del self._held[message_id]

    def note_message(self, message: Message) -> None:
        """Note how a message stands now, for those who hold it, read it or list the room."""
        self.recall.put(message)
        if message.mentions or self.badges:
            self.badges.note(message.seq, message.mentions)
        if self.last is not None and self.last.seq == message.seq:
            self.last = message
        held = self._held.get(message.id) if self._held else None
        if held is not None:
            held.message = message

    def note_sender(self, message: Message) -> None:
        """Keep in mind who sent a message, and that it is the last."""
        self.last = message
        seq, sender = message.seq, message.sender
        # Whoever sends has read the room; that is as durable as the message is.
        member = self.members.get(sender)
        if member is not None:
            if member.delivered < seq:
                member.delivered = seq
            if member.read < seq:
                member.read = seq
            member.sent = seq
        forgotten = self._senders.note(seq, sender)
        if forgotten is not None:
            self._fade(seq - MAX_SENDERS, forgotten)
        self.stamp(message.created)
        if self.pair is not None:
            self._note_unread(message)

    def _note_unread(self, message: Message) -> None:
        """Remember a message in a direct room that the other one has not read."""
        seq, sender = message.seq, message.sender
        other = self.members.get(self.other(sender) or "")
        if other is None or seq <= other.read:
            return
        unread = self._unread.get(sender)
        if unread is None:
            unread = self._unread[sender] = {}
        unread[seq] = message.id
        if len(unread) > MAX_SENDERS:
            del unread[next(iter(unread))]

    def fading(self) -> Sequence[Member]:
        """Those who have read further than the store would find out after a crash; each once."""
        if not self._fading:
            return ()
        fading, self._fading = self._fading, []
        return [member for member in fading if member.read > member.saved]

    def mentions(self, user_id: str) -> int:
        """How often somebody is mentioned in what they have not read."""
        member = self.members.get(user_id)
        return self.badges.count(user_id, 0 if member is None else member.read)

    def admit(self, member: Member) -> None:
        """Let somebody in; what they sent and was stored as they came back, they have read."""
        sent = self._senders.last_of(member.user)
        member.delivered = max(member.delivered, sent)
        member.read = member.told = max(member.read, sent)
        member.sent = sent
        self.members[member.user] = member
        self.mute(member.user, on=member.muted)
        self.hide(member.user, on=member.hidden)

    def unread_of(self, sender: str, after: int, upto: int) -> tuple[str, ...]:
        """The messages of one of two that the other has not read, behind one `seq` up to another.

        Those that are remembered, that is: as many as senders are.
        """
        unread = self._unread.get(sender)
        if not unread:
            return ()
        if after < next(iter(unread)) and next(reversed(unread)) <= upto:
            return tuple(unread.values())
        return tuple(message_id for seq, message_id in unread.items() if after < seq <= upto)

    def newly_come(self, sender: str, after: int, upto: int) -> tuple[str, ...]:
        """The same, of those that were not named by this before: a reply passes them once more."""
        after = max(after, self._come.get(sender, 0))
        self._come[sender] = max(after, upto)
        return self.unread_of(sender, after, upto)

    def forget_read(self, sender: str, upto: int) -> None:
        """Remember the messages of one of two no more that the other has read."""
        unread = self._unread.get(sender)
        if not unread:
            return
        if next(reversed(unread)) <= upto:
            unread.clear()
            return
        for seq in [seq for seq in unread if seq <= upto]:
            del unread[seq]

    def _fade(self, seq: int, sender: str) -> None:
        member = self.members.get(sender)
        if member is not None and member.sent == seq and member.saved < seq:
            self._fading.append(member)

    def unsaved(self) -> list[Member]:
        """Those who have read further than the store knows, because they sent something."""
        return [member for member in self.members.values() if member.read > member.saved]

    def concerned(self, user: str, after: int, upto: int) -> list[str]:
        """The others in the room who sent what lies behind one `seq` up to another.

        All others, where nobody remembers who that was.
        """
        # Not to one who has left, though it is about what they said.
        other = self.other(user)
        if other is not None:
            alone = other not in self.members or self._senders.is_alone(user, after, upto)
            return [] if alone else [other]
        senders = self.senders(after, upto)
        others = self.members if senders is None else senders
        return [other for other in others if other != user and self.has(other)]

    def senders(self, after: int, upto: int) -> set[str] | None:
        """Who sent the messages behind one `seq` up to another; None where nobody remembers."""
        return self._senders.between(after, upto)


def live_member(membership: Membership) -> Member:
    """What a live room knows of a membership."""
    return Member(
        user=membership.user,
        role=membership.role,
        joined=membership.joined,
        delivered=membership.delivered,
        read=membership.read,
        muted=membership.muted,
        hidden=membership.hidden,
        saved=membership.read,
        told=membership.read,
    )


def everyones_member(user_id: str) -> Member:
    """Somebody in the room of everybody, who has no membership before the first mark."""
    return Member(
        user=user_id,
        role="member",
        joined=now(),
        delivered=0,
        read=0,
        muted=False,
        hidden=False,
    )


def no_such_room() -> NotFound:
    """The refusal of a room that is not there, or that is none of one's business."""
    return NotFound("room_not_found", "there is no such room")
