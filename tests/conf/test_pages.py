"""The pages that are written from the list of settings."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from conf.pages import PAGES, page
from conf.settings import Settings, flag_name, load, names_of, read_env_file

ROOT = Path(__file__).parents[2]

EVERY_SETTING = pytest.mark.parametrize("item", fields(Settings), ids=lambda item: item.name)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_current(name: str) -> None:
    assert (ROOT / name).read_text("utf-8") == page(name), "run `make docs`"


@EVERY_SETTING
def test_every_setting_is_documented_by_one_sentence(item: Any) -> None:
    doc = item.metadata["doc"]
    assert doc.endswith(".")
    assert doc[0].isupper()
    assert "|" not in doc


@EVERY_SETTING
def test_the_settings_page_has_every_name_and_flag(item: Any) -> None:
    [line] = [
        line for line in page("docs/settings.md").splitlines() if f"`{flag_name(item)}`" in line
    ]
    assert all(f"`{name}`" in line for name in names_of(item))


def test_the_lines_of_the_example_say_what_holds_without_them(tmp_path: Path) -> None:
    lines = page(".env.example").splitlines()
    settings = [line.removeprefix("#") for line in lines if line[:1] == "#" and line[1:2] != " "]
    file = tmp_path / ".env"
    file.write_text("\n".join(settings), "utf-8")
    assert len(read_env_file(file)) == len(fields(Settings))
    assert load({}, {}, file) == Settings()
