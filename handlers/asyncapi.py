"""The description of the sockets in AsyncAPI 3, made of what they decode and encode by."""

from collections.abc import Iterable, Mapping
from typing import Any

from handlers.channels import Channel
from handlers.schemas import Json, Schemas

ABOUT = """\
Text frames in JSON, and events of Socket.IO. An ACK means stored, and nothing is missed silently:
see docs/websocket.md and docs/socketio.md."""

ACK = "ACK"
REFUSED = "server.REFUSED"


def asyncapi(channels: Iterable[Channel], version: str) -> Json:
    """Describe what goes over these channels."""
    channels = list(channels)
    schemas = Schemas(kind for channel in channels for kind in _kinds(channel))
    operations: Json = {}
    for channel in channels:
        operations |= _operations(channel)
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Hubbub", "version": version, "description": ABOUT},
        "defaultContentType": "application/json",
        "channels": {
            channel.name: {
                "address": channel.address,
                "description": channel.about,
                "messages": _messages(channel, schemas),
            }
            for channel in channels
        },
        "operations": operations,
        "components": {"schemas": schemas.components},
    }


def sent_name(name: str) -> str:
    """The key of what a client sends; the same word may be heard as well."""
    return f"client.{name}"


def told_name(name: str) -> str:
    """The key of what a client hears."""
    return f"server.{name}"


def ack_name(name: str) -> str:
    """The key of the answer to a command."""
    return f"server.{ACK}.{name}"


def _kinds(channel: Channel) -> list[Any]:
    tables: tuple[Mapping[str, Any], ...] = (channel.takes, channel.answers, channel.tells)
    kinds = [kind for table in tables for kind in table.values()]
    return kinds if channel.refusal is None else [*kinds, channel.refusal]


def _messages(channel: Channel, schemas: Schemas) -> Json:
    messages: Json = {}
    for name, kind in channel.takes.items():
        message = _message(channel, name, schemas.of(kind), answered=True)
        if channel.form == "frames" and name in channel.bare:
            message["payload"]["required"].remove("payload")
        messages[sent_name(name)] = message
    for name, kind in channel.tells.items():
        messages[told_name(name)] = _message(channel, name, schemas.of(kind), answered=False)
    for name, kind in channel.answers.items():
        messages[ack_name(name)] = _answer(channel, name, schemas.of(kind))
    if channel.refusal is not None:
        title = "what a callback is given where something is refused"
        messages[REFUSED] = {"name": ACK, "title": title, "payload": schemas.of(channel.refusal)}
    return messages


def _message(channel: Channel, name: str, schema: Json, *, answered: bool) -> Json:
    if channel.form == "events":
        return {"name": name, "title": name, "payload": schema}
    properties: Json = {"type": {"const": name}, "payload": schema}
    if answered or name in ("ERROR", "AUTH_SUCCESS", "AUTH_ERROR", "AUTHENTICATED"):
        properties["id"] = {"type": ["string", "integer", "null"]}
    return {
        "name": name,
        "title": name,
        "payload": {"type": "object", "properties": properties, "required": ["type", "payload"]},
    }


def _answer(channel: Channel, name: str, schema: Json) -> Json:
    if channel.form == "events":
        return {"name": ACK, "title": f"acknowledgement of {name}", "payload": schema}
    properties = {
        "type": {"const": ACK},
        "id": {"type": ["string", "integer"]},
        "payload": schema,
    }
    return {
        "name": ACK,
        "title": f"{ACK} of {name}",
        "payload": {"type": "object", "properties": properties, "required": list(properties)},
    }


def _operations(channel: Channel) -> Json:
    """What the server receives, with the answers to it, and what it sends."""
    path = f"#/channels/{channel.name}"
    operations: Json = {}
    for name in channel.takes:
        operation = _operation("receive", path, sent_name(name))
        if name in channel.answers:
            answers = [ack_name(name)] if channel.refusal is None else [ack_name(name), REFUSED]
            operation["reply"] = {
                "channel": {"$ref": path},
                "messages": [{"$ref": f"{path}/messages/{answer}"} for answer in answers],
            }
        operations[f"{channel.name}.{sent_name(name)}"] = operation
    for name in channel.tells:
        operations[f"{channel.name}.{told_name(name)}"] = _operation("send", path, told_name(name))
    return operations


def _operation(action: str, path: str, message: str) -> Json:
    return {
        "action": action,
        "channel": {"$ref": path},
        "messages": [{"$ref": f"{path}/messages/{message}"}],
    }
