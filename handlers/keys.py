"""The `Idempotency-Key` of a call: it is made once, and its answer is the answer to all of them."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from chat.errors import Conflict, Forbidden, Invalid, NotFound, Refusal
from chat.keyed_calls import Caller, require_key
from handlers.base import JsonHandler
from handlers.edge import STATUSES, error_body
from handlers.views import LoggedInView, View
from models.records import KeyedCall

Method = Callable[..., Awaitable[object]]
Again = Method | View | None

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"

# The refusals that are answers: something there is against it. All others say that it was not
# understood, or not now, or not to whoever asked; then nothing is kept, and the key is free again.
_KEPT = (Forbidden, NotFound, Conflict)
_TYPED_WRONG = "wrong_password"


class Repeatable(Protocol):
    """What must be known of a call to make it once."""

    method: Method
    again: Again
    answer: Any


def key_of(handler: JsonHandler) -> str | None:
    """The key of a call, if it has one."""
    given = handler.request.headers.get_list(HEADER)
    if len(given) > 1:
        raise Invalid("invalid_idempotency_key", "a call has one key")
    return require_key(given[0]) if given else None


async def once(
    call: Repeatable, handler: JsonHandler, caller: Caller, key: str, values: dict[str, object]
) -> None:
    """Make a call and keep its answer, or repeat the one that was kept."""
    keyed_calls = handler.services.keyed_calls
    async with keyed_calls.begun(caller, key, _said(handler, values)) as kept:
        if kept.status:
            await _repeat(call, handler, kept)
            return
        handler.makes = kept.makes
        try:
            value = await _made(call, handler, kept, values)
        except Refusal as refusal:
            status = STATUSES[type(refusal)]
            if isinstance(refusal, _KEPT) and refusal.code != _TYPED_WRONG:
                body = msgspec.json.encode(error_body(refusal, handler.request_id))
                await keyed_calls.answer(kept, status, body)
            elif status < 500:
                await keyed_calls.forget(kept)
            raise
        await keyed_calls.answer(kept, handler.get_status(), msgspec.json.encode(_harmless(value)))
    handler.reply(msgspec.json.encode(value))


async def repeated(
    call: Repeatable, handler: JsonHandler, key: str, values: dict[str, object]
) -> bool:
    """Answer to a call that has ended the login it came by, when it comes again; tell if it has."""
    caller = handler.services.sessions.named_by(handler.token)
    kept = await handler.services.keyed_calls.ended(caller, key, _said(handler, values))
    if kept is None:
        return False
    if kept.status:
        await _repeat(call, handler, kept)
        return True
    handler.makes = kept.makes
    handler.reply(msgspec.json.encode(await _again(call, handler, values)))
    return True


async def _made(
    call: Repeatable, handler: JsonHandler, kept: KeyedCall, values: dict[str, object]
) -> object:
    if kept.progress == "done" and call.again is not None:
        return await _again(call, handler, values)
    try:
        return await call.method(handler, **values)
    except NotFound:
        # It was tried where no transaction says what came of it; what it was to remove is gone.
        removes = isinstance(call.again, View) or handler.request.method == "DELETE"
        if kept.progress != "tried" or call.again is None or not removes:
            raise
    return await _again(call, handler, values)


async def _again(call: Repeatable, handler: JsonHandler, values: dict[str, object]) -> object:
    if call.again is None or isinstance(call.again, View):
        return call.again
    return await call.again(handler, **values)


async def _repeat(call: Repeatable, handler: JsonHandler, kept: KeyedCall) -> None:
    body = kept.body
    if call.answer is LoggedInView and kept.status < 300:
        view = msgspec.json.decode(body, type=LoggedInView)
        _, token = await handler.services.sessions.entered(kept.makes)
        body = msgspec.json.encode(replace(view, token=token))
    handler.set_header(REPLAYED, "true")
    handler.set_status(kept.status)
    handler.reply(body)


def _harmless(value: object) -> object:
    """An answer without its token, which lets in whoever reads it, and can be signed again."""
    return replace(value, token="") if isinstance(value, LoggedInView) else value


def _said(handler: JsonHandler, values: dict[str, object]) -> bytes:
    """What makes a call the same: its method, its path, and what it says in whatever order."""
    request = handler.request
    meant = handler.meant(values.get("body"))
    return f"{request.method} {request.uri}\n".encode() + msgspec.json.encode(meant)
