"""A conversation over the native WebSocket, with `pip install websocket-client` and nothing else.

    python examples/conversation.py [http://127.0.0.1:5000]

Two people meet in a direct room; one of them loses the connection, and misses nothing.
"""

import json
import secrets
import sys
import urllib.request
from typing import Any

from websocket import WebSocket, create_connection

Frame = dict[str, Any]


def register(server: str, name: str) -> Frame:
    """Make an account, and return it with its token."""
    body = json.dumps({"username": name, "password": "correct horse 42"}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{server}/api/auth/register", body, headers)  # noqa: S310
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        account: Frame = json.load(answer)
    return account


class Client:
    """Somebody's socket."""

    def __init__(self, server: str, token: str, seen: dict[str, int] | None = None) -> None:
        self.socket: WebSocket = create_connection(server.replace("http", "ws", 1) + "/ws")
        self.heard: list[Frame] = []
        self.asked = 0
        # `rooms` names the greatest `rev` that was seen of each room: what came after is told.
        self.say("AUTH", token=token, rooms=seen or {})
        self.hear("AUTH_SUCCESS")

    def say(self, kind: str, frame_id: int | None = None, **payload: Any) -> None:
        """Send a frame."""
        frame = {"type": kind, "payload": payload}
        self.socket.send(json.dumps(frame if frame_id is None else {**frame, "id": frame_id}))

    def ask(self, kind: str, **payload: Any) -> Frame:
        """Send a command, and wait until the server says that it is done."""
        self.asked += 1
        self.say(kind, self.asked, **payload)
        answer = self.first(lambda frame: frame.get("id") == self.asked)
        if answer["type"] != "ACK":
            raise RuntimeError(answer["payload"]["message"])
        done: Frame = answer["payload"]
        return done

    def hear(self, kind: str) -> Frame:
        """Wait for a frame of a kind."""
        payload: Frame = self.first(lambda frame: frame["type"] == kind)["payload"]
        return payload

    def first(self, fits: Any) -> Frame:
        """Wait for the first frame that fits, and keep the others for later."""
        while True:
            for frame in self.heard:
                if fits(frame):
                    self.heard.remove(frame)
                    return frame
            self.heard.append(json.loads(self.socket.recv()))


def main(server: str) -> None:
    """Let two people talk."""
    suffix = secrets.token_hex(4)
    ann, bob = register(server, f"ann-{suffix}"), register(server, f"bob-{suffix}")
    anns, bobs = Client(server, ann["token"]), Client(server, bob["token"])

    # To a person: the room of the two is made.
    said = anns.ask("SEND_MESSAGE", to=bob["user"]["id"], content="Tea?", clientId="tea-1")
    heard = bobs.hear("MESSAGE")
    print(f"bob heard: {heard['content']}")
    room = heard["roomId"]

    bobs.ask("REACT", messageId=heard["id"], emoji="🍵", on=True)
    bobs.ask("READ", roomId=room, seq=heard["seq"])
    print(f"ann sees: {anns.hear('MESSAGE_CHANGED')['reactions']}")

    # Bob's train enters a tunnel; what he has seen of the room is all he must remember.
    bobs.socket.close()
    anns.ask("EDIT_MESSAGE", messageId=said["message"]["id"], content="Coffee?")
    anns.ask("SEND_MESSAGE", roomId=room, content="Or cocoa?", replyTo=said["message"]["id"])
    bobs = Client(server, bob["token"], {room: heard["rev"]})
    told = bobs.hear("MESSAGE_CHANGED"), bobs.hear("MESSAGE")
    print("bob missed: " + " ".join(message["content"] for message in told))
    print(f"all of it: {bobs.hear('SYNCED')['complete']}")
    for client in (anns, bobs):
        client.socket.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:5000")
