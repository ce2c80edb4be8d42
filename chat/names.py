"""What people may be called."""

import re
import unicodedata

from chat.errors import Invalid
from models.records import folded

_USERNAME = re.compile(r"[A-Za-z0-9_.-]{3,30}", re.ASCII)
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")

MAX_DISPLAY_NAME = 30
MAX_ROOM_NAME = 60

# Letters and symbols that show nothing: Hangul fillers, the empty Braille pattern, a joiner.
_BLANKS = frozenset("\u034f\u115f\u1160\u2800\u3164\uffa0")

# Names that would be taken for the server, for a role or for everybody, and those that JavaScript
# finds on every object (without case, as all names are compared).
RESERVED = frozenset({
    "admin", "administrator", "all", "anonymous", "bot", "channel", "constructor", "deleted",
    "everyone", "guest", "here", "hubbub", "me", "moderator", "nobody", "null", "official", "owner",
    "prototype", "root", "security", "self", "server", "staff", "support", "system", "undefined",
    "hasownproperty", "isprototypeof", "propertyisenumerable", "tolocalestring", "tostring",
    "valueof", "__definegetter__", "__definesetter__", "__lookupgetter__", "__lookupsetter__",
    "__proto__",
})  # fmt: skip


def require_username(name: str) -> str:
    """Check the name of a new account."""
    if not _USERNAME.fullmatch(name):
        raise Invalid(
            "invalid_username",
            "a user name has 3 to 30 letters, digits, dots, dashes or underscores",
            details={"field": "username"},
        )
    if folded(name) in RESERVED:
        raise Invalid("reserved_username", "this name is reserved", details={"field": "username"})
    return name


def require_display_name(name: str) -> str:
    """Check and tidy a name for show: composed, trimmed, visible."""
    tidy = unicodedata.normalize("NFC", name).strip()
    if not 1 <= len(tidy) <= MAX_DISPLAY_NAME:
        raise Invalid(
            "invalid_display_name",
            f"a display name has 1 to {MAX_DISPLAY_NAME} characters",
            details={"field": "displayName"},
        )
    if not all(_is_allowed(character) for character in tidy) or not any(map(_is_visible, tidy)):
        raise Invalid(
            "invalid_display_name",
            "a display name is visible: no control, formatting, blank or unassigned characters",
            details={"field": "displayName"},
        )
    return tidy


def require_guest_name(name: str) -> str:
    """Check and tidy the name of somebody without a password: what may be shown may be one."""
    try:
        return require_display_name(name)
    except Invalid as refusal:
        raise Invalid("invalid_name", refusal.message) from None


def require_room_name(name: str) -> str:
    """Check and tidy the name of a room: as a person's, and longer."""
    tidy = unicodedata.normalize("NFC", name).strip()
    if not 1 <= len(tidy) <= MAX_ROOM_NAME or not all(map(_is_allowed, tidy)):
        raise Invalid(
            "invalid_room_name",
            f"the name of a room has 1 to {MAX_ROOM_NAME} visible characters",
            details={"field": "name"},
        )
    return tidy


def require_email(address: str) -> str:
    """Check the form of an e-mail address; whether it is read is not for a chat to find out."""
    if not _EMAIL.fullmatch(address) or not address.isprintable():
        raise Invalid("invalid_email", "this is no e-mail address", details={"field": "email"})
    return address


def _is_visible(character: str) -> bool:
    # M: marks, which need a character before them.
    return unicodedata.category(character)[0] not in "MZ"


def _is_allowed(character: str) -> bool:
    # C: control, format (direction overrides, joiners), surrogate, private, unassigned.
    # Zl, Zp: line and paragraph separators. Of the spaces, only the plain one.
    category = unicodedata.category(character)
    return character == " " or (category[0] not in "CZ" and character not in _BLANKS)
