"""The handler of everything that speaks JSON: bodies in, identities, answers out."""

import gzip
import re
from collections.abc import Awaitable, Mapping
from hashlib import blake2b
from math import ceil
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
from tornado.httputil import HTTPServerRequest
from tornado.web import HTTPError, stream_request_body

from chat.errors import Invalid, NotFound, TooLarge, Unauthenticated, UnsupportedType
from chat.limits import Rule
from chat.sessions import Client, Identity
from handlers.addresses import limit_key
from handlers.edge import JSON, Edge, HubbubApplication

T = TypeVar("T")

# A body that is too large is read to its end and thrown away, so that the refusal reaches a client
# that sends first and listens later; beyond this the connection is closed instead.
MAX_DISCARDED = 8 * 1024 * 1024
MAX_DIGITS = 19

# Less than this fits into a packet or two anyway.
LEAST_COMPRESSED = 1400

# A page of 50 messages takes 0.2 ms at this level, and a third of the bytes; the default takes
# three times as long for a tenth less.
COMPRESSION = 3

_NEVER = re.compile(r"\s*q\s*=\s*0(\.0*)?\s*", re.ASCII)


@stream_request_body
class JsonHandler(Edge):
    """Reads a bounded JSON body, finds out who asks, and answers in JSON."""

    # By what a call that came with a key can find again what it made.
    makes: str | None = None

    # How many calls are left, once one was counted.
    _counted: Mapping[str, str] = MappingProxyType({})

    def __init__(
        self, application: HubbubApplication, request: HTTPServerRequest, **kwargs: Any
    ) -> None:
        super().__init__(application, request, **kwargs)
        self._body = bytearray()
        self._received = 0

    def prepare(self) -> None:
        """Refuse a body that is far too large before it comes."""
        super().prepare()
        length = self.request.headers.get("Content-Length", "0")
        # By its digits first: Python refuses to read a number of more than 4,300.
        if length.isdecimal() and (len(length) > MAX_DIGITS or int(length) > MAX_DISCARDED):
            raise self._too_large()

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Keep the body while it arrives, as far as it is allowed to go."""
        self._received += len(chunk)
        if self._received <= self.services.body_limit:
            self._body += chunk
            return None
        self._body.clear()
        if self._received > MAX_DISCARDED and not self._finished:
            refusal = self._too_large()
            self.send_error(413, exc_info=(TooLarge, refusal, None))
        return None

    def has_refused(self) -> bool:
        """Tell whether the call was answered before its body had come."""
        return False

    def decoded(self, kind: type[T]) -> T:
        """Decode the body into a command."""
        if self._received > self.services.body_limit:
            raise self._too_large()
        media_type = self.request.headers.get("Content-Type", "").partition(";")[0]
        if media_type.strip().lower() != "application/json":
            raise UnsupportedType("unsupported_media_type", "the body must be application/json")
        try:
            command = msgspec.json.decode(self._body, type=kind)
        except msgspec.ValidationError as error:
            raise Invalid("invalid_body", str(error), details=_place(str(error))) from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Invalid("invalid_json", "the body is not valid JSON") from None
        except RecursionError:
            raise Invalid("invalid_json", "the body is nested too deeply") from None
        return command

    def meant(self, body: object) -> object:
        """What a call says, however it is written: a call with a key is known again by it."""
        return body

    async def identify(self) -> Identity:
        """Find out who asks, or refuse."""
        return await self.services.sessions.identify(self.token)

    @property
    def token(self) -> str:
        """The token that was sent."""
        scheme, _, token = self.request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("missing_token", "log in first: no token was sent")
        return token.strip()

    @property
    def client(self) -> Client:
        """Where the request comes from, as limits and sessions see it."""
        return Client(limit_key(self.address), self.request.headers.get("User-Agent", ""))

    def part(self, text: str, kind: type[T]) -> T:
        """A part of the path; what it cannot be is not there."""
        try:
            return msgspec.convert(text, kind, strict=False)
        except msgspec.ValidationError:
            raise NotFound("not_found", "there is nothing here") from None

    def queried(self, kind: type[T]) -> T:
        """Decode the query; a field without a value is as good as none."""
        names = self.request.query_arguments
        fields = {name: text for name in names if (text := self.get_query_argument(name))}
        try:
            return msgspec.convert(fields, kind, strict=False)
        except msgspec.ValidationError as error:
            raise Invalid("invalid_query", str(error), details=_place(str(error))) from None

    def take(self, bucket: str, user: str) -> None:
        """Count a call, or refuse one too many; and say how many are left."""
        limits = self.services.socket_limits
        rules: dict[str, Rule] = {"commands": limits.commands, "messages": limits.messages}
        rule = rules.get(bucket)
        if rule is None:
            return
        try:
            self.services.limits.take(rule, user)
        finally:
            left = self.services.limits.left(rule, user)
            if left is not None:
                self._counted = {
                    "X-RateLimit-Limit": str(int(rule.burst)),
                    "X-RateLimit-Remaining": str(int(left)),
                    "X-RateLimit-Reset": str(ceil((rule.burst - left) / rule.per_second)),
                }
            self._say_counted()

    def set_default_headers(self) -> None:
        """Put the headers on that every answer carries, also one that refuses what was counted."""
        super().set_default_headers()
        self._say_counted()

    def argument(self, name: str, default: str = "") -> str:
        """A field of the query, without the spaces around it."""
        return self.get_query_argument(name, default) or default

    def number(self, name: str, default: int, *, least: int, most: int) -> int:
        """A whole number of the query, within bounds."""
        text = self.argument(name, str(default))
        if not (text.isascii() and text.isdecimal() and len(text) < 10):
            raise Invalid(
                "invalid_query", f"{name} must be a whole number", details={"field": name}
            )
        return max(least, min(most, int(text)))

    def answer(self, value: object, status: int = 200) -> None:
        """Answer in JSON."""
        self.set_status(status)
        self.set_header("Content-Type", JSON)
        self.finish(msgspec.json.encode(value))

    def reply(self, body: bytes, *, revalidate: bool = False, compress: bool = False) -> None:
        """Answer with JSON that is encoded already, as its caller lets it be kept and written."""
        self.set_header("Content-Type", JSON)
        if revalidate:
            # A weak one, for the same answer may be compressed or not.
            tag = f'W/"{blake2b(body, digest_size=12).hexdigest()}"'
            self.set_header("ETag", tag)
            self.set_header("Cache-Control", "private, no-cache")
            self.add_header("Vary", "Authorization")
            if self.get_status() == 200 and self._is_known(tag):
                self.set_status(304)
                self.finish()
                return
        if compress and len(body) >= LEAST_COMPRESSED:
            self.add_header("Vary", "Accept-Encoding")
            if _takes_gzip(self.request.headers.get("Accept-Encoding", "")):
                self.set_header("Content-Encoding", "gzip")
                body = gzip.compress(body, COMPRESSION, mtime=0)
        self.finish(body)

    def _say_counted(self) -> None:
        for name, value in self._counted.items():
            self.set_header(name, value)

    def _is_known(self, tag: str) -> bool:
        # Weak or not, as proxies may have made it.
        known = self.request.headers.get("If-None-Match", "")
        named = [each.strip().removeprefix("W/") for each in known.split(",")]
        return known == "*" or tag.removeprefix("W/") in named

    def _too_large(self) -> TooLarge:
        limit = self.services.body_limit
        return TooLarge("body_too_large", f"a body has at most {limit} bytes")


class Nothing(JsonHandler):
    """Answers for paths that do not exist, whatever is asked of them."""

    def get(self) -> None:
        """Say so."""
        raise HTTPError(404)

    post = put = patch = delete = get


def _takes_gzip(accepted: str) -> bool:
    """Tell whether gzip is among what somebody takes, and not as what they never want."""
    codings = (coding.partition(";") for coding in accepted.lower().split(","))
    return any(name.strip() == "gzip" and not _NEVER.fullmatch(how) for name, _, how in codings)


def _place(error: str) -> dict[str, object] | None:
    # msgspec ends its message with the place, as in "... - at `$.email`".
    _, found, place = error.rpartition(" - at `$")
    return {"field": place.rstrip("`").lstrip(".")} if found else None
