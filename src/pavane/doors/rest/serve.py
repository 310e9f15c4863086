"""Answers HTTP until told to stop; signals belong to the command, not to the HTTP server."""

from __future__ import annotations

import errno
import ipaddress
import socket
from asyncio import Event, create_task, get_running_loop
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Protocol

import uvicorn
from starlette.types import Receive, Scope, Send

from pavane.doors.rest.files import raise_limit
from pavane.doors.rest.guard import KEPT_FILES, LEAST, Connection, Patience, Watch
from pavane.doors.rest.tls import Tls
from pavane.errors import PavaneError, UsageError

GRACE_S = 10
BACKLOG = 4096  # the system may allow less
_TICKS = 10  # of uvicorn, 0.1 s each, between two looks at the connections


class PortError(PavaneError):
    """The port cannot be listened on."""

    code = "port"


class Application(Protocol):
    """What is served: an ASGI application that can be told to let waiting requests end."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...
    def stop(self) -> None: ...


def address_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address that `--host` names; UsageError where it names none."""
    try:
        return ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError as error:
        raise UsageError(
            f"'{host}' is no address of this machine.", "Use 127.0.0.1, or 0.0.0.0 for all."
        ) from error


def listen(host: str, port: int, *, locked: bool) -> socket.socket:
    """A listening socket; PortError where it is taken, UsageError beyond loopback if not locked."""
    ip = address_of(host)
    if not ip.is_loopback and not locked:
        raise UsageError(
            f"Listening on {host} would be open to others, and nobody is asked for a key.",
            "Use 127.0.0.1, or --auth required.",
        )
    family = socket.AF_INET6 if ip.version == 6 else socket.AF_INET
    # With the protocol named, asyncio sends each answer at once (TCP_NODELAY). Without, the second
    # packet of an answer waits for an acknowledgement of the first: 40 ms for each on Linux.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((str(ip), port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {error}"
        raise PortError(
            f"Port {port} on {host} {why}.", "Choose another with --port, or 0 for any."
        ) from error
    return listening


def url_of(listening: socket.socket, *, secure: bool = False) -> str:
    """Where clients reach the socket."""
    host, port = listening.getsockname()[:2]
    scheme = "https" if secure else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


async def serve(
    app: Application,
    listening: socket.socket,
    stop: Event,
    on_ready: Callable[[], None],
    tls: Tls | None = None,
    patience: Patience | None = None,
) -> None:
    """Answer requests until `stop` is set; those under way get GRACE_S seconds to end.

    The process may open as many files from now on as the system lets it. `patience`: with slow
    clients; by default as many connections are taken as there are files, but for KEPT_FILES.
    """
    limit = raise_limit()
    patience = patience or Patience()
    if limit:
        most = min(patience.connections, max(LEAST, limit - KEPT_FILES))
        patience = patience._replace(connections=most)
    config = uvicorn.Config(
        app,
        http=Connection.of(patience),
        backlog=BACKLOG,
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        ssl_certfile=tls.cert if tls else None,
        ssl_keyfile=tls.key if tls else None,
    )
    server = _Server(config, on_ready, Watch(patience))
    serving = create_task(server.serve(sockets=[listening]))
    stopped = create_task(stop.wait())
    try:
        stopped.add_done_callback(lambda _task: server.leave(app))
        await serving
    finally:
        stopped.cancel()


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, that says when it is ready and watches connections."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None], watch: Watch) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._watch = watch

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def on_tick(self, counter: int) -> bool:
        if counter % _TICKS == 0:
            self._watch.look(self.server_state.connections, get_running_loop().time())
        return await super().on_tick(counter)

    def leave(self, app: Application) -> None:
        """Let requests that wait answer, take no new ones."""
        app.stop()
        self.should_exit = True
        # Whoever does not take its answer would keep the connection, and us with it.
        get_running_loop().call_later(GRACE_S + 1, self._abort_all)

    def _abort_all(self) -> None:
        for each in list(self.server_state.connections):
            if isinstance(each, Connection):
                each.transport.abort()
