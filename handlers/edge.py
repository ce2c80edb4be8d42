"""What every answer has in common: headers, origins, a request id, errors as JSON, a log line."""

import logging
import re
import secrets
from collections.abc import Callable, Mapping
from functools import cached_property
from math import ceil
from typing import Any, Protocol, cast

import msgspec
from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPServerRequest
from tornado.web import Application, HTTPError, RequestHandler, _HandlerDelegate

from chat.errors import (
    Busy,
    Conflict,
    Forbidden,
    Invalid,
    Mismatched,
    NotFound,
    Refusal,
    TooLarge,
    TooMany,
    Unauthenticated,
    UnsupportedType,
)
from handlers import logs
from handlers.addresses import believed, client_address
from handlers.light import LightSocket
from handlers.services import Services
from handlers.upgrades import Upgrade
from handlers.views import ErrorView
from models.store import StoreError

log = logging.getLogger("hubbub.edge")


class Descriptions(Protocol):
    """What the server says of itself, encoded."""

    @property
    def openapi(self) -> msgspec.Raw:
        """The description of REST."""

    @property
    def asyncapi(self) -> msgspec.Raw:
        """The description of the sockets."""


STATUSES: dict[type[Refusal], int] = {
    Invalid: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    Mismatched: 422,
    TooLarge: 413,
    UnsupportedType: 415,
    TooMany: 429,
    Busy: 503,
}

# The codes of what Tornado itself refuses.
CODES = {
    400: ("bad_request", "the request cannot be understood"),
    403: ("forbidden", "this is not for you"),
    404: ("not_found", "there is nothing here"),
    405: ("method_not_allowed", "this path does not know that method"),
    412: ("precondition_failed", "what the request depends on is not so"),
    416: ("range_not_satisfiable", "there is no such range"),
    460: ("checksum_mismatch", "what has come is not what was sent"),
}

HEADERS = {
    "Server": "Hubbub",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}

JSON = "application/json; charset=utf-8"

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


class HubbubApplication(Application):
    """The application with what its handlers work with."""

    services: Services
    descriptions: Descriptions
    # Ends the sessions of Socket.IO, whoever is behind them, and though nobody is yet; and then the
    # connections that their clients keep.
    end_sessions: Callable[[], None]
    hang_up: Callable[[], None]

    def get_handler_delegate(
        self,
        request: HTTPServerRequest,
        target_class: type[RequestHandler],
        target_kwargs: dict[str, Any] | None = None,
        path_args: list[bytes] | None = None,
        path_kwargs: dict[str, bytes] | None = None,
    ) -> _HandlerDelegate:
        """What takes a request: a short way for those that become sockets."""
        kind = Upgrade if issubclass(target_class, LightSocket) else _HandlerDelegate
        return kind(self, request, target_class, target_kwargs, path_args, path_kwargs)

    def log_request(self, handler: RequestHandler) -> None:
        """Count a request that was answered, and write one line about it."""
        self.services.answers[handler.get_status()] += 1
        if not logs.access_log.isEnabledFor(logging.INFO):
            return
        request = handler.request
        method, path = request.method, logs.safe_path(request.uri or "")
        milliseconds = round(request.request_time() * 1000, 1)
        address = getattr(handler, "address", request.remote_ip)
        fields = {
            "method": method,
            "path": path,
            "status": handler.get_status(),
            "ms": milliseconds,
            "address": address,
        }
        text = f"{method} {path} {handler.get_status()} {milliseconds}ms {address}"
        logs.access_log.info("%s", text, extra={"fields": fields})


class Edge(RequestHandler):
    """The part of a handler that is the same for JSON, pages and files."""

    application: HubbubApplication

    def __init__(
        self, application: HubbubApplication, request: HTTPServerRequest, **kwargs: Any
    ) -> None:
        super().__init__(application, request, **kwargs)
        logs.request_id.set(self.request_id)
        self.services.running.begin(self)

    @property
    def services(self) -> Services:
        """What this handler works with."""
        return self.application.services

    @cached_property
    def request_id(self) -> str:
        """The name of this request in answers and logs: the client's own, if it is harmless."""
        given = self.request.headers.get("X-Request-Id", "")
        return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)

    @cached_property
    def address(self) -> str:
        """The address of the client."""
        return client_address(
            self.request.remote_ip or "",
            self.request.headers.get("X-Forwarded-For"),
            self.services.proxies,
        )

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the request, as far as they are believed."""
        peer = self.request.remote_ip or ""
        return believed(self.request.headers, peer, self.services.proxies)

    def set_default_headers(self) -> None:
        """Put the headers on that every answer carries, errors included."""
        for name, value in HEADERS.items():
            self.set_header(name, value)
        self.set_header("X-Request-Id", self.request_id)
        if self.services.running.stopping:
            # Or a client would send its next request into a connection that is about to close.
            self.set_header("Connection", "close")
        origin = self.request.headers.get("Origin")
        for name, value in self.services.origins.headers(origin).items():
            self.set_header(name, value)

    def prepare(self) -> None:
        """Refuse pages that may not call, before anything is done for them."""
        origin = self.request.headers.get("Origin")
        if origin is not None and not self.services.origins.allows(origin, self.request.host):
            raise Forbidden("origin_not_allowed", "pages of this origin may not call here")

    def head(self, *args: str, **kwargs: str) -> Any:
        """Answer as to GET; Tornado leaves the body out."""
        return self.get(*args, **kwargs)

    def options(self, *_: str, **__: str) -> None:
        """Say what may be asked here, to whoever may ask."""
        self.set_header("Allow", ", ".join(self._methods()))
        for name, value in self.services.origins.preflight_headers().items():
            self.set_header(name, value)
        self.set_status(204)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with the JSON of whatever went wrong."""
        error = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        refusal = self.refusal_of(error, status_code)
        if type(refusal) in STATUSES:
            self.set_status(STATUSES[type(refusal)])
        self.services.rejections[refusal.code] += 1
        if self.get_status() == 405:
            self.set_header("Allow", ", ".join(self._methods()))
        self.say_what_helps(refusal)
        announce_close(self)
        self.set_header("Content-Type", JSON)
        self.finish(msgspec.json.encode(error_body(refusal, self.request_id)))

    def say_what_helps(self, refusal: Refusal) -> None:
        """Say when to come again, or what to bring."""
        if refusal.retry_after is not None:
            self.set_header("Retry-After", str(ceil(refusal.retry_after)))
        if self.get_status() == 401:
            self.set_header("WWW-Authenticate", "Bearer")

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log what is a fault of ours, and nothing that is the client's."""
        if isinstance(value, StoreError):
            log.warning("the store failed: %s: %s", typ.__name__, value)
        elif not isinstance(value, Refusal | HTTPError):
            log.error("uncaught exception", exc_info=(typ, value, tb))

    def compute_etag(self) -> str | None:
        """Hash no answer; what may be kept by a client says so itself."""
        return None

    def on_finish(self) -> None:
        """Note that the request has been answered."""
        self.services.running.end(self)

    def on_connection_close(self) -> None:
        """Note that nobody waits for the answer any more."""
        super().on_connection_close()
        self.services.running.end(self)

    def refusal_of(self, error: BaseException | None, status: int = 500) -> Refusal:
        """What an error is called in an answer; a fault of ours has the code of its status."""
        if isinstance(error, Refusal):
            return error
        if isinstance(error, StoreError):
            return store_unavailable()
        default = ("internal_error", "something went wrong here; it has been noted")
        return Refusal(*CODES.get(status, default))

    def hang_up(self) -> None:
        """Close the connection, because nobody is at its other end any more."""
        self.wire.stream.close()

    @property
    def wire(self) -> HTTP1Connection:
        """The connection, for what only HTTP/1 knows of it."""
        return cast(HTTP1Connection, self.request.connection)

    def _methods(self) -> list[str]:
        own = [
            method
            for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
            if getattr(type(self), method.lower()) is not getattr(RequestHandler, method.lower())
        ]
        return [*own, *(["HEAD"] if "GET" in own else []), "OPTIONS"]


def announce_close(handler: RequestHandler) -> None:
    """Say that the connection closes behind an answer that comes before all of the request.

    Tornado closes it then, and does not say so: a client would send its next request into it.
    """
    connection = handler.request.connection
    if isinstance(connection, HTTP1Connection) and not connection._read_finished:  # noqa: SLF001
        handler.set_header("Connection", "close")


def store_unavailable() -> Busy:
    """The refusal of whatever needs a store that does not answer."""
    return Busy("store_unavailable", "the store does not answer; try again", retry_after=2)


def error_body(refusal: Refusal, request_id: str) -> ErrorView:
    """A refusal as clients read it."""
    return ErrorView(
        error=refusal.message,
        message=refusal.message,
        code=refusal.code,
        request_id=request_id,
        details=None if refusal.details is None else dict(refusal.details),
        retry_after=refusal.retry_after,
    )
