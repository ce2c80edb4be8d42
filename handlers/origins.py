"""Which pages may call: the origins of `CLIENT_URL`, and our own."""

from urllib.parse import urlsplit

ANY = "*"

METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
# Those of tus, of conditions and of ranges among them.
REQUEST_HEADERS = (
    "authorization, content-type, idempotency-key, if-none-match, if-range, range, tus-resumable, "
    "upload-checksum, upload-length, upload-metadata, upload-offset, x-http-method-override, "
    "x-request-id"
)
ANSWER_HEADERS = (
    "Accept-Ranges, Content-Disposition, Content-Range, ETag, Idempotency-Replayed, Link, "
    "Location, Retry-After, "
    "Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, Upload-Expires, Upload-Length, "
    "Upload-Offset, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-Id"
)

# Browsers ask again after this at the latest; none of them believes more than a day.
PREFLIGHT_SECONDS = "7200"


class Origins:
    """The list of allowed origins."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        self._allowed = frozenset(allowed)

    def allows(self, origin: str, host: str) -> bool:
        """Tell whether a page of this origin may call a server that goes by this host."""
        return self.is_listed(origin) or _is_own(origin, host)

    def is_listed(self, origin: str) -> bool:
        """Tell whether an origin is named by the list."""
        return origin in self._allowed or ANY in self._allowed

    def headers(self, origin: str | None) -> dict[str, str]:
        """The CORS headers of an answer to a page of this origin."""
        if not self._allowed:
            return {}
        # The answer differs by origin, so no cache may give one origin's answer to another.
        headers = {"Vary": "Origin"}
        if origin is None or not self.is_listed(origin):
            return headers
        headers["Access-Control-Expose-Headers"] = ANSWER_HEADERS
        if origin in self._allowed and origin != ANY:
            headers["Access-Control-Allow-Origin"] = origin
            # Nothing here reads cookies, but a browser refuses pages that send them otherwise.
            headers["Access-Control-Allow-Credentials"] = "true"
        else:
            headers["Access-Control-Allow-Origin"] = ANY
        return headers

    def preflight_headers(self) -> dict[str, str]:
        """What a browser wants to know before it calls."""
        return {
            "Access-Control-Allow-Methods": METHODS,
            "Access-Control-Allow-Headers": REQUEST_HEADERS,
            "Access-Control-Max-Age": PREFLIGHT_SECONDS,
        }


def _is_own(origin: str, host: str) -> bool:
    # Without the scheme: behind a proxy that ends TLS, we do not see the one the page came by.
    try:
        own = urlsplit(origin).netloc
    except ValueError:
        return False
    return own != "" and own == host.lower()
