"""Options that several commands share, and the refusal of what is not built yet."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from pavane.errors import DefinitionError, PavaneError, UsageError

DEFAULT_STORE = "sqlite:///pavane.db"
_STORES = ("sqlite:///", "postgresql://", "postgres://")
_LEASE_S = (1.0, 3600.0)
STYLES = ("orchestrated", "choreographed", "hybrid", "all")
_BUS_URLS = "embedded:FOLDER, kafka://HOST:PORT, amqp://HOST:PORT"
BUSES = ("embedded", "memory", "kafka", "amqp", "amqps", "nats", "redis")

PLACE_API_KEY = "pavane.api_key"
"""In the context of a command: the key to show to a server."""

PLACE_STOP_WITH_STDIN = "pavane.stop_with_stdin"
"""In the context of a command: whether it ends with its standard input."""

ALLOWED_CALLS = "PAVANE_ALLOW_CALLS_TO"
PLACE_BUS = "pavane.bus"
"""In the context of a command: the bus on which the executions are."""

F = TypeVar("F", bound=Callable[..., Any])


def refuse(what: str, remedy: str) -> UsageError:
    """The error for an option whose engine is not built yet."""
    return UsageError(f"{what} is not built yet.", remedy)


def _store(_ctx: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is None or value.startswith(_STORES) or value in {"memory:", "memory"}:
        return value
    raise UsageError(
        f"'{shown_url(value)}' is no store URL.",
        "Use sqlite:///path.db, postgresql://… or memory:.",
    )


def shown_url(url: str) -> str:
    """A URL for people and logs: without the password that may be in it."""
    return re.sub(r"(//[^/@:]*):[^/]*@", r"\1@", url)


def shown_bus(url: str) -> str:
    """The URL of a bus for people and logs: without password, and without options, which may have

    one, too.
    """
    return shown_url(url).partition("?")[0]


def _style(built: tuple[str, ...]) -> Callable[[click.Context, click.Parameter, str], str]:
    def check(_ctx: click.Context, _option: click.Parameter, value: str) -> str:
        if value not in STYLES:
            raise UsageError(f"There is no style '{value}'.", f"One of {', '.join(STYLES)}.")
        if value not in built:
            raise refuse(f"The style '{value}'", f"Use --style {' or '.join(built)}.")
        return value

    return check


def _bus(_ctx: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    scheme = (value or "embedded").split(":")[0]
    if scheme not in BUSES:
        shown = (value or "").split("?")[0].split("@")[-1]  # the rest may be secret
        raise UsageError(f"'{shown}' is no bus URL.", f"Use {_BUS_URLS} or memory:.")
    if scheme not in {"embedded", "memory", "kafka", "amqp", "amqps"}:
        raise refuse(f"The {scheme} bus", "Leave --bus out: orchestrated services need none.")
    return value


def _place_bus(ctx: click.Context, option: click.Parameter, value: str | None) -> None:
    """Where the executions are that nobody conducts; `places` looks it up."""
    if value is not None:
        ctx.meta[PLACE_BUS] = _seen_bus(ctx, option, value)


def _api_key(ctx: click.Context, option: click.Parameter, value: str | None) -> None:
    """The key to show to a server, from a file or the environment; `places` looks it up."""
    if value is None:
        return
    if value.startswith("@"):
        try:
            value = Path(value[1:]).read_text("utf-8")
        except (OSError, ValueError) as error:
            raise UsageError(f"'{value[1:]}' cannot be read: {error}.", "Check it.") from error
    elif ctx.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE:
        raise UsageError(
            "A key in the command itself is seen by everybody who lists this machine's processes.",
            "Use --api-key @FILE, or set PAVANE_API_KEY.",
        )
    ctx.meta[PLACE_API_KEY] = value.strip()


def _server(_ctx: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.startswith(("http://", "https://")):
        raise UsageError(f"'{value}' is no server URL.", "Use http://127.0.0.1:8080, for example.")
    return value.rstrip("/") if value else None


def store_option(*, default: str | None = DEFAULT_STORE) -> Callable[[F], F]:
    """`--store URL`."""
    return click.option(
        "--store",
        "store_url",
        metavar="URL",
        default=default,
        show_default=default is not None,
        callback=_store,
        help="sqlite:///path.db, postgresql://USER@HOST:PORT/DATABASE, or memory: for one that "
        "ends with the process.",
    )


def style_option(
    built: tuple[str, ...] = ("orchestrated",), *, everything: bool = False
) -> Callable[[F], F]:
    """`--style`; with `everything` also `all`, for every style in turn."""
    known = (*built, "all") if everything else built
    return click.option(
        "--style",
        metavar="STYLE",
        default="orchestrated",
        show_default=True,
        callback=_style(known),
        help=f"How the services work together: {', '.join(known)}.",
    )


def bus_option(function: F) -> F:
    """`--bus URL` of a process that would be on it."""
    return click.option(
        "--bus",
        metavar="URL",
        default=None,
        callback=_bus,
        help=f"{_BUS_URLS} or memory:; orchestrated services do not use it.",
    )(function)


def _seen_bus(ctx: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value is not None and value.split(":")[0] == "memory":
        raise UsageError("A bus in memory is another process's own.", f"Use {_BUS_URLS}.")
    return _bus(ctx, option, value)


def seen_bus_option(function: F) -> F:
    """`--bus URL` of a process that shows what others do on it."""
    return click.option(
        "--bus",
        metavar="URL",
        default=None,
        callback=_seen_bus,
        help=f"{_BUS_URLS}: the choreographed executions on this bus as well.",
    )(function)


def port_option(default: int | None) -> Callable[[F], F]:
    """`--port`; 0 takes any that is free."""
    return click.option(
        "--port",
        type=click.IntRange(0, 65535),
        default=default,
        show_default=default is not None,
        help="Port to answer REST on; 0 takes any that is free.",
    )


def _seconds(_ctx: click.Context, option: click.Parameter, value: str | None) -> float | None:
    from pavane.language.durations import parse_duration

    if value is None:
        return None
    try:
        return parse_duration(value)
    except DefinitionError as error:
        raise UsageError(f"{option.opts[0]}: {error.message}", error.remedy) from error


def take_over_option(function: F) -> F:
    """`--take-over-after` of a process that dances: for how long it may be silent itself.

    In the environment it must not be what `pavane server --lease` is, which is about others.
    """
    return click.option(
        "--take-over-after",
        "--lease",
        "lease_s",
        metavar="DURATION",
        default="5s",
        show_default=True,
        callback=_seconds,
        help="Of choreographed services: one whose process gives no sign of life for so long is "
        "taken over by a process that stands by; 0s: never. Not the --lease of a server.",
    )(function)


def retention_option(function: F) -> F:
    """`--retention DURATION`, in seconds."""
    return click.option(
        "--retention",
        "retention_s",
        metavar="DURATION",
        default="14d",
        show_default=True,
        callback=_seconds,
        help="How long choreographed services remember what is over, and ledgers results of tasks; "
        "0s: for ever.",
    )(function)


def forget_after_option(function: F) -> F:
    """`--forget-after DURATION` of a process with an engine, in seconds."""
    return click.option(
        "--forget-after",
        "forget_after_s",
        metavar="DURATION",
        default="0s",
        show_default=True,
        callback=_seconds,
        help="Forget executions so long after they have ended, with all that belongs to them; "
        "0s: keep all.",
    )(function)


def host_option(function: F) -> F:
    """`--host`."""
    return click.option(
        "--host",
        default="127.0.0.1",
        show_default=True,
        help="Address to listen on; beyond this machine every request needs a key.",
    )(function)


def _stop_with_stdin(ctx: click.Context, _option: click.Parameter, value: bool) -> None:
    ctx.meta[PLACE_STOP_WITH_STDIN] = value


def stop_with_stdin_option(function: F) -> F:
    """`--stop-with-stdin`; `stop_event` looks it up."""
    return click.option(
        "--stop-with-stdin",
        is_flag=True,
        callback=_stop_with_stdin,
        expose_value=False,
        help="Stop, as for SIGTERM, when standard input ends: with whoever holds its other end.",
    )(function)


def _calls(_ctx: click.Context, _option: click.Parameter, value: tuple[str, ...]) -> None:
    """Wherever this process calls from, it looks there; what cannot be is refused there too."""
    if value:
        os.environ[ALLOWED_CALLS] = " ".join(value)


def calls_option(function: F) -> F:
    """`--allow-calls-to`."""
    return click.option(
        "--allow-calls-to",
        metavar="CIDR|HOST",
        multiple=True,
        callback=_calls,
        expose_value=False,
        help="Let services with a url and HTTP steps be there too: 127.0.0.0/8, say; repeatable.",
    )(function)


def json_option(function: F) -> F:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(
        function
    )


def _lease(_ctx: click.Context, _option: click.Parameter, value: str) -> float:
    from pavane.language.durations import parse_duration

    try:
        seconds = parse_duration(value)
    except PavaneError as error:
        raise UsageError(f"--lease {value}: {error.message}", error.remedy) from error
    if not _LEASE_S[0] <= seconds <= _LEASE_S[1]:
        raise UsageError(f"A lease of {value} is too short or too long.", "Use 1s to 1h.")
    return seconds


def lease_option(function: F) -> F:
    """`--lease`."""
    return click.option(
        "--lease",
        metavar="DURATION",
        default="15s",
        show_default=True,
        callback=_lease,
        help="A worker in another process that is silent for longer loses its tasks to others.",
    )(function)


def server_option(help: str) -> Callable[[F], F]:
    """`--server URL`, and `--api-key` for it."""

    def add(function: F) -> F:
        for option in (
            click.option(
                "--api-key",
                metavar="@FILE",
                default=None,
                callback=_api_key,
                expose_value=False,
                help="A file with the key to show to the server; or set PAVANE_API_KEY.",
            ),
            click.option("--server", metavar="URL", default=None, callback=_server, help=help),
        ):
            function = option(function)
        return function

    return add


def bus_place(server_help: str) -> Callable[[F], F]:
    """`--server` and `--bus` of a command that needs no more than a bus."""

    def add(function: F) -> F:
        for option in (
            click.option(
                "--bus",
                metavar="URL",
                default="embedded:.pavane",
                show_default=True,
                callback=_seen_bus,
                help=f"{_BUS_URLS}.",
            ),
            server_option(server_help),
        ):
            function = option(function)
        return function

    return add


bus_place_options = bus_place(
    "Ask this server, for example http://127.0.0.1:8080, what is on its bus."
)


def place_options(function: F) -> F:
    """`--server`, `--store` and `--bus` of the commands that look at or act on executions."""
    for option in (
        click.option(
            "--bus",
            metavar="URL",
            default=None,
            callback=_place_bus,
            expose_value=False,
            help=f"{_BUS_URLS}: the choreographed executions on this bus, instead of the store.",
        ),
        store_option(),
        server_option("Ask this server, for example http://127.0.0.1:8080, instead of the store."),
    ):
        function = option(function)
    return function
