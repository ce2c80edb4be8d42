"""Hubbub: the only wiring point (settings → store → core → application), and the command line.

python server.py [--port 8000 …]                    serve
python server.py users list                         look at the accounts
python server.py uploads check [--repair]           compare records of uploads and files
python server.py users disable|enable|promote|demote|password NAME
"""

import argparse
import asyncio
import logging
import os
import re
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, generate_latest
from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream
from tornado.netutil import bind_sockets

from chat.accounts import Accounts
from chat.attachments import Attachments
from chat.chat import Chat
from chat.checking import Check
from chat.content import refused_types
from chat.conversations import Conversations
from chat.directory import Administration, Directory
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
from chat.typing import Typing
from chat.uploads import UploadRules, Uploads
from conf import kinds
from conf.settings import Settings, SettingsError, add_flags, chosen_flags, load
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

# A request's headers come at once or never; a connection that waits for its next request counts as
# waiting for headers, and any client opens another when it is gone.
HEADER_SECONDS = 10
MAX_HEADER_BYTES = 16 * 1024

# Bodies are bounded by their handlers, which can say why; Tornado would only hang up.
NO_BODY_LIMIT = 1 << 40
BUFFER_BYTES = 1024 * 1024
CHUNK_BYTES = 64 * 1024

# A stop takes ten seconds at most: these, and then the four that one call to a store may take.
DRAIN_SECONDS = 5.0

# For the store, the log and what else a process opens while it serves.
SPARE_DESCRIPTORS = 32
MAX_DESCRIPTORS = 200_000

SWEEP_SECONDS = 3600.0
RETRY_SECONDS = 1.0


_ADDRESS = re.compile(r"\S*://\S*")


class Parser(argparse.ArgumentParser):
    """A command line whose errors are one line, as those of settings are."""

    def error(self, message: str) -> NoReturn:
        """Refuse what was typed, without repeating an address that may hold a password."""
        raise SettingsError(_ADDRESS.sub("…", message))


@dataclass(frozen=True, slots=True)
class Core:
    """The parts that outlive a request, put together."""

    store: Store
    disk: Disk
    hasher: Hasher
    sessions: Sessions
    administration: Administration
    accounts: Accounts
    directory: Directory
    limits: Limits
    people: People
    rooms: Rooms
    hub: Hub
    presence: Presence
    last_seen: LastSeen
    typing: Typing
    memberships: Memberships
    chat: Chat
    reading: Reading
    searching: Searching
    conversations: Conversations
    guests: Guests
    attachments: Attachments
    uploads: Uploads
    resumable: Resumable
    keyed_calls: KeyedCalls

    def close(self) -> None:
        """Finish what the threads are doing, and then close the store under them."""
        self.uploads.close()
        self.hasher.close()
        self.disk.close()
        self.store.close()


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
        typing=Typing(hub, people),
        memberships=memberships,
        chat=Chat(
            store,
            disk,
            rooms,
            people,
            hub,
            memberships,
            attachments,
            settings.edit_window,
            settings.journal_queue,
        ),
        reading=Reading(store, disk, rooms, people, attachments),
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
    caps = Caps(
        per_user=settings.sockets_per_user,
        per_address=settings.sockets_per_address,
        unauthenticated=settings.sockets_unauthenticated,
    )
    socket_limits = SocketLimits(
        frame_bytes=settings.frame_limit,
        waiting_bytes=settings.socket_backlog,
        authentication_seconds=settings.authentication_timeout,
        authentications=Rule("authenticate", burst=60, per_second=2),
        messages=Rule("message", settings.message_burst, settings.message_rate),
        commands=Rule("command", settings.command_burst, settings.command_rate),
    )
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
        socket_limits=socket_limits,
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
        sockets=Sockets(core.sessions, caps if settings.rate_limits else None),
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
        opening = asyncio.create_task(open_store(core, settings.mongodb_wait))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({opening, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if opening.done():
            await opening
            await core.uploads.open()
            await core.resumable.open()
            await core.chat.hints.find()
            await listen(settings, core, stop)
        opening.cancel()
        stopping.cancel()
    finally:
        core.close()


async def open_store(core: Core, wait: float) -> None:
    """Open the store, and be patient for a while with one that is not there yet."""
    deadline = time.monotonic() + wait
    while True:
        try:
            await core.disk.run(core.store.open)
        except Unavailable as error:
            if time.monotonic() >= deadline:
                raise
            log.warning("the store does not answer (%s); trying again", error)
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return


async def listen(settings: Settings, core: Core, stop: asyncio.Event) -> None:
    """Accept connections until the event is set, and then finish what runs."""
    services = build_services(settings, core)
    raise_descriptors()
    application = make_application(services)
    server = Server(
        application,
        idle_connection_timeout=HEADER_SECONDS,
        body_timeout=settings.body_timeout,
        max_header_size=MAX_HEADER_BYTES,
        max_body_size=NO_BODY_LIMIT,
        max_buffer_size=BUFFER_BYTES,
        chunk_size=CHUNK_BYTES,
    )
    sockets = bound_sockets(settings.host, settings.port)
    server.add_sockets(sockets)
    tending = (
        sweep(core),
        services.sockets.keep(),
        core.chat.hints.keep(),
        services.loop_delay.keep(),
        core.last_seen.keep(),
        core.rooms.keep(),
        core.resumable.keep(),
    )
    tasks = [asyncio.create_task(work) for work in tending]
    if settings.open_mode:
        log.warning(
            "OPEN_MODE is on: whoever can reach this server may be anybody who has no password, "
            "and read what they were told"
        )
    host, port = sockets[0].getsockname()[:2]
    where = "MongoDB" if settings.mongodb_uri else f"SQLite in {settings.data_dir}"
    log.info("listening on http://%s:%d, keeping everything in %s", host, port, where)
    await stop.wait()
    log.info("stopping")
    server.stop()
    for task in tasks:
        task.cancel()
    services.sockets.close_all()
    application.hang_up()
    unfinished = await services.running.drained(DRAIN_SECONDS)
    if unfinished:
        log.warning("%d requests were not finished", unfinished)
    core.rooms.save_all()
    await core.chat.journal.close()
    await asyncio.gather(core.chat.hints.write(), core.last_seen.write())
    core.presence.close()
    core.memberships.close()
    core.typing.close()
    await server.close_all_connections()


class Server(HTTPServer):
    """Tornado's server, which hangs up while it still can.

    With no descriptor left, accepting fails over and over, and so does whatever opens a file. The
    kernel gives the smallest number that is free, so a large one says that nearly all are in use.
    """

    def handle_stream(self, stream: IOStream, address: tuple[str, ...]) -> Any:
        """Take a connection, unless it is one too many."""
        if stream.socket.fileno() >= descriptors() - SPARE_DESCRIPTORS:
            stream.close()
            return None
        return super().handle_stream(stream, address)


def descriptors() -> int:
    """How many descriptors this process may have."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def raise_descriptors() -> None:
    """Take as many descriptors as may be had: each socket needs one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Without a bound, some systems take the number but not the sense of it.
    wanted = MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MAX_DESCRIPTORS)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(descriptors(), wanted), hard))


def bound_sockets(host: str, port: int) -> list[socket.socket]:
    """Take the address to listen on."""
    try:
        return bind_sockets(port, host)
    except OSError as error:
        raise SettingsError(f"cannot listen on {host}:{port}: {error.strerror}") from None


async def sweep(core: Core) -> None:
    """Forget expired logins and keys, now and then."""
    while True:
        try:
            await core.sessions.sweep()
            await core.keyed_calls.sweep()
        except StoreError as error:
            log.warning("could not forget what has expired: %s", error)
        await asyncio.sleep(SWEEP_SECONDS)


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


def parse(argv: Sequence[str]) -> tuple[argparse.Namespace, Settings]:
    """Read the command line and settle the settings."""
    flags = Parser(add_help=False)
    add_flags(flags)
    parser = Parser(
        prog="server.py",
        description="A chat backend.",
        epilog=f"Also: server.py {USERS_COMMAND} --help; server.py {UPLOADS_COMMAND} --help",
        parents=[flags],
        allow_abbrev=False,
    )
    parser.set_defaults(command="serve")
    # Only where it is asked for: a command that may be left out makes poor errors of bad flags.
    if not {USERS_COMMAND, UPLOADS_COMMAND}.isdisjoint(argv):
        commands = parser.add_subparsers(dest="command", parser_class=Parser, metavar="COMMAND")
        add_users_command(commands, flags)
        add_uploads_command(commands, flags)
    arguments = parser.parse_args(argv)
    return arguments, load(chosen_flags(arguments), os.environ, Path(".env"))


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
        arguments, settings = parse(argv)
        logs.configure(settings.log_level, settings.log_format)
        console = arguments.command != "serve"
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
