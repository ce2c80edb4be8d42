"""The descriptions, as they are served."""

import configparser
from pathlib import Path

import pytest

from handlers.documents import VERSION
from tests.handlers.conftest import Hubbub
from tests.handlers.described import rest, sockets


@pytest.mark.gen_test(timeout=20)
async def test_both_descriptions_are_served_to_anybody(hub: Hubbub) -> None:
    openapi, asyncapi = await hub.get("/openapi.json"), await hub.get("/asyncapi.json")
    assert openapi.json["paths"] == rest()["paths"]
    assert asyncapi.json["channels"] == sockets()["channels"]
    again = await hub.get("/openapi.json", headers={"If-None-Match": openapi.headers["ETag"]})
    assert again.status == 304


def test_the_version_is_that_of_the_package() -> None:
    package = configparser.ConfigParser()
    package.read(Path(__file__).parents[2] / "setup.cfg")
    assert package["metadata"]["version"] == VERSION
