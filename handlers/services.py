"""What the handlers are given to work with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from chat.accounts import Accounts
from chat.directory import Administration, Directory
from chat.sessions import Sessions
from handlers.addresses import Network
from handlers.origins import Origins
from handlers.running import Running


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The core, and the few values that the edge needs besides."""

    accounts: Accounts
    administration: Administration
    directory: Directory
    sessions: Sessions
    is_online: Callable[[str], bool]
    ping: Callable[[], Awaitable[None]]
    origins: Origins
    proxies: tuple[Network, ...]
    body_limit: int
    static_dir: Path
    running: Running = field(default_factory=Running)
