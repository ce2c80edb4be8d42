"""What the handlers are given to work with."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from chat.accounts import Accounts
from chat.attachments import Attachments
from chat.chat import Chat
from chat.conversations import Conversations
from chat.directory import Administration, Directory
from chat.guests import Guests
from chat.hub import Hub
from chat.keyed_calls import KeyedCalls
from chat.limits import Limits
from chat.membership import Memberships
from chat.people import People
from chat.presence import Presence
from chat.reading import Reading
from chat.resumable import Resumable
from chat.search import Searching
from chat.sessions import Sessions
from chat.typing import Typing
from chat.uploads import Uploads
from handlers.addresses import Network
from handlers.loop_delay import LoopDelay
from handlers.origins import Origins
from handlers.running import Running
from handlers.socketio.engine import Limits as EngineLimits
from handlers.sockets import SocketLimits, Sockets


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The core, and the few values that the edge needs besides."""

    accounts: Accounts
    attachments: Attachments
    administration: Administration
    directory: Directory
    sessions: Sessions
    chat: Chat
    conversations: Conversations
    guests: Guests
    keyed_calls: KeyedCalls
    hub: Hub
    limits: Limits
    memberships: Memberships
    people: People
    presence: Presence
    reading: Reading
    searching: Searching
    resumable: Resumable
    sockets: Sockets
    socket_limits: SocketLimits
    engine_limits: EngineLimits
    typing: Typing
    uploads: Uploads
    upload_timeout: float
    ping: Callable[[], Awaitable[None]]
    origins: Origins
    proxies: tuple[Network, ...]
    body_limit: int
    static_dir: Path
    metrics_token: str = ""
    # Makes the page of numbers; given by whoever put the registry together.
    metrics: Callable[[], bytes] = bytes
    answers: Counter[int] = field(default_factory=Counter)
    loop_delay: LoopDelay = field(default_factory=LoopDelay)
    rejections: Counter[str] = field(default_factory=Counter)
    running: Running = field(default_factory=Running)
