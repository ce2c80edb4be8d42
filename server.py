"""Hubbub: the only wiring point (settings → store → core → application), and the command line.

python server.py [--port 8000 …]                    serve
python server.py users list                         look at the accounts
python server.py uploads check [--repair]           compare records of uploads and files
python server.py users disable|enable|promote|demote|password NAME
"""

import asyncio
import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, generate_latest
from tornado.netutil import bind_sockets

from chat.accounts import Accounts
from chat.attachments import Attachments
from chat.chat import Chat
from chat.checking import Check
from chat.content import refused_types
from chat.conversations import Conversations
from chat.core import Core
from chat.directory import Administration, Directory
from chat.drafts import UploadRules
from chat.errors import Refusal
from chat.guests import Guests
from chat.hub import Hub
from chat.keyed_calls import KeyedCalls
from chat.last_seen import LastSeen
from chat.limits import Limits, Rule
from chat.links import Links
from chat.membership import Memberships
from chat.passwords import Hasher, PasswordRules, read_common_passwords
from chat.people import People
from chat.presence import Presence
from chat.reading import Reading
from chat.resumable import Resumable
from chat.rooms import Rooms
from chat.search import Searching
from chat.sessions import Sessions
from chat.tokens import Tokens, kept_secret
from chat.uploads import Uploads
from conf import kinds
from conf.command_line import SERVE, parse
from conf.settings import Settings, SettingsError
from handlers import logs
from handlers.application import make_application
from handlers.console import (
    UPLOADS_COMMAND,
    USERS_COMMAND,
    Console,
    add_uploads_command,
    add_users_command,
    check_uploads,
)
from handlers.listening import make_server, raise_descriptors
from handlers.metrics import Metrics
from handlers.origins import Origins
from handlers.services import Services
from handlers.socketio.engine import Limits as EngineLimits
from handlers.sockets import Caps, SocketLimits, Sockets
from models.choice import choose_store
from models.disk import Disk
from models.files import Files
from models.partials import Partials
from models.pictures import Workshop
from models.store import Malformed, Store, StoreError, Unavailable, Unusable

log = logging.getLogger("hubbub")

ROOT = Path(__file__).parent

# A stop takes ten seconds at most: these, and then the four that one call to a store may take.
DRAIN_SECONDS = 5.0

# Python looks for rings of dead objects whenever 700 new ones are there, and a message that waits
# for its commit is some ten: that was a fifth of what the loop does for it.
COLLECT_AT = 10_000

# What may be asked for instead of serving.
COMMANDS = {USERS_COMMAND: add_users_command, UPLOADS_COMMAND: add_uploads_command}


def build_core(settings: Settings, store: Store, secret: str) -> Core:
    """Put the core together."""
    disk = Disk()
    hasher = Hasher(settings.bcrypt_rounds)
    rules = PasswordRules(settings.password_min, read_common_passwords())
    limits = Limits(enabled=settings.rate_limits)
    sessions = Sessions(store, disk, Tokens(secret), settings.token_ttl)
    administration = Administration(store, disk, sessions)
    accounts = Accounts(store, disk, sessions, administration, hasher, rules, limits)
    people, hub, rooms = People(store, disk), Hub(), Rooms(store, disk)
    last_seen = LastSeen(store, disk)
    links = Links(secret, settings.link_ttl, settings.public_url)
    attachments = Attachments(store, disk, links)
    uploads = build_uploads(settings, store, disk, attachments, limits)
    accounts.portray, accounts.release = uploads.portray, uploads.release_quietly
    memberships = Memberships(
        store,
        disk,
        rooms,
        people,
        hub,
        attachments=attachments,
        max_members=settings.members_per_room,
        max_rooms=settings.rooms_per_user,
    )
    chat = Chat(
        store,
        disk,
        rooms,
        people,
        hub,
        memberships.direct_rooms,
        attachments,
        settings.edit_window,
        settings.journal_queue,
    )
    return Core(
        store=store,
        disk=disk,
        hasher=hasher,
        sessions=sessions,
        administration=administration,
        accounts=accounts,
        directory=Directory(store, disk),
        limits=limits,
        people=people,
        rooms=rooms,
        hub=hub,
        presence=Presence(
            hub, people, settings.presence_grace, memberships.neighbours, last_seen.note
        ),
        last_seen=last_seen,
        typing=chat.typing,
        memberships=memberships,
        chat=chat,
        reading=Reading(store, disk, rooms, people, attachments, chat.hints),
        searching=Searching(store, disk, rooms, people, attachments, limits),
        conversations=Conversations(store, disk, rooms, people, attachments),
        guests=Guests(store, disk, sessions, limits, is_open=settings.open_mode),
        attachments=attachments,
        uploads=uploads,
        resumable=Resumable(uploads, Partials(uploads.files.resumable), settings.resumable_ttl),
        keyed_calls=KeyedCalls(
            store,
            disk,
            limits,
            secret,
            ttl=settings.idempotency_ttl,
            max_per_owner=settings.idempotency_keys,
        ),
    )


def build_uploads(
    settings: Settings, store: Store, disk: Disk, attachments: Attachments, limits: Limits
) -> Uploads:
    """Put together what handles files."""
    workers = settings.image_workers
    workshop = Workshop(pixels=settings.image_pixels, frames=settings.image_frames, workers=workers)
    rules = UploadRules(
        image_bytes=settings.image_limit,
        file_bytes=settings.upload_limit,
        quota=settings.upload_quota,
        per_minute=settings.uploads_per_minute,
        refused=refused_types(settings.refused_types),
    )
    files = Files(settings.upload_dir)
    uploads = Uploads(store, disk, files, workshop, attachments, limits, rules, workers=workers)
    attachments.release = uploads.release_quietly
    return uploads


def build_services(settings: Settings, core: Core) -> Services:
    """Give the edge what it works with."""
    registry = CollectorRegistry()
    services = Services(
        accounts=core.accounts,
        administration=core.administration,
        directory=core.directory,
        sessions=core.sessions,
        limits=core.limits,
        people=core.people,
        hub=core.hub,
        presence=core.presence,
        socket_limits=socket_limits(settings),
        typing=core.typing,
        uploads=core.uploads,
        upload_timeout=settings.upload_timeout,
        attachments=core.attachments,
        memberships=core.memberships,
        chat=core.chat,
        reading=core.reading,
        searching=core.searching,
        conversations=core.conversations,
        guests=core.guests,
        keyed_calls=core.keyed_calls,
        engine_limits=engine_limits(settings),
        resumable=core.resumable,
        sockets=Sockets(core.sessions, caps(settings)),
        ping=partial(core.disk.run, core.store.ping),
        origins=Origins(settings.client_url),
        proxies=settings.trusted_proxies,
        body_limit=settings.body_limit,
        static_dir=ROOT / "static",
        metrics_token=settings.metrics_token,
        metrics=partial(generate_latest, registry),
    )
    registry.register(Metrics(services, core.rooms, core.chat.journal))
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    core.sessions.on_end = services.sockets.close_sessions
    core.sessions.on_change = core.people.forget
    return services


def caps(settings: Settings) -> Caps | None:
    """How many sockets there may be; without limits on rates, as many as come."""
    if not settings.rate_limits:
        return None
    return Caps(
        per_user=settings.sockets_per_user,
        per_address=settings.sockets_per_address,
        unauthenticated=settings.sockets_unauthenticated,
    )


def socket_limits(settings: Settings) -> SocketLimits:
    """What one socket may do."""
    return SocketLimits(
        frame_bytes=settings.frame_limit,
        waiting_bytes=settings.socket_backlog,
        authentication_seconds=settings.authentication_timeout,
        authentications=Rule("authenticate", burst=60, per_second=2),
        messages=Rule("message", settings.message_burst, settings.message_rate),
        commands=Rule("command", settings.command_burst, settings.command_rate),
    )


def engine_limits(settings: Settings) -> EngineLimits:
    """What one session of Socket.IO may do."""
    usual = EngineLimits()
    return replace(
        usual,
        max_payload=max(usual.max_payload, settings.frame_limit),
        waiting_bytes=settings.socket_backlog,
        connect_timeout=settings.authentication_timeout,
        sessions_per_address=(
            settings.sockets_per_address if settings.rate_limits else usual.sessions
        ),
    )


async def serve(settings: Settings, store: Store, secret: str) -> None:
    """Serve until a signal says that it is enough."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    core = build_core(settings, store, secret)
    try:
        opening = asyncio.create_task(core.open_store(settings.mongodb_wait))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({opening, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if opening.done():
            await opening
            await core.open()
            gc.freeze()
            gc.set_threshold(COLLECT_AT)
            await listen(settings, core, stop)
        opening.cancel()
        stopping.cancel()
    finally:
        core.close()


async def listen(settings: Settings, core: Core, stop: asyncio.Event) -> None:
    """Accept connections until the event is set, and then finish what runs."""
    services = build_services(settings, core)
    raise_descriptors()
    application = make_application(services)
    server = make_server(application, settings.body_timeout)
    sockets = bound_sockets(settings.host, settings.port)
    server.add_sockets(sockets)
    tending = (*core.tending(), services.sockets.keep(), services.loop_delay.keep())
    tasks = [asyncio.create_task(work) for work in tending]
    announce(settings, sockets)
    await stop.wait()
    log.info("stopping")
    server.stop()
    for task in tasks:
        task.cancel()
    services.sockets.close_all()
    application.end_sessions()
    unfinished = await services.running.drained(DRAIN_SECONDS)
    if unfinished:
        log.warning("%d requests were not finished", unfinished)
    await core.finish()
    application.hang_up()
    await server.close_all_connections()


def announce(settings: Settings, sockets: Sequence[socket.socket]) -> None:
    """Say where it listens, and who may come."""
    if settings.open_mode:
        log.warning(
            "OPEN_MODE is on: whoever can reach this server may be anybody who has no password, "
            "and read what they were told"
        )
    host, port = sockets[0].getsockname()[:2]
    where = "MongoDB" if settings.mongodb_uri else f"SQLite in {settings.data_dir}"
    log.info("listening on http://%s:%d, keeping everything in %s", host, port, where)


def bound_sockets(host: str, port: int) -> list[socket.socket]:
    """Take the address to listen on."""
    try:
        return bind_sockets(port, host)
    except OSError as error:
        raise SettingsError(f"cannot listen on {host}:{port}: {error.strerror}") from None


async def run_check(settings: Settings, store: Store, *, repair: bool) -> bool:
    """Compare the records of uploads with their files; tell whether all is well now."""
    core = build_core(settings, store, secret="")
    try:
        await core.disk.run(store.open)
        return await check_uploads(Check(store, core.disk, core.uploads), repair=repair)
    finally:
        core.close()


async def run_console(settings: Settings, store: Store, action: str, name: str) -> None:
    """Carry out a command about accounts."""
    # The console signs no tokens, so it needs no key.
    core = build_core(settings, store, secret="")
    try:
        await core.disk.run(store.open)
        await Console(core.accounts, core.administration, core.directory).run(action, name)
    finally:
        core.close()


def signing_secret(settings: Settings) -> str:
    """The key that signs tokens: the one that was set, or the one that is kept."""
    if settings.jwt_secret:
        return settings.jwt_secret
    try:
        return kinds.secret(kept_secret(settings.data_dir))
    except ValueError as error:
        raise SettingsError(f"{settings.data_dir / 'secret'}: {error}") from None


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The event loop of uvloop where it is installed, which is wherever it runs."""
    with suppress(ImportError):
        import uvloop

        return uvloop.new_event_loop
    return None


def main(argv: Sequence[str]) -> int:
    """Run the command line and return its exit status."""
    try:
        arguments, settings = parse(argv, COMMANDS)
        logs.configure(settings.log_level, settings.log_format)
        console = arguments.command != SERVE
        store = choose_store(
            settings.mongodb_uri, settings.data_dir, guest=console, timeout=settings.store_timeout
        )
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            if arguments.command == UPLOADS_COMMAND:
                right = runner.run(run_check(settings, store, repair=arguments.repair))
                return 0 if right else 1
            if console:
                name = getattr(arguments, "name", "")
                runner.run(run_console(settings, store, arguments.action, name))
            else:
                runner.run(serve(settings, store, signing_secret(settings)))
    except SettingsError as error:
        return failed(str(error), 2)
    except Refusal as error:
        return failed(error.message, 1)
    except Malformed as error:
        return failed(str(error), 2)
    except Unavailable as error:
        return failed(f"the store does not answer: {error}", 1)
    except (Unusable, StoreError, OSError) as error:
        return failed(str(error), 1)
    except KeyboardInterrupt:
        return 130
    return 0


def failed(reason: str, status: int) -> int:
    """Say in one line why nothing was done."""
    sys.stderr.write(f"hubbub: {logs.escaped(reason)}\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
