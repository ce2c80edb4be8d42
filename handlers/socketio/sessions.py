"""All sessions: their ids, their clocks, and how many there may be."""

import secrets
from collections import Counter
from typing import Protocol

from handlers.running import Running
from handlers.socketio.carriers import Carrier, Handshake, Receiver, WebSocket
from handlers.socketio.deadlines import Deadlines
from handlers.socketio.engine import Limits, Session
from handlers.socketio.framing import POLLING, WEBSOCKET
from handlers.socketio.reasons import (
    PING_TIMEOUT,
    SERVER_STOPS,
    UPGRADE_TIMEOUT,
    forbidden,
    unknown_session,
)

# A connection that nothing is asked on, or half a request, is closed after this or twice that.
IDLE_SECONDS = 60.0


class Endpoint(Protocol):
    """What makes a receiver for each session: Socket.IO, or an application of Engine.IO alone."""

    def admit(self, address_key: str, handshake: Handshake) -> None:
        """Refuse a client before it has a session, by raising a `chat.errors.Refusal`."""

    def open(self, link: Carrier) -> Receiver:
        """Take a new session."""


class Kept(Protocol):
    """A connection that is served past Tornado."""

    def close(self) -> None:
        """Hang up."""

    def close_if_idle(self) -> bool:
        """Hang up if nothing has been answered since the last time; tell whether it was so."""


class Sessions:
    """The sessions of one path, whose heartbeat is one timer for all of them."""

    def __init__(self, endpoint: Endpoint, limits: Limits, running: Running | None = None) -> None:
        self.limits = limits
        # The posts that are carried out; a stop waits for them.
        self.running = running or Running()
        self.probes: Deadlines[Carrier] = Deadlines(limits.upgrade_timeout, _upgrade_timed_out)
        self._idle: Deadlines[Kept] = Deadlines(IDLE_SECONDS, self._look_at)
        self._endpoint = endpoint
        self._kept: set[Kept] = set()
        self._carriers: dict[str, Carrier] = {}
        self._by_address: Counter[str] = Counter()
        self._pings: Deadlines[Carrier] = Deadlines(limits.ping_interval, self._ping)
        self._pongs: Deadlines[Carrier] = Deadlines(limits.ping_timeout, _ping_timed_out)
        # Those that have ended, and whose client has not been told so by a poll yet.
        self._endings: Deadlines[Carrier] = Deadlines(limits.ping_timeout, self._forget)

    def __len__(self) -> int:
        return len(self._carriers)

    def get(self, sid: str) -> Carrier | None:
        """The session of an id, if there is one."""
        return self._carriers.get(sid)

    def find(self, sid: str) -> Carrier:
        """The session of an id; Denied if there is none."""
        carrier = self._carriers.get(sid)
        if carrier is None:
            raise unknown_session()
        return carrier

    def admit(self, address_key: str, handshake: Handshake) -> None:
        """Refuse a session too many, by Denied or what the endpoint says."""
        if self._by_address[address_key] >= self.limits.sessions_per_address:
            raise forbidden("Too many sessions from this address")
        if len(self._carriers) >= self.limits.sessions:
            raise forbidden("Too many sessions")
        self._endpoint.admit(address_key, handshake)

    def open(
        self, address: str, address_key: str, handshake: Handshake, socket: WebSocket | None = None
    ) -> Carrier:
        """Open a session, on a WebSocket if it came by one, else on polling."""
        framing = POLLING if socket is None else WEBSOCKET
        session = Session(secrets.token_urlsafe(15), framing, self.limits)
        carrier = Carrier(self, session, address, address_key, handshake)
        self._carriers[session.sid] = carrier
        self._by_address[address_key] += 1
        if socket is not None:
            carrier.carry_by(socket)
        self._pings.add(carrier)
        carrier.send(framing.text(session.opening()))
        carrier.begin(self._endpoint.open(carrier))
        return carrier

    def heard(self, carrier: Carrier) -> None:
        """A ping was answered, if there was one."""
        if carrier in self._pongs:
            self._pongs.remove(carrier)
            self._pings.add(carrier)

    def quieten(self, carrier: Carrier) -> None:
        """Ask a session for signs of life no more; it may have a last word to take still."""
        self._pings.remove(carrier)
        self._pongs.remove(carrier)
        self._endings.add(carrier)

    def remove(self, carrier: Carrier) -> None:
        """Forget a session; twice does no harm."""
        self._endings.remove(carrier)
        if self._carriers.pop(carrier.session.sid, None) is None:
            return
        self._by_address[carrier.address_key] -= 1
        if not self._by_address[carrier.address_key]:
            del self._by_address[carrier.address_key]

    def close_all(self) -> None:
        """End every session, because the server stops; what comes then is answered by Tornado."""
        for carrier in list(self._carriers.values()):
            carrier.end(SERVER_STOPS)

    def hang_up(self) -> None:
        """Close the connections that clients keep, whatever goes on there."""
        for kept in list(self._kept):
            kept.close()

    def keep(self, kept: Kept) -> None:
        """Know of a connection, to hang up when the server has stopped, or it idles too long."""
        self._kept.add(kept)
        self._idle.add(kept)

    def let_go(self, kept: Kept) -> None:
        """Forget a connection; twice does no harm."""
        self._kept.discard(kept)
        self._idle.remove(kept)

    def _look_at(self, kept: Kept) -> None:
        if not kept.close_if_idle():
            self._idle.add(kept)

    def _ping(self, carrier: Carrier) -> None:
        self._pongs.add(carrier)
        carrier.send(carrier.session.ping())

    def _forget(self, carrier: Carrier) -> None:
        carrier.session.end(SERVER_STOPS)
        self.remove(carrier)


def _ping_timed_out(carrier: Carrier) -> None:
    carrier.end(PING_TIMEOUT)


def _upgrade_timed_out(carrier: Carrier) -> None:
    carrier.give_upgrade_up(UPGRADE_TIMEOUT)
