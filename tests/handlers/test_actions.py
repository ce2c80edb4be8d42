"""What a socket does with each command; what comes of it is in test_websocket_commands.py."""

import msgspec
import pytest

from chat import commands
from handlers.actions import Actions
from handlers.dialects import authenticate, native
from handlers.dialects.words import Auth, Listen, Unlisten
from tests.handlers.conftest import Hubbub

# The commands that need the socket itself, or what is not in the core.
THE_SOCKETS_OWN = {Auth, Listen, Unlisten, commands.SendMessage, commands.Sync}


@pytest.mark.gen_test
async def test_every_command_of_either_words_is_carried_out(hub: Hubbub) -> None:
    # What dialect A's own SEND_MESSAGE is turned into is a command of the core.
    theirs = {*native.COMMANDS.values(), *authenticate.COMMANDS.values()}
    theirs.remove(authenticate.SendMessage)
    assert theirs - THE_SOCKETS_OWN == Actions(hub.services)._table.keys()


@pytest.mark.gen_test
async def test_who_is_online_is_encoded_once_until_it_changes(hub: Hubbub) -> None:
    ann, bob = await hub.residents("ann", "bob")
    actions = Actions(hub.services)
    assert msgspec.json.decode(actions.online()) == []
    await hub.socket(ann)
    alone = actions.online()
    assert msgspec.json.decode(alone) == [ann.id]
    assert actions.online() is alone
    await hub.socket(bob)
    assert msgspec.json.decode(actions.online()) == sorted([ann.id, bob.id])
