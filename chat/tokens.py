"""Tokens: signed names of sessions."""

import os
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import jwt
import msgspec

from chat.errors import Unauthenticated
from models.records import Session

ALGORITHM = "HS256"
ISSUER = "hubbub"
AUDIENCE = "hubbub"
ACCESS = "access"

# A token is some 330 characters; nothing longer is worth taking apart.
MAX_LENGTH = 1024

# With what it says, a remembered token is about a kilobyte.
MAX_VALID = 10_000

_REQUIRED = ["exp", "iat", "sub", "sid", "typ", "iss", "aud"]
_HEADER = {"alg": ALGORITHM, "typ": "JWT"}


class Claim(msgspec.Struct, frozen=True):
    """What a valid token says: whose it is, which session it names, and until when."""

    user: str
    session: str
    expires: int


class Tokens:
    """Signs and reads tokens with one key and one algorithm.

    Checking a signature in Python takes 44 µs, a quarter of a small request, so the tokens that
    were right are remembered; what a token says can only change by time, and that is asked again.
    """

    def __init__(self, secret: str, clock: Callable[[], float] = time.time) -> None:
        self._secret = secret.encode()
        self._clock = clock
        self._valid: OrderedDict[str, Claim] = OrderedDict()

    def sign(self, session: Session, issued: datetime) -> str:
        """Make the token of a session."""
        return self._signed({
            "iss": ISSUER,
            "aud": AUDIENCE,
            "typ": ACCESS,
            "sub": session.user,
            "sid": session.id,
            "iat": int(issued.timestamp()),
            "exp": int(session.expires.timestamp()),
        })  # fmt: skip

    def read(self, token: str) -> Claim:
        """Check a token and return what it says."""
        claim = self._valid.get(token)
        if claim is None:
            claim = self._valid[token] = self._verified(token)
            if len(self._valid) > MAX_VALID:
                self._valid.popitem(last=False)
        if claim.expires <= self._clock():
            raise _expired()
        return claim

    def _verified(self, token: str) -> Claim:
        if len(token) > MAX_LENGTH:
            raise invalid_token()
        try:
            # The header is compared as a whole: jwk, jku, x5u, crit and their kin have no place.
            if jwt.get_unverified_header(token) != _HEADER:
                raise invalid_token()
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": _REQUIRED},
            )
        except jwt.ExpiredSignatureError:
            raise _expired() from None
        except (jwt.InvalidTokenError, ValueError, RecursionError):
            raise invalid_token() from None
        user, session = claims["sub"], claims["sid"]
        if claims["typ"] != ACCESS or not isinstance(session, str):
            raise invalid_token()
        return Claim(user, session, int(claims["exp"]))

    def _signed(self, claims: dict[str, object]) -> str:
        return jwt.encode(claims, self._secret, ALGORITHM)


def invalid_token() -> Unauthenticated:
    """The one refusal of every token that is not right."""
    return Unauthenticated("invalid_token", "this token is not valid")


def _expired() -> Unauthenticated:
    return Unauthenticated("token_expired", "this login has expired")


def kept_secret(folder: Path) -> str:
    """The key in a folder, made at the first call; nobody but its owner can read it."""
    path = folder / "secret"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        # Written beside and linked, so that a crash leaves no half a key and two starts make one.
        draft = folder / f"secret.{secrets.token_hex(8)}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another start was first, and its key holds
        finally:
            draft.unlink()
    return path.read_text("ascii").strip()
