"""One call of REST: what it takes, answers and refuses, read off the signature of its method.

    @call(201, 200, codes=("room_full", "user_not_found"))
    async def post(self, identity: Identity, body: PostRoom) -> OwnRoomView:
        \"\"\"Make a room, or find the direct one there is.\"\"\"

`identity` asks for a token, `administrator` for that of one, and `reader` for one that may be left
out in open mode; `query` and `body` are decoded into their types; every other parameter is a part
of the path, in order; what is returned is the answer, where `None` stands for no body, or for one
that the method has written on its own (`sends`). A call that changes something may come with an
`Idempotency-Key` (`handlers/keys.py`); `again` answers, in place of the method, to one that is done
and whose answer was never kept. Without it, the method itself finds what it did before.
The description of the server (`handlers/openapi.py`) reads the same object that decodes.
"""

import inspect
from collections.abc import Callable
from functools import partial
from types import NoneType
from typing import Any, Literal, get_type_hints

import msgspec
from msgspec import Struct

from chat.errors import Unauthenticated
from chat.keyed_calls import Caller
from chat.sessions import Identity, require_admin
from handlers import keys, refusals
from handlers.base import JsonHandler
from handlers.keys import Again, Method

Login = Literal["nobody", "guest", "user", "administrator"]
Bucket = Literal["none", "commands", "messages"]

_IDENTITIES: dict[str, Login] = {
    "reader": "guest",
    "identity": "user",
    "administrator": "administrator",
}


class Keeping(Struct, frozen=True):
    """What clients and the way to them may do with an answer.

    `revalidate` lets a client keep it and ask whether it has changed. `compress` is for answers
    whose parts may all be read by everybody who could have written into them: in any other, the
    length of what is compressed would say how much one part has in common with another.
    """

    revalidate: bool = False
    compress: bool = False


NOWHERE = Keeping()
REVALIDATED = Keeping(revalidate=True)
ONE_ROOM = Keeping(revalidate=True, compress=True)
PUBLISHED = ONE_ROOM


class Files(Struct, frozen=True):
    """A form with files, as the body of a call."""

    field: str
    several: bool = False


class Piece(Struct, frozen=True):
    """Bytes as they are, as the body of a call."""

    media_type: str


Takes = Files | Piece

# The names of headers, and what each says.
Headers = tuple[tuple[str, str], ...]


class Call:
    """A method of a handler that is called with what it declares."""

    def __init__(
        self,
        method: Method,
        statuses: tuple[int, ...],
        codes: tuple[str, ...],
        keeping: Keeping,
        bucket: Bucket,
        takes: Takes | None,
        sends: str | None,
        headers: Headers,
        again: Again,
        *,
        ends_login: bool,
    ) -> None:
        self.method = method
        self.again = again
        self.ends_login = ends_login
        self.statuses = statuses
        self.keeping = keeping
        self.takes = takes
        self.sends = sends
        self.headers = headers
        self.__doc__ = method.__doc__
        hints = get_type_hints(method, include_extras=True)
        self.answer: Any = hints.pop("return")
        # But pieces of files, which say on their own where they belong.
        self.changes = method.__name__ != "get" and self.answer is not NoneType
        self.query: Any = hints.pop("query", None)
        self.body: Any = hints.pop("body", None)
        self.login: Login = "nobody"
        self.path: dict[str, Any] = {}
        self._identity = ""
        for name in list(inspect.signature(method).parameters)[1:]:
            if name in _IDENTITIES:
                self._identity, self.login = name, _IDENTITIES[name]
            elif name not in ("query", "body"):
                self.path[name] = hints[name]
        self.bucket: Bucket = "none" if self.login == "nobody" else bucket
        self.codes = refusals.by_status([*self._usual_codes(), *codes])

    def __get__(self, handler: JsonHandler | None, _: type | None = None) -> Any:
        return self if handler is None else partial(self.run, handler)

    async def run(self, handler: JsonHandler, *path: str) -> None:
        """Decode what was sent, call the method, and answer with what it returns."""
        if handler.has_refused():
            return
        handler.set_status(self.statuses[0])
        values: dict[str, object] = {
            name: handler.part(text, kind)
            for (name, kind), text in zip(self.path.items(), path, strict=True)
        }
        key = keys.key_of(handler) if self.changes else None
        caller = Caller(f"address {handler.client.address}")
        if self._identity:
            try:
                identity = await self._required(handler)
            except Unauthenticated:
                if key is None or not self.ends_login:
                    raise
                self._decode(handler, values)
                if not await keys.repeated(self, handler, key, values):
                    raise
                return
            values[self._identity] = identity
            if identity is not None:
                caller = Caller(identity.user.id, identity.session.id)
        self._decode(handler, values)
        if key is not None:
            await keys.once(self, handler, caller, key, values)
            return
        value = await self.method(handler, **values)
        if self.answer is NoneType:
            return
        handler.reply(
            msgspec.json.encode(value),
            revalidate=self.keeping.revalidate,
            compress=self.keeping.compress,
        )

    async def _required(self, handler: JsonHandler) -> Identity | None:
        """Who calls, if that is somebody who may."""
        if self.login == "guest" and not handler.request.headers.get("Authorization"):
            handler.services.guests.require_open()
            handler.take(self.bucket, handler.client.address)
            return None
        identity = await handler.identify()
        if self.login == "administrator":
            require_admin(identity)
        handler.take(self.bucket, identity.user.id)
        return identity

    def _decode(self, handler: JsonHandler, values: dict[str, object]) -> None:
        if self.query is not None:
            values["query"] = handler.queried(self.query)
        if self.body is not None:
            values["body"] = handler.decoded(self.body)

    def _usual_codes(self) -> tuple[str, ...]:
        return (
            *refusals.ANY,
            *(refusals.LOGIN if self.login != "nobody" else ()),
            *(("administrators_only",) if self.login == "administrator" else ()),
            *(refusals.QUERY if self.query is not None else ()),
            *(refusals.BODY if self.body is not None else ()),
            *(refusals.PATH if self.path else ()),
            *(refusals.KEYED if self.changes else ()),
        )


def call(
    *statuses: int,
    codes: tuple[str, ...] = (),
    keeping: Keeping = NOWHERE,
    bucket: Bucket = "commands",
    takes: Takes | None = None,
    sends: str | None = None,
    headers: Headers = (),
    again: Again = None,
    ends_login: bool = False,
) -> Callable[[Method], Any]:
    """Make a method of a handler a call; the first status is that of its answers at first.

    `takes` is a body that is no JSON, which the handler has dealt with when the method is called;
    `sends` the type of what the method writes on its own, and `headers` what it reads.
    """

    def declared(method: Method) -> Any:
        return Call(
            method,
            statuses or (200,),
            codes,
            keeping,
            bucket,
            takes,
            sends,
            headers,
            again,
            ends_login=ends_login,
        )

    return declared


def calls_of(handler: type) -> dict[str, Call]:
    """The calls of a handler, by their methods."""
    methods = ("get", "post", "put", "patch", "delete")
    found = {method: getattr(handler, method, None) for method in methods}
    return {method: value for method, value in found.items() if isinstance(value, Call)}
