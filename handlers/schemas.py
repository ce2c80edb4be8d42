"""JSON schemas of the structs that decode and encode, under the names that readers see."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

Json = dict[str, Any]

_REFERENCE = "#/components/schemas/"

_DIALECTS = "handlers.dialects."

# What a class is called in the code, where that says too little outside, or too much.
_NAMES: Mapping[str, str] = {"MessageBody": "Message", "MessageView": "Done"}


class Schemas:
    """The schemas of some types; those of structs are kept as components, and referred to."""

    def __init__(self, kinds: Iterable[Any]) -> None:
        self._kinds = list({repr(kind): kind for kind in kinds}.values())
        schemas, components = msgspec.json.schema_components(
            self._kinds, ref_template=_REFERENCE + "{name}"
        )
        self._schemas = {
            repr(kind): _renamed(schema) for kind, schema in zip(self._kinds, schemas, strict=True)
        }
        if len({_name(name) for name in components}) < len(components):
            raise ValueError("two components go by one name")
        self.components: Json = {
            _name(name): _named(_renamed(schema), _name(name))
            for name, schema in sorted(components.items())
        }

    def of(self, kind: Any) -> Json:
        """The schema of one of the types."""
        return dict(self._schemas[repr(kind)])

    def name(self, kind: type) -> str:
        """What a struct is called as a component."""
        reference: str = self.of(kind)["$ref"]
        return reference.removeprefix(_REFERENCE)

    def component(self, kind: type) -> Json:
        """The schema of a struct itself."""
        schema: Json = self.components[self.name(kind)]
        return schema


def _name(name: str) -> str:
    """What readers see; where two have one name, the one of a dialect says whose it is."""
    module, _, own = name.rpartition(".")
    shown = _NAMES.get(own, own.removesuffix("View"))
    return f"{module.rpartition('.')[2]}.{shown}" if module.startswith(_DIALECTS) else shown


def _named(schema: Json, name: str) -> Json:
    return {**schema, "title": name} if "title" in schema else schema


def _renamed(schema: Any) -> Any:
    """A schema whose references name components as readers see them."""
    if isinstance(schema, list):
        return [_renamed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _REFERENCE + _name(value.removeprefix(_REFERENCE))
        if key == "$ref"
        else _renamed(value)
        for key, value in schema.items()
    }
