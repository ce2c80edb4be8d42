"""The direction of imports, and what every module owes its reader."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# What each part of the program may import of the others; nothing of ours may import server.
ALLOWED = {
    "server": {"conf", "handlers", "chat", "models"},
    "conf": {"conf"},
    "handlers": {"handlers", "chat", "models"},
    "chat": {"chat", "models"},
    "models": {"models"},
}

# Libraries that belong to one side of the program, and the parts that must do without them.
BANNED = {
    "conf": {"tornado", "bson", "pymongo", "sqlite3", "msgspec"},
    "handlers": {"bson", "pymongo", "sqlite3", "jwt", "bcrypt"},
    "chat": {"tornado", "bson", "pymongo", "sqlite3"},
    "models": {"tornado"},
}

# The core reaches the stores through the contract alone; only the wiring chooses one.
MODELS = {
    "handlers": {"models.records", "models.store", "models.partials"},
    "chat": {
        "models.records",
        "models.store",
        "models.contract.accounts",
        "models.contract.messages",
        "models.contract.rooms",
        "models.disk",
        "models.files",
        "models.partials",
        "models.pictures",
        "models.words",
    },
}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


SOURCES = {
    name_of(path): ast.parse(path.read_text("utf-8"))
    for path in (
        ROOT / "server.py",
        *(path for part in ALLOWED for path in sorted((ROOT / part).rglob("*.py"))),
    )
}
EVERY_MODULE = pytest.mark.parametrize("module", SOURCES)


def part_of(module: str) -> str:
    return module.partition(".")[0]


def imported(module: str) -> Iterator[str]:
    """The modules that a module imports, wherever in it."""
    for node in ast.walk(SOURCES[module]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            source = node.module or ""
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                yield inner if inner in SOURCES else source


def test_all_parts_are_looked_at() -> None:
    assert {part_of(module) for module in SOURCES} == set(ALLOWED)
    assert set(imported("chat.accounts")) >= {"models.store", "msgspec", "logging"}
    assert "handlers.accounts" in set(imported("handlers.application"))


@EVERY_MODULE
def test_imports_run_one_way(module: str) -> None:
    ours = {part_of(name) for name in imported(module)} & set(ALLOWED)
    assert ours <= ALLOWED[part_of(module)]


@EVERY_MODULE
def test_libraries_stay_on_their_side(module: str) -> None:
    libraries = {part_of(name) for name in imported(module)}
    assert not libraries & BANNED.get(part_of(module), set())


@EVERY_MODULE
def test_stores_are_reached_through_their_contract(module: str) -> None:
    if (allowed := MODELS.get(part_of(module))) is not None:
        assert {name for name in imported(module) if part_of(name) == "models"} <= allowed


def test_no_module_imports_itself_through_others() -> None:
    graph = {module: set(imported(module)) & set(SOURCES) for module in SOURCES}
    assert set(TopologicalSorter(graph).static_order()) == set(SOURCES)


@EVERY_MODULE
def test_a_module_says_what_it_is(module: str) -> None:
    docstring = ast.get_docstring(SOURCES[module])
    assert docstring, "every module has a docstring"
    assert len(docstring.splitlines()[0]) <= 100


@EVERY_MODULE
def test_no_module_is_a_drawer_for_everything(module: str) -> None:
    assert not {"utils", "util", "helpers", "misc", "common"} & set(module.split("."))
