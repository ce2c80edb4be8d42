"""The command line: a flag for each setting, and the commands that stand behind them."""

import argparse
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn, Protocol

from conf.settings import Settings, SettingsError, flag_name, load, shown_default

# What runs when no command is named.
SERVE = "serve"

_ADDRESS = re.compile(r"\S*://\S*")


class AddCommand(Protocol):
    """Gives a command line one more command, whose actions take the flags of the settings."""

    def __call__(
        self, commands: "argparse._SubParsersAction[Any]", flags: argparse.ArgumentParser, /
    ) -> None:
        """Add it."""


class Parser(argparse.ArgumentParser):
    """A command line whose errors are one line, as those of settings are."""

    def error(self, message: str) -> NoReturn:
        """Refuse what was typed, without repeating an address that may hold a password."""
        raise SettingsError(_ADDRESS.sub("…", message))


def parse(
    argv: Sequence[str], commands: Mapping[str, AddCommand]
) -> tuple[argparse.Namespace, Settings]:
    """Read the command line and settle the settings."""
    flags = Parser(add_help=False)
    add_flags(flags)
    also = "; ".join(f"server.py {command} --help" for command in commands)
    parser = Parser(
        prog="server.py",
        description="A chat backend.",
        epilog=f"Also: {also}",
        parents=[flags],
        allow_abbrev=False,
    )
    parser.set_defaults(command=SERVE)
    # Only where it is asked for: a command that may be left out makes poor errors of bad flags.
    if not commands.keys().isdisjoint(argv):
        action = parser.add_subparsers(dest="command", parser_class=Parser, metavar="COMMAND")
        for add in commands.values():
            add(action, flags)
    arguments = parser.parse_args(argv)
    return arguments, load(chosen_flags(arguments), os.environ, Path(".env"))


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Give a command line one flag for each setting."""
    group = parser.add_argument_group("settings")
    for item in fields(Settings):
        shown = shown_default(item)
        group.add_argument(
            flag_name(item),
            dest=item.name.upper(),
            metavar="VALUE",
            default=argparse.SUPPRESS,
            help=item.metadata["doc"].replace("%", "%%") + (f" (default {shown})" if shown else ""),
        )


def chosen_flags(arguments: argparse.Namespace) -> dict[str, str]:
    """The settings that were given on a command line, by their names."""
    given = vars(arguments)
    return {name: given[name] for item in fields(Settings) if (name := item.name.upper()) in given}
