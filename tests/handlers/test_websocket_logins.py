"""Native sockets: how they are logged in, how many there may be, and when they are closed."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from msgspec.structs import replace

from chat.sessions import TRUST_SECONDS
from handlers import sockets
from models.records import EVERYONE, now
from tests.contract import samples
from tests.handlers.conftest import PASSWORD, Hubbub, Person, Starter
from tests.handlers.sockets import Denied, Gone, bearer, said, welcomed

pytestmark = pytest.mark.gen_test(timeout=60)

PATHS = ("/", "/ws", "/socket")
NO_TOKEN = "no.token.at-all"

# Longer than any test may take.
LONG = 3600.0


def offering(*protocols: str) -> dict[str, str]:
    return {"Sec-WebSocket-Protocol": ", ".join(protocols)}


# Logging in


@pytest.mark.parametrize("path", PATHS)
async def test_a_socket_is_logged_in_by_its_first_frame(hub: Hubbub, path: str) -> None:
    [ann] = await hub.residents("ann")
    socket = await hub.dial(path)
    socket.tell("AUTH", 7, token=ann.token)
    welcome = await welcomed(socket)
    assert await socket.hear("ONLINE_USERS") == {"userIds": [ann.id]}
    assert socket.frames[0]["id"] == 7
    assert (welcome["user"]["id"], welcome["user"]["username"]) == (ann.id, "ann")
    assert (welcome["rooms"], welcome["online"]) == ([], [ann.id])
    assert "password" not in str(welcome).lower()


async def test_frames_behind_the_first_wait_until_it_is_answered(hub: Hubbub) -> None:
    [ann] = await hub.residents("ann")
    first, second = said("AUTH", 1, token=ann.token), said("PRESENCE", 2)
    socket = await hub.dial(behind=first + second)
    await socket.until(lambda: len(socket.frames) == 3)
    kinds = [heard["type"] for heard in socket.frames]
    assert kinds == ["AUTH_SUCCESS", "ONLINE_USERS", "ACK"]


async def test_a_socket_is_logged_in_by_a_header(hub: Hubbub) -> None:
    [ann] = await hub.residents("ann")
    socket = await hub.dial(headers=bearer(ann.token))
    assert (await welcomed(socket))["user"]["id"] == ann.id
    assert await socket.code_of("AUTH", token=ann.token) == "already_authenticated"


async def test_a_socket_is_logged_in_by_a_subprotocol(hub: Hubbub) -> None:
    [ann] = await hub.residents("ann")
    socket = await hub.dial(headers=offering("hubbub", f"bearer.{ann.token}"))
    assert (await welcomed(socket))["user"]["id"] == ann.id
    assert socket.headers["sec-websocket-protocol"] == "hubbub"


async def test_a_subprotocol_of_others_is_not_chosen(hub: Hubbub) -> None:
    socket = await hub.dial(headers=offering("graphql-ws"))
    assert "sec-websocket-protocol" not in socket.headers


@pytest.mark.parametrize("way", ["frame", "header", "subprotocol"])
async def test_a_token_that_is_refused_closes_the_socket(hub: Hubbub, way: str) -> None:
    headers = {
        "frame": {},
        "header": bearer(NO_TOKEN),
        "subprotocol": offering("hubbub", f"bearer.{NO_TOKEN}"),
    }
    socket = await hub.dial(headers=headers[way])
    if way == "frame":
        socket.tell("AUTH", "first", token=NO_TOKEN)
    assert await socket.closed() == 4002
    [answer] = socket.frames
    assert (answer["type"], answer["payload"]["code"]) == ("AUTH_ERROR", "invalid_token")
    assert answer.get("id") == ("first" if way == "frame" else None)
    assert len(hub.services.sockets) == 0


async def test_tokens_of_those_who_may_not_come_in_are_refused(hub: Hubbub) -> None:
    ann, bob, cat = await hub.residents("ann", "bob", "cat")
    users, sessions = hub.core.store.users, hub.core.store.sessions
    await hub.core.disk.run(users.change, ann.id, disabled=True)
    await hub.core.disk.run(sessions.end_all, bob.id)
    late = samples.session(cat.id, expires=now() - timedelta(seconds=1))
    await hub.core.disk.run(sessions.add, late)
    expired = hub.core.sessions._tokens.sign(late, now() - timedelta(hours=1))
    for token, code in (
        (ann.token, "account_disabled"),
        (bob.token, "invalid_token"),
        (expired, "token_expired"),
        (cat.token[:-2] + ("AA" if cat.token[-2:] != "AA" else "BB"), "invalid_token"),
        ("", "invalid_token"),
        ("a" * 60_000, "invalid_token"),
    ):
        socket = await hub.dial()
        socket.tell("AUTH", token=token)
        assert (await socket.hear("AUTH_ERROR"))["code"] == code
        assert await socket.closed() == 4002


async def test_a_socket_that_nobody_logs_in_is_closed(start: Starter) -> None:
    hub = start(authentication_timeout=0.2)
    socket = await hub.dial()
    assert await socket.closed() == 4001
    assert socket.frames == []
    assert len(hub.services.sockets) == 0


async def test_whoever_is_logged_in_has_all_the_time(start: Starter) -> None:
    hub = start(authentication_timeout=0.2)
    [ann] = await hub.residents("ann")
    socket, nobody = await hub.socket(ann), await hub.dial()
    assert await nobody.closed() == 4001
    assert await socket.code_of("PRESENCE") == "ok"


async def test_only_pages_of_listed_origins_and_our_own_connect(start: Starter) -> None:
    hub = start(client_url=("https://app.example",))
    own = f"http://127.0.0.1:{hub.port}"
    for origin in ("https://app.example", own):
        assert (await hub.dial(headers={"Origin": origin})).status == 101
    for origin in ("https://evil.example", "null", f"{own}.evil.example", "https://app.example.x"):
        with pytest.raises(Denied) as denied:
            await hub.dial(headers={"Origin": origin, "Authorization": "Bearer x"})
        assert denied.value.status == 403


async def test_other_paths_have_no_socket(hub: Hubbub) -> None:
    for path in ("/health", "/api/rooms", "/ws/", "/nothing"):
        with pytest.raises(Denied):
            await hub.dial(path)
    assert (await hub.get("/ws")).status == 404


# Caps


async def test_a_user_has_so_many_sockets(start: Starter) -> None:
    hub = start(rate_limits=True, sockets_per_user=2)
    ann, bob = await hub.residents("ann", "bob")
    first, _ = await hub.socket(ann), await hub.socket(ann)
    third = await hub.dial(headers=bearer(ann.token))
    refusal = await third.hear("AUTH_ERROR")
    assert (refusal["code"], refusal["retryAfter"]) == ("too_many_sockets", 30)
    assert await third.closed() == 4004
    await hub.socket(bob)
    first.close()
    await first.closed()
    await hub.socket(ann)


async def test_an_address_has_so_many_sockets(start: Starter) -> None:
    hub = start(rate_limits=True, sockets_per_address=2)
    first, _ = await hub.dial(), await hub.dial()
    with pytest.raises(Denied) as denied:
        await hub.dial()
    assert denied.value.status == 503
    refused = await hub.get("/ws", headers=dict.fromkeys(("Upgrade",), "websocket"))
    assert (refused.status, refused.code) == (503, "too_many_sockets")
    assert (refused.json["retryAfter"], refused.headers["Retry-After"]) == (30, "30")
    first.close()
    await first.closed()
    await hub.dial()


async def test_so_many_sockets_may_be_open_that_nobody_has_logged_in(start: Starter) -> None:
    hub = start(rate_limits=True, sockets_unauthenticated=1)
    [ann] = await hub.residents("ann")
    first = await hub.dial()
    with pytest.raises(Denied) as denied:
        await hub.dial(headers=bearer(ann.token))
    assert denied.value.status == 503
    first.tell("AUTH", token=ann.token)
    await welcomed(first)
    await hub.dial()


async def test_an_address_tries_so_many_tokens(start: Starter) -> None:
    hub = start(rate_limits=True)
    codes = set()
    while 4004 not in codes:
        socket = await hub.dial(headers=bearer(NO_TOKEN))
        codes.add(await socket.closed())
    assert socket.frames[0]["payload"]["code"] == "rate_limited"
    assert codes == {4002, 4004}


async def test_whoever_tries_bad_tokens_keeps_nobody_out_behind_the_same_address(
    start: Starter,
) -> None:
    hub = start(rate_limits=True)
    [ann] = await hub.residents("ann")
    code = 0
    while code != 4004:
        code = await (await hub.dial(headers=bearer(NO_TOKEN))).closed()
    await welcomed(await hub.dial(headers=bearer(ann.token)))


async def test_so_many_times_at_once_somebody_comes_and_goes(start: Starter) -> None:
    hub = start(rate_limits=True)
    ann, bob = await hub.residents("ann", "bob")
    code = 0
    while code != 4004:
        socket = await hub.dial(headers=bearer(ann.token))
        with suppress(Gone):
            await socket.caught_up()
        socket.close()
        code = await socket.closed()
    await welcomed(await hub.dial(headers=bearer(bob.token)))


async def test_messages_and_commands_have_rates_of_their_own(start: Starter) -> None:
    hub = start(rate_limits=True, message_burst=2, message_rate=1, command_burst=3, command_rate=1)
    [ann] = await hub.residents("ann")
    socket = await hub.socket(ann)
    send = {"roomId": EVERYONE, "content": "x"}
    codes = [await socket.code_of("SEND_MESSAGE", **send) for _ in range(3)]
    assert codes == ["ok", "ok", "rate_limited"]
    assert [await socket.code_of("PRESENCE") for _ in range(4)] == ["ok"] * 3 + ["rate_limited"]


# The end of a login


async def log_out(hub: Hubbub, ann: Person) -> None:
    await hub.post("/api/auth/logout", token=ann.token)


async def log_out_everywhere(hub: Hubbub, ann: Person) -> None:
    await hub.post("/api/auth/logout-all", token=ann.token)


async def change_password(hub: Hubbub, ann: Person) -> None:
    body = {"currentPassword": PASSWORD, "newPassword": "another horse 43"}
    assert (await hub.post("/api/auth/password", body, token=ann.token)).status == 200


async def delete_account(hub: Hubbub, ann: Person) -> None:
    body = {"password": PASSWORD}
    answer = await hub.call("DELETE", "/api/auth/me", body, token=ann.token)
    assert answer.status == 200, answer.body


async def be_disabled(hub: Hubbub, ann: Person) -> None:
    await hub.core.administration.disable(ann.id)


async def be_ended_elsewhere(hub: Hubbub, ann: Person) -> None:
    session = hub.core.sessions._tokens.read(ann.token).session
    await hub.core.disk.run(hub.core.store.sessions.end, session)


async def be_disabled_elsewhere(hub: Hubbub, ann: Person) -> None:
    await hub.core.disk.run(hub.core.store.users.change, ann.id, disabled=True)


@pytest.mark.parametrize(
    "end",
    [
        log_out, log_out_everywhere, change_password, delete_account, be_disabled,
        be_ended_elsewhere, be_disabled_elsewhere,
    ],
)  # fmt: skip
async def test_a_login_that_ends_closes_its_sockets(
    hub: Hubbub, end: Callable[[Hubbub, Person], Awaitable[None]]
) -> None:
    bob, ann = await hub.person("bob"), await hub.person("ann")
    theirs = [await hub.socket(ann), await hub.socket(ann)]
    other = await hub.socket(bob)
    await end(hub, ann)
    assert [await socket.closed() for socket in theirs] == [4003, 4003]
    heard = [len(socket.frames) for socket in theirs]
    assert await other.code_of("SEND_MESSAGE", roomId=EVERYONE, content="are you there?") == "ok"
    assert [len(socket.frames) for socket in theirs] == heard
    assert not hub.core.hub.is_connected(ann.id)
    assert len(hub.services.sockets) == 1


def test_the_end_of_a_login_is_noticed_within_a_second() -> None:
    assert TRUST_SECONDS + sockets.WATCH_SECONDS < 1


async def test_only_the_login_that_ends_loses_its_sockets(hub: Hubbub) -> None:
    [ann] = await hub.residents("ann")
    [user] = await hub.core.people.users([ann.id])
    other = Person(ann.id, "ann", await hub.login(user))
    one, two = await hub.socket(ann), await hub.socket(other)
    await log_out(hub, ann)
    assert await one.closed() == 4003
    assert await two.code_of("PRESENCE") == "ok"


async def test_a_login_that_expires_closes_its_sockets(
    start: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "WATCH_SECONDS", 0.05)
    hub = start()
    [ann] = await hub.residents("ann")
    session = samples.session(ann.id, expires=now() + timedelta(hours=1))
    token = hub.core.sessions._tokens.sign(session, now())
    soon = replace(session, expires=now() + timedelta(seconds=1.5))
    await hub.core.disk.run(hub.core.store.sessions.add, soon)
    socket = await hub.socket(Person(ann.id, "ann", token))
    assert await socket.closed() == 4003


async def test_a_stop_says_goodbye(start: Starter) -> None:
    hub = start()
    [ann] = await hub.residents("ann")
    socket = await hub.socket(ann)
    hub.services.sockets.close_all()
    assert await socket.closed() == 1001
