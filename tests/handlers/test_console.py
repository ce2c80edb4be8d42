"""The command line for accounts."""

import io
import sys

import pytest

from chat.errors import Invalid, NotFound
from handlers.console import Console
from tests.handlers.conftest import PASSWORD, Hubbub

pytestmark = pytest.mark.gen_test(timeout=20)


def console(hub: Hubbub) -> Console:
    return Console(hub.core.accounts, hub.core.administration, hub.core.directory)


async def test_list_prints_a_line_for_everybody(
    hub: Hubbub, capsys: pytest.CaptureFixture[str]
) -> None:
    await hub.person("ann", email="ann@example.com")
    await hub.person("bob")
    await console(hub).run("list", "")
    lines = [line.split("\t")[1:5] for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["ann", "ann@example.com", "admin", "enabled"],
        ["bob", "-", "user", "enabled"],
    ]


async def test_an_account_is_found_by_name_or_email(hub: Hubbub) -> None:
    await hub.person("ann")
    bob = await hub.person("bob", email="bob@example.com")
    await console(hub).run("disable", "BOB")
    assert not await hub.is_in(bob.token)
    await console(hub).run("enable", "bob@example.com")
    await console(hub).run("promote", "bob")
    user = hub.core.store.users.get(bob.id)
    assert user is not None
    assert (user.disabled, user.role) == (False, "admin")


async def test_a_new_password_is_read_and_ends_the_logins(
    hub: Hubbub, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await hub.person("ann")
    monkeypatch.setattr(sys, "stdin", io.StringIO("another horse 43\n"))
    await console(hub).run("password", "ann")
    assert not await hub.is_in(ann.token)
    old = await hub.post("/api/auth/login", {"username": "ann", "password": PASSWORD})
    new = await hub.post("/api/auth/login", {"username": "ann", "password": "another horse 43"})
    assert (old.status, new.status) == (401, 200)


async def test_a_bad_password_is_refused(hub: Hubbub, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = await hub.person("ann")
    monkeypatch.setattr(sys, "stdin", io.StringIO("short\n"))
    with pytest.raises(Invalid):
        await console(hub).run("password", "ann")
    assert await hub.is_in(ann.token)


async def test_what_is_not_utf8_is_refused(hub: Hubbub, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = await hub.person("ann")
    for errors in ("strict", "surrogateescape"):
        typed = io.TextIOWrapper(io.BytesIO(b"\xff\xfe horse 43\n"), "utf-8", errors)
        monkeypatch.setattr(sys, "stdin", typed)
        with pytest.raises(Invalid, match="not UTF-8"):
            await console(hub).run("password", "ann")
    with pytest.raises(Invalid, match="not UTF-8"):
        await console(hub).run("disable", "\udcff")
    assert await hub.is_in(ann.token)


async def test_nobody_cannot_be_found(hub: Hubbub) -> None:
    with pytest.raises(NotFound):
        await console(hub).run("promote", "nobody")
