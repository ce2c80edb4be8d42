"""Handing a room over to another owner, which takes several writes, and yet is one.

A lone mongod has no transactions. So the room says first what is to be done, and from then on it is
decided: whoever reads who is in rooms, or changes it, does first what is left to do of it, and so
does the start. Each step can be taken twice, and one that is taken late, behind the next owner,
does nothing. An heir who left in between takes nothing over, so no room is without an owner.
"""

from pymongo.database import Database as Collections

from models.mongo.documents import Document, key_of, membership_key
from models.mongo.schema import HANDING
from models.records import RoomRole
from models.store import NotFound


def hand_over(
    collections: Collections[Document],
    room_id: str,
    user_id: str,
    heir_id: str,
    role: RoomRole | None,
) -> None:
    """Decide on a new owner, and make them it."""
    finish_all(collections)
    # The room first: of many at once, one is the first then, and the others find that they are not.
    room = collections.rooms.find_one({"_id": key_of(room_id)}, {"handings": 1, "handing": 1})
    find = collections.memberships.find_one
    former, heir = (find(membership_key(room_id, user)) for user in (user_id, heir_id))
    if room is None or former is None or former["role"] != "owner" or heir is None:
        raise NotFound("the room or the membership does not exist, or is not the owner's")
    if room.get("handing") is not None:
        # Begun just now: the former owner who was found above may be gone when it is done.
        raise NotFound("the room is being handed over")
    number = room.get("handings", 0) + 1
    handing = {
        "number": number,
        "user": former["user"],
        "joined": former["joined"],
        "heir": heir["user"],
        "role": role,
    }
    wanted = {"_id": room["_id"], "handings": room.get("handings"), "handing": None}
    decided = {"$set": {"handing": handing, "handings": number}}
    if not collections.rooms.update_one(wanted, decided).matched_count:
        raise NotFound("the room was handed over meanwhile")
    finish_all(collections)
    if collections.memberships.find_one({**_former(room["_id"], handing), "role": "owner"}):
        raise NotFound("the heir has left")


def finish_all(collections: Collections[Document]) -> None:
    """Do what is left to do of rooms that are being handed over; nothing, nearly always."""
    for room in collections.rooms.find(HANDING, {"handing": 1}):
        finish(collections, room)


def finish(collections: Collections[Document], room: Document) -> None:
    """Do what is left to do of one."""
    handing = room["handing"]
    number = handing["number"]
    memberships = collections.memberships
    heir = {"room": room["_id"], "user": handing["heir"]}
    memberships.update_one(
        {**heir, "handed": _older(number)}, {"$set": {"role": "owner", "handed": number}}
    )
    former = _former(room["_id"], handing)
    if memberships.find_one({**heir, "handed": {"$gte": number}}, {"_id": 1}) is None:
        pass  # whoever wanted to hand over stays the owner, also if the heir has just come back
    elif handing["role"] is None:
        memberships.delete_one(former)
    else:
        memberships.update_one(former, {"$set": {"role": handing["role"], "handed": number}})
    collections.rooms.update_one(
        {"_id": room["_id"], "handing.number": number}, {"$unset": {"handing": ""}}
    )


def _former(room: object, handing: Document) -> Document:
    """The membership of whoever hands over, as long as they have not done so."""
    user, joined = handing["user"], handing["joined"]
    return {"room": room, "user": user, "joined": joined, "handed": _older(handing["number"])}


def _older(number: int) -> Document:
    return {"$not": {"$gte": number}}
