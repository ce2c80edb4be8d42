"""The command line for accounts: the edge for whoever sits at the machine."""

import argparse
import getpass
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from chat.accounts import Accounts
from chat.checking import Check
from chat.directory import Administration, Directory
from chat.errors import Invalid
from models.records import User

USERS_COMMAND = "users"

UPLOADS_COMMAND = "uploads"

PAGE = 500


def add_users_command(
    commands: "argparse._SubParsersAction[Any]", flags: argparse.ArgumentParser
) -> None:
    """Give a command line the command `users`; every action takes the flags of the settings."""
    users = commands.add_parser(USERS_COMMAND, help="list and change accounts", allow_abbrev=False)
    actions = users.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="everybody", parents=[flags], allow_abbrev=False)
    for action, doc in (
        ("disable", "end somebody's logins, and let none begin"),
        ("enable", "let a disabled account in again"),
        ("promote", "make somebody an administrator"),
        ("demote", "make an administrator an ordinary user"),
        ("password", "set a new password, asked for or read from standard input"),
    ):
        parser = actions.add_parser(action, help=doc, parents=[flags], allow_abbrev=False)
        parser.add_argument("name", help="user name or e-mail")


def add_uploads_command(
    commands: "argparse._SubParsersAction[Any]", flags: argparse.ArgumentParser
) -> None:
    """Give a command line the command `uploads`."""
    uploads = commands.add_parser(UPLOADS_COMMAND, help="look after files", allow_abbrev=False)
    actions = uploads.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser(
        "check", help="compare records and files", parents=[flags], allow_abbrev=False
    )
    check.add_argument(
        "--repair",
        action="store_true",
        help="mend, or remove what is worth nothing",
    )


async def check_uploads(check: Check, *, repair: bool) -> bool:
    """Say what is not as it should be; tell whether nothing is left to be done."""
    right = True
    async for finding in check.run(repair=repair):
        repaired = f" ({finding.repaired})" if finding.repaired else ""
        _print(f"{finding.what}: {finding.about}{repaired}")
        right = right and finding.repaired is not None
    return right


class Console:
    """Carries out what was typed."""

    def __init__(
        self, accounts: Accounts, administration: Administration, directory: Directory
    ) -> None:
        self._accounts = accounts
        self._directory = directory
        self._actions: dict[str, Callable[[str], Awaitable[User]]] = {
            "disable": administration.disable,
            "enable": administration.enable,
            "promote": administration.promote,
            "demote": administration.demote,
        }

    async def run(self, action: str, name: str) -> None:
        """Do one thing and say what was done."""
        if action == "list":
            await self._list()
            return
        user = await self._directory.named(_text(name))
        if action == "password":
            await self._accounts.reset_password(user, _asked_password())
        else:
            user = await self._actions[action](user.id)
        _print(_line(user))

    async def _list(self) -> None:
        after = None
        while True:
            page = await self._directory.page(after=after, limit=PAGE)
            for user in page:
                _print(_line(user))
            if len(page) < PAGE:
                return
            after = page[-1].id


def _line(user: User) -> str:
    return "\t".join(_columns(user))


def _columns(user: User) -> Iterator[str]:
    yield user.id
    yield user.name
    yield user.email or "-"
    yield user.role
    yield "disabled" if user.disabled else "enabled"
    yield user.created.isoformat(timespec="seconds")


def _asked_password() -> str:
    try:
        if sys.stdin.isatty():
            return _text(getpass.getpass("New password: "))
        return _text(sys.stdin.readline().rstrip("\r\n"))
    except UnicodeDecodeError:
        raise _not_text() from None


def _text(typed: str) -> str:
    # Bytes that are not UTF-8 come as lone surrogates, which can be neither hashed nor looked up.
    try:
        typed.encode()
    except UnicodeEncodeError:
        raise _not_text() from None
    return typed


def _not_text() -> Invalid:
    return Invalid("invalid_text", "what was typed is not UTF-8")


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
