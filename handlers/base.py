"""The handler of everything that speaks JSON: bodies in, identities, answers out."""

from typing import Any, TypeVar

import msgspec
from tornado.httputil import HTTPServerRequest
from tornado.web import HTTPError, stream_request_body

from chat.errors import Invalid, TooLarge, Unauthenticated
from chat.sessions import Client, Identity
from handlers.addresses import limit_key
from handlers.edge import JSON, Edge, HubbubApplication, UnsupportedType

T = TypeVar("T")

# A body that is too large is read to its end and thrown away, so that the refusal reaches a client
# that sends first and listens later; beyond this the connection is closed instead.
MAX_DISCARDED = 8 * 1024 * 1024
MAX_DIGITS = 19


@stream_request_body
class JsonHandler(Edge):
    """Reads a bounded JSON body, finds out who asks, and answers in JSON."""

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

    def data_received(self, chunk: bytes) -> None:
        """Keep the body while it arrives, as far as it is allowed to go."""
        self._received += len(chunk)
        if self._received <= self.services.body_limit:
            self._body += chunk
            return
        self._body.clear()
        if self._received > MAX_DISCARDED and not self._finished:
            refusal = self._too_large()
            self.send_error(413, exc_info=(TooLarge, refusal, None))

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

    async def identify(self) -> Identity:
        """Find out who asks, or refuse."""
        scheme, _, token = self.request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("missing_token", "log in first: no token was sent")
        return await self.services.sessions.identify(token.strip())

    @property
    def client(self) -> Client:
        """Where the request comes from, as limits and sessions see it."""
        return Client(limit_key(self.address), self.request.headers.get("User-Agent", ""))

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

    def _too_large(self) -> TooLarge:
        limit = self.services.body_limit
        return TooLarge("body_too_large", f"a body has at most {limit} bytes")


class Nothing(JsonHandler):
    """Answers for paths that do not exist, whatever is asked of them."""

    def get(self) -> None:
        """Say so."""
        raise HTTPError(404)

    post = put = patch = delete = get


def _place(error: str) -> dict[str, object] | None:
    # msgspec ends its message with the place, as in "... - at `$.email`".
    _, found, place = error.rpartition(" - at `$")
    return {"field": place.rstrip("`").lstrip(".")} if found else None
