"""The description of REST in OpenAPI 3.1, made of the calls that the handlers declare."""

import re
import sys
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from types import NoneType
from typing import Any, get_origin

from handlers.calls import Call, Login, Piece, Takes, calls_of
from handlers.schemas import Json, Schemas
from handlers.views import ErrorView, LoggedInView, MessageBody, OwnRoomView

Routes = Iterable[tuple[str, type]]

ABOUT = """\
Send the token of a login as `Authorization: Bearer <token>`. Bodies are JSON. Times are ISO 8601
in UTC, ids are 24 hex digits. What changes something may come with an `Idempotency-Key`, and is
then done once, however often it is sent. Every path answers to OPTIONS, and every one that knows
GET to HEAD.
Fields may be added to answers; none is renamed or taken away."""

# Where an answer names what other calls take in their paths.
LINKS: Mapping[Any, Mapping[str, str]] = {
    OwnRoomView: {"room_id": "/id"},
    MessageBody: {"message_id": "/id", "room_id": "/roomId"},
    LoggedInView: {"user_id": "/user/id"},
}

HEADERS: Mapping[str, tuple[str, Json]] = {
    "X-Request-Id": ("The name of this call in the log.", {"type": "string"}),
    "X-RateLimit-Limit": ("Calls that may be made at once.", {"type": "integer"}),
    "X-RateLimit-Remaining": ("Calls that are left at the moment.", {"type": "integer"}),
    "X-RateLimit-Reset": ("Seconds until all may be made again.", {"type": "integer"}),
    "Idempotency-Replayed": (
        "That this is the answer that was given before.",
        {"type": "string", "const": "true"},
    ),
    "WWW-Authenticate": ("That a token is asked for.", {"type": "string", "const": "Bearer"}),
    "Retry-After": ("Seconds to wait before this is worth trying again.", {"type": "integer"}),
    "ETag": ("Send it as `If-None-Match` to ask for what has changed alone.", {"type": "string"}),
    "Link": ("Where the next page is, if there is one: `<path>; rel=next`.", {"type": "string"}),
}

SECURITY: Mapping[Login, list[Json]] = {
    "nobody": [],
    "guest": [{"token": []}, {}],
    "user": [{"token": []}],
    "administrator": [{"token": []}],
}

ALSO: Mapping[Login, str] = {
    "guest": "In open mode without a token, too.",
    "administrator": "For administrators.",
}

KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A name for this call, new for each: the same call with the same name gets the"
    " answer of the first for a week, and nothing is done twice.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$", "minLength": 1, "maxLength": 255},
    "example": "6f1c2a0e-8a53-4d0b-9a52-2c1b7f3f9d11",
}

_PART = re.compile(r"\{(\w+)\}")


def openapi(routes: Routes, version: str) -> Json:
    """Describe every call of these routes."""
    described = [
        (path, method, handler, call)
        for path, handler in routes
        for method, call in calls_of(handler).items()
    ]
    schemas = Schemas([ErrorView, *(kind for *_, call in described for kind in _kinds(call))])
    queries = {schemas.name(call.query) for *_, call in described if call.query is not None}
    names = _operation_names(described)
    paths: dict[str, Json] = {}
    for path, method, handler, call in described:
        operation = _operation(path, call, schemas, names[path, method])
        operation["tags"] = [_tag(handler)]
        links = _links(path, method, call, described, names)
        for status in ("200", "201"):
            if links and status in operation["responses"]:
                operation["responses"][status]["links"] = links
        paths.setdefault(path, {})[method] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Hubbub", "version": version, "description": ABOUT},
        "servers": [{"url": "/"}],
        "tags": _tags(handler for _, _, handler, _ in described),
        "paths": paths,
        "components": {
            "schemas": {
                name: schema for name, schema in schemas.components.items() if name not in queries
            },
            "headers": {
                name: {"description": words, "schema": schema}
                for name, (words, schema) in HEADERS.items()
            },
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def parts_of(path: str) -> list[str]:
    """The names of the parts of a path that vary."""
    return _PART.findall(path)


def _kinds(call: Call) -> list[Any]:
    return [
        kind
        for kind in (_answer(call), call.query, call.body, *call.path.values())
        if kind is not None
    ]


def _answer(call: Call) -> Any:
    return None if call.answer is NoneType else call.answer


def _operation_names(
    described: Iterable[tuple[str, str, type, Call]],
) -> dict[tuple[str, str], str]:
    """A name for each call; the older of two paths to one handler has another behind it."""
    names: dict[tuple[str, str], str] = {}
    for path, method, handler, _ in described:
        name = method + handler.__name__.removesuffix("Handler")
        names[path, method] = f"{name}Legacy" if name in names.values() else name
    return names


def _operation(path: str, call: Call, schemas: Schemas, name: str) -> Json:
    summary, _, more = (call.__doc__ or "").partition("\n")
    operation: Json = {
        "operationId": name,
        "summary": summary,
        "parameters": [
            *_path_parameters(path, call, schemas),
            *_query(call, schemas),
            *_read_headers(call),
            *([KEY] if call.changes else ()),
        ],
        "responses": _responses(call, schemas),
        "security": SECURITY[call.login],
    }
    words = [more.strip(), ALSO.get(call.login, "")]
    if any(words):
        operation["description"] = "\n\n".join(filter(None, words))
    if call.takes is not None:
        operation["requestBody"] = {"required": True, "content": _taken(call.takes)}
    if call.body is not None:
        content = {"application/json": {"schema": schemas.of(call.body)}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _taken(takes: Takes) -> Json:
    if isinstance(takes, Piece):
        return {takes.media_type: {}}
    file: Json = {"type": "string", "format": "binary"}
    files = {"type": "array", "items": file, "minItems": 1} if takes.several else file
    schema = {"type": "object", "properties": {takes.field: files}, "required": [takes.field]}
    return {"multipart/form-data": {"schema": schema}}


def _read_headers(call: Call) -> list[Json]:
    return [
        {"name": name, "in": "header", "description": words, "schema": {"type": "string"}}
        for name, words in call.headers
    ]


def _path_parameters(path: str, call: Call, schemas: Schemas) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": _shown(schemas.of(kind))}
        for name, kind in zip(parts_of(path), call.path.values(), strict=True)
    ]


def _shown(schema: Json) -> Json:
    """A part of a path is never empty."""
    return {"minLength": 1, **schema} if schema.get("type") == "string" else schema


def _query(call: Call, schemas: Schemas) -> list[Json]:
    if call.query is None:
        return []
    properties: dict[str, Json] = schemas.component(call.query)["properties"]
    return [_query_parameter(name, schema) for name, schema in properties.items()]


def _query_parameter(name: str, schema: Json) -> Json:
    # What is left out is null inside, but there is no way to write that in a query.
    schema = {key: value for key, value in schema.items() if (key, value) != ("default", None)}
    words = schema.pop("description", None)
    kinds = [kind for kind in schema.pop("anyOf", []) if kind != {"type": "null"}]
    words = words or next((kind.pop("description") for kind in kinds if "description" in kind), "")
    schema |= {"anyOf": kinds} if len(kinds) > 1 else kinds[0] if kinds else {}
    return {"name": name, "in": "query", "description": words, "schema": schema}


def _responses(call: Call, schemas: Schemas) -> Json:
    done = {
        str(status): {
            "description": HTTPStatus(status).phrase,
            "headers": _headers(call),
            **_sent(call, status, schemas),
        }
        for status in sorted(call.statuses)
    }
    if call.keeping.revalidate:
        done["304"] = {"description": "It has not changed.", "headers": _references("ETag")}
    refused = {str(status): _refused(status, codes) for status, codes in call.codes.items()}
    return {**done, **refused}


def _sent(call: Call, status: int, schemas: Schemas) -> Json:
    if call.sends is not None and status in (200, 206):
        return {"content": {call.sends: {}}}
    if call.answer is NoneType:
        return {}
    return {"content": {"application/json": {"schema": schemas.of(call.answer)}}}


def _headers(call: Call) -> Json:
    counted = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
    return _references(
        "X-Request-Id",
        *(("Idempotency-Replayed",) if call.changes else ()),
        *(counted if call.bucket != "none" else ()),
        *(("ETag",) if call.keeping.revalidate else ()),
        *(("Link",) if get_origin(call.answer) is list and call.query is not None else ()),
    )


def _phrase(status: int) -> str:
    # 460 is of tus alone.
    return "Checksum Mismatch" if status == 460 else HTTPStatus(status).phrase


def _refused(status: int, codes: list[str]) -> Json:
    schema = {
        "allOf": [{"$ref": "#/components/schemas/Error"}],
        "properties": {"code": {"enum": codes}},
    }
    refused: Json = {
        "description": f"{_phrase(status)}: {', '.join(codes)}.",
        "headers": _references("X-Request-Id"),
        "content": {"application/json": {"schema": schema}},
    }
    if status in (429, 503) or "idempotency_key_in_use" in codes:
        refused["headers"] |= _references("Retry-After")
    if status == 401:
        refused["headers"] |= _references("WWW-Authenticate")
    return refused


def _references(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _links(
    path: str,
    method: str,
    call: Call,
    described: Iterable[tuple[str, str, type, Call]],
    names: Mapping[tuple[str, str], str],
) -> Json:
    """The calls that go on from what an answer names, where something was made."""
    known = LINKS.get(call.answer)
    if known is None or parts_of(path) not in ([], ["room_id"]) or method != "post":
        return {}
    links: Json = {}
    for other, verb, _, _ in described:
        parts = parts_of(other)
        if parts and set(parts) <= known.keys():
            name = names[other, verb]
            values = {part: f"$response.body#{known[part]}" for part in parts}
            links[name] = {"operationId": name, "parameters": values}
    return links


def _tag(handler: type) -> str:
    return handler.__module__.rpartition(".")[2]


def _tags(handlers: Iterable[type]) -> list[Json]:
    modules = dict.fromkeys(handler.__module__ for handler in handlers)
    return [
        {"name": name.rpartition(".")[2], "description": sys.modules[name].__doc__ or ""}
        for name in modules
    ]
