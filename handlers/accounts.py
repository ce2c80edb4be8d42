"""REST for one's own account."""

from chat.accounts import LoggedIn
from chat.commands import ChangePassword, ChangeProfile, DeleteAccount, Id, LogIn, Register
from chat.sessions import Identity
from handlers.base import JsonHandler
from handlers.calls import call
from handlers.keys import Again
from handlers.views import (
    LoggedInView,
    MessageView,
    OwnUserView,
    SessionView,
    View,
    own_user_view,
    session_view,
)
from models.records import User

_NEW_PASSWORD = ("password_too_short", "password_too_long", "password_too_common")

REGISTERED = "User registered successfully"
LOGGED_IN = "Login successful"
CHANGED = "Password changed"
LOGGED_OUT = MessageView(message="Logged out")
LOGGED_OUT_EVERYWHERE = MessageView(message="Logged out everywhere")
SESSION_ENDED = MessageView(message="Session ended")
ACCOUNT_DELETED = MessageView(message="Account deleted")


class Profile(View, frozen=True):
    """An account, wrapped as some clients expect it."""

    user: OwnUserView


class Logins(View, frozen=True):
    """One's logins, the newest first."""

    sessions: list[SessionView]


class AccountHandler(JsonHandler):
    """A handler that shows an account to whoever owns it."""

    def own(self, user: User) -> OwnUserView:
        """The view of one's own account."""
        online = self.services.presence.is_online(user.id)
        avatars = self.services.attachments.links.avatars(user.avatar)
        return own_user_view(user, online=online, avatars=avatars)

    def logged_in(self, message: str, login: LoggedIn) -> LoggedInView:
        """An account and its token."""
        return LoggedInView(message=message, user=self.own(login.user), token=login.token)


def _entered_again(message: str) -> Again:
    """What shows the login that a call with a key has begun before."""

    async def entered(handler: AccountHandler, **_: object) -> LoggedInView:
        user, token = await handler.services.sessions.entered(handler.makes or "")
        return handler.logged_in(message, LoggedIn(user, token))

    return entered


async def _profile_again(handler: AccountHandler, identity: Identity, **_: object) -> Profile:
    """The account that a call with a key has changed before."""
    return Profile(user=handler.own(identity.user))


class RegisterHandler(AccountHandler):
    """Making an account."""

    @call(
        201,
        codes=(
            *_NEW_PASSWORD,
            "invalid_username",
            "reserved_username",
            "invalid_display_name",
            "invalid_email",
            "username_taken",
            "email_taken",
            "rate_limited",
            "invalid_token",
        ),
        again=_entered_again(REGISTERED),
    )
    async def post(self, body: Register) -> LoggedInView:
        """Make an account and log in to it."""
        login = await self.services.accounts.register(body, self.client, self.makes)
        return self.logged_in(REGISTERED, login)


class LoginHandler(AccountHandler):
    """Logging in."""

    @call(
        codes=(
            "missing_field",
            "password_too_long",
            "invalid_credentials",
            "account_disabled",
            "rate_limited",
            "invalid_token",
        ),
        again=_entered_again(LOGGED_IN),
    )
    async def post(self, body: LogIn) -> LoggedInView:
        """Log in by e-mail or user name."""
        login = await self.services.accounts.log_in(body, self.client, self.makes)
        return self.logged_in(LOGGED_IN, login)


class LogoutHandler(JsonHandler):
    """Logging out."""

    @call(codes=("session_not_found",), again=LOGGED_OUT, ends_login=True)
    async def post(self, identity: Identity) -> MessageView:
        """End the login of this token."""
        await self.services.sessions.end(identity, identity.session.id)
        return LOGGED_OUT


class LogoutAllHandler(JsonHandler):
    """Logging out everywhere."""

    @call(again=LOGGED_OUT_EVERYWHERE, ends_login=True)
    async def post(self, identity: Identity) -> MessageView:
        """End every login, this one included."""
        await self.services.sessions.end_all(identity.user.id, last=True)
        return LOGGED_OUT_EVERYWHERE


class PasswordHandler(AccountHandler):
    """One's password."""

    @call(
        codes=(*_NEW_PASSWORD, "wrong_password"),
        again=_entered_again(CHANGED),
        ends_login=True,
    )
    async def post(self, identity: Identity, body: ChangePassword) -> LoggedInView:
        """Change the password; every login ends, and the answer carries a new one."""
        login = await self.services.accounts.change_password(
            identity, body, self.client, self.makes
        )
        return self.logged_in(CHANGED, login)


class ProfileHandler(AccountHandler):
    """One's account, wrapped as some clients expect it."""

    @call()
    async def get(self, identity: Identity) -> Profile:
        """Show the account."""
        return Profile(user=self.own(identity.user))

    @call(codes=("invalid_display_name", "unknown_upload"), again=_profile_again)
    async def patch(self, identity: Identity, body: ChangeProfile) -> Profile:
        """Change what others see."""
        user = await self.services.accounts.change_profile(identity, body)
        self.services.presence.reveal(user, before=identity.user.invisible)
        return Profile(user=self.own(user))


class MeHandler(AccountHandler):
    """One's account, bare as other clients expect it."""

    @call()
    async def get(self, identity: Identity) -> OwnUserView:
        """Show the account."""
        return self.own(identity.user)

    @call(
        codes=("wrong_password", "password_too_long", "last_administrator"),
        again=ACCOUNT_DELETED,
        ends_login=True,
    )
    async def delete(self, identity: Identity, body: DeleteAccount) -> MessageView:
        """Delete the account; its messages stay, under the name of nobody."""
        leave = self.services.memberships.leave_all
        await self.services.accounts.delete(identity, body, leave)
        await self.services.uploads.release_all(identity.user.id)
        return ACCOUNT_DELETED


class SessionsHandler(JsonHandler):
    """One's logins."""

    @call()
    async def get(self, identity: Identity) -> Logins:
        """List them, the newest first."""
        sessions = await self.services.sessions.of_user(identity.user.id)
        views = [session_view(s, current=s.id == identity.session.id) for s in sessions]
        return Logins(sessions=views)


class SessionHandler(JsonHandler):
    """One of one's logins."""

    @call(codes=("session_not_found",), again=SESSION_ENDED, ends_login=True)
    async def delete(self, identity: Identity, session_id: Id) -> MessageView:
        """End it."""
        await self.services.sessions.end(identity, session_id)
        return SESSION_ENDED
