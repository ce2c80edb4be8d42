"""Every setting has a flag, and the commands are read beside them."""

import argparse
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from conf.command_line import AddCommand, add_flags, chosen_flags, parse
from conf.settings import Settings, SettingsError, flag_name


def flags_of(*argv: str) -> dict[str, str]:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_flags(parser)
    return chosen_flags(parser.parse_args(argv))


@pytest.mark.parametrize("item", fields(Settings), ids=lambda item: item.name)
def test_every_setting_has_a_flag(item: Any) -> None:
    assert flags_of(flag_name(item), "a value") == {item.name.upper(): "a value"}


def test_a_flag_that_is_not_given_is_not_chosen() -> None:
    assert flags_of("--port", "0") == {"PORT": "0"}


def add_greet(commands: "argparse._SubParsersAction[Any]", flags: argparse.ArgumentParser) -> None:
    greet = commands.add_parser("greet", parents=[flags], allow_abbrev=False)
    greet.add_argument("name")


COMMANDS: dict[str, AddCommand] = {"greet": add_greet}


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_a_command_it_serves() -> None:
    arguments, settings = parse(["--port", "0"], COMMANDS)
    assert (arguments.command, settings.port) == ("serve", 0)


def test_a_command_takes_the_flags_of_the_settings() -> None:
    arguments, settings = parse(["greet", "ann", "--port", "0"], COMMANDS)
    assert (arguments.command, arguments.name, settings.port) == ("greet", "ann", 0)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["insult"], "unrecognized arguments: insult"),
        (["--por", "0"], "unrecognized arguments: --por 0"),
        (["greet"], "required: name"),
        (["--mongodb", "mongodb://ann:sesame@host"], "unrecognized arguments: --mongodb …"),
    ],
)
def test_what_makes_no_sense_is_an_error_that_repeats_no_address(
    argv: list[str], words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        parse(argv, COMMANDS)
