"""Who comes by a socket: what must hold before somebody may use it."""

from chat.sessions import Identity
from handlers.services import Services


async def require_identity(services: Services, token: str, address_key: str) -> Identity:
    """Find out who is behind the token of a socket, or refuse; and one too many of theirs."""
    services.limits.take(services.socket_limits.authentications, address_key)
    identity = await services.sessions.identify(token)
    require_few_sockets(services, identity)
    return identity


def require_few_sockets(services: Services, identity: Identity) -> None:
    """Refuse one socket too many of somebody."""
    services.sockets.admit_user(len(services.hub.of_user(identity.user.id)))
