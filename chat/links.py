"""Signed links to files: whoever has one may read, for a while.

A link is the same for everybody and for some hours, so that a message is encoded once for all who
hear it and a browser keeps what it has loaded. Its key is derived from the one that signs tokens,
so a link is no token, and a token is no link.
"""

import base64
import hmac
import re
import time
from collections.abc import Callable

# A link lives for its time or up to an eighth less, by when in the eighth it was made.
STEPS = 8

# Half a SHA-256 cannot be guessed either, and links are read by people.
SIGNATURE_BYTES = 16

THUMBNAILS = ("320", "1024")
AVATARS = ("avatar-64", "avatar-256")
VARIANTS = ("", *THUMBNAILS, *AVATARS)

_ADDRESS = re.compile(r"(?:https?://[^/?#\s]+)?/files/([0-9a-f]{24})(?:[?#/]\S*)?", re.ASCII)


class Links:
    """Makes links and recognises them; `base` stands before each where clients need it."""

    def __init__(
        self,
        secret: str,
        lifetime: float,
        base: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._key = hmac.digest(secret.encode(), b"hubbub upload link", "sha256")
        self._lifetime = lifetime
        self._step = max(1, int(lifetime / STEPS))
        self.base = base
        self._clock = clock

    def link(self, upload_id: str, variant: str = "") -> str:
        """The link to a file, or to a smaller copy of it, as it is at the moment."""
        expires = (int(self._clock() + self._lifetime) // self._step) * self._step
        expires = max(expires, int(self._clock()) + 1)
        place = f"/{variant}" if variant else ""
        signature = self._signature(upload_id, variant, expires)
        return f"{self.base}/files/{upload_id}{place}?expires={expires}&signature={signature}"

    def seconds_left(self, upload_id: str, variant: str, expires: str, signature: str) -> int:
        """How long a link may still be used; 0 for one that has expired or was never made."""
        if not (expires.isascii() and expires.isdecimal() and len(expires) <= 12):
            return 0
        right = self._signature(upload_id, variant, int(expires))
        if not hmac.compare_digest(right.encode(), signature.encode()):
            return 0
        return max(0, int(expires) - int(self._clock()))

    def avatars(self, upload_id: str | None) -> dict[str, str] | None:
        """The links to the squares of somebody's avatar, by their sides."""
        if upload_id is None:
            return None
        return {name.removeprefix("avatar-"): self.link(upload_id, name) for name in AVATARS}

    def _signature(self, upload_id: str, variant: str, expires: int) -> str:
        # An avatar is seen by more people than the picture that it was cut from.
        scope = "avatar" if variant in AVATARS else "file"
        signed = f"{scope}:{upload_id}:{expires}".encode()
        digest = hmac.digest(self._key, signed, "sha256")[:SIGNATURE_BYTES]
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def upload_of(address: str) -> str | None:
    """The id of the upload that an address names, with or without host and signature."""
    found = _ADDRESS.fullmatch(address.strip())
    return None if found is None else found[1]
