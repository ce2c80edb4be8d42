"""What a socket does with each command: one call of the core, and what the ACK to it carries."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec
from msgspec import Raw

from chat import commands
from chat.chat import Speaker
from chat.events import Form
from chat.live_room import LiveRoom
from chat.reading import Page
from chat.receipts import Marks
from handlers.dialects.words import AskPresence
from handlers.fitting import fitting
from handlers.services import Services
from handlers.views import MessageBody, message_view, own_room_view
from models.records import Message

Payload = dict[str, object]


class Actions:
    """The commands of a socket but those that need the socket itself."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._chat = services.chat
        self._memberships = services.memberships
        # Who is online, as whoever logs in is told it twice: a thousand ids take 14 µs each time.
        self._online: list[str] = []
        self._online_ids = Raw(b"[]")
        self._table: dict[type, Callable[[Speaker, Any], Awaitable[Payload]]] = {
            commands.EditMessage: self._edit,
            commands.DeleteMessage: self._delete,
            commands.React: self._react,
            commands.Pin: self._pin,
            commands.Read: self._read,
            commands.Delivered: self._delivered,
            commands.Typing: self._typing,
            commands.StopTyping: self._stop_typing,
            commands.CreateRoom: self._create_room,
            commands.UpdateRoom: self._update_room,
            commands.DeleteRoom: self._delete_room,
            commands.JoinRoom: self._join_room,
            commands.LeaveRoom: self._leave_room,
            commands.Invite: self._invite,
            commands.RemoveMember: self._remove_member,
            commands.SetRole: self._set_role,
            commands.Mute: self._mute,
            commands.History: self._history,
            AskPresence: self._presence,
        }

    async def carry_out(self, speaker: Speaker, command: object) -> Payload:
        """Carry out a command."""
        return await self._table[type(command)](speaker, command)

    def online(self) -> Raw:
        """The ids of those who are online, encoded once until somebody comes or goes."""
        users = self._services.presence.online()
        if users is not self._online:
            self._online, self._online_ids = users, Raw(msgspec.json.encode(users))
        return self._online_ids

    async def _edit(self, speaker: Speaker, command: commands.EditMessage) -> Payload:
        return self._message(await self._chat.edit(speaker, command))

    async def _delete(self, speaker: Speaker, command: commands.DeleteMessage) -> Payload:
        return self._message(await self._chat.delete(speaker, command))

    async def _react(self, speaker: Speaker, command: commands.React) -> Payload:
        return self._message(await self._chat.react(speaker, command))

    async def _pin(self, speaker: Speaker, command: commands.Pin) -> Payload:
        return self._message(await self._chat.pin(speaker, command))

    async def _read(self, speaker: Speaker, command: commands.Read) -> Payload:
        return _marks(await self._chat.read(speaker, command))

    async def _delivered(self, speaker: Speaker, command: commands.Delivered) -> Payload:
        return _marks(await self._chat.delivered(speaker, command))

    async def _typing(self, speaker: Speaker, command: commands.Typing) -> Payload:
        room = await self._chat.room_of(speaker, command.room_id)
        self._services.typing.start(room, speaker.user, speaker.name)
        return {}

    async def _stop_typing(self, speaker: Speaker, command: commands.StopTyping) -> Payload:
        room = await self._chat.room_of(speaker, command.room_id)
        self._services.typing.stop(room, speaker.user)
        return {}

    async def _create_room(self, speaker: Speaker, command: commands.CreateRoom) -> Payload:
        room, _ = await self._memberships.create(speaker.user, command, origin=speaker.socket)
        return await self._room(speaker, room)

    async def _update_room(self, speaker: Speaker, command: commands.UpdateRoom) -> Payload:
        return await self._room(speaker, await self._memberships.update(speaker.user, command))

    async def _delete_room(self, speaker: Speaker, command: commands.DeleteRoom) -> Payload:
        await self._memberships.delete(speaker.user, command)
        return {"roomId": command.room_id}

    async def _join_room(self, speaker: Speaker, command: commands.JoinRoom) -> Payload:
        return await self._room(speaker, await self._memberships.join(speaker.user, command))

    async def _leave_room(self, speaker: Speaker, command: commands.LeaveRoom) -> Payload:
        await self._memberships.leave(speaker.user, command)
        return {"roomId": command.room_id}

    async def _invite(self, speaker: Speaker, command: commands.Invite) -> Payload:
        return await self._room(speaker, await self._memberships.invite(speaker.user, command))

    async def _remove_member(self, speaker: Speaker, command: commands.RemoveMember) -> Payload:
        return await self._room(speaker, await self._memberships.remove(speaker.user, command))

    async def _set_role(self, speaker: Speaker, command: commands.SetRole) -> Payload:
        return await self._room(speaker, await self._memberships.set_role(speaker.user, command))

    async def _mute(self, speaker: Speaker, command: commands.Mute) -> Payload:
        return await self._room(speaker, await self._memberships.mute(speaker.user, command))

    async def _history(self, speaker: Speaker, command: commands.History) -> Payload:
        page = await self._services.reading.history(speaker.user, command)
        kept, has_more = self._fitting(command, page)
        return {"messages": [self._view(m, speaker) for m in kept], "hasMore": has_more}

    async def _presence(self, speaker: Speaker, command: AskPresence) -> Payload:
        among: Iterable[str] | None = command.user_ids
        if command.room_id is not None:
            room = await self._chat.room_of(speaker, command.room_id)
            if not room.is_everyone:
                among = room.members.keys() if among is None else room.members.keys() & set(among)
        presence = self._services.presence
        page = presence.page(among, after=command.after, limit=command.limit)
        return {"userIds": page.users, "hasMore": page.has_more}

    async def _room(self, speaker: Speaker, room: LiveRoom) -> Payload:
        state = await self._services.reading.state(room)
        return {"room": own_room_view(state, speaker.user, self._services.people.name)}

    def _fitting(self, command: commands.History, page: Page) -> tuple[list[Message], bool]:
        """The part of a page that a socket can take at once, and whether there is more."""
        messages, last = page.messages, len(page.messages) - 1
        if command.around is not None:
            place = next((n for n, m in enumerate(messages) if m.seq >= command.around), last)
        else:
            place = last if command.after is None else 0
        most = self._services.socket_limits.waiting_bytes // 2
        begin, end = fitting(messages, place, most)
        forwards = command.around is not None or command.after is not None
        is_cut = end <= last if forwards else begin > 0
        return messages[begin:end], page.has_more or is_cut

    def _message(self, message: Message) -> Payload:
        shown = self._services.attachments.shown(message)
        return {"message": message_view(message, self._name(message), shown=shown)}

    def _view(self, message: Message, speaker: Speaker) -> MessageBody:
        form: Form = "own" if message.sender == speaker.user else "others"
        shown = self._services.attachments.shown(message)
        return message_view(message, self._name(message), form, shown)

    def _name(self, message: Message) -> str:
        return self._services.people.name(message.sender)


def _marks(marks: Marks) -> Payload:
    return {"roomId": marks.room, "delivered": marks.delivered, "read": marks.read}
