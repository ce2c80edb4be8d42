"""Holds what the tests see to what the server says of itself."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from jsonschema_rs import Draft202012Validator

from handlers.application import ROUTES, SOCKET_PATHS
from handlers.asyncapi import REFUSED, ack_name, asyncapi, told_name
from handlers.channels import CHANNELS
from handlers.openapi import openapi

ERROR = {"$ref": "#/components/schemas/Error"}

# What may be answered to any call, whatever it is: methods that are not known, bodies over a limit.
ANYWHERE = {400, 403, 404, 405, 413, 500}


@cache
def rest() -> dict[str, Any]:
    """The description of REST, as a client reads it."""
    return json.loads(json.dumps(openapi(ROUTES, "test")))


@cache
def sockets() -> dict[str, Any]:
    """The description of the sockets, as a client reads it."""
    return json.loads(json.dumps(asyncapi(CHANNELS, "test")))


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    return [
        (re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), path)
        for path in sorted(rest()["paths"], key=lambda path: path.count("{"))
    ]


def path_of(uri: str) -> str | None:
    """The described path that an address belongs to."""
    path = uri.partition("?")[0]
    return next((named for pattern, named in _patterns() if pattern.fullmatch(path)), None)


def _described(path: str, method: str, status: int) -> list[str]:
    """The types of a body that an answer is described with."""
    operation = rest()["paths"][path].get(method, {"responses": {}})
    found = operation["responses"].get(str(status))
    return ["application/json"] if found is None else list(found.get("content", []))


@cache
def _validator(path: str | None, method: str, status: int) -> Draft202012Validator:
    schema: dict[str, Any] = ERROR
    if path is not None:
        operation = rest()["paths"][path].get(method)
        responses = {} if operation is None else operation["responses"]
        if str(status) in responses:
            schema = responses[str(status)]["content"]["application/json"]["schema"]
        elif operation is not None and status != 405:
            raise AssertionError(f"{method} {path} does not say that it answers {status}")
    return Draft202012Validator({**schema, "components": rest()["components"]})


def check_answer(
    method: str, uri: str, status: int, headers: Mapping[str, str], body: bytes
) -> None:
    """Fail unless an answer is one that is described, and says how long it may be kept."""
    assert "Cache-Control" in headers, f"{method} {uri} {status}"
    if status in (204, 304) or method in ("HEAD", "OPTIONS") or not 200 <= status < 600:
        return
    path = path_of(uri)
    if uri in SOCKET_PATHS and status == 503:
        return  # no socket, and why
    if path is None and status < 400:
        return  # a page or its files
    if path is not None and _described(path, method.lower(), status) != ["application/json"]:
        assert status < 300
        return  # a file
    assert headers["Content-Type"].startswith("application/json"), headers["Content-Type"]
    if path is None:
        assert status in ANYWHERE, f"{method} {uri} answers {status}"
    _check(_validator(path, method.lower(), status), json.loads(body), f"{method} {uri} {status}")


@cache
def _frame_validator(channel: str, kind: str) -> Draft202012Validator:
    messages = sockets()["channels"][channel]["messages"]
    found = [message["payload"] for name, message in messages.items() if name == f"server.{kind}"]
    if kind == "ACK":
        found = [
            each["payload"] for name, each in messages.items() if name.startswith("server.ACK")
        ]
    assert found, f"the channel {channel} does not say that it tells {kind}"
    return Draft202012Validator({"anyOf": found, "components": sockets()["components"]})


def check_frame(channel: str, heard: Mapping[str, Any]) -> None:
    """Fail unless a frame is one that is described."""
    _check(_frame_validator(channel, heard["type"]), heard, f"{channel} {heard['type']}")


@cache
def _event_validator(channels: tuple[str, ...], *keys: str) -> Draft202012Validator:
    described = [sockets()["channels"][channel]["messages"] for channel in channels]
    found = [messages[key]["payload"] for messages in described for key in keys if key in messages]
    assert found, f"the channels {channels} do not describe {keys}"
    return Draft202012Validator({"anyOf": found, "components": sockets()["components"]})


def check_event(channels: tuple[str, ...], name: str, arguments: Sequence[Any]) -> None:
    """Fail unless an event is one that is described, in one of the dialects it may be in."""
    assert len(arguments) == 1, f"{name} comes with {len(arguments)} arguments"
    _check(_event_validator(channels, told_name(name)), arguments[0], f"{channels} {name}")


def check_callback(channels: tuple[str, ...], name: str, arguments: Sequence[Any]) -> None:
    """Fail unless a callback was called with what is described for its event."""
    assert len(arguments) == 1, f"the callback of {name} is called with {len(arguments)} arguments"
    refused = arguments[0].get("ok") is not True
    validator = _event_validator(channels, REFUSED if refused else ack_name(name))
    _check(validator, arguments[0], f"{channels} callback of {name}")


def _check(validator: Draft202012Validator, value: object, what: str) -> None:
    if not validator.is_valid(value):
        words = "; ".join(error.message[:300] for error in validator.iter_errors(value))
        raise AssertionError(f"{what} is not as described: {words}")
