"""Who comes by a socket: how they say who they are, and what must hold before they may use it."""

from collections.abc import Mapping

from chat.errors import Unauthenticated
from chat.sessions import Identity
from handlers.services import Services

# A page cannot set headers on a socket, but it can ask for subprotocols: this one is chosen, and
# one that begins so carries the token.
SUBPROTOCOL = "hubbub"
TOKEN_PROTOCOL = "bearer."  # noqa: S105 - a prefix


def handshake_token(headers: Mapping[str, str]) -> str | None:
    """The token that the handshake of a native socket brings, if it does."""
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    wanted = headers.get("Sec-WebSocket-Protocol", "").split(",")
    return next(
        (
            name.strip().removeprefix(TOKEN_PROTOCOL)
            for name in wanted
            if name.strip().startswith(TOKEN_PROTOCOL)
        ),
        None,
    )


async def require_identity(services: Services, token: str, address_key: str) -> Identity:
    """Find out who is behind the token of a socket, or refuse; and one too many of theirs."""
    rule = services.socket_limits.authentications
    try:
        identity = await services.sessions.identify(token)
    except Unauthenticated:
        # Old pages try a refused token every second, for ever: that holds back whoever else has
        # none, but nobody with a good one, as all behind one address have behind a restart.
        services.limits.take(rule, address_key)
        raise
    services.limits.take(rule, identity.user.id)
    require_few_sockets(services, identity)
    return identity


def require_few_sockets(services: Services, identity: Identity) -> None:
    """Refuse one socket too many of somebody."""
    services.sockets.admit_user(len(services.hub.of_user(identity.user.id)))
