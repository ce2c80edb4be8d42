"""REST for one's own account."""

from chat.accounts import LoggedIn
from chat.commands import ChangePassword, ChangeProfile, DeleteAccount, LogIn, Register
from handlers.base import JsonHandler
from handlers.views import (
    LoggedInView,
    MessageView,
    OwnUserView,
    own_user_view,
    session_view,
)
from models.records import User


class AccountHandler(JsonHandler):
    """A handler that shows an account to whoever owns it."""

    def own(self, user: User) -> OwnUserView:
        """The view of one's own account."""
        return own_user_view(user, online=self.services.presence.is_online(user.id))

    def answer_login(self, message: str, login: LoggedIn, status: int = 200) -> None:
        """Answer with an account and its token."""
        self.answer(
            LoggedInView(message=message, user=self.own(login.user), token=login.token), status
        )


class RegisterHandler(AccountHandler):
    """Making an account."""

    async def post(self) -> None:
        """Make an account and log in to it."""
        login = await self.services.accounts.register(self.decoded(Register), self.client)
        self.answer_login("User registered successfully", login, 201)


class LoginHandler(AccountHandler):
    """Logging in."""

    async def post(self) -> None:
        """Log in by e-mail or user name."""
        login = await self.services.accounts.log_in(self.decoded(LogIn), self.client)
        self.answer_login("Login successful", login)


class LogoutHandler(JsonHandler):
    """Logging out."""

    async def post(self) -> None:
        """End the login of this token."""
        identity = await self.identify()
        await self.services.sessions.end(identity, identity.session.id)
        self.answer(MessageView(message="Logged out"))


class LogoutAllHandler(JsonHandler):
    """Logging out everywhere."""

    async def post(self) -> None:
        """End every login, this one included."""
        identity = await self.identify()
        await self.services.sessions.end_all(identity.user.id)
        self.answer(MessageView(message="Logged out everywhere"))


class PasswordHandler(AccountHandler):
    """One's password."""

    async def post(self) -> None:
        """Change the password; every login ends, and the answer carries a new one."""
        identity = await self.identify()
        command = self.decoded(ChangePassword)
        login = await self.services.accounts.change_password(identity, command, self.client)
        self.answer_login("Password changed", login)


class ProfileHandler(AccountHandler):
    """One's account, wrapped as some clients expect it."""

    async def get(self) -> None:
        """Show the account."""
        identity = await self.identify()
        self.answer({"user": self.own(identity.user)})

    async def patch(self) -> None:
        """Change what others see."""
        identity = await self.identify()
        command = self.decoded(ChangeProfile)
        user = await self.services.accounts.change_profile(identity, command)
        self.answer({"user": self.own(user)})


class MeHandler(AccountHandler):
    """One's account, bare as other clients expect it."""

    async def get(self) -> None:
        """Show the account."""
        identity = await self.identify()
        self.answer(self.own(identity.user))

    async def delete(self) -> None:
        """Delete the account; its messages stay, under the name of nobody."""
        identity = await self.identify()
        command, leave = self.decoded(DeleteAccount), self.services.memberships.leave_all
        await self.services.accounts.delete(identity, command, leave)
        self.answer(MessageView(message="Account deleted"))


class SessionsHandler(JsonHandler):
    """One's logins."""

    async def get(self) -> None:
        """List them, the newest first."""
        identity = await self.identify()
        sessions = await self.services.sessions.of_user(identity.user.id)
        views = [session_view(s, current=s.id == identity.session.id) for s in sessions]
        self.answer({"sessions": views})


class SessionHandler(JsonHandler):
    """One of one's logins."""

    async def delete(self, session_id: str) -> None:
        """End it."""
        identity = await self.identify()
        await self.services.sessions.end(identity, session_id)
        self.answer(MessageView(message="Session ended"))
