"""Writes `.env.example` and `docs/settings.md` from the list of settings."""

from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

from conf.settings import Settings, flag_name, names_of, shown_default


def env_example() -> Iterator[str]:
    """The lines of `.env.example`."""
    yield "# Copy to .env and change what you need; every line shows the default."
    yield "# Written by `make docs` from conf/settings.py."
    for item in fields(Settings):
        yield ""
        yield f"# {item.metadata['doc']}"
        yield f"#{item.name.upper()}={shown_default(item)}"


def settings_page() -> Iterator[str]:
    """The lines of `docs/settings.md`."""
    yield "# Settings"
    yield ""
    yield "Written by `make docs` from `conf/settings.py`. A later source wins: defaults, the file"
    yield "`.env` in the working folder, the environment, flags (`python server.py --port 8000`)."
    yield "An empty value counts as not set. Durations are seconds, or a number with `s`, `m`, `h`"
    yield "or `d`; switches are `on` or `off`. A value that cannot be used, an unknown flag and an"
    yield "unknown name in `.env` stop the start with one line and exit status 2."
    yield ""
    yield "| name | flag | default | meaning |"
    yield "|---|---|---|---|"
    for item in fields(Settings):
        names = " or ".join(f"`{name}`" for name in names_of(item))
        shown = shown_default(item)
        default = f"`{shown}`" if shown else "none"
        yield f"| {names} | `{flag_name(item)}` | {default} | {item.metadata['doc']} |"


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    ".env.example": env_example,
    "docs/settings.md": settings_page,
}


def page(name: str) -> str:
    """The text of a generated file."""
    return "\n".join(PAGES[name]()) + "\n"


if __name__ == "__main__":
    for name in PAGES:
        Path(__file__).parent.parent.joinpath(name).write_text(page(name), "utf-8")
