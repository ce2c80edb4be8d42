"""The demo page and its files."""

from pathlib import Path

import msgspec
from tornado.web import HTTPError, StaticFileHandler

from handlers.edge import JSON, Edge

# Everything from here and nothing inline. The page opens sockets to its own host, which older
# Safari does not count as 'self', so the two schemes are named.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)

WELCOME = {"name": "Hubbub", "message": "Hubbub is running", "health": "/health"}


class StaticHandler(Edge, StaticFileHandler):
    """The files of the demo page."""

    absolute_path: str | None = None

    async def get(self, path: str, include_body: bool = True) -> None:
        """Send a file; what is outside the folder, or no file, is not there."""
        try:
            await StaticFileHandler.get(self, path, include_body)
        except ValueError as error:  # a NUL, which no file name can hold
            raise HTTPError(404) from error
        except HTTPError as error:
            raise HTTPError(404 if error.status_code == 403 else error.status_code) from error

    def compute_etag(self) -> str | None:
        """The hash of the file that is sent, if one is."""
        return StaticFileHandler.compute_etag(self) if self.absolute_path else None

    def set_extra_headers(self, path: str) -> None:
        """Let browsers keep files, and ask each time whether they have changed."""
        self.set_header("Cache-Control", "no-cache")
        self.set_header("Content-Security-Policy", PAGE_POLICY)


class HomeHandler(StaticHandler):
    """`/`: the page for browsers, and a few words of JSON for everybody else."""

    async def get(self, path: str, include_body: bool = True) -> None:
        """Send what was asked for."""
        self.set_header("Vary", "Accept, Origin")
        if "text/html" in self.request.headers.get("Accept", ""):
            await super().get("index.html", include_body)
            return
        self.set_header("Content-Type", JSON)
        self.finish(msgspec.json.encode(WELCOME))

    @classmethod
    def get_absolute_path(cls, root: str, path: str) -> str:
        """Find the page whatever the path says."""
        return str(Path(root) / "index.html")


class DocsHandler(StaticHandler):
    """`/docs`: the descriptions of the server, to read and to try."""

    @classmethod
    def get_absolute_path(cls, root: str, path: str) -> str:
        """Find the page whatever the path says."""
        return str(Path(root) / "docs.html")
