"""What happens when somebody says something: may they, then store, then tell.

One method per command. A message that somebody may send goes to the journal, and when it is durable
it is news (chat/message_news.py), before its sender has an answer.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from chat.attachments import Attachments, attached_to
from chat.commands import (
    DeleteMessage,
    Delivered,
    EditMessage,
    Pin,
    React,
    Read,
    SendMessage,
)
from chat.direct_rooms import DirectRooms
from chat.emoji import is_same, require_emoji
from chat.entries import Answer, Change, Said, Told, fulfil
from chat.errors import Invalid
from chat.hints import Hints
from chat.hub import Hub, Taker
from chat.journal import MAX_WAITING, Journal
from chat.live_room import LiveRoom
from chat.mentions import Mentions
from chat.message_news import MessageNews
from chat.people import People
from chat.policy import (
    no_such_message,
    require_may_delete,
    require_may_pin,
    require_member,
    require_own,
    require_there,
)
from chat.receipts import Marks, Receipts
from chat.resends import earlier_name, name_of
from chat.rooms import Rooms
from chat.typing import Typing
from models.disk import Disk
from models.records import FormerText, Message, Reaction, new_id, now
from models.store import Store

# So many kinds of emoji may stand under a message, each once from everybody.
MAX_REACTIONS = 50

# And so many altogether: whoever is told of a message is told of all who have reacted, and with a
# thousand names that is 27 KB for every one of them.
MAX_REACTED = 1_000

# What a message said before its last edits; older texts are dropped.
MAX_FORMER = 20


class Speaker(Struct, frozen=True):
    """Who sends a command, and on which socket, if it came on one.

    If it came with a key, what it makes can be found by `makes`.
    """

    user: str
    name: str
    socket: int | None = None
    makes: str | None = None


class Chat:
    """Messages: sending them and changing them."""

    def __init__(
        self,
        store: Store,
        disk: Disk,
        rooms: Rooms,
        people: People,
        hub: Hub,
        direct_rooms: DirectRooms,
        attachments: Attachments,
        edit_window: float,
        journal_queue: int = MAX_WAITING,
    ) -> None:
        self._store = store
        self._disk = disk
        self._rooms = rooms
        self._people = people
        self._direct_rooms = direct_rooms
        self._attachments = attachments
        self.hints = Hints(store, disk)
        self._edit_window = edit_window
        self.journal = Journal(
            store, disk, self._tell, max_waiting=journal_queue, ready=hub.caught_up
        )
        self._receipts = Receipts(store, disk, rooms, people, hub, self.journal)
        self.typing = Typing(hub, people)
        self._news = MessageNews(
            hub, people, attachments, direct_rooms, self._receipts, self.hints, self.typing
        )
        rooms.save = self._receipts.save

    def send_now(self, speaker: Speaker, command: SendMessage, answer: Answer) -> bool:
        """Queue a message, where all that must be known is at hand; False where it is not.

        This is the way of nearly every message, and it makes no task.
        """
        if command.reply_to is not None or command.attachments or command.image_url:
            return False
        room = self._room_at_hand(speaker, command)
        if room is None or room.hidden or "@" in command.content:
            return False
        other, people = room.other(speaker.user), self._people
        if not (people.knows(speaker.user) and (other is None or people.knows(other))):
            return False
        moment = now()
        if command.temp_id is not None and earlier_name(command, room.id, moment) is not None:
            return False
        self._say(room, speaker, command, (), moment, answer)
        return True

    async def send(self, speaker: Speaker, command: SendMessage, answer: Answer) -> None:
        """Read what must be known, and queue the message."""
        room = await self._room_to(speaker, command)
        await self._people.load([speaker.user, room.other(speaker.user) or speaker.user])
        if command.reply_to is not None:
            await self._require_in_room(room, command.reply_to)
        command = replace(command, attachments=attached_to(command), image_url=None)
        with self._attachments.held(command.attachments) as holding:
            await self._attachments.require_own(speaker.user, command.attachments)
            mentions = await self._mentioned(room, command.content)
            moment = now()
            first = await self._said_earlier(room, speaker, command, moment)
            if first is not None:
                require_member(room, speaker.user)
                asyncio.get_running_loop().call_soon(answer, Said(first, fresh=False))
                return
            if room.hidden:
                require_member(room, speaker.user)
                _require_text(command.content, command.attachments)
                await self._direct_rooms.show(room)
            self._say(room, speaker, command, mentions, moment, holding(answer))

    async def sent(self, speaker: Speaker, command: SendMessage) -> Said:
        """Send a message, and wait until it is durable and told."""
        said: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
        await self.send(speaker, command, partial(fulfil, said))
        return await said

    async def edit(self, speaker: Speaker, command: EditMessage) -> Message:
        """Replace the text of a message of one's own; what it said before is kept."""
        content = _require_text(command.content, attachments=())
        mentions = Mentions(content)
        users = await self._people.named(mentions.names)

        def change(message: Message) -> Message | None:
            moment = now()
            require_own(message, speaker.user, moment, self._edit_window)
            if message.text == content:
                return None
            room = self._rooms.live(message.room)
            former = FormerText(text=message.text, until=moment)
            return replace(
                message,
                text=content,
                # Whoever is called only now is named in it, and hears no sound.
                mentions=mentions.called(user for user in users if room and room.has(user.id)),
                edited=moment,
                former=(*message.former, former)[-MAX_FORMER:],
            )

        return await self._alter(speaker, command.message_id, change)

    async def delete(self, speaker: Speaker, command: DeleteMessage) -> Message:
        """Empty a message; its place stays."""
        shown: tuple[str, ...] = ()

        def change(message: Message) -> Message | None:
            nonlocal shown
            if message.deleted is not None:
                return None
            shown = message.attachments
            return replace(
                message,
                text="",
                attachments=(),
                reactions=(),
                mentions=(),
                former=(),
                pinned=False,
                deleted=now(),
            )

        user = await self._people.as_stored(speaker.user)
        deleted = await self._alter(
            speaker,
            command.message_id,
            change,
            lambda room, message: require_may_delete(room, message, user),
        )
        await self._attachments.release(shown)
        return deleted

    async def react(self, speaker: Speaker, command: React) -> Message:
        """Put one's emoji under a message, or take it away."""
        require_emoji(command.emoji)

        def change(message: Message) -> Message | None:
            require_there(message)
            return _reacted(message, speaker.user, command.emoji, on=command.on)

        return await self._alter(speaker, command.message_id, change)

    async def pin(self, speaker: Speaker, command: Pin) -> Message:
        """Pin a message to its room, or unpin it."""

        def change(message: Message) -> Message | None:
            require_there(message)
            return None if message.pinned == command.on else replace(message, pinned=command.on)

        user = await self._people.as_stored(speaker.user)
        return await self._alter(
            speaker,
            command.message_id,
            change,
            lambda room, _: require_may_pin(room, user),
        )

    async def read(self, speaker: Speaker, command: Read) -> Marks:
        """Have read as far as a message."""
        return await self._receipts.read(speaker.user, command)

    async def delivered(self, speaker: Speaker, command: Delivered) -> Marks:
        """Have received as far as a message."""
        return await self._receipts.delivered(speaker.user, command)

    async def deliver(self, taker: Taker, room_id: str, seq: int) -> None:
        """Let somebody have received what they were told of a room, once they have taken it."""
        self._receipts.mark_once_taken(await self._rooms.get(room_id), taker, seq)

    async def room_of(self, speaker: Speaker, room_id: str) -> LiveRoom:
        """A room that somebody is in."""
        room = await self._rooms.get(room_id)
        require_member(room, speaker.user)
        other = room.other(speaker.user)
        if other is not None:  # who may be told by name of what is done there
            await self._people.load([speaker.user, other])
        return room

    def _tell(self, told: Sequence[Told]) -> None:
        self._news.tell(told)

    def _room_at_hand(self, speaker: Speaker, command: SendMessage) -> LiveRoom | None:
        if command.room_id is not None:
            return self._rooms.live(command.room_id)
        if command.to is None or not self._people.has_account(command.to):
            return None
        return self._rooms.live_direct(speaker.user, command.to)

    async def _room_to(self, speaker: Speaker, command: SendMessage) -> LiveRoom:
        if command.room_id is not None:
            return await self.room_of(speaker, command.room_id)
        if command.to is None:
            raise Invalid("missing_field", "a message needs a roomId or a to")
        room, _ = await self._direct_rooms.between(speaker.user, command.to)
        return room

    def _say(
        self,
        room: LiveRoom,
        speaker: Speaker,
        command: SendMessage,
        mentions: tuple[str, ...],
        moment: datetime,
        answer: Answer,
    ) -> None:
        require_member(room, speaker.user)
        content = _require_text(command.content, command.attachments)
        message_id = new_id()
        draft = Message(
            id=message_id,
            room=room.id,
            seq=0,
            rev=0,
            sender=speaker.user,
            client_id=name_of(command, room.id, message_id, moment, speaker.makes),
            text=content,
            attachments=command.attachments,
            reply_to=command.reply_to,
            mentions=mentions,
            created=room.stamp(moment),
        )
        self.journal.say(room, draft, answer, speaker.socket)

    async def _said_earlier(
        self, room: LiveRoom, speaker: Speaker, command: SendMessage, moment: datetime
    ) -> Message | None:
        """What was said a while ago, if this is the same again."""
        name = earlier_name(command, room.id, moment)
        if name is None:
            return None
        return await self._disk.run(self._store.messages.by_client_id, speaker.user, name)

    async def _alter(
        self,
        speaker: Speaker,
        message_id: str,
        change: Change,
        require: Callable[[LiveRoom, Message], None] | None = None,
    ) -> Message:
        """Find a message that somebody may see, and queue a change of it."""
        message = await self._disk.run(self._store.messages.get, message_id)
        if message is None:
            raise no_such_message()
        room = await self._rooms.get(message.room)
        if not room.has(speaker.user):
            raise no_such_message()
        await self._people.load([message.sender])
        await self._attachments.load([message])
        with room.held(message_id) as held:
            if held.message is None:
                # Read again now that it is held: it may have changed while the room was read.
                message = await self._disk.run(self._store.messages.get, message_id)
                held.message = held.message or message
            if held.message is None or not room.has(speaker.user):
                raise no_such_message()
            if require is not None:
                require(room, held.message)
            said = await self.journal.alter(room, held, change)
        return said.message

    async def _require_in_room(self, room: LiveRoom, message_id: str) -> None:
        message = await self._disk.run(self._store.messages.get, message_id)
        if message is None or message.room != room.id:
            raise Invalid(
                "unknown_message",
                "one answers to a message of the room",
                details={"field": "replyTo"},
            )

    async def _mentioned(self, room: LiveRoom, text: str) -> tuple[str, ...]:
        mentions = Mentions(text)
        users = await self._people.named(mentions.names)
        return mentions.called(user for user in users if room.has(user.id))


def _require_text(text: str, attachments: tuple[str, ...]) -> str:
    if not text.strip() and not attachments:
        raise Invalid("empty_message", "a message says something or shows something")
    return text


def _reacted(message: Message, user: str, emoji: str, *, on: bool) -> Message | None:
    there = next((r for r in message.reactions if is_same(r.emoji, emoji)), None)
    emoji, users = (there.emoji, there.users) if there else (emoji, ())
    if (user in users) == on:
        return None
    others = tuple(r for r in message.reactions if r.emoji != emoji)
    if not on:
        left = tuple(other for other in users if other != user)
        kept = (Reaction(emoji=emoji, users=left),) if left else ()
    elif not users and len(others) >= MAX_REACTIONS:
        raise Invalid("too_many_reactions", f"a message has at most {MAX_REACTIONS} kinds of emoji")
    elif sum(len(r.users) for r in message.reactions) >= MAX_REACTED:
        raise Invalid("too_many_reactions", f"a message has at most {MAX_REACTED} reactions")
    else:
        kept = (Reaction(emoji=emoji, users=(*users, user)),)
    return replace(message, reactions=(*others, *kept))
