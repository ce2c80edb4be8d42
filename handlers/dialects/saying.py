"""What a client of a dialect says to others: stored, told, and then answered."""

from collections.abc import Awaitable
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from chat.chat import Speaker
from chat.commands import SendMessage
from chat.entries import Said as Stored
from chat.errors import Refusal
from chat.sessions import Client as Place
from handlers.dialects.tables import Said, Speech
from handlers.services import Services
from handlers.socketio.peers import Acknowledge
from models.records import EVERYONE


class Saying(Protocol):
    """A client that says something."""

    services: Services
    # Its messages that are being stored.
    unanswered: int
    # Whether it is told nothing any more.
    is_over: bool

    @property
    def place(self) -> Place:
        """Where it comes from, for whoever makes a guest of it."""

    def refuse(self, refusal: Refusal, acknowledge: Acknowledge | None = None) -> None:
        """Tell of a refusal, through a callback where there is one."""

    async def guarded(self, work: Awaitable[None], acknowledge: Acknowledge | None) -> None:
        """Let nothing escape."""


def say(
    client: Saying, speaker: Speaker, speech: Speech, acknowledge: Acknowledge | None
) -> Awaitable[None] | None:
    """The way of nearly every event: no task, and no wait but for the disk."""
    services = client.services
    services.limits.take(services.socket_limits.messages, speaker.user)
    command = _command(services, speech)
    answer = _Answering(client, acknowledge).answer
    if command is None or not services.chat.send_now(speaker, command, answer):
        return client.guarded(_say_later(client, speaker, speech, acknowledge), acknowledge)
    client.unanswered += 1
    return None


async def _say_later(
    client: Saying, speaker: Speaker, speech: Speech, acknowledge: Acknowledge | None
) -> None:
    services = client.services
    if speech.to_name is not None:
        receiver = await services.guests.reach(speech.to_name, client.place)
        services.people.note(receiver)
        speech = replace(speech, to=receiver.id, to_name=None)
    command = _command(services, speech)
    assert command is not None  # noqa: S101 - there is no name left to be looked up
    await services.chat.send(speaker, command, _Answering(client, acknowledge).answer)
    client.unanswered += 1


def _command(services: Services, speech: Speech) -> SendMessage | None:
    """The command that says something; None where a name must be looked up first."""
    to = speech.to
    if speech.to_name is not None:
        receiver = services.people.known_by_name(speech.to_name.strip())
        if receiver is None:
            return None
        to = receiver.id
    return SendMessage(
        room_id=EVERYONE if to is None else None,
        to=to,
        content=speech.text,
        client_id=speech.client_id,
        image_url=speech.link,
    )


class _Answering(Struct, frozen=True, eq=False):
    """Who waits for an answer. Its method costs two thirds of what a `partial` does."""

    client: Saying
    acknowledge: Acknowledge | None

    def answer(self, said: Stored | Refusal) -> None:
        """Tell what became of what was said."""
        client, acknowledge = self.client, self.acknowledge
        client.unanswered -= 1
        if client.is_over:
            return
        if isinstance(said, Refusal):
            client.refuse(said, acknowledge)
        elif acknowledge is not None:
            message = said.message
            answer = Said(
                ok=True,
                id=message.id,
                underscore_id=message.id,
                room_id=message.room,
                rev=message.rev,
                timestamp=message.created,
            )
            # Whoever sends four at once hears of all of them in one write.
            acknowledge(answer, soon=client.unanswered > 0)
