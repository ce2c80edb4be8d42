"""The descriptions of the server, by itself."""

from functools import cached_property

import msgspec
from msgspec import Raw

from handlers.asyncapi import asyncapi
from handlers.base import JsonHandler
from handlers.calls import PUBLISHED, call
from handlers.channels import CHANNELS
from handlers.openapi import Routes, openapi

VERSION = "0.1.0"


class Documents:
    """The descriptions, made when they are first asked for."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes

    @cached_property
    def openapi(self) -> Raw:
        """The description of REST."""
        return Raw(msgspec.json.encode(openapi(self._routes, VERSION)))

    @cached_property
    def asyncapi(self) -> Raw:
        """The description of the sockets."""
        return Raw(msgspec.json.encode(asyncapi(CHANNELS, VERSION)))


class OpenApiHandler(JsonHandler):
    """The description of REST."""

    @call(keeping=PUBLISHED)
    async def get(self) -> Raw:
        """Describe every call, in OpenAPI 3.1."""
        return self.application.descriptions.openapi


class AsyncApiHandler(JsonHandler):
    """The description of the sockets."""

    @call(keeping=PUBLISHED)
    async def get(self) -> Raw:
        """Describe what goes over the sockets of each kind of client, in AsyncAPI 3."""
        return self.application.descriptions.asyncapi
