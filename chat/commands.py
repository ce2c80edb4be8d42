"""What a client may ask, as typed structs; decoding one is the whole of its type checking.

Fields are bounded here, so that nothing behind the edge meets a text without an end. What a text
must say (a name, a password) is checked where it is used.
"""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

# The longest address that mail can carry.
MAX_EMAIL = 254

Name = Annotated[str, Meta(max_length=64)]
Email = Annotated[str, Meta(max_length=MAX_EMAIL)]
# Far more than the 72 bytes that bcrypt takes, so that the refusal can say why.
Password = Annotated[str, Meta(max_length=1024)]
Id = Annotated[str, Meta(max_length=64)]


class Command(Struct, frozen=True, kw_only=True, rename="camel"):
    """Anything that a client asks for."""


class Register(Command, frozen=True):
    """Make an account and log in to it."""

    username: Name
    password: Password
    email: Email | None = None
    display_name: Name | None = None


class LogIn(Command, frozen=True):
    """Log in by e-mail or user name; either may stand in either field."""

    password: Password
    email: Email | None = None
    username: Email | None = None


class ChangePassword(Command, frozen=True):
    """Replace the password of one's own account."""

    current_password: Password
    new_password: Password


class ChangeProfile(Command, frozen=True):
    """Change what others see; a field that is left out stays as it is."""

    display_name: Name | UnsetType = UNSET
    avatar: Id | UnsetType | None = UNSET


class DeleteAccount(Command, frozen=True):
    """Delete one's own account."""

    password: Password
