"""The description of REST."""

import re
from typing import Any

import jsonschema_rs
import pytest
from tornado.web import RequestHandler

from handlers.application import ROUTES
from handlers.calls import calls_of
from handlers.openapi import openapi, parts_of
from tests.handlers.described import rest

METHODS = ("get", "post", "put", "patch", "delete")


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in rest()["paths"].items()
        for method, operation in methods.items()
    ]


@pytest.mark.parametrize(("path", "handler"), ROUTES, ids=[path for path, _ in ROUTES])
def test_every_route_is_described_with_all_its_methods(path: str, handler: type) -> None:
    own = {method for method in METHODS if getattr(handler, method) is not RequestHandler.get}
    assert set(rest()["paths"][path]) == own
    assert own == calls_of(handler).keys()


def test_every_call_has_a_name_of_its_own_and_says_what_it_is() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(names)) == len(names)
    for path, method, operation in operations():
        assert operation["summary"].endswith("."), (path, method)
        assert operation["tags"]
        for parameter in operation["parameters"]:
            assert parameter["in"] == "path" or parameter["description"], (path, parameter["name"])


def test_parts_of_a_path_are_described_where_they_stand() -> None:
    for path, _, operation in operations():
        named = [one["name"] for one in operation["parameters"] if one["in"] == "path"]
        assert named == parts_of(path)


def test_every_reference_leads_somewhere_and_every_schema_is_one() -> None:
    document = rest()
    text = str(document)
    for reference in set(re.findall(r"'#/components/([a-z]+)/([A-Za-z-]+)'", text)):
        assert reference[1] in document["components"][reference[0]]
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)


def test_links_name_calls_and_all_that_they_take() -> None:
    by_name = {operation["operationId"]: operation for _, _, operation in operations()}
    made = rest()["paths"]["/api/rooms"]["post"]["responses"]["201"]["links"]
    assert "deleteOneRoom" in made
    for _, _, operation in operations():
        for response in operation["responses"].values():
            for link in response.get("links", {}).values():
                taken = {
                    one["name"]
                    for one in by_name[link["operationId"]]["parameters"]
                    if one["in"] == "path"
                }
                assert link["parameters"].keys() == taken


def test_who_may_call_is_said() -> None:
    paths = rest()["paths"]
    assert paths["/health"]["get"]["security"] == []
    assert paths["/api/rooms"]["get"]["security"] == [{"token": []}]
    assert "administrators" in paths["/api/admin/users"]["get"]["description"]


def test_refusals_are_described_with_what_helps() -> None:
    helps = {"401": "WWW-Authenticate", "429": "Retry-After", "503": "Retry-After"}
    for path, method, operation in operations():
        responses = operation["responses"]
        for status in helps.keys() & responses.keys():
            assert helps[status] in responses[status]["headers"], (path, method)
    in_use = rest()["paths"]["/api/rooms"]["post"]["responses"]["409"]
    assert "Retry-After" in in_use["headers"]


def test_a_description_names_its_version() -> None:
    assert openapi((), "1.2.3")["info"]["version"] == "1.2.3"
