"""JSON schemas of structs, under the names that readers see."""

import pytest

from handlers.schemas import Schemas
from handlers.views import MessageBody, OwnRoomView, View


class OwnRoom(View, frozen=True):
    """A struct that would go by the name of another."""


def test_components_go_by_their_outer_names() -> None:
    schemas = Schemas([list[OwnRoomView], MessageBody, int])
    assert schemas.of(list[OwnRoomView])["items"] == {"$ref": "#/components/schemas/OwnRoom"}
    assert schemas.name(MessageBody) == "Message"
    assert schemas.component(MessageBody)["properties"]["createdAt"]["format"] == "date-time"
    assert schemas.of(int) == {"type": "integer"}
    assert "Person" in schemas.components


def test_two_components_of_one_name_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="one name"):
        Schemas([OwnRoomView, OwnRoom])
